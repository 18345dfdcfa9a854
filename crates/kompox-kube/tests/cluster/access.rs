//! Who may connect, and what a refused one is told.

use crate::bed::Bed;
use kompox_kube::{Client, Options};
use kompox_model::Gvk;
use kompox_model::port::{Cluster as _, ErrorKind, Query};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

fn secrets() -> Query {
    Query::new(Gvk::core("Secret"), Some("kube-system"))
}

#[tokio::test]
async fn facts_name_version_and_cluster() {
    let bed = Bed::new("facts").await;
    let facts = bed.client.facts(&bed.call()).await.unwrap();
    assert_eq!(facts.version, (1, 36));
    assert_eq!(facts.uid.len(), 36);
    bed.done().await;
}

#[tokio::test]
async fn a_user_without_rights_is_denied() {
    let bed = Bed::new("denied").await;
    let mut config = bed.client.config().clone();
    config.auth_info.impersonate = Some("nobody".into());
    let client = Client::from_config(config, Options::default()).await.unwrap();
    let error = client.list(&bed.call(), &secrets()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.to_string().contains("nobody") && error.hint.is_some(), "{error}");
    bed.done().await;
}

#[tokio::test]
async fn a_wrong_token_is_not_authenticated() {
    let bed = Bed::new("token").await;
    let mut config = bed.client.config().clone();
    config.auth_info.client_certificate_data = None;
    config.auth_info.client_key_data = None;
    config.auth_info.token = Some(SecretString::from("canary".to_owned()));
    let client = Client::from_config(config, Options::default()).await.unwrap();
    let error = client.list(&bed.call(), &secrets()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthenticated);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    bed.done().await;
}

#[tokio::test]
async fn a_server_with_another_authority_is_not_trusted() {
    let bed = Bed::new("authority").await;
    let mut config = bed.client.config().clone();
    config.root_cert = None;
    let client = Client::from_config(config, Options::default()).await.unwrap();
    let error = client.facts(&bed.call()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.hint.as_deref().unwrap().contains("certificate authority"), "{error:?}");
    bed.done().await;
}

#[tokio::test]
async fn the_given_back_kubeconfig_connects_again() {
    let bed = Bed::new("again").await;
    let kubeconfig = bed.client.kubeconfig().unwrap();
    let copy = SecretSlice::from(kubeconfig.expose_secret().to_vec());
    let again = Client::from_kubeconfig(&copy, Options::default()).await.unwrap();
    assert_eq!(again.facts(&bed.call()).await.unwrap(), bed.client.facts(&bed.call()).await.unwrap());
    bed.done().await;
}
