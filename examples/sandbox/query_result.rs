//! The query result that is dropped, and who is in it by an opinion that is not the loader's.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use uuid::Uuid;

/// What the shipped file is for.
pub const SHIPPED_SEGMENT: &str = "Summer Sale";
/// The shipped file's content: 4,000 rows as a warehouse writes them, all of them invented.
pub const SHIPPED: &[u8] = include_bytes!("../summer-sale.csv");
const SHIPPED_KEY: &str = "incoming/Summer Sale/2026-11-23.csv";

/// A file, and where it goes.
pub struct QueryResult {
    /// What people call the file.
    pub name: String,
    pub segment_name: String,
    /// The key to drop it under.
    pub key: String,
    /// User metadata that names the segment where no folder of the key can.
    pub metadata: Vec<(&'static str, String)>,
    pub bytes: Vec<u8>,
}

impl QueryResult {
    /// Takes the file that comes with the repository.
    pub fn shipped() -> Self {
        Self {
            name: "examples/summer-sale.csv".to_owned(),
            segment_name: SHIPPED_SEGMENT.to_owned(),
            key: SHIPPED_KEY.to_owned(),
            metadata: Vec::new(),
            bytes: SHIPPED.to_vec(),
        }
    }

    /// Reads a file of the user's own.
    pub fn read(file: &Path, segment_name: &str) -> io::Result<Self> {
        let bytes = std::fs::read(file)?;
        let file_name = file.file_name().unwrap_or_default().to_string_lossy();
        let fits_a_folder = !segment_name.contains('/');
        let (key, metadata) = if fits_a_folder {
            (format!("incoming/{segment_name}/{file_name}"), Vec::new())
        } else {
            let encoded = url::form_urlencoded::byte_serialize(segment_name.as_bytes()).collect::<String>();
            let encoded = encoded.replace('+', "%20");
            (format!("incoming/{file_name}"), vec![("segment-name", encoded)])
        };
        Ok(Self {
            name: file.display().to_string(),
            segment_name: segment_name.to_owned(),
            key,
            metadata,
            bytes,
        })
    }

    /// Finds the distinct valid contact ids with the `csv` and `uuid` crates alone.
    ///
    /// Nothing where the file is no plain CSV in UTF-8 with commas and a `contactid` column: then nobody has a second
    /// opinion.
    pub fn contacts(&self) -> Option<BTreeSet<Uuid>> {
        let text = std::str::from_utf8(&self.bytes).ok()?.trim_start_matches('\u{feff}');
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let is_wanted = |name: &str| name.trim().eq_ignore_ascii_case("contactid");
        let column = rows.headers().ok()?.iter().position(is_wanted)?;
        let rows: Vec<_> = rows.records().collect::<Result<_, _>>().ok()?;
        let ids = rows
            .iter()
            .filter_map(|row| Uuid::try_parse(row.get(column)?.trim()).ok());
        Some(ids.filter(|id| !id.is_nil()).collect())
    }
}
