//! What can be wrong with the content of a result, each said to the person who can change it.

use crate::source::parts::Misfit;
use std::io;

/// What is wrong with the content of one object; all of it permanent.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is not even a header.
    #[error(
        "the object is empty, without even a header: check the query, and unload a header so that an empty result is a result"
    )]
    Empty,
    /// The compressed stream ends early.
    #[error("the {format} data is truncated: the file was not written to its end, unload it again")]
    Truncated {
        /// The compression or file format.
        format: &'static str,
    },
    /// The compressed stream is damaged.
    #[error("the {format} data is corrupt: the file was damaged on its way, unload it again")]
    Corrupt {
        /// The compression or file format.
        format: &'static str,
    },
    /// A Parquet file of which the end is not there, or not the end.
    #[error(
        "the Parquet data does not end as Parquet does: the file was not written to its end, or something was written behind it; unload it again"
    )]
    NoFooter,
    /// UTF-16 whose last character is half a one.
    #[error(
        "the UTF-16 text ends in the middle of a character: the file was not written to its end, or something was written behind it; unload it again"
    )]
    HalfCharacter,
    /// Text in another encoding behind UTF-16.
    #[error(
        "the text begins in UTF-16 and goes on in another encoding, so rows would be lost: files were put together, or something was written to its end; write it in one encoding"
    )]
    OtherEncoding,
    /// A file that ends like Parquet, and cannot be read as what it begins like.
    #[error(
        "the content ends as Parquet does, but does not begin so: the file was damaged on its way, or something was written before it; unload it again"
    )]
    OnlyFooter,
    /// Parquet files, put one after the other.
    #[error(
        "there is another file before the Parquet data, whose rows would be lost: Parquet files cannot be put one after the other; drop them into one folder and set result_files to folder in the destination secret, or write one file"
    )]
    Joined,
    /// Something follows the compressed data that is none.
    #[error(
        "there are bytes behind the {format} data: something was written to the end of the packed file; unload it again"
    )]
    Behind {
        /// The compression.
        format: &'static str,
    },
    /// The content is not what the name of the object says.
    #[error(
        "the name ends in .{extension}, but the content is neither {expected} nor text: unload it again as {expected}, or without that ending"
    )]
    NotAsNamed {
        /// What the key ends in.
        extension: String,
        /// The format that this ending stands for.
        expected: &'static str,
    },
    /// The first bytes are those of no format that is read.
    #[error("the content is {what}: unload the result as CSV, JSON Lines or Parquet; plain, gzip, zstd or bzip2")]
    Unrecognised {
        /// What the content looks like.
        what: &'static str,
    },
    /// A small file becomes absurdly large.
    #[error("the file unpacks to more than {limit_mib} MiB, over {ratio} times its size: no query result does that")]
    Bomb {
        /// How far it was unpacked, in MiB.
        limit_mib: u64,
        /// The accepted ratio.
        ratio: u64,
    },
    /// A zstd frame asks for more memory than is planned for.
    #[error(
        "the zstd data needs a window of more than {limit_mib} MiB: compress it with level 19 or lower and without --long"
    )]
    Window {
        /// The largest accepted window in MiB.
        limit_mib: u64,
    },
    /// One record is longer than any row of a query result.
    #[error(
        "the record that starts in line {line} is longer than {limit_kib} KiB: a quote that is never closed, lines that end with something else than LF or CR LF, or no text file at all"
    )]
    LongRecord {
        /// Number of the line, from 1.
        line: u64,
        /// The longest accepted record in KiB.
        limit_kib: usize,
    },
    /// A quoted value that never ends or does not end where it should.
    #[error(
        "the quotes of the record that starts in line {line} do not match, so rows would be lost: unload with quoted values and doubled quotes (Redshift: UNLOAD ... FORMAT CSV)"
    )]
    Quotes {
        /// Number of the line, from 1.
        line: u64,
    },
    /// A record that makes sense in two ways.
    #[error(
        "the quotes of the record that starts in line {line} can be read in two ways, so nobody can tell which rows there are: select the contact id alone, or write the names of the header and all texts in quotes and double those inside (Spark: .option(\"quoteAll\", true).option(\"escape\", \"\\\"\"))"
    )]
    TwoReadings {
        /// Number of the line, from 1.
        line: u64,
    },
    /// A row that was cut at a delimiter or line end which a backslash should have made part of a value.
    #[error(
        "line {line} is cut where a backslash stands before a delimiter or line end: unload with quoted values instead of escapes (Redshift: UNLOAD ... FORMAT CSV HEADER, without ESCAPE)"
    )]
    Escapes {
        /// Number of the line, from 1.
        line: u64,
    },
    /// Files of different columns, put one after the other.
    #[error(
        "line {line} is a header with the id column in another place: files of different columns were put together; drop each as a result of its own, or unload them with the same columns"
    )]
    SecondHeader {
        /// Number of the line, from 1.
        line: u64,
    },
    /// A character that ends no line of this file, where it would end one.
    #[error(
        "line {line} holds {found} outside of quotes, but the lines of this file end with {ends}, so rows would be lost: write it again with one kind of line end, and values with line ends in quotes"
    )]
    LineEnds {
        /// Number of the line, from 1.
        line: u64,
        /// What it holds.
        found: &'static str,
        /// What ends the first line.
        ends: &'static str,
    },
    /// The file has zero bytes where text should be.
    #[error(
        "line {line} holds a NUL byte: the file is damaged, or UTF-16 without a byte order mark; unload it again as UTF-8"
    )]
    Nul {
        /// Number of the line, from 1.
        line: u64,
    },
    /// The id column is not there.
    #[error(
        "there is no column {column}; the file has {columns}: select the contact id under that name, or set contactid_column; if the first line is a row already, unload with column names"
    )]
    MissingColumn {
        /// The wanted column, as a sentence may name it.
        column: String,
        /// How many columns there are, and those that come near: all others may be data.
        columns: String,
    },
    /// No JSON object has the id.
    #[error(
        "no object has the key {column}; the first one has {keys}: select the contact id under that name, or set contactid_column"
    )]
    MissingKey {
        /// The wanted key, as a sentence may name it.
        column: String,
        /// How many keys the first object has, and those that come near: all others may be data.
        keys: String,
    },
    /// The id may be the value of one key or of another.
    #[error(
        "in line {line} the key \"{column}\" stands a second time, or in another spelling than before (case and blanks make no other column): select the contact id once, under one name"
    )]
    RepeatedKey {
        /// The wanted key.
        column: String,
        /// Number of the line, from 1.
        line: u64,
    },
    /// The id column is there more than once.
    #[error("there are {count} columns \"{column}\": select the contact id only once")]
    RepeatedColumn {
        /// The wanted column.
        column: String,
        /// How often it was found.
        count: usize,
    },
    /// The first record is data.
    #[error(
        "there is no header: the first line already holds a contact id. Unload with column names: Redshift UNLOAD ... HEADER, Snowflake COPY INTO ... HEADER = TRUE, BigQuery EXPORT DATA header = true, Spark .option(\"header\", \"true\"), psql \\copy ... HEADER"
    )]
    NoHeader,
    /// The header holds an id: rows stand in it whose lines end with something else, or that are a list in one line.
    #[error(
        "the first line holds an id beside the names of columns, so rows may stand in it and would be lost: end the header and every row with LF or CR LF, close the quotes of the header, write one id a row, and name no column after an id"
    )]
    IdsInHeader,
    /// There are no rows, and columns are named after ids.
    #[error(
        "there are no rows, and a column is named after an id, so the ids may be the names of the columns: write them one a row as the values of one column (pandas: pd.DataFrame({{\"contactid\": ids}}))"
    )]
    IdsAsColumns,
    /// There is nothing but a header that looks like more than names.
    #[error(
        "there are no rows, and the first line looks like more than column names: it is very long, or holds characters that end lines elsewhere, so it may be the whole result; end the header and every row with LF or CR LF"
    )]
    OnlyLine,
    /// A line is no JSON object.
    #[error(
        "line {line} is no JSON object: the file is truncated or no JSON Lines, unload it again with one object a line"
    )]
    Json {
        /// Number of the line, from 1.
        line: u64,
    },
    /// The id column of a Parquet file holds something else than GUIDs.
    #[error(
        "the column \"{column}\" is of Parquet type {found}: select the contact id as text, CAST({column} AS VARCHAR), or as a UUID"
    )]
    ColumnType {
        /// The wanted column.
        column: String,
        /// Its type, as the one who wrote the file would call it.
        found: String,
    },
    /// UUIDs in a Parquet column that says nothing of them.
    #[error(
        "the column \"{column}\" holds binary of 16 bytes: select the contact id as text (hex({column}) in Spark, TO_HEX({column}) in BigQuery and Athena, HEX_ENCODE({column}) in Snowflake), or write it as a UUID"
    )]
    RawIds {
        /// The wanted column.
        column: String,
    },
    /// The id column is encrypted.
    #[error("the column \"{column}\" is encrypted: write the file without Parquet's encryption, S3 encrypts it anyway")]
    EncryptedColumn {
        /// The wanted column.
        column: String,
    },
    /// The values stand in another file.
    #[error(
        "the values of the column \"{column}\" lie in another file, as a summary of several files has it: drop the files that hold the rows"
    )]
    OtherFile {
        /// The wanted column.
        column: String,
    },
    /// Parquet pages that are written in a way that is not read.
    #[error(
        "the Parquet pages are written in {encoding}, which is not read: write them plain, with a dictionary or in DELTA_BYTE_ARRAY"
    )]
    Encoding {
        /// The encoding.
        encoding: String,
    },
    /// A page of a Parquet file needs more memory than is planned for.
    #[error(
        "a page of the Parquet column takes {needed_mib} MiB with its dictionary, more than the {limit_mib} MiB that there are for it: write smaller pages (Spark parquet.page.size and parquet.block.size, pyarrow data_page_size and row_group_size, DuckDB ROW_GROUP_SIZE), or give the function more memory"
    )]
    LargePage {
        /// The memory it takes, in MiB.
        needed_mib: u64,
        /// The memory there is, in MiB.
        limit_mib: u64,
    },
    /// A footer of a Parquet file that is larger than is planned for.
    #[error("the Parquet footer has more than {limit} {what}: select fewer columns, and write larger row groups")]
    LargeFooter {
        /// The planned number.
        limit: usize,
        /// What there are too many of.
        what: &'static str,
    },
    /// A few bytes stand for more rows than any query result has.
    #[error("more than {limit} rows are said to be in bytes that cannot tell them apart: no query result does that")]
    UntoldRows {
        /// The accepted number.
        limit: u64,
    },
    /// Parquet pages in a compression that is not read.
    #[error("the Parquet pages are compressed with {codec}: unload with snappy, gzip, zstd or no compression")]
    Codec {
        /// The codec.
        codec: String,
    },
    /// It is not one whole result.
    #[error(transparent)]
    Parts(#[from] Misfit),
    /// More ids than memory is planned for.
    #[error("the result holds more than {limit} contact ids, ten times what a segment takes: narrow the query")]
    TooMany {
        /// The planned number.
        limit: usize,
    },
    /// A parser met what nobody thought of.
    #[error(
        "the file made its reader fail, so it is probably damaged: unload it again; if that does not help, report the file's format and who wrote it to the maintainers"
    )]
    Panic,
    /// The stream ended because the fetching side did, or reading was to stop; never shown, that side's error is.
    #[error("reading was interrupted ({0})")]
    Io(io::ErrorKind),
}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        Self::new(io::ErrorKind::InvalidData, problem)
    }
}

impl From<io::Error> for Problem {
    /// Takes the problem out of the error that carried it through `Read`.
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::Io(error.kind()))
    }
}
