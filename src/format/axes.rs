//! What the axes of an array mean, where its file does not say: `yx`, `zyx`, `yxc`, `cyx`.

use std::fmt;
use std::str::FromStr;

/// Axes of an array at most.
pub(super) const MAX_AXES: usize = 5;

/// What one axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Columns, `x`.
    Column,
    /// Rows, `y`.
    Row,
    /// Channels, `c`.
    Channel,
    /// Planes, `z` or `t`: slices of a volume, moments.
    Plane,
}

/// What each axis of an array counts, the first one first, as it is indexed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    letters: [u8; MAX_AXES],
    count: usize,
}

impl Axes {
    /// What the axes of an array of this shape are taken for where nobody says it: rows and columns last, behind them
    /// channels if the last axis is short enough for a color (4 at most) and not needed for something else, in front of
    /// them planes.
    pub fn of_shape(shape: &[u64]) -> Axes {
        let has_channels = shape.len() >= 3 && shape.last().is_some_and(|&length| length <= SHORT);
        let ends = if has_channels { "yxc" } else { "yx" };
        let letters = "z".repeat(shape.len().saturating_sub(ends.len())) + ends;
        let last = letters.len() - shape.len().min(letters.len());
        Axes::of_letters(&letters.as_bytes()[last..])
    }

    fn of_letters(given: &[u8]) -> Axes {
        let count = given.len().min(MAX_AXES);
        let mut letters = [0; MAX_AXES];
        letters[..count].copy_from_slice(&given[..count]);
        Axes { letters, count }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What they count.
    pub fn iter(&self) -> impl Iterator<Item = Axis> {
        self.letters[..self.count].iter().map(|letter| match letter {
            b'x' => Axis::Column,
            b'y' => Axis::Row,
            b'c' => Axis::Channel,
            _ => Axis::Plane,
        })
    }
}

/// A last axis of this length at most is one of channels.
const SHORT: u64 = 4;

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Axes, String> {
        let refuse = |why: String| {
            Err(format!(
                "'{text}' {why}; write a letter for each axis, such as yx, yxc, cyx or zyx: x for columns, y for rows, c \
                 for channels, z or t for planes"
            ))
        };
        let letters = text.as_bytes();
        if let Some(other) = text.chars().find(|letter| !"xyczt".contains(*letter)) {
            return refuse(format!("has '{}', which is no axis", other.escape_debug()));
        }
        if !(1..=MAX_AXES).contains(&letters.len()) {
            return refuse(format!("has {} axes, and arrays have 1 to {MAX_AXES}", letters.len()));
        }
        let times = |letter| letters.iter().filter(|&&other| other == letter).count();
        for letter in *b"xyc" {
            if times(letter) > 1 {
                return refuse(format!("has '{}' twice", char::from(letter)));
            }
        }
        // Pixels in one row need no rows.
        if times(b'x') == 0 || times(b'y') == 0 && text != "x" {
            return refuse("has no rows and columns".to_owned());
        }
        Ok(Axes::of_letters(letters))
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.letters[..self.count].iter();
        f.pad(&letters.map(|&letter| char::from(letter)).collect::<String>())
    }
}

impl fmt::Debug for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Axes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for text in ["x", "yx", "xy", "yxc", "cyx", "ycx", "tzyxc", "zyx", "txyc", "ztzyx"] {
            let axes: Axes = text.parse().expect(text);
            assert_eq!(axes.to_string(), text);
            assert_eq!(axes.count(), text.len());
        }
        for (wrong, says) in [
            ("", "has 0 axes"),
            ("tzyxcc", "has 6 axes"),
            ("yxb", "has 'b'"),
            ("YX", "has 'Y'"),
            ("yx\u{1b}", "has '\\u{1b}'"),
            ("yyx", "has 'y' twice"),
            ("cyxc", "has 'c' twice"),
            ("y", "no rows and columns"),
            ("xc", "no rows and columns"),
            ("czt", "no rows and columns"),
        ] {
            let why = wrong.parse::<Axes>().expect_err(wrong);
            assert!(why.contains(says) && why.contains("such as yx"), "{why}");
        }
    }

    #[test]
    fn a_short_last_axis_is_one_of_channels() {
        let check = |shape: &[u64], want: &str| assert_eq!(Axes::of_shape(shape).to_string(), want, "{shape:?}");
        check(&[9], "x");
        check(&[9, 3], "yx");
        check(&[9, 8, 3], "yxc");
        check(&[9, 8, 4], "yxc");
        check(&[9, 8, 5], "zyx");
        check(&[3, 9, 8], "zyx");
        check(&[2, 9, 8, 1], "zyxc");
        check(&[2, 9, 8, 7], "zzyx");
        check(&[2, 2, 9, 8, 4], "zzyxc");
        check(&[2, 2, 2, 9, 8], "zzzyx");
    }
}
