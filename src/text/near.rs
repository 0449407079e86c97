//! Whether somebody who wrote one name may have meant another.

/// Returns whether two names are so alike: but for case and separators they differ in no more than two letters, and in
/// fewer where there are not many.
pub(crate) fn comes_near(name: &str, meant: &str) -> bool {
    let (name, meant) = (letters(name), letters(meant));
    let allowed = match meant.len() {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    };
    !name.is_empty() && within(&name, &meant, allowed).is_some()
}

/// Returns in how many letters two names that people gave differ, but for case and separators; `None` if they are not alike.
///
/// A letter more or less is told of shorter names, too, than where a key is meant: to name one too many does no harm.
pub(crate) fn difference(name: &str, other: &str) -> Option<usize> {
    let (name, other) = (letters(name), letters(other));
    let allowed = match name.len().min(other.len()) {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    within(&name, &other, allowed).filter(|_| !name.is_empty())
}

fn letters(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn within(from: &[char], to: &[char], allowed: usize) -> Option<usize> {
    let is_possible = from.len().abs_diff(to.len()) <= allowed;
    let distance = is_possible.then(|| distance(from, to))?;
    (distance <= allowed).then_some(distance)
}

/// Returns how many letters have to be put in, left out or replaced to make one word of the other (Levenshtein).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_but_for_case_separators_and_a_letter_or_two() {
        for (name, meant, expected) in [
            ("segmentname", "segment_name", true),
            ("Segment-Name", "segment_name", true),
            ("clientSecret", "client_secret", true),
            ("client_sercet", "client_secret", true),
            ("client_secrets", "client_secret", true),
            ("client_secret_value", "client_secret", false),
            ("Mode", "mode", true),
            ("made", "mode", false),
            ("nam", "name", false),
            ("abc8Q~defGHIjklMNOpqrSTUvwxYZ0123456789a", "client_secret", false),
            ("", "mode", false),
            ("___", "mode", false),
        ] {
            assert_eq!(comes_near(name, meant), expected, "{name} {meant}");
        }
    }

    #[test]
    fn names_of_people_are_measured_by_their_letters() {
        for (name, other, expected) in [
            ("Summer Sale", "summersale", Some(0)),
            ("Summer Sale", "Summer-Sale ", Some(0)),
            ("Summer Sale", "Sumer Sail", None),
            ("Summer Sale", "Sumer Salé", Some(2)),
            ("Café", "Cafe\u{301}", Some(1)),
            ("Socks", "Sock", Some(1)),
            ("Socks", "Shoes", None),
            ("A1", "A2", None),
            ("A1", "a 1", Some(0)),
            ("!", "?", None),
        ] {
            assert_eq!(difference(name, other), expected, "{name} {other}");
            assert_eq!(difference(other, name), expected, "{other} {name}");
        }
    }
}
