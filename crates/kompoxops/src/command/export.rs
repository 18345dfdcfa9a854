//! `disk export`, `snapshot export`: an archive of a disk or snapshot, as a file or on standard output. IO: that file.

use super::archive::{Arriving, Kept};
use super::stream::{Meter, joined, pair, size};
use super::watched::Watched;
use crate::arguments::ArchivePath;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Session, Use};
use kompox_engine::app::one_line;
use kompox_engine::disk::{self, ExportOptions, Exportee};
use kompox_model::VolumeName;
use kompox_model::port::DiskExported;
use kompox_node_protocol::ExportTrailer;
use serde::Serialize;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use tokio_util::compat::TokioAsyncWriteCompatExt;

/// Answer of an export to a file.
#[derive(Serialize)]
struct Answer {
    file: PathBuf,
    /// Length of the file.
    file_bytes: u64,
    /// Entries of the tree in it.
    entries: u64,
    /// Bytes of data of the files in it.
    bytes: u64,
    /// Of the archive before compression, as its trailer has it.
    sha256: String,
}

/// Writes `of` to `to`.
pub(super) fn run(
    session: &Session<'_>,
    module: &str,
    to: &ArchivePath,
    volume: Option<VolumeName>,
    of: Exportee,
) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let mut options = ExportOptions { volume, of, resume: None, now: jiff::Timestamp::now() };
    let path = match to {
        ArchivePath::File(path) => path,
        ArchivePath::Stream if io::stdout().is_terminal() => {
            return Err(Failure::Usage {
                message: "an archive is nothing for a terminal".to_owned(),
                hint: "name a file, or lead standard output into one".to_owned(),
            });
        }
        ArchivePath::Stream => {
            session.on_cluster(&opened, module, Use::Transfer, async |connected| {
                let mut stdout = Watched::new(tokio::io::stdout().compat_write(), |_| {});
                let meter = Meter::new(session.screen);
                let scope = connected.app()?;
                let progress = |done, total| meter.at(done, total);
                let exported =
                    disk::export(&scope, &options, &mut stdout, &progress, &session::holder()).await;
                match stdout.failed.take() {
                    Some(error) => Err(Failure::Output(error)),
                    None => {
                        left_out(session, &exported?);
                        Ok(())
                    }
                }
            })?;
            return Ok(());
        }
    };
    let arriving = Arriving::begin(path)?;
    let volume = options.volume.as_ref().map(VolumeName::as_str);
    arriving.refuse_other(volume, &options.of, opened.app()?.name.as_str())?;
    match &arriving.kept {
        Kept::Whole(_) => session.screen.note("all of it had arrived already"),
        kept => {
            if let Kept::Part(resume) = kept {
                let bytes = resume.frames.iter().map(|length| u64::from(*length)).sum();
                session.screen.note(&format!("goes on after {} that had arrived", size(bytes)));
                options.resume = Some(resume.clone());
            }
            session.on_cluster(&opened, module, Use::Transfer, async |connected| {
                let (mut far, near) = pair()?;
                let mut file = arriving.writer()?;
                let writing = tokio::task::spawn_blocking(move || io::copy(&mut far, &mut file));
                let mut near = Watched::new(near, |_| {});
                let meter = Meter::new(session.screen);
                let scope = connected.app()?;
                let progress = |done, total| meter.at(done, total);
                let exported = disk::export(&scope, &options, &mut near, &progress, &session::holder()).await;
                // The thread ends when nothing more can come.
                drop(near);
                if let Err(error) = joined(writing).await? {
                    return Err(arriving.failed(error));
                }
                left_out(session, &exported?);
                Ok(())
            })?;
        }
    }
    let (ExportTrailer { entries, bytes, sha256, .. }, file_bytes) = arriving.finish()?;
    output::print(&Answer { file: path.clone(), file_bytes, entries, bytes, sha256 }, session.global.output)
}

/// Says what is not in the archive.
fn left_out(session: &Session<'_>, exported: &DiskExported) {
    if exported.left_out > 0 {
        let first = exported.first_left_out.join(", ");
        let more = if exported.left_out > exported.first_left_out.len() as u64 { ", ..." } else { "" };
        let text = format!("{} sockets left out: {first}{more}", exported.left_out);
        session.screen.warning(&one_line(&text));
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["FILE", "LENGTH", "ENTRIES", "DATA"]);
        let file = self.file.display().to_string();
        table.row([file, size(self.file_bytes), self.entries.to_string(), size(self.bytes)]);
        table.text()
    }

    fn names(&self) -> Vec<String> {
        vec![self.file.display().to_string()]
    }
}
