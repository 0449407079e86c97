//! Many inputs in little room: enough to tell whether one is among them, and nothing else of it.

use crate::domain::Position;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// How many bytes tell an input: five of the second at which it was written, and four of a hash, which tell the files of one
/// second apart.
const BYTES: usize = 9;

type Print = [u8; BYTES];

/// Tells inputs by their prints, the newest [`Prints::MOST`]; written down as one text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Prints(BTreeSet<Print>);

impl Prints {
    /// As many as a sweep lists, about a file a minute of the seven days that it looks back; 120 kB as text.
    pub(super) const MOST: usize = 10_000;

    /// Returns whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether an input is among them.
    pub(super) fn holds(&self, position: &Position) -> bool {
        prints(position).iter().any(|print| self.0.contains(print))
    }

    /// Adds an input; where they are too many, returns the time before which nothing is known any more.
    pub(super) fn add(&mut self, position: &Position) -> Option<DateTime<Utc>> {
        self.0.insert(print(position));
        let lost = (self.0.len() > Self::MOST).then(|| self.0.pop_first())??;
        // The second itself may have more of them.
        Some(second_of(&lost)? + TimeDelta::seconds(1))
    }

    /// Takes an input out.
    pub(super) fn remove(&mut self, position: &Position) {
        for print in prints(position) {
            self.0.remove(&print);
        }
    }
}

impl TryFrom<String> for Prints {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| "no base64")?;
        let (prints, rest) = bytes.as_chunks();
        if rest.is_empty() {
            Ok(Self(prints.iter().copied().collect()))
        } else {
            Err("no whole prints")
        }
    }
}

impl From<Prints> for String {
    fn from(Prints(prints): Prints) -> Self {
        STANDARD_NO_PAD.encode(prints.into_iter().collect::<Vec<_>>().as_flattened())
    }
}

/// Returns the prints that an input may have: what earlier heads told lacks the tag.
fn prints(position: &Position) -> [Print; 2] {
    let untagged = Position {
        etag: None,
        ..position.clone()
    };
    [print(position), print(&untagged)]
}

fn print(position: &Position) -> Print {
    let Position {
        last_modified,
        key,
        version_id,
        etag,
        nth: _,
    } = position;
    let second = last_modified.timestamp().to_be_bytes();
    let tags = [
        key,
        version_id.as_deref().unwrap_or_default(),
        etag.as_deref().unwrap_or_default(),
    ];
    let hash = Sha256::digest(tags.join("\0"));
    std::array::from_fn(|index| match index {
        0..5 => second[index + 3],
        _ => hash[index - 5],
    })
}

fn second_of(print: &Print) -> Option<DateTime<Utc>> {
    let second = print[..5].iter().fold(0, |second, byte| second << 8 | i64::from(*byte));
    DateTime::from_timestamp(second, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(second: i64, key: &str, etag: Option<&str>) -> Position {
        Position {
            last_modified: DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap(),
            key: key.to_owned(),
            version_id: None,
            etag: etag.map(str::to_owned),
            nth: 0,
        }
    }

    #[test]
    fn an_input_is_known_by_its_second_key_version_and_tag_and_after_it_was_written_down() {
        let this = position(1, "a.csv", Some("x"));
        let mut prints = Prints::default();
        prints.add(&this);
        let text = serde_json::to_string(&prints).unwrap();
        assert_eq!(text.len(), 14, "{text}");
        let mut prints: Prints = serde_json::from_str(&text).unwrap();
        assert!(prints.holds(&this));
        let version = Position {
            version_id: Some("1".to_owned()),
            ..this.clone()
        };
        for other in [
            position(2, "a.csv", Some("x")),
            position(1, "b.csv", Some("x")),
            position(1, "a.csv", Some("y")),
            version,
        ] {
            assert!(!prints.holds(&other), "{other:?}");
        }
        prints.remove(&this);
        assert!(prints.is_empty());
    }

    #[test]
    fn what_was_noted_without_a_tag_is_known_by_the_rest() {
        let mut prints = Prints::default();
        prints.add(&position(1, "a.csv", None));
        assert!(prints.holds(&position(1, "a.csv", Some("x"))));
        prints.remove(&position(1, "a.csv", Some("x")));
        assert!(prints.is_empty());
    }

    #[test]
    fn the_oldest_go_first_and_say_before_when_nothing_is_known() {
        let mut prints = Prints::default();
        let most = i64::try_from(Prints::MOST).unwrap();
        for second in (0..most).rev() {
            assert_eq!(prints.add(&position(second, "a.csv", None)), None);
        }
        let behind = prints.add(&position(most, "a.csv", None));
        assert_eq!(behind, Some(position(1, "", None).last_modified));
        assert!(!prints.holds(&position(0, "a.csv", None)));
        assert!(prints.holds(&position(1, "a.csv", None)));
        assert_eq!(String::from(prints).len(), 120_000);
    }

    #[test]
    fn what_is_no_list_of_prints_is_an_error() {
        for text in ["\"?\"", "\"AAAA\"", "7"] {
            assert!(serde_json::from_str::<Prints>(text).is_err(), "{text}");
        }
    }
}
