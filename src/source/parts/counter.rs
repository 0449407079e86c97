//! Which names only a job with several files gives, and which may be two files of one result.

use super::token::{Kind, Token, tokens};

/// The file endings behind which `split` puts letters that count, and Aurora its `_part2`.
const FORMATS: [&str; 7] = ["csv", "tsv", "txt", "json", "jsonl", "ndjson", "psv"];

/// Tells whether only a job that writes several files gives such a name.
///
/// A number counts parts where it is 0, has zeros before it (`001`; two digits may be a day, a week or an hour), or
/// stands behind `part` or `block`; dates, times, epochs, UUIDs, hashes and versions never do. A stem that ends in
/// `000` or `0000` is what Redshift calls its only file.
pub(super) fn is_plainly_a_part(name: &str) -> bool {
    let tokens = tokens(name);
    let end = stem(name).len();
    let counts = |token: &Token<'_>| {
        let is_only_one = matches!(token.text, "000" | "0000") && token.end() == end;
        token.kind == Kind::Counter && !token.is_joined && is_padded(token.text) && !is_only_one
    };
    tokens.iter().any(counts)
        || is_behind_part(&tokens)
        || is_one_of(&tokens)
        || is_snowflake(name, &tokens)
        || is_athena(name)
        || is_synapse(&tokens)
        || is_vertica(&tokens)
        || is_firehose(name, &tokens)
        || is_split(name)
}

/// Tells whether a number is 0 or has zeros before it that no date or time has.
fn is_padded(digits: &str) -> bool {
    match digits.len() {
        1 | 2 => digits.bytes().all(|byte| byte == b'0'),
        3 => digits.starts_with('0'),
        _ => digits.starts_with("00"),
    }
}

