//! What a chunk plan covers, and what a span brings into memory.

use super::*;
use crate::window::Block;

fn run(start: u64, bytes: u64) -> Block {
    Block::new(start, bytes, bytes, 1).expect("a block")
}

/// That spans, chunks and redo blocks cover the window once and in order, and no chunk has bytes of two blocks.
fn check(window: &Window, chunk_plan: &ChunkPlan) {
    let (mut at, mut chunks) = (0, 0);
    for span in 0..chunk_plan.spans() {
        assert_eq!(chunk_plan.span(span).start, at);
        for chunk in chunk_plan.chunks_of(span) {
            assert_eq!(u64::from(chunk.index), chunks);
            assert_eq!(chunk_plan.chunk(chunks), chunk);
            assert_eq!(window.block_at(chunk.part.start), window.block_at(chunk.part.end - 1));
            let block = window.block_part(window.block_at(at));
            for redo_block in 0..chunk_plan.redo_blocks(chunks) {
                let redo_block = chunk_plan.redo_block(chunks, redo_block);
                assert_eq!(redo_block.start, at);
                assert!((redo_block.start - block.start).is_multiple_of(QUANTUM));
                assert!(redo_block.end > at);
                at = redo_block.end;
            }
            assert_eq!(chunk.part.end, at);
            chunks += 1;
        }
        assert_eq!(chunk_plan.span(span).end, at);
    }
    assert_eq!((at, chunks), (window.bytes(), chunk_plan.chunks()));
}

#[test]
fn a_chunk_plan_covers_the_window_once_and_in_order() {
    let big = ChunkPlan::CHUNK_BYTES;
    let lengths = [
        8,
        16,
        24,
        32,
        4096,
        big - 8,
        big,
        big + 8,
        8 * big - 8,
        8 * big,
        8 * big + 8,
    ];
    let mut windows: Vec<Window> = lengths
        .iter()
        .map(|&bytes| Window::of(vec![run(1, bytes)]).expect("a window"))
        .collect();
    // All of them, with a gap between; with a wide one; and with rows between rows.
    let mut blocks = Vec::new();
    let mut start = 7;
    for bytes in lengths {
        blocks.push(run(start, bytes));
        start += bytes + 6;
    }
    windows.push(Window::of(blocks.clone()).expect("a window"));
    blocks.push(run(start + (64 << 20), 2 * big));
    windows.push(Window::of(blocks).expect("a window"));
    let rows = |start| Block::new(start, 1000, 5000, 700).expect("a block");
    windows.push(Window::of(vec![rows(3), rows(2003)]).expect("a window"));
    for window in &windows {
        for threads in [1, 2, 3] {
            for resident in [1, 5000, 1 << 20, 1 << 24] {
                check(window, &ChunkPlan::new(window, resident, resident, threads));
                check(window, &ChunkPlan::new(window, resident, 1 << 26, threads));
            }
        }
    }
}

#[test]
fn a_narrow_rectangle_brings_few_pages() {
    let column = |start| Block::new(start, 8, 30_000 * 8, 40_000).expect("a block");
    for blocks in [vec![column(40)], vec![column(40), column(400)]] {
        let window = Window::of(blocks).expect("a window");
        let chunk_plan = ChunkPlan::new(&window, 8 << 20, 8 << 20, 2);
        for span in [0, chunk_plan.spans() / 2] {
            let bounds = window.bounds(chunk_plan.span(span));
            assert!(bounds.end - bounds.start <= 16 << 20, "{bounds:?}");
            assert!(chunk_plan.span(span).end - chunk_plan.span(span).start >= 24 * 8);
        }
    }
}

#[test]
fn near_blocks_share_a_span_and_far_ones_do_not() {
    let tiles = |distance: u64| {
        let blocks = (0..1000)
            .map(|index| run(index * distance, 4096 + 2 * (index % 2)))
            .collect();
        let window = Window::of(blocks).expect("a window");
        assert!(window.blocks().len() > 900);
        ChunkPlan::new(&window, 4 << 20, 64 << 20, 1).spans()
    };
    assert!(tiles(5000) <= 5, "{}", tiles(5000));
    assert_eq!(tiles(1 << 30), 1000);
}
