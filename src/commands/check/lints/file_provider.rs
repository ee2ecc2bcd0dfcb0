//! A file of routes that the proxy will not read, because it has no file provider.

use super::Context;
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let files = &world.files;
    let empty =
        files.routers.is_empty() && files.services.is_empty() && files.middlewares.is_empty();
    if !world.known || empty || world.install.providers.file.is_some() {
        return;
    }
    let origin = files
        .routers
        .values()
        .map(|router| &router.origin)
        .chain(files.services.values().map(|service| &service.origin))
        .chain(files.middlewares.values().map(|middleware| &middleware.origin))
        .next();
    let at = origin.and_then(|origin| context.spot(origin));
    let message = format!(
        "the install configuration ({}) has no file provider, so the proxy does not read this file",
        world.from
    );
    notes.push(
        Note::error("no-provider", at, message)
            .expected("providers.file.filename or providers.file.directory"),
    );
}
