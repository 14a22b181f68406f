//! Files with the magic of MRC, behind 208 bytes of the input.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((how, rest)) = input.split_first_chunk::<8>() else {
        return;
    };
    let mut head = rest.to_vec();
    head.resize(head.len().max(1024), 0);
    head[208..212].copy_from_slice(b"MAP ");
    pagelight_fuzz::open(b"", &[&how[..], &head].concat());
});
