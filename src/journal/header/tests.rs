//! What a header keeps, and what it refuses.

use super::*;

fn window(blocks: &[[u64; 4]]) -> Window {
    let blocks = blocks
        .iter()
        .map(|&numbers| Block::from_numbers(numbers).expect("a block"));
    Window::from_blocks(blocks.collect()).expect("a window")
}

fn run(bytes: u64) -> Window {
    window(&[[7, bytes, bytes, 1]])
}

fn header() -> JournalHeader {
    JournalHeader {
        chunk_plan: ChunkPlan::from_sizes(&run(1_000_000), 258_048, 8064).expect("sizes"),
        slots: 3,
        image_bytes: 1_000_008,
        journal: [2, 3],
        begun_nanoseconds: 4,
        uuid: 0x1234_5678_9abc_def0_1122_3344_5566_7788,
        generation: 6,
        job: vec![5; 64],
        token: b"batch-17".to_vec(),
    }
}

/// What the file of a header holds before its words.
fn file(header: &JournalHeader) -> Vec<u8> {
    let mut bytes = vec![0; header.journal_bytes()];
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    bytes[HEADER_BYTES..][..header.job.len()].copy_from_slice(&header.job);
    let done: Result<(), std::convert::Infallible> = header.encode_blocks(|at, blocks| {
        bytes[at..at + blocks.len()].copy_from_slice(blocks);
        Ok(())
    });
    let Ok(()) = done;
    bytes
}

fn decode_file(bytes: &[u8], journal_bytes: u64) -> Result<JournalHeader, String> {
    let page = bytes.first_chunk().expect("a page");
    JournalHeader::decode(page, journal_bytes, |at, out| {
        let bytes = bytes.get(at..at + out.len()).ok_or("is too short")?;
        out.copy_from_slice(bytes);
        Ok(())
    })
}

fn decode(page: &[u8; HEADER_BYTES], journal_bytes: u64) -> Result<JournalHeader, String> {
    let mut bytes = file(&header());
    bytes[..HEADER_BYTES].copy_from_slice(page);
    decode_file(&bytes, journal_bytes)
}

#[test]
fn it_reads_back_and_its_parts_do_not_overlap() {
    let header = header();
    let bytes = header.journal_bytes() as u64;
    assert_eq!(decode(&header.encode(), bytes), Ok(header.clone()));
    assert_eq!(header.chunk_at(3), 8192 + 3 * 16);
    assert_eq!(header.slot_at(0), 12_288);
    assert_eq!(bytes, 12_288 + 3 * 8192);
    let large = JournalHeader {
        chunk_plan: ChunkPlan::from_sizes(&run(100_000_000), 258_048, 86_016).expect("sizes"),
        job: vec![5; 128 << 10 | 1],
        ..header
    };
    let bytes = large.journal_bytes() as u64;
    assert_eq!(decode_file(&file(&large), bytes), Ok(large.clone()));
    assert_eq!(large.chunk_at(0), 4096 + (128 << 10) + 4096);
    assert_eq!(large.slot_at(1) - large.slot_at(0), 21 * 4096 + 4096);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = header().journal_bytes() as u64;
    let page = header().encode();
    for bit in 0..STATE_AT * 8 {
        let mut flipped = page;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&flipped, bytes).is_err(), "bit {bit}");
    }
    assert!(decode(&page, bytes - 1).is_err());
    assert!(decode(&[0; HEADER_BYTES], bytes).is_err());
    let whole = file(&header());
    assert!(decode_file(&whole, bytes).is_ok());
    // The job, and the table of blocks behind it.
    for bit in HEADER_BYTES * 8..(HEADER_BYTES + 64 + 32) * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_file(&flipped, bytes).is_err(), "bit {bit}");
    }
}

#[test]
fn a_table_of_many_blocks_reads_back_part_by_part() {
    let blocks: Vec<[u64; 4]> = (0..5000)
        .map(|index| [index * 1000 + 3, 200 + 2 * (index % 2), 400, 2])
        .collect();
    let many = JournalHeader {
        chunk_plan: ChunkPlan::from_sizes(&window(&blocks), 258_048, 8064).expect("sizes"),
        job: vec![5; 65],
        ..header()
    };
    let mut bytes = file(&many);
    let length = bytes.len() as u64;
    assert_eq!(decode_file(&bytes, length), Ok(many.clone()));
    assert_eq!(
        (many.chunks(), many.chunk_at(0)),
        (5000, (4096 + 96 + 5000 * 32_usize).next_multiple_of(4096))
    );
    // Two blocks that share bytes, with a right checksum.
    let at = blocks_at(65) + 4000 * BLOCK_BYTES;
    bytes.copy_within(at..at + BLOCK_BYTES, at + BLOCK_BYTES);
    let table = &bytes[blocks_at(65)..][..5000 * BLOCK_BYTES];
    let checksum = crc32fast::hash(table);
    bytes[BLOCKS_AT + 4..BLOCKS_AT + 8].copy_from_slice(&checksum.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..CHECKSUM_AT]);
    bytes[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
    let why = decode_file(&bytes, length).expect_err("refused");
    assert!(why.contains("overlap"), "{why}");
}

#[test]
fn sizes_that_do_not_fit_are_refused_even_with_a_right_checksum() {
    let try_sizes = |window: u64, chunk: u64, redo_block: u32, slots: u32| {
        let mut page = header().encode();
        page[32..40].copy_from_slice(&window.to_le_bytes());
        page[40..48].copy_from_slice(&chunk.to_le_bytes());
        page[48..52].copy_from_slice(&redo_block.to_le_bytes());
        page[52..56].copy_from_slice(&slots.to_le_bytes());
        let checksum = crc32fast::hash(&page[..CHECKSUM_AT]);
        page[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        decode(&page, header().journal_bytes() as u64)
    };
    assert!(try_sizes(1_000_000, 258_048, 8064, 3).is_ok());
    for (window, chunk, redo_block, slots) in [
        (0, 258_048, 8064, 3),
        (u64::MAX, 258_048, 8064, 3),
        (1_000_000, 0, 8064, 3),
        (1_000_000, u64::MAX / 24 * 24, 8064, 3),
        (1_000_000, 258_047, 8064, 3),
        (1_000_000, 258_048, 0, 3),
        (1_000_000, 258_048, u32::MAX, 3),
        (1_000_000, 258_048, 8064, 0),
        (1_000_000, 258_048, 8064, u32::MAX),
        (1_000_000, 258_048, 8064, 4),
    ] {
        assert!(
            try_sizes(window, chunk, redo_block, slots).is_err(),
            "{window} {chunk} {redo_block} {slots}"
        );
    }
}

#[test]
fn version_1_is_sent_to_its_program() {
    let mut page = header().encode();
    page[16] = 1;
    let why = decode(&page, 4096).expect_err("another version");
    assert!(why.contains("Pagelight 0.1; finish it with that version"), "{why}");
}
