//! Files that begin as farbfeld pictures do.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pagelight_fuzz::open(b"farbfeld", input));
