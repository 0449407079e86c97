//! How Dataverse compares texts: more loosely than names of segments differ, but not at will.

/// How many ASCII letters one other letter may stand for at most, as in `\u{df}` and `ss`.
const LETTERS_OF_ONE: usize = 2;

/// Returns whether a filter for the name may bring the other: case, accents, width and blanks at the end do not count, and
/// `%`, `_` and `[` stand for others in some filters (Microsoft, "Filter rows").
pub(super) fn may_compare_as_equal(found: &str, asked: &str) -> bool {
    if asked.contains(['%', '_', '[']) {
        return true;
    }
    let ascii = |text: &str| -> Vec<u8> {
        let ascii = text.bytes().filter(u8::is_ascii_graphic);
        ascii.map(|byte| byte.to_ascii_lowercase()).collect()
    };
    let others = |text: &str| text.chars().filter(|c| !c.is_ascii()).count();
    let (found_ascii, asked_ascii) = (ascii(found), ascii(asked));
    let stands_for = |more: &[u8], fewer: &[u8], others: usize| {
        let mut rest = more.iter();
        let is_contained = fewer.iter().all(|byte| rest.any(|other| other == byte));
        is_contained && more.len() - fewer.len() <= others * LETTERS_OF_ONE
    };
    if found_ascii.len() >= asked_ascii.len() {
        stands_for(&found_ascii, &asked_ascii, others(asked))
    } else {
        stands_for(&asked_ascii, &found_ascii, others(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_equal_or_are_quite_different() {
        for (found, asked, expected) in [
            ("Summer Sale", "Summer Sale", true),
            ("summer sale", "Summer Sale", true),
            ("Summer Sale  ", "Summer Sale", true),
            ("Caf\u{e9}", "Cafe", true),
            ("Cafe", "CAF\u{c9}", true),
            ("Strasse", "Stra\u{df}e", true),
            ("Sale 100 off", "Sale 100% off", true),
            ("\u{590f}", "\u{51ac}", true),
            ("Winter Sale", "Summer Sale", false),
            ("Summer Sale 2", "Summer Sale", false),
            ("Summer", "Summer Sale", false),
            ("", "Summer Sale", false),
            ("\u{dc}berraschung", "Summer Sale", false),
        ] {
            assert_eq!(may_compare_as_equal(found, asked), expected, "{found} {asked}");
        }
    }
}
