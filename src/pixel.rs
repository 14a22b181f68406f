//! What one pixel looks like: [`PixelFormat`] = [`Channels`] x [`Sample`] x [`ByteOrder`].
//!
//! Every sample has 16 bits, so a pixel has 2, 4, 6 or 8 bytes. A format is written `rgba:u16le`; the short names are
//! `rgba16` (the default, `rgba:u16le`), `rgba16be`, the same for `rgb`, `gray` and `graya`, and `mycolor`.
//!
//! 1. A channel is *alpha* only if the format says so. Bands that nobody named (`2band`, `4band`) have no alpha: in
//!    remote sensing a fourth band is often near infrared.
//! 2. `mycolor`, the struct of Microsoft's memory-mapped-file sample, is four signed little-endian channels that are
//!    all edited; that is `4band:i16le`, and both words mean the same format.

use std::fmt;
use std::str::FromStr;

/// Bytes in one sample of any channel.
pub const SAMPLE_BYTES: usize = 2;

/// Every whole number of pixels of every format fits a multiple of this: the least common multiple of 2, 4, 6, 8.
pub const PIXEL_QUANTUM_BYTES: usize = 24;

/// The type of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sample {
    /// Unsigned, 0 to 65535.
    U16,
    /// Signed, -32768 to 32767.
    I16,
}

impl Sample {
    /// The smallest and the largest value.
    pub fn range(self) -> std::ops::RangeInclusive<i32> {
        match self {
            Sample::U16 => 0..=i32::from(u16::MAX),
            Sample::I16 => i32::from(i16::MIN)..=i32::from(i16::MAX),
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

/// How many channels a pixel has, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One channel.
    Gray,
    /// Gray, alpha.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
    /// Two channels that nobody named.
    TwoBands,
    /// Four channels that nobody named, or of which none is alpha.
    FourBands,
}

impl Channels {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Channels; 6] = [
        Channels::Gray,
        Channels::GrayAlpha,
        Channels::Rgb,
        Channels::Rgba,
        Channels::TwoBands,
        Channels::FourBands,
    ];

    /// The word before the colon in `rgba:u16le`.
    pub fn word(self) -> &'static str {
        match self {
            Channels::Gray => "gray",
            Channels::GrayAlpha => "graya",
            Channels::Rgb => "rgb",
            Channels::Rgba => "rgba",
            Channels::TwoBands => "2band",
            Channels::FourBands => "4band",
        }
    }

    /// The channels' names, first to last.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Channels::Gray => &["gray"],
            Channels::GrayAlpha => &["gray", "alpha"],
            Channels::Rgb => &["red", "green", "blue"],
            // A MyColor's channels answer to these names too, although its alpha is a channel like any other.
            Channels::Rgba | Channels::FourBands => &["red", "green", "blue", "alpha"],
            Channels::TwoBands => &["first", "second"],
        }
    }

    /// How many there are: 1 to 4.
    pub fn count(self) -> usize {
        self.names().len()
    }

    /// True if the last channel is alpha.
    pub fn has_alpha(self) -> bool {
        matches!(self, Channels::GrayAlpha | Channels::Rgba)
    }

    /// Every channel but alpha: what an edit touches unless told otherwise.
    pub fn color(self) -> ChannelSet {
        let color_count = self.count() - usize::from(self.has_alpha());
        ChannelSet((1 << color_count) - 1)
    }
}

/// Some of a format's channels. Bit `c` stands for channel `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelSet(u8);

impl ChannelSet {
    /// The channels that a user's list names: names or their first letters (`red,g`), numbers from 1, or `all`.
    ///
    /// # Errors
    /// A message for the user, if a word names no channel of `channels`, or names one twice.
    pub fn parse(list: &str, channels: Channels) -> Result<ChannelSet, String> {
        let names = channels.names();
        if list.trim() == "all" {
            return Ok(ChannelSet((1 << names.len()) - 1));
        }
        let mut set = 0;
        for word in list.split(',').map(str::trim) {
            let by_name = names.iter().position(|name| {
                let first_letter = &name[..1];
                word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(first_letter)
            });
            let by_number = word.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            let Some(channel) = by_name.or(by_number).filter(|&c| c < names.len()) else {
                return Err(format!(
                    "no channel '{word}' in {}; it has {} (or 1 to {}, or all)",
                    channels.word(),
                    names.join(", "),
                    names.len(),
                ));
            };
            if set & (1 << channel) != 0 {
                return Err(format!("channel '{word}' is named twice in '{list}'"));
            }
            set |= 1 << channel;
        }
        Ok(ChannelSet(set))
    }

