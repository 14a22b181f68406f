//! The library's front door: an image, an edit in words, what is refused, and what is finished later.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Snapshot, folder};
use pagelight::Image;
use pagelight::counts::Counts;
use pagelight::engine::Settings;
use pagelight::error::Error;
use pagelight::op::{Adjust, Op, Step};
use pagelight::run::Ended;
use tempfile::TempDir;

/// A PPM of 64 x 40 pixels.
struct House {
    folder: TempDir,
    path: PathBuf,
    before: Vec<u8>,
}

const HEADER: &[u8] = b"P6 64 40 65535\n";

impl House {
    fn new() -> House {
        let folder = folder();
        let path = folder.path().join("scan.ppm");
        let before = [HEADER, &common::pattern(0..64 * 40 * 6)].concat();
        fs::write(&path, &before).expect("written");
        House { folder, path, before }
    }

    /// That the samples of some pixels and channels are what `new` makes of them, and nothing else is changed.
    #[track_caller]
    fn assert_edited(&self, is_edited: impl Fn(usize, usize, usize) -> bool, new: impl Fn(u16) -> u16) {
        let after = fs::read(&self.path).expect("read");
        let mut want = self.before.clone();
        for (at, sample) in want[HEADER.len()..].chunks_exact_mut(2).enumerate() {
            let (pixel, channel) = (at / 3, at % 3);
            if is_edited(pixel % 64, pixel / 64, channel) {
                let old = u16::from_be_bytes([sample[0], sample[1]]);
                sample.copy_from_slice(&new(old).to_be_bytes());
            }
        }
        assert!(after == want);
    }
}

fn brighten(amount: i32) -> Op {
    Op::Brighten { amount }
}

#[test]
fn an_edit_in_words() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let done = AtomicU64::new(0);
    let edit = image.edit(brighten(500)).rect(3, 5, 20, 7).channels("r,3").id("once");
    let ended = edit
        .on_progress(|bytes| {
            done.store(bytes, Ordering::Relaxed);
            ControlFlow::Continue(())
        })
        .run();
    assert!(matches!(ended, Ok(Ended::Done { .. })), "{ended:?}");
    assert_eq!(done.into_inner(), 20 * 7 * 6);
    let is_edited = |x, y, channel| (3..23).contains(&x) && (5..12).contains(&y) && channel != 1;
    house.assert_edited(is_edited, |v| v.saturating_add(500));
    let again = image
        .edit(brighten(500))
        .rect(3, 5, 20, 7)
        .channels("r,3")
        .id("once")
        .run();
    assert!(matches!(again, Ok(Ended::AlreadyDone)), "{again:?}");
    house.assert_edited(is_edited, |v| v.saturating_add(500));
}

#[test]
fn steps_and_samples_that_stand_for_no_data() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let kept = u16::from_be_bytes([house.before[HEADER.len()], house.before[HEADER.len() + 1]]);
    let steps = Adjust::new(vec![Step::Invert]).expect("a step");
    let ended = image.edit(steps).nodata(Some(i32::from(kept))).without_sync().run();
    let Ok(Ended::Done { counts, .. }) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(counts.clipped, 0);
    house.assert_edited(|_, _, _| true, |v| if v == kept { v } else { 65_535 - v });
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_touched() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let before = Snapshot::of(house.folder.path());
    let edit = || image.edit(brighten(1));
    for edit in [
        edit().rect(0, 0, 65, 1),
        edit().rect(0, 0, 0, 1),
        edit().channels("nir"),
        edit().planes(0..2),
        edit().planes(1..1),
        edit().rect(60, 0, 9, 9).rect(0, 0, 1, 1),
    ] {
        let refused = edit.run();
        assert!(matches!(refused, Err(Error::Request(_))), "{refused:?}");
    }
    assert!(matches!(
        Image::open(house.folder.path().join("none")),
        Err(Error::NotFound { .. })
    ));
    before.assert_unchanged(house.folder.path());
}

#[test]
fn a_paused_edit_is_finished_later() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let settings = Settings {
        threads: 1,
        memory_bytes: 1 << 22,
    };
    let edit = image.edit(brighten(30_000)).settings(settings);
    let paused = edit.on_progress(|done| match done {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    assert!(matches!(paused.run(), Err(Error::Interrupted(_))));
    let in_the_way = image.edit(brighten(1)).run();
    assert!(matches!(in_the_way, Err(Error::Unfinished(_))), "{in_the_way:?}");
    let [pending] = <[_; 1]>::try_from(image.pending().expect("looked")).expect("one");
    let ended = image.resume(pending).expect("resumed");
    let samples = house.before[HEADER.len()..].chunks_exact(2);
    let clipped = samples.filter(|v| u16::from_be_bytes([v[0], v[1]]) > 35_535).count() as u64;
    let counts = Counts { clipped, merged: 0 };
    assert!(
        matches!(ended, Ended::Done { counts: found, .. } if found == counts),
        "{ended:?}"
    );
    house.assert_edited(|_, _, _| true, |v| v.saturating_add(30_000));
}
