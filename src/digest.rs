//! A keyed digest of bytes, 64 bits, made in the same pass as an edit: what a journal remembers of the bytes it left.
//!
//! Bytes are taken in stretches of at most [`STRETCH_BYTES`]. Of a stretch two numbers are made, over its little-endian
//! 64-bit words `w` (the last one padded with zeros) and a secret key of 32-bit numbers `k`:
//!
//! ```text
//! sum      = sum of w[j]                                                            modulo 2^64
//! product  = sum of (low(w[j]) + k[2j] mod 2^32) * (high(w[j]) + k[2j + 1] mod 2^32)  modulo 2^64
//! ```
//!
//! The second is NH, the universal hash of UMAC (RFC 4418): whatever two different stretches of one length are, they
//! get the same number for one key in 2^32. Both are mixed into a running digest, with the length, so that order
//! counts.
//!
//! So bytes that are not those that were left pass for them with a chance of at most 2^-32 + 2^-64 for each digest, and
//! where the sums of the words differ, as after any one word was changed, of 2^-64. The key is drawn from a random
//! number for each job; who knows it can make bytes that pass.

/// Bytes of a stretch at most: whole blocks of the vector routine.
pub const STRETCH_BYTES: usize = 84 * 96;

const WORD_BYTES: usize = 8;

/// The key of a digest: a word for each word of a stretch.
#[derive(Debug)]
pub struct Key {
    words: Box<[u64]>,
    seed: u64,
}

/// What a stretch, or a part of one, comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// Of the words.
    pub sum: u64,
    /// Of the products with the key.
    pub product: u64,
}

impl Partial {
    /// The two parts as one.
    pub fn plus(self, other: Partial) -> Partial {
        Partial {
            sum: self.sum.wrapping_add(other.sum),
            product: self.product.wrapping_add(other.product),
        }
    }
}

/// Spreads every bit of `word` over all of the result; no two words have the same one. (The last step of splitmix64.)
pub fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

impl Key {
    /// The key that belongs to a secret `seed`.
    pub fn new(seed: u64) -> Key {
        let word = |index: u64| mix(seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        Key {
            words: (0..(STRETCH_BYTES / WORD_BYTES) as u64).map(word).collect(),
            seed,
        }
    }

    /// Where the key's words are, for the vector routine.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The digest of no bytes, for whatever has this number: equal bytes of two of them have different digests.
    pub fn begin(&self, number: u64) -> u64 {
        begin(self.seed, number)
    }

    /// What `bytes` come to that lie from byte `at` of a stretch on.
    ///
    /// # Panics
    /// If `at` is not a multiple of 8, or the bytes reach past the end of a stretch.
    pub fn partial(&self, at: usize, bytes: &[u8]) -> Partial {
        assert!(at.is_multiple_of(WORD_BYTES) && at + bytes.len() <= STRETCH_BYTES);
        let mut partial = Partial::default();
        let keys = &self.words[at / WORD_BYTES..];
        let (words, rest) = bytes.as_chunks::<WORD_BYTES>();
        let mut add = |word: u64, key: u64| {
            let half = |word: u64| word & 0xffff_ffff;
            let low = half(half(word) + half(key));
            let high = half((word >> 32) + (key >> 32));
            partial.sum = partial.sum.wrapping_add(word);
            partial.product = partial.product.wrapping_add(low * high);
        };
        for (word, key) in words.iter().zip(keys) {
            add(u64::from_le_bytes(*word), *key);
        }
        if !rest.is_empty() {
            let mut word = [0; WORD_BYTES];
            word[..rest.len()].copy_from_slice(rest);
            add(u64::from_le_bytes(word), keys[words.len()]);
        }
        partial
    }

    /// The digest of what `digest` is of, and then `bytes`: one range of the file, cut into stretches.
    pub fn add(&self, digest: u64, bytes: &[u8]) -> u64 {
        bytes.chunks(STRETCH_BYTES).fold(digest, |digest, stretch| {
            add_stretch(digest, self.partial(0, stretch), stretch.len())
        })
    }
}

/// As [`Key::begin`], without the key's words.
pub fn begin(seed: u64, number: u64) -> u64 {
    mix(mix(seed) ^ number)
}

/// The digest of what `digest` is of, and then of a stretch of `length` bytes.
pub fn add_stretch(digest: u64, partial: Partial, length: usize) -> u64 {
    // Two steps deep, because this stands between an edit's two copies.
    let of_length = (length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mix(mix(digest ^ partial.sum) ^ partial.product.wrapping_add(of_length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        (0..=250).cycle().take(length).collect()
    }

    #[test]
    fn it_is_the_same_however_a_stretch_is_cut() {
        let key = Key::new(7);
        let bytes = bytes(STRETCH_BYTES);
        for length in [0, 1, 7, 8, 9, 96, 97, STRETCH_BYTES - 1, STRETCH_BYTES] {
            let whole = key.partial(0, &bytes[..length]);
            for cut in (0..=length).step_by(96) {
                let parts = key
                    .partial(0, &bytes[..cut])
                    .plus(key.partial(cut, &bytes[cut..length]));
                assert_eq!(parts, whole, "{length} cut at {cut}");
            }
        }
    }

    #[test]
    fn every_bit_every_length_and_every_order_counts() {
        let key = Key::new(11);
        let stretch = bytes(700);
        let digest = |bytes: &[u8]| key.add(key.begin(3), bytes);
        let want = digest(&stretch);
        for bit in 0..stretch.len() * 8 {
            let mut other = stretch.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(digest(&other), want, "bit {bit}");
        }
        let mut swapped = stretch.clone();
        swapped.swap_with_slice(&mut [&stretch[8..], &stretch[..8]].concat());
        assert_ne!(digest(&swapped), want);
        let mut zeros: Vec<u64> = (0..40).map(|length| digest(&vec![0; length])).collect();
        zeros.sort_unstable();
        zeros.dedup();
        assert_eq!(zeros.len(), 40);
        assert_ne!(key.add(key.begin(4), &stretch), want);
        assert_ne!(Key::new(12).add(key.begin(3), &stretch), want);
        // Two ranges are not one of their lengths' sum.
        let two = key.add(key.add(key.begin(3), &stretch[..96]), &stretch[96..]);
        assert_ne!(two, want);
    }
}
