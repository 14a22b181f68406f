//! Files that begin as TIFFs and BigTIFFs do, in either byte order.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    for magic in [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"] {
        pagelight_fuzz::open(magic, input);
    }
});
