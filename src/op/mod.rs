//! What happens to the samples of an image: [`Op`].
//!
//! An op knows no file, no thread and no error, and not the channels that it is meant for: those belong to the job.
//! `kernel` is the code that does it.

pub mod adjust;
mod bytes;
mod curve;
mod function;
mod step;
mod table;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use self::adjust::{Adjust, MAX_STEPS};
pub use self::curve::{Curve, MAX_CURVE_BYTES};
pub use self::function::PixelFunction;
pub use self::step::{Clamp, Gain, Gamma, Levels, Shift, Step};
pub use self::table::{Table, VALUES};

use crate::pixel::Sample;

/// The largest amount in either direction: from one end of the samples to the other.
pub const MAX_AMOUNT: i32 = 65_535;

/// By how much to brighten, as a user says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// In units of the samples, -65535 to 65535.
    Steps(i32),
    /// Of the sample type's largest value, -100 to 100.
    Percent(f64),
}

impl Amount {
    /// The amount in units of `sample`, a percentage rounded to the nearest step.
    #[expect(clippy::cast_possible_truncation, reason = "at most 100 % of 65535")]
    pub fn steps(self, sample: Sample) -> i32 {
        match self {
            Amount::Steps(steps) => steps,
            Amount::Percent(percent) => (percent / 100.0 * f64::from(*sample.range().end())).round() as i32,
        }
    }
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Amount, String> {
        let amount = match text.strip_suffix('%') {
            Some(number) => number
                .parse()
                .ok()
                .filter(|p: &f64| p.abs() <= 100.0)
                .map(Amount::Percent),
            None => text
                .parse()
                .ok()
                .filter(|&n: &i64| n.abs() <= i64::from(MAX_AMOUNT))
                .and_then(|n| i32::try_from(n).ok())
                .map(Amount::Steps),
        };
        amount
            .ok_or_else(|| format!("'{text}' is no amount; give a whole number from -65535 to 65535, or -100% to 100%"))
    }
}

/// What a job does to the samples of the channels that it edits.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Adds a number to the samples, which stop at the ends of their type.
    Brighten {
        /// -65535 to 65535.
        amount: i32,
    },
    /// Gives every value another one.
    Table(Arc<Table>),
    /// Does to whole pixels what only the program knows that has the function.
    Function(PixelFunction),
}

impl Op {
    /// Adds `amount`, -65535 to 65535, to the samples, which stop at the ends of their type.
    pub fn brighten(amount: i32) -> Op {
        Op::Brighten { amount }
    }

    /// Does to every pixel what `function` does to the values of its channels; see [`PixelFunction`].
    ///
    /// # Panics
    /// As for [`PixelFunction::new`].
    pub fn function(name: &str, function: impl Fn(&mut [i32]) + Send + Sync + 'static) -> Op {
        Op::Function(PixelFunction::new(name, function))
    }

    /// Brightens by `amount`, but leaves samples of the value `nodata` as they are. If that is no value of the type, no
    /// sample has it, and this is plain brightening.
    pub fn brighten_keeping(amount: i32, sample: Sample, nodata: i32) -> Op {
        let plain = Op::Brighten { amount };
        if sample.bits(nodata).is_none() {
            return plain;
        }
        let words = format!("{plain} (nodata {nodata} kept)");
        let new = |value: i32| f64::from(value) + f64::from(amount);
        Op::Table(Arc::new(Table::from_values(words, sample, new, Some(nodata))))
    }
}

impl Op {
    /// True if the two make the same of every sample, whatever they are called.
    pub fn is_same_as(&self, other: &Op) -> bool {
        match (self, other) {
            (Op::Table(a), Op::Table(b)) => a.sample() == b.sample() && a.entries() == b.entries(),
            _ => self == other,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Brighten { amount } => write!(f, "brighten {amount:+}"),
            Op::Table(table) => f.write_str(table.words()),
            Op::Function(function) => function.fmt(f),
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "numbers that are to come out exactly")]
mod tests;
