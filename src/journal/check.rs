//! Whether what a dead process left is sound. Nothing of a journal is used before it has passed.
//!
//! Damaged words, an image that was replaced or restored from a backup (`cp` keeps the inode and the length): each would
//! make a resume write wrong pixels. What does not fit is refused, and both files stay as they are.

use std::ops::Range;
use std::path::Path;

use crate::cut::Cut;
use crate::error::{Error, Result};
use crate::journal::protocol::{self, Memory, Word};
use crate::journal::words::{ChunkState, Intent};
use crate::journal::{Journal, refused};

/// Digests bytes of the window, some of its pieces, on top of what a digest has.
pub type Digest<'a> = &'a mut dyn FnMut(u64, Range<u64>) -> Result<u64>;

/// Checks the words and the slots of a journal that nobody works on, each word once.
///
/// `digest` digests bytes that lie in a slot: those of the window's `part`, which begin at the place given in
/// [`Journal::view`].
///
/// # Errors
/// `Unfit` with what is wrong; `Io`.
pub fn words(journal: &Journal, mut digest: impl FnMut(u64, Range<u64>, usize) -> Result<u64>) -> Result<()> {
    let header = journal.header();
    let damaged = |what: String| refused(journal.path(), &format!("is damaged: {what}"));
    let mut counted = 0;
    let mut intents = Vec::new();
    for slot in 0..header.slots {
        let intent = protocol::intent(journal, slot)?;
        let intent = intent.ok_or_else(|| damaged(format!("the intent of slot {slot} makes no sense")))?;
        let codec = journal.codec();
        let count = codec.read_count(slot, journal.load(Word::Count(slot))?);
        let count = count.ok_or_else(|| damaged(format!("the count of slot {slot} makes no sense")))?;
        let hint = codec.read_hint(slot, journal.load(Word::Hint(slot))?);
        let hint = hint.ok_or_else(|| damaged(format!("the hint of slot {slot} makes no sense")))?;
        if hint >= header.chunks() {
            return Err(damaged(format!("the hint of slot {slot} names chunk {hint}")));
        }
        counted += u64::from(count.chunks);
        if let Some(in_work) = in_work(&header.cut, header.chunks(), intent) {
            let (chunk, pieces) =
                in_work.map_err(|chunk| damaged(format!("slot {slot} works past the end of chunk {chunk}")))?;
            if chunk != hint {
                return Err(damaged(format!("slot {slot} works on chunk {chunk} and took {hint}")));
            }
            check_in_work(journal, slot, intent, chunk, pieces)?;
            // Between the last steps of a chunk it may be done and not be counted yet.
            let is_done = matches!(protocol::chunk(journal, chunk)?, Some(ChunkState::Done { .. }));
            counted += u64::from(is_done && count.last != Some(chunk));
        }
        if let Intent::Finished {
            chunk,
            piece,
            before,
            after,
        } = intent
        {
            let part = header.cut.piece(u64::from(chunk), u64::from(piece));
            if digest(before.digest, part, journal.slot_piece_at(slot))? != after.digest {
                return Err(damaged(format!("the bytes in slot {slot} do not have their digest")));
            }
        }
        intents.push((intent, hint));
    }
    let mut done = 0;
    for chunk in 0..header.chunks() {
        match protocol::chunk(journal, chunk)? {
            None => return Err(damaged(format!("the state of chunk {chunk} makes no sense"))),
            Some(ChunkState::Free) => {}
            Some(ChunkState::Done { .. }) => done += 1,
            Some(ChunkState::Taken { slot }) => match intents.get(slot as usize) {
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

/// The chunk that an intent works on and how many of its pieces are in the image or in the slot; `Err` names a chunk that
/// there is not or that has not so many.
fn in_work(cut: &Cut, chunks: u32, intent: Intent) -> Option<std::result::Result<(u32, u64), u32>> {
    let (chunk, pieces) = match intent {
        Intent::Empty => return None,
        Intent::Idle { chunk, piece, .. } => (chunk, u64::from(piece)),
        Intent::Finished { chunk, piece, .. } => (chunk, u64::from(piece) + 1),
    };
    let fits = chunk < chunks && pieces <= cut.pieces(u64::from(chunk));
    Some(if fits { Ok((chunk, pieces)) } else { Err(chunk) })
}

/// That the chunk knows the slot that works on it.
fn check_in_work(journal: &Journal, slot: u32, intent: Intent, chunk: u32, pieces: u64) -> Result<()> {
    let all_pieces = pieces == journal.header().cut.pieces(u64::from(chunk));
    let fits = match protocol::chunk(journal, chunk)? {
        Some(ChunkState::Taken { slot: taker }) => taker == slot,
        // Between the two last steps of a chunk.
        Some(ChunkState::Done { digest, .. }) => match intent {
            Intent::Idle { before, .. } => all_pieces && digest == before.digest,
            _ => false,
        },
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => Err(refused(
            journal.path(),
            &format!("is damaged: slot {slot} works on chunk {chunk}, which does not know it"),
        )),
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
    each(
        journal,
        chunks,
        &mut |chunk, part, wanted| match digest(journal.codec().begin(chunk), part)? == wanted {
            true => Ok(()),
            false => Err(not_as_left(journal, path, chunk)),
        },
    )
}

/// What is said of an image whose chunk `chunk` the job did not leave so.
pub fn not_as_left(journal: &Journal, path: &Path, chunk: u32) -> Error {
    Error::unfit(
        path,
        format!(
            "is not as its unfinished job left it (chunk {chunk} of {}): was a backup copied over it, or was it edited by \
             another program? nothing was changed; 'pagelight abandon' gives the job up",
            journal.header().chunks(),
        ),
    )
}

/// The slots that hold the finished bytes of a piece which may be half in the image, with its chunk and its number.
///
/// # Errors
/// `Io`.
pub fn in_flight(journal: &Journal) -> Result<Vec<(u32, u32, u32)>> {
    let mut found = Vec::new();
    for slot in 0..journal.header().slots {
        if let Some(Intent::Finished { chunk, piece, .. }) = protocol::intent(journal, slot)? {
            found.push((slot, chunk, piece));
        }
    }
    Ok(found)
}

/// Calls `check` with a chunk, the part of the window that is edited of it, and the digest of that.
fn each(journal: &Journal, chunks: Chunks, check: &mut dyn FnMut(u32, Range<u64>, u64) -> Result<()>) -> Result<()> {
    let header = journal.header();
    for slot in 0..header.slots {
        if let Some(
            Intent::Idle { chunk, piece, before }
            | Intent::Finished {
                chunk, piece, before, ..
            },
        ) = protocol::intent(journal, slot)?
        {
            let start = header.cut.chunk(u64::from(chunk)).part.start;
            let end = match piece {
                0 => start,
                _ => header.cut.piece(u64::from(chunk), u64::from(piece) - 1).end,
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
                check(chunk, header.cut.chunk(u64::from(chunk)).part, digest)?;
            }
            done += 1;
        }
    }
    Ok(())
}
