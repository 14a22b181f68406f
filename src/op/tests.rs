//! Ops, tables and adjustments against slow and obvious ones.

use super::*;

mod adjusting;
mod curves;

fn table(sample: Sample, new: impl Fn(i32) -> f64, nodata: Option<i32>) -> Table {
    Table::from_values("test".to_owned(), sample, new, nodata)
}

/// The new value of an old one.
fn new_value(table: &Table, old: i32) -> i32 {
    let sample = table.sample();
    sample.value(table.entries()[usize::from(sample.bits(old).expect("a value"))])
}

fn clips(table: &Table, old: i32) -> bool {
    table.is_clipping(table.sample().bits(old).expect("a value"))
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

#[test]
fn a_table_rounds_half_to_even_and_stops_at_the_ends() {
    for sample in Sample::ALL {
        let (low, high) = sample.range().into_inner();
        for (number, want, is_clipped) in [
            (0.5, 0, false),
            (1.5, 2, false),
            (2.5, 2, false),
            (2.500_000_1, 3, false),
            (f64::from(high) + 0.499, high, false),
            (f64::from(high) + 0.5, high, true),
            (f64::from(low) - 0.5, low, low % 2 != 0),
            (f64::from(low) - 0.501, low, true),
            (1e300, high, true),
            (f64::NEG_INFINITY, low, true),
        ] {
            let table = table(sample, |_| number, None);
            assert_eq!(new_value(&table, 7), want, "{number} {sample:?}");
            assert_eq!(clips(&table, 7), is_clipped, "{number} {sample:?}");
            assert_eq!(table.clipping_values(), if is_clipped { 65_536 } else { 0 });
            assert_eq!(table.merging_values(), 65_536);
        }
    }
}

#[test]
fn a_table_is_by_bits_and_its_function_by_values() {
    for sample in Sample::ALL {
        let old_values = std::cell::RefCell::new(Vec::new());
        let plus_one = table(
            sample,
            |value| {
                old_values.borrow_mut().push(value);
                f64::from(value) + 1.0
            },
            None,
        );
        let mut old_values = old_values.into_inner();
        old_values.sort_unstable();
        assert!(old_values.iter().copied().eq(sample.range()), "every value once");
        let high = *sample.range().end();
        for bits in 0..=u16::MAX {
            let old = sample.value(bits);
            let new = sample.value(plus_one.entries()[usize::from(bits)]);
            assert_eq!(new, (old + 1).min(high));
            assert_eq!(plus_one.is_clipping(bits), old == high);
            assert_eq!(plus_one.is_merging(bits), old >= high - 1);
        }
    }
}

#[test]
fn merging_is_as_the_slow_way_finds_it() {
    let functions: [&dyn Fn(i32) -> f64; 4] = [
        &|value| f64::from(value) * 0.7,
        &|value| f64::from(value) * 1.3,
        &|value| f64::from((value * 7919).rem_euclid(98_304)),
        &|_| 5.0,
    ];
    for function in functions {
        let table = table(Sample::I16, function, Some(-9));
        let mut olds = vec![0u32; VALUES];
        for &new in table.entries() {
            olds[usize::from(new)] += 1;
        }
        let mut merging = 0;
        for bits in 0..=u16::MAX {
            let is_shared = olds[usize::from(table.entries()[usize::from(bits)])] > 1;
            assert_eq!(table.is_merging(bits), is_shared, "{bits}");
            merging += u32::from(is_shared);
        }
        assert_eq!(table.merging_values(), merging);
    }
}

#[test]
fn nodata_is_kept_and_what_lands_on_it_merges() {
    let check = |amount, sample, nodata, landing: &[i32]| {
        let op = Op::brighten_keeping(amount, sample, nodata);
        let Op::Table(table) = &op else {
            panic!("{op} is no table");
        };
        assert_eq!(op.to_string(), format!("brighten {amount:+} (nodata {nodata} kept)"));
        assert_eq!(table.landing(nodata), landing, "{op}");
        let bits = sample.bits(nodata).expect("a value");
        assert!(!table.is_clipping(bits));
        assert_eq!(table.is_merging(bits), !landing.is_empty());
        let (low, high) = sample.range().into_inner();
        for old in sample.range() {
            let brightened = (old + amount).clamp(low, high);
            assert_eq!(new_value(table, old), if old == nodata { nodata } else { brightened });
        }
        for old in landing {
            assert!(table.is_merging(sample.bits(*old).expect("a value")));
        }
    };
    check(200, Sample::U16, 0, &[]);
    check(-2, Sample::U16, 0, &[1, 2]);
    check(200, Sample::I16, -9999, &[-10_199]);
    check(200, Sample::U16Flipped, 65_535, &(65_335..65_535).collect::<Vec<_>>());
    check(0, Sample::U16, 17, &[]);
    let none = Op::brighten_keeping(200, Sample::U16, -9999);
    assert_eq!(none, Op::Brighten { amount: 200 }, "no sample has that value");
    assert_eq!(table(Sample::U16, f64::from, None).landing(-9999), [0; 0]);
}

#[test]
#[should_panic(expected = "is no number")]
fn nan_is_no_value() {
    table(Sample::U16, |_| f64::NAN, None);
}

fn some_ops() -> Vec<Op> {
    let steps = vec![
        Step::Levels("200,60000".parse().expect("levels")),
        Step::Gamma("0.8".parse().expect("a gamma")),
    ];
    let adjust = Adjust::new(steps).expect("two steps");
    vec![
        Op::Brighten { amount: 0 },
        Op::Brighten { amount: MAX_AMOUNT },
        Op::Brighten { amount: -2000 },
        Op::brighten_keeping(200, Sample::I16, 0),
        Op::Table(Arc::new(adjust.table(Sample::U16, None).expect("a table"))),
        Op::Table(Arc::new(adjust.table(Sample::U16Flipped, Some(7)).expect("a table"))),
        Op::function("gray, version 1", |_| ()),
        Op::Function(PixelFunction::new(&"x".repeat(64), |_| ()).keeping(Some(-1))),
    ]
}

#[test]
fn bytes_read_back() {
    for op in some_ops() {
        let bytes = op.to_bytes();
        assert_eq!(Op::from_bytes(&bytes), Some(op.clone()), "{op}");
        for length in [0, 1, 2, bytes.len() - 1].map(|length| length.min(bytes.len() - 1)) {
            assert_ne!(
                Op::from_bytes(&bytes[..length]),
                Some(op.clone()),
                "{op} cut to {length}"
            );
        }
        assert_ne!(
            Op::from_bytes(&[bytes.as_slice(), b"x"].concat()),
            Some(op.clone()),
            "{op}"
        );
    }
}

#[test]
fn bytes_are_as_written_down() {
    assert_eq!(Op::Brighten { amount: -2 }.to_bytes(), [1, 0xfe, 0xff, 0xff, 0xff]);
    let plus_one = table(Sample::U16Flipped, |value| f64::from(value) + 1.0, None);
    let bytes = Op::Table(Arc::new(plus_one)).to_bytes();
    assert_eq!(bytes.len(), 2 + 131_072 + 8192 + 4);
    // The largest value has the bits 0x7fff, stays and clips; the smallest has 0x8000 and becomes 0x8001.
    assert_eq!(bytes[..4], [2, 2, 1, 0]);
    assert_eq!(bytes[2 + 2 * 0x7fff..][..4], [0xff, 0x7f, 0x01, 0x80]);
    assert_eq!(bytes[2 + 131_072 + 0x7fff / 8], 0x80);
    assert_eq!(
        bytes[2 + 131_072..][..8192]
            .iter()
            .map(|byte| byte.count_ones())
            .sum::<u32>(),
        1
    );
    assert_eq!(&bytes[2 + 131_072 + 8192..], b"test");
}

#[test]
fn every_flipped_bit_is_refused_or_another_op() {
    for op in some_ops() {
        let bytes = op.to_bytes();
        // Of a table the bytes at the edges of its parts, and some between them.
        let is_edge = |at: &usize| *at < 8 || (131_070..131_080).contains(at) || at + 40 > bytes.len();
        for at in (0..bytes.len()).filter(|at| is_edge(at) || at.is_multiple_of(4999)) {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                assert_ne!(
                    Op::from_bytes(&other),
                    Some(op.clone()),
                    "bit {bit} of byte {at} of {op}"
                );
            }
        }
    }
}

