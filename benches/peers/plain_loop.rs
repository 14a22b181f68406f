//! What a Rust program does that edits a raw image in place and gives no thought to a crash: map, split, add.
//!
//! `plain_loop FILE N` adds N, saturating, to red, green and blue of 16-bit little-endian RGBA pixels. It is one of the
//! programs that `benches/peers/run` compares Pagelight with: the same two libraries, no journal. If it is killed,
//! nobody knows which pixels are brighter.
#![allow(
    unsafe_code,
    reason = "a slice of the map of a shared file is what such a program works on, sound or not"
)]

use std::env;
use std::error::Error;
use std::fs::File;

use memmap2::MmapMut;
use rayon::prelude::*;

/// What a thread takes at once; a multiple of a pixel.
const CHUNK_BYTES: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [path, amount] = &words[..] else {
        return Err("usage: plain_loop FILE N".into());
    };
    let amount: u16 = amount.parse()?;
    let file = File::options().read(true).write(true).open(path)?;
    // SAFETY: UNSOUND. A slice must be nobody else's, and nothing keeps other programs from writing to the file or
    // cutting it short meanwhile. It stands here because programs that map a file do just this: that is what Pagelight
    // is compared with, and the image of the comparison is touched by nobody else.
    let mut map = unsafe { MmapMut::map_mut(&file)? };
    map.par_chunks_mut(CHUNK_BYTES)
        .for_each(|chunk| brighten(chunk, amount));
    Ok(())
}

/// Bytes that are no whole pixel, at the end of the file, stop the program.
fn brighten(chunk: &mut [u8], amount: u16) {
    let pixels: &mut [[u16; 4]] = bytemuck::cast_slice_mut(chunk);
    for [red, green, blue, _alpha] in pixels {
        *red = red.saturating_add(amount);
        *green = green.saturating_add(amount);
        *blue = blue.saturating_add(amount);
    }
}
