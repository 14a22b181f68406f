//! The steps of an adjustment, each read from the words of a user and strict about them. What they do is told by
//! [`super::Adjust`].

use std::fmt;
use std::str::FromStr;

use crate::op::{Curve, MAX_AMOUNT};
use crate::pixel::Sample;

/// The largest factor in either direction. Together with [`super::MAX_STEPS`] it keeps every number finite.
const MAX_GAIN: f64 = 1e6;

/// One step of an adjustment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Spreads what lies between two values over the whole type.
    Levels(Levels),
    /// Bends the middle up or down and keeps the ends.
    Gamma(Gamma),
    /// Multiplies.
    Gain(Gain),
    /// Adds.
    Add(Shift),
    /// Turns the image into its negative.
    Invert,
    /// Stops at two values.
    Clamp(Clamp),
    /// Follows a curve through given points.
    Curve(Curve),
}

impl Step {
    /// What becomes of `value`, a number between or beyond the values of `sample`.
    pub(super) fn apply(&self, value: f64, sample: Sample) -> f64 {
        let (low, high) = sample.range().into_inner();
        let (low, high) = (f64::from(low), f64::from(high));
        let range = high - low;
        match self {
            Step::Levels(levels) => {
                let (from, to) = (f64::from(levels.low), f64::from(levels.high));
                low + (value - from) * range / (to - from)
            }
            Step::Gamma(_) if value < low || value > high => value,
            Step::Gamma(gamma) => low + range * ((value - low) / range).powf(1.0 / gamma.0),
            Step::Gain(gain) => value * gain.0,
            Step::Add(shift) => value + shift.units(sample),
            Step::Invert => low + high - value,
            Step::Clamp(clamp) => value.clamp(f64::from(clamp.low), f64::from(clamp.high)),
            Step::Curve(curve) => curve.at(value),
        }
    }

    /// The whole numbers in it that must be values of the image's samples.
    pub(super) fn values(&self) -> Option<[i32; 2]> {
        match self {
            Step::Levels(levels) => Some([levels.low, levels.high]),
            Step::Clamp(clamp) => Some([clamp.low, clamp.high]),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Levels(Levels { low, high }) => write!(f, "levels {low},{high}"),
            Step::Gamma(Gamma(gamma)) => write!(f, "gamma {}", Short(*gamma)),
            Step::Gain(Gain(gain)) => write!(f, "gain {}", Short(*gain)),
            Step::Add(Shift::Units(units)) => write!(f, "add {}", Short(*units)),
            Step::Add(Shift::Percent(percent)) => write!(f, "add {}%", Short(*percent)),
            Step::Invert => f.write_str("invert"),
            Step::Clamp(Clamp { low, high }) => write!(f, "clamp {low},{high}"),
            Step::Curve(curve) => curve.fmt(f),
        }
    }
}

/// A number in as few digits as tell it, also if it is next to nothing.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size != 0.0 && !(1e-6..1e9).contains(&size) {
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// The value that becomes the smallest one, and the one that becomes the largest: `200,60000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    low: i32,
    high: i32,
}

impl FromStr for Levels {
    type Err = String;

    fn from_str(text: &str) -> Result<Levels, String> {
        let (low, high) = two_values(text, "levels")?;
        if low == high {
            return Err(format!(
                "levels '{text}' leave nothing between them; LO must be below HI"
            ));
        }
        if low > high {
            return Err(format!(
                "levels '{text}' are the wrong way round; give {high},{low}, and --invert after them for a negative"
            ));
        }
        Ok(Levels { low, high })
    }
}

/// The values at which samples stop: `100,60000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clamp {
    low: i32,
    high: i32,
}

impl FromStr for Clamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Clamp, String> {
        let (low, high) = two_values(text, "clamp")?;
        if low > high {
            return Err(format!("clamp '{text}' is the wrong way round; give {high},{low}"));
        }
        Ok(Clamp { low, high })
    }
}

fn two_values(text: &str, what: &str) -> Result<(i32, i32), String> {
    let number = |word: &str| word.trim().parse::<i32>().ok();
    let two = text.split_once(',').and_then(|(a, b)| Some((number(a)?, number(b)?)));
    two.ok_or_else(|| format!("{what} '{text}' are not two whole numbers; write LO,HI such as 200,60000"))
}

/// Above 1 brightens the middle, below 1 darkens it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma(f64);

impl FromStr for Gamma {
    type Err = String;

    fn from_str(text: &str) -> Result<Gamma, String> {
        number(text).filter(|gamma| *gamma > 0.0).map(Gamma).ok_or_else(|| {
            format!("gamma '{text}' is no number above 0; above 1 brightens, such as 1.8, below 1 darkens")
        })
    }
}

/// What samples are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain(f64);

impl FromStr for Gain {
    type Err = String;

    fn from_str(text: &str) -> Result<Gain, String> {
        number(text)
            .filter(|gain| gain.abs() <= MAX_GAIN)
            .map(Gain)
            .ok_or_else(|| format!("gain '{text}' is no number from -1000000 to 1000000, such as 1.5"))
    }
}

/// What is added to samples; unlike an [`super::Amount`] it may have a fraction, and is not rounded by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shift {
    /// In units of the samples, -65535 to 65535.
    Units(f64),
    /// Of the sample type's largest value, -100 to 100.
    Percent(f64),
}

impl Shift {
    fn units(self, sample: Sample) -> f64 {
        match self {
            Shift::Units(units) => units,
            Shift::Percent(percent) => percent / 100.0 * f64::from(*sample.range().end()),
        }
    }
}

impl FromStr for Shift {
    type Err = String;

    fn from_str(text: &str) -> Result<Shift, String> {
        let shift = match text.strip_suffix('%') {
            Some(percent) => number(percent).filter(|p| p.abs() <= 100.0).map(Shift::Percent),
            None => number(text)
                .filter(|units| units.abs() <= f64::from(MAX_AMOUNT))
                .map(Shift::Units),
        };
        shift.ok_or_else(|| format!("'{text}' cannot be added; give a number from -65535 to 65535, or -100% to 100%"))
    }
}

/// A number that is one: neither NaN nor infinite.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}
