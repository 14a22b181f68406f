//! The protocol by which a killed edit can be finished exactly: what is done in which order, and nothing else.
//!
//! ```text
//! chunk word k:  FREE -> TAKEN(slot)  by compare-and-swap
//! for each piece j of chunk k:
//!     slot = the finished bytes of piece j; checksum of the slot
//!     fence; intent = FINISHED(k, j); fence     # from here on the piece's new bytes are safe
//!     image = slot
//!     fence; intent = IDLE(k, j + 1); fence     # before the slot may be used again
//! chunk word k = DONE; fence; intent = EMPTY; fence
//! ```
//!
//! Saturating addition can be neither repeated nor inverted, but copying the slot can be repeated. So whoever comes
//! after a death knows from one word whether to copy once more or to go on, and every step of that can itself be
//! killed and repeated.
//!
//! The rules. Each was broken on purpose, in the tests, to see a wrong image:
//! 1. The slot is complete before the intent word says so.
//! 2. A fence stands between publishing the intent and touching the image. (A release *store* does not hold back the
//!    writes after it.)
//! 3. The chunk is DONE before the intent is cleared or the slot is used again. (Until then the intent is IDLE past the
//!    last piece, from which recovery marks the chunk DONE once more and does nothing else.)
//! 4. Recovery moves the intent on before the slot is used for anything else.
//! 5. Recovery of a slot runs alone, and may die at any step.
//!
//! What is known of memory comes through [`Memory`], what is known of pixels through [`Pixels`], so that tests can
//! stop after every step and a model checker can reorder them. Between a kill and the recovery the stores of the dead
//! are all there: they live in the page cache, and what a killed thread has done is a prefix of its program. So the
//! compiler's order must be held, and on machines with weak memory the fences hold the processor's as well.

use crate::error::Result;
use crate::journal::words::{ChunkState, Intent};

/// One of a journal's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The state of this chunk.
    Chunk(u32),
    /// The intent of this slot.
    Intent(u32),
    /// The checksum of this slot's bytes, while the intent is finished; and of its chunk's beginning, if a piece is done.
    Checksum(u32),
}

/// The words of a journal, which other threads and processes read and write too.
pub trait Memory {
    /// The word, with what was stored before it was.
    fn load(&self, word: Word) -> u64;
    /// Sets the word.
    fn store(&self, word: Word, value: u64);
    /// Sets the word if it is `old`; true if it was.
    fn replace(&self, word: Word, old: u64, new: u64) -> bool;
    /// No store after this becomes visible before a store ahead of it.
    fn fence(&self);
}

/// What a slot came to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Samples that clipped in the piece.
    pub clipped: u32,
    /// Of the slot's bytes, and of the chunk's beginning.
    pub checksum: u64,
}

/// What the protocol has done to pixels, for one thread and its slot.
pub trait Pixels {
    /// How many pieces chunk `chunk` has, at least 1.
    fn pieces(&self, chunk: u32) -> u32;
    /// Puts the finished bytes of a piece, made from what the image holds, into the slot.
    fn fill_slot(&mut self, chunk: u32, piece: u32) -> Result<Finished>;
    /// Copies the slot's bytes to the place of a piece in the image.
    fn empty_slot(&mut self, chunk: u32, piece: u32) -> Result<()>;
    /// The fingerprint of what the image holds at the ends of a chunk.
    fn fingerprint(&mut self, chunk: u32) -> Result<u32>;
}

/// Takes a free chunk for `slot`; false if it is not free (any more).
pub fn take(memory: &impl Memory, slot: u32, chunk: u32) -> bool {
    let (free, taken) = (ChunkState::Free, ChunkState::Taken { slot });
    memory.replace(Word::Chunk(chunk), free.to_word(), taken.to_word())
}

/// Edits a chunk that was taken for `slot`, whose intent is empty.
///
/// # Errors
/// What `pixels` says; the chunk then waits for [`recover`].
pub fn edit(memory: &impl Memory, pixels: &mut impl Pixels, slot: u32, chunk: u32) -> Result<()> {
    finish(memory, pixels, slot, chunk, 0, 0)
}

/// Goes on with a chunk from `piece` on, to its end.
fn finish(
    memory: &impl Memory,
    pixels: &mut impl Pixels,
    slot: u32,
    chunk: u32,
    piece: u32,
    clipped: u32,
) -> Result<()> {
    let mut clipped = clipped;
    for piece in piece..pixels.pieces(chunk) {
        let finished = pixels.fill_slot(chunk, piece)?;
        clipped += finished.clipped;
        memory.store(Word::Checksum(slot), finished.checksum);
        set_intent(memory, slot, Intent::Finished { chunk, piece, clipped });
        pixels.empty_slot(chunk, piece)?;
        let piece = piece + 1;
        set_intent(memory, slot, Intent::Idle { chunk, piece, clipped });
    }
    let fingerprint = pixels.fingerprint(chunk)?;
    let done = ChunkState::Done { clipped, fingerprint };
    memory.store(Word::Chunk(chunk), done.to_word());
    set_intent(memory, slot, Intent::Empty);
    Ok(())
}

/// Finishes what the dead owner of `slot` had begun, and makes the slot ready for use. The caller holds the slot's
/// lock, and has checked that the words and the slot's bytes are sound.
///
/// `chunks` are all of the job's: a chunk that was taken for the slot but not begun becomes free again.
///
/// # Errors
/// What `pixels` says; then this is to be done again.
pub fn recover(memory: &impl Memory, pixels: &mut impl Pixels, slot: u32, chunks: u32) -> Result<()> {
    let intent = Intent::from_word(memory.load(Word::Intent(slot))).unwrap_or(Intent::Empty);
    match intent {
        Intent::Empty => {}
        Intent::Finished { chunk, piece, clipped } => {
            pixels.empty_slot(chunk, piece)?;
            let piece = piece + 1;
            set_intent(memory, slot, Intent::Idle { chunk, piece, clipped });
            finish(memory, pixels, slot, chunk, piece, clipped)?;
        }
        Intent::Idle { chunk, piece, clipped } => finish(memory, pixels, slot, chunk, piece, clipped)?,
    }
    let (taken, free) = (ChunkState::Taken { slot }, ChunkState::Free);
    for chunk in 0..chunks {
        memory.replace(Word::Chunk(chunk), taken.to_word(), free.to_word());
    }
    Ok(())
}

fn set_intent(memory: &impl Memory, slot: u32, intent: Intent) {
    memory.fence();
    memory.store(Word::Intent(slot), intent.to_word());
    memory.fence();
}

#[cfg(test)]
mod tests;
