//! How many channels a pixel has, and what they mean: [`Channels`].

use std::fmt;
use std::str::FromStr;

use super::ChannelSet;

/// How many channels a pixel has, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Channels {
    count: u16,
    colors: Colors,
    /// The last channel is alpha.
    has_alpha: bool,
}

/// What the channels that are not alpha mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Colors {
    Gray,
    Rgb,
    /// Nothing that we know.
    Bands,
}

impl Channels {
    /// One channel.
    pub const GRAY: Channels = Channels::new(1, Colors::Gray, false);
    /// Gray, alpha.
    pub const GRAY_ALPHA: Channels = Channels::new(2, Colors::Gray, true);
    /// Red, green, blue.
    pub const RGB: Channels = Channels::new(3, Colors::Rgb, false);
    /// Red, green, blue, alpha.
    pub const RGBA: Channels = Channels::new(4, Colors::Rgb, true);

    /// Four of which nobody said what they mean.
    pub(super) const FOUR_BANDS: Channels = Channels::new(4, Colors::Bands, false);

    const fn new(count: u16, colors: Colors, has_alpha: bool) -> Channels {
        Channels {
            count,
            colors,
            has_alpha,
        }
    }

    /// `count` channels of which nobody said what they mean, but for the last one if that is alpha; one channel is
    /// gray. `None` if there is none beside alpha, or there are more than 65,535.
    pub fn bands(count: u64, has_alpha: bool) -> Option<Channels> {
        let count = u16::try_from(count).ok()?;
        match (count, has_alpha) {
            (0, _) | (1, true) => None,
            (1, false) => Some(Channels::GRAY),
            (2, true) => Some(Channels::GRAY_ALPHA),
            _ => Some(Channels::new(count, Colors::Bands, has_alpha)),
        }
    }

    /// How many there are, at least 1.
    pub fn count(self) -> usize {
        usize::from(self.count)
    }

    /// True if the last channel is alpha.
    pub fn has_alpha(self) -> bool {
        self.has_alpha
    }

    /// How many there are beside alpha.
    pub fn color_count(self) -> usize {
        self.count() - usize::from(self.has_alpha)
    }

    /// True if nobody said what they mean.
    pub fn are_bands(self) -> bool {
        self.colors == Colors::Bands
    }

    /// Every channel but alpha: what an edit touches unless told otherwise.
    pub fn color(self) -> ChannelSet {
        ChannelSet::of(self.count(), |channel| channel < self.color_count())
    }

    /// What the channels are called where no header names them.
    pub fn names(self) -> Vec<String> {
        let color = |channel: usize| match self.colors {
            Colors::Gray => "gray".to_owned(),
            Colors::Rgb => ["red", "green", "blue"][channel].to_owned(),
            Colors::Bands => format!("band{}", channel + 1),
        };
        let alpha = self.has_alpha.then(|| "alpha".to_owned());
        (0..self.color_count()).map(color).chain(alpha).collect()
    }
}

impl fmt::Display for Channels {
    /// The word before the colon in `rgba:u16le`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.colors {
            Colors::Gray => f.write_str("gray")?,
            Colors::Rgb => f.write_str("rgb")?,
            Colors::Bands => write!(f, "{}band", self.count)?,
        }
        f.write_str(if self.has_alpha { "a" } else { "" })
    }
}

impl FromStr for Channels {
    type Err = ();

    fn from_str(text: &str) -> Result<Channels, ()> {
        let fixed = [Channels::GRAY, Channels::GRAY_ALPHA, Channels::RGB, Channels::RGBA];
        if let Some(channels) = fixed.into_iter().find(|channels| channels.to_string() == text) {
            return Ok(channels);
        }
        let (count, rest) = text.split_once("band").ok_or(())?;
        let channels = match rest {
            "" => Channels::bands(count.parse().map_err(drop)?, false),
            "a" => Channels::bands(count.parse().map_err(drop)?, true),
            _ => None,
        };
        channels.filter(|channels| channels.are_bands()).ok_or(())
    }
}
