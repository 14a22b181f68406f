//! Files that begin as Netpbm pictures do.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pagelight_fuzz::open(b"P", input));
