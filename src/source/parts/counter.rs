//! Which names only a job with several files gives, and which may be two files of one result.

use super::redshift::{are_of_redshift, may_be_of_redshift};
use super::run::without_number;
use super::token::{Kind, Token, tokens};

/// The endings of texts, which `split` and people cut.
const TEXTS: [&str; 7] = ["csv", "tsv", "txt", "json", "jsonl", "ndjson", "psv"];
/// The endings of other formats, and of compressions.
const OTHERS: [&str; 14] = [
    "parquet", "parq", "pq", "orc", "avro", "dat", "snappy", "gzip", "gz", "bz2", "zst", "zstd", "lz4", "deflate",
];

/// Returns whether only a job that writes several files gives such a name.
///
/// A number counts parts where it is 0, has zeros before it (`001`; two digits may be a day, a week or an hour), or
/// stands behind `part` or `block`; dates, times, epochs, UUIDs, hashes and versions never do. Right behind letters it
/// has to end the stem (`LOAD00000001`). A stem that ends in `000` or `0000` is what Redshift calls its only file,
/// but behind an ending (`contacts.csv.000`) it is what `split` calls its first.
pub(super) fn is_plainly_a_part(name: &str) -> bool {
    let tokens = tokens(name);
    let end = stem(name).len();
    let counts = |token: &Token<'_>| {
        let is_last = token.end() == end;
        let is_only_one = matches!(token.text, "000" | "0000") && is_last && !is_behind_ending(&name[..token.start]);
        let stands_free = !token.is_joined || is_last && !is_hash(&name[..end]);
        token.kind == Kind::Counter && is_padded(token.text) && !is_only_one && stands_free
    };
    tokens.iter().any(counts)
        || is_behind_part(&tokens)
        || is_one_of(&tokens)
        || is_snowflake(name, &tokens)
        || is_athena(name)
        || is_synapse(&tokens)
        || is_vertica(&tokens)
        || is_firehose(name, &tokens)
        || is_split(stem(name))
}

/// Returns whether a number is 0 or has zeros before it that no date or time has.
fn is_padded(digits: &str) -> bool {
    match digits.len() {
        1 | 2 => digits.bytes().all(|byte| byte == b'0'),
        3 => digits.starts_with('0'),
        _ => digits.starts_with("00"),
    }
}

/// Returns whether a stem ends in a hash that happens to be letters first and a number then: `deadbeef00`.
fn is_hash(stem: &str) -> bool {
    let run = stem.rsplit(|character: char| !character.is_alphanumeric()).next();
    run.is_some_and(|run| {
        let is_long = run.len() >= 7 && without_number(run).len() >= 4;
        is_long && run.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
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

/// `contacts_1_of_3.csv`, `contacts(1of3).csv`; the first of one is all.
fn is_one_of(tokens: &[Token<'_>]) -> bool {
    // Beside a year the first of twelve looks like a month.
    let counts = |token: &Token<'_>| match token.kind {
        Kind::Counter => true,
        Kind::Time => !token.is_joined && token.text.len() <= 2,
        Kind::Word | Kind::Id => false,
    };
    tokens.windows(3).any(|three| {
        let [first, of, all] = three else { return false };
        let are_several = first.number() <= all.number() && all.number() > Some(1);
        of.is("of") && counts(first) && counts(all) && are_several
    })
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

/// `xaa`, `x00`, `contacts.csv.aa`, `contacts.csv.00`, `contacts.csvaa`, `contacts-part-aa`: the first 26 files of
/// `split` or the first ten of `split -d`. Other letters at a name's end may be anything.
fn is_split(stem: &str) -> bool {
    let is_letters = |text: &str| text.len() == 2 && text.starts_with('a') && text.as_bytes()[1].is_ascii_lowercase();
    let is_number = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = stem.strip_prefix('x')
        && (is_letters(rest) || is_number(rest))
    {
        return true;
    }
    let start = stem.len().checked_sub(2).filter(|start| stem.is_char_boundary(*start));
    start.map(|start| stem.split_at(start)).is_some_and(|(before, count)| {
        let is_part = || {
            let word = before.strip_suffix(['-', '_', '.', ' ']);
            word.and_then(|word| tokens(word).pop())
                .is_some_and(|word| word.is("part"))
        };
        is_letters(count) && (is_behind_ending(before) || ends_in_ending(before) || is_part())
            || is_number(count) && count.starts_with('0') && is_behind_ending(before)
    })
}

/// Returns whether a text ends in a known ending and a point: `contacts.csv.`.
fn is_behind_ending(text: &str) -> bool {
    text.strip_suffix('.').is_some_and(ends_in_ending)
}

/// Returns whether a text ends in a known ending: `contacts.csv`.
fn ends_in_ending(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(_, ending)| is_endings(ending))
}

/// How two names are two files of one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinship {
    /// They differ in nothing but a number, as two results of a day may, too.
    Number,
    /// One is the other with what its writer adds to further files: however far apart they came.
    Certain,
}

/// Returns whether two names may be two files of one result.
pub(super) fn kinship(name: &str, other: &str) -> Option<Kinship> {
    if name == other {
        None
    } else if are_of_redshift(name, other) || is_further_of(name, other) || is_further_of(other, name) {
        Some(Kinship::Certain)
    } else {
        let may_be = [differ_in_a_number, differ_in_letters, may_be_of_redshift];
        may_be
            .iter()
            .any(|differ| differ(name, other))
            .then_some(Kinship::Number)
    }
}

/// Returns whether `further` is what Aurora calls the second and later files of `first`: `contacts.csv_part2`.
fn is_further_of(first: &str, further: &str) -> bool {
    let number = further.strip_prefix(first).and_then(|rest| rest.strip_prefix("_part"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns whether nothing but one counter differs, and the moment of writing behind it (Oracle).
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

/// Returns whether tokens begin with a moment like `20261123T093015Z`.
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
    let number = without_number(stem).len();
    let letters = stem.len().saturating_sub(2);
    let further = name.rfind("_part").unwrap_or(name.len());
    let mut end = counter.min(number).min(letters).min(further);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Returns a name without its endings: up to the first point behind its first character.
pub(super) fn stem(name: &str) -> &str {
    let end = name
        .char_indices()
        .skip(1)
        .filter(|(_, character)| *character == '.')
        .map(|(index, _)| index)
        .find(|index| is_endings(&name[index + 1..]));
    &name[..end.unwrap_or(name.len())]
}

/// Returns whether all that is left of a name are endings: formats and compressions.
fn is_endings(rest: &str) -> bool {
    let known = |ending: &str| TEXTS.contains(&ending) || OTHERS.contains(&ending);
    rest.split('.').all(|ending| known(&ending.to_ascii_lowercase()))
}
