//! Files by hand, so that every card can lie.

use super::*;

/// A header of these cards, in whole blocks.
fn header(cards: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = cards
        .iter()
        .flat_map(|card| format!("{card:<80}").into_bytes())
        .collect();
    bytes.extend(format!("{:<80}", "END").into_bytes());
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes
}

/// A primary HDU of 3 x 2 samples of 16 bits, with more cards.
fn primary(more: &[&str]) -> Vec<u8> {
    let cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                   16",
        "NAXIS   =                    2",
    ];
    let sides = ["NAXIS1  =                    3", "NAXIS2  =                    2"];
    [header(&[&cards[..], &sides[..], more].concat()), vec![7; 2880]].concat()
}

/// One without pixels.
fn empty() -> Vec<u8> {
    header(&["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "EXTEND  = T"])
}

/// An image extension of 2 x 2 samples.
fn extension(name: &str, bits: &str) -> Vec<u8> {
    let name = format!("EXTNAME = '{name}'");
    let bits = format!("BITPIX  = {bits}");
    let sides = [
        "NAXIS   = 2",
        "NAXIS1  = 2",
        "NAXIS2  = 2",
        "PCOUNT  = 0",
        "GCOUNT  = 1",
    ];
    let cards = [&["XTENSION= 'IMAGE   '", &bits][..], &sides[..], &[&name]].concat();
    [header(&cards), vec![9; 2880]].concat()
}

/// A table, perhaps with more cards.
fn table(more: &[&str]) -> Vec<u8> {
    let cards = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 8",
        "NAXIS2  = 400",
        "PCOUNT  = 5000",
    ];
    [
        header(&[&cards[..], &["GCOUNT  = 1", "TFIELDS = 1"], more].concat()),
        vec![1; 8640],
    ]
    .concat()
}

fn open(file: &[u8], page: Option<u64>) -> Result<Found, Wrong> {
    let read_at = |bytes: &mut [u8], at: u64| {
        let start = usize::try_from(at).expect("in the file");
        bytes.copy_from_slice(&file[start..start + bytes.len()]);
        Ok(())
    };
    picture(&hdus(file.len() as u64, &read_at)?, page)
}

fn start_of(file: &[u8], page: Option<u64>) -> u64 {
    open(file, page).expect("a picture").layout.data_offset()
}

#[track_caller]
fn refused(file: &[u8], page: Option<u64>, says: &str) {
    match open(file, page) {
        Err(Wrong::File(why)) => assert!(
            why.to_string().contains(says) && !why.to_string().contains('\n'),
            "{why}"
        ),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn format_of(more: &[&str]) -> (String, Option<i32>) {
    let picture = open(&primary(more), None).expect("a picture");
    (picture.layout.format().to_string(), picture.nodata)
}

#[test]
fn signed_and_unsigned_samples() {
    let signed = ("gray:i16be".to_owned(), None);
    assert_eq!(format_of(&[]), signed);
    for zero in ["0", "0.0", "0.", "-0.0", "0.0E0"] {
        assert_eq!(format_of(&[&format!("BZERO   = {zero}"), "BSCALE  = 1"]), signed);
    }
    let unsigned = ("gray:u16flippedbe".to_owned(), None);
    for zero in [
        "32768",
        "32768.0",
        "32768.",
        "3.2768E4",
        "3.2768D+04",
        "              32768 / unsigned",
    ] {
        for scale in ["1", "1.0", "1.", "1.0E+00"] {
            assert_eq!(
                format_of(&[&format!("BZERO   = {zero}"), &format!("BSCALE  = {scale}")]),
                unsigned
            );
        }
    }
}

#[test]
fn blank_is_a_value_with_bzero() {
    let zero = "BZERO   = 32768";
    assert_eq!(format_of(&["BLANK   = -32768"]).1, Some(-32_768));
    assert_eq!(format_of(&["BLANK   = -32768", zero]).1, Some(0));
    assert_eq!(format_of(&["BLANK   = 32767", zero]).1, Some(65_535));
    // No sample can be that.
    assert_eq!(format_of(&["BLANK   = 32768", zero]).1, None);
    assert_eq!(format_of(&["BLANK   = -99999"]).1, None);
    refused(&primary(&["BLANK   = 'none'"]), None, "which is not a whole number");
}

#[test]
fn cubes_are_planes() {
    let check = |sides: &[u64], want: (u64, u64, u64)| {
        let mut cards = vec![
            "SIMPLE  = T".to_owned(),
            "BITPIX  = 16".to_owned(),
            format!("NAXIS   = {}", sides.len()),
        ];
        cards.extend((1..).zip(sides).map(|(axis, side)| format!("NAXIS{axis:<3}= {side}")));
        let cards: Vec<&str> = cards.iter().map(String::as_str).collect();
        let bytes = usize::try_from(sides.iter().product::<u64>() * 2).expect("small");
        let head = header(&cards);
        let picture = open(&[&head[..], &vec![0; bytes]].concat(), None).expect("a picture");
        let layout = picture.layout;
        assert_eq!(
            (layout.width(), layout.height(), layout.planes()),
            (Some(want.0), Some(want.1), want.2)
        );
        assert_eq!(layout.data(), head.len() as u64..(head.len() + bytes) as u64);
    };
    check(&[7], (7, 1, 1));
    check(&[7, 5], (7, 5, 1));
    check(&[7, 5, 3], (7, 5, 3));
    check(&[7, 5, 3, 2, 1, 2], (7, 5, 12));
    check(&[1, 1, 3], (1, 1, 3));
}

#[test]
fn an_hdu_is_named_where_several_have_pixels() {
    let one = [empty(), table(&[]), extension("SCI", "16")].concat();
    assert_eq!(start_of(&one, None), 2880 + 2880 + 8640 + 2880);
    assert_eq!(start_of(&one, Some(3)), start_of(&one, None));
    let two = [
        primary(&[]),
        extension("SCI", "16"),
        table(&[]),
        extension("ERR", "-32"),
        extension("DQ", "16"),
    ]
    .concat();
    for (page, start) in [(1, 2880), (2, 2880 * 3), (5, 2880 * 5 + 8640 + 2880 * 3)] {
        assert_eq!(start_of(&two, Some(page)), start);
    }
    let words = |file: &[u8], page, says: &[&str]| match open(file, page) {
        Err(Wrong::Words(why)) => assert!(says.iter().all(|words| why.to_string().contains(words)), "{why}"),
        other => panic!("{other:?}"),
    };
    words(
        &two,
        None,
        &["page: 1 (3x2, BITPIX 16), 2 'SCI' (2x2, BITPIX 16), 4 'ERR' (2x2, BITPIX -32), 5 'DQ'"],
    );
    words(&two, Some(6), &["page 6", "HDUs 1 to 5"]);
    words(&two, Some(0), &["page 0"]);
    refused(&two, Some(3), "HDU 3 is a table");
    refused(&two, Some(4), "HDU 4 has BITPIX = -32");
    refused(&one, Some(1), "HDU 1 has no pixels");
    refused(&empty(), None, "HDU 1 has no pixels");
    let packed = [empty(), table(&["ZIMAGE  = T"])].concat();
    refused(&packed, None, "HDU 2 is compressed (ZIMAGE); unpack it first (funpack)");
}

#[test]
fn what_is_behind_the_last_hdu() {
    let whole = primary(&[]);
    // Without what fills it up; cut short; with bytes that are no header.
    open(&whole[..2892], None).expect("a picture");
    refused(
        &whole[..2891],
        None,
        "the data of HDU 1 end at byte 2892, the file at 2891; it is cut short",
    );
    for length in [0, 80, 2879] {
        refused(
            &whole[..length],
            None,
            "ends within the header of HDU 1; it is cut short",
        );
    }
    let more = [&whole[..], &[0; 5000]].concat();
    assert_eq!(start_of(&more, None), 2880);
    // A header that is cut short is no such thing.
    let second = [&whole[..], &extension("A", "16")[..]].concat();
    refused(&second[..second.len() - 2880 + 7], Some(1), "the data of HDU 2");
    let open_end = [&whole[..], &b"XTENSION= 'IMAGE   '"[..], &[b' '; 2860]].concat();
    refused(&open_end, Some(1), "ends within the header of HDU 2");
}

#[test]
fn every_refusal_says_what_is_wrong() {
    let replaced = |from: &str, to: &str| {
        let cards: Vec<String> = [
            "SIMPLE  = T",
            "BITPIX  = 16",
            "NAXIS   = 2",
            "NAXIS1  = 3",
            "NAXIS2  = 2",
        ]
        .iter()
        .map(|card| card.replace(from, to))
        .collect();
        let cards: Vec<&str> = cards.iter().map(String::as_str).collect();
        [header(&cards), vec![7; 2880]].concat()
    };
    for (from, to, says) in [
        ("SIMPLE  = T", "SIMPLE  = F", "does not say SIMPLE = T"),
        ("BITPIX  = 16", "BITPIX  = 32", "HDU 1 has BITPIX = 32"),
        ("BITPIX  = 16", "BITPIX  = -32", "HDU 1 has BITPIX = -32"),
        ("BITPIX  = 16", "BITPIX  = 17", "no size of a sample"),
        (
            "BITPIX  = 16",
            "BITPIX  = 16.5",
            "BITPIX = 16.5, which is not a whole number",
        ),
        ("BITPIX  = 16", "BITPIX  = ", "BITPIX"),
        ("BITPIX  = 16", "BITPIX    16", "BITPIX"),
        ("BITPIX  = 16", "COMMENT   16", "does not say BITPIX"),
        ("NAXIS   = 2", "NAXIS   = 1000000000000000", "at most 999"),
        ("NAXIS   = 2", "NAXIS   = -1", "NAXIS = -1, which is not a count"),
        ("NAXIS   = 2", "NAXIS   = 1", "also NAXIS2"),
        ("NAXIS   = 2", "NAXIS   = 3", "does not say NAXIS3"),
        ("NAXIS   = 2", "NAXIS   = 0", "also NAXIS1"),
        ("NAXIS1  = 3", "NAXIS1  = 0", "HDU 1 has no pixels"),
        ("NAXIS1  = 3", "NAXIS1  = 9000", "it is cut short"),
        ("NAXIS1  = 3", "NAXIS1  = 3.5", "not a count"),
        (
            "NAXIS1  = 3",
            "NAXIS1  = 9223372036854775807",
            "more data than a file can hold",
        ),
        ("NAXIS1  = 3", "NAXIS1  = 92233720368547758070", "not a count"),
        ("NAXIS1  = 3", "naxis1  = 3", "card 'naxis1', which should be NAXIS1"),
        ("NAXIS1  = 3", " NAXIS1 = 3", "which should be NAXIS1"),
    ] {
        refused(&replaced(from, to), None, says);
    }
    for (card, says) in [
        ("BSCALE  = 2", "BSCALE is not 1"),
        ("BSCALE  = 1.5", "BSCALE = 1.5, which is not a whole number"),
        ("BZERO   = 32767", "BZERO = 32767"),
        ("BZERO   = -32768", "BZERO = -32768"),
        ("BZERO   = 32768.5", "not a whole number"),
        ("BZERO   = 1E300", "not a whole number"),
        ("BZERO   = NAN", "not a whole number"),
        ("PCOUNT  = 4", "PCOUNT = 4 and GCOUNT = 1"),
        ("GCOUNT  = 2", "PCOUNT = 0 and GCOUNT = 2"),
        ("ZIMAGE  = T", "funpack"),
        ("DATASUM = 123", "DATASUM = 123, which is not a text"),
        ("DATASUM =   '123     '", "DATASUM in another form"),
        ("DATASUM = '123     '/ x", "DATASUM in another form"),
        ("DATASUM = '12345678901'", "DATASUM in another form"),
        ("CHECKSUM= 'abc'", "CHECKSUM in another form"),
        ("BITPIX  = 16", "says BITPIX twice"),
        ("NAXIS   = 2", "says NAXIS twice"),
        ("NAXIS2  = 2", "says NAXIS2 twice"),
        ("END     x", "card END with more behind it"),
    ] {
        refused(&primary(&[card]), None, says);
    }
    refused(&primary(&["BZERO   = 0", "BZERO   = 32768"]), None, "says BZERO twice");
    refused(&primary(&["BLANK   = 0", "BLANK   = 1"]), None, "says BLANK twice");
    // What does not count may stand there as it likes.
    open(
        &primary(&["HISTORY a", "HISTORY b", "OBJECT  = 'x", "OBJECT  = 'y'", "FOO"]),
        None,
    )
    .expect("a picture");
    let groups = header(&[
        "SIMPLE  = T",
        "BITPIX  = 16",
        "NAXIS   = 2",
        "NAXIS1  = 0",
        "NAXIS2  = 3",
        "GROUPS  = T",
        "PCOUNT  = 2",
        "GCOUNT  = 4",
    ]);
    refused(&[&groups[..], &[0; 40]].concat(), None, "random groups");
    refused(&[&groups[..], &[0; 39]].concat(), None, "end at byte 2920");
}

#[test]
fn a_header_without_an_end_costs_16_mebibytes_at_most() {
    let mut file = header(&["SIMPLE  = T", "BITPIX  = 16"]);
    let end = file.windows(4).position(|card| card == b"END ").expect("there");
    file[end..end + 3].copy_from_slice(b"FOO");
    file.resize(17 << 20, b' ');
    refused(&file, None, "the header of HDU 1 has no END in 16777216 bytes");
}

#[test]
fn limits_of_samples_go_stale() {
    let picture = open(&primary(&["DATAMIN = 3.0", "DATAMAX = 9.0"]), None).expect("a picture");
    let stale: Vec<&str> = picture.stale.iter().map(|part| &part.what[..]).collect();
    assert_eq!(
        stale,
        ["DATAMIN in the header of HDU 1", "DATAMAX in the header of HDU 1"]
    );
}

#[test]
fn sums_are_found_where_they_stand() {
    let sums = |more: &[&str]| match open(&primary(more), None).expect("a picture").mended.mends[..] {
        [] => None,
        [Mend::FitsSums(ref sums)] => Some(sums.clone()),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(sums(&[]), None);
    for datasum in [
        "DATASUM = '0       '           / x",
        "DATASUM = '4294967295' / x",
        "DATASUM = '7'",
    ] {
        let found = sums(&["COMMENT", "CHECKSUM= 'abcdabcdabcdabcd' / x", datasum]).expect("sums");
        assert_eq!((found.hdu, found.header, found.data), (1, 0..2880, 2880..2892));
        assert_eq!(
            (found.checksum_at, found.datasum_at),
            (Some(6 * 80 + 10), Some(7 * 80 + 10))
        );
    }
    assert_eq!(sums(&["DATASUM = '7       '"]).expect("sums").checksum_at, None);
    assert_eq!(sums(&["CHECKSUM= 'abcdabcdabcdabcd'"]).expect("sums").datasum_at, None);
}
