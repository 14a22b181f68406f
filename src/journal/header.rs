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
//!   48        4  bytes in a redo block
//!   52        4  slots
//!   56        4  bytes of a chunk's record (today 16: its word and its digest)
//!   60        4  bytes of a slot before its redo block (today 128)
//!   64        8  bytes in the image
//!   72       16  the journal file itself: inode, birth
//!   88        8  when the job was begun, in nanoseconds since 1970
//!   96       16  the job's random number: its name, and the seed of its words and digests
//!  112        8  how often somebody else had changed the image when the job was begun, see the module `identity`
//!  120        4  bytes of the job
//!  124        4  CRC-32 of the job
//!  128        1  bytes in the token
//!  129       64  the token
//!  196        4  blocks of the window
//!  200        4  CRC-32 of their table
//! 2044        4  CRC-32 of the bytes before
//! 2048        8  word: the state of the job                 (from here on the journal changes)
//! 2056        8  word: the process that runs it
//! 2064       16  two words: the system's start during which it was begun or last resumed
//! 2080        8  word: the number of the epoch that is on; 0 if all are to stop after their chunks
//! 2088        8  word: the next span that nobody has begun to look for work in
//! 2096       16  two words: the mounts through which the image and the journal were reached then; 0 if not known
//! 2112        8  word: how often it was resumed
//! 4096        n  the job, as its own module writes it: as long as it needs
//!    ?   32 x n  at a multiple of 32, the window's blocks: file position, bytes in a row, bytes from row to row, rows
//!    ?   16 x n  from the next page on: chunk words, each with its digest
//!    ?        ?  from the next page on, whole pages a slot:
//!                   0  slot state                   8  hint
//!                  16  digests of an even and of an odd number of redo blocks
//!                  32  counts of as many            48  count of chunks
//!                  56  the process that has it      64  bytes done by that process in it
//!                  72  the last sign of life       128  the redo block
//! ```
//!
//! Numbers are little-endian; the words that change are in the machine's own order, because a journal is only ever
//! resumed where it was begun. Nothing is computed with a number from the file before [`JournalHeader::decode`] has
//! checked that all of them fit each other. Version 1, of Pagelight 0.1, had no digests; version 2 had no blocks.

use crate::chunk_plan::ChunkPlan;
use crate::journal::words::{MAX_CHUNK_SAMPLES, MAX_CHUNKS, MAX_REDO_BLOCKS};
use crate::pixel::SAMPLE_BYTES;
use crate::window::{Block, MAX_BLOCKS, Window};

/// Bytes of the header, and the position of the job.
pub const HEADER_BYTES: usize = 4096;
/// Where the state word is.
pub const STATE_AT: usize = 2048;
/// Where the word is that names the process.
pub const OWNER_AT: usize = 2056;
/// Where the two words are that name the system's start.
pub const BOOT_AT: usize = 2064;
/// Where the word is that names the epoch, and asks all to stop.
pub const EPOCH_AT: usize = 2080;
/// Where the word is that hands out spans.
pub const CURSOR_AT: usize = 2088;
/// Where the two words are that name the mounts.
pub const MOUNTS_AT: usize = 2096;
/// Where the word is that counts how often the job was resumed.
pub const RUN_AT: usize = 2112;
/// Within a chunk's record: its digest; its word is at 0.
pub const CHUNK_DIGEST_AT: usize = 8;
/// Within a slot: the hint; the slot state is at 0.
pub const SLOT_HINT_AT: usize = 8;
/// Within a slot: the digests of an even and of an odd number of redo blocks.
pub const SLOT_DIGESTS_AT: usize = 16;
/// Within a slot: the counts of as many redo blocks.
pub const SLOT_COUNTS_AT: usize = 32;
/// Within a slot: the chunks that were done in it.
pub const SLOT_COUNT_AT: usize = 48;
/// Within a slot: where the process is named that has it.
pub const SLOT_OWNER_AT: usize = 56;
/// Within a slot: where that process counts the bytes that it did in it.
pub const SLOT_DONE_AT: usize = 64;
/// Within a slot: the last sign of life.
pub const SLOT_ALIVE_AT: usize = 72;
/// Within a slot: where the redo block begins.
pub const SLOT_REDO_BLOCK_AT: usize = 128;
/// Bytes of a token at most.
pub const MAX_TOKEN_BYTES: usize = 64;
/// Slots in a journal at most.
pub const MAX_SLOTS: u32 = 4096;
/// Bytes of a job at most.
pub const MAX_JOB_BYTES: usize = 1 << 20;
/// Bytes of a redo block at most.
pub const MAX_REDO_BLOCK_BYTES: u64 = 256 << 10;

