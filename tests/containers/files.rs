//! The containers: where the values of an array lie in a file, and what stands around them.

use std::fs;
use std::path::{Path, PathBuf};

use pagelight::format::Overrides;

use crate::array::{Array, Kind, Sides};
use crate::common::pattern;

pub(crate) mod science;

/// How an array becomes a file.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) name: String,
    /// The axes as they lie, the one whose samples lie farthest apart first: plane z, channel c, row y, column x.
    pub(crate) order: String,
    pub(crate) sides: Sides,
    pub(crate) kind: Kind,
    pub(crate) is_big: bool,
    pub(crate) has_alpha: bool,
    /// What stands before the first sample.
    before: Vec<u8>,
    /// What stands behind the last one.
    behind: Vec<u8>,
    /// The file's ending.
    ending: &'static str,
    /// The text of a header beside it.
    header: Option<String>,
    pixel: Option<String>,
    data_offset: Option<u64>,
    axes: Option<String>,
    /// Which picture of several.
    page: Option<u64>,
    /// What an edit makes of some bytes before the samples.
    mended: Vec<(usize, Vec<u8>)>,
    /// True if the user must say that only a part is described.
    is_part: bool,
}

impl Container {
    /// The file of an array.
    pub(crate) fn bytes(&self, array: &Array) -> Vec<u8> {
        assert_eq!(array.sides(), self.sides);
        let axis = |letter: char| "zcyx".find(letter).expect("an axis");
        let axes: Vec<usize> = self.order.chars().map(axis).collect();
        let side = |at: usize| self.sides[axes[at]];
        let mut bytes = self.before.clone();
        for first in 0..side(0) {
            for second in 0..side(1) {
                for third in 0..side(2) {
                    for fourth in 0..side(3) {
                        let mut place = [0; 4];
                        place[axes[0]] = first;
                        place[axes[1]] = second;
                        place[axes[2]] = third;
                        place[axes[3]] = fourth;
                        let [high, low] = self.kind.bytes(array.value(place));
                        bytes.extend(if self.is_big { [high, low] } else { [low, high] });
                    }
                }
            }
        }
        bytes.extend(&self.behind);
        bytes
    }

    /// The file of an array that is the result of an edit.
    pub(crate) fn edited_bytes(&self, array: &Array) -> Vec<u8> {
        let mut bytes = self.bytes(array);
        for (at, mended) in &self.mended {
            bytes[*at..at + mended.len()].copy_from_slice(mended);
        }
        bytes
    }

    /// Where bytes before the samples are that an edit changes.
    pub(crate) fn mended_fields(&self) -> Vec<std::ops::Range<usize>> {
        self.mended.iter().map(|(at, bytes)| *at..at + bytes.len()).collect()
    }

    /// Writes the file, and its header beside it.
    pub(crate) fn write(&self, folder: &Path, array: &Array) -> PathBuf {
        let path = folder.join(format!("image.{}", self.ending));
        fs::write(&path, self.bytes(array)).expect("written");
        let beside = folder.join("image.hdr");
        match &self.header {
            Some(text) => fs::write(beside, text).expect("written"),
            None => drop(fs::remove_file(beside)),
        }
        path
    }

    /// True if its pixels lie one after another, plane by plane and row by row.
    pub(crate) fn is_run(&self) -> bool {
        let [planes, channels, height, width] = self.sides;
        // What counts to one only may stand anywhere.
        let is_short = |letter: char| match letter {
            'z' => planes == 1,
            'c' => channels == 1,
            'y' => height == 1,
            _ => width == 1,
        };
        let order: String = self.order.chars().filter(|&letter| !is_short(letter)).collect();
        let want: String = "zyxc".chars().filter(|&letter| !is_short(letter)).collect();
        // Whether sides of one count there is for the library to say; only plain ones are asked for.
        order == want && height > 1 && width > 1
    }

