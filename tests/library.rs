//! The library's front door: an image, an edit in words, what is refused, and what is finished later.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Snapshot, folder};
use pagelight::counts::Counts;
use pagelight::engine::Settings;
use pagelight::error::{Error, ErrorKind, UnfinishedJob};
use pagelight::op::{Adjust, Op, PixelFunction, Step};
use pagelight::run::Outcome;
use pagelight::{Image, Overrides};
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
    assert!(matches!(ended, Ok(Outcome::Done { .. })), "{ended:?}");
    assert_eq!(done.into_inner(), 20 * 7 * 6);
    let is_edited = |x, y, channel| (3..23).contains(&x) && (5..12).contains(&y) && channel != 1;
    house.assert_edited(is_edited, |v| v.saturating_add(500));
    let again = image
        .edit(brighten(500))
        .rect(3, 5, 20, 7)
        .channels("r,3")
        .id("once")
        .run();
    assert!(matches!(again, Ok(Outcome::AlreadyDone)), "{again:?}");
    house.assert_edited(is_edited, |v| v.saturating_add(500));
}

#[test]
fn steps_and_samples_that_stand_for_no_data() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let kept = u16::from_be_bytes([house.before[HEADER.len()], house.before[HEADER.len() + 1]]);
    let steps = Adjust::new(vec![Step::Invert]).expect("a step");
    let ended = image.edit(steps).nodata(Some(i32::from(kept))).without_sync().run();
    let Ok(Outcome::Done { counts, .. }) = ended else {
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
        assert!(matches!(refused, Err(Error::Request { .. })), "{refused:?}");
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
    assert!(matches!(paused.run(), Err(Error::Interrupted { .. })));
    let in_the_way = image.edit(brighten(1)).run();
    assert!(matches!(in_the_way, Err(Error::Unfinished { .. })), "{in_the_way:?}");
    let [pending] = <[_; 1]>::try_from(image.pending().expect("looked")).expect("one");
    let ended = image.resume(pending).expect("resumed");
    let samples = house.before[HEADER.len()..].chunks_exact(2);
    let clipped = samples.filter(|v| u16::from_be_bytes([v[0], v[1]]) > 35_535).count() as u64;
    let counts = Counts { clipped, merged: 0 };
    assert!(
        matches!(ended, Outcome::Done { counts: found, .. } if found == counts),
        "{ended:?}"
    );
    house.assert_edited(|_, _, _| true, |v| v.saturating_add(30_000));
}

#[test]
fn who_is_busy_and_with_which_bytes() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let told = Mutex::new(None);
    let ended = image.edit(brighten(1)).rect(0, 3, 64, 20).on_progress(|done| {
        let mut told = told.lock().expect("nobody panicked");
        if done > 0 && told.is_none() {
            let second = Image::open(&house.path).expect("opened");
            let overlapping = second.edit(brighten(1)).rect(60, 20, 4, 20).run();
            second.edit(brighten(1)).rect(0, 30, 64, 10).run().expect("apart");
            *told = Some(overlapping);
        }
        ControlFlow::Continue(())
    });
    ended.run().expect("the first comes to its end");
    let busy = told
        .into_inner()
        .expect("nobody panicked")
        .expect("tried")
        .expect_err("busy");
    let text = busy.to_string();
    assert_eq!(
        (busy.kind(), busy.path()),
        (ErrorKind::Busy, Some(&*house.path)),
        "{text}"
    );
    assert_eq!(busy.unfinished_job(), None);
    let Error::Busy { process, window, .. } = busy else {
        panic!("{text}");
    };
    assert_eq!(process, Some(std::process::id()));
    let row = |number: u64| HEADER.len() as u64 + number * 64 * 6;
    assert_eq!(window, Some(row(3)..row(23)));
}