const MAGIC: [u8; 16] = *b"PAGELIGHT\0JOB\r\n\x1a";
const VERSION: u32 = 3;
const ORDER_MARK: u32 = 0x0102_0304;
const CHUNK_BYTES: usize = 16;
const JOB_BYTES_AT: usize = 120;
const BLOCKS_AT: usize = 196;
/// Bytes of a block in the table.
const BLOCK_BYTES: usize = 32;
/// Blocks that are read or written at once: the table may be as large as memory is to stay small.
const BLOCKS_AT_ONCE: usize = 2048;
const CHECKSUM_AT: usize = 2044;

/// What never changes in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHeader {
    /// How the job's window is divided.
    pub chunk_plan: ChunkPlan,
    /// How many threads may work at once.
    pub slots: u32,
    /// Bytes in the image.
    pub image_bytes: u64,
    /// The journal file itself: inode, and birth in nanoseconds since 1970. A copy of it is another one.
    pub journal: [u64; 2],
    /// When the job was begun, in nanoseconds since 1970.
    pub begun_nanoseconds: u64,
    /// The job's random number.
    pub uuid: u128,
    /// How often somebody else had changed the image by then.
    pub generation: u64,
    /// The job.
    pub job: Vec<u8>,
    /// What the user called the job, so that it is never done twice; empty if nothing.
    pub token: Vec<u8>,
}

/// Where the table of blocks begins behind a job of so many bytes.
fn blocks_at(job_bytes: usize) -> usize {
    (HEADER_BYTES + job_bytes).next_multiple_of(BLOCK_BYTES)
}

/// Where the chunks and the slots are in a journal: worked out once, because an edit asks all the time.
#[derive(Clone, Copy, Debug)]
pub struct Offsets {
    chunks: u32,
    slots: u32,
    chunks_at: usize,
    slots_at: usize,
    slot_bytes: usize,
}

impl Offsets {
    /// Where the record of chunk `chunk` is: its word, then its digest.
    #[inline]
    pub fn chunk_at(&self, chunk: u32) -> usize {
        assert!(chunk < self.chunks);
        self.chunks_at + chunk as usize * CHUNK_BYTES
    }

    /// Where slot `slot` begins.
    #[inline]
    pub fn slot_at(&self, slot: u32) -> usize {
        assert!(slot < self.slots);
        self.slots_at + slot as usize * self.slot_bytes
    }
}

impl JournalHeader {
    /// How many chunks there are.
    #[expect(clippy::cast_possible_truncation, reason = "a header has at most MAX_CHUNKS")]
    pub fn chunks(&self) -> u32 {
        self.chunk_plan.chunks() as u32
    }

    /// Where everything is.
    pub fn offsets(&self) -> Offsets {
        let blocks_end = blocks_at(self.job.len()) + self.chunk_plan.window().blocks().len() * BLOCK_BYTES;
        let chunks_at = blocks_end.next_multiple_of(HEADER_BYTES);
        let redo_block_bytes =
            usize::try_from(self.chunk_plan.redo_block_bytes()).expect("at most MAX_REDO_BLOCK_BYTES");
        Offsets {
            chunks: self.chunks(),
            slots: self.slots,
            chunks_at,
            slots_at: (chunks_at + self.chunks() as usize * CHUNK_BYTES).next_multiple_of(HEADER_BYTES),
            slot_bytes: (SLOT_REDO_BLOCK_AT + redo_block_bytes).next_multiple_of(HEADER_BYTES),
        }
    }

    /// Where the record of chunk `chunk` is: its word, then its digest.
    pub fn chunk_at(&self, chunk: u32) -> usize {
        self.offsets().chunk_at(chunk)
    }

    /// Where slot `slot` begins.
    pub fn slot_at(&self, slot: u32) -> usize {
        self.offsets().slot_at(slot)
    }

