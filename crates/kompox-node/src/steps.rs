//! Making something that takes long: begun and finished with the store locked, filled without. IO.

use crate::failure::Result;
use crate::job::{Job, Whole};
use crate::store::{Place, Store};
use std::io::Read;

/// What is left to do after the store was locked for the first time.
#[derive(Debug)]
pub(crate) enum Begun<T> {
    Done(T),
    Fill(Box<Job>),
}

/// Makes something: `begin` with the store locked, the content without, `finish` with the store locked again. `stream`
/// is where content comes from that is not in the store. After a failure `give_up` gets what was begun.
pub(crate) fn in_steps<T>(
    place: Place<'_>,
    open: impl Fn(Place<'_>) -> Result<Store>,
    begin: impl Fn(&Store) -> Result<Begun<T>>,
    stream: impl Read + Send,
    finish: impl FnOnce(&Store, &Job, Result<Whole>) -> Result<T>,
    give_up: impl FnOnce(Job),
) -> Result<T> {
    let (begun, store) = place.patiently(|now| {
        let store = open(now)?;
        Ok((begin(&store)?, store))
    })?;
    let job = match begun {
        Begun::Fill(job) => job,
        Begun::Done(made) => {
            store.leave();
            return Ok(made);
        }
    };
    drop(store);
    let whole = job.run(stream);
    let made = open(place).and_then(|store| Ok((finish(&store, &job, whole)?, store)));
    match made {
        Ok((made, store)) => {
            drop(job);
            store.leave();
            Ok(made)
        }
        Err(failure) => {
            give_up(*job);
            Err(failure)
        }
    }
}
