//! The steps of rules that are about exports, imports and fences. No IO of its own.

use super::run::{Archive, Asker, Run, Stop, Trouble, check_made, join, names, parsed, show, time};
use super::script::Step;
use kompox_model::port::{Call, DiskExport, DiskImport, DiskStreams, ExportOf, VolumeFences};
use kompox_model::{Holder, VolumeName, VolumeState};

impl Run<'_> {
    fn streams(&self) -> Result<&dyn DiskStreams, Stop> {
        self.subject.streams().ok_or_else(|| Stop::Skipped("this driver has no archives of disks".to_owned()))
    }

    fn fences(&self) -> Result<&dyn VolumeFences, Stop> {
        self.subject.fences().ok_or_else(|| Stop::Skipped("this driver has no fences".to_owned()))
    }

    pub(super) async fn export(
        &mut self,
        step: &Step<'_>,
        asker: &Asker,
        call: &Call<'_>,
    ) -> Result<String, Trouble> {
        let volume: VolumeName = parsed(step.names[0])?;
        let of = match step.action {
            "export" => ExportOf::Disk(parsed(step.names[1])?),
            _ => ExportOf::Snapshot(parsed(step.names[1])?),
        };
        let exported_at = time(step, self.made)?;
        let options = DiskExport { of, at_rest: step.has("at-rest"), exported_at, resume: None };
        let mut bytes = Vec::new();
        let done = self.streams()?.export(call, asker.scope(), &volume, &options, &mut bytes, &|_, _| {});
        let manifest = done.await?.manifest;
        self.archives.insert(step.names[2].to_owned(), Archive { bytes, manifest });
        Ok("ok".to_owned())
    }

    pub(super) async fn import(
        &mut self,
        step: &Step<'_>,
        asker: &Asker,
        call: &Call<'_>,
    ) -> Result<String, Trouble> {
        let (volume, _) = names(step)?;
        let create = self.options(step)?;
        let kept = step.names[2];
        let archive = self.archives.get(kept).ok_or_else(|| Stop::Failed(format!("no archive {kept}")))?;
        let mut bytes = archive.bytes.clone();
        if step.has("cut") {
            bytes.truncate(bytes.len() - bytes.len() / 3);
        }
        if step.has("broken") {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x20;
        }
        let options = DiskImport {
            name: create.name.clone(),
            size: create.size,
            source: create.source.clone(),
            created_at: create.created_at,
            if_not_exists: create.if_not_exists,
            manifest: step.has("this-one").then(|| archive.manifest.clone()),
        };
        let mut reader = bytes.as_slice();
        let done = self.streams()?.import(call, asker.scope(), &volume, &options, &mut reader).await?;
        check_made(&done, &create, asker)?;
        Ok(show(&done))
    }

    pub(super) async fn fence_operation(
        &self,
        step: &Step<'_>,
        asker: &Asker,
        call: &Call<'_>,
    ) -> Result<String, Trouble> {
        let (scope, us) = (asker.scope(), self.subject.cluster().name.as_str());
        if step.action == "volumes" {
            let inventory = self.subject.disks().list(call, scope).await?;
            return Ok(join(&inventory.volumes.iter().map(|found| held(found, us)).collect::<Vec<_>>()));
        }
        let volume: VolumeName = parsed(step.names[0])?;
        if step.action == "history" {
            let inventory = self.subject.disks().list(call, scope).await?;
            let found = inventory.volumes.into_iter().find(|found| found.name == volume);
            let events = found.map(|found| found.history).unwrap_or_default();
            return Ok(events.iter().map(|event| event.change.to_string()).collect::<Vec<_>>().join(", "));
        }
        let holder = Holder { cluster: asker.cluster.name.clone(), uid: asker.uid.clone() };
        let at = time(step, self.made)?;
        let fences = self.fences()?;
        let state = if step.action == "give" {
            let to = Holder { cluster: parsed(step.names[1])?, uid: step.names[2].to_owned() };
            fences.set_holder(call, scope, &volume, &holder, &to, at).await?
        } else {
            fences.fence(call, scope, &volume, &holder, step.action == "fence", at).await?
        };
        let listed = self.subject.disks().list(call, scope).await?;
        if !listed.volumes.contains(&state) {
            let why = format!("the list says {:?}, the answer {state:?}", listed.volumes);
            return Err(Stop::Failed(why).into());
        }
        if let Some(gap) = listed.gaps.first() {
            let why = format!("a place could not be looked into: {}", gap.message);
            return Err(Stop::Failed(why).into());
        }
        Ok(held(&state, us))
    }
}

fn held(state: &VolumeState, us: &str) -> String {
    let fenced = if state.fenced { "#" } else { "" };
    let holder = state.holder.cluster.as_str();
    format!("{}@{}{fenced}", state.name, if holder == us { "us" } else { holder })
}
