//! A new value for every old one: [`Table`].
//!
//! 1. Old and new values are the bits of a sample in this machine's byte order. Which value they mean says the sample
//!    type, and a table is made for one of them.
//! 2. A value *clips* if its new one, rounded, would have passed an end of the type. It stops there.
//! 3. A value *merges* if its new one is also that of another old value, so that it does not tell which it was.

use std::fmt;

use crate::pixel::Sample;

/// How many values a sample of 16 bits can have.
pub const VALUES: usize = 1 << 16;

/// Bytes of a table's words at most.
pub(super) const MAX_WORDS_BYTES: usize = 8192;

/// A new value for every old one.
#[derive(Clone, PartialEq)]
pub struct Table {
    words: String,
    sample: Sample,
    entries: Box<[u16; VALUES]>,
    clips: ValueSet,
    /// Follows from the entries.
    merges: ValueSet,
}

impl Table {
    /// The table of a function over the values of `sample`. What it gives is rounded to the nearest whole number, a
    /// half to the even one, and stopped at the ends of the type. The value `nodata`, if there is one, stays as it is.
    /// `words` describe it to users.
    ///
    /// # Panics
    /// If `new` gives a number that is none (NaN), or the words are none, too many, or hold control characters.
    pub fn from_values(words: String, sample: Sample, new: impl Fn(i32) -> f64, nodata: Option<i32>) -> Table {
        assert!(words_fit(&words), "words of a table: {words:?}");
        let (low, high) = sample.range().into_inner();
        let mut entries = new_entries();
        let mut clips = ValueSet::default();
        for bits in 0..=u16::MAX {
            let old = sample.value(bits);
            if nodata == Some(old) {
                entries[usize::from(bits)] = bits;
                continue;
            }
            let exact = new(old);
            assert!(!exact.is_nan(), "{words}: the new value of {old} is no number");
            let rounded = exact.round_ties_even();
            if rounded < f64::from(low) || rounded > f64::from(high) {
                clips.insert(bits);
            }
            #[expect(clippy::cast_possible_truncation, reason = "a cast from a float stops at the ends")]
            let within = (rounded as i32).clamp(low, high);
            entries[usize::from(bits)] = sample.bits(within).expect("a value of the type");
        }
        let merges = merges(&entries);
        Table {
            words,
            sample,
            entries,
            clips,
            merges,
        }
    }

    /// A table from what it was stored as; `None` if no table is stored so.
    pub(super) fn from_parts(words: String, sample: Sample, entries: Vec<u16>, clips: Vec<u64>) -> Option<Table> {
        let entries: Box<[u16; VALUES]> = entries.try_into().ok()?;
        let clips = ValueSet {
            words: clips.try_into().ok()?,
        };
        let (low, high) = sample.range().into_inner();
        let is_end = |bits: u16| [low, high].contains(&sample.value(bits));
        let stops_at_end = (0..=u16::MAX).all(|old| !clips.contains(old) || is_end(entries[usize::from(old)]));
        if !words_fit(&words) || !stops_at_end {
            return None;
        }
        let merges = merges(&entries);
        Some(Table {
            words,
            sample,
            entries,
            clips,
            merges,
        })
    }

    /// What it does, for users.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// The sample type that it is made for.
    pub fn sample(&self) -> Sample {
        self.sample
    }

    /// The new bits of every old ones.
    pub fn entries(&self) -> &[u16; VALUES] {
        &self.entries
    }

    /// A bit for every old bits, lowest first: set where they clip.
    pub(super) fn clips(&self) -> &[u64] {
        &*self.clips.words
    }

    /// True if the value with these bits clips.
    pub fn is_clipping(&self, bits: u16) -> bool {
        self.clips.contains(bits)
    }

    /// True if the value with these bits merges.
    pub fn is_merging(&self, bits: u16) -> bool {
        self.merges.contains(bits)
    }

    /// How many of the 65,536 values clip.
    pub fn clipping_values(&self) -> u32 {
        self.clips.len()
    }

    /// How many of the 65,536 values merge.
    pub fn merging_values(&self) -> u32 {
        self.merges.len()
    }

    /// The values that become `nodata`, without itself, smallest first.
    pub fn landing(&self, nodata: i32) -> Vec<i32> {
        let becomes = |old: &i32| self.sample.bits(*old).map(|bits| self.entries[usize::from(bits)]);
        let nodata_bits = self.sample.bits(nodata);
        let lands = |old: &i32| *old != nodata && nodata_bits.is_some() && becomes(old) == nodata_bits;
        self.sample.range().filter(lands).collect()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({:?} of {:?})", self.words, self.sample)
    }
}

fn words_fit(words: &str) -> bool {
    (1..=MAX_WORDS_BYTES).contains(&words.len()) && !words.contains(char::is_control)
}

fn new_entries() -> Box<[u16; VALUES]> {
    vec![0; VALUES].try_into().expect("as many as asked for")
}

/// The old values of which another one has the same entry.
fn merges(entries: &[u16; VALUES]) -> ValueSet {
    let mut seen = ValueSet::default();
    let mut shared = ValueSet::default();
    for &new in entries {
        if seen.contains(new) {
            shared.insert(new);
        }
        seen.insert(new);
    }
    let mut merges = ValueSet::default();
    for old in (0..=u16::MAX).filter(|&old| shared.contains(entries[usize::from(old)])) {
        merges.insert(old);
    }
    merges
}

/// Some of the 65,536 values, by their bits.
#[derive(Clone, PartialEq)]
struct ValueSet {
    words: Box<[u64; VALUES / 64]>,
}

impl Default for ValueSet {
    fn default() -> ValueSet {
        ValueSet {
            words: Box::new([0; VALUES / 64]),
        }
    }
}

impl ValueSet {
    fn contains(&self, bits: u16) -> bool {
        self.words[usize::from(bits / 64)] & (1 << (bits % 64)) != 0
    }

    fn insert(&mut self, bits: u16) {
        self.words[usize::from(bits / 64)] |= 1 << (bits % 64);
    }

    fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }
}
