//! What is a kind, what is none, and what must not be one by chance.

use std::path::Path;

use super::of;

/// The name of the kind that begins so.
fn name(head: &[u8]) -> Option<&'static str> {
    of(Path::new("image.raw"), head).map(super::Kind::name)
}

/// `bytes` at `at`, after zeros.
fn at(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut head = vec![0; at];
    head.extend_from_slice(bytes);
    head
}

/// Little-endian words of 32 bits, and something after them.
fn words(words: &[u32], then: &[u8]) -> Vec<u8> {
    let words = words.iter().flat_map(|word| word.to_le_bytes());
    words.chain(then.iter().copied()).collect()
}

#[test]
fn a_second_look_finds_what_is_there() {
    let check = |head: &[u8], want: &str| assert_eq!(name(head), Some(want), "{}", head.escape_ascii());
    check(b"P5\n3 2\n65535\n\x01", "PNM");
    check(b"P6 # a comment\n# another\n3\t2 255 \x01", "PNM");
    check(b"P4 8 8\n\x01", "PNM");
    check(b"P1\r\n8 8\r\n1 0", "PNM");
    check(b"PF\n3 2\n-1.0\n\x01", "PFM");
    check(b"P7 332\n#XVVERSION", "XV thumbnail");
    check(b"P7\n# a comment\nWIDTH 3\nHEIGHT 2\n", "PNM");
    check(b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0", "JPEG");
    check(b"\xFF\xD8\xFF\xDB\x00\x04ab\xFF\xC0", "JPEG");
    check(b"\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03", "gzip");
    check(b"BZh91AY&SY", "bzip2");
    check(b"BZh9\x17\x72\x45\x38\x50\x90", "bzip2");
    check(b"\x01\xDA\x01\x02\x00\x03\x00\x10\x00\x10\x00\x03", "SGI");
    check(&[words(&[3, 4, 5, 6], &[0; 192]), b"MAP ".to_vec()].concat(), "MRC");
    check(&[words(&[348], &[0; 340]), b"n+1\0".to_vec()].concat(), "NIfTI");
    check(&words(&[540], b"n+2\0\r\n\x1A\n"), "NIfTI");
    check(b"ObjectType = Image\nNDims = 2\n", "MetaImage");
    check(b"Comment = x\r\nNDims = 2\r\nDimSize = 3 3\r\n", "MetaImage");
    check(b"\x89HDF\r\n\x1A\n", "HDF5");
    check(&at(2048, b"\x89HDF\r\n\x1A\n"), "HDF5");
    check(b"PK\x03\x04________________________\x05\0", "ZIP");
    check(b"PK\x03\x04______________________\x05\0\0\0a.npy", "NPZ");
    check(b"RIFF____WEBPVP8 ", "WebP");
    check(b"RIFF____AVI ", "RIFF");
    check(b"\0\0\0\x1Cftypavif", "AVIF");
    check(b"\0\0\0\x1Cftypheic", "HEIF");
    check(b"\0\0\0\x1Cftypisom", "ISO media");
    check(&at(257, b"ustar\x0000"), "tar");
    check(b"II\xBC\x01", "JPEG XR");
    let jxl = |name| of(Path::new(name), b"\xFF\x0A\xFA\x7F").map(super::Kind::name);
    assert_eq!((jxl("a.JXL"), jxl("a.raw")), (Some("JPEG XL"), None));
}

#[test]
fn a_short_magic_alone_is_none() {
    for head in [
        &b"P5\x80\x10\x20 1 1 255\n"[..],
        b"P5 1 1 ",
        b"P5 0 1 255\n",
        b"P5 12345678901 1 255\n",
        b"P5 1x 1 255\n",
        b"PF 3 2 nan\n",
        b"P8 3 2 255\n",
        b"P7\n# WIDTH 3",
        b"\xFF\xD8\xFF\xE0\x00\x10______________",
        b"\xFF\xD8\xFF\x01\x00\x10JFIF\0",
        b"\x1F\x8B\x08\xE0\x00\x00\x00\x00\x00\x03",
        b"\x1F\x8B\x08\x00\x00\x00\x00\x00\x07\x03",
        b"BZh9________",
        b"BM__________",
        b"\x01\xDA\x01\x02\x00\x03\x00\x10\x00\x00\x00\x03",
        b"\x01\xDA\x02\x02\x00\x03\x00\x10\x00\x10\x00\x03",
        b"\0\0\x01\0\x01\0",
        b"\xFF\xFB\x90\x44",
        b"ID3\x04",
        b"MZ\x90\0\x03",
        b"%!",
        b"____ftypavif",
        b"NDimsX 3",
    ] {
        assert_eq!(name(head), None, "{}", head.escape_ascii());
    }
    assert_eq!(
        name(&[words(&[3, 4, 0, 6], &[0; 192]), b"MAP ".to_vec()].concat()),
        None
    );
    assert_eq!(name(&[words(&[347], &[0; 340]), b"n+1\0".to_vec()].concat()), None);
}

/// The fast and simple generator of Vigna; what it makes has no pattern that a magic could have.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn random_pixels_are_no_kind() {
    let mut state = 7;
    let mut head = [0; 512];
    for _ in 0..1_000_000 {
        head.as_chunks_mut()
            .0
            .iter_mut()
            .for_each(|eight| *eight = next(&mut state).to_le_bytes());
        assert_eq!(name(&head), None, "{}", head.escape_ascii());
    }
}

