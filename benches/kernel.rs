//! The kernel of each pixel format over private memory, beside a plain copy of the same bytes.
//!
//! `cargo bench --bench kernel`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pagelight::op::Op;
use pagelight::pixel::PixelFormat;

/// Large enough to leave the nearest caches, small enough to stay in the machine's.
const BYTES: usize = 960 * 1024;

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Bytes(BYTES as u64));
    let source: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
    let mut target = source.clone();
    group.bench_function("copy", |bench| {
        bench.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)))
    });
    for name in ["rgba16", "rgba16be", "rgb16", "gray16", "rgba:i16be", "mycolor"] {
        let format: PixelFormat = name.parse().expect("a format");
        let channels = format.channels.color();
        for amount in [2000, -2000] {
            let kernel = Op { amount, channels }.kernel(format);
            let mut pixels = source.clone();
            group.bench_function(format!("{name}/{amount:+}"), |bench| {
                bench.iter(|| kernel.apply(black_box(&mut pixels)))
            });
        }
    }
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
