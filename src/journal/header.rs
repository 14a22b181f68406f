//! The first page of a journal: what the job is, for which image, and how the rest of the file is laid out.
//!
//! ```text
//! byte   length
//!    0       16  magic
//!   16        4  version
//!   20        4  byte order of the words after the header: 0x01020304 as this machine writes it
//!   24        8  bytes in the journal
//!   32        8  bytes in the window
//!   40        8  bytes in a chunk
//!   48        4  bytes in a piece
//!   52        4  slots
//!   56       16  zero
//!   72       32  the image: device, inode, birth, bytes
//!  104        8  when the job was begun, in seconds since 1970
//!  112       64  the job, as its own module writes it
//!  176        1  bytes in the token
//!  177       64  the token
//! 2044        4  CRC-32 of the bytes before
//! 2048        8  word: the state of the job                 (from here on the journal changes)
//! 2056        8  word: the process that runs it
//! 2064       16  two words: the system's start during which it was begun or last resumed
//! 2080        8  word: the number of the round of work that is on; 0 if all are to stop after their chunks
//! 2088        8  word: the next span that nobody has begun to look for work in
//! 4096   8 x n  words: the chunks
//!    ?        ?  from the next page on, two pages a slot: words intent, checksum, process that has it, bytes done by
//!                that process in it; and from 64 on a piece
//! ```
//!
//! Numbers are little-endian; the words that change are in the machine's own order, because a journal is only ever
//! resumed where it was begun. Nothing is computed with a number from the file before [`Header::decode`] has checked
//! that all of them fit each other.

use crate::cut::Cut;
use crate::journal::words::{MAX_CHUNK_SAMPLES, MAX_CHUNKS, MAX_PIECES};
use crate::os::identity::Identity;
use crate::pixel::SAMPLE_BYTES;

/// Bytes of the header, and the position of the first chunk word.
pub const HEADER_BYTES: usize = 4096;
/// Where the state word is.
pub const STATE_AT: usize = 2048;
/// Where the word is that names the process.
pub const OWNER_AT: usize = 2056;
/// Where the two words are that name the system's start.
pub const BOOT_AT: usize = 2064;
/// Where the word is that names the round of work, and asks all to stop.
pub const ROUND_AT: usize = 2080;
/// Where the word is that hands out spans.
pub const CURSOR_AT: usize = 2088;
/// Within a slot: where the process is named that has it.
pub const SLOT_OWNER_AT: usize = 16;
/// Within a slot: where that process counts the bytes that it did in it.
pub const SLOT_DONE_AT: usize = 24;
/// Within a slot: where the piece begins.
pub const SLOT_PIECE_AT: usize = 64;
/// From one slot to the next.
pub const SLOT_BYTES: usize = 8192;
/// Bytes of a job in the header.
pub const JOB_BYTES: usize = 64;
/// Bytes of a token at most.
pub const MAX_TOKEN_BYTES: usize = 64;
/// Slots in a journal at most.
pub const MAX_SLOTS: u32 = 4096;

const MAGIC: [u8; 16] = *b"PAGELIGHT\0JOB\r\n\x1a";
const VERSION: u32 = 1;
const ORDER_MARK: u32 = 0x0102_0304;
const CHECKSUM_AT: usize = 2044;

/// What never changes in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the job's window is cut.
    pub cut: Cut,
    /// How many threads may work at once.
    pub slots: u32,
    /// The image.
    pub image: Identity,
    /// When the job was begun, in seconds since 1970.
    pub begun_seconds: u64,
    /// The job.
    pub job: [u8; JOB_BYTES],
    /// What the user called the job, so that it is never done twice; empty if nothing.
    pub token: Vec<u8>,
}

impl Header {
    /// How many chunks there are.
    #[expect(clippy::cast_possible_truncation, reason = "a header has at most MAX_CHUNKS")]
    pub fn chunks(&self) -> u32 {
        self.cut.chunks() as u32
    }

    /// Where the word of chunk `chunk` is.
    pub fn chunk_at(&self, chunk: u32) -> usize {
        assert!(chunk < self.chunks());
        HEADER_BYTES + chunk as usize * 8
    }

    /// Where slot `slot` begins: its intent word, then its checksum word.
    pub fn slot_at(&self, slot: u32) -> usize {
        assert!(slot < self.slots);
        (HEADER_BYTES + self.chunks() as usize * 8).next_multiple_of(HEADER_BYTES) + slot as usize * SLOT_BYTES
    }

    /// Bytes in the whole journal.
    pub fn journal_bytes(&self) -> usize {
        self.slot_at(self.slots - 1) + SLOT_BYTES
    }

