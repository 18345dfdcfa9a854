//! A project made smaller while it still shows what was found. Pure but for what the caller asks of each try.

use crate::mutate::is_yaml;
use crate::tree::{documents, places, remove};
use crate::{Project, Random, write};

/// Takes out options, files and keys, the largest first, as long as `shows` says that it is still there.
#[must_use]
pub fn reduce(project: &Project, tries: usize, mut shows: impl FnMut(&Project) -> bool) -> Project {
    let mut small = project.clone();
    let mut left = tries;
    let mut keep = |candidate: Project, small: &mut Project| {
        left = left.saturating_sub(1);
        let kept = left > 0 && shows(&candidate);
        if kept {
            *small = candidate;
        }
        kept
    };
    for path in project.files.keys() {
        let mut candidate = small.clone();
        candidate.files.remove(path);
        keep(candidate, &mut small);
    }
    for at in (0..project.request.len()).rev() {
        let mut candidate = small.clone();
        candidate.request.remove(at);
        keep(candidate, &mut small);
    }
    let yaml: Vec<_> = small.files.keys().filter(|path| is_yaml(path)).cloned().collect();
    for path in yaml {
        let Some(mut all) = documents(&String::from_utf8_lossy(&small.files[&path])) else { continue };
        for document in 0..all.len() {
            let mut at = 1;
            while let Some((steps, _)) = places(&all[document]).get(at) {
                let before = all.clone();
                remove(&mut all[document], steps);
                let mut candidate = small.clone();
                // One style for all tries, the plainest that there is.
                candidate.files.insert(path.clone(), write(&all, &mut Random::new(0)).into_bytes());
                if !keep(candidate, &mut small) {
                    all = before;
                    at += 1;
                }
            }
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_goes() {
        let mut project = Project::default();
        project
            .files
            .insert("/project/compose.yaml".to_owned(), b"a: {b: 1, c: [1, needle, 2]}\nd: 1\n".to_vec());
        project.files.insert("/project/other".to_owned(), Vec::new());
        project.request.push(("file".to_owned(), "x".to_owned()));
        let small = reduce(&project, 100, |project| project.text().contains("needle"));
        assert_eq!(small.text(), "-- compose.yaml --\na:\n  c: [needle]\n");
    }
}
