//! The endings that the program itself knows, beside those of the use cases, with their stable codes. Pure.

use kompox_engine::Refusal;
use kompox_model::port::ErrorKind;

const fn row(code: &'static str, kind: ErrorKind, meaning: &'static str, remedy: &'static str) -> Refusal {
    Refusal { code, kind, meaning, remedy }
}

/// The command line lacks something.
pub(crate) const USAGE: Refusal = row(
    "command.usage",
    ErrorKind::Invalid,
    "The command line asks for something that cannot be done so.",
    "The message says what to write instead; `--help` shows everything.",
);
/// Input with errors.
pub(crate) const INVALID: Refusal = row(
    "command.invalid-input",
    ErrorKind::Invalid,
    "A file has errors; each was shown with its own code and position.",
    "Mend what was shown and repeat the command.",
);
/// A file could not be read or written.
pub(crate) const FILE: Refusal = row(
    "command.file",
    ErrorKind::Internal,
    "A file cannot be read or written; the cause decides the exit code (1, 3, 4, 5 or 6).",
    "Check the path and its permissions.",
);
/// Data could not be written to stdout.
pub(crate) const OUTPUT: Refusal = row(
    "command.output",
    ErrorKind::Internal,
    "The result cannot be written to standard output.",
    "Check where the output goes: a full disk or a closed pipe.",
);
/// Terminal, signals or runtime.
pub(crate) const SYSTEM: Refusal = row(
    "command.system",
    ErrorKind::Internal,
    "The terminal, the signal handlers or the runtime failed.",
    "The cause says what the operating system refused.",
);
/// The user said no.
pub(crate) const DECLINED: Refusal = row(
    "command.declined",
    ErrorKind::Cancelled,
    "You answered a question with no; nothing was changed.",
    "Repeat the command and answer yes, or give `--yes`.",
);
/// The configuration describes no such noun at all.
pub(crate) const NOT_CONFIGURED: Refusal = row(
    "config.nothing",
    ErrorKind::Invalid,
    "The configuration describes no app, or no cluster.",
    "Add a section `app:` or `cluster:`, or a KOM document of that kind.",
);
/// The configuration describes others.
pub(crate) const NOT_DESCRIBED: Refusal = row(
    "config.unknown",
    ErrorKind::NotFound,
    "The configuration describes no app or cluster of the name that was asked for.",
    "Choose one of those the message lists with `--app` or `--cluster`.",
);
/// `config convert` would describe something twice.
pub(crate) const CONFIG_DESCRIBED: Refusal = row(
    "config.described-already",
    ErrorKind::AlreadyExists,
    "The folder to convert into describes that noun already.",
    "Name another folder with `--to`.",
);
/// `config convert` cannot move a compose text.
pub(crate) const CONFIG_INLINE: Refusal = row(
    "config.inline-compose",
    ErrorKind::Unsupported,
    "A compose text inside the configuration has paths that would mean other files in another folder.",
    "Write the text into a file and name that in `compose`, or convert into the same folder.",
);
/// An archive is none, or cannot be used.
pub(crate) const ARCHIVE: Refusal = row(
    "archive.refused",
    ErrorKind::Invalid,
    "An archive of a disk is broken, or holds what no disk may have; the cause decides the exit code.",
    "Use another archive, or export the disk again.",
);
/// An archive ends too early.
pub(crate) const ARCHIVE_CUT: Refusal = row(
    "archive.cut",
    ErrorKind::Invalid,
    "An archive of a disk ends too early.",
    "Export the disk again; an export that was cut goes on in its file with `.partial`.",
);
/// The file is there.
pub(crate) const ARCHIVE_EXISTS: Refusal = row(
    "archive.exists",
    ErrorKind::AlreadyExists,
    "The file that an archive would be written to exists already.",
    "Name another file, or remove this one if nobody needs it.",
);
/// Another command writes it.
pub(crate) const ARCHIVE_BUSY: Refusal = row(
    "archive.busy",
    ErrorKind::Conflict,
    "Another command writes to the same file.",
    "Wait until it has ended, or name another file.",
);
/// The partial file is something else.
pub(crate) const ARCHIVE_OTHER: Refusal = row(
    "archive.other",
    ErrorKind::Conflict,
    "The file with `.partial` is no export that was cut, or one of something else.",
    "Remove it if nobody needs it, or name another file.",
);
/// `init` would overwrite a file.
pub(crate) const INIT_EXISTS: Refusal = row(
    "init.exists",
    ErrorKind::AlreadyExists,
    "The file that `init` would write exists already.",
    "Replace it with `--force`, or name another file with `--file`.",
);
/// `init` has no compose file to write about.
pub(crate) const INIT_NO_COMPOSE: Refusal = row(
    "init.no-compose",
    ErrorKind::NotFound,
    "The folder has no compose file.",
    "Write one, or name another file with `--compose`.",
);
/// `cluster kubeconfig --to` would overwrite a file.
pub(crate) const KUBECONFIG_EXISTS: Refusal = row(
    "kubeconfig.exists",
    ErrorKind::AlreadyExists,
    "The file that the kubeconfig would be written to exists already.",
    "Name another file, or add the context to this one with `--merge-into`.",
);
/// A file to merge into cannot be understood.
pub(crate) const KUBECONFIG_INVALID: Refusal = row(
    "kubeconfig.invalid",
    ErrorKind::Invalid,
    "The file to merge into is no kubeconfig that can be kept whole; it was left as it is.",
    "Repair the file, or write to another one with `--to`.",
);
/// The name is taken for something else.
pub(crate) const KUBECONFIG_FOREIGN: Refusal = row(
    "kubeconfig.foreign",
    ErrorKind::Conflict,
    "The file to merge into has a context, cluster or user of that name for another server.",
    "Choose another name with `--context`.",
);
/// Another program has its lock.
pub(crate) const KUBECONFIG_BUSY: Refusal = row(
    "kubeconfig.busy",
    ErrorKind::Conflict,
    "Another program is changing the file to merge into.",
    "Repeat the command; if nothing runs any more, remove the lock file that the message names.",
);

#[cfg(test)]
const ALL: [Refusal; 23] = [
    USAGE,
    INVALID,
    FILE,
    OUTPUT,
    SYSTEM,
    DECLINED,
    kompox_engine::refusal::INTERRUPTED,
    kompox_engine::refusal::INVALID,
    NOT_CONFIGURED,
    NOT_DESCRIBED,
    CONFIG_DESCRIBED,
    CONFIG_INLINE,
    ARCHIVE,
    ARCHIVE_CUT,
    ARCHIVE_EXISTS,
    ARCHIVE_BUSY,
    ARCHIVE_OTHER,
    INIT_EXISTS,
    INIT_NO_COMPOSE,
    KUBECONFIG_EXISTS,
    KUBECONFIG_INVALID,
    KUBECONFIG_FOREIGN,
    KUBECONFIG_BUSY,
];

#[cfg(test)]
mod tests;
