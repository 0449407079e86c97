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
/// The marker of a folder that has none.
const MARKER: &str = "all.DONE";

/// A file or a folder of files, and where it goes.
pub struct QueryResult {
    /// What people call it.
    pub name: String,
    pub segment_name: String,
    /// User metadata that names the segment where no folder of the key can.
    pub metadata: Vec<(&'static str, String)>,
    /// Keys and contents in the order in which they are dropped: S3 tells of the last.
    pub objects: Vec<(String, Vec<u8>)>,
    pub is_folder: bool,
}

impl QueryResult {
    /// Takes the file that comes with the repository.
    pub fn shipped() -> Self {
        Self {
            name: "examples/summer-sale.csv".to_owned(),
            segment_name: SHIPPED_SEGMENT.to_owned(),
            metadata: Vec::new(),
            objects: vec![(SHIPPED_KEY.to_owned(), SHIPPED.to_vec())],
            is_folder: false,
        }
    }

    /// Reads a file, or all files of a folder, of the user's own.
    pub fn read(path: &Path, segment_name: &str) -> io::Result<Self> {
        let name = path.canonicalize()?.file_name().unwrap_or_default().to_owned();
        let name = name.to_string_lossy();
        let fits_a_folder = !segment_name.contains('/');
        let (key, metadata) = if fits_a_folder {
            (format!("incoming/{segment_name}/{name}"), Vec::new())
        } else {
            let encoded = url::form_urlencoded::byte_serialize(segment_name.as_bytes()).collect::<String>();
            let encoded = encoded.replace('+', "%20");
            (format!("incoming/{name}"), vec![("segment-name", encoded)])
        };
        let is_folder = path.is_dir();
        Ok(Self {
            name: path.display().to_string(),
            segment_name: segment_name.to_owned(),
            metadata,
            objects: if is_folder {
                files_of(path, &key)?
            } else {
                vec![(key, std::fs::read(path)?)]
            },
            is_folder,
        })
    }

    /// Returns the key of which S3 tells.
    pub fn key(&self) -> &str {
        self.objects.last().map_or("", |(key, _)| key)
    }

    /// Counts the bytes.
    pub fn size(&self) -> usize {
        self.objects.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Finds the distinct valid contact ids with the `csv` and `uuid` crates alone.
    ///
    /// Nothing where a file is no plain CSV in UTF-8 with commas and a `contactid` column: then nobody has a second
    /// opinion.
    pub fn contacts(&self) -> Option<BTreeSet<Uuid>> {
        let data = self.objects.iter().filter(|(key, _)| is_data(key));
        let each: Option<Vec<_>> = data.map(|(_, bytes)| contacts_of(bytes)).collect();
        Some(each?.into_iter().flatten().collect())
    }
}

/// Reads a folder; the marker or manifest comes last, and a folder without any gets a marker.
fn files_of(folder: &Path, key: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut objects = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            objects.push((format!("{key}/{name}"), std::fs::read(&path)?));
        }
    }
    objects.sort_by_key(|(key, _)| (starts_a_run(key), key.clone()));
    if !objects.last().is_some_and(|(key, _)| starts_a_run(key)) {
        objects.push((format!("{key}/{MARKER}"), Vec::new()));
    }
    Ok(objects)
}

/// Says what the loader reads of a folder: neither what starts a run nor what is hidden.
fn is_data(key: &str) -> bool {
    !starts_a_run(key) && !name_of(key).starts_with(['_', '.'])
}

fn name_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

fn starts_a_run(key: &str) -> bool {
    let name = name_of(key).to_ascii_lowercase();
    let ends = [".done", "manifest", "manifest.json", "manifest.csv"];
    name == "_success" || ends.iter().any(|end| name.ends_with(end))
}

fn contacts_of(bytes: &[u8]) -> Option<BTreeSet<Uuid>> {
    let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}');
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let is_wanted = |name: &str| name.trim().eq_ignore_ascii_case("contactid");
    let column = rows.headers().ok()?.iter().position(is_wanted)?;
    let rows: Vec<_> = rows.records().collect::<Result<_, _>>().ok()?;
    let ids = rows
        .iter()
        .filter_map(|row| Uuid::try_parse(row.get(column)?.trim()).ok());
    Some(ids.filter(|id| !id.is_nil()).collect())
}
