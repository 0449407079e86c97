//! Content that is certainly no result, known by the bytes that its format puts at its beginning.
//!
//! Text is never taken for any of it: control characters may stand in names and notes. So where the bytes of a format
//! are letters, something has to follow that no text holds there.

/// What a Parquet file begins with.
const PARQUET: &[u8] = b"PAR1";

/// Formats whose first bytes no text has, with the place where they stand.
///
/// From the formats' own descriptions, and `magic(5)` of the file command.
const BINARY: [(usize, &[u8], &str); 42] = [
    (0, b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
    (0, b"\x09\x08\x10\x00\x00\x06", "an old Excel workbook"),
    (0, b"\x09\x08\x08\x00\x00\x05", "an old Excel workbook"),
    (0, b"\x09\x04\x06\x00", "an old Excel workbook"),
    (0, b"Obj\x01", "Avro"),
    (0, b"ARROW1\x00\x00", "Arrow (Feather)"),
    (0, b"\xff\xff\xff\xff\x78", "an Arrow stream"),
    (0, b"RCF\x01", "an RCFile of Hive"),
    (0, b"SEQ\x06", "a SequenceFile of Hadoop"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (8, b"DUCK\x40\x00\x00\x00", "a DuckDB database"),
    (0, b"\x00\x01\x00\x00Standard ", "an Access database"),
    (0, b"PGCOPY\n\xff\r\n\x00", "a binary COPY of PostgreSQL"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"MSCF\x00\x00\x00\x00", "a cabinet archive"),
    (0, b"\x04\x22\x4d\x18", "LZ4"),
    (0, b"\x02\x21\x4c\x18", "LZ4"),
    (0, b"\xfd7zXZ\x00", "XZ"),
    (0, b"\x5d\x00\x00", "LZMA"),
    (0, b"LZIP\x01", "lzip"),
    (0, b"\x89LZO\x00", "LZO"),
    (0, b"\x1f\x9d", "compress (.Z)"),
    (0, b"\xff\x06\x00\x00sNaPpY", "framed Snappy"),
    (0, b"\x82SNAPPY\x00", "Snappy of Java"),
    (
        12,
        b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00",
        "a SAS data set",
    ),
    (0, b"\x72\x02\x01\x00", "a Stata data set"),
    (0, b"\x73\x02\x01\x00", "a Stata data set"),
    (0, b"RDX2\nX\n\x00", "R data"),
    (0, b"RDX3\nX\n\x00", "R data"),
    (0, b"X\n\x00\x00", "R data"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x80\x04\x95", "a Python pickle"),
    (0, b"\x80\x05\x95", "a Python pickle"),
    (0, b"\xac\xed\x00\x05", "serialized Java objects"),
    (0, b"\x89PNG\r\n\x1a\n", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"\xff\xfe\x00\x00", "UTF-32 text"),
    (0, b"\x00\x00\xfe\xff", "UTF-32 text"),
];

/// Formats that begin with letters, and go on with what is no text.
const LETTERS: [(&[u8], &str); 5] = [
    (b"ORC", "ORC"),
    (b"PARE", "encrypted Parquet"),
    (PARQUET, "Parquet in another compression, which hides its footer"),
    (b"FEA1", "Feather"),
    (b"PGDMP", "a dump of PostgreSQL"),
];

/// Formats of text that no header looks like.
const TEXT: [(&[u8], &str); 8] = [
    (b"%PDF-", "a PDF"),
    (b"{\\rtf", "an RTF document"),
    (b"HEADER RECORD*******", "a SAS transport file"),
    (b"$FL2@(#)", "an SPSS data set"),
    (b"$FL3@(#)", "an SPSS data set"),
    (b"<stata_dta>", "a Stata data set"),
    (b"-----BEGIN PGP MESSAGE", "encrypted (PGP)"),
    (b"<", "XML or HTML"),
];

/// How many bytes behind the letters of a format are looked at.
const BEHIND_LETTERS: usize = 8;

/// How many control characters unknown content has at least to be no text, and one in how many bytes they are then: of
/// random bytes every eleventh is one, of text hardly any.
const FEWEST_CONTROLS: usize = 8;
const ONE_CONTROL_IN: usize = 20;

/// Returns whether a file begins like Parquet, and not with a column of that name; where its first bytes leave that open,
/// `ends_so` tells whether it ends like Parquet, too.
pub(crate) fn is_parquet(start: &[u8], ends_so: impl FnOnce() -> bool) -> bool {
    begins_with_letters(start, PARQUET) || start.starts_with(PARQUET) && ends_so()
}

/// Names the format of content, packed or not, that is certainly no result.
pub(crate) fn name(start: &[u8]) -> Option<&'static str> {
    let stands_at = |at: usize, magic: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(magic));
    // The name of a tar archive's first file is filled up with zero bytes.
    if stands_at(257, b"ustar") && start[..257].contains(&0) {
        return Some("a tar archive");
    }
    let binary = BINARY.iter().find(|(at, magic, _)| stands_at(*at, magic));
    let letters = LETTERS.iter().find(|(magic, _)| begins_with_letters(start, magic));
    let text = TEXT
        .iter()
        .find(|(magic, _)| start.trim_ascii_start().starts_with(magic));
    binary
        .map(|(_, _, name)| *name)
        .or(letters.map(|(_, name)| *name))
        .or(text.map(|(_, name)| *name))
}

/// Returns whether the first bytes are certainly no text of any encoding that is read: most of them are control
/// characters, or they are no UTF-8 and have more of these than text has.
pub(crate) fn is_binary(start: &[u8]) -> bool {
    // Delimiters and separators of old formats are none that would tell.
    let is_control = |byte: &&u8| matches!(byte, 4..=8 | 11 | 12 | 14..=27 | 127);
    let controls = start.iter().filter(is_control).count();
    let one_in = if is_utf_8(start) { 2 } else { ONE_CONTROL_IN };
    !is_utf_16(start) && controls >= FEWEST_CONTROLS && controls * one_in >= start.len()
}

/// Returns whether there are zero bytes, as no text has them but UTF-16.
pub(crate) fn holds_zeros(start: &[u8]) -> bool {
    !is_utf_16(start) && start.contains(&0)
}

fn is_utf_16(start: &[u8]) -> bool {
    start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff")
}

fn begins_with_letters(start: &[u8], letters: &[u8]) -> bool {
    let is_no_text = |byte: &u8| matches!(byte, 0 | 2..=8 | 14..=31);
    let behind = start.strip_prefix(letters);
    behind.is_some_and(|rest| rest.iter().take(BEHIND_LETTERS).any(is_no_text))
}

/// Returns whether bytes are UTF-8; the last character may be cut.
fn is_utf_8(start: &[u8]) -> bool {
    std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none(), |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_write_is_known_by_its_first_bytes() {
        let mut tar = vec![0; 512];
        tar[..8].copy_from_slice(b"data.csv");
        tar[257..263].copy_from_slice(b"ustar\0");
        assert_eq!(name(&tar), Some("a tar archive"));
        for (start, expected) in [
            (&b"ARROW1\0\0\xff\xff"[..], "Arrow (Feather)"),
            (b"FEA1\0\0\0\0", "Feather"),
            (b"SQLite format 3\0\x10\0", "an SQLite database"),
            (b"PK\x03\x04\x14\0", "a ZIP archive or an Excel workbook"),
            (b"ORC\n\x03\0\0\x12", "ORC"),
            (b"%PDF-1.7\n", "a PDF"),
            (
                b"PAR1\x15\x04\x15",
                "Parquet in another compression, which hides its footer",
            ),
            (b"<?xml version", "XML or HTML"),
            (b"<stata_dta><header>", "a Stata data set"),
            (b"\xac\xed\0\x05sr\0", "serialized Java objects"),
        ] {
            assert_eq!(name(start), Some(expected));
        }
    }

    #[test]
    fn text_is_never_taken_for_a_format_whose_letters_it_begins_with() {
        for header in [
            "PAR1,contactid",
            "PARENT_ID,contactid",
            "ORC,contactid",
            "ORCHESTRA\tcontactid\r\n",
            "FEA1;contactid",
            "PKZ,contactid",
            "Object,contactid",
            "SEQ|contactid",
            "X\ncontactid",
            "RCF,contactid",
            "Rar!,contactid",
            "BZh9,contactid",
            "7z,contactid",
            "$FL,contactid",
            "LZIP,contactid",
            "contactid\u{1}PAR1\n",
        ] {
            let text = format!("{header}\nJo\u{1a}hn \u{1b}[1m,x\u{8}y\u{c}\u{7}\n");
            assert_eq!(name(text.as_bytes()), None, "{header}");
            assert!(
                !is_parquet(text.as_bytes(), || false) && !is_binary(text.as_bytes()),
                "{header}"
            );
        }
        let ustar = format!("{}ustar", "x".repeat(257));
        assert_eq!(name(ustar.as_bytes()), None);
    }

    #[test]
    fn some_control_characters_make_no_binary() {
        let escapes = "a\u{1b}bc\u{8},\u{7f}d\u{1a}e\u{5}f".repeat(40);
        assert!(!is_binary(escapes.as_bytes()), "it is UTF-8");
        let latin_1 = [
            b"contactid,name\r\nx,M\xfcller\x1a\r\n".as_slice(),
            &b"y,J\xf6rg\r\n".repeat(40),
        ]
        .concat();
        assert!(!is_binary(&latin_1));
        assert!(
            !is_binary(&[b"\xff\xfe".as_slice(), &[4, 4].repeat(100)].concat()),
            "UTF-16"
        );
        // What a good generator of random bytes begins with, from the digits of no number that matters.
        let mut state = 7_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(512)
        .collect();
        assert!(is_binary(&noise));
    }
}