#[test]
fn bytes_of_no_op_are_refused() {
    let brighten = |amount: i32| [&[1], amount.to_le_bytes().as_slice()].concat();
    for amount in [65_536, -65_536, i32::MIN, i32::MAX] {
        assert_eq!(Op::from_bytes(&brighten(amount)), None, "{amount}");
    }
    let good = Op::brighten_keeping(200, Sample::U16, 0).to_bytes();
    let head = good.len() - "brighten +200 (nodata 0 kept)".len();
    let with_words = |words: &[u8]| Op::from_bytes(&[&good[..head], words].concat());
    assert!(with_words(b"x").is_some());
    assert!(with_words(&[b'x'; 8192]).is_some());
    assert!(with_words(&[b'x'; 8193]).is_none());
    for words in [b"".as_slice(), b"\xff", b"two\nlines", b"\x1b[2J"] {
        assert!(with_words(words).is_none(), "{words:?}");
    }
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Op::from_bytes(&bytes)
    };
    assert_eq!(changed(0, 0), None);
    assert_eq!(changed(0, 3), None);
    assert_eq!(changed(1, 3), None);
    let function = |head: &[u8], name: &[u8]| Op::from_bytes(&[head, name].concat());
    assert!(function(&[3, 0, 0, 0, 0, 0], b"x").is_some_and(|op| op == Op::function("x", |_| ())));
    for head in [[3, 0, 1, 0, 0, 0], [3, 2, 1, 0, 0, 0]] {
        assert_eq!(function(&head, b"x"), None);
    }
    for name in [b"".as_slice(), b"\xff", b"a\nb", &[b'x'; 65]] {
        assert_eq!(function(&[3, 1, 0, 0, 0, 0], name), None);
    }
    // A value that is said to clip, and does not end at an end.
    assert_eq!(changed(2 + 131_072 + 100, 1), None);
}

#[test]
fn a_table_is_not_printed_entry_by_entry() {
    let printed = format!("{:?}", Op::brighten_keeping(200, Sample::U16, 0));
    assert!(printed.len() < 100, "{printed}");
}
