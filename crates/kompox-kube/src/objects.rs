//! Reading and writing objects. IO: the network.

use crate::client::Client;
use crate::kind::Kind;
use crate::request::{Failure, Limits};
use crate::translate::is_absent;
use http::Request;
use http::header::CONTENT_TYPE;
use kompox_model::label::MANAGER;
use kompox_model::port::{ApplyOptions, ClusterFacts, ErrorKind, Patch, PortError, Query};
use kompox_model::{Gvk, Object, ObjectRef};
use kube::api::{DeleteParams, GetParams, ListParams, PatchParams, Preconditions};
use serde::Deserialize;
use serde_json::Value;

/// Objects asked for at once in a list.
const PAGE: u32 = 500;

/// The part of `/version` that is used. Managed clusters add signs, such as `33+`.
#[derive(Deserialize)]
struct Version {
    major: String,
    minor: String,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    // An empty list may come as null.
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl Client {
    pub(crate) async fn read_facts(&self, limits: &Limits) -> Result<ClusterFacts, PortError> {
        let (version, uid) = futures::try_join!(self.read_version(limits), self.read_uid(limits))?;
        Ok(ClusterFacts { version, uid })
    }

    async fn read_version(&self, limits: &Limits) -> Result<(u32, u32), PortError> {
        let site = self.site("get", "version");
        let request =
            Request::get("/version").body(Vec::new()).map_err(kube::core::request::Error::BuildRequest);
        let answer = self.send(limits, &site, request).await.map_err(|failure| failure.into_port(&site))?;
        let version: Version = serde_json::from_slice(&answer.0).map_err(|error| site.garbled(error))?;
        let number = |text: &str| {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().map_err(|error: std::num::ParseIntError| site.garbled(error))
        };
        Ok((number(&version.major)?, number(&version.minor)?))
    }

    async fn read_uid(&self, limits: &Limits) -> Result<String, PortError> {
        let reference = ObjectRef::new(Gvk::core("Namespace"), None, "kube-system");
        let site = self.site("get", &reference);
        let namespace = self
            .read(limits, &reference)
            .await?
            .ok_or_else(|| site.error(ErrorKind::NotFound).detail("a cluster without kube-system"))?;
        let uid = namespace.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
        if uid.is_empty() {
            return Err(site.error(ErrorKind::Internal).detail("kube-system has no uid"));
        }
        Ok(uid.to_owned())
    }

    pub(crate) async fn read(
        &self,
        limits: &Limits,
        reference: &ObjectRef,
    ) -> Result<Option<Value>, PortError> {
        let (site, path) = self.place("get", reference)?;
        let request = path.get(&reference.name, &GetParams::default());
        match self.send(limits, &site, request).await {
            Ok(answer) => answer.json(&site).map(Some),
            Err(Failure::Status(status)) if is_absent(&status, &reference.name) => Ok(None),
            Err(failure) => Err(failure.into_port(&site)),
        }
    }

    pub(crate) async fn read_all(&self, limits: &Limits, query: &Query) -> Result<Vec<Value>, PortError> {
        let site = self.site("list", describe(query));
        let kind = Kind::find(&query.gvk).map_err(|error| site.kind(&error))?;
        let path = kind.collection(query.namespace.as_deref()).map_err(|error| site.kind(&error))?;
        let path = kube::core::Request::new(path);
        let selection = ListParams {
            label_selector: query.labels.clone(),
            field_selector: query.fields.clone(),
            ..ListParams::default()
        };
        let mut params = selection.clone().limit(PAGE);
        let mut objects = Vec::new();
        loop {
            let answer = match self.send(limits, &site, path.list(&params)).await {
                // The rest of the list has been compacted away: take it again, whole.
                Err(Failure::Status(status)) if status.code == 410 && params.continue_token.is_some() => {
                    objects.clear();
                    params = selection.clone();
                    continue;
                }
                other => other.map_err(|failure| failure.into_port(&site))?,
            };
            let page: Page = serde_json::from_slice(&answer.0).map_err(|error| site.garbled(error))?;
            objects.extend(page.items.unwrap_or_default().into_iter().map(|item| named(item, &query.gvk)));
            match page.metadata.next.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(objects),
            }
        }
    }

