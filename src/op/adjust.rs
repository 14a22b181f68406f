//! Many steps that become one table: [`Adjust`].
//!
//! # What the steps do
//! Of a sample with the value `v`, in a type whose values go from `lo` to `hi` (0 to 65535, or -32768 to 32767), become
//!
//! | step | new value |
//! |---|---|
//! | levels LO,HI | `lo + (v - LO) * (hi - lo) / (HI - LO)` |
//! | gamma G | `lo + (hi - lo) * ((v - lo) / (hi - lo))^(1 / G)` from `lo` to `hi`, and `v` beyond them |
//! | gain F | `v * F` |
//! | add N | `v + N` |
//! | add P% | `v + P / 100 * hi` |
//! | invert | `lo + hi - v` |
//! | clamp LO,HI | `LO` below LO, `HI` above HI, else `v` |
//! | curve FILE | `y0 + (y1 - y0) * (v - x0) / (x1 - x0)` between two points, and the end's `y` outside the ends |
//!
//! 1. They are done in the order in which they are given, the same one as often as it is given.
//! 2. Numbers are double-precision floats on the way. **Nothing is rounded and nothing stops at an end between the
//!    steps**, so a step may take back what one before it did. (That is why gamma, which has no value below `lo`, lets
//!    alone what lies beyond the ends.)
//! 3. At the very end the number is rounded to the nearest whole one, a half to the even one, and stops at the ends of
//!    the type. It counts as *clipped* if the rounded number lies beyond them. What `clamp` stops is not clipped.
//! 4. A value of *nodata* that is to be kept stays as it is, whatever the steps say.
//!
//! `v` is the value that the file means: that of signed samples is signed, and that of samples with a flipped top bit
//! (FITS with BZERO 32768) is the unsigned one. Gamma and levels mean the whole type, also if it is signed.

use crate::op::{Step, Table};
use crate::pixel::Sample;

/// Steps of an adjustment at most.
pub const MAX_STEPS: usize = 32;

/// A row of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Adjust {
    steps: Vec<Step>,
}

impl Adjust {
    /// Steps in the order in which they are to be done.
    ///
    /// # Errors
    /// A message for the user, if there are none or more than [`MAX_STEPS`].
    pub fn new(steps: Vec<Step>) -> Result<Adjust, String> {
        match steps.len() {
            0 => Err("nothing is to be done; name at least one step such as --gamma 0.8".to_owned()),
            1..=MAX_STEPS => Ok(Adjust { steps }),
            many => Err(format!("{many} steps are more than {MAX_STEPS}")),
        }
    }

    /// The steps as one table for `sample`; samples of the value `nodata` are kept if there is one.
    ///
    /// # Errors
    /// A message for the user, if a step names a value that samples of this type do not have.
    pub fn table(&self, sample: Sample, nodata: Option<i32>) -> Result<Table, String> {
        for step in &self.steps {
            let values = step.values().into_iter().flatten();
            if let Some(value) = values.into_iter().find(|value| !sample.range().contains(value)) {
                let (low, high) = sample.range().into_inner();
                return Err(format!(
                    "{step}: {value} is no value of the image's samples, which go from {low} to {high}"
                ));
            }
        }
        // What no sample can be needs no keeping.
        let nodata = nodata.filter(|value| sample.range().contains(value));
        let steps: Vec<String> = self.steps.iter().map(Step::to_string).collect();
        let kept = nodata.map_or(String::new(), |value| format!(" (nodata {value} kept)"));
        let words = format!("adjust {}{kept}", steps.join(", "));
        let new = |value: i32| {
            let first = f64::from(value);
            self.steps.iter().fold(first, |value, step| step.apply(value, sample))
        };
        Ok(Table::from_values(words, sample, new, nodata))
    }
}
