//! Files that begin as MetaImages do.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pagelight_fuzz::open(b"NDims =", input));
