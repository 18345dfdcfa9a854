//! Tests of the translation, on answers as API servers give them.

use super::*;
use serde_json::{Value, json};

fn site() -> Site {
    Site {
        operation: "apply",
        target: "ConfigMap a/b".into(),
        server: "https://h:6443".into(),
        secret: false,
    }
}

fn status(value: &Value) -> Status {
    serde_json::from_value(value.clone()).unwrap()
}
