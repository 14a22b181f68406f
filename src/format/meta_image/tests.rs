//! Headers by hand, so that every key can lie.

use super::*;
use crate::format::array::assert_refused;
use crate::layout::Layout;

const GOOD: [&str; 6] = [
    "ObjectType = Image",
    "NDims = 3",
    "BinaryDataByteOrderMSB = False",
    "DimSize = 4 5 6",
    "ElementType = MET_USHORT",
    "ElementDataFile = LOCAL",
];

/// The good header with one line replaced or put before the last one.
fn with(line: &str) -> Vec<u8> {
    let key = line.split('=').next().unwrap_or_default().trim();
    let mut lines: Vec<&str> = GOOD.to_vec();
    match lines.iter().position(|good| good.starts_with(&format!("{key} "))) {
        Some(at) => lines[at] = line,
        None => lines.insert(5, line),
    }
    (lines.join("\n") + "\n").into_bytes()
}

fn layout(head: &[u8]) -> Layout {
    read(head).expect("a header").layout_in(1 << 20).expect("a layout")
}

#[track_caller]
fn refused(head: &[u8], says: &str) {
    assert_refused(read(head), says);
}

#[test]
fn keys_in_any_order() {
    let mut lines = GOOD[..5].to_vec();
    lines.extend([
        "Comment = a = b",
        "CompressedData = False",
        "BinaryData = True",
        "ElementSpacing = 1 1 2",
    ]);
    for _ in 0..lines.len() {
        lines.rotate_left(1);
        for end in ["\n", "\r\n"] {
            let head = lines.join(end) + end + GOOD[5] + end;
            let header = read(head.as_bytes()).expect("a header");
            assert_eq!((header.sample, header.order), (Sample::U16, ByteOrder::Little));
            assert_eq!(header.data, Data::Behind(head.len() as u64));
            // What stands behind the last line are samples.
            let with_samples = [head.as_bytes(), b"DimSize = 1\n\xFF\n"].concat();
            assert_eq!(read(&with_samples).expect("a header"), header);
        }
    }
}

#[test]
fn types_orders_and_channels() {
    assert_eq!(
        layout(&with("ElementType = MET_SHORT")).format().to_string(),
        "gray:i16le"
    );
    for (line, order) in [
        ("BinaryDataByteOrderMSB = True", ByteOrder::Big),
        ("BinaryDataByteOrderMSB = False", ByteOrder::Little),
        ("ElementByteOrderMSB = False", ByteOrder::Little),
    ] {
        assert_eq!(read(&with(line)).expect("a header").order, order);
    }
    refused(&with("ElementByteOrderMSB = True"), "one byte order and then the other");
    refused(
        &with("BinaryDataByteOrderMSB = Maybe"),
        "BinaryDataByteOrderMSB = Maybe",
    );
    let none = String::from_utf8(with("Comment = x"))
        .expect("text")
        .replace("BinaryDataByteOrderMSB", "Other");
    refused(none.as_bytes(), "does not say 'ElementByteOrderMSB'");
    let check = |sizes: &str, channels: &str, (width, height, planes): (u64, u64, u64), format: &str| {
        let head = String::from_utf8(with(&format!("ElementNumberOfChannels = {channels}"))).expect("text");
        let head = head
            .replace("4 5 6", sizes)
            .replace("NDims = 3", &format!("NDims = {}", sizes.split(' ').count()));
        let layout = layout(head.as_bytes());
        assert_eq!(
            (layout.width(), layout.height(), layout.planes()),
            (Some(width), Some(height), planes)
        );
        assert_eq!(layout.format().to_string(), format);
        assert_eq!(layout.step().channel, 2);
    };
    check("4 5", "1", (4, 5, 1), "gray:u16le");
    check("4 5", "3", (4, 5, 1), "rgb:u16le");
    check("4 5", "4", (4, 5, 1), "4band:u16le");
    check("4 5 6", "2", (4, 5, 6), "2band:u16le");
    // Never taken for channels: that is said.
    check("4 5 3", "1", (4, 5, 3), "gray:u16le");
    check("3 4 5", "1", (3, 4, 5), "gray:u16le");
    check("4 5 6 7", "1", (4, 5, 42), "gray:u16le");
    check("4", "3", (4, 1, 1), "rgb:u16le");
    for channels in ["0", "70000"] {
        refused(&with(&format!("ElementNumberOfChannels = {channels}")), "1 to 65535");
    }
    refused(&with("ElementNumberOfChannels = many"), "no count");
    refused(&with("ElementNumberOfChannels = 1 2"), "no number");
    refused(&with("ElementNumberOfChannels ="), "no number");
}

#[test]
fn where_the_samples_are() {
    let file = |skip| Data::File {
        name: "a b.raw".to_owned(),
        skip,
    };
    let read_data = |lines: &[&str]| {
        let head = [&GOOD[..5], lines].concat().join("\n");
        read(head.as_bytes()).expect("a header").data
    };
    assert_eq!(read_data(&["ElementDataFile = a b.raw"]), file(Some(0)));
    assert_eq!(
        read_data(&["HeaderSize = 9", "ElementDataFile = a b.raw"]),
        file(Some(9))
    );
    assert_eq!(read_data(&["HeaderSize = -1", "ElementDataFile = a b.raw"]), file(None));
    refused(&with("HeaderSize = 9"), "for samples in another file");
    refused(&with("HeaderSize = -1"), "for samples in another file");
    refused(&with("HeaderSize = x"), "no count of bytes");
    for name in ["LIST", "LIST 2", "a%03d.raw 1 9 1"] {
        refused(&with(&format!("ElementDataFile = {name}")), "several files");
    }
    let head = with("Comment = x");
    refused(&head[..head.len() - 1], "cut short");
    refused(&head[..head.len() - 24], "does not say 'elementdatafile'");
}

#[test]
fn headers_that_lie() {
    refused(&with("CompressedData = True"), "compressed");
    refused(&with("CompressedData = t"), "compressed");
    refused(&with("BinaryData = False"), "digits");
    for kind in ["MET_UCHAR", "MET_FLOAT", "MET_INT", "MET_USHORT_ARRAY", "ushort", ""] {
        refused(&with(&format!("ElementType = {kind}")), "only MET_SHORT and MET_USHORT");
    }
    refused(&with("NDims = 2"), "NDims = 2, but 3 numbers");
    refused(&with("DimSize = 4 5 0"), "has no samples");
    refused(&with("DimSize = 4 5 -6"), "no count");
    refused(
        &with("DimSize = 4294967296 4294967296 4"),
        "more samples than a file can hold",
    );
    let six = String::from_utf8(with("NDims = 6"))
        .expect("text")
        .replace("4 5 6", "1 1 1 1 1 1");
    refused(six.as_bytes(), "6 sizes");
    let none = String::from_utf8(with("NDims = 0")).expect("text").replace("4 5 6", "");
    refused(none.as_bytes(), "size");
    refused(&with("no key"), "is no 'key = value'");
    let twice = String::from_utf8(with("Comment = x")).expect("text");
    let twice = twice
        .replace("ElementType", "DimSize = 4 5 7\nElementType")
        .into_bytes();
    refused(&twice, "says 'dimsize' twice");
}
