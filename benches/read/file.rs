//! The file that everybody reads: always the same bytes for the same number of rows.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes `result.csv` and `result.csv.gz` unless they are there, and returns the legacy.
pub(crate) fn make(folder: &Path, rows: u64) -> PathBuf {
    let csv = folder.join("result.csv");
    let gz = folder.join("result.csv.gz");
    if !gz.exists() {
        println!("making {rows} rows of 12 columns ...");
        write_csv(&csv, rows).unwrap();
        let mut encoder = GzEncoder::new(File::create(folder.join("part")).unwrap(), Compression::default());
        io::copy(&mut File::open(&csv).unwrap(), &mut encoder).unwrap();
        encoder.finish().unwrap();
        std::fs::rename(folder.join("part"), gz).unwrap();
    }
    csv
}

/// Twelve columns as a warehouse writes them: quoted commas and line breaks, ids in several forms, 0.5 % of them
/// invalid, 2 % repeated. Case numbers and times make gzip work as hard as on real rows: it leaves a third.
fn write_csv(path: &Path, rows: u64) -> io::Result<()> {
    let mut random = SplitMix(20_261_123);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(
        out,
        "row,region,contactid,name,street,city,tier,last_order,revenue,currency,comment,updated_at"
    )?;
    let mut earlier = [0_u128; 1024];
    for row in 0..rows {
        let fresh = (u128::from(random.next()) << 64) | u128::from(random.next());
        let slot = usize::try_from(random.next() % 1024).unwrap();
        let id = if row > 1024 && random.next().is_multiple_of(50) {
            earlier[slot]
        } else {
            fresh
        };
        earlier[slot] = id;
        let id = uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid();
        let cell = match random.next() % 1000 {
            0..=1 => String::new(),
            2..=4 => format!("user{row}@example.com"),
            5..=104 => id.hyphenated().to_string().to_uppercase(),
            105..=154 => id.braced().to_string(),
            155..=204 => id.simple().to_string(),
            _ => id.hyphenated().to_string(),
        };
        let (comment, quote) = match random.next() % 20 {
            0 => ("\"asked for a call back,\nin the evening; case ", "\""),
            1 => ("\"said \"\"no, thanks\"\"; case ", "\""),
            2..=8 => ("\"prefers e-mail, not the phone; case ", "\""),
            _ => ("nothing since case ", ""),
        };
        let (n, case) = (random.next(), random.next());
        writeln!(
            out,
            "{row},EMEA-{:02},{cell},Customer {:08},\"{} Harbour St, Apt {}\",Port {:04},gold,2026-{:02}-{:02},{}.{:02},EUR,{comment}{case:016x}{quote},2026-11-23T04:{:02}:{:02}.{:06}Z",
            n % 17,
            n % 99_999_999,
            n % 997,
            n % 89,
            n % 9_973,
            n % 12 + 1,
            n % 28 + 1,
            n % 99_991,
            n % 100,
            n % 60,
            n % 59,
            n % 999_983
        )?;
    }
    out.flush()
}

/// A small generator whose numbers never change: Steele, Lea and Flood's `SplitMix64`.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
