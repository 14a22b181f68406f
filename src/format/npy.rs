//! NPY, the file of one NumPy array.
//!
//! ```text
//! byte 0   "\x93NUMPY"
//!      6   version: 1 0, 2 0 or 3 0
//!      8   length of the text, little-endian: 2 bytes in version 1, else 4
//!     10   the text, or at 12: {'descr': '<u2', 'fortran_order': False, 'shape': (600, 800, 3), }
//!          then the samples
//! ```
//!
//! 1. The text says how many indices there are, not what they count; that is told by [`Axes`], by the user or by the
//!    shape.
//! 2. In Fortran order the first index is the one whose samples lie side by side. What an index counts does not depend
//!    on it.
//! 3. Several axes of planes count as one, in the order in which the planes lie in the file. Where they do not follow
//!    each other at one distance, the array is refused.
//! 4. Three channels are taken for red, green and blue, as arrays of images mostly have them; four for bands, since the
//!    fourth may be alpha or may not.
//! 5. The text is read by this module. The crates for it (`npyz`, `py_literal`) read all of Python's literals, which
//!    takes a minute for 20 brackets and may overflow; here nothing nests, so that a header costs one pass over 64 KiB
//!    at most.
//!
//! Source: NumPy's `numpy/lib/format.py`.

mod text;

use self::text::Text;
use super::Axes;
use super::axes::{Axis, MAX_AXES};
use super::found::{Container, Found, Wrong};
use super::shorten;
use crate::error::{Choice, text};
use crate::layout::{Layout, Step};
use crate::pixel::{ByteOrder, Channels, MAX_CHANNELS, PixelFormat, SAMPLE_BYTES, Sample};

/// Longer texts are no headers.
const MAX_TEXT_BYTES: u64 = 64 << 10;

/// What the head of an NPY file says.
pub(super) fn read(head: &[u8], axes: Option<Axes>) -> Result<Found, Wrong> {
    let (text, data_offset) = text_of(head)?;
    let text = Text::parse(&text)?;
    let (sample, order) = sample(&text.descr)?;
    let shape = &text.shape[..];
    if !(1..=MAX_AXES).contains(&shape.len()) {
        return Err(Wrong::file(format!(
            "its array has {} axes, and 1 to {MAX_AXES} can be edited",
            shape.len()
        )));
    }
    let axes = axes.unwrap_or_else(|| Axes::of_shape(shape));
    if axes.count() != shape.len() {
        return Err(Wrong::Words(text![
            format!("its array has {} axes, {}; ", shape.len(), described(shape)),
            Choice::Axes,
            format!(" {axes} means {}", axes.count()),
        ]));
    }
    let channels = channels(shape, axes)?;
    let format = PixelFormat {
        channels,
        sample,
        order,
    };
    let layout = match shape {
        [pixels] => Layout::run(data_offset, *pixels, format)?,
        _ => strided(data_offset, shape, &steps(shape, text.is_fortran)?, axes, format)?,
    };
    if layout.lanes() > MAX_CHANNELS as u64 {
        return Err(Wrong::file(format!(
            "{} planes lie side by side in every pixel, and at most {MAX_CHANNELS} can be edited",
            layout.planes()
        )));
    }
    Ok(Found::new(layout, Container::Npy))
}

/// The text of a header, and where the samples begin.
fn text_of(head: &[u8]) -> Result<(String, u64), Wrong> {
    let cut_short = || Wrong::cut_short("its header");
    let &[.., major, minor] = head.first_chunk::<8>().ok_or_else(cut_short)?;
    let (start, bytes) = match (major, minor) {
        (1, 0) => {
            let length = head[8..].first_chunk().ok_or_else(cut_short)?;
            (10_usize, u64::from(u16::from_le_bytes(*length)))
        }
        (2 | 3, 0) => {
            let length = head[8..].first_chunk().ok_or_else(cut_short)?;
            (12, u64::from(u32::from_le_bytes(*length)))
        }
        _ => {
            return Err(Wrong::file(format!(
                "its version is {major}.{minor}, and 1.0, 2.0 and 3.0 are known"
            )));
        }
    };
    if bytes > MAX_TEXT_BYTES {
        return Err(Wrong::file(format!(
            "its header would be {bytes} bytes long, and those of arrays of numbers have at most {MAX_TEXT_BYTES}"
        )));
    }
    let end = start as u64 + bytes;
    let text = usize::try_from(end).ok().and_then(|end| head.get(start..end));
    let text = text.ok_or_else(cut_short)?;
    // Latin-1 before version 3, but whatever counts is ASCII.
    Ok((String::from_utf8_lossy(text).into_owned(), end))
}

