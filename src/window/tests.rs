//! Windows against the slow and obvious way: byte by byte.

use super::*;

fn block(start: u64, row_bytes: u64, stride_bytes: u64, rows: u64) -> Block {
    Block::new(start, row_bytes, stride_bytes, rows).expect("a block")
}

fn run(start: u64, bytes: u64) -> Block {
    Block::run(start, bytes)
}

/// Every byte's file position, by the slow and obvious way.
fn positions(blocks: &[Block]) -> Vec<u64> {
    let of = |block: &Block| -> Vec<u64> {
        let [start, row_bytes, stride_bytes, rows] = block.to_numbers();
        (0..rows)
            .flat_map(|row| (0..row_bytes).map(move |byte| start + row * stride_bytes + byte))
            .collect()
    };
    blocks.iter().flat_map(of).collect()
}

fn numbers(window: &Window) -> Vec<[u64; 4]> {
    window.blocks().iter().map(Block::to_numbers).collect()
}

/// A small generator, so that no test needs a seed from outside.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn block(&mut self) -> Block {
        let row_bytes = 2 * (1 + self.below(6));
        let stride_bytes = row_bytes + self.below(3) * 6;
        block(self.below(60), row_bytes, stride_bytes, 1 + self.below(4))
    }
}

#[test]
fn blocks_that_cannot_be() {
    for (start, row_bytes, stride_bytes, rows) in [
        (0, 0, 8, 1),
        (0, 8, 8, 0),
        (0, 3, 8, 1),
        (0, 8, 6, 2),
        (u64::MAX, 8, 8, 1),
        (0, 8, u64::MAX, 3),
        (MAX_FILE_BYTES - 7, 8, 8, 1),
    ] {
        assert_eq!(
            Block::new(start, row_bytes, stride_bytes, rows),
            None,
            "{start} {row_bytes} {stride_bytes} {rows}"
        );
    }
    assert_eq!(Block::from_numbers([0, 8, 8, 2]), None, "said in another way");
    assert_eq!(Block::from_numbers([0, 16, 16, 1]), Some(run(0, 16)));
    assert!(Block::new(MAX_FILE_BYTES - 8, 8, 8, 1).is_some());
}

#[test]
fn parts_are_where_the_bytes_are() {
    let mut random = Random(1);
    for _ in 0..500 {
        let blocks: Vec<Block> = (0..1 + random.below(4)).map(|_| random.block()).collect();
        let mut want = positions(&blocks);
        let distinct: std::collections::BTreeSet<u64> = want.iter().copied().collect();
        let window = Window::of(blocks.clone());
        assert_eq!(window.is_ok(), distinct.len() == want.len(), "{blocks:?}");
        let Ok(window) = window else {
            continue;
        };
        let all = positions(window.blocks());
        want.sort_unstable();
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, want, "{blocks:?}");
        assert_eq!(window.bytes(), all.len() as u64);
        assert_eq!(Window::from_blocks(window.blocks().to_vec()), Ok(window.clone()));
        for _ in 0..20 {
            let [a, b] = [(); 2].map(|()| random.below(window.bytes() + 1));
            let part = a.min(b)..a.max(b);
            let got: Vec<u64> = window.ranges(part.clone()).flatten().collect();
            let wanted = &all[usize::try_from(part.start).expect("small")..usize::try_from(part.end).expect("small")];
            assert_eq!(got, wanted, "{part:?} of {window:?}");
            assert!(window.ranges(part.clone()).all(|range| range.start < range.end));
            if !part.is_empty() {
                let bounds = window.bounds(part.clone());
                let (least, most) = (wanted.iter().min(), wanted.iter().max());
                assert_eq!(
                    (Some(&bounds.start), Some(&(bounds.end - 1))),
                    (least, most),
                    "{part:?} of {window:?}"
                );
                let index = window.block_at(part.start);
                assert!(window.block_part(index).contains(&part.start));
                let before = part.start - window.block_part(index).start;
                assert_eq!(window.samples_before(part.start), before / 2);
            }
        }
    }
}

#[test]
fn overlaps_are_those_of_the_bytes() {
    let mut random = Random(2);
    let mut overlapping = 0;
    for _ in 0..20_000 {
        let mut some = || -> Vec<Block> { (0..1 + random.below(3)).map(|_| random.block()).collect() };
        let (Ok(a), Ok(b)) = (Window::of(some()), Window::of(some())) else {
            continue;
        };
        let bytes_of_a = positions(a.blocks());
        let shared = positions(b.blocks()).iter().any(|at| bytes_of_a.contains(at));
        assert_eq!(a.overlaps(&b), shared, "{a:?} {b:?}");
        assert_eq!(b.overlaps(&a), shared, "{a:?} {b:?}");
        overlapping += u32::from(shared);
    }
    assert!(overlapping > 1000);
}

#[test]
fn equal_strides_are_compared_at_once() {
    // Two columns of 2^40 rows each: nobody could compare these row by row.
    let column = |start| block(start, 8, 4096, 1 << 40);
    assert!(!column(0).overlaps(&column(8)));
    assert!(column(0).overlaps(&column(4096 * 77 + 6)));
    assert!(!column(4096).overlaps(&column(8)));
}

#[test]
fn neighbours_are_joined() {
    let check = |blocks: &[Block], want: &[Block]| {
        let window = Window::of(blocks.to_vec()).expect("a window");
        assert_eq!(window.blocks(), want);
    };
    check(&[run(8, 4), run(0, 8)], &[run(0, 12)]);
    check(&[run(0, 8), run(10, 8), run(20, 8)], &[block(0, 8, 10, 3)]);
    check(&[run(0, 8), run(10, 6)], &[run(0, 8), run(10, 6)]);
    // Bands of rows: two that are neighbours, all, all but one.
    let band = |index: u64| block(index * 10, 10, 50, 7);
    check(&[band(0), band(1)], &[block(0, 20, 50, 7)]);
    check(&[band(0), band(1), band(2), band(3), band(4)], &[run(0, 350)]);
    check(
        &[band(0), band(1), band(3), band(4)],
        &[block(0, 20, 50, 7), block(30, 20, 50, 7)],
    );
    // A million tiles of 100 rows each, in the order of the image: one after another in the file, and with gaps.
    let tiles = |gap: u64| {
        (0..10_000)
            .map(|index| run(index * (200 + gap), 200))
            .collect::<Vec<_>>()
    };
    check(&tiles(0), &[run(0, 2_000_000)]);
    check(&tiles(4), &[block(0, 200, 204, 10_000)]);
    // Rows of one, then the same rows of the next.
    check(&[block(0, 10, 20, 3), block(60, 10, 20, 4)], &[block(0, 10, 20, 7)]);
    check(
        &[block(0, 10, 20, 3), block(62, 10, 20, 4)],
        &[block(0, 10, 20, 3), block(62, 10, 20, 4)],
    );
    assert_eq!(numbers(&Window::of(vec![run(5, 4)]).expect("a window")), [[5, 4, 4, 1]]);
}

#[test]
fn what_no_job_can_have() {
    assert!(Window::of(vec![]).is_err());
    assert!(Window::from_blocks(vec![run(8, 8), run(0, 8)]).is_err(), "out of order");
    assert!(Window::from_blocks(vec![run(0, 8), run(6, 8)]).is_err(), "overlapping");
    let apart = |count: u64| Window::of((0..count).map(|index| run(index * 100, 2 + 2 * (index % 3))).collect());
    assert!(apart(MAX_BLOCKS as u64).is_ok());
    assert!(apart(MAX_BLOCKS as u64 + 5).is_err());
}
