//! Random `kill -9` of edits and of resumes: whatever was killed and when, the image comes out exact.
//!
//! Most kills are worth nothing, because they hit the program before or after its edit. So they are aimed at the time
//! between the journal's coming and the run's end, and those that left a slot in use are counted.

mod common;
mod unfinished;

use std::time::Duration;

use common::{Image, Part};
use unfinished::{Holds, Random, Rig, clipped, run_words, says, slot_states, start};

/// What was reached.
#[derive(Debug, Default)]
struct Count {
    jobs: u32,
    kills: u32,
    of_resumes: u32,
    live_slots: u32,
}

fn rigs() -> Vec<Rig> {
    let cases = [
        ("rgba:u16le", 0, Part::Whole, 9000),
        ("rgb:u16be", 7, Part::Rect(101, 3, 1500, 590), -20_000),
        ("rgba:i16le", 3, Part::Run(8 * 1001, 8 * 1_000_003), 5000),
        ("gray:u16be", 1, Part::Rect(5, 100, 2001, 900), 31_000),
    ];
    let rig = |(format, data_offset, part, amount)| {
        let (width, height) = (2047, 1024);
        let image = Image {
            format,
            data_offset,
            width,
            height,
        };
        let folder = common::memory_folder().unwrap_or_else(common::folder);
        Rig::new(folder, image, part, amount)
    };
    let mut rigs: Vec<Rig> = cases.map(rig).into();
    // Many blocks, and a table.
    rigs.push(Rig::of_planes(common::memory_folder().unwrap_or_else(common::folder)));
    rigs.push(Rig::of_tiles(common::memory_folder().unwrap_or_else(common::folder)));
    // A header that is mended at the end.
    rigs.push(Rig::of_map(common::memory_folder().unwrap_or_else(common::folder), 128));
    rigs.push(Rig::of_sums(
        common::memory_folder().unwrap_or_else(common::folder),
        128,
    ));
    rigs
}

/// One job from its beginning to its end, killed up to `most` times on the way.
fn storm(rig: &Rig, random: &mut Random, most: u64, longest: &mut Duration, count: &mut Count) {
    rig.reset();
    count.jobs += 1;
    let threads = ["--threads=1", "--threads=2", "--threads=4", "--threads=7"];
    let mut is_resume = false;
    for _ in 0..1 + random.up_to(most) {
        let mut words = if is_resume {
            rig.words("resume")
        } else {
            rig.edit_words()
        };
        words.push(threads[usize::try_from(random.up_to(4)).expect("small")].into());
        words.push("--memory=4MiB".into());
        let ended = start(&words).kill_in_the_edit(rig, random.below(*longest));
        let journals = rig.journals();
        if ended {
            // Too late. Aim at a shorter time.
            *longest = (*longest * 15 / 16).max(Duration::from_micros(200));
            rig.assert_done("a run that was not killed");
            return;
        }
        *longest += *longest / 64;
        count.kills += 1;
        count.of_resumes += u32::from(is_resume);
        if let [journal] = &journals[..] {
            count.live_slots += u32::from(!slot_states(journal).is_empty());
            is_resume = true;
        } else if rig.holds() == Holds::After {
            // What it had no time to remove goes with the next command.
            let output = run_words(&rig.words("resume"));
            assert_eq!(output.status.code(), Some(0), "{}", says(&output));
            rig.assert_done("killed just before its end");
            return;
        } else {
            assert_eq!((rig.holds(), is_resume), (Holds::Before, false), "killed at its start");
        }
    }
    let mut words = if is_resume {
        rig.words("resume")
    } else {
        rig.edit_words()
    };
    words.push("--json".into());
    let output = run_words(&words);
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
    rig.assert_done("the last run");
    if let Some(clipped) = clipped(&output) {
        assert_eq!(clipped, rig.clipped, "clipped samples");
    }
}

/// Kills until there were `kills` of them and `live_slots` that left a slot in use.
fn storms(kills: u32, live_slots: u32) {
    let (mut random, mut count) = (Random::new(), Count::default());
    for rig in rigs().iter().cycle() {
        let mut longest = Duration::from_millis(3);
        for _ in 0..10 {
            storm(rig, &mut random, 6, &mut longest, &mut count);
        }
        if count.kills >= kills && count.live_slots >= live_slots {
            break;
        }
        assert!(count.jobs < 20 * kills.max(50), "aimed badly: {count:?}");
    }
    eprintln!("{count:?}");
}

#[test]
fn a_few_kills() {
    storms(100, 20);
}

#[test]
fn thousands_of_kills() {
    if common::long() {
        storms(10_000, 2_000);
    }
}
