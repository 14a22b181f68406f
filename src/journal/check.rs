//! Whether what a dead process left is sound. Nothing of a journal is used before it has passed.
//!
//! Damaged words, an image that was replaced or restored from a backup (`cp` keeps the inode and the length): each
//! would make a resume write wrong pixels. What does not fit is refused, and both files stay as they are.

use std::ops::Range;
use std::path::Path;

use crate::chunk_plan::ChunkPlan;
use crate::error::{Error, Hint, Result};
use crate::journal::protocol::{self, Memory, Word};
use crate::journal::words::{ChunkState, SlotState};
use crate::journal::{Journal, refused};

/// Digests bytes of the window, some of its redo blocks, on top of what a digest has.
pub type Digest<'a> = &'a mut dyn FnMut(u64, Range<u64>) -> Result<u64>;

/// Checks the words and the slots of a journal that nobody works on, each word once.
///
/// `digest` digests bytes that lie in a slot: those of the window's `part`, which begin at the place given in
/// [`Journal::view`].
///
/// # Errors
/// `Unfit` with what is wrong; `Io`.
pub fn journal(journal: &Journal, mut digest: impl FnMut(u64, Range<u64>, usize) -> Result<u64>) -> Result<()> {
    let header = journal.header();
    let damaged = |what: String| refused(journal.path(), &format!("is damaged: {what}"));
    let mut counted = 0;
    let mut slot_states = Vec::new();
    for slot in 0..header.slots {
        let slot_state = protocol::slot_state(journal, slot)?;
        let slot_state = slot_state.ok_or_else(|| damaged(format!("the state of slot {slot} makes no sense")))?;
        let codec = journal.codec();
        let count = codec.read_count(slot, journal.load(Word::Count(slot))?);
        let count = count.ok_or_else(|| damaged(format!("the count of slot {slot} makes no sense")))?;
        let hint = codec.read_hint(slot, journal.load(Word::Hint(slot))?);
        let hint = hint.ok_or_else(|| damaged(format!("the hint of slot {slot} makes no sense")))?;
        if hint >= header.chunks() {
            return Err(damaged(format!("the hint of slot {slot} names chunk {hint}")));
        }
        counted += u64::from(count.chunks);
        if let Some(in_work) = in_work(&header.chunk_plan, header.chunks(), slot_state) {
            let (chunk, redo_blocks) =
                in_work.map_err(|chunk| damaged(format!("slot {slot} works past the end of chunk {chunk}")))?;
            if chunk != hint {
                return Err(damaged(format!("slot {slot} works on chunk {chunk} and took {hint}")));
            }
            check_in_work(journal, slot, slot_state, chunk, redo_blocks)?;
            // Between the last steps of a chunk it may be done and not be counted yet.
            let is_done = matches!(protocol::chunk(journal, chunk)?, Some(ChunkState::Done { .. }));
            counted += u64::from(is_done && count.last != Some(chunk));
        }
        if let SlotState::Finished {
            chunk,
            redo_block,
            before,
            after,
        } = slot_state
        {
            let part = header.chunk_plan.redo_block(u64::from(chunk), u64::from(redo_block));
            if digest(before.digest, part, journal.slot_redo_block_at(slot))? != after.digest {
                return Err(damaged(format!("the bytes in slot {slot} do not have their digest")));
            }
        }
        slot_states.push((slot_state, hint));
    }
    let mut done = 0;
    for chunk in 0..header.chunks() {
        match protocol::chunk(journal, chunk)? {
            None => return Err(damaged(format!("the state of chunk {chunk} makes no sense"))),
            Some(ChunkState::Free) => {}
            Some(ChunkState::Done { .. }) => done += 1,
            Some(ChunkState::Taken { slot }) => match slot_states.get(slot as usize) {
                Some((_, hint)) if *hint == chunk => {}
                _ => {
                    return Err(damaged(format!(
                        "chunk {chunk} was taken for slot {slot} of {}, which does not know it",
                        header.slots
                    )));
                }
            },
        }
    }
    if done != counted {
        return Err(damaged(format!("{done} chunks are done, and {counted} were counted")));
    }
    Ok(())
}

/// The chunk that a slot state works on and how many of its redo blocks are in the image or in the slot; `Err` names a
/// chunk that there is not or that has not so many.
fn in_work(chunk_plan: &ChunkPlan, chunks: u32, slot_state: SlotState) -> Option<std::result::Result<(u32, u64), u32>> {
    let (chunk, redo_blocks) = match slot_state {
        SlotState::Empty => return None,
        SlotState::Idle { chunk, redo_block, .. } => (chunk, u64::from(redo_block)),
        SlotState::Finished { chunk, redo_block, .. } => (chunk, u64::from(redo_block) + 1),
    };
    let fits = chunk < chunks && redo_blocks <= chunk_plan.redo_blocks(u64::from(chunk));
    Some(if fits { Ok((chunk, redo_blocks)) } else { Err(chunk) })
}

