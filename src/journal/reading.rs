//! Opening what a job of this user left, and believing nothing else.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::journal::header::{HEADER_BYTES, JournalHeader, STATE_AT};
use crate::journal::words::Codec;
use crate::journal::{JobState, refused};
use crate::map::Access;
use crate::os::identity::{self, FileStat};

/// Opens a file that a job of this user left; `None` if it is gone.
pub(super) fn open_own(path: &Path, access: Access) -> Result<Option<File>> {
    let file = match identity::open_no_link(path, access == Access::ReadWrite) {
        Ok(Some(file)) => file,
        Ok(None) => return Err(refused(path, "is a link, and a journal never is one")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            // Another user's cannot be opened, and that is what there is to be said.
            let foreign = FileStat::of_path(path)
                .ok()
                .and_then(|stat| stat.refuse_foreign().err());
            return Err(foreign.map_or_else(|| Error::io("open", path, error), |why| refused(path, &why)));
        }
    };
    let stat = FileStat::of(&file).map_err(|error| Error::io("look at", path, error))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(refused(path, "is no regular file, and a journal always is one"));
    }
    stat.refuse_foreign().map_err(|why| refused(path, &why))?;
    match stat.links {
        // Removed since we found its name: the job came to its end.
        0 => Ok(None),
        1 => Ok(Some(file)),
        links => Err(refused(
            path,
            &format!("has {links} names, so anybody may have made it"),
        )),
    }
}

pub(super) fn read_header(file: &File, path: &Path, length: u64) -> Result<JournalHeader> {
    if length < HEADER_BYTES as u64 {
        return Err(refused(
            path,
            &format!("has {length} bytes: it is no journal, or was cut"),
        ));
    }
    let mut page = [0; HEADER_BYTES];
    let read = file.read_exact_at(&mut page, 0);
    read.map_err(|error| Error::io("read", path, error))?;
    let decoded = JournalHeader::decode(&page, length, |at, bytes| {
        let read = file.read_exact_at(bytes, at as u64);
        read.map_err(|error| format!("cannot be read: {error}"))
    });
    decoded.map_err(|why| refused(path, &why))
}

/// Reads what is kept of a job that was done under an id; `None` if there is no such file.
///
/// # Errors
/// `Unfit` if it is no such record.
pub fn read_id(path: &Path) -> Result<Option<JournalHeader>> {
    let Some(file) = open_own(path, Access::Read)? else {
        return Ok(None);
    };
    let length = file
        .metadata()
        .map_err(|error| Error::io("look at", path, error))?
        .len();
    read_header(&file, path, length).map(Some)
}

/// Reads what never changes in the journal `path`, and where its job stands, without mapping it; `None` if it is gone.
///
/// # Errors
/// As for [`crate::journal::Journal::open`].
pub fn peek(path: &Path) -> Result<Option<(JournalHeader, JobState)>> {
    let Some(file) = open_own(path, Access::Read)? else {
        return Ok(None);
    };
    let length = file
        .metadata()
        .map_err(|error| Error::io("look at", path, error))?
        .len();
    let header = read_header(&file, path, length)?;
    let mut word = [0; 8];
    let read = file.read_exact_at(&mut word, STATE_AT as u64);
    read.map_err(|error| Error::io("read", path, error))?;
    let number = Codec::new(header.seed()).read_state(u64::from_ne_bytes(word));
    let state = number.and_then(JobState::from_number);
    let state = state.ok_or_else(|| refused(path, "is damaged: its state makes no sense"))?;
    Ok(Some((header, state)))
}
