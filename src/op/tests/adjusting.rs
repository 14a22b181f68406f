//! Adjustments against the formulas, one value at a time.

use super::{clips, new_value};
use crate::op::{Adjust, Curve, MAX_STEPS, Step, Table};
use crate::pixel::Sample;

/// `levels 200,60000`, as the words of a table say it.
fn step(words: &str) -> Step {
    try_step(words).expect(words)
}

fn try_step(words: &str) -> Result<Step, String> {
    let (name, value) = words.split_once(' ').unwrap_or((words, ""));
    match name {
        "levels" => value.parse().map(Step::Levels),
        "gamma" => value.parse().map(Step::Gamma),
        "gain" => value.parse().map(Step::Gain),
        "add" => value.parse().map(Step::Add),
        "clamp" => value.parse().map(Step::Clamp),
        "invert" => Ok(Step::Invert),
        _ => Curve::parse("c.csv", value).map(Step::Curve),
    }
}

fn adjusted(steps: &[&str], sample: Sample) -> Table {
    let adjust = Adjust::new(steps.iter().map(|words| step(words)).collect()).expect("steps");
    adjust.table(sample, None).expect("a table")
}

/// The naive way, by a formula over values.
#[track_caller]
fn check(steps: &[&str], sample: Sample, formula: impl Fn(f64) -> f64) {
    let table = adjusted(steps, sample);
    let (low, high) = sample.range().into_inner();
    for old in sample.range() {
        let exact = formula(f64::from(old));
        let (floor, fraction) = (exact.floor(), exact - exact.floor());
        let is_odd = floor.rem_euclid(2.0) == 1.0;
        let up = fraction > 0.5 || (fraction == 0.5 && is_odd);
        let rounded = if up { floor + 1.0 } else { floor };
        let want = rounded.max(f64::from(low)).min(f64::from(high));
        assert_eq!(f64::from(new_value(&table, old)), want, "{steps:?} {sample:?}: {old}");
        assert_eq!(clips(&table, old), want != rounded, "{steps:?} {sample:?}: {old}");
    }
}

#[test]
fn steps_do_what_their_formulas_say() {
    for sample in [Sample::U16, Sample::U16Flipped] {
        check(&["levels 200,60000"], sample, |v| (v - 200.0) * 65_535.0 / 59_800.0);
        check(&["levels 0,255"], sample, |v| v * 257.0);
        check(&["gamma 2.2"], sample, |v| 65_535.0 * (v / 65_535.0).powf(1.0 / 2.2));
        check(&["gamma 0.5"], sample, |v| 65_535.0 * (v / 65_535.0).powf(2.0));
        check(&["gain 1.5"], sample, |v| v * 1.5);
        check(&["gain -0.5"], sample, |v| v * -0.5);
        check(&["add 0.5"], sample, |v| v + 0.5);
        check(&["add -10%"], sample, |v| v - 0.1 * 65_535.0);
        check(&["invert"], sample, |v| 65_535.0 - v);
        check(&["clamp 100,60000"], sample, |v| v.clamp(100.0, 60_000.0));
        check(&["curve 0,0\n1000,30000\n65535,60000"], sample, |v| {
            if v < 1000.0 {
                v * 30.0
            } else {
                30_000.0 + 30_000.0 * (v - 1000.0) / 64_535.0
            }
        });
    }
    let signed = Sample::I16;
    check(&["levels -100,100"], signed, |v| {
        -32_768.0 + (v + 100.0) * 65_535.0 / 200.0
    });
    check(&["gamma 2"], signed, |v| {
        -32_768.0 + 65_535.0 * ((v + 32_768.0) / 65_535.0).powf(0.5)
    });
    check(&["gain 2.5"], signed, |v| v * 2.5);
    check(&["add 50%"], signed, |v| v + 16_383.5);
    check(&["invert"], signed, |v| -1.0 - v);
    check(&["clamp -5,5"], signed, |v| v.clamp(-5.0, 5.0));
    check(&["curve -10,-10\n10,30"], signed, |v| 10.0 + 2.0 * v.clamp(-10.0, 10.0));
}

#[test]
fn steps_go_in_their_order_with_nothing_rounded_between_them() {
    let sample = Sample::U16;
    check(&["gain 0.1", "gain 10"], sample, |v| v * 0.1 * 10.0);
    check(&["gain 2", "add -1000"], sample, |v| v * 2.0 - 1000.0);
    check(&["add -1000", "gain 2"], sample, |v| (v - 1000.0) * 2.0);
    check(&["add 0.5", "gain 3"], sample, |v| (v + 0.5) * 3.0);
    check(&["gain 4", "invert", "gain 0.25"], sample, |v| {
        (65_535.0 - 4.0 * v) * 0.25
    });
    // What one step takes past an end the next takes back.
    let back = adjusted(&["add 65535", "add -65535"], sample);
    assert!((0..=65_535).all(|v| new_value(&back, v) == v && !clips(&back, v)));
    // But not after a clamp, which itself clips nothing.
    let clamped = adjusted(&["clamp 10,20", "gain 2"], sample);
    assert_eq!(new_value(&clamped, 30_000), 40);
    assert_eq!((clamped.clipping_values(), clamped.merging_values()), (0, 65_536 - 9));
    // Gamma leaves what lies beyond the ends to the end.
    let bent = adjusted(&["levels 200,60000", "gamma 0.8"], sample);
    check(&["levels 200,60000", "gamma 0.8"], sample, |v| {
        let level = (v - 200.0) * 65_535.0 / 59_800.0;
        let within = 65_535.0 * (level / 65_535.0).powf(1.0 / 0.8);
        if (0.0..=65_535.0).contains(&level) {
            within
        } else {
            level
        }
    });
    assert!(clips(&bent, 199) && !clips(&bent, 200) && !clips(&bent, 60_000) && clips(&bent, 60_001));
}

