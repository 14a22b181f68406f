//! The numbers by which a process tells what kind of error it had: exit codes, most of them those of BSD's
//! `sysexits.h`.
//!
//! The program ends with them, and a coordinator reads them from its workers, by one table. They are documented, so
//! they stay.
//!
//! | kind | code | example |
//! |---|---|---|
//! | [`ErrorKind::Untold`] | 1 | a worker ended with a code that means no kind |
//! | [`ErrorKind::Lacking`] | 1 | /proc is not mounted |
//! | [`ErrorKind::Request`] | 2 | a rectangle past the end of the image |
//! | [`ErrorKind::Unfinished`] | 3 | a killed job is in the way |
//! | [`ErrorKind::Unfit`] | 65 | a TIFF, which is not edited in place; a damaged journal |
//! | [`ErrorKind::NotFound`] | 66 | no image of that name |
//! | [`ErrorKind::NoFolder`] | 66 | a picture to be written into a folder that is not there |
//! | [`ErrorKind::NoObject`] | 66 | no named memory of that name |
//! | [`ErrorKind::Exists`] | 73 | an image to be created under a name that is taken |
//! | [`ErrorKind::Io`] | 74 | a full disk |
//! | [`ErrorKind::Busy`] | 75 | a living process edits a window that overlaps |
//! | [`ErrorKind::Permission`] | 77 | a file that this user may not write to |
//! | [`ErrorKind::Panicked`] | 101 | a worker panicked |
//! | [`ErrorKind::Interrupted`] | 130 | Ctrl-C |
//!
//! The program has two more: 0 where all is done, and 4 for an abandoned mutex, if the user asked for that.

use crate::error::ErrorKind;

/// Each kind and its code. Where several have the same one, the first is read from it.
const CODES: [(ErrorKind, u8); 14] = [
    (ErrorKind::Untold, 1),
    (ErrorKind::Lacking, 1),
    (ErrorKind::Request, 2),
    (ErrorKind::Unfinished, 3),
    (ErrorKind::Unfit, 65),
    (ErrorKind::NotFound, 66),
    (ErrorKind::NoFolder, 66),
    (ErrorKind::NoObject, 66),
    (ErrorKind::Exists, 73),
    (ErrorKind::Io, 74),
    (ErrorKind::Busy, 75),
    (ErrorKind::Permission, 77),
    (ErrorKind::Panicked, 101),
    (ErrorKind::Interrupted, 130),
];

/// The exit code of a process that had an error of this kind.
pub fn code(kind: ErrorKind) -> u8 {
    let found = CODES.iter().find(|(other, _)| *other == kind);
    found.map_or(1, |(_, code)| *code)
}

/// The kind of error of a process that ended with this code; [`ErrorKind::Untold`] where it means none.
pub fn kind(code: i32) -> ErrorKind {
    let found = CODES.iter().find(|(_, other)| i32::from(*other) == code);
    found.map_or(ErrorKind::Untold, |(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_documented_code_which_is_read_as_the_first_of_that_code() {
        let documented = [
            "Untold 1 Untold",
            "Lacking 1 Untold",
            "Request 2 Request",
            "Unfinished 3 Unfinished",
            "Unfit 65 Unfit",
            "NotFound 66 NotFound",
            "NoFolder 66 NotFound",
            "NoObject 66 NotFound",
            "Exists 73 Exists",
            "Io 74 Io",
            "Busy 75 Busy",
            "Permission 77 Permission",
            "Panicked 101 Panicked",
            "Interrupted 130 Interrupted",
        ];
        let told = CODES.map(|(error_kind, _)| {
            let code = code(error_kind);
            format!("{error_kind:?} {code} {:?}", kind(i32::from(code)))
        });
        assert_eq!(told, documented);
        for foreign in [-1, 0, 4, 100, 126, 256 + 74] {
            assert_eq!(kind(foreign), ErrorKind::Untold, "{foreign}");
        }
    }
}
