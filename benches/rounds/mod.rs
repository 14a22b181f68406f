//! What benches share whose loops take turns: settings from the environment, a folder, the median.

use std::path::PathBuf;

/// The middle one of the figures, which are not empty.
pub(crate) fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// A number that the environment sets.
pub(crate) fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// A folder of the bench's own, in `PAGELIGHT_BENCH_DIR` or the target folder.
pub(crate) fn folder() -> tempfile::TempDir {
    let parent =
        std::env::var_os("PAGELIGHT_BENCH_DIR").map_or(PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    tempfile::tempdir_in(parent).expect("a folder")
}
