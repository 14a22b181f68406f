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

/// The fingerprint of some bytes, never the same for two different ones, but for one chance in 2^32.
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
            let word = journal.load(Word::Checksum(slot));
            if word != checksum(sum(&bytes), beginning_in(word)) {
                return Err(damaged(format!("the bytes in slot {slot} do not have their checksum")));
            }
        }
    }
    Ok(())
}

/// Checks that the image still holds what the job left: both ends of the chunks that are done, and the beginning of
/// those of which a piece is. `fingerprint` tells what it holds.
///
/// # Errors
/// `Unfit`, naming the image by its `path`; `Io`.
pub fn image(journal: &Journal, path: &Path, mut fingerprint: impl FnMut(u32, Of) -> Result<u32>) -> Result<()> {
    let header = journal.header();
    let mut check = |chunk: u32, of: Of, wanted: u32| match fingerprint(chunk, of)? == wanted {
        true => Ok(()),
        false => Err(Error::unfit(
            path,
            format!(
                "is not as its unfinished job left it (chunk {chunk} of {}): was a backup copied over it? nothing was \
                 changed; 'pagelight abandon' gives the job up",
                header.chunks(),
            ),
        )),
    };
    for chunk in 0..header.chunks() {
        if let Some(ChunkState::Done { fingerprint, .. }) = journal.chunk(chunk) {
            check(chunk, Of::BothEnds, fingerprint)?;
        }
    }
    for slot in 0..header.slots {
        let intent = Intent::from_word(journal.load(Word::Intent(slot)));
        if let Some(Intent::Idle { chunk, piece: 1.., .. } | Intent::Finished { chunk, piece: 1.., .. }) = intent {
            check(chunk, Of::Beginning, beginning_in(journal.load(Word::Checksum(slot))))?;
        }
    }
    Ok(())
}

/// What a fingerprint is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A chunk's first bytes and its last: a file that was cut off and mended from a backup ends differently.
    BothEnds,
    /// A chunk's first bytes only, because the others are still being edited.
    Beginning,
}

/// Bytes at an end of a chunk that its fingerprint is taken of, at most.
pub const END_BYTES: usize = 480;

/// A slot's checksum word: the sum of its bytes, and the fingerprint of its chunk's beginning.
pub fn checksum(sum: u16, beginning: u32) -> u64 {
    u64::from(beginning) << 32 | u64::from(sum)
}

fn beginning_in(checksum: u64) -> u32 {
    u32::try_from(checksum >> 32).expect("32 bits")
}
