//! Both sides of the line between one file of several and a whole result, by name.

mod kinship;

use super::counter::is_plainly_a_part;
use proptest::prelude::*;

/// What each writer calls its files, of which there are several.
const PARTS: [(&str, &str); 101] = [
    ("Redshift", "0000_part_00"),
    (
        "Redshift, the statement of the documents",
        "2026-11-23_0001_part_00.zst",
    ),
    ("Redshift", "contacts_0012_part_00.gz"),
    ("Redshift", "0001_part_00.parquet"),
    ("Redshift, PARALLEL OFF above its file size", "2026-11-23_001.gz"),
    ("Spark", "part-00000-7a1b-c000.snappy.parquet"),
    (
        "Spark, the statement of the documents",
        "part-00003-7d3f0a52-91c4-4b8e-a6d0-000001234567-c000.csv.gz",
    ),
    (
        "Databricks",
        "part-00000-tid-4440123456789-2dd664f9-d2c4-4ffe-878f-c6c70c1fb0cb-12-1-c000.csv",
    ),
    ("Hadoop", "part-00000"),
    ("Hadoop", "part-r-00001"),
    ("Hadoop", "part-m-01234"),
    ("Glue", "run-1700000000000-part-r-00000"),
    ("Glue", "run-1700000000000-part-r-01234"),
    ("Glue", "run-1699201920409-part-block-0-r-00000-snappy.parquet"),
    (
        "Glue",
        "run-unnamed-1-part-block-1-r-00012-snappy-ff26b17504414fe88b302cd795eabd00.parquet",
    ),
    ("Glue DataBrew", "contacts_26Nov2026_1795714800000_part00000.csv"),
    (
        "RDS snapshot",
        "part-00002-8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a01.gz.parquet",
    ),
    ("Hive", "000000_0"),
    ("Hive", "000012_0.gz"),
    ("Hive", "000000_0_copy_1"),
    ("Hive, bucketed", "bucket_00000"),
    ("Snowflake", "data_0_1_0.csv.gz"),
    ("Snowflake, with a prefix", "summer_0_0_0.csv"),
    ("Snowflake, with a prefix", "2026-11-23_1_2_3.snappy.parquet"),
    (
        "Snowflake, INCLUDE_QUERY_ID",
        "data_01b2c3d4-0000-1f2e-0000-00012345abcd_0_0_0.snappy.parquet",
    ),
    (
        "Snowflake, PARTITION BY",
        "data_01b2c3d4-0000-1f2e-0000-00012345abcd_008_6_1.csv.gz",
    ),
    ("BigQuery, the statement of the documents", "000000000000.csv.gz"),
    ("BigQuery", "contacts-000000000003.csv.gz"),
    (
        "Athena, the statement of the documents",
        "20261123_093015_00042_x7k2p_1f2e.gz",
    ),
    (
        "Athena",
        "20261123_093015_41234_x7k2p_8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a01",
    ),
    ("Trino", "20261123_093015_00042_x7k2p_bucket-00000"),
    ("pyarrow.dataset", "part-0.parquet"),
    ("pyarrow.dataset", "part-1.parquet"),
    ("pyarrow.dataset, format csv", "part-1.csv"),
    (
        "pyarrow, write_to_dataset",
        "5f622c660f844ab39e84a6fed6cdb868-0.parquet",
    ),
    (
        "pandas, partition_cols",
        "7d3f0a52-91c4-4b8e-a6d0-000001234567-0.parquet",
    ),
    ("dask, to_parquet", "part.0.parquet"),
    ("dask, to_parquet", "part.17.parquet"),
    ("dask, to_csv", "0.part"),
    ("dask, to_csv", "12.part"),
    ("dask, to_csv", "export-0.csv"),
    ("dask, to_csv of ten and more", "export-00.csv"),
    ("DuckDB", "data_0.parquet"),
    ("DuckDB, FILE_SIZE_BYTES", "data_0.csv"),
    ("Polars", "0.parquet"),
    ("Polars", "00000000.parquet"),
    ("Polars", "0000000012.csv"),
    (
        "awswrangler, max_rows_by_file",
        "b7f44eddf8d24911b5855b2eb21bf781_0.snappy.parquet",
    ),
    (
        "awswrangler, bucketed",
        "b7f44eddf8d24911b5855b2eb21bf781_bucket-00001.snappy.parquet",
    ),
    ("Synapse, dedicated", "QID776_20160130_182739_0.csv"),
    ("Synapse, dedicated", "QID776_20160130_182739_3.csv"),
    (
        "Synapse, serverless",
        "EF3C1A0C-91C4-4B8E-A6D0-0C1D2E3F4A01_0_0-1.parquet",
    ),
    ("Vertica", "8b85de33-v_vmart_node0001-139770732459776-0.parquet"),
    ("Vertica", "8b85de33-v_vmart_node0003-139770732459776.parquet"),
    ("ClickHouse, PARTITION BY", "contacts_0.csv"),
    (
        "Firehose",
        "contacts-1-2026-11-23-09-30-15-8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a01",
    ),
    (
        "Firehose",
        "PUT-S3-x7k2p-12-2026-11-23-09-30-15-8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a01.gz",
    ),
    ("Aurora PostgreSQL", "2026-11-23.csv_part2"),
    ("Aurora MySQL", "contacts.part_00000"),
    ("split", "xaa"),
    ("split", "contacts.csv.ab"),
    ("split -d", "x07"),
    ("by hand", "contacts_1_of_3.csv"),
    ("by hand", "contacts_part_2.csv"),
    ("by hand", "Contacts-Part1.csv"),
    ("by hand, behind a date", "2026-11-23.0.csv"),
    ("by hand, behind a date", "contacts_20261123_0.csv"),
    ("by hand, behind a time", "20261123_093015_000012.csv"),
    ("by hand, behind a time", "2026-11-23_09-30-15_00.csv"),
    ("by hand, behind a month", "2026-11_00.csv"),
    ("by hand, behind a year", "summer_2026_00.csv"),
    ("TensorFlow", "contacts-00000-of-00003.csv"),
    ("Kafka Connect", "topic+0+0000000042.json"),
    ("BigQuery, behind a date", "2026-11-23000000000000.csv"),
    ("BigQuery, behind a date", "2026-11-23000000000012.json.gz"),
    ("BigQuery, behind a date", "20261123000000000000.csv"),
    ("BigQuery, behind a time", "20261123093015000000000001.csv"),
    ("BigQuery, behind a word", "contacts000000000000.csv"),
    ("BigQuery, behind a word and a year", "sale2026000000000000.csv"),
    ("BigQuery, behind a version", "sale2b000000000000.csv"),
    ("Redshift, behind a date", "20261123001"),
    ("Redshift, behind a date", "contacts20261123012.csv"),
    ("Redshift, behind a date", "2026-11-23001.gz"),
    ("Redshift, behind a word", "sale001.gz"),
    ("AWS DMS", "LOAD00000001.csv"),
    ("by hand, behind a word", "file0.csv"),
    ("by hand, behind a word", "chunk0001.csv"),
    ("by hand, behind a word", "x_p0.csv"),
    ("by hand, behind a word", "sale_F001.csv"),
    ("split", "sale.csvaa"),
    ("split", "sale.csv.gz.aa"),
    ("split", "sale.csv.ab.gz"),
    ("split", "sale-part-aa"),
    ("split -d", "sale.csv.01"),
    ("split -d -a 3", "sale.csv.000"),
    ("split -d -a 4", "sale.csv.0000.gz"),
    ("by hand", "sale_1of3.csv"),
    ("by hand", "sale(1of3).csv"),
    ("by hand", "3of3.csv"),
    ("by hand", "Part2Of3.csv"),
    ("by hand, beside a year", "sale_2026_01of12.csv"),
];

