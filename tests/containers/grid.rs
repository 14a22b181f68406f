//! The grid: every container, part, edit, kind of sample and byte order, through the library.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use pagelight::engine::Settings;
use pagelight::format;
use pagelight::job::{Job, Target};
use pagelight::layout::{self, Layout};
use pagelight::map::{Access, MappedFile};
use pagelight::pixel::ChannelSet;
use pagelight::run::{self, Options, Outcome};

use crate::array::{Array, Kind, Part};
use crate::common::{folder, memory_folder};
use crate::edit::Edit;
use crate::files::{self, Container, orders, science};

/// What a part is in the library's words.
pub(crate) fn library_part(part: &Part, layout: &Layout) -> layout::Part {
    let range = |range: &std::ops::Range<usize>| range.start as u64..range.end as u64;
    layout::Part {
        columns: range(&part.columns),
        rows: range(&part.rows),
        planes: range(&part.planes),
        channels: ChannelSet::of(layout.format().channels.count(), |channel| {
            part.channels.contains(&channel)
        }),
    }
}

/// Runs a job on the file, of which `part` is what the oracle says; the file must then be `want`.
#[track_caller]
pub(crate) fn run_job(path: &Path, job: &Job, threads: usize, want: (&[u8], pagelight::counts::Counts), context: &str) {
    let file = MappedFile::open(path, Access::ReadWrite).expect("opened");
    let settings = Settings {
        threads,
        memory_bytes: 1,
    };
    let options = Options {
        settings,
        sync: false,
        journal_folder: None,
        workers: None,
    };
    let reported = AtomicU64::new(0);
    let ended = run::start(job, &file, "", &options, &|bytes| {
        reported.fetch_add(bytes, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    let done = Outcome::Done {
        counts: want.1,
        left_behind: None,
    };
    let got = fs::read(path).expect("read");
    let first = got.iter().zip(want.0).position(|(got, want)| got != want);
    assert_eq!(first, None, "first difference: {context}");
    assert_eq!(got.len(), want.0.len(), "{context}");
    assert_eq!(ended.expect("no error"), done, "{context}");
    assert_eq!(reported.into_inner(), job.target.window.bytes(), "{context}");
}

/// One edit of one part of a fresh file.
#[track_caller]
fn check(folder: &Path, container: &Container, part: &Part, edit: Edit, threads: usize) {
    let mut array = Array::new(container.sides, container.kind);
    let path = container.write(folder, &array);
    let context = format!("{} {part:?} {edit:?} {threads} threads", container.name);
    let described = {
        let file = MappedFile::open(&path, Access::Read).expect("opened");
        format::describe(&file, &container.overrides()).expect(&context)
    };
    let layout = &described.layout;
    let sides = [
        layout.planes(),
        layout.format().channels.count() as u64,
        layout.height().expect("known"),
        layout.width().expect("known"),
    ];
    assert_eq!(sides, container.sides.map(|side| side as u64), "{context}");
    let whole = Part::whole(container.sides, container.has_alpha);
    let usual = library_part(&whole, layout).channels;
    assert!(described.color().iter().eq(usual.iter()), "{context}");

    let theirs = library_part(part, layout);
    let target = match &part.run {
        None => Target::of(layout, &theirs, &described.names),
        Some(run) => {
            let pixel_bytes = layout.format().pixel_bytes();
            let (start, length) = (run.start as u64 * pixel_bytes, run.len() as u64 * pixel_bytes);
            Target::of_run(layout, start, length, &theirs.channels, &described.names)
        }
    };
    let mut target = target.expect(&context);
    target.mends.clone_from(&described.mended.mends);
    let samples = array.places().iter().filter(|place| part.has(**place, &array)).count();
    assert_eq!(target.samples(), samples as u64, "{context}");
    let counts = edit.apply(&mut array, part);
    let job = Job { op: edit.op(), target };
    run_job(
        &path,
        &job,
        threads,
        (&container.edited_bytes(&array), counts),
        &context,
    );
}

/// Every part of some containers, each with another edit.
fn check_all(containers: &[Container]) {
    let folder = memory_folder().unwrap_or_else(folder);
    let mut turn = 0;
    for container in containers {
        let edits = Edit::all(container.kind);
        for part in Part::all_of(container.sides, container.has_alpha, container.is_run()) {
            check(
                folder.path(),
                container,
                &part,
                edits[turn % edits.len()],
                [1, 3][turn % 2],
            );
            // No multiple of either, so that all meet all.
            turn += 5;
        }
    }
    println!("{} containers, {} runs", containers.len(), turn / 5);
    assert!(turn > 0);
}

/// The kinds of sample and byte orders that most headers can name.
const LOOKS: [(Kind, bool); 4] = [
    (Kind::Unsigned, false),
    (Kind::Unsigned, true),
    (Kind::Signed, false),
    (Kind::Signed, true),
];

#[test]
fn raw_pixels_at_any_offset() {
    let mut all = Vec::new();
    for channels in ["gray", "graya", "rgb", "rgba", "2band", "5band", "224band"] {
        for kind in [Kind::Unsigned, Kind::Signed, Kind::Flipped] {
            for is_big in [false, true] {
                for (offset, sides) in [(0, (5, 7)), (1, (7, 3)), (4095, (1, 9)), (13, (11, 1))] {
                    let raw = files::raw(channels, kind, is_big, offset, sides);
                    all.push(if offset == 1 { raw.with_rest() } else { raw });
                }
            }
        }
    }
    check_all(&all);
}

#[test]
fn bands_of_every_interleave() {
    let mut all = Vec::new();
    for interleave in ["bip", "bil", "bsq"] {
        for bands in [1, 2, 3, 4, 5, 8, 224] {
            for (kind, is_big) in LOOKS {
                all.push(files::envi(interleave, bands, kind, is_big, (5, 7)));
                all.push(files::envi(interleave, bands, kind, is_big, (9, 3)).with_rest());
            }
            for sides in [(1, 1), (1, 5), (5, 1)] {
                all.push(files::envi(interleave, bands, Kind::Unsigned, true, sides));
            }
        }
    }
    check_all(&all);
}

#[test]
fn arrays_of_any_axes_in_both_orders() {
    let mut all = Vec::new();
    let mut turn = 0;
    for axes in ["yx", "zyx", "yxc", "zyxc"] {
        let has = |letter| axes.contains(letter);
        for indexed in orders(axes) {
            for is_fortran in [false, true] {
                // Sides of one mean that steps are equal.
                for sides in [[3, 5, 7, 4], [4, 3, 2, 9], [1, 2, 3, 1], [2, 1, 1, 5]] {
                    let [z, c, y, x] = sides;
                    let sides = [if has('z') { z } else { 1 }, if has('c') { c } else { 1 }, y, x];
                    let (kind, is_big) = LOOKS[turn % LOOKS.len()];
                    all.push(files::npy(&indexed, is_fortran, sides, kind, is_big));
                    turn += 1;
                }
                // So that the first sides do not have the same look always.
                turn += 1;
            }
        }
    }
    for indexed in ["tzyxc", "tzcyx", "ctzyx", "yxtz", "tzyx"] {
        for is_fortran in [false, true] {
            let channels = if indexed.contains('c') { 3 } else { 1 };
            all.push(files::npy(indexed, is_fortran, [6, channels, 5, 4], Kind::Signed, true).with_rest());
        }
    }
    check_all(&all);
}

#[test]
fn pictures_that_say_where_they_are() {
    let mut all = Vec::new();
    for sides in [(5, 7), (8, 3), (1, 6), (31, 29)] {
        for what in ["P5", "P6", "GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA", "2", "3"] {
            all.push(files::pnm(what, sides));
            all.push(files::pnm(what, sides).with_rest());
        }
        all.push(files::farbfeld(sides));
        all.push(files::farbfeld(sides).with_rest());
    }
    check_all(&all);
}

#[test]
fn images_of_science() {
    let mut all = Vec::new();
    for sides in [(1, 5, 7), (3, 5, 7), (4, 1, 9), (5, 7, 1), (2, 31, 29)] {
        for kind in [Kind::Signed, Kind::Flipped] {
            for place in ["primary", "extension", "one of two"] {
                all.push(science::fits(kind, place, sides));
            }
        }
        for (turn, (kind, is_big)) in LOOKS.into_iter().enumerate() {
            for extended in [0, 80, 77] {
                let mrc = science::mrc(kind, is_big, extended, sides);
                all.push(if turn == 1 { mrc.with_rest() } else { mrc });
            }
            let (z, y, x) = sides;
            for (channels, is_turned) in [(1, false), (2, true), (3, false), (4, true), (7, true)] {
                let sides = [z, channels, y, x];
                all.push(science::meta_image(sides, kind, is_big, is_turned));
                for axes in ["zyxc", "czyx", "zcyx", "zycx"] {
                    all.push(science::nrrd(axes, sides, kind, is_big, is_turned));
                }
            }
            all.push(science::nrrd("zyx", [z, 1, y, x], kind, is_big, false).with_rest());
            all.push(science::meta_image([z, 1, y, x], kind, is_big, true).with_rest());
        }
    }
    check_all(&all);
}

/// Large enough that chunks begin within pixels and rows.
#[test]
fn more_than_a_chunk_holds() {
    let (kind, is_big) = (Kind::Signed, true);
    let mut all = vec![
        files::raw("5band", Kind::Flipped, is_big, 7, (61, 211)),
        files::raw("7band", kind, is_big, 7, (61, 147)),
        files::npy("yxz", false, [11, 1, 61, 97], kind, is_big),
        files::npy("zcyx", true, [3, 5, 61, 47], kind, is_big),
        files::npy("yx", true, [1, 1, 311, 203], kind, is_big),
        science::fits(Kind::Flipped, "one of two", (3, 61, 211)),
        science::mrc(kind, is_big, 77, (3, 61, 211)),
    ];
    for interleave in ["bip", "bil", "bsq"] {
        all.push(files::envi(interleave, 5, kind, is_big, (61, 211)));
        all.push(files::envi(interleave, 224, Kind::Unsigned, false, (17, 19)));
    }
    check_all(&all);
}
