//! Whether somebody who wrote one name may have meant another.

/// Returns whether two names are so alike: but for case and separators they differ in no more than two letters, and in
/// fewer where there are not many.
pub(crate) fn comes_near(name: &str, meant: &str) -> bool {
    let letters = |name: &str| -> Vec<char> {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let (name, meant) = (letters(name), letters(meant));
    let allowed = match meant.len() {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    };
    !name.is_empty() && name.len().abs_diff(meant.len()) <= allowed && distance(&name, &meant) <= allowed
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
}
