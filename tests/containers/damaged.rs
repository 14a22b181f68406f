//! Damaged headers: whatever byte of them is another one, the file is refused and left alone, or edited as its header
//! says; never a byte of the header.

use std::fs;

use pagelight::format;
use pagelight::map::{Access, MappedFile};
use pagelight::op::Op;
use pagelight::{Image, Overrides};

use crate::array::{Array, Kind, Part};
use crate::common::{folder, memory_folder, pagelight};
use crate::edit::{Edit, What};
use crate::files::{Container, science};

const EDIT: What = What::Brighten(9999);

fn some() -> Vec<Container> {
    let (signed, unsigned) = (Kind::Signed, Kind::Unsigned);
    vec![
        science::fits(signed, "primary", (3, 5, 7)),
        science::fits(Kind::Flipped, "extension", (1, 5, 7)),
        science::fits(Kind::Flipped, "one of two", (1, 5, 7)),
        science::mrc(unsigned, false, 7, (3, 5, 7)),
        science::mrc(signed, true, 0, (3, 5, 7)),
        science::nrrd("czyx", [3, 3, 5, 7], unsigned, true, false),
        science::meta_image([1, 3, 5, 7], signed, false, true),
    ]
}

/// A number that looks like no other one before it.
fn next(seed: &mut u64) -> usize {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).expect("small")
}

/// What may differ in a file that was edited.
struct Judge<'a> {
    container: &'a Container,
    array: Array,
    /// Where the samples begin.
    start: usize,
}

impl Judge<'_> {
    /// The file was `before`, and is `after`; its header was the good one but for byte `flipped`.
    #[track_caller]
    fn judge(&self, before: &[u8], after: &[u8], flipped: usize, is_same_layout: bool, context: &str) {
        assert_eq!(before.len(), after.len(), "{context}");
        let mended = |at: usize| {
            let fields = self.container.mended_fields();
            fields.into_iter().any(|field| field.contains(&at))
        };
        let outside = (0..self.start).find(|&at| before[at] != after[at] && !mended(at));
        assert_eq!(outside, None, "a byte of the header: {context}");
        if is_same_layout {
            let mut array = self.array.clone();
            let edit = Edit {
                what: EDIT,
                kind: self.container.kind,
                keeps: false,
            };
            edit.apply(&mut array, &Part::whole(self.container.sides, false));
            let mut want = self.container.edited_bytes(&array);
            if !mended(flipped) {
                want[flipped] = before[flipped];
            }
            assert!(after == want, "{context}");
        }
    }
}

#[test]
fn a_byte_of_a_header_that_is_another_one() {
    let folder = memory_folder().unwrap_or_else(folder);
    let (mut refused, mut edited, mut seed) = (0, 0, 1);
    for container in some() {
        let array = Array::new(container.sides, container.kind);
        let path = container.write(folder.path(), &array);
        let good = fs::read(&path).expect("read");
        let overrides = Overrides {
            page: container.overrides().page,
            ..Overrides::default()
        };
        let layout = || {
            let file = MappedFile::open(&path, Access::Read).expect("opened");
            format::describe(&file, &overrides).map(|described| described.layout)
        };
        let good_layout = layout().expect("a layout");
        let start = usize::try_from(good_layout.data_offset()).expect("small");
        let judge = Judge {
            container: &container,
            array,
            start,
        };
        for turn in 0..600 {
            // Half of the flips in what is not filled up with blanks.
            let at = next(&mut seed) % if turn % 2 == 0 { start } else { start.min(900) };
            let value = match turn % 4 {
                0 => good[at] ^ (1 << (turn / 4 % 8)),
                1 => b"0123456789 =\n:-.T'"[next(&mut seed) % 18],
                _ => next(&mut seed).to_le_bytes()[0],
            };
            let mut before = good.clone();
            before[at] = value;
            fs::write(&path, &before).expect("written");
            let context = format!("{}: byte {at} is {value}, was {}", container.name, good[at]);
            let is_same = layout().is_ok_and(|layout| layout == good_layout);
            let edit = Image::open_as(&path, &overrides).and_then(|image| {
                let edit = image.edit(Op::Brighten { amount: 9999 }).nodata(None);
                edit.without_sync().run()
            });
            let after = fs::read(&path).expect("read");
            if edit.is_ok() {
                judge.judge(&before, &after, at, is_same, &context);
                edited += 1;
            } else {
                assert!(after == before, "refused and changed: {context}");
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {edited} edited");
    assert!(refused > 500 && edited > 500);
}

#[test]
fn the_program_ends_with_a_reason() {
    let folder = folder();
    let mut seed = 7;
    for container in some() {
        let path = container.write(folder.path(), &Array::new(container.sides, container.kind));
        let good = fs::read(&path).expect("read");
        for _ in 0..12 {
            let at = next(&mut seed) % good.len().min(900);
            let mut before = good.clone();
            before[at] = next(&mut seed).to_le_bytes()[0];
            fs::write(&path, &before).expect("written");
            let output = pagelight(["brighten", "--by=1", "--no-sync", crate::common::word(&path)])
                .args(container.words())
                .output()
                .expect("it runs");
            let context = format!("{} byte {at}: {output:?}", container.name);
            match output.status.code() {
                Some(0) => {}
                Some(2 | 65) => assert!(fs::read(&path).expect("read") == before, "{context}"),
                _ => panic!("{context}"),
            }
        }
    }
}