    /// A bit for each channel, the first one lowest.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The channels of `channels` that the bits name; `None` if they name others, or none.
    pub fn from_bits(bits: u8, channels: Channels) -> Option<ChannelSet> {
        (1..1 << channels.count()).contains(&bits).then_some(ChannelSet(bits))
    }

    /// True if channel `channel`, counted from 0, is one of them.
    pub fn contains(self, channel: usize) -> bool {
        self.0 & (1 << channel) != 0
    }

    /// The names of the chosen channels of `channels`, as `ChannelSet::parse` reads them.
    pub fn describe(self, channels: Channels) -> String {
        let chosen = channels.names().iter().enumerate();
        let chosen: Vec<&str> = chosen
            .filter(|(c, _)| self.contains(*c))
            .map(|(_, name)| *name)
            .collect();
        chosen.join(",")
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
        channels: Channels::Rgba,
        sample: Sample::U16,
        order: ByteOrder::Little,
    };

    /// The struct of Microsoft's sample: `short Red, Green, Blue, Alpha`, all four brightened.
    pub const MYCOLOR: PixelFormat = PixelFormat {
        channels: Channels::FourBands,
        sample: Sample::I16,
        order: ByteOrder::Little,
    };

    /// Bytes in one pixel: 2, 4, 6 or 8.
    pub fn pixel_bytes(self) -> u64 {
        (self.channels.count() * SAMPLE_BYTES) as u64
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == PixelFormat::MYCOLOR {
            return f.pad("mycolor");
        }
        let sample = match self.sample {
            Sample::U16 => "u16",
            Sample::I16 => "i16",
        };
        let order = match self.order {
            ByteOrder::Little => "le",
            ByteOrder::Big => "be",
        };
        f.pad(&format!("{}:{sample}{order}", self.channels.word()))
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
                "unknown pixel format '{text}'; write CHANNELS:SAMPLE, with channels gray, graya, rgb, rgba, 2band or \
                 4band and sample u16le, u16be, i16le or i16be, or a short name such as rgba16, rgb16be or mycolor"
            )
        })
    }
}

/// `rgba`, `u16le`.
fn full(channels: &str, sample: &str) -> Option<PixelFormat> {
    let channels = Channels::ALL.into_iter().find(|c| c.word() == channels)?;
    let (sample, order) = match sample {
        "u16le" => (Sample::U16, ByteOrder::Little),
        "u16be" => (Sample::U16, ByteOrder::Big),
        "i16le" => (Sample::I16, ByteOrder::Little),
        "i16be" => (Sample::I16, ByteOrder::Big),
        _ => return None,
    };
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
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back_as_written() {
        for channels in Channels::ALL {
            for sample in ["u16le", "u16be", "i16le", "i16be"] {
                let format: PixelFormat = format!("{}:{sample}", channels.word()).parse().expect("a format");
                assert_eq!(format.to_string().parse(), Ok(format));
                assert_eq!(PIXEL_QUANTUM_BYTES as u64 % format.pixel_bytes(), 0);
            }
        }
    }

    #[test]
    fn short_names_mean_what_the_design_says() {
        let check = |short: &str, full: &str| assert_eq!(short.parse::<PixelFormat>(), full.parse(), "{short}");
        check("rgba16", "rgba:u16le");
        check("rgba16be", "rgba:u16be");
        check("rgb16", "rgb:u16le");
        check("gray16", "gray:u16le");
        check("mycolor", "4band:i16le");
        for wrong in ["", "rgba", "rgba8", "rgba:u8", "rgba:u16", "16", "be", "RGBA16"] {
            assert!(wrong.parse::<PixelFormat>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn alpha_is_kept_only_where_it_is_alpha() {
        assert_eq!(Channels::Rgba.color().describe(Channels::Rgba), "red,green,blue");
        assert_eq!(
            Channels::FourBands.color().describe(Channels::FourBands),
            "red,green,blue,alpha"
        );
        assert_eq!(Channels::GrayAlpha.color().describe(Channels::GrayAlpha), "gray");
    }

    #[test]
    fn channel_lists() {
        let check = |list, channels, want: &[bool]| {
            let set = ChannelSet::parse(list, channels).expect(list);
            let got: Vec<bool> = (0..channels.count()).map(|c| set.contains(c)).collect();
            assert_eq!(got, want, "{list}");
        };
        check("r,Blue", Channels::Rgb, &[true, false, true]);
        check("4", Channels::FourBands, &[false, false, false, true]);
        check("all", Channels::Rgba, &[true; 4]);
        check("alpha", Channels::GrayAlpha, &[false, true]);
        for wrong in ["", "x", "0", "5", "r,r", "r,,g"] {
            assert!(ChannelSet::parse(wrong, Channels::Rgba).is_err(), "{wrong}");
        }
        assert!(ChannelSet::parse("a", Channels::Rgb).is_err());
    }
}