    /// Bytes in the whole journal.
    pub fn journal_bytes(&self) -> usize {
        let offsets = self.offsets();
        offsets.slot_at(self.slots - 1) + offsets.slot_bytes
    }

    /// The seed of the job's words and digests.
    pub fn seed(&self) -> u64 {
        let [high, low] = [self.uuid >> 64, self.uuid & u128::from(u64::MAX)];
        u64::try_from(high ^ low).expect("64 bits")
    }

    /// Why such a journal cannot be made, if it cannot.
    pub fn limits(&self) -> Result<(), String> {
        let chunk_plan = &self.chunk_plan;
        let fits = chunk_plan.chunks() <= MAX_CHUNKS
            && chunk_plan.chunk_bytes() / SAMPLE_BYTES as u64 <= MAX_CHUNK_SAMPLES
            && chunk_plan.chunk_bytes().div_ceil(chunk_plan.redo_block_bytes()) <= MAX_REDO_BLOCKS
            && chunk_plan.redo_block_bytes() <= MAX_REDO_BLOCK_BYTES
            && (1..=MAX_SLOTS).contains(&self.slots)
            && (1..=MAX_JOB_BYTES).contains(&self.job.len())
            && self.token.len() <= MAX_TOKEN_BYTES;
        if fits {
            Ok(())
        } else {
            Err(format!(
                "{} chunks of {} bytes are more than a journal can keep",
                chunk_plan.chunks(),
                chunk_plan.chunk_bytes(),
            ))
        }
    }

