//! The business unit that owns what a destination creates.

use serde::{Serialize, Serializer};
use std::fmt;
use uuid::Uuid;

/// The longest name of a business unit (Microsoft's table reference of `businessunit`).
const LONGEST_NAME: usize = 160;

/// A business unit as the destination names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusinessUnit {
    /// By its id.
    Id(Uuid),
    /// By its name, which Dynamics is asked about.
    Name(String),
}

impl BusinessUnit {
    /// Reads a GUID in any of its forms, or else a name; receipts tell it, so that it must not be a secret that was pasted there.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(id) = Uuid::try_parse(text) {
            return (!id.is_nil()).then_some(Self::Id(id));
        }
        let is_of_a_secret = |c: char| c.is_control() || "~{}\"".contains(c);
        let is_name = text.encode_utf16().count() <= LONGEST_NAME && !text.contains(is_of_a_secret);
        is_name.then(|| Self::Name(text.to_owned()))
    }

    /// Returns whether this is the unit of an id, as far as that can be told without asking Dynamics for a name.
    pub(super) fn may_be(&self, id: &str) -> bool {
        match self {
            Self::Id(own) => own.to_string() == id,
            Self::Name(_) => true,
        }
    }

    /// Returns whether both are names, and not the same.
    pub(super) fn is_another_name(&self, other: &str) -> bool {
        match (self, Self::parse(other)) {
            (Self::Name(own), Some(Self::Name(other))) => *own != other,
            _ => false,
        }
    }
}

impl fmt::Display for BusinessUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => write!(f, "{name:?}"),
        }
    }
}

impl Serialize for BusinessUnit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Id(id) => serializer.collect_str(id),
            Self::Name(name) => serializer.serialize_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_any_form_is_an_id_and_anything_else_is_a_name() {
        const ID: &str = "5f1c0000-0000-4000-8000-000000000001";
        let id = BusinessUnit::Id(Uuid::try_parse(ID).unwrap());
        for text in [
            ID,
            "{5F1C0000-0000-4000-8000-000000000001}",
            "5f1c0000000040008000000000000001",
        ] {
            assert_eq!(BusinessUnit::parse(text), Some(id.clone()), "{text}");
        }
        for text in [
            "Socks",
            "5f1c0000-0000-4000-8000",
            "Vertrieb & Märkte / Süd",
            &"x".repeat(160),
        ] {
            assert_eq!(BusinessUnit::parse(text), Some(BusinessUnit::Name(text.to_owned())));
        }
        let nil = Uuid::nil().to_string();
        for text in [&*nil, "a~b", "{\"a\":1}", "a\nb", &"x".repeat(161)] {
            assert_eq!(BusinessUnit::parse(text), None, "{text}");
        }
    }
}
