//! Environment variables: a Secret per service, read whole. Pure.

use crate::contents::{Contents, Data, LIMIT, size};
use crate::unit::Unit;
use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, EnvVarSource, SecretEnvSource, SecretKeySelector};
use kompox_compose::{Diagnostic, Diagnostics};
use kompox_model::hash;

/// The longest value that a program can be started with on Linux, in bytes.
const VALUE_LIMIT: usize = 128 << 10;

/// Where a container gets its variables.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub(crate) env: Option<Vec<EnvVar>>,
    pub(crate) env_from: Option<Vec<EnvFromSource>>,
}

/// The environment of a service. Values read with `envFrom` are never expanded.
pub(crate) fn environment(
    unit: &Unit<'_>,
    contents: &mut Contents<'_>,
    diagnostics: &mut Diagnostics,
) -> Environment {
    let mut whole = Data::new();
    let mut single = Data::new();
    let mut env = Vec::new();
    for (name, value) in &unit.service.environment {
        if let Some(message) = refused(name, &value.value) {
            diagnostics.push(Diagnostic::error("convert.environment", message).at(value.span));
            continue;
        }
        let bytes = value.value.clone().into_bytes();
        if is_key(name) {
            whole.insert(name.clone(), bytes);
        } else {
            let key = hash::hex(name.as_bytes(), 16);
            env.push((name.clone(), key.clone()));
            single.insert(key, bytes);
        }
    }
    if size(&whole).max(size(&single)) > LIMIT {
        let message = format!("the environment of `{}` is larger than {LIMIT} bytes", unit.name());
        diagnostics.push(
            Diagnostic::error("convert.environment", message)
                .at(unit.service.key_span("environment"))
                .help("put large values into files: `configs` or `secrets`"),
        );
        return Environment::default();
    }
    if let Some(name) = unit.service.unset.first() {
        let message = format!("`{}` has no value anywhere; one that the image defines stays", name.value);
        diagnostics.push(Diagnostic::note("convert.environment-unset", message).at(name.span));
    }
    let from = |name| EnvFromSource {
        secret_ref: Some(SecretEnvSource { name, optional: None }),
        ..EnvFromSource::default()
    };
    let env_from = (!whole.is_empty()).then(|| vec![from(contents.secret("env", unit.name(), whole))]);
    let env = (!single.is_empty()).then(|| {
        let secret = contents.secret("env", unit.name(), single);
        env.into_iter().map(|(name, key)| variable(name, &secret, key)).collect()
    });
    Environment { env, env_from }
}

fn variable(name: String, secret: &str, key: String) -> EnvVar {
    let source = SecretKeySelector { name: secret.to_owned(), key, optional: None };
    let source = EnvVarSource { secret_key_ref: Some(source), ..EnvVarSource::default() };
    EnvVar { name, value: None, value_from: Some(source) }
}

/// What the API server accepts as a key of a Secret.
fn is_key(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    name.chars().all(legal) && name != "." && !name.starts_with("..") && name.len() <= 253
}

/// Why Kubernetes cannot have such a variable.
fn refused(name: &str, value: &str) -> Option<String> {
    let shown = name.escape_debug();
    if name.is_empty() {
        return Some("a variable without a name".to_owned());
    }
    if name.contains('=') || !name.chars().all(|c| matches!(c, ' '..='~')) {
        return Some(format!("`{shown}` cannot be the name of a variable: only printable ASCII without `=`"));
    }
    if value.contains('\0') {
        return Some(format!("the value of `{shown}` holds a NUL character"));
    }
    (value.len() > VALUE_LIMIT).then(|| format!("the value of `{shown}` is longer than {VALUE_LIMIT} bytes"))
}
