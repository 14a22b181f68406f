//! Arrays in every order, each sample looked up where NumPy has it; and headers of which a field lies.

use super::*;
use crate::layout::{Lane, Part};
use crate::pixel::ChannelSet;

/// A header of version 1 with this text.
fn with_text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short").to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], text.as_bytes()].concat()
}

fn text(descr: &str, is_fortran: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': {is_fortran}, 'shape': {shape}, }}\n")
}

fn of(descr: &str, is_fortran: &str, shape: &str) -> Vec<u8> {
    with_text(&text(descr, is_fortran, shape))
}

fn opened(head: &[u8], axes: Option<&str>) -> Layout {
    let axes = axes.map(|axes| axes.parse().expect("axes"));
    read(head, axes).expect("an array").layout
}

#[track_caller]
fn refused(head: &[u8], says: &str) {
    match read(head, None) {
        Err(Wrong::File(why)) => assert!(
            why.to_string().contains(says) && !why.to_string().contains(['\n', '\u{1b}']),
            "{why:?}"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_numpy_writes() {
    // Padded to a multiple of 64 bytes.
    let text = "{'descr': '<u2', 'fortran_order': False, 'shape': (10, 12, 3), }";
    let head = [b"\x93NUMPY\x01\0\x76\0", format!("{text:117}\n").as_bytes()].concat();
    assert_eq!(head.len(), 128);
    let found = read(&head, None).expect("an array");
    assert_eq!(found.container, Container::Npy);
    assert_eq!(
        found.layout,
        Layout::new(128, 12, 10, "rgb16".parse().expect("a format")).expect("a layout")
    );
}

#[test]
fn all_that_a_header_may_say() {
    let check = |head: &[u8], format: &str, sides: (Option<u64>, Option<u64>, u64)| {
        let layout = opened(head, None);
        assert_eq!(layout.format(), format.parse().expect("a format"));
        assert_eq!((layout.width(), layout.height(), layout.planes()), sides);
        assert_eq!(layout.data_offset(), head.len() as u64);
    };
    check(&of(">u2", "False", "(5, 7)"), "gray:u16be", (Some(7), Some(5), 1));
    check(&of("<i2", "True", "(5, 7)"), "gray:i16le", (Some(7), Some(5), 1));
    check(&of(">i2", "False", "(5, 7, 4)"), "4band:i16be", (Some(7), Some(5), 1));
    check(&of("<u2", "False", "(5, 7, 2)"), "2band:u16le", (Some(7), Some(5), 1));
    check(&of("<u2", "False", "(9, 5, 7, 1)"), "gray:u16le", (Some(7), Some(5), 9));
    check(
        &of("<u2", "False", "(3, 9, 5, 7)"),
        "gray:u16le",
        (Some(7), Some(5), 27),
    );
    check(
        &of("<u2", "False", "(3, 9, 5, 7, 3)"),
        "rgb:u16le",
        (Some(7), Some(5), 27),
    );
    check(&of("<u2", "False", "(35,)"), "gray:u16le", (None, None, 1));
    check(&of("<u2", "False", "(5L, 7L)"), "gray:u16le", (Some(7), Some(5), 1));
    let native = if cfg!(target_endian = "big") {
        "gray:u16be"
    } else {
        "gray:u16le"
    };
    check(&of("=u2", "False", "(5, 7)"), native, (Some(7), Some(5), 1));
    let unlike = "{\"shape\":(5,7),\"fortran_order\":False,\"descr\":\"<u2\"}";
    check(&with_text(unlike), "gray:u16le", (Some(7), Some(5), 1));
    for version in [2, 3] {
        let text = text("<u2", "False", "(5, 7)");
        let mut head = b"\x93NUMPY".to_vec();
        head.extend([version, 0]);
        head.extend(u32::try_from(text.len()).expect("short").to_le_bytes());
        head.extend(text.as_bytes());
        check(&head, "gray:u16le", (Some(7), Some(5), 1));
    }
}

/// Where NumPy has the sample of an index, in samples from the first one.
fn numpy(shape: &[u64], is_fortran: bool, index: &[u64]) -> u64 {
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    if is_fortran {
        axes.reverse();
    }
    axes.iter().fold(0, |at, &axis| at * shape[axis] + index[axis])
}

/// All indices of an array.
fn indices(shape: &[u64]) -> Vec<Vec<u64>> {
    shape.iter().fold(vec![vec![]], |all, &length| {
        let longer = |index: &Vec<u64>| (0..length).map(|i| [&index[..], &[i]].concat()).collect::<Vec<_>>();
        all.iter().flat_map(longer).collect()
    })
}

/// Where the layout has a sample, by the way that edits go.
fn edited(layout: &Layout, [x, y, z, c]: [u64; 4]) -> u64 {
    let channel = usize::try_from(c).expect("small");
    let part = Part {
        columns: x..x + 1,
        rows: y..y + 1,
        planes: z..z + 1,
        channels: ChannelSet::of(layout.format().channels.count(), |other| other == channel),
    };
    let tiles: Vec<_> = layout.tiles(&part).collect();
    let [tile] = &tiles[..] else {
        panic!("{tiles:?}");
    };
    let lane = match tile.lane {
        Lane::One { channel: one, plane } => {
            assert_eq!((one, plane), (channel, z));
            0
        }
        Lane::Planes { channel: one } => {
            assert_eq!(one, channel);
            layout.lane(channel, z) as u64
        }
        Lane::All => layout.lane(channel, z) as u64,
    };
    tile.block.bounds().start + lane * 2
}

#[test]
fn every_sample_of_every_order_lies_where_numpy_has_it() {
    let mut arrays = 0;
    let orders = [
        "yx", "xy", "yxc", "ycx", "cyx", "xyc", "xcy", "cxy", "zyx", "zxy", "yzx", "yxz", "xyz", "xzy", "zyxc", "zcyx",
        "czyx", "yxcz", "yxzc", "yzxc", "xyzc", "zxcy", "cxyz", "tzyx", "tzyxc", "ctzyx", "yxtz", "ytzxc",
    ];
    for axes in orders {
        for sides in [
            [4, 3, 2, 3, 2],
            [2, 3, 5, 1, 3],
            [1, 3, 2, 2, 2],
            [3, 1, 2, 5, 1],
            [1, 1, 1, 2, 3],
            [3, 2, 1, 4, 2],
        ] {
            let letters = axes.as_bytes();
            let side = |letter: u8| sides["xyzct".find(char::from(letter)).expect("a letter")];
            let shape: Vec<u64> = letters.iter().map(|&letter| side(letter)).collect();
            for is_fortran in [false, true] {
                let words: Vec<String> = shape.iter().map(u64::to_string).collect();
                let order = if is_fortran { "True" } else { "False" };
                let head = of("<u2", order, &format!("({},)", words.join(",")));
                let layout = opened(&head, Some(axes));
                let of_letter = |letter: u8| letters.iter().position(|&other| other == letter);
                // Planes are numbered as they lie in the file.
                let first_of_plane = |index: &[u64]| {
                    let planes = index
                        .iter()
                        .zip(letters)
                        .map(|(&i, letter)| if b"zt".contains(letter) { i } else { 0 });
                    numpy(&shape, is_fortran, &planes.collect::<Vec<_>>())
                };
                let mut planes: Vec<u64> = indices(&shape).iter().map(|index| first_of_plane(index)).collect();
                planes.sort_unstable();
                planes.dedup();
                assert_eq!(layout.planes(), planes.len() as u64);
                for index in indices(&shape) {
                    let at = |letter: u8| of_letter(letter).map_or(0, |axis| index[axis]);
                    let plane = planes.binary_search(&first_of_plane(&index)).expect("a plane") as u64;
                    let want = head.len() as u64 + 2 * numpy(&shape, is_fortran, &index);
                    let got = edited(&layout, [at(b'x'), at(b'y'), plane, at(b'c')]);
                    assert_eq!(got, want, "{axes} {shape:?} {order} {index:?}");
                }
                assert_eq!(layout.data().end, head.len() as u64 + 2 * shape.iter().product::<u64>());
                arrays += 1;
            }
        }
    }
    assert_eq!(arrays, 28 * 6 * 2);
}

#[test]
fn planes_that_do_not_follow_each_other_are_refused() {
    for (axes, is_refused) in [
        ("zytx", true),
        ("zyxt", true),
        ("tzyx", false),
        ("ztyxc", false),
        ("yztx", false),
    ] {
        let shape = if axes.len() == 5 {
            "(2, 3, 4, 5, 3)"
        } else {
            "(2, 3, 4, 5)"
        };
        for order in ["False", "True"] {
            let found = read(&of("<u2", order, shape), axes.parse().ok());
            assert_eq!(found.is_err(), is_refused, "{axes} {order} {found:?}");
        }
    }
    let refused = |found: Result<Found, Wrong>, says: &str| match found {
        Err(Wrong::File(why)) => assert!(why.to_string().contains(says), "{why}"),
        other => panic!("{other:?}"),
    };
    let found = read(&of("<u2", "False", "(2, 3, 4, 5)"), "zytx".parse().ok());
    refused(found, "by axes zytx its array of 2x3x4x5 has planes");
    // What lies side by side is counted in memory.
    let many = of("<u2", "False", "(1, 1, 70000)");
    refused(read(&many, "yxz".parse().ok()), "70000 planes lie side by side");
}

#[test]
fn axes_must_fit() {
    let check = |shape: &str, axes: &str, says: &str| {
        let found = read(&of("<u2", "False", shape), axes.parse().ok());
        assert!(
            matches!(&found, Err(Wrong::Words(why)) if why.to_string().contains(says)),
            "{found:?}"
        );
    };
    check("(5, 7)", "yxc", "its array has 2 axes, 5x7; axes yxc means 3");
    check("(5, 7, 3)", "yx", "its array has 3 axes, 5x7x3; axes yx means 2");
    let layout = opened(&of("<u2", "False", "(224, 5, 7)"), Some("cyx"));
    assert_eq!(layout.format().to_string(), "224band:u16le");
    let found = read(&of("<u2", "False", "(65536, 5, 7)"), "cyx".parse().ok());
    assert!(
        matches!(found, Err(Wrong::File(why)) if why.to_string().contains("has 65536 channels, and at most 65535"))
    );
}

#[test]
fn a_version_or_a_length_that_lies() {
    let good = of("<u2", "False", "(5, 7)");
    for end in 0..good.len() {
        refused(&good[..end], "cut short");
    }
    for version in [[0, 0], [1, 1], [4, 0], [255, 255]] {
        let mut head = good.clone();
        head[6..8].copy_from_slice(&version);
        refused(&head, &format!("its version is {}.{}", version[0], version[1]));
    }
    let mut huge = good.clone();
    huge[6] = 2;
    huge[8..12].copy_from_slice(&[255; 4]);
    refused(&huge, "would be 4294967295 bytes long");
    huge[8..12].copy_from_slice(&65_537_u32.to_le_bytes());
    refused(&huge, "would be 65537 bytes long");
    huge[8..12].copy_from_slice(&65_536_u32.to_le_bytes());
    refused(&huge, "cut short");
    // The longest one, with blanks.
    let blank = |length: usize| format!("{:length$}", text("<u2", "False", "(5, 7)"));
    assert_eq!(opened(&with_text(&blank(65_535)), None).data_offset(), 65_545);
}

#[test]
fn samples_that_are_no_whole_numbers_of_16_bits() {
    for descr in [
        "<f2", "<u4", "<i8", "|u1", "|u2", "u2", "<u", "<u22", "|b1", "|O", "<U2", "", "\u{e9}", "<c8", "<M8[ns]",
    ] {
        refused(&of(descr, "False", "(5, 7)"), "only whole numbers of 16 bits");
    }
    refused(&of("<\u{1b}[2J", "False", "(5, 7)"), "its samples are '<?[2J'");
    let records = text("X", "False", "(5, 7)").replace("'X'", "[('a', '<u2'), ('b', '<u2')]");
    refused(&with_text(&records), "records of several fields");
}

#[test]
fn shapes_that_lie() {
    refused(&of("<u2", "False", "()"), "has 0 axes");
    refused(&of("<u2", "False", "(1, 1, 1, 1, 1, 1)"), "has 6 axes");
    for shape in ["(0, 7)", "(5, 0)", "(0,)", "(5, 7, 0)", "(0, 5, 7)"] {
        let found = read(&of("<u2", "False", shape), None);
        let says = |why: &str| why.to_string().contains("has no samples") || why.to_string().contains("0 pixels");
        assert!(
            matches!(&found, Err(Wrong::File(why)) if says(&why.to_string())),
            "{found:?}"
        );
    }
    // 2^63 times 2 is 0 in arithmetic that wraps.
    for shape in [
        "(9223372036854775808, 2)",
        "(4294967296, 4294967296)",
        "(9223372036854775807, 1)",
        "(9223372036854775808,)",
        "(2, 2, 4611686018427387904, 1)",
    ] {
        for order in ["False", "True"] {
            let found = read(&of("<u2", order, shape), None);
            assert!(
                matches!(&found, Err(Wrong::File(why)) if why.to_string().contains("a file can hold")),
                "{found:?}"
            );
        }
    }
    refused(
        &of("<u2", "False", "(18446744073709551616, 7)"),
        "length 18446744073709551616",
    );
    for shape in [
        "(5, -7)",
        "(5, 7.0)",
        "(5, 0x7)",
        "(5, 7",
        "5",
        "[5, 7]",
        "(5 7)",
        "(,)",
        "((5, 7),)",
        "(5, _7)",
        "None",
    ] {
        refused(&of("<u2", "False", shape), "where");
    }
}

#[test]
fn texts_that_are_no_headers() {
    let good = text("<u2", "False", "(5, 7)");
    for end in 0..good.len() - 2 {
        assert!(read(&with_text(&good[..end]), None).is_err(), "{end}");
    }
    let changed = |from: &str, to: &str| with_text(&good.replace(from, to));
    refused(&changed("'shape'", "'descr'"), "has '(5, 7), }?' where");
    refused(&changed("(5, 7),", "(5, 7), 'shape': (5, 8),"), "says 'shape' twice");
    refused(
        &changed("False,", "False, 'fortran_order': True,"),
        "says 'fortran_order' twice",
    );
    refused(&changed("(5, 7),", "(5, 7), 'more': 1,"), "says 'more'");
    refused(&changed("'fortran_order': False, ", ""), "does not say 'fortran_order'");
    refused(&changed("'descr': '<u2', ", ""), "does not say 'descr'");
    refused(&changed("False", "0"), "True or False");
    refused(&changed("}\n", "} {"), "where its end");
    refused(&changed("{", ""), "where '{'");
    refused(&with_text(&"[".repeat(60_000)), "where '{'");
    refused(&with_text(&"{'shape': (".repeat(5_000)), "where a length");
    refused(&with_text(&format!("{{'{}", "x".repeat(60_000))), "cut short");
}
