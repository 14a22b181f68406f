//! Printing: results to stdout as text or JSON, messages to stderr, numbers as people read them.
//!
//! 1. A reader who has gone (`| head`) is no error: the work was done, so the rest goes nowhere and the exit code
//!    stays. Any other result that cannot be printed is one, told once the work is over ([`all_printed`]).
//! 2. File names may hold anything. Nothing that is printed but the data that `shm read` was asked for has a character
//!    in it that a terminal obeys or that makes letters change places ([`is_obeyed`]).

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use humansize::{DECIMAL, format_size};
use pagelight::error::{Error, Hint, Result, Subject};
use pagelight::op::Op;
use serde_json::Value;

use super::Global;

impl Global {
    /// Prints a result: `text` for people, or `object` if asked for JSON. Neither if asked to be quiet, unless it is
    /// JSON.
    pub(super) fn result(&self, text: &str, object: &Value) {
        if self.json {
            to_stdout(format!("{}\n", harmless_json(object)).as_bytes());
        } else if !self.quiet {
            to_stdout(format!("{}\n", escaped(text, |c| c != '\n')).as_bytes());
        }
    }

    /// Says something on stderr, unless asked to be quiet.
    pub(super) fn note(&self, message: &str) {
        if !self.quiet {
            to_stderr(&printable(message));
        }
    }
}

/// Why a result could not be printed, the first time.
static UNPRINTED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints bytes as they are.
pub(super) fn to_stdout(bytes: &[u8]) {
    remember(io::stdout().lock().write_all(bytes));
}

/// Flushes what was printed, and remembers if that or the printing failed.
pub(super) fn remember(printed: io::Result<()>) {
    match printed.and_then(|()| io::stdout().lock().flush()) {
        Ok(()) => {}
        // Whoever closed the pipe does not want to hear of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            UNPRINTED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(error);
        }
    }
}

/// Whether every result was printed.
///
/// # Errors
/// `Io` if one was not; it does not tell the user to try again, which would do the work twice.
pub(super) fn all_printed() -> Result<()> {
    let failed = UNPRINTED.lock().unwrap_or_else(PoisonError::into_inner).take();
    failed.map_or(Ok(()), |error| {
        let hint = Hint::words(format!("{error}; the work itself is done"));
        let subject = Subject::Thing("standard output");
        Err(Error::failed("write the result to", subject, hint, error))
    })
}

/// Prints a line, with its colors where stderr shows them.
pub(super) fn to_stderr(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// The message on one line and without anything that a terminal obeys.
pub(super) fn printable(message: &str) -> String {
    escaped(message, |_| true)
}

/// A file's name as it is shown to people, on one line.
pub(super) fn name(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// True for characters that a terminal obeys, or that make the letters around them change places.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with the characters that are obeyed and `unwanted` in Rust's way: `\n`, `\u{1b}`.
fn escaped(text: &str, unwanted: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) && unwanted(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// JSON escapes by itself only what lies below the blank. All else that is obeyed can only stand in one of its strings.
fn harmless_json(object: &Value) -> String {
    let mut shown = String::new();
    for c in object.to_string().chars() {
        if is_obeyed(c) {
            // It cannot fail, and none of these characters needs more than four digits.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// `9.60 GB`.
pub(super) fn bytes(bytes: u64) -> String {
    format_size(bytes, DECIMAL)
}

/// `1,200,000`.
pub(super) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// `1.05 s`.
pub(super) fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        short if short < 0.1 => format!("{:.1} ms", short * 1000.0),
        long => format!("{long:.2} s"),
    }
}

/// 10^9 bytes a second.
pub(super) fn gigabytes_per_second(bytes: u64, duration: Duration) -> f64 {
    bytes as f64 / duration.as_secs_f64().max(1e-9) / 1e9
}

/// `part` of `whole` as a percentage that does not round a few to none.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match part as f64 / whole.max(1) as f64 * 100.0 {
        share if part > 0 && share < 0.01 => "under 0.01 %".to_owned(),
        share if part < whole && share > 99.99 => "over 99.99 %".to_owned(),
        share if share == 0.0 || share >= 10.0 => format!("{share:.0} %"),
        share => format!("{share:.2} %"),
    }
}

/// An operation and the part that it is done to.
pub(super) fn edit(op: &Op, part: &str) -> String {
    match op {
        Op::Brighten { .. } => format!("{op} {part}"),
        Op::Table(_) | Op::Function(_) => format!("{op} of {part}"),
    }
}

/// By how much an operation brightens, if that is all it does.
pub(super) fn amount(op: &Op) -> Option<i32> {
    match op {
        Op::Brighten { amount } => Some(*amount),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_and_not_obeyed() {
        let hostile = "a\u{1b}[31m\n\r\t\u{7f}\u{9b}\u{202e}\u{2066}\u{2028}ü名.raw";
        let shown = r"a\u{1b}[31m\n\r\t\u{7f}\u{9b}\u{202e}\u{2066}\u{2028}ü名.raw";
        assert_eq!(name(Path::new(hostile)), shown);
        assert_eq!(escaped("a\nb\u{7}", |c| c != '\n'), "a\nb\\u{7}");
        let object = serde_json::json!({ hostile: hostile });
        let json = harmless_json(&object);
        assert!(!json.contains(is_obeyed), "{json}");
        assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), object);
    }

    #[test]
    fn shares_that_people_can_trust() {
        assert_eq!(percent(0, 10), "0 %");
        assert_eq!(percent(1, 1_000_000), "under 0.01 %");
        assert_eq!(percent(1, 30), "3.33 %");
        assert_eq!(percent(999_999, 1_000_000), "over 99.99 %");
        assert_eq!(percent(10, 10), "100 %");
        assert_eq!(percent(0, 0), "0 %");
    }
}
