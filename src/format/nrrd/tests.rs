//! Headers by hand, so that every field can lie.

use super::*;
use crate::format::array::assert_refused;
use crate::layout::Layout;

const GOOD: [&str; 5] = [
    "type: unsigned short",
    "dimension: 3",
    "sizes: 4 5 6",
    "endian: little",
    "encoding: raw",
];

fn text(fields: &[&str]) -> Vec<u8> {
    format!("NRRD0004\n# made by hand\n{}\n\n", fields.join("\n")).into_bytes()
}

/// The good header with one field replaced or added.
fn with(field: &str) -> Vec<u8> {
    let key = field.split(':').next().unwrap_or_default();
    let mut fields: Vec<&str> = GOOD
        .iter()
        .copied()
        .filter(|good| !good.starts_with(&format!("{key}:")))
        .collect();
    fields.insert(1, field);
    text(&fields)
}

fn layout(head: &[u8]) -> Layout {
    read(head).expect("a header").layout_in(1 << 20).expect("a layout")
}

#[track_caller]
fn refused(head: &[u8], says: &str) {
    assert_refused(read(head), says);
}

#[test]
fn fields_in_any_order_with_comments_and_keys() {
    let mut fields: Vec<String> = GOOD.iter().map(|field| (*field).to_owned()).collect();
    fields.push("content: a: b = c".to_owned());
    fields.push("my key:=type: float".to_owned());
    fields.push("# type: float".to_owned());
    for _ in 0..fields.len() {
        fields.rotate_left(1);
        for end in ["\n", "\r\n"] {
            let head = format!("NRRD0001{end}{}{end}{end}", fields.join(end)).into_bytes();
            let header = read(&head).expect("a header");
            assert_eq!((header.sample, header.order), (Sample::U16, ByteOrder::Little));
            assert_eq!(header.data, Data::Behind(head.len() as u64));
            let layout = header.layout_in(0).expect("a layout");
            // The first axis is that of four channels.
            assert_eq!(
                (layout.width(), layout.height(), layout.planes()),
                (Some(5), Some(6), 1)
            );
            assert_eq!(layout.format().to_string(), "4band:u16le");
        }
    }
}

#[test]
fn types_and_byte_orders() {
    for name in [
        "short",
        "short int",
        "signed short",
        "signed short int",
        "int16",
        "int16_t",
        "Signed  Short",
    ] {
        assert_eq!(
            read(&with(&format!("type: {name}"))).expect("a header").sample,
            Sample::I16
        );
    }
    for name in ["ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"] {
        assert_eq!(
            read(&with(&format!("type: {name}"))).expect("a header").sample,
            Sample::U16
        );
    }
    for name in ["float", "uchar", "int", "block", "short short", ""] {
        refused(&with(&format!("type: {name}")), "only short and unsigned short");
    }
    assert_eq!(read(&with("endian: BIG")).expect("a header").order, ByteOrder::Big);
    refused(&with("endian: middle"), "endian middle");
    refused(&text(&GOOD[..3]), "does not say 'encoding'");
    refused(&text(&[&GOOD[..3], &GOOD[4..]].concat()), "does not say 'endian'");
}

#[test]
fn kinds_say_what_the_axes_are() {
    let check = |sizes: &str, kinds: &str, (width, height, planes): (u64, u64, u64), format: &str, channel: u64| {
        let count = sizes.split(' ').count();
        let fields = [GOOD[0], GOOD[3], GOOD[4]];
        let more = [
            format!("dimension: {count}"),
            format!("sizes: {sizes}"),
            format!("kinds: {kinds}"),
        ];
        let fields = [&fields[..], &more.each_ref().map(String::as_str)].concat();
        let layout = layout(&text(&fields));
        assert_eq!(
            (layout.width(), layout.height(), layout.planes()),
            (Some(width), Some(height), planes),
            "{kinds}"
        );
        assert_eq!(layout.format().to_string(), format, "{kinds}");
        assert_eq!(layout.step().channel, channel, "{kinds}");
    };
    check("3 5 6", "RGB-color domain domain", (5, 6, 1), "rgb:u16le", 2);
    check("4 5 6", "RGBA-color domain domain", (5, 6, 1), "rgba:u16le", 2);
    check("4 5 6", "4-color space space", (5, 6, 1), "4band:u16le", 2);
    check("3 5 6", "domain domain domain", (3, 5, 6), "gray:u16le", 2);
    check("3 5 6", "??? none ???", (5, 6, 1), "rgb:u16le", 2);
    check("3 5 6", "space space time", (3, 5, 6), "gray:u16le", 2);
    check("3 5 6 2", "domain domain domain list", (3, 5, 6), "2band:u16le", 180);
    check("3 5 7 6", "domain domain vector domain", (3, 5, 6), "7band:u16le", 30);
    check("3 5 7", "domain vector domain", (3, 7, 1), "5band:u16le", 6);
    check("3 5", "domain domain", (3, 5, 1), "gray:u16le", 2);
    refused(&with("kinds: domain domain"), "2 kinds, but 3 sizes");
    refused(&with("kinds: vector domain list"), "several axes");
    let two = text(&[
        GOOD[0],
        "dimension: 2",
        "sizes: 3 5",
        GOOD[3],
        GOOD[4],
        "kinds: vector domain",
    ]);
    refused(&two, "columns and rows");
    let apart = [
        "dimension: 5",
        "sizes: 2 3 4 5 6",
        "kinds: domain domain domain vector domain",
    ];
    refused(
        &text(&[&[GOOD[0], GOOD[3], GOOD[4]], &apart[..]].concat()),
        "planes that channels lie between",
    );
}

