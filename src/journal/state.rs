//! Where a job as a whole stands, as one word of its journal.

/// Where a job as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Being worked on, or left by a process that died.
    Active,
    /// Stopped on request, with everything on the disk.
    Paused,
    /// All done; only the journal is still to be removed. Nothing of it is used any more.
    Complete,
    /// The disk refused some of the image's bytes, and nobody knows which.
    SyncFailed,
}

const NUMBERS: [(JobState, u64); 4] = [
    (JobState::Active, 1),
    (JobState::Paused, 2),
    (JobState::Complete, 3),
    (JobState::SyncFailed, 4),
];

impl JobState {
    /// As a number.
    pub fn to_number(self) -> u64 {
        let place = NUMBERS.iter().find(|(state, _)| *state == self);
        place.expect("every state is listed").1
    }

    /// From a number, unless it means nothing.
    pub fn from_number(number: u64) -> Option<JobState> {
        let place = NUMBERS.iter().find(|(_, its_number)| *its_number == number);
        place.map(|(state, _)| *state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back() {
        for (state, number) in NUMBERS {
            assert_eq!(
                (JobState::from_number(number), state.to_number()),
                (Some(state), number)
            );
        }
        assert_eq!(JobState::from_number(0), None);
    }
}
