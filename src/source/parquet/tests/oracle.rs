//! Files of another writer hold what was given to it, however it is told to write them.

use super::*;
use crate::domain::ContactId;
use crate::source::testing::id;
use parquet::basic::{Compression, ConvertedType, Encoding, GzipLevel, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type};
use proptest::prelude::*;
use std::collections::BTreeSet;

const TEXT: &str =
    "message rows { required int64 n; optional group deep { optional binary x; } optional binary ContactId (UTF8); }";
const UUIDS: &str = "message rows { optional fixed_len_byte_array(16) contactid (UUID); }";
const REQUIRED: &str = "message rows { required binary contactid; }";

/// Columns of text and no rows, as another writer writes them.
fn without_rows(names: &[&str]) -> Vec<u8> {
    let text = |name: &&str| {
        let builder = Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY);
        Arc::new(builder.with_converted_type(ConvertedType::UTF8).build().unwrap())
    };
    let columns = names.iter().map(text).collect();
    let schema = Type::group_type_builder("rows").with_fields(columns).build().unwrap();
    let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::default()).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn ids_that_are_the_names_of_columns_are_no_empty_result() {
    assert_eq!(read_bytes(without_rows(&["contactid", "name"])).unwrap().rows, 0);
    for ids in [
        vec![id(1)],
        vec![id(1), id(2)],
        vec![format!("_{}", id(1).replace('-', "_"))],
    ] {
        let names: Vec<_> = ["contactid"]
            .into_iter()
            .chain(ids.iter().map(String::as_str))
            .collect();
        assert!(
            matches!(read_bytes(without_rows(&names)), Err(Problem::IdsAsColumns)),
            "{names:?}"
        );
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug)]
struct Way {
    codec: Compression,
    version: WriterVersion,
    encoding: Option<Encoding>,
    page_rows: usize,
    group_rows: usize,
    has_filters: bool,
}

fn way(encodings: &'static [Encoding]) -> impl Strategy<Value = Way> {
    let codecs = vec![
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ];
    let versions = vec![WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let encoding = prop::option::of(prop::sample::select(encodings));
    let (codec, version) = (prop::sample::select(codecs), prop::sample::select(versions));
    (codec, version, encoding, 1_usize..70, 1_usize..200, any::<bool>()).prop_map(
        |(codec, version, encoding, page_rows, group_rows, has_filters)| Way {
            codec,
            version,
            encoding,
            page_rows,
            group_rows,
            has_filters,
        },
    )
}

/// Cells by number: an id, the same id again and again, something else, nothing.
fn cells(is_optional: bool) -> impl Strategy<Value = Vec<Option<u64>>> {
    let cell = prop_oneof![
        4 => (0..5_000_u64).prop_map(Some),
        2 => Just(Some(7)),
        1 => (10_000..10_003_u64).prop_map(Some),
        2 => if is_optional { Just(None) } else { Just(Some(9)) },
    ];
    prop::collection::vec(cell, 0..400)
}

fn text(number: u64) -> Vec<u8> {
    match number {
        10_000 => b"not an id".to_vec(),
        10_001 => Vec::new(),
        10_002 => "x".repeat(3_000).into_bytes(),
        number => id(number).into_bytes(),
    }
}

fn write<T: DataType>(
    schema: &str,
    way: Way,
    cells: &[Option<u64>],
    value: impl Fn(u64) -> T::T,
) -> parquet::errors::Result<Vec<u8>> {
    let schema = Arc::new(parse_message_type(schema)?);
    let name = schema.get_fields().last().unwrap().name().to_owned();
    let path = ColumnPath::from(name.as_str());
    let mut properties = WriterProperties::builder()
        .set_compression(way.codec)
        .set_writer_version(way.version)
        .set_data_page_row_count_limit(way.page_rows)
        .set_write_batch_size(way.page_rows)
        .set_bloom_filter_enabled(way.has_filters)
        .set_bloom_filter_max_ndv(100)
        .set_dictionary_page_size_limit(2_000);
    if let Some(encoding) = way.encoding {
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, encoding);
    }
    let writer_columns = SchemaDescriptor::new(Arc::clone(&schema)).columns().to_vec();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build()))?;
    for cells in cells.chunks(way.group_rows) {
        let mut group = writer.next_row_group()?;
        let mut descriptors = writer_columns.iter();
        while let (Some(mut column), Some(descriptor)) = (group.next_column()?, descriptors.next()) {
            if descriptor.name() == name {
                let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                let values: Vec<_> = cells.iter().flatten().map(|number| value(*number)).collect();
                let levels = (descriptor.max_def_level() > 0).then_some(levels.as_slice());
                column.typed::<T>().write_batch(&values, levels, None)?;
            } else if descriptor.name() == "n" {
                let numbers: Vec<i64> = (0..).take(cells.len()).collect();
                column.typed::<Int64Type>().write_batch(&numbers, None, None)?;
            } else {
                let levels = vec![0; cells.len()];
                column.typed::<ByteArrayType>().write_batch(&[], Some(&levels), None)?;
            }
            column.close()?;
        }
        group.close()?;
    }
    writer.into_inner()
}

