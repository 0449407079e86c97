//! The few bits of `OData` that the segment API needs: literals and entity ids.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

/// Writes a string literal for a `$filter`, ready for the URL: quotes doubled, everything but unreserved characters encoded.
pub(super) fn literal(text: &str) -> String {
    format!("%27{}%27", encoded(&text.replace('\'', "''")))
}

/// The characters of a URL that stand for themselves wherever they are: the unreserved ones of RFC 3986.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes all but the unreserved characters.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// Takes the id of a row that was created in a set from `OData-EntityId`: the GUID between the last parentheses.
pub(super) fn entity_id(header: &str, set: &str) -> Option<Uuid> {
    let (address, tail) = header.rsplit_once('(')?;
    let is_of_the_set = address.rsplit('/').next() == Some(set);
    let id = Uuid::try_parse(tail.split_once(')')?.0).ok()?;
    (is_of_the_set && !id.is_nil()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn literals_are_quoted_and_encoded() {
        for (text, expected) in [
            ("Summer", "%27Summer%27"),
            ("O'Bryan & Co", "%27O%27%27Bryan%20%26%20Co%27"),
            (
                "a+b/c?d=e#f$g,h:i;j@k",
                "%27a%2Bb%2Fc%3Fd%3De%23f%24g%2Ch%3Ai%3Bj%40k%27",
            ),
            ("100 %", "%27100%20%25%27"),
            ("é", "%27%C3%A9%27"),
        ] {
            assert_eq!(literal(text), expected);
        }
    }

    #[test]
    fn the_entity_id_stands_between_the_last_parentheses() {
        let id = "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a5b";
        let header = format!("https://x.crm.dynamics.com/a(b)/data/v9.2/msdynmkt_segments({id})");
        let found = |header: &str| entity_id(header, "msdynmkt_segments").map(|id| id.to_string());
        assert_eq!(found(&header).as_deref(), Some(id));
        assert_eq!(found("https://x/msdynmkt_segments"), None);
        assert_eq!(found("https://x/msdynmkt_segments(1)"), None);
        assert_eq!(found(&format!("https://x/accounts({id})")), None);
        assert_eq!(found(&format!("https://x/msdynmkt_segments({})", Uuid::nil())), None);
    }

    proptest! {
        #[test]
        fn any_literal_comes_back_from_the_url(text: String) {
            let url = url::Url::parse(&format!("https://x.test/?f={}", literal(&text).replace('+', "%2B"))).unwrap();
            let (_, read) = url.query_pairs().next().unwrap();
            prop_assert_eq!(read.into_owned(), format!("'{}'", text.replace('\'', "''")));
        }
    }
}