/// A paused edit of the upper rows, with its journal there, and the errors of that and of another one in its way.
fn cut_short(house: &House, journal_folder: Option<&Path>) -> [Error; 2] {
    let image = Image::open(&house.path).expect("opened");
    let settings = Settings {
        threads: 1,
        memory_bytes: 1 << 22,
    };
    let mut edit = image.edit(brighten(7)).rect(0, 0, 64, 20).settings(settings);
    if let Some(folder) = journal_folder {
        edit = edit.journal_folder(folder);
    }
    let paused = edit.on_progress(|done| match done {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    let paused = paused.run().expect_err("paused");
    let in_the_way = image.edit(brighten(1)).rect(0, 19, 1, 1).run().expect_err("in the way");
    assert_eq!(paused.kind(), ErrorKind::Interrupted);
    assert_eq!(in_the_way.kind(), ErrorKind::Unfinished);
    [paused, in_the_way]
}

#[test]
fn an_unfinished_job_is_resumed_from_the_error_that_tells_of_it() {
    for (with_folder, which) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        let house = House::new();
        let journals = folder();
        let errors = cut_short(&house, with_folder.then_some(journals.path()));
        for error in &errors {
            let text = error.to_string();
            assert!(text.contains("resume") && !text.contains("pagelight resume"), "{text}");
        }
        let job = errors[which].unfinished_job().expect("the job");
        assert!(job.image == house.path && job.journal.is_file(), "{job:?}");
        let image = Image::open(&house.path).expect("opened");
        let ended = image.resume_from(job).expect("resumed");
        assert!(matches!(ended, Outcome::Done { .. }), "{ended:?}");
        house.assert_edited(|_, y, _| y < 20, |v| v.saturating_add(7));
        let again = image.resume_from(job);
        assert!(matches!(again, Err(Error::Request { .. })), "{again:?}");
        house.assert_edited(|_, y, _| y < 20, |v| v.saturating_add(7));
    }
}

#[test]
fn the_job_of_another_image_is_not_resumed() {
    let (house, other) = (House::new(), House::new());
    let [_, in_the_way] = cut_short(&house, None);
    let [_, theirs] = cut_short(&other, None);
    let before = [Snapshot::of(house.folder.path()), Snapshot::of(other.folder.path())];
    let image = Image::open(&house.path).expect("opened");
    let refused = |job: &UnfinishedJob| {
        let refused = image.resume_from(job).expect_err("another one's");
        assert_eq!(refused.kind(), ErrorKind::Request, "{refused}");
    };
    refused(theirs.unfinished_job().expect("a job"));
    let mut nowhere = in_the_way.unfinished_job().expect("a job").clone();
    nowhere.journal.set_extension("gone");
    refused(&nowhere);
    before[0].assert_unchanged(house.folder.path());
    before[1].assert_unchanged(other.folder.path());
}

/// Red and blue change places, and green moves down.
fn wild(pixel: &mut [i32]) {
    pixel.swap(0, 2);
    pixel[1] -= 9000;
}

#[test]
fn a_function_over_whole_pixels() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let edit = || image.edit(Op::function("wild, version 1", wild)).rect(3, 5, 21, 7);
    let outcome = edit().channels("red,green").id("once").run();
    let mut want = house.before.clone();
    let mut clipped = 0;
    for (x, y) in (5..12).flat_map(|y| (3..24).map(move |x| (x, y))) {
        let at = HEADER.len() + (y * 64 + x) * 6;
        let old =
            |channel: usize| u16::from_be_bytes([house.before[at + 2 * channel], house.before[at + 2 * channel + 1]]);
        clipped += u64::from(old(1) < 9000);
        want[at..at + 2].copy_from_slice(&old(2).to_be_bytes());
        want[at + 2..at + 4].copy_from_slice(&old(1).saturating_sub(9000).to_be_bytes());
    }
    assert!(clipped > 0);
    let counts = Counts { clipped, merged: 0 };
    assert!(
        matches!(outcome, Ok(Outcome::Done { counts: found, .. }) if found == counts),
        "{outcome:?}"
    );
    assert!(fs::read(&house.path).expect("read") == want);
    let again = edit().channels("red,green").id("once").run();
    assert!(matches!(again, Ok(Outcome::AlreadyDone)), "{again:?}");
    assert!(fs::read(&house.path).expect("read") == want);
}