/// Compares what is read with the cells themselves.
fn check(bytes: Vec<u8>, cells: &[Option<u64>], is_id: impl Fn(u64) -> bool) -> Result<(), TestCaseError> {
    let rows = read_bytes(bytes).map_err(|problem| TestCaseError::fail(problem.to_string()))?;
    let ids: Vec<_> = cells.iter().flatten().filter(|number| is_id(**number)).collect();
    let distinct: BTreeSet<_> = ids
        .iter()
        .filter_map(|number| ContactId::parse(id(**number).as_bytes()))
        .collect();
    prop_assert_eq!(rows.contacts.as_slice(), distinct.iter().copied().collect::<Vec<_>>());
    prop_assert_eq!(rows.rows, cells.len() as u64);
    prop_assert_eq!(rows.duplicates, (ids.len() - distinct.len()) as u64);
    let rejected: Vec<_> = rows.rejected.rows.iter().map(|row| row.line).collect();
    let expected = cells.iter().zip(1..).filter(|(cell, _)| !cell.is_some_and(&is_id));
    prop_assert_eq!(rejected, expected.map(|(_, line)| line).collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn text_comes_back(
        way in way(&[Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY]),
        cells in cells(true),
    ) {
        let bytes = write::<ByteArrayType>(TEXT, way, &cells, |number| ByteArray::from(text(number))).unwrap();
        check(bytes, &cells, |number| number < 10_000)?;
    }

    #[test]
    fn uuids_come_back(
        way in way(&[Encoding::PLAIN, Encoding::DELTA_BYTE_ARRAY, Encoding::BYTE_STREAM_SPLIT]),
        cells in cells(true),
    ) {
        let value = |number: u64| {
            let bytes = ContactId::parse(id(number).as_bytes()).unwrap().as_bytes();
            FixedLenByteArray::from(bytes.to_vec())
        };
        let bytes = write::<FixedLenByteArrayType>(UUIDS, way, &cells, value).unwrap();
        check(bytes, &cells, |_| true)?;
    }

    #[test]
    fn a_column_without_nulls_comes_back(
        way in way(&[Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY]),
        cells in cells(false),
    ) {
        let bytes = write::<ByteArrayType>(REQUIRED, way, &cells, |number| ByteArray::from(text(number))).unwrap();
        check(bytes, &cells, |number| number < 10_000)?;
    }

    /// The second footer knows the rows of the second file alone, and its offsets lead into the first.
    #[test]
    fn two_files_put_one_after_the_other_are_refused(
        way in way(&[Encoding::PLAIN]),
        first in cells(true), second in cells(true), between in prop::sample::select(vec!["", "\n", "\r\n"]),
    ) {
        let file = |cells: &[_]| write::<ByteArrayType>(TEXT, way, cells, |number| ByteArray::from(text(number))).unwrap();
        let joined = [file(&first), between.into(), file(&second)].concat();
        prop_assert!(matches!(read_bytes(joined), Err(Problem::Joined)));
    }
}