    /// Why such a journal cannot be made, if it cannot.
    pub fn limits(&self) -> Result<(), String> {
        let cut = &self.cut;
        let fits = cut.chunks() <= MAX_CHUNKS
            && cut.chunk_bytes() / SAMPLE_BYTES as u64 <= MAX_CHUNK_SAMPLES
            && cut.chunk_bytes().div_ceil(cut.piece_bytes()) <= MAX_PIECES
            && cut.piece_bytes() <= (SLOT_BYTES - SLOT_PIECE_AT) as u64
            && (1..=MAX_SLOTS).contains(&self.slots)
            && self.token.len() <= MAX_TOKEN_BYTES;
        match fits {
            true => Ok(()),
            false => Err(format!(
                "{} chunks of {} bytes are more than a journal can keep",
                cut.chunks(),
                cut.chunk_bytes(),
            )),
        }
    }

    /// The first page, its words zero.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut page = [0; HEADER_BYTES];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(16, &VERSION.to_le_bytes());
        put(20, &ORDER_MARK.to_ne_bytes());
        put(24, &(self.journal_bytes() as u64).to_le_bytes());
        put(32, &self.cut.window_bytes().to_le_bytes());
        put(40, &self.cut.chunk_bytes().to_le_bytes());
        put(48, &piece_bytes(&self.cut).to_le_bytes());
        put(52, &self.slots.to_le_bytes());
        put(72, &self.image.device.to_le_bytes());
        put(80, &self.image.inode.to_le_bytes());
        put(88, &self.image.birth_nanoseconds.to_le_bytes());
        put(96, &self.image.bytes.to_le_bytes());
        put(104, &self.begun_seconds.to_le_bytes());
        put(112, &self.job);
        put(
            176,
            &[u8::try_from(self.token.len()).expect("a token of at most 64 bytes")],
        );
        put(177, &self.token);
        let checksum = crc32fast::hash(&page[..CHECKSUM_AT]);
        page[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    /// Reads the first page of a journal of `journal_bytes` bytes.
    ///
    /// # Errors
    /// What is wrong with it, for the user.
    pub fn decode(page: &[u8; HEADER_BYTES], journal_bytes: u64) -> Result<Header, String> {
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| page[at + i]));
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| page[at + i]));
        if page[..16] != MAGIC {
            return Err("is no journal of Pagelight".to_owned());
        }
        if u32_at(16) != VERSION {
            return Err(format!(
                "is a journal of version {}, and this program knows version {VERSION}; finish it with the program that \
                 began it",
                u32_at(16)
            ));
        }
        if u32_at(CHECKSUM_AT) != crc32fast::hash(&page[..CHECKSUM_AT]) {
            return Err("is damaged: its checksum is wrong".to_owned());
        }
        if page[20..24] != ORDER_MARK.to_ne_bytes() {
            return Err("was made by a machine of another byte order".to_owned());
        }
        let cut = Cut::from_sizes(u64_at(32), u64_at(40), u64::from(u32_at(48)));
        let header = Header {
            cut: cut.ok_or("is damaged: its sizes do not fit each other")?,
            slots: u32_at(52),
            image: Identity {
                device: u64_at(72),
                inode: u64_at(80),
                birth_nanoseconds: u64_at(88),
                bytes: u64_at(96),
            },
            begun_seconds: u64_at(104),
            job: std::array::from_fn(|i| page[112 + i]),
            token: page[177..177 + usize::from(page[176]).min(MAX_TOKEN_BYTES)].to_vec(),
        };
        header.limits()?;
        if header.journal_bytes() as u64 != journal_bytes {
            return Err(format!(
                "has {journal_bytes} bytes and should have {}: it was cut or extended",
                header.journal_bytes()
            ));
        }
        Ok(header)
    }
}

fn piece_bytes(cut: &Cut) -> u32 {
    u32::try_from(cut.piece_bytes()).expect("a piece fits its slot")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            cut: Cut::from_sizes(1_000_000, 258_048, 8064).expect("sizes"),
            slots: 3,
            image: Identity {
                device: 1,
                inode: 2,
                birth_nanoseconds: 3,
                bytes: 1_000_008,
            },
            begun_seconds: 4,
            job: [5; JOB_BYTES],
            token: b"batch-17".to_vec(),
        }
    }

    #[test]
    fn it_reads_back_and_its_parts_do_not_overlap() {
        let header = header();
        let bytes = header.journal_bytes() as u64;
        assert_eq!(Header::decode(&header.encode(), bytes), Ok(header.clone()));
        assert_eq!(header.chunk_at(3), 4096 + 24);
        assert_eq!(header.slot_at(0), 8192);
        assert_eq!(bytes, 8192 + 3 * 8192);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = header().journal_bytes() as u64;
        let page = header().encode();
        for bit in 0..STATE_AT * 8 {
            let mut flipped = page;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped, bytes).is_err(), "bit {bit}");
        }
        assert!(Header::decode(&page, bytes - 1).is_err());
        assert!(Header::decode(&[0; HEADER_BYTES], bytes).is_err());
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
            Header::decode(&page, header().journal_bytes() as u64)
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
}
