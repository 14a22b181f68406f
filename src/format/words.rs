//! The layout of a file without a header: what the user's words make of it.
//!
//! What a pixel looks like cannot be seen in a file's length: one that divides by 8 divides by 4 and 2, too. So nothing
//! is edited before the user has said it, and whoever has not is told what would fit.

use std::path::Path;

use crate::error::{Choice, Error, Result, Text, text};
use crate::format::Overrides;
use crate::layout::Layout;
use crate::pixel::PixelFormat;

/// One format of each size, in the order in which they are offered, by the names that users write.
const OFFERED: [&str; 4] = ["rgba16", "rgb16", "gray16", "graya16"];

/// The layout of the file `path` of `file_bytes` bytes.
pub(super) fn layout(path: &Path, file_bytes: u64, overrides: &Overrides) -> Result<Layout> {
    let request = |why: Text| Error::request(path, why);
    let data_offset = overrides.data_offset.unwrap_or(0);
    let Some(data_bytes) = file_bytes.checked_sub(data_offset).filter(|&bytes| bytes > 0) else {
        return Err(request(text![
            Choice::DataOffset,
            format!(" {data_offset} leaves no pixels in a file of {file_bytes} bytes"),
        ]));
    };
    match (overrides.size, overrides.format) {
        (None, None) => Err(request(unsaid(data_bytes))),
        (None, Some(format)) => run(path, data_offset, data_bytes, format, overrides.part),
        (Some(size), None) => only_choice(data_offset, data_bytes, size).map_err(request),
        (Some(size), Some(format)) => sized(data_offset, file_bytes, size, format, overrides.part).map_err(request),
    }
}

/// Nobody said what a pixel looks like.
fn unsaid(data_bytes: u64) -> Text {
    let mut examples = offered().filter(|(_, format)| data_bytes.is_multiple_of(format.pixel_bytes()));
    let pixels = |format: PixelFormat| data_bytes / format.pixel_bytes();
    let Some((name, format)) = examples.next() else {
        return text![
            format!("has no header, and its {data_bytes} bytes are not whole samples of 2; say "),
            Choice::Pixel,
            " with ",
            Choice::DataOffset,
            " or ",
            Choice::Part,
            ", or write an ENVI header",
        ];
    };
    let mut text = text![
        "has no header; say ",
        Choice::Pixel,
        format!(" {name} (then it has {} pixels)", pixels(format)),
    ];
    for (name, format) in examples {
        text = text.and(text![", or ", Choice::Pixel, format!(" {name} ({})", pixels(format))]);
    }
    text.and(text![", or ", Choice::Size, " WIDTHxHEIGHT, or write an ENVI header"])
}

fn offered() -> impl Iterator<Item = (&'static str, PixelFormat)> {
    OFFERED.into_iter().filter_map(|name| Some((name, name.parse().ok()?)))
}

/// A run of pixels of which nobody said how they lie.
fn run(path: &Path, data_offset: u64, data_bytes: u64, format: PixelFormat, part: bool) -> Result<Layout> {
    let pixel_bytes = format.pixel_bytes();
    let left_over = data_bytes % pixel_bytes;
    if left_over > 0 && !(part && data_bytes > left_over) {
        let why = text![
            format!(
                "its {data_bytes} bytes of pixels are not whole pixels of {pixel_bytes} bytes ({format}), {left_over} \
                 are left over; say "
            ),
            Choice::Pixel,
            ", ",
            Choice::DataOffset,
            " or ",
            Choice::Size,
            ", or write a header, or ",
            Choice::Part,
            " if they are to be left alone",
        ];
        return Err(Error::unfit(path, why));
    }
    let layout = Layout::run(data_offset, data_bytes / pixel_bytes, format);
    layout.map_err(|why| Error::request(path, why))
}

/// A size, and nobody said what a pixel looks like: rgba16 if that fits to the byte.
fn only_choice(data_offset: u64, data_bytes: u64, (width, height): (u64, u64)) -> std::result::Result<Layout, Text> {
    let fits =
        |format| Layout::new(data_offset, width, height, format).is_ok_and(|layout| layout.data_bytes() == data_bytes);
    // A side of 0, or more pixels than a file can hold.
    let layout = Layout::new(data_offset, width, height, PixelFormat::RGBA16)?;
    if fits(PixelFormat::RGBA16) {
        return Ok(layout);
    }
    let fitting: Vec<&str> = offered()
        .filter(|(_, format)| fits(*format))
        .map(|(name, _)| name)
        .collect();
    Err(match fitting.as_slice() {
        [] => text![
            format!(
                "has {data_bytes} bytes of pixels; {width}x{height} pixels of 8 bytes (rgba16) from byte {data_offset} \
                 on would need {}, and no other pixel fits either; correct ",
                layout.data_bytes(),
            ),
            Choice::Size,
            " or ",
            Choice::DataOffset,
            ", or say ",
            Choice::Pixel,
            " and ",
            Choice::Part,
        ],
        names => text![
            format!(
                "has {data_bytes} bytes of pixels; {width}x{height} pixels fill them if they are {}; say ",
                names.join(" or "),
            ),
            Choice::Pixel,
        ],
    })
}

/// A size and a pixel.
fn sized(
    data_offset: u64,
    file_bytes: u64,
    (width, height): (u64, u64),
    format: PixelFormat,
    part: bool,
) -> std::result::Result<Layout, Text> {
    let layout = Layout::new(data_offset, width, height, format)?;
    let end = layout.data().end;
    let pixels = || {
        let pixel_bytes = format.pixel_bytes();
        format!("{width}x{height} pixels of {pixel_bytes} bytes ({format}) from byte {data_offset} on")
    };
    if end > file_bytes {
        let why = format!("has {file_bytes} bytes; {} would need {end}; ", pixels());
        return Err(text![why].and(correct()));
    }
    if end < file_bytes && !part {
        let (pixels, left_over) = (pixels(), file_bytes - end);
        let why = format!("has {file_bytes} bytes; {pixels} end at {end}, and {left_over} are left over; ");
        let or_part = text![", or say ", Choice::Part, " if they are to be left alone"];
        return Err(text![why].and(correct()).and(or_part));
    }
    Ok(layout)
}

/// What may be wrong of all that was said.
fn correct() -> Text {
    text![
        "correct ",
        Choice::Size,
        ", ",
        Choice::Pixel,
        " or ",
        Choice::DataOffset
    ]
}
