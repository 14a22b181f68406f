//! What the text of an NRRD or MetaImage header says: an array, and where its samples lie.

use super::Axes;
use super::axes::MAX_AXES;
use super::found::{Container, Found, Wrong};
use super::npy;
use super::shorten;
use crate::layout::Layout;
use crate::pixel::{ByteOrder, Channels, MAX_CHANNELS, PixelFormat, Sample};

/// Where the samples lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// In the file of the header, from this byte on.
    Behind(u64),
    /// In a file of their own.
    File {
        /// Its name, as the header has it.
        name: String,
        /// Bytes before the first sample; `None` if the last sample is the file's end.
        skip: Option<u64>,
    },
}

/// An array of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArrayHeader {
    pub(super) sample: Sample,
    pub(super) order: ByteOrder,
    /// What the channels mean, if that is said.
    pub(super) channels: Option<Channels>,
    /// Its sides, the one whose samples lie side by side last.
    pub(super) shape: Vec<u64>,
    /// What they count; if that is not said, it is told by the shape.
    pub(super) axes: Option<Axes>,
    pub(super) data: Data,
}

/// What the header of a file says whose samples follow it.
pub(super) fn found(array: ArrayHeader, container: Container) -> Result<Found, Wrong> {
    match &array.data {
        Data::Behind(offset) => Ok(Found::new(array.layout(*offset)?, container)),
        Data::File { name, .. } => Err(Wrong::file(format!(
            "it is a header only, whose samples are in the file '{}'",
            shorten(name)
        ))),
    }
}

/// That a header, with a file of a MiB for its samples, is refused so, in one line.
#[cfg(test)]
#[track_caller]
pub(super) fn assert_refused(header: Result<ArrayHeader, Wrong>, says: &str) {
    match header.and_then(|header| header.layout_in(1 << 20)) {
        Err(Wrong::File(why)) => assert!(
            why.to_string().contains(says) && !why.to_string().contains('\n'),
            "{why}"
        ),
        other => panic!("{other:?}"),
    }
}

impl ArrayHeader {
    /// The layout of the samples, the first of which is at `data_offset`.
    pub(super) fn layout(&self, data_offset: u64) -> Result<Layout, Wrong> {
        let shape = &self.shape[..];
        if !(1..=MAX_AXES).contains(&shape.len()) {
            return Err(Wrong::file(format!(
                "its array has {} axes, and 1 to {MAX_AXES} can be edited",
                shape.len()
            )));
        }
        let axes = self.axes.unwrap_or_else(|| Axes::of_shape(shape));
        let format = PixelFormat {
            channels: self.channels.map_or_else(|| npy::channels(shape, axes), Ok)?,
            sample: self.sample,
            order: self.order,
        };
        let layout = match shape {
            [pixels] => Layout::run(data_offset, *pixels, format)?,
            _ => npy::strided(data_offset, shape, &npy::steps(shape, false)?, axes, format)?,
        };
        if layout.lanes() > MAX_CHANNELS as u64 {
            return Err(Wrong::file(format!(
                "{} values lie side by side in every pixel, and at most {MAX_CHANNELS} can be edited",
                layout.lanes()
            )));
        }
        Ok(layout)
    }

    /// The layout of the samples in a file of so many bytes.
    pub(super) fn layout_in(&self, file_bytes: u64) -> Result<Layout, Wrong> {
        let offset = match self.data {
            Data::Behind(offset) => offset,
            Data::File { skip: Some(skip), .. } => skip,
            Data::File { skip: None, .. } => {
                let bytes = self.layout(0)?.data_bytes();
                file_bytes.checked_sub(bytes).ok_or_else(|| {
                    Wrong::file(format!(
                        "its samples have {bytes} bytes, and the file of the samples {file_bytes}; it is cut short"
                    ))
                })?
            }
        };
        self.layout(offset)
    }
}
