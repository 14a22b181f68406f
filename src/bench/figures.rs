//! From measurements to what is told of them: medians, and from where to where they went.

use std::time::Duration;

use super::state::CacheState;
use super::{Config, Measured};

/// A figure over all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one; of an even number, the mean of the middle two.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// What was measured of one config in one state. Rates are in 10^9 bytes of image a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// What the page cache held.
    pub state: CacheState,
    /// By how many.
    pub config: Config,
    /// How often.
    pub rounds: usize,
    /// Seconds of the whole process.
    pub seconds: Spread,
    /// By the seconds of the whole process.
    pub rate: Spread,
    /// Seconds of the edit, by the process's own clock.
    pub edit_seconds: Spread,
    /// What the machine can do at most.
    pub limit_rate: Spread,
    /// Median of the rates by the median of the limit.
    pub fraction_of_limit: f64,
    /// Time of processors in the program, of all processes.
    pub user_seconds: Spread,
    /// Time of processors in the system, of all processes.
    pub system_seconds: Spread,
    /// Of all processes.
    pub minor_faults: Spread,
    /// Of all processes.
    pub major_faults: Spread,
    /// What had to be read from disks, by all processes.
    pub read_bytes: Spread,
    /// The most that was in memory at once, of the largest single process.
    pub peak_bytes: Spread,
}

/// How fast limits were: by the time of the work, not of the process.
pub(super) fn rate(samples: &[Measured], bytes: u64) -> Spread {
    spread(samples.iter().map(|sample| per_second(bytes, sample.work)))
}

/// The figures of an engine's config.
pub(super) fn row(state: CacheState, config: Config, samples: &[Measured], bytes: u64, limit_rate: Spread) -> Row {
    let of = |figure: &dyn Fn(&Measured) -> f64| spread(samples.iter().map(figure));
    let rate = of(&|sample| per_second(bytes, sample.whole));
    Row {
        state,
        config,
        rounds: samples.len(),
        seconds: of(&|sample| sample.whole.as_secs_f64()),
        rate,
        edit_seconds: of(&|sample| sample.work.as_secs_f64()),
        limit_rate,
        fraction_of_limit: rate.median / limit_rate.median,
        user_seconds: of(&|sample| sample.usage.user.as_secs_f64()),
        system_seconds: of(&|sample| sample.usage.system.as_secs_f64()),
        minor_faults: of(&|sample| sample.usage.minor_faults as f64),
        major_faults: of(&|sample| sample.usage.major_faults as f64),
        read_bytes: of(&|sample| sample.usage.read_bytes as f64),
        peak_bytes: of(&|sample| sample.usage.peak_bytes as f64),
    }
}

fn per_second(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64().max(1e-9) / 1e9
}

/// Of no figures, it is 0 everywhere.
fn spread(figures: impl Iterator<Item = f64>) -> Spread {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let at = |place: usize| figures.get(place).copied().unwrap_or(0.0);
    let count = figures.len();
    Spread {
        median: (at(count / 2) + at(count.saturating_sub(1) / 2)) / 2.0,
        min: at(0),
        max: at(count.saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends() {
        let check = |figures: &[f64], median, min, max| {
            assert_eq!(
                spread(figures.iter().copied()),
                Spread { median, min, max },
                "{figures:?}"
            );
        };
        check(&[], 0.0, 0.0, 0.0);
        check(&[3.0], 3.0, 3.0, 3.0);
        check(&[4.0, 1.0], 2.5, 1.0, 4.0);
        check(&[9.0, 1.0, 2.0], 2.0, 1.0, 9.0);
        check(&[5.0, 9.0, 1.0, 3.0], 4.0, 1.0, 9.0);
    }
}
