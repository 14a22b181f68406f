//! What one pixel looks like: [`PixelFormat`] = [`Channels`] x [`Sample`] x [`ByteOrder`].
//!
//! Every sample has 16 bits. A format is written `rgba:u16le`; the short names are `rgba16` (`rgba:u16le`), `rgba16be`,
//! the same for `rgb`, `gray` and `graya`, and `mycolor`. Bands that nobody named are `2band`, `224band`.
//!
//! 1. A channel is *alpha* only if the format says so. In remote sensing a fourth band is often near infrared.
//! 2. `mycolor`, the struct of Microsoft's memory-mapped-file sample, is four signed little-endian channels that are
//!    all edited; that is `4band:i16le`, and both words mean the same format.

mod channels;
mod set;

use std::fmt;
use std::str::FromStr;

pub use self::channels::Channels;
pub use self::set::ChannelSet;

/// Bytes in one sample of any channel.
pub const SAMPLE_BYTES: usize = 2;

/// Channels of a pixel at most.
pub const MAX_CHANNELS: usize = 65_535;

/// The type of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sample {
    /// Unsigned, 0 to 65535.
    U16,
    /// Signed, -32768 to 32767.
    I16,
    /// Unsigned, 0 to 65535, stored with the top bit flipped: a signed number to which 32768 is added (`BZERO` in
    /// FITS).
    U16Flipped,
}

impl Sample {
    /// All of them.
    pub const ALL: [Sample; 3] = [Sample::U16, Sample::I16, Sample::U16Flipped];

    /// The smallest and the largest value.
    pub fn range(self) -> std::ops::RangeInclusive<i32> {
        match self {
            Sample::U16 | Sample::U16Flipped => 0..=i32::from(u16::MAX),
            Sample::I16 => i32::from(i16::MIN)..=i32::from(i16::MAX),
        }
    }

    /// The value that the bits of a sample mean, in this machine's byte order.
    pub fn value(self, bits: u16) -> i32 {
        match self {
            Sample::U16 => i32::from(bits),
            Sample::I16 => i32::from(bits.cast_signed()),
            Sample::U16Flipped => i32::from(bits ^ 0x8000),
        }
    }

    /// The bits of a value, if it is one of the type.
    pub fn bits(self, value: i32) -> Option<u16> {
        match self {
            Sample::U16 => u16::try_from(value).ok(),
            Sample::I16 => i16::try_from(value).ok().map(i16::cast_unsigned),
            Sample::U16Flipped => u16::try_from(value).ok().map(|bits| bits ^ 0x8000),
        }
    }

    /// The word for it in a format.
    fn word(self) -> &'static str {
        match self {
            Sample::U16 => "u16",
            Sample::I16 => "i16",
            Sample::U16Flipped => "u16flipped",
        }
    }
}

/// Which byte of a sample comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The low byte first.
    Little,
    /// The high byte first.
    Big,
}

impl ByteOrder {
    /// The bits of a sample that lies in a file as these two bytes.
    #[inline]
    pub fn bits(self, bytes: [u8; SAMPLE_BYTES]) -> u16 {
        match self {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        }
    }
}

/// What one pixel looks like in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PixelFormat {
    /// How many channels, and what they mean.
    pub channels: Channels,
    /// The type of every sample.
    pub sample: Sample,
    /// The byte order of every sample.
    pub order: ByteOrder,
}

impl PixelFormat {
    /// `rgba:u16le`, the default.
    pub const RGBA16: PixelFormat = PixelFormat {
        channels: Channels::RGBA,
        sample: Sample::U16,
        order: ByteOrder::Little,
    };

    /// The struct of Microsoft's sample: `short Red, Green, Blue, Alpha`, all four brightened.
    pub const MYCOLOR: PixelFormat = PixelFormat {
        channels: Channels::FOUR_BANDS,
        sample: Sample::I16,
        order: ByteOrder::Little,
    };

    /// Bytes of one pixel's samples.
    pub fn pixel_bytes(self) -> u64 {
        (self.channels.count() * SAMPLE_BYTES) as u64
    }

    /// What the channels are called where no header names them.
    pub fn names(self) -> Vec<String> {
        match self {
            PixelFormat::MYCOLOR => ["red", "green", "blue", "alpha"].map(str::to_owned).to_vec(),
            _ => self.channels.names(),
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == PixelFormat::MYCOLOR {
            return f.pad("mycolor");
        }
        let order = match self.order {
            ByteOrder::Little => "le",
            ByteOrder::Big => "be",
        };
        f.pad(&format!("{}:{}{order}", self.channels, self.sample.word()))
    }
}

impl FromStr for PixelFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<PixelFormat, String> {
        if text == "mycolor" {
            return Ok(PixelFormat::MYCOLOR);
        }
        let format = match text.split_once(':') {
            Some((channels, sample)) => full(channels, sample),
            None => short(text),
        };
        format.ok_or_else(|| {
            format!(
                "unknown pixel format '{text}'; write CHANNELS:SAMPLE, with channels gray, graya, rgb, rgba or a \
                 number such as 7band, and sample u16le, u16be, i16le or i16be, or a short name such as rgba16, rgb16be \
                 or mycolor"
            )
        })
    }
}

/// `rgba`, `u16le`.
fn full(channels: &str, sample: &str) -> Option<PixelFormat> {
    let channels = channels.parse().ok()?;
    let (sample, order) = match (sample.strip_suffix("le"), sample.strip_suffix("be")) {
        (Some(sample), _) => (sample, ByteOrder::Little),
        (_, Some(sample)) => (sample, ByteOrder::Big),
        _ => return None,
    };
    let sample = Sample::ALL.into_iter().find(|known| known.word() == sample)?;
    Some(PixelFormat {
        channels,
        sample,
        order,
    })
}

/// `rgba16`, `rgba16be`.
fn short(text: &str) -> Option<PixelFormat> {
    let (text, sample) = match text.strip_suffix("be") {
        Some(rest) => (rest, "u16be"),
        None => (text, "u16le"),
    };
    full(text.strip_suffix("16")?, sample)
}

#[cfg(test)]
mod tests;
