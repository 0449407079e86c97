//! Unpacking what tools pack, and what is left of it after damage.

use super::*;
use crate::source::corpus;
use crate::source::testing::{Trickle, mutations};
use std::io::Write;

const COMPRESSIONS: [Compression; 3] = [Compression::Gzip, Compression::Zstd, Compression::Bzip2];

fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn unpack(compression: Compression, packed: &[u8], step: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    Unpacked::new(Trickle::new(packed, step), compression, packed.len() as u64)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text() -> Vec<u8> {
    (0..200)
        .flat_map(|number| format!("line {number}\n").into_bytes())
        .collect()
}

#[test]
fn several_streams_in_one_file_are_one_text_in_chunks_of_any_size() {
    for compression in COMPRESSIONS {
        let packed = [
            pack(compression, b"one\n"),
            pack(compression, b""),
            pack(compression, &text()),
        ]
        .concat();
        assert_eq!(Compression::of(&packed), compression);
        for step in [1, 7, 4096] {
            let expected = [b"one\n", text().as_slice()].concat();
            assert_eq!(
                unpack(compression, &packed, step).unwrap(),
                expected,
                "{compression:?} {step}"
            );
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    for compression in COMPRESSIONS {
        let packed = pack(compression, &text());
        for end in 4..packed.len() {
            let problem = unpack(compression, &packed[..end], 4096).unwrap_err();
            assert!(
                matches!(problem, Problem::Truncated { .. }),
                "{compression:?} cut at {end}: {problem}"
            );
        }
    }
}

#[test]
fn a_damaged_file_gives_an_error_or_the_same_text() {
    for compression in COMPRESSIONS {
        let packed = pack(compression, &text());
        for mutant in mutations(&packed, 1_000) {
            if let Ok(bytes) = unpack(compression, &mutant, 4096) {
                // A repeated stream or a changed header field, such as the time, changes no text.
                assert!(bytes.is_empty() || bytes.starts_with(&text()), "{compression:?}");
            }
        }
    }
}

#[test]
fn the_corpus_is_unpacked_or_refused_in_chunks_of_any_size() {
    for compression in COMPRESSIONS {
        corpus::check(compression.name(), |bytes| {
            let (whole, trickled) = (unpack(compression, bytes, 4096), unpack(compression, bytes, 1));
            match (whole, trickled) {
                (Ok(whole), Ok(trickled)) => {
                    assert_eq!(whole, trickled);
                    format!("{}", whole.len().next_power_of_two())
                }
                (Err(problem), Err(trickled)) => {
                    let name = corpus::problem_name(&problem);
                    assert_eq!(name, corpus::problem_name(&trickled));
                    name
                }
                (whole, trickled) => panic!("{} {}", whole.is_ok(), trickled.is_ok()),
            }
        });
    }
}

#[test]
fn zeros_behind_a_stream_are_padding_and_streams_may_follow_them() {
    for compression in COMPRESSIONS {
        let one = pack(compression, b"one\n");
        for zeros in [1, 9, 4096, 1 << 20] {
            let zeros = vec![0; zeros];
            for (packed, expected) in [
                ([one.as_slice(), &zeros].concat(), "one\n"),
                ([one.as_slice(), &zeros, &one].concat(), "one\none\n"),
                ([one.as_slice(), &one, &zeros].concat(), "one\none\n"),
            ] {
                for step in [1, 7, 1 << 19] {
                    if zeros.len() < 10_000 || step > 7 {
                        let bytes = unpack(compression, &packed, step).unwrap();
                        assert_eq!(bytes, expected.as_bytes(), "{compression:?} {step}");
                    }
                }
            }
        }
    }
}

#[test]
fn other_bytes_behind_a_stream_are_named() {
    for compression in COMPRESSIONS {
        let one = pack(compression, b"one\n");
        for rest in [
            &b"\n"[..],
            b"\r\n",
            b"x",
            b"\0\0\n",
            b"contactid\n",
            b"PAR1PAR1",
            b"(BZ\x1f",
        ] {
            for step in [1, 4096] {
                let problem = unpack(compression, &[&one, rest].concat(), step).unwrap_err();
                assert!(
                    matches!(problem, Problem::Behind { format } if format == compression.name()),
                    "{compression:?} {rest:?}: {problem}"
                );
            }
        }
        for cut in 1..one.len().min(10) {
            let problem = unpack(compression, &[&one, &one[..cut]].concat(), 4096).unwrap_err();
            assert!(
                matches!(problem, Problem::Truncated { .. }),
                "{compression:?} {cut}: {problem}"
            );
        }
    }
}

#[test]
fn a_wrong_checksum_is_corrupt() {
    let mut packed = pack(Compression::Gzip, &text());
    let at = packed.len() - 6;
    packed[at] ^= 1;
    assert!(matches!(
        unpack(Compression::Gzip, &packed, 4096),
        Err(Problem::Corrupt { format: "gzip" })
    ));
}

#[test]
fn a_bomb_is_refused_after_64_mib() {
    let bomb = pack(Compression::Zstd, &vec![b'x'; 80 << 20]);
    let mut unpacked = Unpacked::new(bomb.as_slice(), Compression::Zstd, bomb.len() as u64).unwrap();
    let error = io::copy(&mut unpacked, &mut io::sink()).unwrap_err();
    assert!(matches!(Problem::from(error), Problem::Bomb { limit_mib: 64, .. }));
}

#[test]
fn a_zstd_window_beyond_the_plan_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(LARGEST_ZSTD_WINDOW + 1).unwrap();
    encoder.write_all(&vec![b'x'; 20 << 20]).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(matches!(
        unpack(Compression::Zstd, &packed, 4096),
        Err(Problem::Window { limit_mib: 8 })
    ));
}
