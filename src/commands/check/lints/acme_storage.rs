//! Certificates that are lost with the container: the CA's limits are reached after a few.

use super::{Context, socket};
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let Some((_, proxy)) = world.proxy().filter(|_| world.known) else { return };
    for (name, resolver) in &world.install.certificates_resolvers {
        let Some(acme) = &resolver.acme else { continue };
        let path = match acme.storage.as_str() {
            path if path.starts_with('/') => path.to_owned(),
            path => format!("/{path}"),
        };
        let mount = proxy.mounts.iter().find(|mount| socket::covers(&mount.target, &path));
        let flag = format!("--certificatesresolvers.{name}.acme.storage");
        let at = proxy
            .command
            .iter()
            .find(|(word, _)| word.to_ascii_lowercase().starts_with(&flag.to_ascii_lowercase()))
            .map_or(proxy.at, |(_, at)| *at);
        let (message, at) = match mount {
            Some(mount) if mount.kind == "tmpfs" => {
                (format!("{path} of resolver {name:?} is in memory"), mount.at)
            }
            Some(mount) if mount.read_only => {
                (format!("{path} of resolver {name:?} cannot be written"), mount.at)
            }
            Some(_) => continue,
            None => (format!("{path} of resolver {name:?} is in no volume"), at),
        };
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let message = format!("{message}: its certificates are lost with each new container");
        notes.push(Note::warning("acme-storage", Some(at), message).expected(match folder {
            "" => "storage=/data/acme.json and a volume on /data".to_owned(),
            folder => format!("a volume on {folder}"),
        }));
    }
}
