//! Small TIFFs with a byte changed somewhere in their header, directories or values: refused and untouched; or edited
//! so that another reader finds each sample edited once, and no byte but those of samples is another one.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use ::tiff::decoder::{Decoder, DecodingResult};
use pagelight::Image;
use pagelight::error::ErrorKind;
use pagelight::op::Op;

use crate::array::{Array, Kind};
use crate::common::{folder, memory_folder};
use crate::tiff::{LONG, Tiff, field, text};

const AMOUNT: i64 = 1000;

/// What is damaged.
fn small() -> Vec<Tiff> {
    let plain = Tiff::new([1, 1, 5, 4], Kind::Unsigned);
    let rgb = Tiff::new([1, 3, 9, 17], Kind::Signed);
    vec![
        plain.clone(),
        Tiff {
            is_big: true,
            is_bigtiff: true,
            ..plain.clone()
        },
        Tiff {
            is_bigtiff: true,
            tile: Ok((16, 16)),
            order: 3,
            ..rgb.clone()
        },
        Tiff {
            is_planar: true,
            is_big: true,
            tile: Ok((16, 8)),
            ..rgb
        },
        Tiff::new([3, 1, 5, 4], Kind::Unsigned).with(2, field(254, LONG, &[1])),
        plain
            .with(0, text(42113, "77"))
            .with(0, text(270, "a description of it")),
    ]
}

/// All samples of all pages, as the crate reads them; `None` if it does not.
fn samples(bytes: &[u8]) -> Option<Vec<Vec<i64>>> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    let mut pages = Vec::new();
    loop {
        // It says of what it cannot hold that it cannot; of what is huge and sparse there is nothing in a small file.
        pages.push(match decoder.read_image().ok()? {
            DecodingResult::U16(samples) => samples.into_iter().map(i64::from).collect(),
            DecodingResult::I16(samples) => samples.into_iter().map(i64::from).collect(),
            _ => return None,
        });
        if !decoder.more_images() {
            return Some(pages);
        }
        decoder.next_image().ok()?;
    }
}

/// What became of the damaged files.
#[derive(Debug, Default)]
struct Tally {
    refused: u32,
    edited: u32,
    compared: u32,
}

#[track_caller]
fn check(path: &Path, tiff: &Tiff, damaged: &[u8], at: usize, tally: &mut Tally) {
    fs::write(path, damaged).expect("written");
    let edited = Image::open(path).and_then(|image| {
        let has_planes = image.described().layout.planes();
        image
            .edit(Op::Brighten { amount: 1000 })
            .channels("all")
            .without_sync()
            .run()
            .map(|_| has_planes)
    });
    let after = fs::read(path).expect("read");
    let context = format!("{} byte {at}", tiff.name());
    if let Err(error) = &edited {
        let is_known = matches!(error.kind(), ErrorKind::Unfit | ErrorKind::Request);
        assert!(is_known && after == damaged, "{context}: {error}");
        tally.refused += 1;
        return;
    }
    tally.edited += 1;
    assert_eq!(after.len(), damaged.len());
    // A strip may have moved into one of the gaps, which are there for that.
    let header = if tiff.is_bigtiff { 16 } else { 8 };
    let is_sample = |at: &usize| (header..tiff.end() + 5).contains(at);
    let changed = (0..after.len()).filter(|&at| after[at] != damaged[at]);
    let outside: Vec<usize> = changed.filter(|at| !is_sample(at)).collect();
    assert!(outside.is_empty(), "{context}: bytes {outside:?} are no samples");
    let (Some(old), Some(new)) = (samples(damaged), samples(&after)) else {
        return;
    };
    tally.compared += 1;
    // White may have become 0, and then the crate turns the numbers round; one value may stand for no data.
    let is_exact = |old: &[i64], new: &[i64]| {
        let mut kept: Vec<i64> = Vec::new();
        for (old, new) in old.iter().copied().zip(new.iter().copied()) {
            let by = (new - old).abs();
            match by {
                AMOUNT => {}
                0..AMOUNT if [65_535, 32_767, 0].contains(&new) => {}
                0 => kept.push(old),
                _ => return false,
            }
        }
        kept.sort_unstable();
        kept.dedup();
        kept.len() <= 1
    };
    // A smaller copy stays as it was.
    let pages = old.iter().zip(&new);
    let kept = pages.clone().filter(|(old, new)| old == new).count();
    let exact = pages.filter(|(old, new)| old != new && is_exact(old, new)).count();
    assert!(
        exact + kept == old.len() && exact > 0,
        "{context} now {}: {exact} pages edited, {kept} kept: {old:?} {new:?}",
        damaged[at.min(damaged.len() - 1)]
    );
}

#[test]
fn a_byte_that_lies() {
    let folder = memory_folder().unwrap_or_else(folder);
    let path = folder.path().join("a.tif");
    let mut tally = Tally::default();
    for tiff in small() {
        let sound = tiff.bytes(&Array::new(tiff.sides, tiff.kind));
        for at in (0..19).chain(tiff.end() + 5..sound.len()) {
            for new in [
                sound[at] ^ 1,
                sound[at] ^ 0x80,
                sound[at].wrapping_add(1),
                0,
                2,
                5,
                16,
                0xFF,
                sound[at] ^ 0x10,
            ] {
                if new != sound[at] {
                    let mut damaged = sound.clone();
                    damaged[at] = new;
                    check(&path, &tiff, &damaged, at, &mut tally);
                }
            }
        }
        for end in tiff.end()..sound.len() {
            check(&path, &tiff, &sound[..end], end, &mut tally);
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 5000 && tally.compared > 500, "{tally:?}");
}