/// `part-00000`, `part-r-00001`, `part.3`, `contacts.csv_part2`, `run-1700000000000-part-block-1-r-00012`, `3.part`.
fn is_behind_part(tokens: &[Token<'_>]) -> bool {
    let is_part = |token: &Token<'_>| token.kind == Kind::Word && (token.is("part") || token.is("block"));
    let is_task = |token: &Token<'_>| token.is("r") || token.is("m");
    let counts = |token: &Token<'_>| token.kind == Kind::Counter;
    let counts_behind = tokens.iter().enumerate().any(|(index, token)| {
        is_part(token)
            && match &tokens[index + 1..] {
                [task, number, ..] if is_task(task) => counts(number),
                [number, ..] => counts(number),
                [] => false,
            }
    });
    let counts_before = matches!(tokens, [number, part] if counts(number) && part.is("part"));
    counts_behind || counts_before
}

/// `contacts_1_of_3.csv`.
fn is_one_of(tokens: &[Token<'_>]) -> bool {
    let counts = |token: &Token<'_>| token.kind == Kind::Counter;
    tokens
        .windows(3)
        .any(|three| counts(&three[0]) && three[1].is("of") && counts(&three[2]))
}

/// `data_1_2_3.csv.gz`, with any prefix or query id before the three small numbers at the stem's end.
fn is_snowflake(name: &str, tokens: &[Token<'_>]) -> bool {
    let is_small = |token: &Token<'_>| token.kind == Kind::Counter && !token.is_joined && token.text.len() <= 3;
    let within: Vec<_> = tokens.iter().filter(|token| token.end() <= stem(name).len()).collect();
    let Some([first, second, third]) = within.last_chunk() else {
        return false;
    };
    let joins = |before: &Token<'_>, after: &Token<'_>| name.get(before.end()..after.start) == Some("_");
    [first, second, third].iter().all(|token| is_small(token)) && joins(first, second) && joins(second, third)
}

/// `20261123_093015_00042_x7k2p_<id>.gz`: the query id that Athena and Trino put before each of their files.
fn is_athena(name: &str) -> bool {
    let pieces: Vec<_> = name.split('_').collect();
    let are_digits = |index: usize, length: usize| {
        pieces
            .get(index)
            .is_some_and(|piece| piece.len() == length && piece.bytes().all(|byte| byte.is_ascii_digit()))
    };
    pieces.len() >= 5 && are_digits(0, 8) && are_digits(1, 6) && are_digits(2, 5) && pieces[3].len() == 5
}

/// `QID776_20160130_182739_3.csv`, of a dedicated pool.
fn is_synapse(tokens: &[Token<'_>]) -> bool {
    let [query, number, date, time, file, ..] = tokens else {
        return false;
    };
    query.is("QID")
        && number.is_joined
        && [date, time].iter().all(|token| token.kind == Kind::Time)
        && file.kind == Kind::Counter
}

/// `<hash>-v_vmart_node0001-<thread>.parquet`: the node and the thread that wrote it.
fn is_vertica(tokens: &[Token<'_>]) -> bool {
    let is_number = |token: &Token<'_>| token.text.bytes().all(|byte| byte.is_ascii_digit());
    tokens.windows(3).any(|three| {
        let [node, number, thread] = three else { return false };
        node.is("node") && number.is_joined && number.text.len() == 4 && is_number(thread)
    })
}

/// `<stream>-1-2026-11-23-09-30-15-<uuid>`: one buffer of a stream.
fn is_firehose(name: &str, tokens: &[Token<'_>]) -> bool {
    let within: Vec<_> = tokens.iter().filter(|token| token.end() <= stem(name).len()).collect();
    let Some([version, time @ .., id]) = within.last_chunk::<8>() else {
        return false;
    };
    let is_whole = time.iter().all(|token| token.kind == Kind::Time);
    version.kind == Kind::Counter && is_whole && id.kind == Kind::Id && id.text.len() == 36
}

/// `xaa`, `x00`, `contacts.csv.aa`: the first 26 files of `split` or the first ten of `split -d`.
fn is_split(name: &str) -> bool {
    let is_letters = |text: &str| text.len() == 2 && text.starts_with('a') && text.as_bytes()[1].is_ascii_lowercase();
    let is_default = name
        .strip_prefix('x')
        .is_some_and(|rest| is_letters(rest) || rest.len() == 2 && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let is_behind_format = name.rsplit_once('.').is_some_and(|(rest, ending)| {
        let format = rest.rsplit('.').next().unwrap_or_default();
        is_letters(ending) && rest.contains('.') && FORMATS.contains(&format)
    });
    is_default || is_behind_format
}

/// How two names are two files of one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinship {
    /// They differ in nothing but a number, as two results of a day may, too.
    Number,
    /// One is the other with what its writer adds to further files: however far apart they came.
    Certain,
}

/// Tells whether two names may be two files of one result.
pub(super) fn kinship(name: &str, other: &str) -> Option<Kinship> {
    if name == other {
        None
    } else if are_of_redshift(name, other) || is_further_of(name, other) || is_further_of(other, name) {
        Some(Kinship::Certain)
    } else {
        (differ_in_a_number(name, other) || differ_in_letters(name, other)).then_some(Kinship::Number)
    }
}

/// `contacts000.gz` and another of that length: the first file and a further one of `PARALLEL OFF`.
fn are_of_redshift(name: &str, other: &str) -> bool {
    let (Some(this), Some(that)) = (redshift_number(name), redshift_number(other)) else {
        return false;
    };
    let is_first = |number: &str| number.bytes().all(|byte| byte == b'0');
    let rest = |name: &str, number: &str| {
        let start = stem(name).len() - number.len();
        (name[..start].to_owned(), name[start + number.len()..].to_owned())
    };
    this.len() == that.len() && (is_first(this) || is_first(that)) && rest(name, this) == rest(other, that)
}

/// Returns the number that a stem ends in as Redshift's do: `012`; of four digits only those that are hardly a time.
fn redshift_number(name: &str) -> Option<&str> {
    let stem = stem(name);
    let digits = &stem[stem
        .trim_end_matches(|character: char| character.is_ascii_digit())
        .len()..];
    let is_one = match digits.len() {
        3 => digits.starts_with('0'),
        4 => digits.starts_with("000"),
        _ => false,
    };
    is_one.then_some(digits)
}

/// Tells whether `further` is what Aurora calls the second and later files of `first`: `contacts.csv_part2`.
fn is_further_of(first: &str, further: &str) -> bool {
    let number = further.strip_prefix(first).and_then(|rest| rest.strip_prefix("_part"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Tells whether nothing but one counter differs, and the moment of writing behind it (Oracle).
fn differ_in_a_number(name: &str, other: &str) -> bool {
    let (ours, theirs) = (tokens(name), tokens(other));
    if ours.len() != theirs.len() || separators(name, &ours) != separators(other, &theirs) {
        return false;
    }
    let differing: Vec<_> = (0..ours.len())
        .filter(|index| !ours[*index].text.eq(theirs[*index].text))
        .collect();
    let are = |index: usize, kind| ours[index].kind == kind && theirs[index].kind == kind;
    match differing.as_slice() {
        [counter] => are(*counter, Kind::Counter),
        [counter, moment @ ..] => {
            are(*counter, Kind::Counter)
                && is_iso(name, &ours[*counter + 1..])
                && moment
                    .iter()
                    .all(|index| index - counter <= 2 && are(*index, Kind::Time))
        }
        [] => false,
    }
}

/// Tells whether tokens begin with a moment like `20261123T093015Z`.
fn is_iso(name: &str, tokens: &[Token<'_>]) -> bool {
    let [date, time, ..] = tokens else { return false };
    let between = name.get(date.end()..time.start);
    date.text.len() == 8 && date.kind == Kind::Time && time.kind == Kind::Time && between == Some("T")
}

fn separators<'a>(name: &'a str, tokens: &[Token<'_>]) -> Vec<&'a str> {
    let starts = tokens.iter().map(|token| token.start).chain([name.len()]);
    let ends = [0].into_iter().chain(tokens.iter().map(Token::end));
    ends.zip(starts)
        .map(|(end, start)| name.get(end..start).unwrap_or_default())
        .collect()
}

/// `contacts_ab.csv` beside `contacts_aa.csv`: what `split` counts with.
fn differ_in_letters(name: &str, other: &str) -> bool {
    let cut = |name: &str| {
        let stem = stem(name);
        let letters = stem
            .len()
            .checked_sub(2)
            .filter(|start| stem.is_char_boundary(*start))?;
        let are_letters = stem[letters..].bytes().all(|byte| byte.is_ascii_lowercase());
        are_letters.then(|| {
            (
                name[..letters].to_owned(),
                stem[letters..].to_owned(),
                name[stem.len()..].to_owned(),
            )
        })
    };
    match (cut(name), cut(other)) {
        (Some((before, ours, after)), Some((other_before, theirs, other_after))) => {
            let follow = matches!((ours.as_str(), theirs.as_str()), ("aa", _) | (_, "aa"))
                && ours.starts_with('a')
                && theirs.starts_with('a');
            follow && before == other_before && after == other_after
        }
        _ => false,
    }
}

/// Returns how much of a name all its siblings begin with.
pub(super) fn common_start(name: &str) -> &str {
    let counter = tokens(name)
        .iter()
        .find(|token| token.kind == Kind::Counter)
        .map_or(name.len(), |token| token.start);
    let stem = stem(name);
    let number = stem
        .trim_end_matches(|character: char| character.is_ascii_digit())
        .len();
    let letters = stem.len().saturating_sub(2);
    let further = name.rfind("_part").unwrap_or(name.len());
    let mut end = counter.min(number).min(letters).min(further);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Returns a name without its endings: up to the first point behind its first character.
fn stem(name: &str) -> &str {
    let end = name
        .char_indices()
        .skip(1)
        .filter(|(_, character)| *character == '.')
        .map(|(index, _)| index)
        .find(|index| is_endings(&name[index + 1..]));
    &name[..end.unwrap_or(name.len())]
}

/// Tells whether all that is left of a name are endings: formats and compressions.
fn is_endings(rest: &str) -> bool {
    let known = |ending: &str| {
        FORMATS.contains(&ending)
            || matches!(
                ending,
                "parquet"
                    | "parq"
                    | "pq"
                    | "orc"
                    | "avro"
                    | "dat"
                    | "snappy"
                    | "gzip"
                    | "gz"
                    | "bz2"
                    | "zst"
                    | "zstd"
                    | "lz4"
                    | "deflate"
            )
    };
    rest.split('.').all(|ending| known(&ending.to_ascii_lowercase()))
}