/// The same behind two bytes for which something has a second look, where a random head comes once in 65,536; or which
/// are the magic of something that is not vetted.
#[test]
fn random_pixels_behind_a_short_magic_are_no_kind() {
    let magics: &[&[u8]] = &[
        b"P1",
        b"P4",
        b"P5",
        b"P6",
        b"P7",
        b"PF",
        b"\xFF\xD8",
        b"\x1F\x8B",
        b"BZ",
        b"BM",
        b"\x01\xDA",
        b"\xFF\x0A",
        b"\0\0",
        b"#!",
        b"\xFF\xFB",
        b"MZ",
    ];
    let mut state = 8;
    let mut head = [0; 512];
    for magic in magics {
        for _ in 0..30_000 {
            head.as_chunks_mut()
                .0
                .iter_mut()
                .for_each(|eight| *eight = next(&mut state).to_le_bytes());
            head[..magic.len()].copy_from_slice(magic);
            assert_eq!(name(&head), None, "{}", head.escape_ascii());
        }
    }
}

/// Samples that begin with `first` and differ by `step`, as `channels` equal ones each, in both byte orders.
fn ramps(first: u16, step: u16, channels: u16, head: &mut [u8; 512]) {
    let samples = |at: u16| first.wrapping_add(step.wrapping_mul(at / channels));
    for is_big in [false, true] {
        for (at, bytes) in (0..).zip(head.as_chunks_mut().0) {
            *bytes = if is_big {
                samples(at).to_be_bytes()
            } else {
                samples(at).to_le_bytes()
            };
        }
        assert_eq!(name(head), None, "{}", head.escape_ascii());
    }
}

#[test]
fn plain_pictures_are_no_kind() {
    let mut head = [0; 512];
    for first in 0..=u16::MAX {
        for (step, channels) in [(0, 1), (1, 1), (1, 3), (256, 1), (257, 4), (u16::MAX, 1)] {
            ramps(first, step, channels, &mut head);
        }
    }
    for step in 0..=u16::MAX {
        ramps(0, step, 1, &mut head);
        ramps(step, step, 4, &mut head);
    }
    // As the tests' own pictures, and a dark one with light noise.
    let pattern: Vec<u8> = (0..=250).cycle().take(4096).collect();
    assert_eq!(name(&pattern), None);
    let mut state = 9;
    for _ in 0..100_000 {
        head.as_chunks_mut()
            .0
            .iter_mut()
            .for_each(|eight| *eight = (next(&mut state) & 0x0007_0007_0007_0007).to_le_bytes());
        assert_eq!(name(&head), None, "{}", head.escape_ascii());
    }
}

#[test]
fn every_length_is_looked_at_in_safety() {
    let heads: [&[u8]; 10] = [
        b"P6 # a comment\n# another\n3\t2 255 \x01",
        b"P7\nWIDTH 3\n",
        b"\xFF\xD8\xFF\xDB\x00\x04ab\xFF\xC0",
        b"\xFF\xD8\xFF\xDB\xFF\xFFab\xFF\xC0",
        b"PK\x03\x04______________________\xFF\xFF\0\0a.npy",
        b"\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03",
        b"\0\0\0\x1Cftypavif",
        b"SIMPLE  =                    T",
        b"II*\0\x08\0\0\0",
        b"P5 # no end",
    ];
    for head in heads {
        for length in 0..=head.len() {
            of(Path::new("image.raw"), &head[..length]);
        }
    }
    assert_eq!(name(b""), None);
}

#[test]
fn kinds_are_named_with_an_article() {
    let vetted = super::VETTED.iter().map(|(_, kind)| *kind);
    for kind in super::MAGICS.iter().map(|(_, kind)| *kind).chain(vetted) {
        assert!(kind.starts_with("a ") || kind.starts_with("an "), "{kind}");
    }
    let kind = of(Path::new("ccd.fits"), b"SIMPLE  =                    T").expect("a kind");
    assert_eq!((kind.name(), kind.to_string().as_str()), ("FITS", "a FITS file"));
}