/// What samples are called so.
fn sample(descr: &str) -> Result<(Sample, ByteOrder), Wrong> {
    let native = if cfg!(target_endian = "big") {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    let known = descr.split_at_checked(1).and_then(|(order, sample)| {
        let order = match order {
            "<" => ByteOrder::Little,
            ">" => ByteOrder::Big,
            "=" => native,
            _ => return None,
        };
        match sample {
            "u2" => Some((Sample::U16, order)),
            "i2" => Some((Sample::I16, order)),
            _ => None,
        }
    });
    known.ok_or_else(|| {
        Wrong::file(format!(
            "its samples are '{}', and only whole numbers of 16 bits (<u2, >u2, <i2, >i2) can be edited",
            shorten(descr)
        ))
    })
}

/// What the channels mean.
pub(super) fn channels(shape: &[u64], axes: Axes) -> Result<Channels, Wrong> {
    let axis = axes.iter().zip(shape).find(|(axis, _)| *axis == Axis::Channel);
    match axis.map_or(1, |(_, &length)| length) {
        3 => Ok(Channels::RGB),
        // An array of nothing is told by its sides.
        0 => Ok(Channels::GRAY),
        count => Channels::bands(count, false).ok_or_else(|| {
            let (array, most) = (described(shape), format!("at most {MAX_CHANNELS} can be edited"));
            Wrong::file(text![
                "by ",
                Choice::Axes,
                format!(" {axes} its array of {array} has {count} channels, and {most}"),
            ])
        }),
    }
}

/// Bytes from sample to sample along each axis.
pub(super) fn steps(shape: &[u64], is_fortran: bool) -> Result<Vec<u64>, Wrong> {
    if shape.contains(&0) {
        return Err(Wrong::file(format!("its array of {} has no samples", described(shape))));
    }
    let mut steps = vec![0; shape.len()];
    let mut step = SAMPLE_BYTES as u64;
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    if !is_fortran {
        axes.reverse();
    }
    for axis in axes {
        steps[axis] = step;
        step = step.checked_mul(shape[axis]).ok_or_else(|| {
            Wrong::file(format!(
                "its array of {} has more samples than a file can hold",
                described(shape)
            ))
        })?;
    }
    Ok(steps)
}

/// The layout of an array of at least two axes.
pub(super) fn strided(
    data_offset: u64,
    shape: &[u64],
    steps: &[u64],
    axes: Axes,
    format: PixelFormat,
) -> Result<Layout, Wrong> {
    let mut sides = (1, 1, 1);
    let mut step = Step {
        channel: SAMPLE_BYTES as u64,
        column: 0,
        row: 0,
        plane: 0,
    };
    let mut planes = Vec::new();
    for (axis, (&length, &bytes)) in axes.iter().zip(shape.iter().zip(steps)) {
        match axis {
            Axis::Column => (sides.0, step.column) = (length, bytes),
            Axis::Row => (sides.1, step.row) = (length, bytes),
            Axis::Channel => step.channel = bytes,
            Axis::Plane => planes.push((bytes, length)),
        }
    }
    // The nearest planes first; an axis of one has no distance of its own.
    planes.retain(|&(_, length)| length > 1);
    planes.sort_unstable();
    for pair in planes.windows(2) {
        if let [(near, length), (far, _)] = *pair
            && near * length != far
        {
            let why = "has planes that do not follow each other at one distance";
            return Err(Wrong::file(text![
                "by ",
                Choice::Axes,
                format!(" {axes} its array of {} {why}", described(shape)),
            ]));
        }
    }
    sides.2 = planes.iter().map(|(_, length)| length).product();
    let total = shape.iter().product::<u64>() * SAMPLE_BYTES as u64;
    step.plane = planes.first().map_or(total, |&(bytes, _)| bytes);
    Ok(Layout::strided(data_offset, sides, format, step)?)
}

/// A shape in a few words.
fn described(shape: &[u64]) -> String {
    let sides: Vec<String> = shape.iter().take(MAX_AXES).map(u64::to_string).collect();
    sides.join("x")
}

#[cfg(test)]
mod tests;
