//! Layouts against the slow and obvious way: sample by sample.

use super::*;
use crate::error::Text;
use crate::window::Block;

fn format(text: &str) -> PixelFormat {
    text.parse().expect("a format")
}

/// The file positions of a part's samples by the slow and obvious way.
fn positions(layout: &Layout, start: u64, part: &Part) -> Vec<u64> {
    let step = layout.step();
    let mut all = Vec::new();
    for plane in part.planes.clone() {
        for channel in part.channels.iter() {
            for y in part.rows.clone() {
                for x in part.columns.clone() {
                    all.push(
                        start + plane * step.plane + channel as u64 * step.channel + y * step.row + x * step.column,
                    );
                }
            }
        }
    }
    all.sort_unstable();
    all
}

/// The positions of the samples that an edit of a part touches.
fn edited(layout: &Layout, part: &Part) -> Vec<u64> {
    let (window, lanes) = layout.window(part).expect("a window");
    let mut all = Vec::new();
    for index in 0..window.blocks().len() {
        for at in window.block_part(index).step_by(SAMPLE_BYTES) {
            let lane = usize::try_from(window.samples_before(at)).expect("small") % lanes.count();
            if lanes.contains(lane) {
                all.extend(window.ranges(at..at + 2).map(|range| range.start));
            }
        }
    }
    all.sort_unstable();
    all
}

const W: u64 = 5;
const H: u64 = 4;

/// The layouts of images with `n` channels and `p` planes.
fn layouts(n: u64, p: u64) -> Vec<(&'static str, Step)> {
    let step = |channel, column, row, plane| Step {
        channel,
        column,
        row,
        plane,
    };
    vec![
        ("pixel by pixel", step(2, 2 * n, 2 * n * W, 2 * n * W * H)),
        ("band by band", step(2 * W * H, 2, 2 * W, 2 * W * H * n)),
        ("line by line", step(2 * W, 2, 2 * W * n, 2 * W * H * n)),
        ("planes within bands", step(2 * W * H * p, 2, 2 * W, 2 * W * H)),
        ("columns", step(2 * W * H, 2 * H, 2, 2 * W * H * n)),
        ("columns of pixels", step(2, 2 * n * H, 2 * n, 2 * n * W * H)),
        ("planes side by side", step(2 * p * W * H, 2 * p, 2 * p * W, 2)),
        (
            "planes and channels side by side",
            step(2 * p, 2 * n * p, 2 * n * p * W, 2),
        ),
        (
            "channels and planes in columns",
            step(2, 2 * n * p * H, 2 * n * p, 2 * n),
        ),
    ]
}

#[test]
fn a_part_is_its_samples() {
    for (n, p) in [(1, 1), (2, 1), (3, 1), (1, 3), (3, 2), (5, 4)] {
        for (name, step) in layouts(n, p) {
            let pixel = format(&channels(n));
            let layout = Layout::strided(7, (W, H, p), pixel, step).expect(name);
            for (columns, rows) in [(0..W, 0..H), (1..4, 1..3), (4..5, 0..H), (0..W, 3..4), (2..3, 2..3)] {
                for planes in [0..p, p - 1..p] {
                    for chosen in [
                        ChannelSet::all(pixel.channels.count()),
                        ChannelSet::of(pixel.channels.count(), |c| c % 2 == 0),
                    ] {
                        let part = Part {
                            columns: columns.clone(),
                            rows: rows.clone(),
                            planes: planes.clone(),
                            channels: chosen,
                        };
                        assert_eq!(
                            edited(&layout, &part),
                            positions(&layout, 7, &part),
                            "{name} {n} {p} {part:?}"
                        );
                    }
                }
            }
            let (window, lanes) = layout.window(&layout.whole()).expect("a window");
            assert_eq!(
                (window.blocks().len(), lanes.count()),
                (1, 1),
                "{name} {n} {p}: all is one run"
            );
        }
    }
}

fn channels(n: u64) -> String {
    match n {
        1 => "gray:u16le".to_owned(),
        n => format!("{n}band:u16le"),
    }
}

#[test]
fn tiles_are_where_the_table_says_and_padding_is_not_edited() {
    // 5x4 pixels in tiles of 2x3: three across, two down; in no order, and one of them far away.
    let starts: Arc<[u64]> = [100, 50, 10_000, 140, 500, 13].into();
    let pixel = format("rgb:u16le");
    let step = Step {
        channel: 2,
        column: 6,
        row: 12,
        plane: 36,
    };
    let layout = Layout::tiled((W, H, 1), pixel, (2, 3), step, Arc::clone(&starts)).expect("a layout");
    assert_eq!((layout.data_offset(), layout.data().end), (13, 10_036));
    assert_eq!(layout.tile(), Some((2, 3)));
    let want = |part: &Part| {
        let mut all: Vec<u64> = Vec::new();
        for y in part.rows.clone() {
            for x in part.columns.clone() {
                for channel in part.channels.iter() {
                    let tile = usize::try_from(y / 3 * 3 + x / 2).expect("small");
                    all.push(starts[tile] + y % 3 * 12 + x % 2 * 6 + channel as u64 * 2);
                }
            }
        }
        all.sort_unstable();
        all
    };
    for part in [
        layout.whole(),
        layout.rect(1, 2, 3, 2).expect("inside"),
        layout.rect(4, 3, 1, 1).expect("inside"),
    ] {
        assert_eq!(edited(&layout, &part), want(&part), "{part:?}");
    }
    assert!(layout.run_window(0, 6, &ChannelSet::all(3)).is_err());

    // Channels apart: a table of each.
    let step = Step {
        channel: 36,
        column: 2,
        row: 4,
        plane: 36,
    };
    let starts: Arc<[u64]> = (0..18).map(|index| 1000 - index * 20).collect();
    let layout = Layout::tiled((W, H, 1), pixel, (2, 3), step, Arc::clone(&starts)).expect("a layout");
    let part = Part {
        channels: ChannelSet::of(3, |channel| channel == 1),
        ..layout.rect(0, 0, 2, 1).expect("inside")
    };
    assert_eq!(edited(&layout, &part), [starts[6], starts[6] + 2]);
}

