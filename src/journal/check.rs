//! Whether what a dead process left is sound. Nothing of a journal is used before it has passed.
//!
//! A flipped bit anywhere, an image that was replaced or restored from a backup (`cp` keeps the inode and the length):
//! each would make a resume write wrong pixels. What does not fit is refused, and both files stay as they are.

use std::path::Path;

use crate::error::{Error, Result};
use crate::journal::protocol::{Memory, Word};
use crate::journal::words::{ChunkState, Intent};
use crate::journal::{Journal, refused};
use crate::os::copy_add::sum;

/// Bytes at the start of a chunk that its fingerprint is taken of, at most.
pub const FINGERPRINT_BYTES: usize = 960;

/// The fingerprint of the first bytes of a chunk: different for different ones, but for one chance in 2^32.
pub fn fingerprint(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Checks the words and the slots of a journal that nobody works on.
///
/// # Errors
/// `Unfit` with what is wrong.
pub fn words(journal: &Journal) -> Result<()> {
    let header = journal.header();
    let damaged = |what: String| refused(journal.path(), &format!("is damaged: {what}"));
    for chunk in 0..header.chunks() {
        match journal.chunk(chunk) {
            None => return Err(damaged(format!("the state of chunk {chunk} makes no sense"))),
            Some(ChunkState::Taken { slot }) if slot >= header.slots => {
                return Err(damaged(format!(
                    "chunk {chunk} was taken for slot {slot} of {}",
                    header.slots
                )));
            }
            Some(_) => {}
        }
    }
    for slot in 0..header.slots {
        let intent = Intent::from_word(journal.load(Word::Intent(slot)));
        let intent = intent.ok_or_else(|| damaged(format!("the intent of slot {slot} makes no sense")))?;
        let (chunk, pieces_done, finished) = match intent {
            Intent::Empty => continue,
            Intent::Idle { chunk, piece, .. } => (chunk, u64::from(piece), false),
            Intent::Finished { chunk, piece, .. } => (chunk, u64::from(piece) + 1, true),
        };
        if chunk >= header.chunks() || pieces_done > header.cut.pieces(u64::from(chunk)) {
            return Err(damaged(format!("slot {slot} works past the end of chunk {chunk}")));
        }
        let all_done = !finished && pieces_done == header.cut.pieces(u64::from(chunk));
        let fits = match journal.chunk(chunk) {
            Some(ChunkState::Taken { slot: taker }) => taker == slot,
            // Between the two last steps of a chunk.
            Some(ChunkState::Done { .. }) => all_done,
            _ => false,
        };
        if !fits {
            return Err(damaged(format!(
                "slot {slot} works on chunk {chunk}, which does not know it"
            )));
        }
        if finished {
            let piece = header.cut.piece(u64::from(chunk), pieces_done - 1);
            let mut bytes = vec![0; usize::try_from(piece.end - piece.start).unwrap_or(0)];
            journal.view().copy_out(journal.slot_piece_at(slot), &mut bytes)?;
            if u64::from(sum(&bytes)) != journal.load(Word::Checksum(slot)) {
                return Err(damaged(format!("the bytes in slot {slot} do not have their checksum")));
            }
        }
    }
    Ok(())
}

/// Checks that the image still holds what the job left in the chunks that are done; `fingerprint_of` reads it anew.
///
/// # Errors
/// `Unfit`, naming the image by its `path`; whatever `fingerprint_of` says.
pub fn image(journal: &Journal, path: &Path, mut fingerprint_of: impl FnMut(u32) -> Result<u32>) -> Result<()> {
    for chunk in 0..journal.header().chunks() {
        if let Some(ChunkState::Done { fingerprint, .. }) = journal.chunk(chunk)
            && fingerprint_of(chunk)? != fingerprint
        {
            return Err(Error::unfit(
                path,
                format!(
                    "is not as its unfinished job left it (chunk {chunk} of {}): was a backup copied over it? nothing \
                     was changed; 'pagelight abandon' gives the job up",
                    journal.header().chunks(),
                ),
            ));
        }
    }
    Ok(())
}
