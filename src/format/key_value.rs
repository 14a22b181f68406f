//! Headers that are lines of a key and a value, as NRRD and MetaImage have them.
//!
//! 1. Keys are compared in lower case. One that stands there twice with different values is refused: readers differ in
//!    which one they believe.
//! 2. What a key means is for others; unknown ones count for nothing.

use std::collections::HashMap;

use super::found::Wrong;
use super::shorten;

/// How the lines of a header are to be taken.
pub(super) enum Line<'a> {
    /// A key and its value.
    Pair(&'a str, &'a str),
    /// The same, and the header ends behind it.
    Last(&'a str, &'a str),
    /// Nothing that counts.
    Skip,
    /// The header ends behind it.
    End,
}

/// The lines of a header.
pub(super) struct KeyValues {
    pairs: HashMap<String, String>,
    /// Where the header ends, behind its last line; `None` if the text ends before.
    pub(super) end: Option<usize>,
}

impl KeyValues {
    /// Reads the lines from byte `start` on.
    pub(super) fn parse(
        head: &[u8],
        start: usize,
        line_of: impl Fn(&str) -> Result<Line<'_>, Wrong>,
    ) -> Result<KeyValues, Wrong> {
        let mut found = KeyValues {
            pairs: HashMap::new(),
            end: None,
        };
        let mut at = start;
        while at < head.len() {
            let length = head[at..].iter().position(|&byte| byte == b'\n');
            let end = length.map_or(head.len(), |length| at + length + 1);
            // Comments are in whatever encoding their writer had; what counts is ASCII.
            let text = String::from_utf8_lossy(&head[at..end]);
            let line = line_of(text.trim_end_matches(['\n', '\r']))?;
            // Without its end a line may have been cut short, and no samples follow it.
            let is_end = length.is_some().then_some(end);
            match line {
                Line::Skip => {}
                Line::Pair(key, value) => found.put(key, value)?,
                Line::Last(key, value) => {
                    found.put(key, value)?;
                    found.end = is_end;
                    return Ok(found);
                }
                Line::End => {
                    found.end = is_end;
                    return Ok(found);
                }
            }
            at = end;
        }
        Ok(found)
    }

    fn put(&mut self, key: &str, value: &str) -> Result<(), Wrong> {
        let words: Vec<&str> = key.split_whitespace().collect();
        let (key, value) = (words.join(" ").to_ascii_lowercase(), value.trim().to_owned());
        match self.pairs.insert(key.clone(), value.clone()) {
            Some(first) if first != value => Err(Wrong::file(format!(
                "its header says '{}' twice, first {} and then {}",
                shorten(&key),
                shorten(&first),
                shorten(&value)
            ))),
            _ => Ok(()),
        }
    }

    /// What stands behind the first of these keys that is there.
    pub(super) fn text(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.pairs.get(*key)).map(String::as_str)
    }

    /// The same of a key that must be there.
    pub(super) fn needed(&self, key: &str) -> Result<&str, Wrong> {
        self.text(&[key])
            .ok_or_else(|| Wrong::file(format!("its header does not say '{key}'")))
    }

    /// The whole numbers behind a key that must be there.
    pub(super) fn numbers(&self, key: &str) -> Result<Vec<u64>, Wrong> {
        let text = self.needed(key)?;
        let wrong = |word: &str| Wrong::file(format!("its header says {key} {}, which is no count", shorten(word)));
        text.split_whitespace()
            .map(|word| word.parse().map_err(|_| wrong(word)))
            .collect()
    }

    /// How many bytes are skipped before the samples: `None` for -1, as many as there are more than samples.
    pub(super) fn skip(&self, keys: &[&str]) -> Result<Option<u64>, Wrong> {
        match self.text(keys) {
            None => Ok(Some(0)),
            Some("-1") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                let key = keys.first().copied().unwrap_or_default();
                Wrong::file(format!(
                    "its header says {key} {}, which is no count of bytes",
                    shorten(text)
                ))
            }),
        }
    }
}
