//! The protocol by which a killed edit can be finished exactly: what is done in which order, and nothing else.
//!
//! ```text
//! hint = k; chunk word k:  FREE -> TAKEN(slot)  by compare-and-swap
//! for each redo block j of chunk k:
//!     slot = the finished bytes of redo block j; beside the slot state: digest and counts of the redo blocks up to j
//!     fence; slot state = FINISHED(k, j); fence  # from here on the redo block's new bytes are safe
//!     image = slot
//!     fence; slot state = IDLE(k, j + 1); fence  # before the slot may be used again
//! digest of k; chunk word k = DONE; count + 1; fence; slot state = EMPTY; fence
//! ```
//!
//! Saturating addition can be neither repeated nor inverted, but copying the slot can be repeated. So whoever comes
//! after a death knows from one word whether to copy once more or to go on, and every step of that can itself be
//! killed and repeated.
//!
//! The rules. Each was broken on purpose, in the tests, to see a wrong image:
//! 1. The slot is complete before the slot state word says so.
//! 2. A fence stands between publishing the slot state and touching the image. (A release *store* does not hold back
//!    the writes after it.)
//! 3. The chunk is DONE before the slot state is cleared or the slot is used again. (Until then the slot state is IDLE
//!    past the last redo block, from which recovery marks the chunk DONE once more, counts it unless it is counted, and
//!    empties the slot.)
//! 4. Recovery moves the slot state on before the slot is used for anything else.
//! 5. Recovery of a slot runs alone, and may die at any step.
//! 6. Digest and counts of the first `n` redo blocks are kept in one of two places, for even and for odd `n`; writing
//!    those of `n + 1` leaves those of `n` intact.
//! 7. A thread writes the hint before it takes a chunk. So at most one chunk of a slot is taken but not begun, and the
//!    hint names it.
//! 8. The count names the chunk that it counted last, so a recovery knows whether to count.
//!
//! The protocol reaches memory through [`Memory`] and pixels through [`Pixels`], so that tests can stop after every
//! step and a model checker can reorder them. The stores of a killed thread are all in the page cache: the first ones
//! of its program, in order. The compiler must keep that order; on machines with weak memory the fences keep the
//! processor's, too.

use crate::counts::Counts;
use crate::error::Result;
use crate::journal::words::{ChunkPrefix, ChunkState, Codec, Count, SlotState};

/// One of a journal's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The state of this chunk.
    Chunk(u32),
    /// The digest of this chunk, once it is done.
    Digest(u32),
    /// The state of this slot.
    SlotState(u32),
    /// The digest of an even (0) or odd (1) number of redo blocks of the chunk in this slot.
    PrefixDigest(u32, u32),
    /// The counts of as many redo blocks.
    PrefixCounts(u32, u32),
    /// The chunk that this slot's thread is about to take.
    Hint(u32),
    /// How many chunks were done in this slot.
    Count(u32),
}

/// The words of a journal, which other threads and processes read and write too.
pub trait Memory {
    /// What makes words of values.
    fn codec(&self) -> &Codec;
    /// Reads the word; whatever was stored before the word was is seen afterwards (acquire).
    ///
    /// # Errors
    /// `Io` if its page cannot be had; the same for the methods below.
    fn load(&self, word: Word) -> Result<u64>;
    /// Sets the word.
    fn store(&self, word: Word, value: u64) -> Result<()>;
    /// Sets the word if it is `old`; true if it was.
    fn replace(&self, word: Word, old: u64, new: u64) -> Result<bool>;
    /// No store after this becomes visible before a store ahead of it.
    fn fence(&self);
}

/// What is done to pixels, for one thread and its slot.
pub trait Pixels {
    /// How many redo blocks chunk `chunk` has, at least 1.
    fn redo_blocks(&self, chunk: u32) -> u32;
    /// Puts the finished bytes of a redo block, made from what the image holds, into the slot. `before`: digest and
    /// counts of the chunk's earlier redo blocks; returns them with this redo block added.
    fn fill_slot(&mut self, chunk: u32, redo_block: u32, before: ChunkPrefix) -> Result<ChunkPrefix>;
    /// Copies the slot's bytes to the place of a redo block in the image.
    fn empty_slot(&mut self, chunk: u32, redo_block: u32) -> Result<()>;
}

/// The state of a chunk; `None` if its words mean nothing.
///
/// # Errors
/// Those of `memory`; the same for the functions below.
pub fn chunk(memory: &impl Memory, chunk: u32) -> Result<Option<ChunkState>> {
    let word = memory.load(Word::Chunk(chunk))?;
    let digest = memory.load(Word::Digest(chunk))?;
    Ok(memory.codec().read_chunk(chunk, word, digest))
}

/// The state of a slot; `None` if its words mean nothing.
pub fn slot_state(memory: &impl Memory, slot: u32) -> Result<Option<SlotState>> {
    let word = memory.load(Word::SlotState(slot))?;
    let prefix = |odd| -> Result<ChunkPrefix> {
        Ok(ChunkPrefix::from_words([
            memory.load(Word::PrefixDigest(slot, odd))?,
            memory.load(Word::PrefixCounts(slot, odd))?,
        ]))
    };
    Ok(memory.codec().read_slot_state(slot, word, [prefix(0)?, prefix(1)?]))
}

