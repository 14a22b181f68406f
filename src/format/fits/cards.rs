//! The cards of a FITS header.

use fitsio_pure::header::parse_card;
use fitsio_pure::value::Value;

use super::{BLOCK_BYTES, BLOCK_LENGTH, ReadAt};
use crate::format::found::Wrong;
use crate::format::shorten;

const CARD_BYTES: usize = 80;

/// One header at most.
const MAX_BYTES: u64 = 16 << 20;

/// The keywords that count. All others may stand there as often and as they like.
const KNOWN: &[&str] = &[
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "GROUPS", "BSCALE", "BZERO", "BLANK", "ZIMAGE",
    "DATASUM", "CHECKSUM", "DATAMIN", "DATAMAX", "EXTNAME",
];

/// The cards of a header that count.
#[derive(Debug)]
pub(super) struct Cards {
    /// Of which HDU, from 1.
    hdu: u64,
    /// Keyword, card, and where in the file it stands.
    cards: Vec<(String, [u8; CARD_BYTES], u64)>,
}

/// The header at byte `at` and its length; `None` if the bytes there are no header, which may follow the last HDU.
pub(super) fn read(file_bytes: u64, read_at: ReadAt<'_>, start: u64, hdu: u64) -> Result<Option<(Cards, u64)>, Wrong> {
    let mut cards = Cards { hdu, cards: Vec::new() };
    let mut block = [0; BLOCK_LENGTH];
    for at in (start..).step_by(BLOCK_LENGTH) {
        if at - start >= MAX_BYTES {
            return Err(Wrong::file(format!(
                "the header of HDU {hdu} has no END in {MAX_BYTES} bytes"
            )));
        }
        let is_whole = file_bytes.saturating_sub(at) >= BLOCK_BYTES;
        if is_whole {
            read_at(&mut block, at)?;
        }
        if at == start && hdu > 1 && !(is_whole && block.starts_with(b"XTENSION")) {
            return Ok(None);
        }
        if !is_whole {
            return Err(Wrong::file(format!(
                "ends within the header of HDU {hdu}; it is cut short"
            )));
        }
        for (place, card) in (at..).step_by(CARD_BYTES).zip(block.as_chunks::<CARD_BYTES>().0) {
            if !cards.take(card, place)? {
                return Ok(Some((cards, at + BLOCK_BYTES - start)));
            }
        }
    }
    unreachable!("positions end at the longest header")
}

impl Cards {
    /// Takes a card; false if it is the last one.
    fn take(&mut self, card: &[u8; CARD_BYTES], at: u64) -> Result<bool, Wrong> {
        let name = String::from_utf8_lossy(&card[..8]);
        let name = name.trim_end();
        if name == "END" {
            if card[8..].iter().any(|&byte| byte != b' ') {
                return Err(self.wrong("has a card END with more behind it"));
            }
            return Ok(false);
        }
        let is_known = |name: &str| KNOWN.contains(&name) || is_axis(name);
        let upper = name.trim_start().to_ascii_uppercase();
        if is_known(name) {
            self.cards.push((name.to_owned(), *card, at));
        } else if is_known(&upper) {
            return Err(self.wrong(&format!("has a card '{}', which should be {upper}", shorten(name))));
        }
        Ok(true)
    }

    /// That the header is not as it should be.
    pub(super) fn wrong(&self, why: &str) -> Wrong {
        Wrong::file(format!("the header of HDU {} {why}", self.hdu))
    }

    /// True if there is such a card.
    pub(super) fn has(&self, key: &str) -> bool {
        self.cards.iter().any(|(name, ..)| name == key)
    }

    /// The value of a card, if it is there.
    fn value(&self, key: &str) -> Result<Option<Value>, Wrong> {
        let mut found = self.cards.iter().filter(|(name, ..)| name == key);
        let Some((_, card, _)) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            return Err(self.wrong(&format!("says {key} twice")));
        }
        let value = parse_card(card).ok().and_then(|card| card.value);
        value.map(Some).ok_or_else(|| self.not(key, card, "a value"))
    }

    /// That a card is not `what` it should be.
    fn not(&self, key: &str, card: &[u8; CARD_BYTES], what: &str) -> Wrong {
        let text = String::from_utf8_lossy(&card[8..]);
        let text = text.trim_start_matches(['=', ' ']).trim_end();
        self.wrong(&format!("says {key} = {}, which is not {what}", shorten(text)))
    }

    /// The card of a keyword that is there.
    fn card(&self, key: &str) -> &[u8; CARD_BYTES] {
        let found = self.cards.iter().find(|(name, ..)| name == key);
        &found.expect("it has a value").1
    }

    /// A whole number. One that is written with a point is one, too, if nothing stands behind it: `32768.0`.
    pub(super) fn whole(&self, key: &str) -> Result<Option<i64>, Wrong> {
        match self.value(key)? {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(number)),
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            Some(Value::Float(number)) if number.fract() == 0.0 && number.abs() < 1e9 => Ok(Some(number as i64)),
            Some(_) => Err(self.not(key, self.card(key), "a whole number")),
        }
    }

    /// A count that must be there, or counts as `otherwise` if that is given.
    pub(super) fn count(&self, key: &str, otherwise: Option<u64>) -> Result<u64, Wrong> {
        match self.value(key)? {
            Some(Value::Integer(number)) if number >= 0 => Ok(number.unsigned_abs()),
            Some(_) => Err(self.not(key, self.card(key), "a count")),
            None => otherwise.ok_or_else(|| self.wrong(&format!("does not say {key}"))),
        }
    }

    /// A logical value, if it is there.
    pub(super) fn is(&self, key: &str) -> Result<Option<bool>, Wrong> {
        match self.value(key)? {
            None => Ok(None),
            Some(Value::Logical(is)) => Ok(Some(is)),
            Some(_) => Err(self.not(key, self.card(key), "T or F")),
        }
    }

    /// A text, if it is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Wrong> {
        match self.value(key)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim_end().to_owned())),
            Some(_) => Err(self.not(key, self.card(key), "a text")),
        }
    }

    /// Where the text of a sum begins, if the card is there: with a quote, closed within `closed` bytes, and blanks
    /// behind it up to `bytes`, so that another sum has room.
    pub(super) fn sum_at(
        &self,
        key: &str,
        closed: std::ops::RangeInclusive<usize>,
        bytes: usize,
    ) -> Result<Option<u64>, Wrong> {
        let Some(_) = self.text(key)? else {
            return Ok(None);
        };
        let (_, card, at) = self
            .cards
            .iter()
            .find(|(name, ..)| name == key)
            .expect("it has a value");
        let field = &card[10..10 + bytes];
        let end = field[1..].iter().position(|&byte| byte == b'\'').map(|at| at + 2);
        let is_plain = card.starts_with(format!("{key:<8}= '").as_bytes());
        match end.filter(|end| is_plain && closed.contains(end)) {
            Some(end) if field[end..].iter().all(|&byte| byte == b' ') => Ok(Some(at + 10)),
            _ => Err(self.wrong(&format!(
                "has a {key} in another form than others write it, so it cannot be renewed"
            ))),
        }
    }

    /// The first one.
    pub(super) fn begins_with(&self, key: &str) -> bool {
        self.cards.first().is_some_and(|(name, ..)| name == key)
    }
}

/// `NAXIS1` and the like.
fn is_axis(name: &str) -> bool {
    let digits = name.strip_prefix("NAXIS").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