/// What people and single-file exports call a whole result, nothing lying beside it.
const WHOLE: [&str; 103] = [
    // The statements of the documents.
    "2026-11-23_000.gz",
    "2026-11-23.csv.gz",
    "2026-11-23.csv",
    "2026-11-23.parquet",
    // The only file of Redshift's PARALLEL OFF, with and without an extension.
    "contacts000",
    "contacts000.gz",
    "contacts_0000.csv",
    "000.csv",
    // Dates.
    "data_2026_11_23.csv",
    "23-11-2026.csv",
    "03.11.2026.csv",
    "03112026.csv",
    "26-11-03.csv",
    "2026-03.csv",
    "2026_W05.csv",
    "week-05.csv",
    "kw05.csv",
    "q1.csv",
    "03Nov2026.csv",
    "03-nov.csv",
    "2026-001.csv",
    "contacts_261103.csv",
    "export-0930.csv",
    "export_00-05.csv",
    "11-23-2026.csv",
    // Dates and times.
    "2026-11-23_06.csv",
    "2026-11-23_00.csv",
    "2026-11-23T00.csv",
    "2026-11-23T00-05-00.csv",
    "2026-11-23_00-05-00-042.csv",
    "20261123_000042.csv",
    "20261123_0005.csv",
    "20261123_093015.csv",
    "20261123T000000Z.csv",
    "20261123_000000_000.csv",
    "2026-11-23T09:30:15.000Z.csv",
    "2026-11-23T00:00:00.000000.csv",
    "2026-11-23T09:30:15+00:00.csv",
    "20261123T093015.000Z.csv",
    "01012026_000000.csv",
    "261123_00.csv",
    "2026-001-00.csv",
    "2026-11-23T09_30_15+0000.csv",
    "export-202611230930.csv",
    "export_20261123000000.csv",
    // Epochs.
    "export-1795714800.csv",
    "export-1795714800000.csv",
    // Ids and hashes.
    "8f2a1c34-5b6d-4e7f-8a9b-0c1d2e3f4a01.csv",
    "7d3f0a52-91c4-4b8e-a6d0-000001234567.csv",
    "00000000-0000-4000-8000-000000000001.csv",
    "7d3f0a52_91c4_4b8e_a6d0_000000000000.csv",
    "5f622c660f844ab39e84a6fed6cdb868.snappy.parquet",
    "20261123_093015_00042_x7k2p.csv",
    "contacts-0012ab34.csv",
    // Versions and numbers of people.
    "contacts-v2.csv",
    "contacts-v1.0.csv",
    "wave-2.csv",
    "wave-02.csv",
    "export-1.csv",
    "summer_2026_1.csv",
    "contacts-001234567890.csv",
    "top-100.csv",
    "contacts_0.5.csv",
    "plz-01067.csv",
    "parts-1.csv",
    // The first of PARALLEL OFF right behind a date or a letter.
    "20261123000",
    "2026-11-23000.gz",
    "contacts20261123000.csv",
    "sale000.gz",
    "sale_F000.csv",
    "sale.csv000",
    // Times, epochs and ids that end in zeros.
    "20261123093000.csv",
    "20261123000000000.csv",
    "export-1700000000.csv",
    "export-1795714000000.csv",
    "export-1795000000000000.csv",
    "contacts-20261123_T000500.csv",
    "export_123456000.csv",
    "65a1b2c3d4e5f60000000012.csv",
    "5f622c660f844ab39e84000000000012.csv",
    "deadbeef00.csv",
    "0a1b2c3daa.csv",
    // Products and quarters, and letters that may be anything.
    "2026Q1.csv",
    "h264.csv",
    "covid19.csv",
    "b2b.csv",
    "top100.csv",
    "s3.csv",
    "a0b1c2d3.csv",
    "wave02.csv",
    "contacts_v0.csv",
    "sale_aa.csv",
    "sale_aa",
    "saleaa",
    "proof3.csv",
    "sale_1of1.csv",
    "week_3_of_2026.csv",
    // Words.
    "spare_part_list.csv",
    "department-2.csv",
    "part-time.csv",
    "part-2026-11-23.csv",
    "summer.csv",
    "",
];

