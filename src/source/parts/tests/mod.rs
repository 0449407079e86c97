//! Both sides of the line between one file of several and a whole result, by name.

use super::counter::{Kinship, common_start, is_plainly_a_part, kinship};
use proptest::prelude::*;

/// What each writer calls its files, of which there are several.
const PARTS: [(&str, &str); 73] = [
    ("Redshift", "0000_part_00"),
    ("Redshift, the statement of the README", "2026-11-23_0001_part_00.zst"),
    ("Redshift", "contacts_0012_part_00.gz"),
    ("Redshift", "0001_part_00.parquet"),
    ("Redshift, PARALLEL OFF above its file size", "2026-11-23_001.gz"),
    ("Spark", "part-00000-7a1b-c000.snappy.parquet"),
    (
        "Spark, the statement of the README",
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
    ("BigQuery, the statement of the README", "000000000000.csv.gz"),
    ("BigQuery", "contacts-000000000003.csv.gz"),
    (
        "Athena, the statement of the README",
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
];

/// What people and single-file exports call a whole result, nothing lying beside it.
const WHOLE: [&str; 71] = [
    // The statements of the README.
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

#[test]
fn names_that_differ_in_nothing_but_a_number_may_be_of_one_result() {
    for (name, other) in [
        ("export-1.csv", "export-2.csv"),
        ("export-01.csv", "export-02.csv"),
        ("wave2.csv", "wave3.csv"),
        ("1.parquet", "2.parquet"),
        ("9_contacts.csv", "10_contacts.csv"),
        ("summer_2026_1.csv", "summer_2026_2.csv"),
        ("2026-11-23_1.csv", "2026-11-23_2.csv"),
        ("LOAD00000001.csv", "LOAD00000002.csv"),
        ("data_1.parquet", "data_0.parquet"),
        ("part-00000-7a1b-c000.csv", "part-00001-7a1b-c000.csv"),
        // Oracle: the sequence number, and the moment of writing behind it.
        (
            "dept_export_1_20210809T173033Z.json",
            "dept_export_2_20210809T173034Z.json",
        ),
        ("x_1_20210809T173033123456Z.csv", "x_2_20210810T000000123456Z.csv"),
        // split
        ("contacts_aa.csv", "contacts_ab.csv"),
        ("contactsab", "contactsaa"),
        ("xaa", "xac"),
        ("contacts (1).csv", "contacts (2).csv"),
    ] {
        assert_eq!(kinship(name, other), Some(Kinship::Number), "{name} {other}");
        let start = common_start(name);
        assert!(other.starts_with(start), "{name} {other}: {start}");
    }
}

#[test]
fn further_files_of_redshift_and_aurora_belong_to_the_first_whenever_they_came() {
    for (name, other) in [
        ("contacts000", "contacts001"),
        ("contacts000.gz", "contacts012.gz"),
        ("2026-11-23_000.gz", "2026-11-23_001.gz"),
        ("contacts_0000", "contacts_0001"),
        ("20261123_093015_000.csv", "20261123_093015_001.csv"),
        ("2026-11-23.csv", "2026-11-23.csv_part2"),
    ] {
        for (name, other) in [(name, other), (other, name)] {
            assert_eq!(kinship(name, other), Some(Kinship::Certain), "{name} {other}");
            let start = common_start(name);
            assert!(other.starts_with(start), "{name} {other}: {start}");
        }
    }
}

#[test]
fn names_that_differ_in_a_date_a_time_an_id_or_a_version_are_of_two_results() {
    for (name, other) in [
        ("2026-11-23.csv", "2026-11-24.csv"),
        ("20261123.csv", "20261124.csv"),
        ("261123.csv", "261124.csv"),
        ("2026-11-23_06.csv", "2026-11-23_07.csv"),
        ("261123_06.csv", "261123_07.csv"),
        ("2026-11-23_0600.csv", "2026-11-23_0615.csv"),
        ("2026-11-23_0000.csv", "2026-11-23_0015.csv"),
        ("20261123_060000.csv", "20261123_061500.csv"),
        ("export-0600.csv", "export-0615.csv"),
        ("export-1430.csv", "export-1445.csv"),
        ("export-1795714800.csv", "export-1795714801.csv"),
        ("week-46.csv", "week-47.csv"),
        ("2026_W46.csv", "2026_W47.csv"),
        ("q3.csv", "q4.csv"),
        ("contacts-v2.csv", "contacts-v3.csv"),
        ("contacts-1.1.csv", "contacts-1.2.csv"),
        ("summer_2025.csv", "summer_2026.csv"),
        ("contacts-0012ab34.csv", "contacts-0013ab34.csv"),
        ("a-1.csv", "b-2.csv"),
        ("a-1.csv", "a_2.csv"),
        ("a-1.csv", "a-2.csv.gz"),
        ("a-1-1.csv", "a-2-2.csv"),
        ("export-1_20261123T060000Z.csv", "export-1_20261123T061500Z.csv"),
        ("summer.csv", "summit.csv"),
        ("contacts.csv", "contacts.csv.gz"),
        ("contacts.csv", "contacts.csv"),
    ] {
        assert_eq!(kinship(name, other), None, "{name} {other}");
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

    #[test]
    fn siblings_know_each_other_and_share_their_beginning(
        before in "[a-z]{0,6}[-_.]?", number in 0_u32..2_000, other in 0_u32..2_000, after in "([-_][a-z]{1,4})?\\.csv(\\.gz)?",
    ) {
        let (name, sibling) = (format!("{before}{number}{after}"), format!("{before}{other}{after}"));
        let kin = kinship(&name, &sibling);
        prop_assert_eq!(kin, kinship(&sibling, &name));
        prop_assert!(kin.is_none() || sibling.starts_with(common_start(&name)), "{} {}", name, sibling);
    }

    #[test]
    fn any_name_is_taken_apart(name in "\\PC{0,40}", other in "\\PC{0,40}") {
        let _ = is_plainly_a_part(&name);
        prop_assert!(name.starts_with(common_start(&name)));
        prop_assert_eq!(kinship(&name, &other), kinship(&other, &name));
    }
}
