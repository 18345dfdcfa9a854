//! `disk import`: a new disk of an archive, a folder, or what comes on standard input. IO: reads those.

use super::archive::{archive_failed, failed, refuse, text};
use super::disk::{dry, one};
use super::stream::{Meter, joined, pair};
use super::watched::Watched;
use crate::arguments::{ArchivePath, ImportArguments};
use crate::configuration::Opened;
use crate::ending;
use crate::exit::Failure;
use crate::session::{self, Connected, Session, Use};
use kompox_engine::disk::{self, ImportFrom, ImportOptions};
use kompox_model::quantity::Bytes;
use kompox_model::{Disk, DiskName};
use kompox_node_protocol::{EXPORT_FORMAT, ExportManifest, Identity, Kind};
use kompox_tree::folder::Folder;
use kompox_tree::{Inspected, Options, State, export, inspect};
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use tokio_util::compat::TokioAsyncReadCompatExt;

/// What is taken in.
enum Incoming {
    File { file: File, bytes: u64 },
    Directory { path: PathBuf, manifest: Box<ExportManifest> },
    Stdin,
}

pub(super) fn run(session: &Session<'_>, module: &str, arguments: ImportArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let ImportArguments { from, name, volume, size, if_not_exists, dry_run } = arguments;
    let (now, random) = (jiff::Timestamp::now(), session::random());
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let name = name.unwrap_or_else(|| DiskName::generated(seconds, random));
    let mut options = ImportOptions {
        volume,
        name: Some(name),
        size,
        from: ImportFrom::Archive,
        if_not_exists,
        dry_run,
        now,
        random,
    };
    let incoming = match &from {
        ArchivePath::Stream => Incoming::Stdin,
        ArchivePath::File(path) if path.is_dir() => {
            options.from = ImportFrom::Directory;
            let manifest = Box::new(manifest(&opened, &options)?);
            Incoming::Directory { path: path.clone(), manifest }
        }
        ArchivePath::File(path) => {
            let (file, bytes, from) = look(path)?;
            options.from = from;
            Incoming::File { file, bytes }
        }
    };
    let made = session.on_cluster(&opened, module, Use::Transfer, async |connected| {
        send(session, connected, &options, incoming).await
    })?;
    dry(session, dry_run);
    if !dry_run {
        session.screen.note(&if made.assigned {
            format!("disk {} is the assigned one; the next deploy uses it: kompoxops app deploy", made.name)
        } else {
            format!("switch the app to it: kompoxops disk attach {}", made.name)
        });
    }
    one(session, made)
}

/// Reads an archive from its beginning to its end, so that a broken one is refused before anything is made of it.
fn look(path: &Path) -> Result<(File, u64, ImportFrom), Failure> {
    let read = |source| failed("read", path, source);
    let mut file = File::open(path).map_err(read)?;
    let bytes = file.metadata().map_err(read)?.len();
    let Inspected { manifest, state, .. } = inspect(BufReader::new(&file)).map_err(archive_failed)?;
    file.rewind().map_err(read)?;
    let from = match (state, manifest) {
        (State::Complete(_), Some(manifest)) => {
            ImportFrom::Export { size: Bytes(manifest.size_bytes), manifest: text(&manifest)? }
        }
        (State::Foreign, _) => ImportFrom::Archive,
        (State::Broken(mut failure), _) => {
            failure.message = format!("{}: {}", path.display(), failure.message);
            return Err(archive_failed(failure));
        }
        (State::Cut | State::Complete(_), _) => {
            return refuse(
                ending::ARCHIVE_CUT,
                format!("{} ends too early", path.display()),
                "export it again; an export that was cut goes on under the name of its file with .partial",
            );
        }
    };
    Ok((file, bytes, from))
}

/// What the archive of a folder says of itself.
fn manifest(opened: &Opened, options: &ImportOptions) -> Result<ExportManifest, Failure> {
    let app = opened.app()?;
    let volume = match &options.volume {
        Some(name) => app.volumes.iter().find(|volume| volume.name == *name),
        None => app.volumes.first(),
    };
    let volume_name = options.volume.clone().or_else(|| volume.map(|volume| volume.name.clone()));
    let size = options.size.or_else(|| volume.map(|volume| volume.size)).unwrap_or(Bytes(1));
    let configuration = &opened.configuration;
    Ok(ExportManifest {
        format: EXPORT_FORMAT,
        identity: Identity {
            workspace: configuration.workspace.name.to_string(),
            provider: configuration.provider.name.to_string(),
            app: app.name.to_string(),
        },
        volume: volume_name.map_or_else(|| kompox_model::Volume::DEFAULT.to_owned(), |name| name.to_string()),
        disk: options.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        snapshot: None,
        source: "directory".to_owned(),
        size_bytes: size.0,
        created_at: options.now.to_string(),
        exported_at: options.now.to_string(),
        atomic: false,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

async fn send(
    session: &Session<'_>,
    connected: &Connected<'_>,
    options: &ImportOptions,
    incoming: Incoming,
) -> Result<Disk, Failure> {
    let scope = connected.app()?;
    let meter = Meter::new(session.screen);
    let holder = session::holder();
    if options.dry_run {
        return Ok(disk::import(&scope, options, &mut futures::io::empty(), &holder).await?);
    }
    match incoming {
        Incoming::Stdin => {
            let mut stdin = Watched::new(tokio::io::stdin().compat(), counting(meter, 0));
            Ok(disk::import(&scope, options, &mut stdin, &holder).await?)
        }
        Incoming::File { mut file, bytes } => {
            let (mut far, near) = pair()?;
            let reading = tokio::task::spawn_blocking(move || {
                let sent = io::copy(&mut file, &mut far);
                // Without this the other end would wait for more.
                let _ = far.shutdown(Shutdown::Write);
                sent
            });
            let mut near = Watched::new(near, counting(meter, bytes));
            let made = disk::import(&scope, options, &mut near, &holder).await;
            drop(near);
            match (joined(reading).await?, made) {
                // The other end saw an archive that was cut; this one knows why.
                (Err(source), Err(_)) if source.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Failure::System { action: "read the archive", source })
                }
                (_, made) => Ok(made?),
            }
        }
        Incoming::Directory { path, manifest } => {
            let (far, near) = pair()?;
            let reading = tokio::task::spawn_blocking(move || {
                let exported =
                    Folder::root(&path).and_then(|tree| export(&tree, &manifest, Options::default(), &far));
                // Without this the other end would wait for more.
                let _ = far.shutdown(Shutdown::Write);
                exported
            });
            let mut near = Watched::new(near, counting(meter, 0));
            let made = disk::import(&scope, options, &mut near, &holder).await;
            drop(near);
            match (joined(reading).await?, made) {
                // The other end saw an archive that was cut; this one knows why.
                (Err(failure), Err(_)) if failure.kind != Kind::Cancelled => Err(archive_failed(failure)),
                (_, made) => Ok(made?),
            }
        }
    }
}

/// Tells how much of the archive was read.
fn counting(meter: Meter, total: u64) -> impl FnMut(usize) + Unpin {
    let mut done = 0;
    move |more| {
        done += more as u64;
        meter.at(done, total);
    }
}
