//! The one serde deserializer over the keyed tree (Traefik's rules: install configuration,
//! decoding, common to flags, variables, files and labels).

mod access;

use std::cell::Cell;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use self::access::{Children, Elements, Known, Pieces, visit_any_scalar};
use super::error::DecodeError;
use super::text::quote;
use super::tree::{Id, Shape, Tree};

/// What the model asked a node for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// True or false.
    Bool,
    /// A number or a text.
    Scalar,
    /// A list.
    List,
    /// A struct or a map.
    Group,
    /// Whatever is there: the model has no shape for it.
    Any,
}

/// Notes what the model asks one node for.
pub(super) struct Probe {
    pub node: Id,
    pub asked: Cell<Option<Asked>>,
}

/// Decodes a subtree.
pub(super) fn decode<'t, T: Deserialize<'t>>(tree: &'t Tree<'t>, id: Id) -> Result<T, DecodeError> {
    let de = De { tree, id, piece: None, element: false, map_entry: false, probe: None };
    T::deserialize(de).map_err(|error| error.at(id))
}

/// Decodes a subtree and notes what the model asks a node for.
pub(super) fn probe<'t, T: Deserialize<'t>>(
    tree: &'t Tree<'t>,
    id: Id,
    probe: &Probe,
) -> Result<T, DecodeError> {
    T::deserialize(De {
        tree,
        id,
        piece: None,
        element: false,
        map_entry: false,
        probe: Some(probe),
    })
}

/// Decodes a subtree; what is wrong is cut out and decoding tried again, so that one pass over
/// the errors tells them all. An object that has any is not to be used.
pub(super) fn decode_all<T: for<'t> Deserialize<'t>>(
    tree: &mut Tree,
    id: Id,
    most: usize,
) -> Result<T, Vec<DecodeError>> {
    let mut errors: Vec<DecodeError> = Vec::new();
    loop {
        match decode::<T>(tree, id) {
            Ok(value) if errors.is_empty() => return Ok(value),
            Ok(_) => return Err(errors),
            Err(error) => {
                let node = error.node.unwrap_or(id);
                errors.push(error);
                if node == id || errors.len() >= most {
                    return Err(errors);
                }
                tree.node_mut(node).removed = true;
            }
        }
    }
}

/// The names of a struct's fields, as they stand in files.
pub(super) fn fields_of<T: for<'t> Deserialize<'t>>() -> &'static [&'static str] {
    struct Fields<'a>(&'a Cell<&'static [&'static str]>);
    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = DecodeError;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
            Err(DecodeError::value("no struct", ""))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, DecodeError> {
            self.0.set(fields);
            Err(DecodeError::value("only the names are wanted", ""))
        }
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
            ignored_any
        }
    }
    let fields = Cell::new(&[] as &'static [&'static str]);
    let _ = T::deserialize(Fields(&fields));
    fields.get()
}

#[derive(Clone, Copy)]
struct De<'t, 'p> {
    tree: &'t Tree<'t>,
    id: Id,
    /// One element of a scalar that holds a list.
    piece: Option<&'t str>,
    /// Directly within a list: blanks around a scalar are none of it, wherever the list stands
    /// (Traefik: decoding). Elsewhere files have their scalars as they are.
    element: bool,
    /// Directly below a map: may be named without saying anything more.
    map_entry: bool,
    probe: Option<&'p Probe>,
}

