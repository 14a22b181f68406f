//! Files that begin as FITS files do. Any part of the input may be one card.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pagelight_fuzz::open_any(b"SIMPLE  =", input));
