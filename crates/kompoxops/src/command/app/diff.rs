//! `app diff`.

use super::MODULE;
use crate::arguments::{DiffArguments, OutputForm};
use crate::compose;
use crate::exit::{DIFFERENCE, DONE, Failure};
use crate::output::{self, Data};
use crate::session::{Session, Use};
use kompox_engine::app::{self, Action, Difference, Differences};
use kompox_model::resource_name::UNRESOLVED;
use serde::Serialize;
use serde_json::Value;
use std::io::IsTerminal;

pub(super) fn run(session: &Session<'_>, arguments: &DiffArguments) -> Result<u8, Failure> {
    let mut opened = session.open_app()?;
    let loaded = compose::load(&mut opened, &arguments.compose, session.screen)?;
    let start_empty = arguments.start_empty.iter().cloned().collect();
    let found = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(app::diff(&connected.app()?, &loaded, &start_empty).await?)
    })?;
    session.screen.diagnostics(&found.notes, &opened.sources);
    let same = found.objects.is_empty() && found.disks.is_empty();
    if same {
        session.screen.note("nothing differs");
    }
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = std::io::stdout().is_terminal() && !plain;
    match session.global.output {
        None | Some(OutputForm::Table) => output::write(&text(&found, colour))?,
        form => output::print(&Answer::new(found), form)?,
    }
    Ok(if arguments.check && !same { DIFFERENCE } else { DONE })
}

fn text(found: &Differences, colour: bool) -> String {
    let disks = found.disks.iter().map(|disk| format!("+++ disk {disk}\n"));
    let objects = found.objects.iter().map(|object| {
        let name = object.reference.to_string();
        let yaml = |body: &Option<Value>| {
            body.as_ref().map(|body| in_words(&kompox_yaml::write(body))).unwrap_or_default()
        };
        let title = |body: &Option<Value>, where_: &str| match body {
            Some(_) => format!("{name} ({where_})"),
            None => "(nothing)".to_owned(),
        };
        let (before, after) = (title(&object.before, "cluster"), title(&object.after, "configuration"));
        output::unified((&before, &yaml(&object.before)), (&after, &yaml(&object.after)), colour)
    });
    disks.chain(objects).collect()
}

/// What stands for a disk still to be made, as a person reads it.
fn in_words(yaml: &str) -> String {
    let words = |line: &str| match line.split_once(UNRESOLVED) {
        Some((before, volume)) => format!("{before}(the disk to be made for volume {volume})\n"),
        None => format!("{line}\n"),
    };
    yaml.lines().map(words).collect()
}

/// Answer of `app diff` for programs.
#[derive(Serialize)]
struct Answer {
    /// Objects that a deploy would change.
    objects: Vec<Line>,
    /// Disks that it would create.
    disks: Vec<String>,
}

/// One object.
#[derive(Serialize)]
struct Line {
    kind: String,
    namespace: Option<String>,
    name: String,
    #[serde(flatten)]
    action: Action,
    before: Option<Value>,
    after: Option<Value>,
    /// How tables call it.
    #[serde(skip)]
    title: String,
}

impl Answer {
    fn new(found: Differences) -> Self {
        let line = |Difference { reference, action, before, after }| Line {
            title: reference.to_string(),
            kind: reference.gvk.kind,
            namespace: reference.namespace,
            name: reference.name,
            action,
            before,
            after,
        };
        Self { objects: found.objects.into_iter().map(line).collect(), disks: found.disks }
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        output::lines(&self.names())
    }

    fn names(&self) -> Vec<String> {
        self.objects.iter().map(|line| line.title.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_model::{Gvk, ObjectRef};
    use serde_json::json;

    #[test]
    fn a_disk_that_is_still_to_be_made_is_told_in_words() {
        let volume =
            json!({"spec": {"capacity": {"storage": "1Gi"}, "local": {"path": "kompox-unresolved:default"}}});
        let found = Differences {
            objects: vec![Difference {
                reference: ObjectRef::new(Gvk::core("PersistentVolume"), None, "kompox-default"),
                action: Action::Create,
                before: None,
                after: Some(volume),
            }],
            disks: vec!["default: new disk of 1Gi".to_owned()],
            notes: Default::default(),
        };
        assert_eq!(
            text(&found, false),
            "\
+++ disk default: new disk of 1Gi
--- (nothing)
+++ PersistentVolume kompox-default (configuration)
@@ -0,0 +1,5 @@
+spec:
+  capacity:
+    storage: \"1Gi\"
+  local:
+    path: (the disk to be made for volume default)
"
        );
    }
}
