//! Printing: results to stdout as text or JSON, messages to stderr, numbers as people read them.
//!
//! A reader who has gone (`| head`) is no error: the work was done, so the rest goes nowhere and the exit code stays.

use std::io::Write;
use std::time::Duration;

use humansize::{DECIMAL, format_size};
use serde_json::Value;

use super::Global;

impl Global {
    /// Prints a result: `text` for people, or `object` if asked for JSON. Neither if asked to be quiet, unless it is
    /// JSON.
    pub(super) fn result(&self, text: &str, object: &Value) {
        if self.json {
            to_stdout(format!("{object}\n").as_bytes());
        } else if !self.quiet {
            to_stdout(format!("{text}\n").as_bytes());
        }
    }

    /// Says something on stderr, unless asked to be quiet.
    pub(super) fn note(&self, message: &str) {
        if !self.quiet {
            to_stderr(&printable(message));
        }
    }
}

/// Prints bytes as they are.
pub(super) fn to_stdout(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // Whoever closed the pipe does not want to hear of it.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Prints a line, with its colors where stderr shows them.
pub(super) fn to_stderr(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// The message on one line and without anything that a terminal obeys: file names may hold such bytes.
pub(super) fn printable(message: &str) -> String {
    message.replace(char::is_control, "?")
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

#[cfg(test)]
mod tests {
    use super::*;

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