    pub(crate) async fn write_new(&self, limits: &Limits, object: &Object) -> Result<Value, PortError> {
        let (site, path) = self.place("create", &object.reference)?;
        // Strict: a field the server does not know is an error, not dropped in silence.
        let request =
            Request::post(format!("{}?fieldManager={MANAGER}&fieldValidation=Strict", path.url_path))
                .header(CONTENT_TYPE, "application/json")
                .body(object.body.to_string().into_bytes())
                .map_err(kube::core::request::Error::BuildRequest);
        let answer = self.send(limits, &site, request).await.map_err(|failure| failure.into_port(&site))?;
        answer.json(&site)
    }

    pub(crate) async fn write(
        &self,
        limits: &Limits,
        object: &Object,
        manager: &str,
        options: ApplyOptions,
    ) -> Result<Value, PortError> {
        let (site, path) = self.place("apply", &object.reference)?;
        let params = PatchParams {
            dry_run: options.dry_run,
            force: options.force,
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let request = path.patch(&object.reference.name, &params, &kube::api::Patch::Apply(&object.body));
        let answer = self.send(limits, &site, request).await.map_err(|failure| failure.into_port(&site))?;
        answer.json(&site)
    }

    pub(crate) async fn change(
        &self,
        limits: &Limits,
        reference: &ObjectRef,
        patch: &Patch,
    ) -> Result<Value, PortError> {
        let (site, path) = self.place("patch", reference)?;
        let (body, media_type) = match patch {
            Patch::Json(operations) => (operations, "application/json-patch+json"),
            Patch::Merge(change) => (change, "application/merge-patch+json"),
        };
        let request = Request::patch(format!("{}/{}?fieldManager={MANAGER}", path.url_path, reference.name))
            .header(CONTENT_TYPE, media_type)
            .body(body.to_string().into_bytes())
            .map_err(kube::core::request::Error::BuildRequest);
        match self.send(limits, &site, request).await {
            Ok(answer) => answer.json(&site),
            Err(Failure::Status(status)) if is_failed_test(patch, &status) => {
                let error = site.error(ErrorKind::Conflict);
                Err(error.detail("the object is not as the guarded patch expects it"))
            }
            Err(failure) => Err(failure.into_port(&site)),
        }
    }

    /// Deletes an object, only in the given uid and version if there are any. False when there was none.
    pub(crate) async fn remove(
        &self,
        limits: &Limits,
        reference: &ObjectRef,
        only: Preconditions,
    ) -> Result<bool, PortError> {
        let (site, path) = self.place("delete", reference)?;
        let params = DeleteParams::background().preconditions(only);
        match self.send(limits, &site, path.delete(&reference.name, &params)).await {
            Ok(_) => Ok(true),
            Err(Failure::Status(status)) if is_absent(&status, &reference.name) => Ok(false),
            Err(failure) => Err(failure.into_port(&site)),
        }
    }
}

/// The server refuses a JSON patch whose `test` fails like a malformed one, but does not blame a field for it.
fn is_failed_test(patch: &Patch, status: &kube::core::Status) -> bool {
    let tests = matches!(patch, Patch::Json(Value::Array(operations))
        if operations.iter().any(|operation| operation["op"] == "test"));
    let causes = status.details.as_ref().map_or(0, |details| details.causes.len());
    tests && status.code == 422 && causes == 0
}

/// What a query asks for, in words.
pub(crate) fn describe(query: &Query) -> String {
    let mut text = query.gvk.kind.clone();
    if let Some(namespace) = &query.namespace {
        text = format!("{text} in {namespace}");
    }
    for selector in [&query.labels, &query.fields].into_iter().flatten() {
        text = format!("{text}, {selector}");
    }
    text
}

/// Items of lists and watches come without apiVersion and kind; callers want whole objects.
pub(crate) fn named(mut item: Value, gvk: &Gvk) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| gvk.api_version().into());
        fields.entry("kind").or_insert_with(|| gvk.kind.as_str().into());
    }
    item
}