/// That the chunk knows the slot that works on it.
fn check_in_work(journal: &Journal, slot: u32, slot_state: SlotState, chunk: u32, redo_blocks: u64) -> Result<()> {
    let all_redo_blocks = redo_blocks == journal.header().chunk_plan.redo_blocks(u64::from(chunk));
    let fits = match protocol::chunk(journal, chunk)? {
        Some(ChunkState::Taken { slot: taker }) => taker == slot,
        // Between the two last steps of a chunk.
        Some(ChunkState::Done { digest, .. }) => match slot_state {
            SlotState::Idle { before, .. } => all_redo_blocks && digest == before.digest,
            _ => false,
        },
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(refused(
            journal.path(),
            &format!("is damaged: slot {slot} works on chunk {chunk}, which does not know it"),
        ))
    }
}

/// Which chunks are to be compared with their digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// All that are done, and those in work as far as they are.
    All,
    /// Those in work, and of the others the first and about one in [`SAMPLED`], other ones for every job.
    Some,
}

/// How many chunks that are done there are for each that is compared where nobody else can have changed the image.
pub const SAMPLED: u32 = 32;

/// Checks that the image still holds what the job left. `digest` digests what it holds.
///
/// # Errors
/// `Unfit`, naming the image by its `path`; `Io`.
pub fn image(journal: &Journal, path: &Path, chunks: Chunks, digest: Digest<'_>) -> Result<()> {
    each(journal, chunks, &mut |chunk, part, wanted| {
        if digest(journal.codec().begin(chunk), part)? == wanted {
            Ok(())
        } else {
            Err(not_as_left(journal, path, chunk))
        }
    })
}

/// What is said of an image whose chunk `chunk` the job did not leave so.
pub fn not_as_left(journal: &Journal, path: &Path, chunk: u32) -> Error {
    Error::unfit(
        path,
        format!(
            "is not as its unfinished job left it (chunk {chunk} of {}): was a backup copied over it, or was it edited by \
             another program? nothing was changed",
            journal.header().chunks(),
        ),
    )
    .with_hint(Hint::Abandon)
}

/// The slots that hold the finished bytes of a redo block which may be half in the image, with its chunk and its
/// number.
///
/// # Errors
/// `Io`.
pub fn in_flight(journal: &Journal) -> Result<Vec<(u32, u32, u32)>> {
    let mut found = Vec::new();
    for slot in 0..journal.header().slots {
        if let Some(SlotState::Finished { chunk, redo_block, .. }) = protocol::slot_state(journal, slot)? {
            found.push((slot, chunk, redo_block));
        }
    }
    Ok(found)
}

/// Calls `check` with a chunk, the part of the window that is edited of it, and the digest of that.
fn each(journal: &Journal, chunks: Chunks, check: &mut dyn FnMut(u32, Range<u64>, u64) -> Result<()>) -> Result<()> {
    let header = journal.header();
    for slot in 0..header.slots {
        if let Some(
            SlotState::Idle {
                chunk,
                redo_block,
                before,
            }
            | SlotState::Finished {
                chunk,
                redo_block,
                before,
                ..
            },
        ) = protocol::slot_state(journal, slot)?
        {
            let start = header.chunk_plan.chunk(u64::from(chunk)).part.start;
            let end = match redo_block {
                0 => start,
                _ => {
                    header
                        .chunk_plan
                        .redo_block(u64::from(chunk), u64::from(redo_block) - 1)
                        .end
                }
            };
            check(chunk, start..end, before.digest)?;
        }
    }
    let first = match chunks {
        Chunks::All => 0,
        Chunks::Some => journal.last_alive_nanoseconds()? / 1000 % u64::from(SAMPLED),
    };
    let step = if chunks == Chunks::All { 1 } else { SAMPLED };
    let mut done = 0;
    for chunk in 0..header.chunks() {
        if let Some(ChunkState::Done { digest, .. }) = protocol::chunk(journal, chunk)? {
            if done == 0 || (done + first) % u64::from(step) == 0 {
                check(chunk, header.chunk_plan.chunk(u64::from(chunk)).part, digest)?;
            }
            done += 1;
        }
    }
    Ok(())
}
