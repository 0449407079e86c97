//! Lines for people, as wide as their terminal.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use textwrap::{Options, WordSplitter};

/// As wide as a line is where nobody says how wide the terminal is, such as in a pipe.
const USUAL_WIDTH: usize = 120;
/// Narrower than this nothing can be read.
const LEAST_WIDTH: usize = 40;

/// How a command begins.
pub const COMMAND: &str = r#"{"action""#;

/// Stands for a blank at which no line may end; nothing else uses it.
const HELD: &str = "\u{e000}";

/// Brings the cursor to the beginning of its line, and clears that.
const ANEW: &str = "\r\x1b[K";

/// Whether the line in which the cursor stands is one that is written again and again.
static IS_LIVE: AtomicBool = AtomicBool::new(false);

/// Prints one line; what does not fit goes on below, as far in as `head` is long.
pub fn line(head: &str, text: &str) {
    settle();
    let below = " ".repeat(head.chars().count());
    let options = Options::new(width())
        .initial_indent(head)
        .subsequent_indent(&below)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let text = textwrap::fill(&with_whole_commands(text), options);
    println!("{}", text.replace(HELD, " ").trim_end());
}

/// Holds the blanks of commands, so that each stays on one line and can be copied.
fn with_whole_commands(text: &str) -> String {
    let mut parts = text.split(COMMAND);
    let mut held = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find('}').map_or(part.len(), |end| end + 1);
        held.push_str(COMMAND);
        held.push_str(&part[..end].replace(' ', HELD));
        held.push_str(&part[end..]);
    }
    held
}

/// Prints an empty line.
pub fn gap() {
    settle();
    println!();
}

/// Writes the line in which the cursor stands anew, cut where it is too long but for its end; whatever is said next takes
/// its place.
pub fn live(text: &str, end: &str) {
    let room = width().saturating_sub(end.chars().count() + 1);
    let shown: String = text.chars().take(room).collect();
    print!("{ANEW}{shown}{end}");
    let _ = std::io::stdout().flush();
    IS_LIVE.store(true, Ordering::Relaxed);
}

/// Takes away what was written to be written again.
pub fn settle() {
    if IS_LIVE.swap(false, Ordering::Relaxed) {
        print!("{ANEW}");
    }
}

/// Says whether somebody watches: only there a line can be written again.
pub fn is_watched() -> bool {
    std::io::stdout().is_terminal()
}

fn width() -> usize {
    let told = std::env::var_os("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
    let seen = || is_watched().then(textwrap::termwidth);
    told.or_else(seen).unwrap_or(USUAL_WIDTH).max(LEAST_WIDTH)
}