#[test]
fn steps_that_do_nothing_are_the_identity() {
    for sample in Sample::ALL {
        let (low, high) = sample.range().into_inner();
        let curve = format!("curve {low},{low}\n{high},{high}");
        for words in [
            &*format!("levels {low},{high}"),
            "gamma 1",
            "gain 1",
            "add 0",
            "add 0%",
            &*format!("clamp {low},{high}"),
            &*curve,
        ] {
            let table = adjusted(&[words], sample);
            assert!(
                (0..=u16::MAX).all(|bits| table.entries()[usize::from(bits)] == bits),
                "{words}"
            );
            assert_eq!((table.clipping_values(), table.merging_values()), (0, 0), "{words}");
        }
        let twice = adjusted(&["invert", "invert"], sample);
        assert!((0..=u16::MAX).all(|bits| twice.entries()[usize::from(bits)] == bits));
    }
}

#[test]
fn rising_steps_never_fall() {
    for sample in Sample::ALL {
        for steps in [
            ["levels 200,30000", "gamma 0.45", "gain 1.7"],
            ["gain 0.3", "add 5000", "gamma 3"],
            ["curve 0,5\n100,7\n30000,32000", "levels 5,32000", "clamp 3,32000"],
        ] {
            let table = adjusted(&steps, sample);
            let new: Vec<i32> = sample.range().map(|old| new_value(&table, old)).collect();
            assert!(new.is_sorted(), "{steps:?} {sample:?}");
        }
    }
}

#[test]
fn the_hardest_numbers_stay_numbers() {
    let hard = [
        "gain 1000000",
        "gain -1000000",
        "gamma 1e-300",
        "gamma 1e300",
        "gain 0",
        "levels 0,1",
        "gain 1e-300",
    ];
    for first in hard {
        for last in hard {
            let steps = [vec![first; 16], vec![last; 16]].concat();
            for sample in Sample::ALL {
                let table = adjusted(&steps, sample);
                assert!(table.words().len() < 1000, "{}", table.words());
            }
        }
    }
}

#[test]
fn words_in_the_order_given() {
    let steps = [
        "levels 200,60000",
        "gamma 0.8",
        "add -0.5%",
        "gain 1e-9",
        "invert",
        "clamp 5,5",
        "add 3",
    ];
    let mut steps: Vec<Step> = steps.into_iter().map(step).collect();
    steps.push(Step::Curve(Curve::parse("points.csv", "0,0\n9,9\n").expect("a curve")));
    let adjust = Adjust::new(steps).expect("steps");
    let words = "adjust levels 200,60000, gamma 0.8, add -0.5%, gain 1e-9, invert, clamp 5,5, add 3, curve points.csv (2 points)";
    assert_eq!(adjust.table(Sample::U16, None).expect("a table").words(), words);
    let kept = adjust.table(Sample::U16, Some(0)).expect("a table");
    assert_eq!(kept.words(), format!("{words} (nodata 0 kept)"));
    assert_eq!(new_value(&kept, 0), 0);
    let none = adjust.table(Sample::U16, Some(-9999)).expect("a table");
    assert_eq!(none.words(), words, "no sample has that value");
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let check = |words: &str, says: &str| {
        let error = try_step(words).expect_err(words);
        assert!(error.contains(says) && !error.contains('\n'), "{words}: {error}");
    };
    for gamma in ["0", "-0", "-1", "nan", "inf", "", "x", "1,2"] {
        check(
            &format!("gamma {gamma}"),
            &format!("gamma '{gamma}' is no number above 0"),
        );
    }
    for gain in ["nan", "inf", "-inf", "", "x", "1000001", "1e999", "50%"] {
        check(&format!("gain {gain}"), &format!("gain '{gain}' is no number"));
    }
    for shift in ["nan", "inf%", "", "%", "65536", "-65535.1", "100.1%", "x"] {
        check(&format!("add {shift}"), &format!("'{shift}' cannot be added"));
    }
    for two in ["", "5", "5,", "1,2,3", "1.5,2", "a,b", "99999999999,1"] {
        check(&format!("levels {two}"), "are not two whole numbers");
        check(&format!("clamp {two}"), "are not two whole numbers");
    }
    check("levels 5,5", "leave nothing between them");
    check("levels 9,5", "give 5,9, and --invert");
    check("clamp 9,5", "give 5,9");
    let check = |words: &str, sample: Sample, says: &str| {
        let adjust = Adjust::new(vec![Step::Invert, step(words)]).expect("steps");
        assert_eq!(adjust.table(sample, None).expect_err(words), says);
    };
    check(
        "levels 200,70000",
        Sample::U16,
        "levels 200,70000: 70000 is no value of the image's samples, which go from 0 to 65535",
    );
    check(
        "clamp -32769,0",
        Sample::I16,
        "clamp -32769,0: -32769 is no value of the image's samples, which go from -32768 to 32767",
    );
    assert!(Adjust::new(vec![]).is_err());
    assert!(Adjust::new(vec![Step::Invert; MAX_STEPS]).is_ok());
    assert!(Adjust::new(vec![Step::Invert; MAX_STEPS + 1]).is_err());
}