    /// Hands on the table of blocks, part by part, with the place of each in the file.
    ///
    /// # Errors
    /// What `put` says.
    pub fn encode_blocks<E>(&self, mut put: impl FnMut(usize, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut at = blocks_at(self.job.len());
        for blocks in self.chunk_plan.window().blocks().chunks(BLOCKS_AT_ONCE) {
            let numbers = blocks.iter().flat_map(Block::to_numbers);
            let bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
            put(at, &bytes)?;
            at += bytes.len();
        }
        Ok(())
    }

    fn blocks_checksum(&self) -> u32 {
        let mut checksum = crc32fast::Hasher::new();
        let done: Result<(), std::convert::Infallible> = self.encode_blocks(|_, bytes| {
            checksum.update(bytes);
            Ok(())
        });
        let Ok(()) = done;
        checksum.finalize()
    }

    /// The first page, its words zero. The job and the blocks follow it in the file.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let small = |number: usize| u32::try_from(number).expect("small");
        let mut page = [0; HEADER_BYTES];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(16, &VERSION.to_le_bytes());
        put(20, &ORDER_MARK.to_ne_bytes());
        put(24, &(self.journal_bytes() as u64).to_le_bytes());
        put(32, &self.chunk_plan.window_bytes().to_le_bytes());
        put(40, &self.chunk_plan.chunk_bytes().to_le_bytes());
        let redo_block_bytes = u32::try_from(self.chunk_plan.redo_block_bytes()).expect("at most MAX_REDO_BLOCK_BYTES");
        put(48, &redo_block_bytes.to_le_bytes());
        put(52, &self.slots.to_le_bytes());
        put(56, &small(CHUNK_BYTES).to_le_bytes());
        put(60, &small(SLOT_REDO_BLOCK_AT).to_le_bytes());
        put(64, &self.image_bytes.to_le_bytes());
        put(72, &self.journal[0].to_le_bytes());
        put(80, &self.journal[1].to_le_bytes());
        put(88, &self.begun_nanoseconds.to_le_bytes());
        put(96, &self.uuid.to_le_bytes());
        put(112, &self.generation.to_le_bytes());
        put(JOB_BYTES_AT, &small(self.job.len()).to_le_bytes());
        put(124, &crc32fast::hash(&self.job).to_le_bytes());
        let token_bytes = u8::try_from(self.token.len()).expect("a token of at most 64 bytes");
        put(128, &[token_bytes]);
        put(129, &self.token);
        put(BLOCKS_AT, &small(self.chunk_plan.window().blocks().len()).to_le_bytes());
        put(BLOCKS_AT + 4, &self.blocks_checksum().to_le_bytes());
        let checksum = crc32fast::hash(&page[..CHECKSUM_AT]);
        page[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    /// Reads the first page of a journal of `journal_bytes` bytes; `read` fills its argument with what is in the file
    /// at a place.
    ///
    /// # Errors
    /// What is wrong with it, for the user.
    pub fn decode(
        page: &[u8; HEADER_BYTES],
        journal_bytes: u64,
        mut read: impl FnMut(usize, &mut [u8]) -> Result<(), String>,
    ) -> Result<JournalHeader, String> {
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| page[at + i]));
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| page[at + i]));
        if page[..16] != MAGIC {
            return Err("is no journal of Pagelight".to_owned());
        }
        match u32_at(16) {
            VERSION => {}
            1 => return Err("is a journal of Pagelight 0.1; finish it with that version".to_owned()),
            version => {
                return Err(format!(
                    "is a journal of version {version}, and this program knows version {VERSION}; finish it with the \
                     program that began it"
                ));
            }
        }
        if u32_at(CHECKSUM_AT) != crc32fast::hash(&page[..CHECKSUM_AT]) {
            return Err("is damaged: its checksum is wrong".to_owned());
        }
        if page[20..24] != ORDER_MARK.to_ne_bytes() {
            return Err("was made by a machine of another byte order".to_owned());
        }
        let sizes = "is damaged: its sizes do not fit each other";
        let job_bytes = u32_at(JOB_BYTES_AT) as usize;
        let blocks = u32_at(BLOCKS_AT) as usize;
        let fits = u32_at(56) as usize == CHUNK_BYTES
            && u32_at(60) as usize == SLOT_REDO_BLOCK_AT
            && job_bytes <= MAX_JOB_BYTES
            && blocks <= MAX_BLOCKS
            && (blocks_at(job_bytes) + blocks * BLOCK_BYTES) as u64 <= journal_bytes;
        if !fits {
            return Err(sizes.to_owned());
        }
        let mut job = vec![0; job_bytes];
        read(HEADER_BYTES, &mut job)?;
        if u32_at(124) != crc32fast::hash(&job) {
            return Err("is damaged: the checksum of its job is wrong".to_owned());
        }
        let window = read_window(blocks_at(job_bytes), blocks, u32_at(BLOCKS_AT + 4), read)?;
        if window.bytes() != u64_at(32) {
            return Err(sizes.to_owned());
        }
        let header = JournalHeader {
            chunk_plan: ChunkPlan::from_sizes(&window, u64_at(40), u64::from(u32_at(48))).ok_or(sizes)?,
            slots: u32_at(52),
            image_bytes: u64_at(64),
            journal: [u64_at(72), u64_at(80)],
            begun_nanoseconds: u64_at(88),
            uuid: u128::from_le_bytes(std::array::from_fn(|i| page[96 + i])),
            generation: u64_at(112),
            job,
            token: page[129..129 + usize::from(page[128]).min(MAX_TOKEN_BYTES)].to_vec(),
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

/// Reads a table of so many blocks, part by part.
fn read_window(
    mut at: usize,
    blocks: usize,
    checksum: u32,
    mut read: impl FnMut(usize, &mut [u8]) -> Result<(), String>,
) -> Result<Window, String> {
    let mut table = Vec::with_capacity(blocks);
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = vec![0; blocks.min(BLOCKS_AT_ONCE) * BLOCK_BYTES];
    while table.len() < blocks {
        let part = &mut bytes[..(blocks - table.len()).min(BLOCKS_AT_ONCE) * BLOCK_BYTES];
        read(at, part)?;
        hasher.update(part);
        at += part.len();
        for block in part.as_chunks::<BLOCK_BYTES>().0 {
            let number = |index: usize| u64::from_le_bytes(std::array::from_fn(|i| block[index * 8 + i]));
            let block = Block::from_numbers([0, 1, 2, 3].map(number));
            table.push(block.ok_or("is damaged: a block of its window makes no sense")?);
        }
    }
    if hasher.finalize() != checksum {
        return Err("is damaged: the checksum of its blocks is wrong".to_owned());
    }
    Window::from_blocks(table).map_err(|why| format!("is damaged: {why}"))
}

#[cfg(test)]
mod tests;
