//! Files that begin as NPY arrays do.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pagelight_fuzz::open(b"\x93NUMPY", input));