#[test]
fn tables_that_are_of_no_image() {
    let step = Step {
        channel: 2,
        column: 2,
        row: 4,
        plane: 8,
    };
    let tiled = |starts: &[u64]| Layout::tiled((4, 2, 1), format("gray16"), (2, 2), step, starts.into());
    assert!(tiled(&[0, 8]).is_ok());
    let why = |starts: &[u64]| tiled(starts).expect_err("refused");
    assert!(why(&[0]).contains("need 2"), "{}", why(&[0]));
    assert!(why(&[0, 8, 16]).contains("need 2"));
    assert!(why(&[]).contains("need 2"));
    assert!(
        why(&[20, 13]).contains("tiles 1 and 0 share bytes from 20 on"),
        "{}",
        why(&[20, 13])
    );
    assert!(why(&[0, MAX_FILE_BYTES - 7]).contains("ends past"));
    assert!(why(&[0, u64::MAX]).contains("ends past"));
}

#[test]
fn hostile_sizes_are_errors_not_wrapped_numbers() {
    let pixel = PixelFormat::RGBA16;
    let fits = |offset, width, height| Layout::new(offset, width, height, pixel).is_ok();
    assert!(fits(0, 1, 1));
    assert!(fits(7, 1 << 30, 1 << 29));
    assert!(!fits(0, 0, 1));
    assert!(!fits(0, 1, 0));
    assert!(!fits(0, 1 << 63, 1));
    assert!(!fits(0, 1 << 32, 1 << 32));
    assert!(!fits(u64::MAX, 1, 1));
    assert!(fits(MAX_FILE_BYTES - 8, 1, 1));
    assert!(!fits(MAX_FILE_BYTES - 7, 1, 1));
    assert!(Layout::run(0, 0, pixel).is_err());
    assert!(Layout::run(0, u64::MAX, pixel).is_err());
    let strided = |channel, column, row, plane| {
        let step = Step {
            channel,
            column,
            row,
            plane,
        };
        Layout::strided(0, (4, 4, 4), format("rgb16"), step).is_ok()
    };
    assert!(strided(2, 6, 24, 96));
    assert!(!strided(2, 4, 24, 96), "pixels share bytes");
    assert!(!strided(2, 6, 22, 96), "rows share bytes");
    assert!(!strided(2, 8, 32, 128), "a gap in each pixel");
    assert!(strided(2, 6, 30, 200), "padding behind rows and planes");
    assert!(!strided(u64::MAX, 2, 8, 32));
    assert!(!strided(2, 6, 24, u64::MAX / 3));
    assert!(!strided(0, 6, 24, 96));
}

#[test]
fn sides_and_bytes() {
    let layout = Layout::new(5, 3, 4, format("rgb16")).expect("a layout");
    assert_eq!((layout.pixels(), layout.height()), (12, Some(4)));
    assert_eq!(layout.data(), 5..5 + 72);
    assert!(layout.is_one_run());
}

#[test]
fn rectangles_and_runs() {
    let layout = Layout::new(3, 10, 6, PixelFormat::RGBA16).expect("a layout");
    let all = ChannelSet::all(4);
    let window = |part: Result<Part, Text>| layout.window(&part.expect("inside")).expect("a window").0;
    let run = |offset, length| layout.run_window(offset, length, &all).map(|(window, _)| window);
    assert_eq!(window(layout.rect(0, 0, 10, 6)), window(Ok(layout.whole())));
    assert_eq!(Ok(window(layout.rect(0, 2, 10, 2))), run(160, 160));
    assert_eq!(Ok(window(layout.rect(9, 5, 1, 1))), run(59 * 8, 8));
    let rect = window(layout.rect(2, 1, 4, 3));
    assert_eq!(rect.blocks(), [Block::new(3 + 12 * 8, 32, 80, 3).expect("a block")]);
    for (offset, length) in [
        (0, 0),
        (4, 8),
        (0, 7),
        (0, 488),
        (480, 8),
        (u64::MAX - 7, 8),
        (8, u64::MAX - 7),
    ] {
        assert!(run(offset, length).is_err(), "{offset} {length}");
    }
    assert!(run(472, 8).is_ok());
    for (x, y, w, h) in [
        (0, 0, 11, 1),
        (0, 0, 1, 7),
        (10, 0, 1, 1),
        (0, 6, 1, 1),
        (0, 0, 0, 1),
        (u64::MAX, 0, 1, 1),
    ] {
        assert!(layout.rect(x, y, w, h).is_err(), "{x},{y},{w},{h}");
    }
    let unknown = Layout::run(0, 60, PixelFormat::RGBA16).expect("a layout");
    assert!(unknown.rect(0, 0, 1, 1).is_err());
}
