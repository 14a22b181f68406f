//! The second look: kinds whose magic is too short, or whose bytes mean more than they spell.
//!
//! Behind each rule stands how many bits of random data it asks for; 32 is the least.

use std::path::Path;

/// How much of a text is looked through.
const TEXT_BYTES: usize = 4096;

/// A file's first bytes.
#[derive(Clone, Copy)]
pub(super) struct Head<'a>(pub(super) &'a [u8]);

/// What speaks for a kind, and which.
type Rule = (fn(Head<'_>) -> bool, &'static str);

const RULES: &[Rule] = &[
    (is_jpeg, "a JPEG"),
    (is_pnm, "a PNM"),
    (is_pfm, "a PFM"),
    (is_thumbnail, "an XV thumbnail"),
    (is_gzip, "a gzip"),
    (is_bzip2, "a bzip2"),
    (is_sgi, "an SGI"),
    (is_mrc, "an MRC"),
    (is_nifti, "a NIfTI"),
    (is_meta_image, "a MetaImage"),
    (is_hdf5, "an HDF5"),
    (is_npz, "an NPZ"),
    (is_zip, "a ZIP"),
    (is_web_p, "a WebP"),
    (is_riff, "a RIFF"),
    (is_avif, "an AVIF"),
    (is_heif, "a HEIF"),
    (is_media, "an ISO media"),
    (is_tar, "a tar"),
    (is_jpeg_xr, "a JPEG XR"),
];

/// The kind of the file `path` that begins with `head`, if one of these rules knows it.
pub(super) fn at(head: Head<'_>, path: &Path) -> Option<&'static str> {
    // Its size and all else are packed in single bits that could mean anything.
    let is_named_jxl = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("jxl"));
    if is_named_jxl && head.has(0, b"\xFF\x0A") {
        return Some("a JPEG XL");
    }
    RULES.iter().find(|(rule, _)| rule(head)).map(|(_, kind)| *kind)
}

impl<'a> Head<'a> {
    fn has(self, at: usize, bytes: &[u8]) -> bool {
        self.from(at).starts_with(bytes)
    }

    fn has_one_of(self, at: usize, all: &[&[u8]]) -> bool {
        all.iter().any(|bytes| self.has(at, bytes))
    }

    fn from(self, at: usize) -> &'a [u8] {
        self.0.get(at..).unwrap_or_default()
    }

    fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16_be(self, at: usize) -> Option<u16> {
        self.from(at).first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn u32_be(self, at: usize) -> Option<u32> {
        self.from(at).first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn u32_le(self, at: usize) -> Option<u32> {
        self.u32_be(at).map(u32::swap_bytes)
    }
}

/// 24 bits, and either a segment that says what it is, or one after whose length the next one begins: 12 bits more.
fn is_jpeg(head: Head<'_>) -> bool {
    let is_segment =
        |at| head.has(at, b"\xFF") && matches!(head.u8(at + 1), Some(0xC0..=0xC7 | 0xC9..=0xCF | 0xDA..=0xFE));
    if !head.has(0, b"\xFF\xD8\xFF") || !is_segment(2) {
        return false;
    }
    let known: &[&[u8]] = &[
        b"JFIF\0", b"JFXX\0", b"Exif\0", b"http", b"Adobe", b"ICC_", b"Phot", b"MPF\0",
    ];
    let length = usize::from(head.u16_be(4).unwrap_or(0));
    head.has_one_of(6, known) || length >= 2 && is_segment(4 + length)
}

/// 40 bits and more: two letters, and two numbers or more, with white space around each.
fn is_pnm(head: Head<'_>) -> bool {
    let Some((letters, rest)) = head.0.split_first_chunk::<2>() else {
        return false;
    };
    match letters {
        b"P1" | b"P4" => has_numbers(rest, &[is_whole, is_whole]),
        b"P2" | b"P3" | b"P5" | b"P6" => has_numbers(rest, &[is_whole, is_whole, is_whole]),
        b"P7" => head.has(2, b"\n") && has_line(head.0, b"WIDTH "),
        _ => false,
    }
}

/// As much: floating-point samples, and the last number is a scale with a sign.
fn is_pfm(head: Head<'_>) -> bool {
    let Some(rest) = head.0.strip_prefix(b"PF").or_else(|| head.0.strip_prefix(b"Pf")) else {
        return false;
    };
    let rest = rest.strip_prefix(b"4").unwrap_or(rest);
    has_numbers(rest, &[is_whole, is_whole, is_scale])
}

/// 56 bits.
fn is_thumbnail(head: Head<'_>) -> bool {
    head.has(0, b"P7 332\n")
}

/// True if one of the first lines begins so.
fn has_line(head: &[u8], beginning: &[u8]) -> bool {
    let text = &head[..head.len().min(TEXT_BYTES)];
    text.split(|&byte| byte == b'\n')
        .any(|line| line.starts_with(beginning))
}

/// True if the bytes are such numbers, each after white space or comments and before a byte of white space.
fn has_numbers(mut bytes: &[u8], numbers: &[fn(&[u8]) -> bool]) -> bool {
    for is_number in numbers {
        let from = bytes;
        loop {
            bytes = bytes.trim_ascii_start();
            let Some(comment) = bytes.strip_prefix(b"#") else { break };
            let end = comment.iter().position(|&byte| byte == b'\n');
            bytes = end.map_or(&[], |end| &comment[end..]);
        }
        let Some(end) = bytes.iter().position(u8::is_ascii_whitespace) else {
            return false;
        };
        if bytes.len() == from.len() || !is_number(&bytes[..end]) {
            return false;
        }
        bytes = &bytes[end..];
    }
    true
}

/// A side or a largest value.
fn is_whole(word: &[u8]) -> bool {
    (1..=10).contains(&word.len()) && word.iter().all(u8::is_ascii_digit) && word.iter().any(|&digit| digit != b'0')
}

/// A scale with a sign, as PFM has it.
fn is_scale(word: &[u8]) -> bool {
    let text = std::str::from_utf8(word).ok().and_then(|text| text.parse::<f64>().ok());
    text.is_some_and(|scale| scale.is_finite() && scale != 0.0)
}

/// 37 bits: the one method, no reserved flag, effort and system as somebody has written them.
fn is_gzip(head: Head<'_>) -> bool {
    head.has(0, b"\x1F\x8B\x08")
        && head.u8(3).is_some_and(|flags| flags & 0xE0 == 0)
        && matches!(head.u8(8), Some(0 | 2 | 4))
        && matches!(head.u8(9), Some(0..=13 | 255))
}

/// 76 bits: the first block, or the end of one that has none, begins with digits of pi or of its root.
fn is_bzip2(head: Head<'_>) -> bool {
    head.has(0, b"BZh")
        && matches!(head.u8(3), Some(b'1'..=b'9'))
        && head.has_one_of(4, &[b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"])
}

/// 44 bits, sides not counted.
fn is_sgi(head: Head<'_>) -> bool {
    head.has(0, b"\x01\xDA")
        && matches!(head.u8(2), Some(0 | 1))
        && matches!(head.u8(3), Some(1 | 2))
        && matches!(head.u16_be(4), Some(1..=3))
        && [6, 8, 10]
            .iter()
            .all(|&side| head.u16_be(side).is_some_and(|side| side > 0))
}

/// 32 bits of stamp; and three sides and a mode, in one of the byte orders.
fn is_mrc(head: Head<'_>) -> bool {
    let is_possible = |read: &dyn Fn(usize) -> Option<u32>| {
        let is_side = |at| matches!(read(at), Some(1..=0x100_0000));
        is_side(0) && is_side(4) && is_side(8) && matches!(read(12), Some(0..=16 | 101))
    };
    head.has_one_of(208, &[b"MAP ", b"MAP\0"])
        && (is_possible(&|at| head.u32_le(at)) || is_possible(&|at| head.u32_be(at)))
}

/// 62 bits: the header's length, in one of the byte orders, and a magic.
fn is_nifti(head: Head<'_>) -> bool {
    let has_length = |length| head.u32_le(0) == Some(length) || head.u32_be(0) == Some(length);
    has_length(348) && head.has_one_of(344, &[b"n+1\0", b"ni1\0"])
        || has_length(540) && head.has_one_of(4, &[b"n+2\0", b"ni2\0"])
}

/// A text of `key = value` lines, of which two are always there: 100 bits and more.
fn is_meta_image(head: Head<'_>) -> bool {
    let text = &head.0[..head.0.len().min(TEXT_BYTES)];
    let is_key = |line: &[u8], key: &[u8]| {
        let value = line.trim_ascii_start().strip_prefix(key).map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| value.starts_with(b"="))
    };
    let has_key = |key: &[u8]| text.split(|&byte| byte == b'\n').any(|line| is_key(line, key));
    is_key(text, b"ObjectType") || is_key(text, b"NDims") || has_key(b"NDims") && has_key(b"DimSize")
}

/// 64 bits, behind as much as the file's owner put before it: 0, 512, 1024, 2048, ... bytes.
fn is_hdf5(head: Head<'_>) -> bool {
    let places = std::iter::successors(Some(512), |place| Some(place * 2));
    let mut places = std::iter::once(0).chain(places.take_while(|&place| place < head.0.len()));
    places.any(|place| head.has(place, b"\x89HDF\r\n\x1A\n"))
}

/// A ZIP whose first member is a NumPy array.
fn is_npz(head: Head<'_>) -> bool {
    let length = head
        .from(26)
        .first_chunk()
        .map(|bytes| usize::from(u16::from_le_bytes(*bytes)));
    let name = length.and_then(|length| head.from(30).get(..length));
    head.has(0, b"PK\x03\x04") && name.is_some_and(|name| name.ends_with(b".npy"))
}

/// 32 bits.
fn is_zip(head: Head<'_>) -> bool {
    head.has_one_of(0, &[b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"])
}

/// 64 bits.
fn is_web_p(head: Head<'_>) -> bool {
    head.has(0, b"RIFF") && head.has(8, b"WEBP")
}

/// 36 bits: whatever follows the length is a word.
fn is_riff(head: Head<'_>) -> bool {
    let is_word = |word: &[u8]| word.iter().all(|byte| (b' '..=b'~').contains(byte));
    head.has_one_of(0, &[b"RIFF", b"RIFX"]) && head.from(8).get(..4).is_some_and(is_word)
}

/// 54 bits: the first box has the magic, and is short.
fn is_media(head: Head<'_>) -> bool {
    head.has(4, b"ftyp") && matches!(head.u32_be(0), Some(8..=4096))
}

fn is_avif(head: Head<'_>) -> bool {
    is_media(head) && head.has_one_of(8, &[b"avif", b"avis"])
}

fn is_heif(head: Head<'_>) -> bool {
    let brands: &[&[u8]] = &[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"];
    is_media(head) && head.has_one_of(8, brands)
}

/// 48 bits, whatever the version after it.
fn is_tar(head: Head<'_>) -> bool {
    head.has_one_of(257, &[b"ustar\0", b"ustar "])
}

/// 32 bits.
fn is_jpeg_xr(head: Head<'_>) -> bool {
    head.has_one_of(0, &[b"II\xBC\x00", b"II\xBC\x01"])
}
