//! Moves that are refused: before anything stops, and with nothing begun.

use crate::bed::{Bed, COMPOSE};
use crate::moving::{Pair, assigned, mark, move_options, other, pods, relocate};
use crate::refused::claim;
use kompox_model::DiskState;
use kompox_provider::memory::Memory;
use serde_json::{Value, json};

#[tokio::test]
async fn what_cannot_be_moved_is_refused_before_anything_stops() {
    let pair = Pair::new(false).await;
    let from = pair.from.scope(&pair.from.client);
    let same = relocate(&from, &from, &pair.from, &move_options()).await.unwrap_err();
    assert_eq!(same.code(), "app.move.same-cluster");

    let nothing = Pair { from: Bed::new().await, to: other("c2", &Memory::named("other")).await };
    assert_eq!(nothing.run().await.unwrap_err().code(), "app.not-deployed");

    // An app of this name was deployed there by itself.
    pair.to.deploy(COMPOSE).await.unwrap();
    let occupied = pair.run().await.unwrap_err();
    assert_eq!(occupied.code(), "app.move.occupied", "{occupied}");

    let pair = Pair::new(false).await;
    pair.from.insert_disk("third", false, |disk| disk.state = DiskState::Creating);
    assert_eq!(pair.run().await.unwrap_err().code(), "disk.not-ready");
    pair.from.memory.change_disk("handle-third", |disk| disk.state = DiskState::Ready);
    pair.from.memory.change_disk("handle-third", |disk| disk.holder.cluster = "c9".parse().unwrap());
    assert_eq!(pair.run().await.unwrap_err().code(), "app.disk.held");
    assert_eq!((pods(&pair.from), pair.to.writes()), (1, Vec::new()));
}

#[tokio::test]
async fn an_app_is_not_moved_to_where_it_is() {
    let pair = Pair::new(true).await;
    let back = Pair { from: pair.to, to: pair.from };
    let refused = back.run().await.unwrap_err();
    assert_eq!(refused.code(), "app.not-deployed", "{refused}");
    assert_eq!((mark(&back.from), mark(&back.to), pods(&back.to)), (Value::Null, Value::Null, 1));
    back.to.deploy(COMPOSE).await.unwrap();
}

#[tokio::test]
async fn a_volume_without_the_one_disk_to_go_on_with_is_not_moved() {
    for shared in [false, true] {
        for (code, several) in [("app.disk.none-assigned", false), ("app.disk.several-assigned", true)] {
            let pair = Pair::new(shared).await;
            let first = assigned(&pair.from).await.handle;
            let wrong = if several { "handle-second".to_owned() } else { first };
            pair.from.memory.change_disk(&wrong, |disk| disk.assigned = several);
            let refused = pair.run().await.unwrap_err();
            assert_eq!(refused.code(), code, "shared: {shared}: {refused}");
            assert_eq!((mark(&pair.from), pair.to.writes(), pods(&pair.from)), (Value::Null, Vec::new(), 1));
        }
    }
}

#[tokio::test]
async fn what_the_target_would_refuse_stops_nothing() {
    for shared in [false, true] {
        let pair = Pair::new(shared).await;
        claim(&pair.to, "shop.c2.example.org", &json!({}));
        let refused = pair.run().await.unwrap_err();
        assert_eq!(refused.code(), "app.host.taken", "shared: {shared}: {refused}");
        assert_eq!((mark(&pair.from), mark(&pair.to), pods(&pair.from)), (Value::Null, Value::Null, 1));
        pair.from.deploy(COMPOSE).await.unwrap_or_else(|error| panic!("shared: {shared}: {error}"));
    }
}
