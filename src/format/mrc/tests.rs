//! Headers by hand, so that every field can lie.

use super::*;

/// A header of these words, stamped.
fn header(sides: [i32; 3], mode: i32, extended: i32, order: ByteOrder) -> Vec<u8> {
    let mut head = vec![0xAB; HEADER_BYTES];
    let mut put = |at: usize, value: i32| {
        let bytes = match order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        };
        head[at..at + 4].copy_from_slice(&bytes);
    };
    for (at, value) in [(0, sides[0]), (4, sides[1]), (8, sides[2]), (12, mode), (92, extended)] {
        put(at, value);
    }
    let stamp = match order {
        ByteOrder::Little => [0x44, 0x44],
        ByteOrder::Big => [0x11, 0x11],
    };
    head[208..212].copy_from_slice(b"MAP ");
    head[212..214].copy_from_slice(&stamp);
    head
}

#[track_caller]
fn refused(head: &[u8], says: &str) {
    match read(head) {
        Err(Wrong::File(why)) => assert!(why.to_string().contains(says), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_byte_orders_both_modes_and_extended_headers() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for (mode, sample) in [(1, Sample::I16), (6, Sample::U16)] {
            for extended in [0, 80, 1024, 77] {
                let map = read(&header([7, 5, 3], mode, extended, order)).expect("a map");
                let layout = map.layout;
                assert_eq!(layout.format().to_string().contains("i16"), sample == Sample::I16);
                assert_eq!(layout.format().order, order);
                assert_eq!(
                    (layout.width(), layout.height(), layout.planes()),
                    (Some(7), Some(5), 3)
                );
                let start = 1024 + u64::from(extended.unsigned_abs());
                assert_eq!(layout.data(), start..start + 210);
                assert_eq!(layout.step().plane, 70);
            }
        }
    }
    let mut other = header([7, 5, 3], 1, 0, ByteOrder::Little);
    other[213] = 0x41;
    assert_eq!(read(&other).expect("a map").layout.format().order, ByteOrder::Little);
}

#[test]
fn statistics_become_undetermined() {
    let values = |order, value: fn([u8; 4]) -> f32| -> Vec<(u64, f32)> {
        let mended = read(&header([1, 1, 1], 1, 0, order)).expect("a map").mended;
        let number = |mend: &Mend| {
            let Mend::Bytes { at, bytes } = mend else {
                panic!("{mend:?}");
            };
            (*at, value(bytes[..].try_into().expect("four")))
        };
        mended.mends.iter().map(number).collect()
    };
    let want = [(76, 0.0), (80, -1.0), (84, -2.0), (216, -1.0)];
    assert_eq!(values(ByteOrder::Little, f32::from_le_bytes), want);
    assert_eq!(values(ByteOrder::Big, f32::from_be_bytes), want);
}

#[test]
fn headers_that_lie() {
    let little = ByteOrder::Little;
    let good = header([7, 5, 3], 1, 0, little);
    for length in [0, 1, 214, 1023] {
        refused(&good[..length], "ends within its header of 1024 bytes");
    }
    for (mode, says) in [
        (0, "8 bits"),
        (2, "floating-point"),
        (3, "complex"),
        (4, "complex"),
        (12, "16 bits"),
        (101, "4 bits"),
        (5, "not known"),
        (-1, "mode is -1"),
    ] {
        refused(&header([7, 5, 3], mode, 0, little), says);
    }
    for sides in [[0, 5, 3], [7, 0, 3], [7, 5, 0]] {
        refused(&header(sides, 1, 0, little), "is no size");
    }
    refused(&header([-7, 5, 3], 1, 0, little), "it has -7 columns");
    refused(&header([7, i32::MIN, 3], 1, 0, little), "rows");
    refused(&header([7, 5, -1], 1, 0, little), "it has -1 sections");
    refused(&header([7, 5, 3], 1, -4, little), "-4 bytes of extended header");
    refused(&header([i32::MAX; 3], 6, i32::MAX, little), "more than a file can hold");
    // The stamp of the other byte order, and none.
    let mut swapped = good.clone();
    swapped[212..214].copy_from_slice(&[0x11, 0x11]);
    refused(&swapped, "its mode is 16777216");
    for stamp in [[0, 0], [0x44, 0x11], [0x11, 0x44], [0x11, 0x41], [0x41, 0x44]] {
        let mut head = good.clone();
        head[212..214].copy_from_slice(&stamp);
        refused(&head, "machine stamp");
    }
}
