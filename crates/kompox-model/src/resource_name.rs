//! Names of Kubernetes objects and hosts. Pure; all naming of objects lives here (AKN-02).

use crate::{AppIdentity, VolumeName, hash};

/// The app's Namespace: `k4x-{provider hash}-{app}-{app hash}`.
#[must_use]
pub fn namespace(identity: &AppIdentity) -> String {
    format!("k4x-{}-{}-{}", identity.provider_hash(), identity.app, identity.app_hash())
}

/// The value of label `app.kubernetes.io/instance`: `{app}-{app hash}`.
#[must_use]
pub fn instance(identity: &AppIdentity) -> String {
    format!("{}-{}", identity.app, identity.app_hash())
}

/// Name of the app's Deployment, Service, ServiceAccount and NetworkPolicy.
pub const APP: &str = "app";

/// Name of the Role, and of its RoleBinding, of those who may look into the app.
pub const VIEWER: &str = "app-viewer";

/// Name of the Ingress for all default hosts.
pub const DEFAULT_INGRESS: &str = "default";

/// Name of the Ingress of one custom host.
#[must_use]
pub fn host_ingress(host: &str) -> String {
    format!("host-{}", hash::hex(host.as_bytes(), 10))
}

/// Name of the ConfigMap in the ingress Namespace that claims a host for one app.
#[must_use]
pub fn host_claim(host: &str) -> String {
    format!("host-{}", hash::hex(host.as_bytes(), 20))
}

/// Name of a Secret or ConfigMap whose content is part of its name: `{purpose}-{key as DNS label}-{hash}`.
#[must_use]
pub fn content(purpose: &str, key: &str, bytes: &[u8]) -> String {
    format!("{purpose}-{}-{}", dns_label(key, 63 - purpose.len() - 12), hash::hex(bytes, 10))
}

/// Name of the PersistentVolume of a disk: `kompox-{volume}-{app hash}-{handle hash}`.
#[must_use]
pub fn persistent_volume(identity: &AppIdentity, volume: &VolumeName, handle: &str) -> String {
    format!("kompox-{volume}-{}-{}", identity.app_hash(), hash::short(&[handle]))
}

/// Name of the PersistentVolumeClaim of a disk: `{volume}-{handle hash}`.
#[must_use]
pub fn persistent_volume_claim(volume: &VolumeName, handle: &str) -> String {
    format!("{volume}-{}", hash::short(&[handle]))
}

/// Begins what stands for the handle of a disk that deploy has still to make; the volume follows.
pub const UNRESOLVED: &str = "kompox-unresolved:";

/// Stands for the handle of a disk that deploy has still to make.
#[must_use]
pub fn unresolved_handle(volume: &VolumeName) -> String {
    format!("{UNRESOLVED}{volume}")
}

/// Turns any text into an RFC 1123 label of at most `limit` bytes.
///
/// Upper case is lowered, other characters become `-`, and a text that is too long is cut and gets six
/// hexadecimal digits of its hash. Two texts may therefore give one label; callers refuse that.
#[must_use]
pub fn dns_label(text: &str, limit: usize) -> String {
    let mapped: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let label = mapped.trim_matches('-');
    if label.is_empty() {
        return format!("x-{}", hash::hex(text.as_bytes(), 6));
    }
    if label.len() <= limit {
        return label.to_owned();
    }
    let head = label[..limit - 7].trim_end_matches('-');
    format!("{head}-{}", hash::hex(text.as_bytes(), 6))
}

/// The default host of a published port: `{app}.{domain}` for port 80, else `{app}-{port}.{domain}`.
#[must_use]
pub fn default_host(identity: &AppIdentity, port: u16, domain: &str) -> String {
    if port == 80 {
        format!("{}.{domain}", identity.app)
    } else {
        format!("{}-{port}.{domain}", identity.app)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppName, name};
    use proptest::prelude::*;

    fn identity(app: &str) -> AppIdentity {
        format!("ops/aks1/{app}").parse().unwrap()
    }

    #[test]
    fn names_of_the_example() {
        let app = identity("my-app");
        let volume = VolumeName::new("default").unwrap();
        assert_eq!(namespace(&app), "k4x-1nedct-my-app-65qkh4");
        assert_eq!(instance(&app), "my-app-65qkh4");
        assert_eq!(default_host(&app, 80, "my-aks.ops.kompox.dev"), "my-app.my-aks.ops.kompox.dev");
        assert_eq!(default_host(&app, 8080, "my-aks.ops.kompox.dev"), "my-app-8080.my-aks.ops.kompox.dev");
        assert_eq!(unresolved_handle(&volume), "kompox-unresolved:default");
        assert_eq!(persistent_volume_claim(&volume, "h").len(), "default-".len() + 6);
    }

    #[test]
    fn the_longest_app_name_fits_everywhere() {
        let app = identity(&"a".repeat(AppName::LIMIT));
        let volume = VolumeName::new("v".repeat(VolumeName::LIMIT)).unwrap();
        for label in [
            namespace(&app),
            instance(&app),
            persistent_volume(&app, &volume, "/some/handle"),
            persistent_volume_claim(&volume, "/some/handle"),
            default_host(&app, 65535, "d").split('.').next().unwrap().to_owned(),
        ] {
            name::check_label("derived", &label, 63).unwrap();
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_label(text in "\\PC{0,90}") {
            let label = dns_label(&text, 63);
            prop_assert!(name::check_label("derived", &label, 63).is_ok(), "{} -> {}", text, label);
            prop_assert!(name::check_label("derived", &content("secret", &text, b""), 63).is_ok());
        }
    }
}
