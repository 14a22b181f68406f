//! What went wrong and what to do about it, in the words of the command line: with its commands and options.

use std::error::Error;
use std::path::Path;

use pagelight::claim::{self, Refusal};
use pagelight::error::{Choice, Hint, Text, Wording};
use pagelight::identity::NotToBeTrusted;

/// Speaks to those who type commands.
pub(super) struct Commands;

/// What `abandon --yes` does for an image of whose jobs nothing sound is left.
const CLEARS: &str = "'pagelight abandon --yes' takes it for a picture of its own, half-edited as it may be";

impl Wording for Commands {
    fn reason(&self, reason: &(dyn Error + 'static)) -> Option<String> {
        if let Some(refusal) = reason.downcast_ref() {
            return refused(refusal);
        }
        if let Some(NotToBeTrusted { why }) = reason.downcast_ref() {
            return Some(format!(
                "cannot keep a journal that could be trusted when it is read back ({why}); nothing was changed. \
                 --journal DIR keeps it on another disk"
            ));
        }
        reason.downcast_ref().map(|text: &Text| text.with(word))
    }

    fn hint(&self, hint: &Hint, image: Option<&Path>) -> Option<String> {
        let resume = || match image {
            Some(image) => format!("'pagelight resume {}'", image.display()),
            None => "'pagelight resume'".to_owned(),
        };
        Some(match hint {
            Hint::LessMemory => "close other programs, or give a smaller --memory".to_owned(),
            Hint::FewerThreads { threads } => {
                format!("the system does not grant {threads}; give a smaller --threads")
            }
            Hint::FewerProcesses => "try --processes 1, and look at the limit of processes (ulimit -u)".to_owned(),
            Hint::ListObjects => "see what there is with 'pagelight shm list'".to_owned(),
            Hint::Resume => format!("{} goes on", resume()),
            Hint::ResumeThen => format!("{} then goes on exactly", resume()),
            Hint::ResumeAnew => format!("{} begins that anew", resume()),
            Hint::ResumeOrAbandon => "'pagelight resume' finishes it, 'pagelight abandon' gives it up".to_owned(),
            Hint::Abandon => "'pagelight abandon' gives the job up".to_owned(),
            Hint::RestoreThenAbandon => "restore the image, then 'pagelight abandon' removes the job".to_owned(),
            Hint::BringFirstBack => "bring the first one back, or restore the image and 'pagelight abandon'".to_owned(),
            Hint::BringLastBack => "bring the last one back, or restore the image and 'pagelight abandon'".to_owned(),
            Hint::BringFolderBack => {
                format!("bring the folder back (--journal DIR says where), or restore the image; {CLEARS}")
            }
            Hint::BringJournalsBack => format!("bring them back, or restore the image; {CLEARS}"),
            Hint::CopyAgain => format!("finish the first one and copy it again; {CLEARS}"),
            Hint::Restore => format!("restore the image; {CLEARS}"),
            Hint::ClearMark => "'pagelight abandon --yes' removes it".to_owned(),
            Hint::FinishFirst => {
                "finish that on the first file; 'pagelight abandon --yes' with this --journal takes this \
                                  one for another picture"
                    .to_owned()
            }
            Hint::CopyOrBackup => "if this is a copy of the half-edited image, 'pagelight resume' goes on; if it is a \
                                   backup or another picture, 'pagelight abandon --yes' says so, and leaves the job to \
                                   the first file"
                .to_owned(),
            Hint::ClearThenBegin => "'pagelight abandon --yes' takes it for another picture, and then the job can be \
                                     begun on it"
                .to_owned(),
            _ => return None,
        })
    }
}

/// The option or command by which something is said.
fn word(choice: Choice) -> &'static str {
    match choice {
        Choice::Pixel => "--pixel",
        Choice::Size => "--size",
        Choice::DataOffset => "--data-offset",
        Choice::Axes => "--axes",
        Choice::AsRaw => "--as-raw",
        Choice::Part => "--part",
        Choice::Rect => "--rect",
        Choice::Plane => "--plane",
        Choice::Page => "--page",
        Choice::Channels => "--channels",
        Choice::Offset => "--offset",
        Choice::Length => "--length",
        Choice::Import => "'pagelight import'",
        Choice::Limit => "--limit",
        Choice::Tile => "--tile",
        _ => "an option",
    }
}

/// Why nobody may claim a window.
fn refused(refusal: &Refusal) -> Option<String> {
    let no_attributes = "its file system keeps no attributes (user.pagelight), by which";
    let leave_away = "leave the option away, or copy the image to another disk";
    Some(match refusal {
        Refusal::IdUncertain { token } => format!(
            "--id {token} was done here, but the image was changed by somebody else since, and nobody can know whether \
             the edit is still in it (was a backup copied over it?); look, and then 'pagelight forget --id' lets it be \
             done once more"
        ),
        Refusal::IdCopied { token, first } => format!(
            "is a copy of {}, where --id {token} was done; whether before or after it was copied nobody can know; \
             look, and then 'pagelight forget --id' lets it be done here",
            first.display()
        ),
        Refusal::IdTaken { token } => {
            format!("--id {token} was used for another job on this image; choose another word")
        }
        Refusal::NoIdsHere => {
            format!("{no_attributes} an image is known again, so that nothing is done twice (--id); {leave_away}")
        }
        Refusal::NoFolderHere => {
            format!("{no_attributes} an image finds journals that are not beside it (--journal); {leave_away}")
        }
        Refusal::OtherFolder { folder, wanted } => format!(
            "its journals are in {}, and cannot be in {} as well; leave --journal away",
            folder.display(),
            wanted.display()
        ),
        Refusal::FolderLost { jobs, folder } => format!(
            "carries the mark of {}, but the folder of their journals, {}, is gone",
            claim::marked(*jobs, "an --id"),
            folder.display()
        ),
        Refusal::JournalsLost { jobs, folder, found } => format!(
            "carries the mark of {}, but {} has {found} journals: some were removed",
            claim::marked(*jobs, "an --id"),
            folder.display()
        ),
        Refusal::EditedUnseen => {
            "is not the file that the unfinished job was begun on, and may have been edited since \
                                  without --journal; nothing was changed; finish the job on the first file, or \
                                  'pagelight abandon --yes --journal DIR' takes this one for another picture"
                .to_owned()
        }
        _ => return None,
    })
}
