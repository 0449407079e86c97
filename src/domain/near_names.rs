//! Names that somebody may have meant who wrote one that no segment has.

use crate::text::{near, shown};
use std::fmt;

/// The names of segments that come near one that none has, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearNames(Option<Vec<String>>);

impl NearNames {
    /// Nobody has told which segments there are.
    pub const UNKNOWN: Self = Self(None);

    /// Keeps of the names those that come near, the nearest first.
    pub fn among(names: impl IntoIterator<Item = String>, name: &str) -> Self {
        let measured = names.into_iter().filter(|other| other != name);
        let measured = measured.filter_map(|other| Some((near::difference(name, &other)?, other)));
        let mut near: Vec<(usize, String)> = measured.collect();
        near.sort_unstable();
        near.dedup();
        Self(Some(near.into_iter().map(|(_, other)| other).collect()))
    }

    /// Returns the name that comes nearest.
    pub fn nearest(&self) -> Option<String> {
        self.0.as_ref()?.first().cloned()
    }
}

/// Ends a sentence; where no name comes near, nothing is said.
impl fmt::Display for NearNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_deref() {
            None => f.write_str("; whether another name comes near it could not be looked up"),
            Some([]) => Ok(()),
            Some(near) => {
                let names = shown::words(near.iter().map(String::as_str));
                write!(f, "; there is already, with nearly this name: {names}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_blanks_or_a_letter_or_two_are_told_the_nearest_first() {
        let others = [
            "Sumer Sail",
            "Winter Sale",
            "summer  sale",
            "Summer Sale",
            "Summer Sales",
            "Summer Sales",
        ];
        let near = NearNames::among(others.map(str::to_owned), "Summer Sale");
        let expected = "; there is already, with nearly this name: \"summer  sale\", \"Summer Sales\"";
        assert_eq!(near.to_string(), expected);
    }

    #[test]
    fn where_no_name_comes_near_nothing_is_said_and_where_nobody_tells_that_is_said() {
        assert_eq!(NearNames::among([], "Summer Sale").to_string(), "");
        assert!(NearNames::UNKNOWN.to_string().contains("could not be looked up"));
    }

    #[test]
    fn many_names_and_hostile_ones_stay_on_one_short_line() {
        let others = (0..100).map(|number| format!("Summer Sale {}\n", char::from_u32(0x4e00 + number).unwrap()));
        let near = NearNames::among(others, "Summer Sale").to_string();
        assert!(
            near.chars().count() < 300 && near.ends_with(" more") && !near.contains('\n'),
            "{near}"
        );
    }
}
