//! The kernels over private memory, beside a plain copy of the same bytes; and edits on the way from an image into a
//! slot and back, as the engine makes them.
//!
//! `cargo bench --bench kernel`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pagelight::digest::Key;
use pagelight::kernel::Kernel;
use pagelight::map::{CopyEdit, Populate, View};
use pagelight::op::{Op, Table};
use pagelight::pixel::{ByteOrder, ChannelSet, PixelFormat, Sample};

/// Large enough to leave the nearest caches, small enough to stay in the machine's.
const BYTES: usize = 960 * 1024;

/// A gradient with noise, as a camera sees a wall: neighbours are alike, and no two are the same.
fn picture(order: ByteOrder) -> Vec<u8> {
    let mut state = 1u32;
    let samples = (0..BYTES / 2).flat_map(|index| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 22) + (state >> 12 & 0x3ff);
        let sample = (10_000 + index / 12 + noise as usize).to_le_bytes();
        match order {
            ByteOrder::Little => [sample[0], sample[1]],
            ByteOrder::Big => [sample[1], sample[0]],
        }
    });
    samples.collect()
}

/// Values in no order, which find little of a table in the nearest cache.
fn noise() -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56).to_le_bytes()[0]
    };
    (0..BYTES).map(|_| next()).collect()
}

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Bytes(BYTES as u64));
    let source = picture(ByteOrder::Little);
    let mut target = source.clone();
    group.bench_function("copy", |bench| {
        bench.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)))
    });
    for name in [
        "rgba16",
        "rgba16be",
        "gray16",
        "rgba:i16be",
        "mycolor",
        "7banda:u16le",
        "224band:u16le",
    ] {
        let format: PixelFormat = name.parse().expect("a format");
        let channels = match format.channels.color() {
            all if all.is_all() && all.count() > 4 => ChannelSet::of(all.count(), |channel| channel % 3 == 0),
            color => color,
        };
        let gain = |value| f64::from(value) / 0.97 + 0.3;
        let table = Table::from_values("gain".to_owned(), format.sample, gain, None);
        for (op, what) in [
            (Op::Brighten { amount: 2000 }, "brighten"),
            (Op::Brighten { amount: -2000 }, "darken"),
            (Op::Table(Arc::new(table)), "table"),
        ] {
            let kernel = Kernel::new(&op, format.sample, format.order, &channels);
            let picture = picture(format.order);
            let mut pixels = picture.clone();
            group.bench_function(format!("{name}/{what}"), |bench| {
                bench.iter(|| {
                    // From the same picture each time: a table has to find different values.
                    pixels.copy_from_slice(&picture);
                    kernel.apply(black_box(&mut pixels), 0)
                })
            });
            if matches!(op, Op::Table(_)) {
                let noise = noise();
                group.bench_function(format!("{name}/{what} of noise"), |bench| {
                    bench.iter(|| {
                        pixels.copy_from_slice(&noise);
                        kernel.apply(black_box(&mut pixels), 0)
                    })
                });
            }
        }
    }
    group.finish();
}

/// Far more than the machine's caches.
const VIEW_BYTES: usize = 256 << 20;
/// What the engine copies at once.
const REDO_BLOCK_BYTES: usize = 84 * 96;

/// Through a slot and back, over memory that is mapped already.
fn edits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("edit");
    group.throughput(Throughput::Bytes(VIEW_BYTES as u64));
    group.sample_size(10);
    let view = View::anonymous(VIEW_BYTES).expect("mapped");
    view.expect_one_pass();
    view.populate(0..VIEW_BYTES, Populate::Write).expect("there");
    let slot = View::anonymous(REDO_BLOCK_BYTES).expect("mapped");
    let table = |new: fn(f64) -> f64| {
        let new = |value| new(f64::from(value));
        Op::Table(Arc::new(Table::from_values("test".to_owned(), Sample::U16, new, None)))
    };
    let rgb = ChannelSet::of(4, |lane| lane < 3);
    let bands = ChannelSet::of(7, |lane| lane < 6);
    for (op, what) in [
        (Op::Brighten { amount: 1 }, "brighten"),
        (
            table(|value| 65_535.0 * (value / 65_535.0).powf(1.0 / 1.1) + 3.0),
            "gamma",
        ),
        (table(|value| value * 1.02 - 200.0), "levels"),
    ] {
        for (lanes, pixels) in [(&rgb, "rgba"), (&bands, "7banda")] {
            let kernel = Kernel::new(&op, Sample::U16, ByteOrder::Little, lanes);
            let edit = CopyEdit::new(kernel, Arc::new(Key::new(1)));
            for (source, of) in [(picture(ByteOrder::Little), ""), (noise(), " of noise")] {
                for at in (0..VIEW_BYTES).step_by(BYTES) {
                    let length = BYTES.min(VIEW_BYTES - at);
                    view.copy_in(at, &source[..length]).expect("inside");
                }
                group.bench_function(format!("{pixels}/{what}{of}"), |bench| {
                    bench.iter(|| pass(&view, &slot, &edit));
                });
            }
        }
    }
    group.finish();
}

fn pass(view: &View, slot: &View, edit: &CopyEdit) -> u64 {
    let mut digest = 0;
    for at in (0..VIEW_BYTES).step_by(REDO_BLOCK_BYTES) {
        let length = REDO_BLOCK_BYTES.min(VIEW_BYTES - at);
        // A redo block is not always whole pixels of seven channels; what is measured is the same.
        let counts = view.copy_edited(at, slot, 0, length, edit, 0, &mut digest);
        black_box(counts.expect("inside"));
        view.copy_from(at, slot, 0, length).expect("inside");
    }
    digest
}

criterion_group!(benches, kernels, edits);
criterion_main!(benches);
