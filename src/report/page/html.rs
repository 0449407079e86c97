//! HTML that nothing breaks that is shown in it: what was not written here comes in as text or as the value of an attribute only,
//! and both are escaped.

use std::fmt::Write as _;

/// A piece of HTML in which every element that was opened is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

/// An attribute: its name, and its value as it is meant.
pub(super) type Attribute<'a> = (&'static str, &'a str);

impl Html {
    /// Shows a text.
    ///
    /// What would turn the direction of what comes after it, so that one name could look like another, is shown as a mark that it
    /// is there.
    pub(super) fn text(text: &str) -> Self {
        let marked = |c| if turns(c) { char::REPLACEMENT_CHARACTER } else { c };
        Self(escape(text.chars().map(marked)))
    }

    /// Shows a name, in its own direction.
    pub(super) fn name(name: &str) -> Self {
        Self::element("bdi", &[], Self::text(name))
    }

    /// Takes HTML that is written in this program.
    pub(super) fn fixed(html: &'static str) -> Self {
        Self(html.to_owned())
    }

    /// Makes an element.
    pub(super) fn element(name: &'static str, attributes: &[Attribute<'_>], content: Self) -> Self {
        let (Self(opened), Self(content)) = (Self::void(name, attributes), content);
        Self(format!("{opened}{content}</{name}>"))
    }

    /// Makes an element that has no content and no end.
    pub(super) fn void(name: &'static str, attributes: &[Attribute<'_>]) -> Self {
        let mut html = format!("<{name}");
        for (attribute, value) in attributes {
            let _ = write!(html, " {attribute}=\"{}\"", escape(value.chars()));
        }
        html.push('>');
        Self(html)
    }

    /// Makes a paragraph of a class.
    pub(super) fn paragraph(class: &'static str, content: Self) -> Self {
        Self::element("p", &[("class", class)], content)
    }

    /// Returns the HTML.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl FromIterator<Self> for Html {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        Self(parts.into_iter().map(|Self(html)| html).collect())
    }
}

impl<const N: usize> From<[Self; N]> for Html {
    fn from(parts: [Self; N]) -> Self {
        parts.into_iter().collect()
    }
}

/// Returns whether a character overrides the direction of what comes after it, beyond its own word.
const fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes what means something in HTML; what it cannot hold is a mark that it was there.
fn escape(text: impl Iterator<Item = char>) -> String {
    let mut escaped = String::new();
    for c in text {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            c if c.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}
