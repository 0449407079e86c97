//! The escapes that a remote text may hide an id or an address in.

use percent_encoding::percent_decode_str;

/// What is decoded again and again is decoded so often.
const ENCODINGS: usize = 3;
/// The entities of HTML that ids and addresses are written with, beside those that are numbers.
const ENTITIES: [(&str, char); 12] = [
    ("amp", '&'),
    ("commat", '@'),
    ("dash", '-'),
    ("hyphen", '-'),
    ("lbrace", '{'),
    ("lcub", '{'),
    ("lowbar", '_'),
    ("nbsp", ' '),
    ("period", '.'),
    ("quot", '"'),
    ("rbrace", '}'),
    ("rcub", '}'),
];
/// The longest escape in characters: `&commat;` and `&#x0000040;`.
const LONGEST_ESCAPE: usize = 12;

/// Decodes the escapes of URLs (`%40`), of HTML (`&#64;`, `&commat;`) and of JSON (`\\u0040`); what is none stays.
pub(super) fn decoded(text: &str) -> String {
    let mut decoded = text.to_owned();
    for _ in 0..ENCODINGS {
        decoded = unescaped(&percent_decode_str(&decoded).decode_utf8_lossy());
    }
    decoded
}

fn unescaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['&', '\\']) {
        clean.push_str(&rest[..start]);
        rest = &rest[start..];
        let (c, length) = entity(rest).or_else(|| unicode_escape(rest)).unwrap_or_else(|| {
            let escape = char::from(rest.as_bytes()[0]);
            (escape, 1)
        });
        clean.push(c);
        rest = &rest[length..];
    }
    clean.push_str(rest);
    clean
}

/// Reads the entity of HTML that a text begins with, and its length.
fn entity(text: &str) -> Option<(char, usize)> {
    let inner = text.strip_prefix('&')?;
    let end = inner.bytes().take(LONGEST_ESCAPE).position(|byte| byte == b';')?;
    let name = &inner[..end];
    let code = name.strip_prefix('#').map(|code| match code.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => code.parse(),
    });
    let c = match code {
        Some(code) => char::from_u32(code.ok()?)?,
        None => ENTITIES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known))?.1,
    };
    Some((c, end + 2))
}

/// Reads the escape of JSON or JavaScript that a text begins with, and its length.
fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let (digits, length) = match text.as_bytes() {
        [b'\\', b'u', ..] => (text.get(2..6)?, 6),
        [b'\\', b'x', ..] => (text.get(2..4)?, 4),
        _ => return None,
    };
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, length))
}
