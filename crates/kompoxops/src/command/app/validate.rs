//! `app validate`: offline.

use super::fates;
use crate::arguments::{CheckedWith, OutputForm, ValidateArguments};
use crate::compose;
use crate::configuration::Opened;
use crate::exit::{DIFFERENCE, DONE, Failure};
use crate::output::{self, Table};
use crate::session::Session;
use kompox_engine::app::{self, Explained, Nouns, explain};
use kompox_model::port::ErrorKind;
use kompox_model::{Object, ObjectRef, Volume, VolumeClass, driver};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn run(session: &Session<'_>, arguments: &ValidateArguments) -> Result<u8, Failure> {
    let mut opened = session.open_app()?;
    let loaded = compose::load(&mut opened, &arguments.compose, session.screen)?;
    let configuration = &opened.configuration;
    let nouns = Nouns {
        workspace: &configuration.workspace,
        provider: &configuration.provider,
        cluster: &configuration.cluster,
        app: opened.app()?,
    };
    let classes = classes(session, &opened)?;
    let class = |volume: &Volume| classes.as_ref().and_then(|classes| classes.get(&volume.name)).cloned();
    let class = |volume: &Volume| class(volume).unwrap_or_else(|| unreachable!("every volume was asked for"));
    let class: Option<&dyn Fn(&Volume) -> VolumeClass> = if classes.is_some() { Some(&class) } else { None };
    let (conversion, mut found) = app::validate(&nouns, class, &loaded);
    found.sort();
    let errors = session.screen.diagnostics(&found, &opened.sources);
    let explained = explain(&loaded.project, &found);
    if arguments.explain {
        fates::print(session, &opened.sources, &explained, |_| true)?;
    } else if arguments.check == Some(CheckedWith::Docker) {
        let differs = |key: &Explained| key.differs;
        fates::print(session, &opened.sources, &explained, differs)?;
        if conversion.is_some() {
            return Ok(if explained.iter().any(differs) { DIFFERENCE } else { DONE });
        }
    }
    let conversion = conversion.ok_or(Failure::Invalid { what: "the app".to_owned(), errors })?;
    if arguments.explain {
        return Ok(DONE);
    }
    let objects = conversion.resources.into_objects();
    let body = |object: &Object| if arguments.show_secrets { object.body.clone() } else { object.redacted() };
    let bodies: Vec<Value> = objects.iter().map(body).collect();
    let references: Vec<&ObjectRef> = objects.iter().map(|object| &object.reference).collect();
    output::write(&match session.global.output {
        None | Some(OutputForm::Yaml) => kompox_yaml::write_documents(&bodies),
        Some(OutputForm::Json) => {
            output::json(&json!({"apiVersion": "v1", "kind": "List", "items": bodies}))?
        }
        Some(OutputForm::Table) => table(&references),
        Some(OutputForm::Name) => {
            output::lines(&references.iter().map(ToString::to_string).collect::<Vec<_>>())
        }
    })?;
    Ok(DONE)
}

/// What the driver says of each volume; none for a known driver that is not built in, whose configuration can be
/// validated all the same.
fn classes(
    session: &Session<'_>,
    opened: &Opened,
) -> Result<Option<BTreeMap<kompox_model::VolumeName, VolumeClass>>, Failure> {
    let configuration = &opened.configuration;
    let driver = match session.drivers.create(Some(&configuration.workspace), &configuration.provider) {
        Ok(driver) => driver,
        Err(error)
            if error.kind == ErrorKind::Unsupported
                && driver::find(&configuration.provider.driver).is_some() =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let Some(disks) = driver.disks() else { return Ok(None) };
    let app = opened.app()?;
    let class =
        |volume: &Volume| Ok((volume.name.clone(), disks.class(&configuration.cluster, app, volume)?));
    app.volumes.iter().map(class).collect::<Result<_, _>>().map(Some)
}

fn table(references: &[&ObjectRef]) -> String {
    let mut table = Table::new(["KIND", "NAMESPACE", "NAME"]);
    for reference in references {
        let namespace = reference.namespace.clone().unwrap_or_default();
        table.row([reference.gvk.kind.clone(), namespace, reference.name.clone()]);
    }
    table.text()
}
