//! A curve through points, from a text of two columns: [`Curve`].

use std::fmt;

use crate::op::step::number;

/// Bytes of a curve's file at most; whoever reads it stops there.
pub const MAX_CURVE_BYTES: u64 = 4 << 20;

/// Lines of a curve's file at most: one for every value.
const MAX_LINES: usize = 65_536;

/// The largest coordinate in either direction. It keeps products of two of them exact enough, and finite.
const MAX_COORDINATE: f64 = 1e9;

/// Characters of a file's name that are kept for the words.
const MAX_NAME_CHARS: usize = 100;

/// Straight lines from point to point.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The file's name, fit to be printed.
    name: String,
    /// By x, which grows; at least 2.
    points: Vec<(f64, f64)>,
}

impl Curve {
    /// Reads a curve from the `text` of the file that is called `name`: a line `X,Y` for each point, X growing from
    /// line to line. Empty lines and lines that begin with `#` count for nothing, and one line of two names may come
    /// first.
    ///
    /// # Errors
    /// A message for the user that names the line.
    pub fn parse(name: &str, text: &str) -> Result<Curve, String> {
        let failed = |what: String| format!("{name}: {what}");
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut points: Vec<(f64, f64)> = Vec::new();
        let mut before = None;
        let mut may_be_header = true;
        for (number, line) in (1..).zip(text.lines()) {
            if number > MAX_LINES {
                return Err(failed(format!("has more than {MAX_LINES} lines")));
            }
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let is_first = std::mem::replace(&mut may_be_header, false);
            if is_first && is_header(line) {
                continue;
            }
            let point = point(line).ok_or_else(|| {
                let shown: String = line.chars().take(40).filter(|c| !c.is_control()).collect();
                failed(format!(
                    "line {number} is no point: '{shown}'; write X,Y, two numbers within plus or minus 1e9"
                ))
            })?;
            if let Some((line_before, x_before)) = before.replace((number, point.0)) {
                follows(x_before, line_before, point.0, number).map_err(failed)?;
            }
            points.push(point);
        }
        if points.len() < 2 {
            return Err(failed(format!("a curve needs at least 2 points, not {}", points.len())));
        }
        let name = name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
        Ok(Curve { name, points })
    }

    /// The curve's height at `x`; outside its ends that of the end.
    pub(super) fn at(&self, x: f64) -> f64 {
        let after = self.points.partition_point(|point| point.0 <= x);
        match (after.checked_sub(1).map(|at| self.points[at]), self.points.get(after)) {
            (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
            (Some((_, y)), None) | (None, Some(&(_, y))) => y,
            (None, None) => unreachable!("a curve has points"),
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "curve {} ({} points)", self.name, self.points.len())
    }
}

/// Refuses an x that is not larger than the one before it.
fn follows(x_before: f64, line_before: usize, x: f64, line: usize) -> Result<(), String> {
    if x > x_before {
        Ok(())
    } else if x == x_before {
        Err(format!(
            "lines {line_before} and {line} both have X = {x}: not a function"
        ))
    } else {
        Err(format!(
            "X falls from {x_before} in line {line_before} to {x} in line {line}: not a function; sort the points by X"
        ))
    }
}

fn point(line: &str) -> Option<(f64, f64)> {
    let coordinate = |word: &str| number(word).filter(|number| number.abs() <= MAX_COORDINATE);
    let (x, y) = line.split_once(',')?;
    Some((coordinate(x)?, coordinate(y)?))
}

/// True for two words that are no numbers, so that a point with a slip in it is not taken for a header.
fn is_header(line: &str) -> bool {
    let is_name = |word: &str| {
        let word = word.trim().trim_matches('"');
        word.starts_with(char::is_alphabetic) && word.parse::<f64>().is_err()
    };
    line.split_once(',').is_some_and(|(x, y)| is_name(x) && is_name(y))
}