#[test]
fn names_that_only_a_job_with_several_files_gives_are_parts() {
    for (writer, name) in PARTS {
        assert!(is_plainly_a_part(name), "{writer}: {name}");
    }
}

#[test]
fn names_of_whole_results_are_no_parts() {
    for name in WHOLE {
        assert!(!is_plainly_a_part(name), "{name}");
    }
}

proptest! {
    /// The oracle is the writer of the name: whatever the date, the time and the id are, they count nothing.
    #[test]
    fn no_date_time_epoch_or_uuid_makes_a_part(
        seconds in 1_500_000_000_i64..1_900_000_000,
        format in proptest::sample::select(vec![
            "%Y-%m-%d", "%Y%m%d", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m", "%Y_%m_%d", "%y-%m-%d", "%Y-W%V", "%Y-%j", "%s", "%s000",
            "%Y-%m-%dT%H", "%Y-%m-%dT%H-%M-%S", "%Y%m%dT%H%M%SZ", "%Y%m%d_%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%d_%H",
            "%Y-%m-%d_%H%M", "%Y-%m-%d-%H-%M-%S", "%Y-%m-%d %H.%M.%S",
        ]),
        uuid in any::<u128>(),
        shape in 0..4,
    ) {
        let date = chrono::DateTime::from_timestamp(seconds, 0).unwrap().format(format);
        let uuid = uuid::Uuid::from_u128(uuid);
        let name = match shape {
            0 => format!("{date}.csv"),
            1 => format!("contacts_{date}.csv.gz"),
            2 => format!("{date}_{uuid}.csv"),
            _ => format!("{uuid}-{date}.parquet"),
        };
        prop_assert!(!is_plainly_a_part(&name), "{name}");
    }
}
