//! The options of a configuration type, as its decoder asks for them.

use std::cell::RefCell;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

/// An option that has no further ones below it.
#[derive(Debug)]
pub struct Leaf {
    /// `rateLimit.sourceCriterion.requestHost`.
    pub path: String,
    /// The type has no shape: whatever is written there is taken.
    pub open: bool,
}

/// All options of `T`, in order.
pub fn leaves<T: DeserializeOwned>() -> Vec<Leaf> {
    let found = RefCell::default();
    let walk = Walk { path: String::new(), found: &found };
    if let Err(error) = T::deserialize(walk) {
        panic!("a type that cannot be walked through: {error}");
    }
    found.into_inner()
}

/// Answers whatever a type asks for, and notes where it asked.
struct Walk<'a> {
    path: String,
    found: &'a RefCell<Vec<Leaf>>,
}

impl Walk<'_> {
    fn note(&self, open: bool) {
        self.found.borrow_mut().push(Leaf { path: self.path.clone(), open });
    }
}

/// A text that is a duration, too.
const TEXT: &str = "1s";

macro_rules! numbers {
    ($($method:ident $visit:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                self.note(false);
                visitor.$visit(1)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Walk<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(true);
        visitor.visit_borrowed_str(TEXT)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(false);
        visitor.visit_bool(true)
    }

    numbers! {
        deserialize_i8 visit_i8 deserialize_i16 visit_i16
        deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16
        deserialize_u32 visit_u32 deserialize_u64 visit_u64
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(false);
        visitor.visit_f64(1.0)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(false);
        visitor.visit_borrowed_str(TEXT)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(One(Some(self)))
    }

    // The keys of a map are the users' own.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(false);
        visitor.visit_map(Fields { walk: self, left: &[], now: "" })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Fields { walk: self, left: fields, now: "" })
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
        ignored_any
    }
}

/// A list of one element.
struct One<'a>(Option<Walk<'a>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        self.0.take().map(|walk| seed.deserialize(walk)).transpose()
    }
}

/// All fields of a struct, one after the other.
struct Fields<'a> {
    walk: Walk<'a>,
    left: &'static [&'static str],
    now: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some((first, rest)) = self.left.split_first() else { return Ok(None) };
        (self.now, self.left) = (first, rest);
        let key: StrDeserializer<'_, Error> = self.now.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let dot = if self.walk.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{}", self.walk.path, self.now);
        seed.deserialize(Walk { path, found: self.walk.found })
    }
}