    /// What the user says, for the library.
    pub(crate) fn overrides(&self) -> Overrides {
        let [_, _, height, width] = self.sides.map(|side| side as u64);
        Overrides {
            format: self.pixel.as_ref().map(|text| text.parse().expect("a format")),
            size: self.pixel.is_some().then_some((width, height)),
            data_offset: self.data_offset,
            axes: self.axes.as_ref().map(|text| text.parse().expect("axes")),
            page: self.page,
            part: self.is_part,
            ..Overrides::default()
        }
    }

    /// The same in words.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(pixel) = &self.pixel {
            words.push(format!("--pixel={pixel}"));
            words.push(format!("--size={}x{}", self.sides[3], self.sides[2]));
        }
        words.extend(self.data_offset.map(|bytes| format!("--data-offset={bytes}")));
        words.extend(self.axes.as_ref().map(|axes| format!("--axes={axes}")));
        words.extend(self.page.map(|page| format!("--page={page}")));
        words.extend(self.is_part.then(|| "--part".to_owned()));
        words
    }

    /// The same container of the same array with some bytes behind the last sample.
    pub(crate) fn with_rest(self) -> Container {
        Container {
            name: format!("{}, more behind it", self.name),
            behind: [&self.behind[..], &pattern(100..105)].concat(),
            is_part: true,
            ..self
        }
    }
}

fn word(kind: Kind, is_big: bool) -> String {
    let kind = match kind {
        Kind::Unsigned => "u16",
        Kind::Signed => "i16",
        Kind::Flipped => "u16flipped",
    };
    format!("{kind}{}", if is_big { "be" } else { "le" })
}

/// Nothing but pixels.
pub(crate) fn raw(channels: &str, kind: Kind, is_big: bool, offset: u64, (height, width): (usize, usize)) -> Container {
    let count = match channels {
        "gray" => 1,
        "graya" => 2,
        "rgb" => 3,
        "rgba" => 4,
        bands => bands.trim_end_matches("band").parse().expect("bands"),
    };
    let pixel = format!("{channels}:{}", word(kind, is_big));
    Container {
        name: format!("raw {pixel} at {offset}"),
        order: "zyxc".to_owned(),
        sides: [1, count, height, width],
        kind,
        is_big,
        has_alpha: ["graya", "rgba"].contains(&channels),
        before: pattern(0..offset),
        behind: Vec::new(),
        ending: "raw",
        header: None,
        pixel: Some(pixel),
        data_offset: Some(offset),
        axes: None,
        page: None,
        mended: Vec::new(),
        is_part: false,
    }
}

/// Pixels and an ENVI header.
pub(crate) fn envi(
    interleave: &str,
    bands: usize,
    kind: Kind,
    is_big: bool,
    (height, width): (usize, usize),
) -> Container {
    let order = match interleave {
        "bip" => "zyxc",
        "bil" => "zycx",
        _ => "zcyx",
    };
    let offset = 13;
    let data_type = if kind == Kind::Signed { 2 } else { 12 };
    Container {
        name: format!("ENVI {interleave} {bands} {}", word(kind, is_big)),
        order: order.to_owned(),
        sides: [1, bands, height, width],
        kind,
        is_big,
        has_alpha: false,
        before: pattern(0..offset),
        behind: Vec::new(),
        ending: "img",
        header: Some(format!(
            "ENVI\nsamples = {width}\nlines = {height}\nbands = {bands}\nheader offset = {offset}\n\
             data type = {data_type}\ninterleave = {interleave}\nbyte order = {}\n",
            u8::from(is_big)
        )),
        pixel: None,
        data_offset: None,
        axes: None,
        page: None,
        mended: Vec::new(),
        is_part: false,
    }
}

