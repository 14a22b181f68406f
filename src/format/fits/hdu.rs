//! One header and its data.

use std::fmt;
use std::ops::Range;

use super::cards::Cards;
use crate::format::found::Wrong;
use crate::format::shorten;
use crate::mend::FitsSums;

/// A header, and where its data lie.
#[derive(Debug)]
pub(super) struct Hdu {
    /// From 1.
    pub(super) number: u64,
    pub(super) cards: Cards,
    /// Bits of a sample; negative for floating-point ones.
    bits: i64,
    /// `NAXIS1` and so on.
    pub(super) sides: Vec<u64>,
    /// What follows the samples, or stands before each group of them.
    pcount: u64,
    gcount: u64,
    /// Groups of samples, each with parameters before it.
    has_groups: bool,
    /// The kind of an extension; `IMAGE` for the primary HDU.
    kind: String,
    header_start: u64,
    /// The bytes of the data, without what fills up the last block.
    pub(super) data: Range<u64>,
}

/// Axes at most, by the standard.
const MAX_AXES: u64 = 999;

impl Hdu {
    /// Looks at the cards of a header, which begins at `header_start`; its data begin at `start`.
    pub(super) fn new(number: u64, cards: Cards, header_start: u64, start: u64) -> Result<Hdu, Wrong> {
        let kind = if number == 1 {
            if !cards.begins_with("SIMPLE") || cards.is("SIMPLE")? != Some(true) {
                return Err(cards.wrong("does not say SIMPLE = T, so it is not as the standard has it"));
            }
            "IMAGE".to_owned()
        } else {
            cards.text("XTENSION")?.unwrap_or_default()
        };
        let bits = cards.whole("BITPIX")?;
        let bits = bits.ok_or_else(|| cards.wrong("does not say BITPIX"))?;
        if ![8, 16, 32, 64, -32, -64].contains(&bits) {
            return Err(cards.wrong(&format!("says BITPIX = {bits}, which is no size of a sample")));
        }
        let axes = cards.count("NAXIS", None)?;
        if axes > MAX_AXES {
            return Err(cards.wrong(&format!("says NAXIS = {axes}, and there are at most {MAX_AXES}")));
        }
        let sides: Result<Vec<u64>, Wrong> = (1..=axes)
            .map(|axis| cards.count(&format!("NAXIS{axis}"), None))
            .collect();
        let sides = sides?;
        if cards.has(&format!("NAXIS{}", axes + 1)) {
            return Err(cards.wrong(&format!("says NAXIS = {axes}, and also NAXIS{}", axes + 1)));
        }
        let has_groups = number == 1 && sides.first() == Some(&0) && cards.is("GROUPS")? == Some(true);
        let hdu = Hdu {
            number,
            bits,
            pcount: cards.count("PCOUNT", Some(0))?,
            gcount: cards.count("GCOUNT", Some(1))?,
            sides,
            has_groups,
            kind,
            header_start,
            data: start..start,
            cards,
        };
        let end = hdu.data_bytes().and_then(|bytes| start.checked_add(bytes));
        match end.filter(|&end| end <= crate::layout::MAX_FILE_BYTES) {
            Some(end) => Ok(Hdu {
                data: start..end,
                ..hdu
            }),
            None => Err(hdu.cards.wrong("says that it has more data than a file can hold")),
        }
    }

    /// Bytes of the data.
    fn data_bytes(&self) -> Option<u64> {
        if self.sides.is_empty() {
            return Some(0);
        }
        let sides = &self.sides[usize::from(self.has_groups)..];
        let samples = sides.iter().try_fold(1_u64, |all, side| all.checked_mul(*side))?;
        let all = samples.checked_add(self.pcount)?.checked_mul(self.gcount)?;
        all.checked_mul(self.bits.unsigned_abs() / 8)
    }

    /// True if it is an image that has samples.
    pub(super) fn has_pixels(&self) -> bool {
        self.kind == "IMAGE" && !self.sides.is_empty() && !self.sides.contains(&0)
    }

    /// True if it is a table whose rows are a compressed image.
    pub(super) fn is_compressed(&self) -> bool {
        self.cards.has("ZIMAGE")
    }

    /// Refuses what cannot be edited in place.
    pub(super) fn refuse_unfit(&self) -> Result<(), Wrong> {
        let this = format!("HDU {}", self.number);
        let refused = |why: String| Err(Wrong::file(why));
        if self.is_compressed() {
            return refused(format!(
                "the image of {this} is compressed (ZIMAGE); unpack it first (funpack)"
            ));
        }
        if self.has_groups {
            return refused(format!(
                "{this} has random groups (GROUPS), which cannot be edited in place"
            ));
        }
        if !self.has_pixels() {
            let what = if self.kind == "IMAGE" {
                "has no pixels"
            } else {
                "is a table and has no pixels"
            };
            return refused(format!("{this} {what}"));
        }
        if (self.pcount, self.gcount) != (0, 1) {
            return refused(format!(
                "the header of {this} says PCOUNT = {} and GCOUNT = {}, which images have as 0 and 1",
                self.pcount, self.gcount
            ));
        }
        if self.bits != 16 {
            return refused(format!(
                "{this} has BITPIX = {}, and only samples of 16 bits can be edited",
                self.bits
            ));
        }
        let scale = self.cards.whole("BSCALE");
        if !matches!(scale, Ok(None | Some(1))) {
            scale?;
            return refused(format!(
                "the samples of {this} are scaled (BSCALE is not 1), so they are not its values"
            ));
        }
        self.zero()?;
        Ok(())
    }

    /// The sums of its header, if it has any.
    pub(super) fn sums(&self) -> Result<Option<FitsSums>, Wrong> {
        let sums = FitsSums {
            hdu: self.number,
            header: self.header_start..self.data.start,
            data: self.data.clone(),
            datasum_at: self.cards.sum_at("DATASUM", 3..=12, 12)?,
            checksum_at: self.cards.sum_at("CHECKSUM", 18..=18, 18)?,
        };
        Ok(Some(sums).filter(|sums| sums.datasum_at.is_some() || sums.checksum_at.is_some()))
    }

    /// What is added to samples: 0 or 32768.
    pub(super) fn zero(&self) -> Result<i64, Wrong> {
        match self.cards.whole("BZERO")? {
            None | Some(0) => Ok(0),
            Some(32_768) => Ok(32_768),
            Some(other) => Err(Wrong::file(format!(
                "HDU {} has BZERO = {other}, and only 0 (signed samples) and 32768 (unsigned ones) can be edited",
                self.number
            ))),
        }
    }
}

impl fmt::Display for Hdu {
    /// `2 'SCI' (4096x2048, BITPIX 16)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        if let Ok(Some(name)) = self.cards.text("EXTNAME") {
            write!(f, " '{}'", shorten(&name))?;
        }
        let sides: Vec<String> = self.sides.iter().take(6).map(u64::to_string).collect();
        write!(f, " ({}, BITPIX {})", sides.join("x"), self.bits)
    }
}
