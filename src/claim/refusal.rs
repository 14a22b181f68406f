//! Why nobody may claim a window, where more is meant than another job that has it: ids, and folders of journals.

use std::path::PathBuf;

/// The reason of some errors of this module, see [`Error::reason`](crate::error::Error::reason).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The job of this id was done, and the image was changed since.
    #[error(
        "its job '{token}' was done here, but the image was changed by somebody else since, and nobody can know \
         whether the edit is still in it (was a backup copied over it?); look, and then forget the id to \
         have it done once more"
    )]
    IdUncertain {
        /// The id.
        token: String,
    },
    /// The image is a copy of one where the job of this id was done.
    #[error(
        "is a copy of {}, where the job '{token}' was done; whether before or after it was copied nobody can know; \
         look, and then forget the id to have it done here", first.display()
    )]
    IdCopied {
        /// The id.
        token: String,
        /// The first file.
        first: PathBuf,
    },
    /// The id is that of another job.
    #[error("the id '{token}' was used for another job on this image; choose another word")]
    IdTaken {
        /// The id.
        token: String,
    },
    /// Without attributes no image is known again under an id.
    #[error(
        "its file system keeps no attributes (user.pagelight), by which an image is known again, so that nothing is \
         done twice; give no id, or copy the image to another disk"
    )]
    NoIdsHere,
    /// Without attributes no image finds journals that are not beside it.
    #[error(
        "its file system keeps no attributes (user.pagelight), by which an image finds journals that are not beside \
         it; name no folder for them, or copy the image to another disk"
    )]
    NoFolderHere,
    /// The image has journals, and they are in another folder.
    #[error(
        "its journals are in {}, and cannot be in {} as well; name no folder for them",
        folder.display(),
        wanted.display()
    )]
    OtherFolder {
        /// Where they are.
        folder: PathBuf,
        /// Where the user wants them.
        wanted: PathBuf,
    },
    /// The folder of the image's journals is gone.
    #[error(
        "carries the mark of {}, but the folder of their journals, {}, is gone",
        marked(*jobs, "an id"),
        folder.display()
    )]
    FolderLost {
        /// How many unfinished jobs the mark counts; `None` or 0 if only ids.
        jobs: Option<u32>,
        /// Where it was.
        folder: PathBuf,
    },
    /// Some of the image's journals are gone.
    #[error(
        "carries the mark of {}, but {} has {found} journals: some were removed",
        marked(*jobs, "an id"),
        folder.display()
    )]
    JournalsLost {
        /// How many unfinished jobs the mark counts.
        jobs: Option<u32>,
        /// Where they were.
        folder: PathBuf,
        /// How many are there.
        found: usize,
    },
    /// Another file was here when the job was begun, and an edit without the folder that the user named knew nothing
    /// of it.
    #[error(
        "is not the file that the unfinished job was begun on, and may have been edited since without that folder of \
         journals; nothing was changed; finish the job on the first file, or clear this one with that folder, which \
         takes it for another picture"
    )]
    EditedUnseen,
}

/// What the mark of an image says that it has; `id` is what an id is called.
pub fn marked(jobs: Option<u32>, id: &str) -> String {
    match jobs {
        Some(1) => "an unfinished job".to_owned(),
        Some(jobs @ 2..) => format!("{jobs} unfinished jobs"),
        _ => format!("jobs with {id}"),
    }
}
