//! Texts that name what a caller can say of an image: each caller by the names that these things have for it.

use std::borrow::Cow;
use std::fmt;

/// A [`Text`] of pieces: words, and [`Choice`]s.
macro_rules! text {
    ($($piece:expr),+ $(,)?) => {
        $crate::error::Text::from(vec![$($crate::error::Piece::from($piece)),+])
    };
}
pub(crate) use text;

/// What a caller can say, under a name of its own: the program's options, the library's fields and arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Choice {
    /// What a pixel looks like.
    Pixel,
    /// Width and height of the image.
    Size,
    /// Bytes before the first pixel.
    DataOffset,
    /// What the axes of an array are.
    Axes,
    /// That a file is raw pixels, whatever it looks like.
    AsRaw,
    /// That the pixels are a part of the file.
    Part,
    /// A rectangle of pixels.
    Rect,
    /// A plane.
    Plane,
    /// Which page of a file of several pictures.
    Page,
    /// Channels.
    Channels,
    /// The first byte of a run of pixels.
    Offset,
    /// The bytes of a run of pixels.
    Length,
    /// To make an image of a picture.
    Import,
    /// The most bytes that a picture may unfold to.
    Limit,
    /// How often a picture is repeated.
    Tile,
}

impl Choice {
    /// Its name in the library.
    fn name(self) -> &'static str {
        match self {
            Choice::Pixel => "pixel format",
            Choice::Size => "size",
            Choice::DataOffset => "data offset",
            Choice::Axes => "axes",
            Choice::AsRaw => "'as raw'",
            Choice::Part => "'part'",
            Choice::Rect => "rectangle",
            Choice::Plane => "plane",
            Choice::Page => "page",
            Choice::Channels => "channels",
            Choice::Offset => "offset",
            Choice::Length => "length",
            Choice::Import => "import",
            Choice::Limit => "limit",
            Choice::Tile => "repetition",
        }
    }
}

/// A text, in pieces. `text!["give a larger ", Choice::Limit]` makes one; its `Display` has the library's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words that are the same for everybody.
    Words(Cow<'static, str>),
    /// What has a name of its own for each caller.
    Choice(Choice),
}

impl Text {
    /// The text with the names that `name` gives.
    pub fn with(&self, name: impl Fn(Choice) -> &'static str) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Words(words) => words.as_ref(),
            Piece::Choice(choice) => name(*choice),
        });
        pieces.collect()
    }

    /// The text, and more behind it.
    pub(crate) fn and(mut self, more: Text) -> Text {
        self.0.extend(more.0);
        self
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.with(Choice::name))
    }
}

impl std::error::Error for Text {}

impl From<Vec<Piece>> for Text {
    fn from(pieces: Vec<Piece>) -> Text {
        Text(pieces)
    }
}

impl From<&'static str> for Text {
    fn from(words: &'static str) -> Text {
        text![words]
    }
}

impl From<String> for Text {
    fn from(words: String) -> Text {
        text![words]
    }
}

impl From<&'static str> for Piece {
    fn from(words: &'static str) -> Piece {
        Piece::Words(words.into())
    }
}

impl From<String> for Piece {
    fn from(words: String) -> Piece {
        Piece::Words(words.into())
    }
}

impl From<Choice> for Piece {
    fn from(choice: Choice) -> Piece {
        Piece::Choice(choice)
    }
}
