//! The kind of any bytes.
#![no_main]

use std::path::Path;

use pagelight::format::kind;

libfuzzer_sys::fuzz_target!(|head: &[u8]| {
    if let Some(kind) = kind::of(Path::new("a.raw"), head) {
        assert!(!kind.name().is_empty());
    }
});
