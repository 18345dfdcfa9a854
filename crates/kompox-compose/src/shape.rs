//! The form of every key: what may stand there, and how it is written in full. Pure data.
//!
//! The tables follow the Compose Specification's own schema. Reading holds what has no type of its own against them,
//! and the normalised project is printed by them.

mod resource;
mod service;

pub(crate) use resource::{CONFIG, NETWORK, SECRET, TOP_LEVEL, VOLUME};
pub(crate) use service::{DEPLOY, HOOK_KEYS, MOUNT, RESERVATIONS, SERVICE, SERVICE_NETWORK};

/// The keys of a mapping.
pub(crate) type Keys = &'static [(&'static str, Shape)];

/// What may stand in one place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// Text.
    Text,
    /// Text or a number, printed as text.
    Scalar,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A boolean; false is the same as nothing.
    Flag,
    /// A boolean of which false is not the same as nothing.
    Choice,
    /// A boolean, or a word that may say more.
    FlagOrText,
    /// A whole number; 0 is the same as nothing.
    Int,
    /// A whole number of which 0 is not the same as nothing.
    Count,
    /// A whole number between two others.
    Within(i64, i64),
    /// A boolean that is not text.
    Boolean,
    /// A number.
    Number,
    /// An amount of bytes.
    Bytes,
    /// A duration.
    Duration,
    /// A duration of which 0 is the same as nothing.
    Time,
    /// A list of text.
    Texts,
    /// A list of text and numbers, printed as text.
    Scalars,
    /// One text or a list of text, printed as a list.
    TextOrTexts,
    /// A mapping of plain values or a list of `KEY=VALUE`, printed as a mapping; a key alone is empty.
    Pairs,
    /// The same, where a key alone takes its value from the project's environment.
    Environment,
    /// The same, where a key alone stays without a value.
    Variables,
    /// A mapping of text and numbers, printed as text.
    Options,
    /// The same, where a key may be without a value.
    Settings,
    /// A program with its arguments, as text or as a list.
    Command,
    /// A path of the project.
    Path,
    /// A path of the project, or something that is not on this machine.
    Context,
    /// Keys for a build, with or without a path.
    Ssh,
    /// Contexts with names.
    Contexts,
    /// Names with addresses.
    Hosts,
    /// A number, or a soft and a hard one.
    Limit,
    /// A list.
    List(&'static Self),
    /// A mapping with these keys and extensions; the second list are those it must have.
    Map(Keys, &'static [&'static str]),
    /// Text, or a mapping in which that text would be this key.
    Short(&'static str, Keys),
    /// A mapping whose keys are names.
    Each(&'static Self),
    /// A list of names, or a mapping by name.
    Names(&'static Self),
    /// A mapping of text or lists of text, printed as lists.
    Strings,
    /// A request for devices: as many as there are unless it says which or how many.
    DeviceRequest(Keys, &'static [&'static str]),
    /// `all`, or a list of these.
    AllOr(&'static Self),
    /// References to configs or secrets; the text is the folder of those that name no target. Without one they are
    /// those of a build.
    References(Option<&'static str>),
    /// The test of a health check.
    Test,
    /// What is read into a type of its own, and printed from that.
    Typed,
}

/// The shape of a key.
pub(crate) fn of(keys: Keys, key: &str) -> Option<Shape> {
    keys.iter().find(|(known, _)| *known == key).map(|(_, shape)| *shape)
}

/// The names of a table, for what is known in a place.
pub(crate) const fn names<const N: usize>(keys: Keys) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = keys[at].0;
        at += 1;
    }
    names
}
