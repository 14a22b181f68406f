//! FITS, MRC, NRRD and MetaImage.

use super::Container;
use crate::array::{Kind, Sides};
use crate::common::pattern;

/// A file of gray planes, of which the rest is filled in.
fn planes(name: String, sides: Sides, kind: Kind, is_big: bool, before: Vec<u8>, ending: &'static str) -> Container {
    Container {
        name,
        order: "zcyx".to_owned(),
        sides,
        kind,
        is_big,
        has_alpha: false,
        before,
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

/// A header of these cards, in whole blocks.
fn header(cards: &[String]) -> Vec<u8> {
    let mut bytes: Vec<u8> = cards
        .iter()
        .flat_map(|card| format!("{card:<80}").into_bytes())
        .collect();
    bytes.extend(format!("{:<80}", "END").into_bytes());
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes
}

/// The cards of a table.
fn table(bytes: usize) -> Vec<u8> {
    let cards = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 4",
        "NAXIS2  = 2",
        "PCOUNT  = 0",
    ];
    let mut cards = cards.map(str::to_owned).to_vec();
    cards.extend(["GCOUNT  = 1", "TFIELDS = 1"].map(str::to_owned));
    let mut file = header(&cards);
    file.extend(pattern(0..8));
    file.resize(file.len() - 8 + bytes, 0);
    file
}

/// A FITS file: the primary HDU, or an extension behind an empty one and a table; a second image behind that must be
/// chosen against.
pub(crate) fn fits(kind: Kind, place: &str, (planes_count, height, width): (usize, usize, usize)) -> Container {
    let is_primary = place == "primary";
    let mut cards = vec![if is_primary {
        "SIMPLE  = T".to_owned()
    } else {
        "XTENSION= 'IMAGE   '".to_owned()
    }];
    cards.push("BITPIX  =                   16".to_owned());
    let sides = [width, height, planes_count];
    let axes = if planes_count > 1 { 3 } else { 2 };
    cards.push(format!("NAXIS   = {axes}"));
    cards.extend(
        (1..)
            .zip(&sides[..axes])
            .map(|(axis, side)| format!("NAXIS{axis:<3}= {side:>20} / a side")),
    );
    if !is_primary {
        cards.extend(["PCOUNT  = 0", "GCOUNT  = 1"].map(str::to_owned));
    }
    match kind {
        Kind::Flipped => cards.extend(["BSCALE  = 1.0", "BZERO   =              32768.0"].map(str::to_owned)),
        _ => cards.push("OBJECT  = 'BZERO   = 32768'".to_owned()),
    }
    cards.extend(["HISTORY BITPIX  = 8", "HISTORY BITPIX  = 8"].map(str::to_owned));
    let empty = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0"].map(str::to_owned);
    let before = if is_primary {
        header(&cards)
    } else {
        [header(&empty), table(2880), header(&cards)].concat()
    };
    let end = before.len() + width * height * planes_count * 2;
    let padding = end.next_multiple_of(2880) - end;
    let second = [
        "XTENSION= 'IMAGE   '",
        "BITPIX  = -32",
        "NAXIS   = 1",
        "NAXIS1  = 2",
        "PCOUNT  = 0",
        "GCOUNT  = 1",
    ];
    let behind = match place {
        // What fills up the last block may be missing.
        "primary" => vec![],
        "extension" => vec![0; padding],
        _ => [vec![0; padding], header(&second.map(str::to_owned)), pattern(0..8)].concat(),
    };
    Container {
        behind,
        page: (place == "one of two").then_some(3),
        ..planes(
            format!("FITS {kind:?} {place}"),
            [planes_count, 1, height, width],
            kind,
            true,
            before,
            "fits",
        )
    }
}

/// An MRC file, with some bytes of extended header.
pub(crate) fn mrc(
    kind: Kind,
    is_big: bool,
    extended: usize,
    (sections, rows, columns): (usize, usize, usize),
) -> Container {
    let word = |value: usize| {
        let value = u32::try_from(value).expect("small");
        if is_big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let real = |value: f32| {
        if is_big {
            value.to_be_bytes().to_vec()
        } else {
            value.to_le_bytes().to_vec()
        }
    };
    let mut before = pattern(0..1024 + extended as u64);
    let mut put = |at: usize, bytes: &[u8]| before[at..at + bytes.len()].copy_from_slice(bytes);
    let mode = if kind == Kind::Signed { 1 } else { 6 };
    for (at, value) in [(0, columns), (4, rows), (8, sections), (12, mode), (92, extended)] {
        put(at, &word(value));
    }
    put(
        208,
        if is_big {
            b"MAP \x11\x11\0\0"
        } else {
            b"MAP \x44\x44\0\0"
        },
    );
    let mended = [(76, 0.0), (80, -1.0), (84, -2.0), (216, -1.0)];
    Container {
        mended: mended.map(|(at, value)| (at, real(value))).to_vec(),
        ..planes(
            format!("MRC {kind:?} big {is_big} extended {extended}"),
            [sections, 1, rows, columns],
            kind,
            is_big,
            before,
            "mrc",
        )
    }
}

/// An NRRD file; axes as they lie, the farthest apart first.
pub(crate) fn nrrd(axes: &str, sides: Sides, kind: Kind, is_big: bool, is_turned: bool) -> Container {
    let side = |axis| sides["zcyx".find(axis).expect("an axis")];
    let sizes: Vec<String> = axes.chars().rev().map(|axis| side(axis).to_string()).collect();
    let kinds: Vec<&str> = axes
        .chars()
        .rev()
        .map(|axis| if axis == 'c' { "vector" } else { "domain" })
        .collect();
    let mut fields = [
        format!("type: {}", if kind == Kind::Signed { "short" } else { "uint16" }),
        format!("dimension: {}", axes.len()),
        format!("sizes: {}", sizes.join(" ")),
        format!("kinds: {}", kinds.join(" ")),
        format!("endian: {}", if is_big { "big" } else { "little" }),
        "encoding: raw".to_owned(),
        "note:=type: float".to_owned(),
    ];
    if is_turned {
        fields.reverse();
    }
    let mut text = format!("NRRD0004\n# made by hand\n{}\n\n", fields.join("\n"));
    // So that samples lie at odd places, too.
    if is_turned == text.len().is_multiple_of(2) {
        text = text.replacen("by hand", "by hands", 1);
    }
    let missing: String = "zc".chars().filter(|letter| !axes.contains(*letter)).collect();
    Container {
        order: missing + axes,
        ..planes(
            format!("NRRD {axes} {kind:?} big {is_big}"),
            sides,
            kind,
            is_big,
            text.into_bytes(),
            "nrrd",
        )
    }
}

/// A MetaImage.
pub(crate) fn meta_image(sides: Sides, kind: Kind, is_big: bool, is_turned: bool) -> Container {
    let [planes_count, channels, height, width] = sides;
    let mut lines = [
        "ObjectType = Image".to_owned(),
        "NDims = 3".to_owned(),
        "BinaryData = True".to_owned(),
        format!("ElementByteOrderMSB = {}", if is_big { "True" } else { "False" }),
        format!("DimSize = {width} {height} {planes_count}"),
        format!("ElementNumberOfChannels = {channels}"),
        format!(
            "ElementType = {}",
            if kind == Kind::Signed {
                "MET_SHORT"
            } else {
                "MET_USHORT"
            }
        ),
        "Comment = CompressedData = True".to_owned(),
    ];
    if is_turned {
        lines.reverse();
    }
    let mut text = format!("{}\nElementDataFile = LOCAL\n", lines.join("\n"));
    if is_turned == text.len().is_multiple_of(2) {
        text = text.replacen("True\n", "True \n", 1);
    }
    Container {
        order: "zyxc".to_owned(),
        ..planes(
            format!("MetaImage {kind:?} big {is_big}"),
            sides,
            kind,
            is_big,
            text.into_bytes(),
            "mha",
        )
    }
}
