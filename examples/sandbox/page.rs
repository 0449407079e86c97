//! The status page as a file, for a browser.

use sandbox::{BUCKET, Sandbox};
use std::path::PathBuf;
use std::{env, fs, io};

/// Where the function keeps it.
const KEY: &str = "_state/status.html";

/// Returns where the page is written: beside this program.
pub fn place() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("status.html"))
}

/// Writes the page as it is now, and returns where; nothing where there is none.
pub fn write(sandbox: &Sandbox) -> io::Result<Option<PathBuf>> {
    let Some(page) = sandbox.s3.get(BUCKET, KEY) else {
        return Ok(None);
    };
    let place = place()?;
    fs::write(&place, page)?;
    Ok(Some(place))
}
