//! From a user's words to numbers: sizes in bytes, `WIDTHxHEIGHT`, `X,Y,W,H`.

use std::ops::RangeInclusive;
use std::time::Duration;

use parse_size::{ByteSuffix, Config};

/// Bytes: `4096`, `64MiB` (powers of 1024), `1G` or `1GB` (powers of 1000).
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let parsed = Config::new().with_byte_suffix(ByteSuffix::Allow).parse_size(text);
    // A fraction of a byte, a negative number and the like have messages of their own.
    parsed.map_err(|error| format!("{error}; give bytes, such as 4096, 64MiB or 1G"))
}

/// The same, but at least one.
pub(super) fn some_bytes(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        0 => Err("must be at least 1 byte".to_owned()),
        bytes => Ok(bytes),
    }
}

/// Seconds, with a fraction.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give seconds, such as 5 or 0.3".to_owned())
}

/// Width and height in pixels: `40000x30000`.
pub(super) fn size(text: &str) -> Result<(u64, u64), String> {
    let sides = text
        .split_once(['x', 'X'])
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match sides {
        Some((0, _) | (_, 0)) => Err("both sides must be at least 1 pixel".to_owned()),
        Some(sides) => Ok(sides),
        None => Err("give WIDTHxHEIGHT in pixels, such as 40000x30000".to_owned()),
    }
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
}

/// `X,Y,W,H` in pixels.
pub(super) fn rect(text: &str) -> Result<Rect, String> {
    let numbers: Option<Vec<u64>> = text.split(',').map(|word| word.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, width, height]) => Ok(Rect { x, y, width, height }),
        _ => Err("give X,Y,WIDTH,HEIGHT in pixels, such as 1000,2000,512,512".to_owned()),
    }
}

/// Planes, counted from 1: `3` or `10-20`.
pub(super) fn planes(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.trim().parse().ok().filter(|&n: &u64| n > 0);
    let planes = match text.split_once('-') {
        Some((first, last)) => number(first).zip(number(last)),
        None => number(text).map(|n| (n, n)),
    };
    match planes {
        Some((first, last)) if first <= last => Ok(first..=last),
        _ => Err("give a plane, counted from 1, or some such as 10-20".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_users_write_them() {
        let check = |text, want| assert_eq!(bytes(text), Ok(want), "{text}");
        check("4096", 4096);
        check("64MiB", 64 << 20);
        check("8 GiB", 8 << 30);
        check("1G", 1_000_000_000);
        check("1.5GB", 1_500_000_000);
        check("0", 0);
        for wrong in ["", "x", "-5", "1Q", "99999999999999999999", "16EiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert!(some_bytes("0").is_err());
    }

    #[test]
    fn planes_from_one_on() {
        assert_eq!(planes("3"), Ok(3..=3));
        assert_eq!(planes("10-20"), Ok(10..=20));
        for wrong in ["", "0", "0-2", "3-2", "-1", "1-", "a", "1-2-3", "99999999999999999999"] {
            assert!(planes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sides_and_rectangles() {
        assert_eq!(size("40000x30000"), Ok((40_000, 30_000)));
        for wrong in [
            "",
            "x",
            "4",
            "4x",
            "0x4",
            "4x0",
            "4x-1",
            "4x4x4",
            "99999999999999999999x1",
        ] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        let want = Rect {
            x: 1,
            y: 2,
            width: 3,
            height: 4,
        };
        assert_eq!(rect("1,2, 3,4"), Ok(want));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "-1,0,2,2", "a,b,c,d"] {
            assert!(rect(wrong).is_err(), "{wrong}");
        }
    }
}