/// A NumPy array; `axes` as it is indexed, `z` twice for planes of planes.
pub(crate) fn npy(axes: &str, is_fortran: bool, sides: Sides, kind: Kind, is_big: bool) -> Container {
    let [planes, channels, height, width] = sides;
    // Planes of planes: two at a time.
    let is_twice = axes.contains('t');
    let side = |letter| match letter {
        'z' if is_twice => planes / 2,
        'z' => planes,
        't' => 2,
        'c' => channels,
        'y' => height,
        _ => width,
    };
    let shape: Vec<String> = axes.chars().map(|letter| side(letter).to_string()).collect();
    let descr = format!(
        "{}{}2",
        if is_big { '>' } else { '<' },
        if kind == Kind::Signed { 'i' } else { 'u' }
    );
    let order = if is_fortran { "True" } else { "False" };
    // An odd length, so that samples lie at odd places.
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({},), }}",
        shape.join(", ")
    );
    text += if text.len() % 2 == 0 { "\n" } else { " \n" };
    let length = u16::try_from(text.len()).expect("short");
    let before = [b"\x93NUMPY\x01\0", &length.to_le_bytes()[..], text.as_bytes()].concat();
    let mut lie: String = axes.chars().filter(|&letter| letter != 't').collect();
    if is_fortran {
        lie = lie.chars().rev().collect();
    }
    // What it has not counts to one.
    let missing: String = "zc".chars().filter(|letter| !axes.contains(*letter)).collect();
    Container {
        name: format!("NPY {axes} {descr} fortran {order} {}", shape.join("x")),
        order: missing + &lie,
        sides,
        kind,
        is_big,
        has_alpha: false,
        before,
        behind: Vec::new(),
        ending: "npy",
        header: None,
        pixel: None,
        data_offset: None,
        axes: Some(axes.to_owned()),
        page: None,
        mended: Vec::new(),
        is_part: false,
    }
}

/// A Netpbm picture: `P5`, `P6`, or a PAM of this tuple type.
pub(crate) fn pnm(what: &str, (height, width): (usize, usize)) -> Container {
    let depth = match what {
        "P5" | "GRAYSCALE" => 1,
        "GRAYSCALE_ALPHA" => 2,
        "P6" | "RGB" => 3,
        "RGB_ALPHA" => 4,
        bands => bands.parse().expect("a depth"),
    };
    let (header, ending) = match what {
        "P5" | "P6" => (
            format!("{what}\n# made by hand\n{width} {height}\n65535\n"),
            if what == "P5" { "pgm" } else { "ppm" },
        ),
        _ => {
            let tuple = if what.starts_with(|c: char| c.is_ascii_digit()) {
                String::new()
            } else {
                format!("TUPLTYPE {what}\n")
            };
            let text = format!("P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL 65535\n{tuple}ENDHDR\n");
            (text, "pam")
        }
    };
    Container {
        name: format!("PNM {what}"),
        order: "zyxc".to_owned(),
        sides: [1, depth, height, width],
        kind: Kind::Unsigned,
        is_big: true,
        has_alpha: what.ends_with("_ALPHA"),
        before: header.into_bytes(),
        behind: Vec::new(),
        ending,
        header: None,
        pixel: None,
        data_offset: None,
        axes: None,
        page: None,
        mended: Vec::new(),
        is_part: false,
    }
}

/// A farbfeld picture.
pub(crate) fn farbfeld((height, width): (usize, usize)) -> Container {
    let side = |side: usize| u32::try_from(side).expect("small").to_be_bytes();
    Container {
        name: "farbfeld".to_owned(),
        before: [&b"farbfeld"[..], &side(width), &side(height)].concat(),
        ending: "ff",
        ..pnm("RGB_ALPHA", (height, width))
    }
}

/// The axes in every order in which they can be indexed.
pub(crate) fn orders(axes: &str) -> Vec<String> {
    if axes.len() < 2 {
        return vec![axes.to_owned()];
    }
    let first = |letter: char| {
        let rest: String = axes.chars().filter(|&other| other != letter).collect();
        orders(&rest).into_iter().map(move |rest| format!("{letter}{rest}"))
    };
    axes.chars().flat_map(first).collect()
}
