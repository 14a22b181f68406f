//! The text in an NPY header: a Python dictionary of a string, a truth value and a tuple of numbers, and nothing else.

use super::Wrong;
use crate::format::shorten;

/// What it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// What a sample is.
    pub(super) descr: String,
    /// Whether the first index is the one whose samples lie side by side.
    pub(super) is_fortran: bool,
    /// How long each axis is.
    pub(super) shape: Vec<u64>,
}

impl Text {
    /// Reads it, to its end.
    pub(super) fn parse(text: &str) -> Result<Text, Wrong> {
        let mut rest = Rest(text);
        let (mut descr, mut is_fortran, mut shape) = (None, None, None);
        rest.expect('{')?;
        while !rest.eat('}') {
            let key = rest.string()?;
            rest.expect(':')?;
            let is_first = match key {
                "descr" if rest.0.trim_start().starts_with('[') => {
                    return Err(Wrong::file(
                        "its samples are records of several fields, and only whole numbers of 16 bits can be edited",
                    ));
                }
                "descr" => descr.replace(rest.string()?.to_owned()).is_none(),
                "fortran_order" => is_fortran.replace(rest.truth()?).is_none(),
                "shape" => shape.replace(rest.numbers()?).is_none(),
                other => {
                    return Err(Wrong::file(format!(
                        "its header says '{}', which none does",
                        shorten(other)
                    )));
                }
            };
            if !is_first {
                return Err(Wrong::file(format!("its header says '{key}' twice")));
            }
            if !rest.eat(',') {
                rest.expect('}')?;
                break;
            }
        }
        if !rest.0.trim().is_empty() {
            return Err(rest.unexpected("its end"));
        }
        let missing = |key| move || Wrong::file(format!("its header does not say '{key}'"));
        Ok(Text {
            descr: descr.ok_or_else(missing("descr"))?,
            is_fortran: is_fortran.ok_or_else(missing("fortran_order"))?,
            shape: shape.ok_or_else(missing("shape"))?,
        })
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Takes this character, if it is the next one behind white space.
    fn eat(&mut self, letter: char) -> bool {
        self.0 = self.0.trim_start();
        let rest = self.0.strip_prefix(letter);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, letter: char) -> Result<(), Wrong> {
        if self.eat(letter) {
            return Ok(());
        }
        Err(self.unexpected(&format!("'{letter}'")))
    }

    fn unexpected(&self, wanted: &str) -> Wrong {
        let what = match self.0.trim_start() {
            "" => "nothing".to_owned(),
            rest => format!("'{}'", shorten(rest)),
        };
        Wrong::file(format!("its header has {what} where {wanted} should be"))
    }

    /// A string in either kind of quotes. Whatever would need an escape is no word of a header.
    fn string(&mut self) -> Result<&'a str, Wrong> {
        let quote = if self.eat('"') {
            '"'
        } else {
            self.expect('\'')?;
            '\''
        };
        let Some((string, rest)) = self.0.split_once(quote) else {
            return Err(Wrong::cut_short("a word of its header"));
        };
        self.0 = rest;
        Ok(string)
    }

    fn truth(&mut self) -> Result<bool, Wrong> {
        self.0 = self.0.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    /// Whole numbers in parentheses.
    fn numbers(&mut self) -> Result<Vec<u64>, Wrong> {
        let mut numbers = Vec::new();
        self.expect('(')?;
        while !self.eat(')') {
            let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            let (digits, rest) = self.0.split_at(end);
            if digits.is_empty() {
                return Err(self.unexpected("a length"));
            }
            numbers.push(digits.parse().map_err(|_| {
                Wrong::file(format!(
                    "its array has an axis of length {}, which is more than a file can hold",
                    shorten(digits)
                ))
            })?);
            // Python 2 wrote some numbers so.
            self.0 = rest.strip_prefix('L').unwrap_or(rest);
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(numbers)
    }
}
