//! What a header keeps, and what it refuses.

use super::*;

fn header() -> Header {
    Header {
        cut: Cut::from_sizes(1_000_000, 258_048, 8064).expect("sizes"),
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

fn decode(page: &[u8; HEADER_BYTES], journal_bytes: u64) -> Result<Header, String> {
    Header::decode(page, journal_bytes, |job| {
        job.fill(5);
        Ok(())
    })
}

#[test]
fn it_reads_back_and_its_parts_do_not_overlap() {
    let header = header();
    let bytes = header.journal_bytes() as u64;
    assert_eq!(decode(&header.encode(), bytes), Ok(header.clone()));
    assert_eq!(header.chunk_at(3), 8192 + 3 * 16);
    assert_eq!(header.slot_at(0), 12_288);
    assert_eq!(bytes, 12_288 + 3 * 8192);
    let large = Header {
        cut: Cut::from_sizes(100_000_000, 258_048, 86_016).expect("sizes"),
        job: vec![5; 128 << 10 | 1],
        ..header
    };
    let bytes = large.journal_bytes() as u64;
    assert_eq!(decode(&large.encode(), bytes), Ok(large.clone()));
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
    let other_job = Header::decode(&page, bytes, |job| {
        job.fill(6);
        Ok(())
    });
    assert!(other_job.is_err());
}

#[test]
fn sizes_that_do_not_fit_are_refused_even_with_a_right_checksum() {
    let try_sizes = |window: u64, chunk: u64, piece: u32, slots: u32| {
        let mut page = header().encode();
        page[32..40].copy_from_slice(&window.to_le_bytes());
        page[40..48].copy_from_slice(&chunk.to_le_bytes());
        page[48..52].copy_from_slice(&piece.to_le_bytes());
        page[52..56].copy_from_slice(&slots.to_le_bytes());
        let checksum = crc32fast::hash(&page[..CHECKSUM_AT]);
        page[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        decode(&page, header().journal_bytes() as u64)
    };
    assert!(try_sizes(1_000_000, 258_048, 8064, 3).is_ok());
    for (window, chunk, piece, slots) in [
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
            try_sizes(window, chunk, piece, slots).is_err(),
            "{window} {chunk} {piece} {slots}"
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