/// Stores digest and counts of the first `redo_blocks` redo blocks where the next slot state looks for them.
fn set_prefix(memory: &impl Memory, slot: u32, redo_blocks: u32, prefix: ChunkPrefix) -> Result<()> {
    let [digest, counts] = prefix.to_words();
    memory.store(Word::PrefixDigest(slot, redo_blocks & 1), digest)?;
    memory.store(Word::PrefixCounts(slot, redo_blocks & 1), counts)
}

/// Takes a free chunk for `slot`; false if it is not free (any more).
pub fn take(memory: &impl Memory, slot: u32, chunk: u32) -> Result<bool> {
    let codec = memory.codec();
    let (free, _) = codec.chunk(chunk, ChunkState::Free);
    if memory.load(Word::Chunk(chunk))? != free {
        return Ok(false);
    }
    memory.store(Word::Hint(slot), codec.hint(slot, chunk))?;
    let (taken, _) = codec.chunk(chunk, ChunkState::Taken { slot });
    memory.replace(Word::Chunk(chunk), free, taken)
}

/// Edits a chunk that was taken for `slot`.
///
/// # Errors
/// What `pixels` or `memory` says; the chunk then waits for a recovery.
pub fn edit(memory: &impl Memory, pixels: &mut impl Pixels, slot: u32, chunk: u32) -> Result<()> {
    let nothing = ChunkPrefix {
        digest: memory.codec().begin(chunk),
        counts: Counts::NONE,
    };
    set_prefix(memory, slot, 0, nothing)?;
    finish(memory, pixels, slot, chunk, 0, nothing)
}

/// Goes on with a chunk from `redo_block` on, to its end. `before`, digest and counts of the earlier redo blocks, is
/// stored already.
fn finish(
    memory: &impl Memory,
    pixels: &mut impl Pixels,
    slot: u32,
    chunk: u32,
    redo_block: u32,
    before: ChunkPrefix,
) -> Result<()> {
    let mut before = before;
    for redo_block in redo_block..pixels.redo_blocks(chunk) {
        let after = pixels.fill_slot(chunk, redo_block, before)?;
        set_prefix(memory, slot, redo_block + 1, after)?;
        let finished = SlotState::Finished {
            chunk,
            redo_block,
            before,
            after,
        };
        set_slot_state(memory, slot, finished)?;
        put_back(memory, pixels, slot, chunk, redo_block, after)?;
        before = after;
    }
    let done = ChunkState::Done {
        counts: before.counts,
        digest: before.digest,
    };
    let (word, digest) = memory.codec().chunk(chunk, done);
    memory.store(Word::Digest(chunk), digest)?;
    memory.store(Word::Chunk(chunk), word)?;
    count(memory, slot, chunk)?;
    set_slot_state(memory, slot, SlotState::Empty)
}

/// Copies the finished bytes of `redo_block` from the slot to the image, and says that the next one is to be done.
fn put_back(
    memory: &impl Memory,
    pixels: &mut impl Pixels,
    slot: u32,
    chunk: u32,
    redo_block: u32,
    after: ChunkPrefix,
) -> Result<()> {
    pixels.empty_slot(chunk, redo_block)?;
    let next = SlotState::Idle {
        chunk,
        redo_block: redo_block + 1,
        before: after,
    };
    set_slot_state(memory, slot, next)
}

/// Counts `chunk`, unless it was the last one that was counted.
fn count(memory: &impl Memory, slot: u32, chunk: u32) -> Result<()> {
    let codec = memory.codec();
    let count = codec.read_count(slot, memory.load(Word::Count(slot))?);
    // A damaged count stays; comparing counts with chunks finds it later.
    let chunks = match count {
        Some(count) if count.last == Some(chunk) => return Ok(()),
        Some(count) => count.chunks + 1,
        None => return Ok(()),
    };
    let last = Some(chunk);
    memory.store(Word::Count(slot), codec.count(slot, Count { chunks, last }))
}

/// Finishes what the dead owner of `slot` had begun, and makes the slot ready for use: a chunk that was taken for it
/// but not begun becomes free again. The caller holds the slot's lock, and has checked that the words and the slot's
/// bytes are sound.
///
/// # Errors
/// What `pixels` or `memory` says; then this is to be done again.
pub fn recover(memory: &impl Memory, pixels: &mut impl Pixels, slot: u32) -> Result<()> {
    match slot_state(memory, slot)?.unwrap_or(SlotState::Empty) {
        SlotState::Empty => {}
        SlotState::Finished {
            chunk,
            redo_block,
            after,
            ..
        } => {
            put_back(memory, pixels, slot, chunk, redo_block, after)?;
            finish(memory, pixels, slot, chunk, redo_block + 1, after)?;
        }
        SlotState::Idle {
            chunk,
            redo_block,
            before,
        } => finish(memory, pixels, slot, chunk, redo_block, before)?,
    }
    let codec = memory.codec();
    if let Some(chunk) = codec.read_hint(slot, memory.load(Word::Hint(slot))?) {
        let (taken, _) = codec.chunk(chunk, ChunkState::Taken { slot });
        let (free, _) = codec.chunk(chunk, ChunkState::Free);
        memory.replace(Word::Chunk(chunk), taken, free)?;
    }
    Ok(())
}

fn set_slot_state(memory: &impl Memory, slot: u32, slot_state: SlotState) -> Result<()> {
    memory.fence();
    memory.store(Word::SlotState(slot), memory.codec().slot_state(slot, slot_state))?;
    memory.fence();
    Ok(())
}

#[cfg(test)]
mod tests;
