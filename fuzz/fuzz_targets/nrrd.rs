//! Files that begin as NRRD files do.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pagelight_fuzz::open(b"NRRD000", input));
