//! Damage is told as such, wherever it is.

use super::*;
use crate::source::corpus;

const FIXTURES: [&str; 8] = [
    "athena_gzip.parquet",
    "bigquery_zstd.parquet",
    "binary_plain.parquet",
    "required_column.parquet",
    "snowflake_snappy.parquet",
    "spark_snappy.parquet",
    "uuid_16_bytes.parquet",
    "uuid_annotated.parquet",
];

#[test]
fn a_file_cut_anywhere_is_truncated() {
    let whole = fixture("spark_snappy.parquet");
    for end in (MAGIC.len()..whole.len()).step_by(7) {
        let problem = read_bytes(whole[..end].to_vec()).unwrap_err();
        assert!(matches!(problem, Problem::NoFooter), "cut at {end}: {problem}");
    }
}

/// Whatever one byte becomes, no other row is lost or made up.
#[test]
fn every_change_of_one_byte_ends_in_all_rows_or_a_problem() {
    for name in FIXTURES {
        let whole = fixture(name);
        for at in MAGIC.len()..whole.len() {
            for change in [1, 1 << (at % 8), 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= change;
                match read_bytes(damaged) {
                    Ok(rows) => assert_eq!(rows.rows, 8, "{name}: {at} ^ {change}"),
                    Err(Problem::Io(kind)) => panic!("{name}: {at} ^ {change}: {kind}"),
                    Err(_) => {}
                }
            }
        }
    }
}

#[test]
fn the_corpus_ends_in_rows_or_a_problem() {
    corpus::check("parquet", |bytes| corpus::ending(&read_bytes(bytes.to_vec())));
}
