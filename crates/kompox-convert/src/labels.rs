//! Compose labels and annotations as one annotation of the Deployment. Pure.

use crate::unit::Unit;
use kompox_compose::{Diagnostic, Diagnostics};
use std::collections::BTreeMap;

/// The most that all annotations of an object may hold; the rest is for the other ones.
const LIMIT: usize = 240 << 10;

/// The annotation's value: JSON by compose service; none without labels.
pub(crate) fn compose_labels(units: &[Unit<'_>], diagnostics: &mut Diagnostics) -> Option<String> {
    let mut all: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for unit in units {
        for (key, value) in unit.service.labels.iter().chain(&unit.service.annotations) {
            all.entry(unit.name()).or_default().insert(key, &value.value);
        }
    }
    let traefik = |key: &&String| key.starts_with("traefik.");
    let first = units.iter().find_map(|unit| {
        let key = unit.service.labels.keys().find(traefik)?;
        Some(unit.service.labels[key].span)
    });
    if let Some(span) = first {
        let message = "labels for Traefik have no effect: hosts come from `ports` and `app.ingress`";
        diagnostics.push(
            Diagnostic::note("convert.traefik-labels", message)
                .at(span)
                .help("write the host under `app.ingress`, as `http_PORT: HOST`"),
        );
    }
    if all.is_empty() {
        return None;
    }
    let text = serde_json::to_string(&all).expect("a map of text");
    if text.len() > LIMIT {
        let message = format!("the labels of all services are larger than {LIMIT} bytes");
        let labels = units
            .iter()
            .flat_map(|unit| unit.service.labels.values().chain(unit.service.annotations.values()));
        let longest = labels.max_by_key(|label| label.value.len());
        let error = Diagnostic::error("convert.labels", message)
            .help("take out what nobody reads; this is the longest one");
        diagnostics.push(longest.into_iter().fold(error, |error, label| error.at(label.span)));
    }
    Some(text)
}
