//! `$$` in a routing file: there nobody takes one away again.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::source::Spot;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let files = context.world.files.middlewares.values();
    for middleware in files {
        let Some(spot) = context.spot(&middleware.origin) else { continue };
        let value = &middleware.value;
        let mut users = Vec::new();
        if let Some(basic) = &value.basic_auth {
            users.extend(basic.users.iter());
        }
        if let Some(digest) = &value.digest_auth {
            users.extend(digest.users.iter());
        }
        let Some(user) = users.into_iter().find(|user| user.contains("$$")) else { continue };
        // The line with the hash, if it stands as it is.
        let text = context.sources.get(spot.file).map(|source| source.text.as_str());
        let line = text.and_then(|text| text.lines().position(|line| line.contains(user.as_str())));
        let at = line.map_or(spot, |line| Spot {
            file: spot.file,
            line: u32::try_from(line.saturating_add(1)).unwrap_or(u32::MAX),
            column: 1,
        });
        let message =
            "a $ is doubled in stack files only: here the hash is wrong, and nobody can log in";
        notes.push(
            Note::warning("dollar-doubled", Some(at), message)
                .needle("$$")
                .expected(user.replace("$$", "$")),
        );
    }
}
