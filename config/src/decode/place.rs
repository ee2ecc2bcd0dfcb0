//! Where a node was written, and how that becomes an [`Origin`].

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use super::text::shorten;
use super::yaml_index::YamlIndex;
use crate::finding::Origin;

/// Where a node was written within its source.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// Nowhere in particular.
    Unknown,
    /// Under this whole key: a label, a flag, a variable.
    Key(Arc<str>),
    /// At this byte of a TOML file.
    Offset(usize),
    /// In a YAML file, at the path that the node has.
    Path,
    /// At this line and column of a file, both from 1.
    At { line: u32, column: u32 },
}

/// What kind of source a tree came from.
#[derive(Debug)]
pub(super) enum Source<'s> {
    /// Labels of one container or service.
    Labels { provider: Arc<str>, service: Arc<str> },
    /// The command line.
    Flags,
    /// The environment.
    Variables,
    /// A file.
    File(FileSource<'s>),
}

/// A file and what is needed to find lines in it.
#[derive(Debug)]
pub(super) struct FileSource<'s> {
    /// The path as given or found.
    pub path: Arc<str>,
    /// The whole text.
    pub text: Cow<'s, str>,
    /// Built when the first origin is asked for: most files need none.
    yaml: OnceCell<YamlIndex>,
    /// Byte offsets at which lines begin.
    lines: OnceCell<Vec<usize>>,
}

impl<'s> FileSource<'s> {
    /// Nothing is computed yet.
    pub fn new(path: Arc<str>, text: Cow<'s, str>) -> Self {
        Self { path, text, yaml: OnceCell::new(), lines: OnceCell::new() }
    }

    /// The origin of a byte.
    pub fn at_offset(&self, offset: usize) -> Origin {
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at.saturating_add(1))).collect()
        });
        let line = lines.partition_point(|start| *start <= offset);
        let start = lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .map_or(0, |before| before.chars().count())
            .saturating_add(1);
        self.at(line, column)
    }

    /// The origin of a line and column, both from 1.
    pub fn at(&self, line: usize, column: usize) -> Origin {
        Origin::File {
            file: self.path.clone(),
            line: u32::try_from(line).ok(),
            column: u32::try_from(column).ok(),
        }
    }

    fn spot(&self, line: u32, column: u32) -> Origin {
        Origin::File { file: self.path.clone(), line: Some(line), column: Some(column) }
    }

    /// The file as a whole.
    pub fn whole(&self) -> Origin {
        Origin::File { file: self.path.clone(), line: None, column: None }
    }

    fn at_path(&self, names: Vec<&str>) -> Origin {
        let index = self.yaml.get_or_init(|| YamlIndex::of(&self.text));
        match index.find(&names) {
            Some((line, column)) => self.at(line, column),
            None => self.whole(),
        }
    }
}

impl Source<'_> {
    /// The origin of a node.
    pub fn origin<'n>(&self, place: &Place, names: impl Fn() -> Vec<&'n str>) -> Origin {
        let key: Arc<str> = match place {
            // A key is shown whole unless nobody would read it.
            Place::Key(key) if key.len() > 256 => shorten(key, 256).into(),
            Place::Key(key) => key.clone(),
            _ => "".into(),
        };
        match self {
            Source::Labels { provider, service } => {
                Origin::Label { provider: provider.clone(), service: service.clone(), label: key }
            }
            Source::Flags => Origin::Flag { flag: key },
            Source::Variables => Origin::Env { variable: key },
            Source::File(file) => match place {
                Place::Offset(offset) => file.at_offset(*offset),
                Place::Path => file.at_path(names()),
                Place::At { line, column } => file.spot(*line, *column),
                _ => file.whole(),
            },
        }
    }

    /// The same source, with nothing borrowed.
    pub fn into_owned(self) -> Source<'static> {
        match self {
            Source::Labels { provider, service } => Source::Labels { provider, service },
            Source::Flags => Source::Flags,
            Source::Variables => Source::Variables,
            Source::File(file) => Source::File(FileSource {
                path: file.path,
                text: file.text.into_owned().into(),
                yaml: file.yaml,
                lines: file.lines,
            }),
        }
    }

    /// Whether the origin of a node does not already spell its path.
    pub fn origin_lacks_path(&self) -> bool {
        !matches!(self, Source::Labels { .. })
    }

    /// Whether this is a file, where lists and maps are told apart.
    pub fn is_file(&self) -> bool {
        matches!(self, Source::File(_))
    }
}
