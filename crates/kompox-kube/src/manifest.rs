//! Namespaces and manifests for callers that work without the engine, such as tests and add-ons. IO: the network.

use crate::client::Client;
use crate::kind::Kind;
use crate::request::Limits;
use kompox_model::label::MANAGER;
use kompox_model::port::{ApplyOptions, Call, ErrorKind, PortError};
use kompox_model::{Gvk, Object, ObjectRef};
use kube::api::Preconditions;
use serde_json::{Value, json};

/// How manifests are applied.
#[derive(Debug, Clone)]
pub struct ManifestOptions {
    /// Namespace for namespaced objects that name none; objects that live in no Namespace stay as they are (KUB-13).
    pub default_namespace: Option<String>,
    /// Who owns the applied fields; `kompox` unless set (KUB-14).
    pub field_manager: String,
    /// Take fields over from other managers instead of failing with a Conflict that lists them (KUB-15).
    pub force_conflicts: bool,
}

impl Default for ManifestOptions {
    fn default() -> Self {
        Self { default_namespace: None, field_manager: MANAGER.to_owned(), force_conflicts: false }
    }
}

impl Client {
    /// Creates a Namespace unless it exists (KUB-09). Idempotent.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn create_namespace(&self, call: &Call<'_>, name: &str) -> Result<(), PortError> {
        let reference = ObjectRef::new(Gvk::core("Namespace"), None, name);
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        match self.write_new(&Limits::of(call), &Object { reference, body }).await {
            Err(error) if error.kind != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Deletes a Namespace if it exists (KUB-10), without waiting for its end. Idempotent.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn delete_namespace(&self, call: &Call<'_>, name: &str) -> Result<(), PortError> {
        let reference = ObjectRef::new(Gvk::core("Namespace"), None, name);
        match self.remove(&Limits::of(call), &reference, Preconditions::default()).await {
            // A Namespace that is being deleted already is refused as a conflict.
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Applies every document of a YAML text in its order (KUB-11); empty ones are skipped, a `List` is taken apart.
    /// Nothing is sent unless all documents are objects of kinds that can be placed.
    ///
    /// # Errors
    /// Invalid for text that is no YAML or no object; those of the requests.
    pub async fn apply_yaml(
        &self,
        call: &Call<'_>,
        text: &str,
        options: &ManifestOptions,
    ) -> Result<Vec<Value>, PortError> {
        let site = self.site("apply", "manifest");
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
            let place = error
                .location()
                .map_or_else(String::new, |at| format!(" in line {}, column {}", at.line(), at.column()));
            site.error(ErrorKind::Invalid).detail(format!("the manifest is no YAML{place}"))
        })?;
        self.apply_objects(call, documents, options).await
    }

    /// Applies objects, such as typed ones turned into JSON, in their order (KUB-12).
    ///
    /// # Errors
    /// Invalid for what is no object of a kind that can be placed, before anything is sent; those of the requests.
    pub async fn apply_objects(
        &self,
        call: &Call<'_>,
        bodies: Vec<Value>,
        options: &ManifestOptions,
    ) -> Result<Vec<Value>, PortError> {
        let site = self.site("apply", "manifest");
        let mut objects = Vec::new();
        for body in bodies.into_iter().flat_map(unlist).filter(|body| !body.is_null()) {
            let object = Object::from_body(body)
                .map_err(|error| site.error(ErrorKind::Invalid).detail(error.to_string()))?;
            let object = self.with_namespace(object, options)?;
            self.place("apply", &object.reference)?;
            objects.push(object);
        }
        let how = ApplyOptions { dry_run: false, force: options.force_conflicts };
        let mut applied = Vec::new();
        for object in &objects {
            applied.push(self.write(&Limits::of(call), object, &options.field_manager, how).await?);
        }
        Ok(applied)
    }

    fn with_namespace(&self, mut object: Object, options: &ManifestOptions) -> Result<Object, PortError> {
        let kind = Kind::find(&object.reference.gvk)
            .map_err(|error| self.site("apply", &object.reference).kind(&error))?;
        if let Some(namespace) = &options.default_namespace
            && kind.namespaced
            && object.reference.namespace.is_none()
        {
            object.body["metadata"]["namespace"] = json!(namespace);
            object.reference.namespace = Some(namespace.clone());
        }
        Ok(object)
    }
}

/// The objects of a `List`, or the object itself.
fn unlist(mut body: Value) -> Vec<Value> {
    if body["kind"] == "List"
        && let Some(items) = body.get_mut("items").and_then(Value::as_array_mut)
    {
        return std::mem::take(items);
    }
    vec![body]
}
