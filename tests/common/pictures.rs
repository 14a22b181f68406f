//! Pictures for tests, made without the library: by the codecs' own one-shot ways, or byte by byte.
#![allow(dead_code, reason = "every test file uses another part of this")]

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Samples that have all bits in play, and no period that fits a row.
pub(crate) fn samples(count: usize, seed: u16) -> Vec<u16> {
    let sample = |at: usize| {
        u16::try_from(at % 65_521)
            .expect("below")
            .wrapping_mul(40_503)
            .wrapping_add(seed)
    };
    (0..count).map(sample).collect()
}

/// The samples' bytes, the high one first.
pub(crate) fn big(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// The samples' bytes, the low one first: what an image is to hold.
pub(crate) fn little(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A PNG of samples as they lie in it.
pub(crate) fn png_bytes(sides: (u32, u32), color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, sides.0, sides.1);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3, 250, 251, 252]);
    }
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(data).expect("encoded");
    writer.finish().expect("encoded");
    bytes
}

/// A whole PNG, decoded: sides, color, bits, bytes.
pub(crate) fn decode_png(path: &Path) -> ((u32, u32), png::ColorType, png::BitDepth, Vec<u8>) {
    let file = BufReader::new(File::open(path).expect("opened"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("small")];
    let info = reader.next_frame(&mut bytes).expect("sound");
    ((info.width, info.height), info.color_type, info.bit_depth, bytes)
}

/// An interlaced gray PNG of 16 bits, in blocks that are not compressed: no encoder at hand writes such ones.
pub(crate) fn interlaced_png((width, height): (usize, usize), samples: &[u16]) -> Vec<u8> {
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let mut raw = Vec::new();
    for (x0, y0, dx, dy) in passes {
        for y in (y0..height).step_by(dy) {
            let row: Vec<u16> = (x0..width).step_by(dx).map(|x| samples[y * width + x]).collect();
            if !row.is_empty() {
                raw.push(0);
                raw.extend(big(&row));
            }
        }
    }
    let length = u16::try_from(raw.len()).expect("one block");
    let mut packed = vec![0x78, 1, 1];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(&raw);
    let (mut a, mut b) = (1u32, 0u32);
    for byte in raw {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    packed.extend((b << 16 | a).to_be_bytes());
    let sides = [width, height].map(|side| u32::try_from(side).expect("small").to_be_bytes());
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png_chunk(
        &mut png,
        b"IHDR",
        &[&sides[0][..], &sides[1][..], &[16, 0, 0, 0, 1]].concat(),
    );
    png_chunk(&mut png, b"IDAT", &packed);
    png_chunk(&mut png, b"IEND", &[]);
    png
}

/// The beginning of a PNG that says it has these sides, and then some bytes of nothing.
pub(crate) fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png_chunk(
        &mut png,
        b"IHDR",
        &[&width.to_be_bytes()[..], &height.to_be_bytes()[..], &[16, 6, 0, 0, 0]].concat(),
    );
    png_chunk(&mut png, b"IDAT", &[0x78, 1, 1, 0, 0]);
    png
}

fn png_chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend(u32::try_from(data.len()).expect("small").to_be_bytes());
    let covered = [&name[..], data].concat();
    png.extend(&covered);
    png.extend(crc32fast::hash(&covered).to_be_bytes());
}

/// A little-endian RGB TIFF of 16 bits in tiles of 16 x 16, not compressed.
pub(crate) fn tiled_tiff((width, height): (usize, usize), samples: &[u16]) -> Vec<u8> {
    const SIDE: usize = 16;
    let (across, down) = (width.div_ceil(SIDE), height.div_ceil(SIDE));
    let tile_bytes = SIDE * SIDE * 6;
    let mut tiff = b"II*\0\0\0\0\0".to_vec();
    for tile in 0..across * down {
        for at in 0..SIDE * SIDE {
            let (x, y) = (tile % across * SIDE + at % SIDE, tile / across * SIDE + at / SIDE);
            let pixel = (y * width + x) * 3;
            // What lies outside is noise that must not show up.
            let inside = x < width && y < height;
            tiff.extend(if inside {
                little(&samples[pixel..pixel + 3])
            } else {
                vec![0xee; 6]
            });
        }
    }
    let offsets_at = tiff.len();
    (0..across * down).for_each(|tile| tiff.extend(number(8 + tile * tile_bytes)));
    let counts_at = tiff.len();
    (0..across * down).for_each(|_| tiff.extend(number(tile_bytes)));
    let bits_at = tiff.len();
    tiff.extend([16, 0, 16, 0, 16, 0]);
    let directory_at = tiff.len();
    tiff[4..8].copy_from_slice(&number(directory_at));
    let entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, bits_at),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (277, 3, 1, 3),
        (322, 4, 1, SIDE),
        (323, 4, 1, SIDE),
        (324, 4, across * down, offsets_at),
        (325, 4, across * down, counts_at),
    ];
    tiff.extend(u16::try_from(entries.len()).expect("few").to_le_bytes());
    for (tag, kind, count, value) in entries {
        tiff.extend(u16::to_le_bytes(tag));
        tiff.extend(u16::to_le_bytes(kind));
        tiff.extend(number(count));
        tiff.extend(number(value));
    }
    tiff.extend([0; 4]);
    tiff
}

fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("small").to_le_bytes()
}

/// An OpenEXR picture of floating-point RGB.
pub(crate) fn exr_bytes((width, height): (u32, u32), floats: Vec<f32>) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::Rgb32FImage::from_raw(width, height, floats).expect("as many as pixels");
    picture
        .write_to(&mut bytes, image::ImageFormat::OpenExr)
        .expect("encoded");
    bytes.into_inner()
}
