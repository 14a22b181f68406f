//! The kernel against a slow and obvious one.

use super::*;
use crate::pixel::Channels;

/// The slow and obvious way: one sample at a time, in wide arithmetic.
fn reference(op: Op, format: PixelFormat, bytes: &mut [u8]) -> u64 {
    let mut clipped = 0;
    for (index, sample) in bytes.chunks_exact_mut(2).enumerate() {
        if !op.channels.contains(index % format.channels.count()) {
            continue;
        }
        let pair = [sample[0], sample[1]];
        let old = match (format.sample, format.order) {
            (Sample::U16, ByteOrder::Little) => i64::from(u16::from_le_bytes(pair)),
            (Sample::U16, ByteOrder::Big) => i64::from(u16::from_be_bytes(pair)),
            (Sample::I16, ByteOrder::Little) => i64::from(i16::from_le_bytes(pair)),
            (Sample::I16, ByteOrder::Big) => i64::from(i16::from_be_bytes(pair)),
        };
        let (low, high) = match format.sample {
            Sample::U16 => (0, 65_535),
            Sample::I16 => (-32_768, 32_767),
        };
        let mut new = old + i64::from(op.amount);
        if new < low || new > high {
            clipped += 1;
            new = if new < low { low } else { high };
        }
        let low_16_bits = (new & 0xffff) as u16;
        sample.copy_from_slice(&match format.order {
            ByteOrder::Little => low_16_bits.to_le_bytes(),
            ByteOrder::Big => low_16_bits.to_be_bytes(),
        });
    }
    clipped
}

const AMOUNTS: [i32; 18] = [
    0, 1, -1, 10, -10, 255, -256, 2000, -3277, 32_766, 32_767, 32_768, -32_767, -32_768, -32_769, 65_534, 65_535,
    -65_535,
];

fn formats() -> impl Iterator<Item = PixelFormat> {
    Channels::ALL.into_iter().flat_map(|channels| {
        [Sample::U16, Sample::I16].into_iter().flat_map(move |sample| {
            [ByteOrder::Little, ByteOrder::Big].map(|order| PixelFormat {
                channels,
                sample,
                order,
            })
        })
    })
}

fn compare(op: Op, format: PixelFormat, before: &[u8]) {
    let mut want = before.to_vec();
    let want_clipped = reference(op, format, &mut want);
    let mut got = before.to_vec();
    let got_clipped = op.kernel(format).apply(&mut got);
    assert!(got == want, "{op} {format} over {} bytes", before.len());
    assert_eq!(got_clipped, want_clipped, "{op} {format} over {} bytes", before.len());
}

#[test]
fn every_value_under_every_amount() {
    // Three copies of all values, so that each value meets every channel of one to four.
    let all_values: Vec<u8> = (0..3 * 65_536u32 + 24)
        .flat_map(|v| ((v % 65_536) as u16).to_le_bytes())
        .collect();
    for format in formats() {
        let whole = all_values.len() / 24 * 24;
        for amount in AMOUNTS {
            let channels = format.channels.color();
            compare(Op { amount, channels }, format, &all_values[..whole]);
        }
        let channels = ChannelSet::parse("all", format.channels).expect("all");
        compare(
            Op {
                amount: -2000,
                channels,
            },
            format,
            &all_values[..whole],
        );
    }
}

#[test]
fn every_length_at_every_alignment() {
    // A period of 251 bytes, so that swapped blocks cannot cancel.
    let pattern: Vec<u8> = (0..2000u32).map(|i| (i % 251) as u8).collect();
    for format in formats() {
        let op = Op {
            amount: 9999,
            channels: format.channels.color(),
        };
        let kernel = op.kernel(format);
        let pixel = format.pixel_bytes() as usize;
        for start in 0..17 {
            for pixels in (0..=2 * BLOCK_BYTES / pixel + 1).chain([200]) {
                let mut want = pattern.clone();
                let mut got = pattern.clone();
                let window = start..start + pixels * pixel;
                let want_clipped = reference(op, format, &mut want[window.clone()]);
                assert_eq!(kernel.apply(&mut got[window]), want_clipped);
                assert!(got == want, "{format} from {start}, {pixels} pixels");
            }
        }
    }
}

#[test]
fn clipped_samples_are_counted_past_the_lane_counters() {
    let format: PixelFormat = "gray16".parse().expect("a format");
    let op = Op {
        amount: 1,
        channels: format.channels.color(),
    };
    let mut white = vec![0xff; BLOCK_BYTES * 70_000 + 2];
    assert_eq!(op.kernel(format).apply(&mut white), white.len() as u64 / 2);
}

#[test]
fn mycolor_does_what_microsofts_loop_does() {
    // From the sample's description: every channel a short, plus the amount, and no further than 32767.
    let brighten = |channel: i16, amount: i32| (i32::from(channel) + amount).min(32_767) as i16;
    let format = PixelFormat::MYCOLOR;
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 48) as u16 as i16
    };
    let before: Vec<i16> = (0..40_000).map(|_| next()).collect();
    for amount in [10, 20, 2000, 32_767] {
        let want: Vec<u8> = before.iter().flat_map(|&c| brighten(c, amount).to_le_bytes()).collect();
        let mut got: Vec<u8> = before.iter().flat_map(|c| c.to_le_bytes()).collect();
        let op = Op {
            amount,
            channels: format.channels.color(),
        };
        op.kernel(format).apply(&mut got);
        assert!(got == want, "{amount}");
    }
}

#[test]
fn amounts_as_users_write_them() {
    let check = |text: &str, sample, steps| {
        assert_eq!(text.parse::<Amount>().map(|a| a.steps(sample)), Ok(steps), "{text}");
    };
    check("2000", Sample::U16, 2000);
    check("+20", Sample::I16, 20);
    check("-65535", Sample::U16, -65_535);
    check("100%", Sample::U16, 65_535);
    check("-5%", Sample::U16, -3277);
    check("-5%", Sample::I16, -1638);
    check("0.5%", Sample::U16, 328);
    for wrong in [
        "abc",
        "",
        "%",
        "70000",
        "-65536",
        "200%",
        "-100.5%",
        "nan%",
        "inf%",
        "1.5",
        "99999999999999999999",
    ] {
        assert!(wrong.parse::<Amount>().is_err(), "{wrong}");
    }
}
