//! Which names may be two files of one result, and which are of two.

use crate::source::parts::counter::{Kinship, common_start, is_plainly_a_part, kinship};
use proptest::prelude::*;

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
        ("sale.csvaa", "sale.csvab"),
        ("sale.csv.01", "sale.csv.07"),
        ("sale_1of3.csv", "sale_2of3.csv"),
        // Right behind a date, a word or an id.
        ("2026-11-23000000000000.csv", "2026-11-23000000000001.csv"),
        ("202611231.csv", "202611232.csv"),
        ("20261123001.csv", "20261123002.csv"),
        ("contacts000000000000.csv", "contacts000000000001.csv"),
        ("file0.csv", "file1.csv"),
        ("sale12345678000.csv", "sale12345678001.csv"),
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
        ("20261123000", "20261123001"),
        ("contacts20261123000.csv", "contacts20261123001.csv"),
        ("2026-11-23000.gz", "2026-11-23001.gz"),
        ("summer2026000", "summer2026001"),
        ("20261123093015000", "20261123093015001"),
        ("20261123_093015000", "20261123_093015012"),
        ("1795714800000.gz", "1795714800001.gz"),
        ("sale.csv000", "sale.csv001"),
        ("sale.csv.000", "sale.csv.007"),
        ("sale_F000.csv", "sale_F001.csv"),
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
        ("export-20261123093000.csv", "export-20261123093500.csv"),
        ("20261123093000.csv", "20261123093015.csv"),
        ("20261123_093000.csv", "20261123_093015.csv"),
        ("202611230000.csv", "202611230001.csv"),
        ("20261123000.gz", "20261124000.gz"),
        ("2026-11-23000.gz", "2026-11-24000.gz"),
        ("1700000000.csv", "1700000300.csv"),
        ("1700000000.csv", "1700000060.csv"),
        ("1700000000000.csv", "1700000060000.csv"),
        ("export-123456789.csv", "export-123456790.csv"),
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
    /// The oracle is the writer: `BigQuery` puts twelve digits, Redshift three in the place where the name ends.
    #[test]
    fn numbers_right_behind_a_name_count_whatever_the_name_ends_in(
        seconds in 1_500_000_000_i64..1_900_000_000,
        format in proptest::sample::select(vec!["%Y-%m-%d", "%Y%m%d", "%Y-%m", "%Y", "%Y%m%d%H%M", "%Y%m%d%H%M%S"]),
        before in "([a-z]{2,6}[-_]?)?", further in 1_u32..1_000, ending in "(\\.csv)?(\\.gz)?",
    ) {
        let date = chrono::DateTime::from_timestamp(seconds, 0).unwrap().format(format);
        let bigquery = |number: u32| format!("{before}{date}{number:012}{ending}");
        prop_assert!(is_plainly_a_part(&bigquery(0)), "{}", bigquery(0));
        prop_assert!(is_plainly_a_part(&bigquery(further)), "{}", bigquery(further));
        let redshift = |number: u32| format!("{before}{date}{number:03}{ending}");
        let (first, further) = (redshift(0), redshift(further % 100));
        prop_assert!(!is_plainly_a_part(&first), "{first}");
        let is_one = first == further;
        prop_assert_eq!(kinship(&first, &further), (!is_one).then_some(Kinship::Certain), "{} {}", first, further);
        prop_assert!(further.starts_with(common_start(&first)));
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
