//! What an edit counts on the way.

use std::ops::AddAssign;

/// Samples that lost something in an edit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that would have passed an end of their type, and stopped there.
    pub clipped: u64,
    /// Those whose new value is also that of another old one, so that it does not tell what they were. Counted where an
    /// edit goes by a table.
    pub merged: u64,
}

impl Counts {
    /// Nothing was lost.
    pub const NONE: Counts = Counts { clipped: 0, merged: 0 };

    /// Both numbers in one, of `bits` bits each.
    ///
    /// # Panics
    /// If one has more.
    pub fn pack(self, bits: u32) -> u64 {
        let fits = |count: u64| count >> bits == 0;
        assert!(fits(self.clipped) && fits(self.merged), "{self:?} in {bits} bits each");
        self.clipped | self.merged << bits
    }

    /// The counts that [`Counts::pack`] put together.
    pub fn unpack(word: u64, bits: u32) -> Counts {
        Counts {
            clipped: word & ((1 << bits) - 1),
            merged: word >> bits,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.clipped += more.clipped;
        self.merged += more.merged;
    }
}