/// The journal knows its name only.
#[test]
fn a_paused_function_is_finished_by_who_knows_it() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let function = PixelFunction::new("wild, version 1", wild);
    let settings = Settings {
        threads: 1,
        memory_bytes: 1 << 22,
    };
    let edit = image.edit(Op::Function(function.clone())).settings(settings);
    let paused = edit.on_progress(|done| match done {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    });
    assert!(matches!(paused.run(), Err(Error::Interrupted { .. })));
    let half_edited = fs::read(&house.path).expect("read");
    let pending = || image.pending().expect("looked").pop().expect("one");
    let others = [PixelFunction::new("wild, version 2", |_| ())];
    for pending in [pending(), pending().with(&others)] {
        let refused = image.resume(pending).expect_err("not known");
        assert!(
            refused.to_string().contains("'wild, version 1' is not known here"),
            "{refused}"
        );
    }
    let program = common::pagelight(["resume", common::word(&house.path)])
        .output()
        .expect("run");
    let says = String::from_utf8_lossy(&program.stderr);
    assert!(
        program.status.code() == Some(3) && says.contains("'wild, version 1'"),
        "{says}"
    );
    assert!(fs::read(&house.path).expect("read") == half_edited);
    let outcome = image.resume(pending().with(&[others[0].clone(), function]));
    assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
    let mut want = house.before.clone();
    for pixel in want[HEADER.len()..].chunks_exact_mut(6) {
        let green = u16::from_be_bytes([pixel[2], pixel[3]]).saturating_sub(9000);
        let [r0, r1, _, _, b0, b1] = *pixel else {
            panic!("six bytes")
        };
        let [g0, g1] = green.to_be_bytes();
        pixel.copy_from_slice(&[b0, b1, g0, g1, r0, r1]);
    }
    assert!(fs::read(&house.path).expect("read") == want);
}

/// A job that nobody can finish is given up, and it is said that a part may be half-edited.
#[test]
fn an_unknown_function_is_given_up() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    let edit = image.edit(Op::function("wild, version 1", wild));
    assert!(edit.on_progress(|_| ControlFlow::Break(())).run().is_err());
    let mut program = common::pagelight(["abandon", "--yes", common::word(&house.path)]);
    let output = program.output().expect("run");
    assert!(output.status.success(), "{output:?}");
    assert!(image.pending().expect("looked").is_empty());
    assert_eq!(house.folder.path().read_dir().expect("read").count(), 1);
}

#[test]
fn pixels_that_a_function_cannot_be_for() {
    let folder = folder();
    let path = folder.path().join("apart.npy");
    let file = |descr: &str| {
        let text = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': {descr}, }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend([7; 5 * 6 * 7 * 2]);
        fs::write(&path, &bytes).expect("written");
        bytes
    };
    for (shape, axes, wanted) in [
        ("(5, 6, 7)", "cyx", "they lie apart"),
        ("(6, 7, 5)", "yxc", "1, 2, 3, 4, 6 or 12 channels, and these have 5"),
    ] {
        let before = file(shape);
        let overrides = Overrides {
            axes: Some(axes.parse().expect("axes")),
            ..Overrides::default()
        };
        let image = Image::open_as(&path, &overrides).expect("opened");
        let refused = image.edit(Op::function("wild", wild)).run().expect_err("refused");
        assert!(refused.to_string().contains(wanted), "{refused}");
        assert!(fs::read(&path).expect("read") == before);
    }
}

/// The tests' own `main` does not call `serve`.
#[test]
fn a_program_that_is_no_worker_has_no_processes() {
    let house = House::new();
    let image = Image::open(&house.path).expect("opened");
    for processes in [0, 2] {
        let refused = image.edit(brighten(1)).processes(processes).run();
        assert!(matches!(refused, Err(Error::Request { .. })), "{refused:?}");
    }
    assert!(image.edit(brighten(0)).processes(1).run().is_ok());
    house.assert_edited(|_, _, _| false, |v| v);
}