impl<'t> De<'t, '_> {
    fn note(&self, asked: Asked) {
        if let Some(probe) =
            self.probe.filter(|probe| probe.node == self.id && self.piece.is_none())
        {
            probe.asked.set(Some(asked));
        }
    }

    /// The node's scalar; a node that is a list or has keys below it has none.
    fn scalar(&self, expected: &str) -> Result<&'t str, DecodeError> {
        self.note(Asked::Scalar);
        self.raw_scalar(expected)
    }

    fn raw_scalar(&self, expected: &str) -> Result<&'t str, DecodeError> {
        if let Some(piece) = self.piece {
            return Ok(piece);
        }
        let node = self.tree.node(self.id);
        let found = match node.shape {
            Shape::List => "a list",
            Shape::Map => "a map",
            Shape::Open if self.tree.has_children(self.id) => "keys below it",
            Shape::Open => match node.scalars.last() {
                Some(scalar) if self.element => return Ok(scalar.text.trim()),
                Some(scalar) => return Ok(&scalar.text),
                None => "no value",
            },
        };
        Err(DecodeError::value(format!("{found} where one value belongs"), expected).at(self.id))
    }

    /// Why a scalar cannot stand for a group of keys; `None` if it does not have to.
    fn check_group(&self, what: impl Fn() -> String) -> Result<(), DecodeError> {
        self.note(Asked::Group);
        let node = self.tree.node(self.id);
        let text = match (self.piece, node.shape, node.scalars.last()) {
            (Some(piece), ..) => piece,
            (None, Shape::List, _) => {
                return Err(DecodeError::value("a list where keys belong", "keys").at(self.id));
            }
            (None, _, Some(scalar)) => &scalar.text,
            (None, _, None) => return Ok(()),
        };
        // `--entryPoints.web` and `...routers.r=true` make an empty entry.
        if self.map_entry
            && self.piece.is_none()
            && (text.is_empty() || text.eq_ignore_ascii_case("true"))
        {
            return Ok(());
        }
        let name = &node.name;
        Err(DecodeError::value(
            format!("{} cannot stand alone, but it is set to {}", quote(name), quote(text)),
            format!("keys below it ({})", what()),
        )
        .at(self.id))
    }

    fn integer(&self, least: i128, most: i128, expected: &str) -> Result<i128, DecodeError> {
        let text = self.scalar(expected)?;
        match text.parse::<i128>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            Ok(_) => Err(DecodeError::value(
                format!("{} is out of range", quote(text)),
                format!("a number from {least} to {most}"),
            )
            .at(self.id)),
            Err(_) => Err(DecodeError::value(format!("{} is not a number", quote(text)), expected)
                .at(self.id)),
        }
    }

    fn child(&self, id: Id, map_entry: bool) -> Self {
        De { id, piece: None, element: false, map_entry, ..*self }
    }
}

/// `strconv.ParseBool` of Go.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty;)*) => {
        $(
            fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
                let (least, most) = (i128::from(<$type>::MIN), i128::from(<$type>::MAX));
                let number = self.integer(least, most, "a whole number")?;
                let number = <$type>::try_from(number)
                    .map_err(|_| DecodeError::value("out of range", "a whole number"))?;
                visitor.$visit(number)
            }
        )*
    };
}

impl<'t> Deserializer<'t> for De<'t, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Asked::Any);
        if let Some(piece) = self.piece {
            return visitor.visit_borrowed_str(piece);
        }
        let node = self.tree.node(self.id);
        if node.shape == Shape::List {
            return visitor.visit_seq(Elements::new(self));
        }
        match node.scalars.last() {
            Some(scalar) if !self.tree.has_children(self.id) => visit_any_scalar(scalar, visitor),
            _ => visitor.visit_map(Children::new(self, None)),
        }
    }

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Asked::Bool);
        let text = self.raw_scalar("true or false")?;
        match parse_bool(text) {
            Some(value) => visitor.visit_bool(value),
            None => Err(DecodeError::value(
                format!("{} is neither true nor false", quote(text)),
                "true or false (or 1, t, T, TRUE, True, 0, f, F, FALSE, False)",
            )
            .at(self.id)),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_f64<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let text = self.scalar("a number")?;
        match text.parse::<f64>() {
            Ok(number) => visitor.visit_f64(number),
            Err(_) => {
                let error = DecodeError::value(format!("{} is not a number", quote(text)), "1.5");
                Err(error.at(self.id))
            }
        }
    }

    fn deserialize_f32<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.scalar("one value")?)
    }

    fn deserialize_string<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.note(Asked::List);
        let node = self.tree.node(self.id);
        if self.piece.is_none() {
            match node.shape {
                Shape::Map => {
                    return Err(
                        DecodeError::value("a map where a list belongs", "a list").at(self.id)
                    );
                }
                Shape::Open if !self.tree.has_children(self.id) => {}
                _ => {
                    return visitor.visit_seq(Elements::new(self));
                }
            }
        }
        let written = node.scalars.iter().map(|scalar| &*scalar.text);
        // An empty text leaves the list as it is.
        let pieces: Vec<&'t str> = self
            .piece
            .into_iter()
            .chain(written.filter(|_| self.piece.is_none()))
            .filter(|text| !text.is_empty())
            .flat_map(|text| text.split(',').map(str::trim))
            .collect();
        visitor.visit_seq(Pieces::new(self, pieces))
    }

    fn deserialize_tuple<V: Visitor<'t>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.check_group(|| "a name for each entry".into())?;
        visitor.visit_map(Children::new(self, None))
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let hidden = hidden_field(name, self.tree.source.is_file());
        self.check_group(|| fields.join(", "))?;
        visitor.visit_map(Children::new(self, Some(Known { fields, hidden })))
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <W: Visitor<'t>>
        i128 u128 bytes byte_buf unit unit_struct tuple_struct enum
    }
}

/// Labels say `server` (one, its address found by the provider) where files say `servers`.
fn hidden_field(name: &str, file: bool) -> Option<&'static str> {
    match (name, file) {
        ("LoadBalancer", true) => Some("server"),
        ("LoadBalancer", false) => Some("servers"),
        _ => None,
    }
}
