//! `tmpfs` of a service: `/path` or `/path:option,key=value`.

use kompox_yaml::{Diagnostic, Located, Node, Span};

use super::Reader;
use super::list::last_of_each;
use crate::TmpfsMount;
use crate::place::Place;

impl Reader<'_> {
    pub(super) fn tmpfs(&mut self, node: &Node, place: &Place<'_>) -> Vec<TmpfsMount> {
        let mut all = Vec::new();
        // As when files are merged: what stands before the first `=` is the same, so the last one counts.
        let start = |text: &Located<String>| text.value.split('=').next().unwrap_or_default().to_owned();
        let texts = last_of_each(self.text_or_texts(node, place), start);
        for (index, text) in texts.into_iter().enumerate() {
            let at = place.item(index);
            let (target, options) = text.value.split_once(':').unwrap_or((&text.value, ""));
            let Some(target) = self.target(target, text.span, &at) else { continue };
            let (size, mode, uid, gid, options) = (None, None, None, None, options);
            let mut mount = TmpfsMount { target, size, mode, uid, gid, options: Vec::new(), span: text.span };
            for option in options.split(',').filter(|option| !option.is_empty()) {
                if !tmpfs_option(&mut mount, option) {
                    let message = format!("{at}: `{option}` is not understood");
                    self.error(
                        Diagnostic::error("compose.volume", message)
                            .at(text.span)
                            .help("write e.g. size=64m or mode=1777"),
                    );
                }
            }
            all.push(mount);
        }
        all
    }
}

/// Takes one option of a `tmpfs` entry; false if its value is wrong.
fn tmpfs_option(mount: &mut TmpfsMount, option: &str) -> bool {
    let span = mount.span;
    let Some((key, value)) = option.split_once('=') else {
        mount.options.push(Located::new(option.to_owned(), span));
        return true;
    };
    fn set<T>(place: &mut Option<Located<T>>, value: Option<T>, span: Span) -> bool {
        *place = value.map(|value| Located::new(value, span));
        place.is_some()
    }
    match key {
        "size" => set(&mut mount.size, crate::bytes::parse(value), span),
        "mode" => {
            set(&mut mount.mode, u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o7777), span)
        }
        "uid" => set(&mut mount.uid, value.parse().ok(), span),
        "gid" => set(&mut mount.gid, value.parse().ok(), span),
        _ => {
            mount.options.push(Located::new(option.to_owned(), span));
            true
        }
    }
}
