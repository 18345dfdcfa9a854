//! The contract of a repository, as a suite that every implementation runs. No IO of its own.

use kompox_model::port::{Change, ErrorKind, Repository};
use kompox_model::quantity::Bytes;
use kompox_model::{
    App, AppAccess, AuthKind, Cluster, ClusterAuth, ClusterIngress, ComposeSource, IngressRule, Inventory,
    Noun, NounKey, Provider, Volume, Workspace,
};

/// Runs the suite. `empty` makes repositories that keep nothing and share nothing.
///
/// # Panics
/// When the repository breaks the contract.
pub async fn conformance<R: Repository>(mut empty: impl FnMut() -> R) {
    what_is_saved_is_loaded(&empty()).await;
    a_failed_save_changes_nothing(&empty()).await;
    repeating_changes_nothing(&empty()).await;
    one_name_in_two_places(&empty()).await;
    all_goes_in_the_end(&empty()).await;
}

/// Every field of every noun comes back; an app may change, and move to another cluster.
async fn what_is_saved_is_loaded(repository: &impl Repository) {
    assert_eq!(load(repository).await, Inventory::default(), "the repository was to be empty");
    let mut expected = Inventory::default();
    for noun in nouns("ops", "k3s", "shop") {
        let after = put(repository, &noun).await;
        expected.put(noun).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(after, expected, "save returns what is kept then");
        assert_eq!(load(repository).await, expected, "what was saved is loaded");
    }
    let second = cluster("ops", "k3s", "second");
    let mut moved = app("ops", "k3s", "shop", "second");
    if let Noun::App { app, .. } = &mut moved {
        app.compose = ComposeSource::Inline("services:\n  web:\n    image: nginx # one\n".to_owned());
        app.settings.insert("KEY", "a: b\n\"c\" \u{e9}");
    }
    for noun in [second, moved] {
        put(repository, &noun).await;
        expected.put(noun).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(load(repository).await, expected, "a noun is replaced");
}

/// A list of changes is made whole or not at all.
async fn a_failed_save_changes_nothing(repository: &impl Repository) {
    let nouns = nouns("ops", "k3s", "shop");
    let [workspace, provider, cluster, app] = nouns.clone();
    refused(repository, &[Change::Put(provider.clone())], ErrorKind::Conflict).await;
    refused(repository, &[Change::Remove(workspace.key())], ErrorKind::NotFound).await;
    let orphan = [Change::Put(workspace.clone()), Change::Put(provider), Change::Put(app.clone())];
    refused(repository, &orphan, ErrorKind::Conflict).await;
    let changes: Vec<_> = nouns.iter().cloned().map(Change::Put).collect();
    save(repository, &changes).await;
    refused(repository, &[Change::Remove(cluster.key())], ErrorKind::Conflict).await;
    let half = [Change::Remove(app.key()), Change::Remove(workspace.key())];
    refused(repository, &half, ErrorKind::Conflict).await;
}

/// A save that changes nothing succeeds.
async fn repeating_changes_nothing(repository: &impl Repository) {
    save(repository, &[]).await;
    let changes = nouns("ops", "k3s", "shop").map(Change::Put);
    let first = save(repository, &changes).await;
    assert_eq!(save(repository, &changes).await, first);
    let last = changes[3].key();
    let back = [Change::Remove(last), changes[3].clone()];
    assert_eq!(save(repository, &back).await, first, "removed and put again is as before");
}

/// Equal names below other parents are other nouns.
async fn one_name_in_two_places(repository: &impl Repository) {
    let mut expected = Inventory::default();
    for (workspace, provider) in [("ops", "k3s"), ("ops", "home"), ("lab", "k3s")] {
        for noun in nouns(workspace, provider, "shop") {
            put(repository, &noun).await;
            expected.put(noun).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    assert_eq!(load(repository).await, expected);
    let one = app("ops", "home", "shop", "local").key();
    let after = save(repository, &[Change::Remove(one.clone())]).await;
    expected.remove(&one).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(after, expected);
}

async fn all_goes_in_the_end(repository: &impl Repository) {
    let changes = nouns("ops", "k3s", "shop").map(Change::Put);
    save(repository, &changes).await;
    let removals: Vec<_> = changes.iter().rev().map(|change| Change::Remove(change.key())).collect();
    assert!(save(repository, &removals).await.is_empty());
    assert!(load(repository).await.is_empty());
}

async fn load(repository: &impl Repository) -> Inventory {
    repository.load().await.unwrap_or_else(|error| panic!("{error}"))
}

async fn save(repository: &impl Repository, changes: &[Change]) -> Inventory {
    repository.save(changes).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn put(repository: &impl Repository, noun: &Noun) -> Inventory {
    save(repository, &[Change::Put(noun.clone())]).await
}

async fn refused(repository: &impl Repository, changes: &[Change], kind: ErrorKind) {
    let before = load(repository).await;
    let error = repository.save(changes).await.expect_err("the save was to be refused");
    assert_eq!(error.kind, kind, "{error}");
    assert_eq!(load(repository).await, before, "a refused save changed something");
}

/// A name that is legal by being written here.
fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{error:?}"))
}

fn nouns(workspace: &str, provider: &str, shop: &str) -> [Noun; 4] {
    let key = NounKey::Workspace(name(workspace));
    [
        Noun::Workspace(Workspace { name: name(key.name()), domain: "apps.example.com".to_owned() }),
        Noun::Provider {
            workspace: name(workspace),
            provider: Provider {
                name: name(provider),
                driver: "aks".to_owned(),
                settings: [("AZURE_LOCATION", "japaneast"), ("AZURE_CLIENT_SECRET", "a#b: c")]
                    .into_iter()
                    .collect(),
            },
        },
        cluster(workspace, provider, "local"),
        app(workspace, provider, shop, "local"),
    ]
}

fn cluster(workspace: &str, provider: &str, cluster: &str) -> Noun {
    let ingress = ClusterIngress {
        namespace: "edge".to_owned(),
        class: "internal".to_owned(),
        domain: Some("apps.example.net".to_owned()),
        ..ClusterIngress::default()
    };
    let auth = ClusterAuth {
        kind: AuthKind::Kubectl,
        kubeconfig: Some("~/.kube/config".to_owned()),
        context: Some("a@b".to_owned()),
    };
    Noun::Cluster {
        workspace: name(workspace),
        provider: name(provider),
        cluster: Box::new(Cluster {
            existing: true,
            auth: Some(auth),
            ingress,
            node_image: Some("registry.example.com/node:1".to_owned()),
            settings: [("AZURE_RESOURCE_GROUP_NAME", "rg1")].into_iter().collect(),
            ..Cluster::new(name(cluster))
        }),
    }
}

fn app(workspace: &str, provider: &str, app: &str, cluster: &str) -> Noun {
    let own = Volume {
        name: name("db"),
        size: Bytes(20 << 30),
        compose: Some("pgdata".to_owned()),
        options: [("sku", "Premium_LRS")].into_iter().collect(),
    };
    let shared = Volume { size: Bytes(50 << 30), ..Volume::implicit() };
    Noun::App {
        workspace: name(workspace),
        provider: name(provider),
        cluster: name(cluster),
        app: Box::new(App {
            ingress: vec![
                IngressRule { port: 8080, host: "b.example.org".to_owned() },
                IngressRule { port: 80, host: "a.example.org".to_owned() },
            ],
            memory: Some(Bytes(1 << 30)),
            env: [("PASSWORD", "a: #b\n"), ("EMPTY", "")].into_iter().collect(),
            access: AppAccess { users: ["b: #c".to_owned(), "a".to_owned()].into(), ..AppAccess::default() },
            profiles: vec!["b".to_owned(), "a".to_owned()],
            volumes: vec![shared, own],
            ..App::new(name(app), ComposeSource::Path("compose.yml".to_owned()))
        }),
    }
}