#[test]
fn where_the_samples_are() {
    let check = |fields: &[&str], want: Data| {
        let head = text(&[&GOOD[..], fields].concat());
        assert_eq!(read(&head).expect("a header").data, want);
    };
    let file = |skip| Data::File {
        name: "a b.raw".to_owned(),
        skip,
    };
    check(&["data file: a b.raw"], file(Some(0)));
    check(&["datafile: a b.raw", "byteskip: 7"], file(Some(7)));
    check(&["byte skip: -1", "data file: a b.raw"], file(None));
    let head = text(&[&GOOD[..], &["byte skip: 5", "line skip: 0"]].concat());
    assert_eq!(read(&head).expect("a header").data, Data::Behind(head.len() as u64 + 5));
    // A header of its own needs no empty line.
    let alone = format!("NRRD0005\n{}\ndata file: x", GOOD.join("\n"));
    let header = read(alone.as_bytes()).expect("a header");
    assert!(matches!(header.data, Data::File { .. }));
    let at_end = with("byte skip: -1")
        .iter()
        .copied()
        .take_while(|_| true)
        .collect::<Vec<u8>>();
    refused(&at_end, "byte skip -1, which is for data files");
    let end = read(&text(&[&GOOD[..], &["byte skip: -1", "data file: x"]].concat())).expect("a header");
    assert_eq!(end.layout_in(1000).expect("a layout").data(), 760..1000);
    assert!(end.layout_in(239).is_err());
    for field in ["data file: LIST", "data file: LIST 2", "datafile: slice%03d.raw 1 9 1"] {
        refused(&with(field), "several files");
    }
    refused(&with("line skip: 1"), "line skip");
    refused(&with("line skip: -1"), "line skip");
    refused(&with("byte skip: -2"), "byte skip -2");
    refused(&with("byte skip: 18446744073709551615"), "more than a file can hold");
    // No empty line, and none that anybody would wait for.
    let head = text(&GOOD);
    refused(&head[..head.len() - 1], "does not end within 65536 bytes");
    let long = [&head[..head.len() - 1], &b"# x\n".repeat(20_000), b"\n"].concat();
    refused(&long, "does not end within 65536 bytes");
}

#[test]
fn headers_that_lie() {
    for encoding in ["gzip", "gz", "bzip2", "bz2", "GZIP"] {
        refused(&with(&format!("encoding: {encoding}")), "compressed");
    }
    for encoding in ["ascii", "txt", "hex", "rawer"] {
        refused(&with(&format!("encoding: {encoding}")), "only raw can be edited");
    }
    refused(b"NRRD", "cut short");
    for magic in ["NRRD0000\n", "NRRD0006\n", "NRRD000\n"] {
        let head = [magic.as_bytes(), &text(&GOOD)[9..]].concat();
        refused(&head, "NRRD0001 to NRRD0005");
    }
    refused(&with("dimension: 2"), "dimension 2, but 3 sizes");
    refused(&with("dimension: 3 3"), "dimension 3 3");
    for (sizes, says) in [
        ("4 5 0", "has no samples"),
        ("4 5 -6", "sizes -6, which is no count"),
        ("4 5 6.0", "no count"),
        ("4294967296 4294967296 4", "more samples than a file can hold"),
        ("70000 5 6", "gray"),
    ] {
        if says == "gray" {
            assert_eq!(layout(&with("sizes: 70000 5 6")).width(), Some(70_000));
        } else {
            refused(&with(&format!("sizes: {sizes}")), says);
        }
    }
    refused(&text(&[&GOOD[..], &["type: short"]].concat()), "says 'type' twice");
    refused(&text(&[&GOOD[..], &["SIZES: 4 5 7"]].concat()), "says 'sizes' twice");
    read(&text(&[&GOOD[..], &["Endian: little"]].concat())).expect("the same twice");
    refused(
        &text(&[&GOOD[..], &["no field"]].concat()),
        "'no field' of its header is no 'field: value'",
    );
    let many = text(&[GOOD[0], "dimension: 6", "sizes: 1 2 3 4 5 6", GOOD[3], GOOD[4]]);
    refused(&many, "6 axes, and 1 to 5");
}
