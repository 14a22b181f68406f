//! Where a job as a whole stands, as one word of its journal.

/// Where a job as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Being worked on, or left by a process that died.
    Active,
    /// Stopped on request, with everything on the disk.
    Paused,
    /// All done; only the journal is still to be removed.
    Complete,
    /// The disk refused some of the image's bytes, and nobody knows which.
    SyncFailed,
}

/// As words that no few flipped bits turn into each other: a job taken for complete would be forgotten.
const WORDS: [(State, u64); 4] = [
    (State::Active, u64::from_be_bytes(*b"-active-")),
    (State::Paused, u64::from_be_bytes(*b" PAUSED ")),
    (State::Complete, u64::from_be_bytes(*b"complete")),
    (State::SyncFailed, u64::from_be_bytes(*b"SYNCFAIL")),
];

impl State {
    /// As a word.
    pub fn to_word(self) -> u64 {
        let place = WORDS.iter().find(|(state, _)| *state == self);
        place.expect("every state is listed").1
    }

    /// From a word, unless it means nothing.
    pub fn from_word(word: u64) -> Option<State> {
        let place = WORDS.iter().find(|(_, its_word)| *its_word == word);
        place.map(|(state, _)| *state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_far_apart() {
        for (state, word) in WORDS {
            assert_eq!((State::from_word(word), state.to_word()), (Some(state), word));
            for (other, its_word) in WORDS {
                assert!(
                    state == other || (word ^ its_word).count_ones() >= 8,
                    "{state:?} {other:?}"
                );
            }
        }
        assert_eq!(State::from_word(0), None);
    }
}
