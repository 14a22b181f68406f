//! Netpbm's binary pictures: PGM (`P5`), PPM (`P6`) and PAM (`P7`), as far as their samples have 16 bits.
//!
//! 1. Samples are big-endian, and go from 0 to `maxval`. Only 65535 is edited: under any other one an edit would make
//!    samples that are larger than the file says they can be.
//! 2. The pixels begin right behind the white space after `maxval`, or after the line `ENDHDR`. The decoder of `image`
//!    reads the header; what it took of the file is where they begin.
//! 3. A PAM's channels mean what its tuple type says. Without one, three are red, green and blue, as `image` has it
//!    too, and two or four are bands.
//!
//! Source: Netpbm's pages pgm(5), ppm(5) and pam(5).

use image::codecs::pnm::{ArbitraryHeader, ArbitraryTuplType, PnmDecoder, PnmHeader};

use super::found::{Container, Found, Wrong};
use crate::error::{Choice, text};
use crate::layout::Layout;
use crate::pixel::{ByteOrder, Channels, PixelFormat, Sample};

/// How much of a file may be header.
const HEADER_BYTES: usize = 64 << 10;

/// What the head of a PNM file says.
pub(super) fn read(head: &[u8]) -> Result<Found, Wrong> {
    match head.get(..2) {
        Some(b"P1" | b"P4") => return Err(imported("is a bitmap, whose pixels have 1 bit")),
        Some(b"P2" | b"P3") => return Err(imported("has its samples written out in digits")),
        _ => {}
    }
    let mut rest = &head[..head.len().min(HEADER_BYTES)];
    let all = rest.len();
    let decoder = PnmDecoder::new(&mut rest)
        .map_err(|error| Wrong::file(format!("its header cannot be read ({})", one_line(&error.to_string()))))?;
    let (_, header) = decoder.into_inner();
    let data_offset = all - rest.len();
    // At the end of the bytes the decoder takes what there is of a number for all of it.
    if !head[..data_offset].last().is_some_and(u8::is_ascii_whitespace) {
        return Err(Wrong::cut_short("its header"));
    }
    match header.maximal_sample() {
        65_535 => {}
        most @ 0..=255 => return Err(imported(&format!("has samples of 8 bits (maxval {most})"))),
        most => {
            return Err(imported(&format!(
                "its samples go to {most} (maxval), and an edit could make larger ones"
            )));
        }
    }
    let (channels, container) = if let Some(pam) = header.as_arbitrary() {
        (pam_channels(pam)?, Container::Pam)
    } else if header.as_pixmap().is_some() {
        (Channels::RGB, Container::Ppm)
    } else {
        (Channels::GRAY, Container::Pgm)
    };
    let format = PixelFormat {
        channels,
        sample: Sample::U16,
        order: ByteOrder::Big,
    };
    Ok(Found::new(layout(&header, data_offset as u64, format)?, container))
}

fn layout(header: &PnmHeader, data_offset: u64, format: PixelFormat) -> Result<Layout, String> {
    let (width, height) = (u64::from(header.width()), u64::from(header.height()));
    Layout::new(data_offset, width, height, format)
}

/// What a PAM's channels mean.
fn pam_channels(header: &ArbitraryHeader) -> Result<Channels, Wrong> {
    let depth = u64::from(header.depth);
    let (word, channels) = match &header.tupltype {
        None if depth == 3 => return Ok(Channels::RGB),
        None => return Channels::bands(depth, false).ok_or_else(|| Wrong::file(format!("has {depth} channels"))),
        Some(ArbitraryTuplType::Grayscale) => ("GRAYSCALE", Channels::GRAY),
        Some(ArbitraryTuplType::GrayscaleAlpha) => ("GRAYSCALE_ALPHA", Channels::GRAY_ALPHA),
        Some(ArbitraryTuplType::RGB) => ("RGB", Channels::RGB),
        Some(ArbitraryTuplType::RGBAlpha) => ("RGB_ALPHA", Channels::RGBA),
        Some(_) => {
            return Err(Wrong::file(
                "its TUPLTYPE is none of GRAYSCALE, GRAYSCALE_ALPHA, RGB and RGB_ALPHA",
            ));
        }
    };
    if channels.count() as u64 != depth {
        return Err(Wrong::file(format!(
            "TUPLTYPE {word} has {} channels, but DEPTH is {depth}",
            channels.count()
        )));
    }
    Ok(channels)
}

/// A picture that can be had as an image by copying it.
fn imported(why: &str) -> Wrong {
    let only = "only binary PGM, PPM and PAM of 16 bits (maxval 65535) are edited where they lie";
    Wrong::file(text![
        format!("{why}; {only}, "),
        Choice::Import,
        " makes an image of it"
    ])
}

/// A text that a library wrote, fit for a message of one line.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(120).collect()
}

#[cfg(test)]
mod tests;
