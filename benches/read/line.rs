//! The file behind a line of a fixed speed, as S3 would send it: what a read keeps of it tells whether it parses while the
//! next bytes come.
//!
//! 1 GB/s is ten times what S3 gives one connection. Without a speed of its own a server on loopback sends at that of the
//! memory, and the ratio would only tell how long parsing takes.

use crate::{Job, ours};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BYTES_PER_SECOND: u64 = 1_000_000_000;
/// What is sent at a time: a millisecond of the line.
const PIECE: usize = 1_000_000;

/// Sends the file to whoever asks, for as long as this process lives, and returns where.
pub(crate) fn start(file: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let file = file.to_owned();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let file = file.clone();
            // A client that goes away in the middle ends its own thread only.
            std::thread::spawn(move || while answer(&connection, &file).is_some() {});
        }
    });
    address
}

/// Answers one request; nothing once the client has gone.
fn answer(mut connection: &TcpStream, file: &PathBuf) -> Option<()> {
    let mut file = File::open(file).unwrap();
    let size = file.metadata().unwrap().len();
    let (method, range) = request(connection)?;
    let (start, end) = range.unwrap_or((0, size - 1));
    let end = end.min(size - 1);
    let (status, content_range) = match range {
        Some(_) => (
            "206 Partial Content",
            format!("content-range: bytes {start}-{end}/{size}\r\n"),
        ),
        None => ("200 OK", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\netag: \"line\"\r\nlast-modified: Mon, 23 Nov 2026 06:00:00 GMT\r\n{content_range}content-length: \
         {}\r\n\r\n",
        end + 1 - start
    );
    connection.write_all(head.as_bytes()).ok()?;
    if method == "HEAD" {
        return Some(());
    }
    file.seek(SeekFrom::Start(start)).unwrap();
    let mut content = file.take(end + 1 - start);
    let (started, mut sent, mut piece) = (Instant::now(), 0_u64, Vec::with_capacity(PIECE));
    while content.by_ref().take(PIECE as u64).read_to_end(&mut piece).unwrap() > 0 {
        let due = Duration::from_nanos(sent * 1_000_000_000 / BYTES_PER_SECOND);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        connection.write_all(&piece).ok()?;
        sent += piece.len() as u64;
        piece.clear();
    }
    Some(())
}

/// Reads a request's method and the bytes that it asks for.
fn request(connection: &TcpStream) -> Option<(String, Option<(u64, u64)>)> {
    let mut lines = BufReader::new(connection).lines();
    let method = lines.next()?.ok()?.split(' ').next()?.to_owned();
    let mut range = None;
    for line in lines {
        let line = line.ok()?.to_ascii_lowercase();
        if line.is_empty() {
            return Some((method, range));
        }
        if let Some((start, end)) = line
            .strip_prefix("range: bytes=")
            .and_then(|range| range.split_once('-'))
        {
            range = Some((start.parse().ok()?, end.parse().unwrap_or(u64::MAX)));
        }
    }
    None
}

/// Returns the jobs that read the file.
pub(crate) fn jobs(address: SocketAddr) -> Vec<Job> {
    let url = format!("http://{address}");
    [
        ("plain CSV at 1 GB/s", "s3-read"),
        ("plain drain at 1 GB/s", "s3-drain"),
    ]
    .into_iter()
    .map(|(name, job)| {
        let mut job = ours(name, job, Path::new("results"));
        job.command.arg("incoming/result.csv").envs([
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]);
        job
    })
    .collect()
}
