//! Runs that are started together. Of those that overlap, each is applied whole or refused; those that do not work side
//! by side.

mod common;
mod unfinished;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use common::{Image, Part};
use unfinished::{Random, Rig, run_words, says, start, start_command};

const WIDTH: u64 = 512;
const HEIGHT: u64 = 128;

fn rig() -> Rig {
    let image = Image {
        format: "rgba:u16le",
        data_offset: 11,
        width: WIDTH,
        height: HEIGHT,
    };
    Rig::new(
        common::memory_folder().unwrap_or_else(common::folder),
        image,
        Part::Whole,
        1,
    )
}

fn words(rig: &Rig, part: Part, amount: i64) -> Vec<OsString> {
    let mut words = vec!["brighten".into(), rig.path.clone().into_os_string()];
    words.extend([format!("--by={amount}"), "--threads=2".to_owned()].map(OsString::from));
    words.extend(rig.image.words().into_iter().chain(part.words()).map(OsString::from));
    words
}

/// A window of any kind and place.
fn any_part(random: &mut Random) -> Part {
    let mut some = |most: u64| {
        let first = random.up_to(most);
        (first, 1 + random.up_to(most - first))
    };
    match some(4).0 {
        0 => Part::Whole,
        1 => {
            let (pixel, pixels) = some(WIDTH * HEIGHT);
            Part::Run(8 * pixel, 8 * pixels)
        }
        _ => {
            let ((x, w), (y, h)) = (some(WIDTH), some(HEIGHT));
            Part::Rect(x, y, w, h)
        }
    }
}

/// Pixels of a part, the slow way.
fn overlap(a: Part, b: Part) -> bool {
    let holds = |part: Part, x: u64, y: u64| match part {
        Part::Whole => true,
        Part::Run(offset, length) => (offset..offset + length).contains(&(8 * (y * WIDTH + x))),
        Part::Rect(left, top, w, h) => (left..left + w).contains(&x) && (top..top + h).contains(&y),
    };
    (0..HEIGHT).any(|y| (0..WIDTH).any(|x| holds(a, x, y) && holds(b, x, y)))
}

/// Starts all at once, and checks that the image holds those that ended well, and that the others were refused.
fn together(rig: &Rig, edits: &[(Part, i64)]) -> Vec<Option<i32>> {
    rig.reset();
    let running: Vec<_> = edits
        .iter()
        .map(|&(part, amount)| start(&words(rig, part, amount)))
        .collect();
    let outputs: Vec<_> = running.into_iter().map(|run| run.wait()).collect();
    let mut want = rig.before.clone();
    let pixels = 11..want.len() - 5;
    for ((part, amount), output) in edits.iter().zip(&outputs) {
        match output.status.code() {
            // Small amounts, far from the ends of the samples: their order does not matter.
            Some(0) => {
                rig.image.brighten(0, &mut want[pixels.clone()], *part, *amount);
            }
            Some(3 | 75) => {}
            _ => panic!("{edits:?}: {}", says(output)),
        }
    }
    assert!(fs::read(&rig.path).expect("read") == want, "{edits:?}");
    assert_eq!(rig.names(), std::slice::from_ref(&rig.path), "{edits:?}");
    outputs.iter().map(|output| output.status.code()).collect()
}

/// Random pairs; of those that overlap at least one ends well, and of the others both.
fn pairs(how_many: u32) {
    let (rig, mut random) = (rig(), Random::new());
    let mut ends = BTreeMap::new();
    for _ in 0..how_many {
        let (a, b) = (any_part(&mut random), any_part(&mut random));
        let codes = together(&rig, &[(a, 100), (b, 33)]);
        let overlap = overlap(a, b);
        let applied = codes.iter().filter(|code| **code == Some(0)).count();
        assert!(applied == 2 || overlap && applied == 1, "{a:?} {b:?} {codes:?}");
        *ends.entry((overlap, applied)).or_insert(0) += 1;
    }
    eprintln!("(overlap, applied): {ends:?}");
}

#[test]
fn a_few_pairs() {
    pairs(40);
}

#[test]
fn a_thousand_pairs() {
    if common::long() {
        pairs(1500);
    }
}

#[test]
fn windows_that_share_pages_but_no_pixel() {
    let rig = rig();
    // Columns of a few pixels: every page holds pixels of all four.
    let columns = |n: u64| {
        (
            Part::Rect(128 * n + n, 0, 120, HEIGHT),
            10 + i64::try_from(n).expect("small"),
        )
    };
    // Runs that end and begin within a page, at odd file positions.
    let runs = |n: u64| (Part::Run(80_008 * n, 80_008), 20 + i64::try_from(n).expect("small"));
    // The left half and the right half of each row, and one pixel between two rows.
    let halves = [
        (Part::Rect(0, 0, 255, HEIGHT), 7),
        (Part::Rect(256, 1, 256, HEIGHT - 1), 8),
        (Part::Rect(255, 64, 1, 1), 9),
    ];
    for _ in 0..if common::long() { 100 } else { 4 } {
        for edits in [
            (0..3).map(columns).collect::<Vec<_>>(),
            (0..4).map(runs).collect(),
            halves.into(),
        ] {
            let codes = together(&rig, &edits);
            assert!(codes.iter().all(|code| *code == Some(0)), "{codes:?}");
        }
    }
}

/// An unfinished job keeps its window, and only its window, to itself.
#[test]
fn an_unfinished_job_is_in_the_way_of_its_window_only() {
    let mut rig = rig();
    rig.part = Part::Rect(10, 10, 400, 100);
    rig.cut_short();
    for (part, code) in [
        (Part::Whole, 3),
        (Part::Rect(10, 10, 400, 100), 3),
        (Part::Rect(409, 109, 1, 1), 3),
        (Part::Rect(410, 0, 1, HEIGHT), 0),
        (Part::Rect(0, 110, WIDTH, 1), 0),
        (Part::Run(0, 8 * WIDTH * 10 + 80), 0),
        (Part::Run(0, 8 * WIDTH * 10 + 88), 3),
    ] {
        let output = run_words(&words(&rig, part, 1));
        assert_eq!(output.status.code(), Some(code), "{part:?}: {}", says(&output));
        if code == 3 {
            assert!(says(&output).contains("resume"), "{}", says(&output));
        }
    }
}

/// The first is held up between looking for others and saying that it is there, and after that before it edits; the
/// second must wait for it, and then sees it.
#[test]
fn a_run_waits_for_one_that_is_just_beginning() {
    if !common::strace_works() {
        return;
    }
    let rig = rig();
    let trace = common::folder();
    let trace = trace.path().join("trace");
    let mut slow = Command::new("strace");
    slow.args(["-f", "-qq", "-e", "inject=linkat,fdatasync:delay_enter=1000000", "-o"])
        .arg(&trace)
        .arg(common::PROGRAM);
    let mut slow = start_command(slow.args(words(&rig, Part::Rect(0, 0, 300, 100), 100)));
    // Looked, and about to say so.
    while !fs::read_to_string(&trace).is_ok_and(|trace| trace.contains("O_TMPFILE")) {
        if slow.has_ended() {
            eprintln!("skipped: no strace here, or no right to trace: {}", says(&slow.wait()));
            return;
        }
    }
    let output = run_words(&words(&rig, Part::Rect(250, 50, 100, 50), 33));
    assert!(matches!(output.status.code(), Some(3 | 75)), "{}", says(&output));
    let output = slow.wait();
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
}
