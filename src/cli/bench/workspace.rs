//! Where measurements are made: a file of the bench's own, which is gone in the end, or an image that keeps its bytes.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pagelight::bench::Plan;
use pagelight::bench::state::CacheState;
use pagelight::claim::{self, ImageJobs};
use pagelight::error::{Error, Result, Subject};
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::op::Op;
use pagelight::os::direct::{self, ALIGN_BYTES};
use pagelight::os::disk::{self, FileSystem};
use pagelight::pixel::PixelFormat;
use pagelight::run::{self, Options};
use tempfile::TempDir;

use super::Bench;
use crate::cli::image::{ImageArgs, OpenImage};
use crate::cli::{Global, output};

/// Less than this says nothing; a disk with no room for it is full.
const MIN_BYTES: u64 = 16 << 20;
/// A file smaller than this is not what the disk's limit is measured on.
const MIN_DISK_BYTES: u64 = 1 << 20;
const PAGE_BYTES: u64 = ALIGN_BYTES as u64;

/// How the names of the folders begin that hold our own files.
pub(super) const FOLDER_PREFIX: &str = "pagelight-bench-";

/// An image that is edited itself.
pub(super) struct InPlace {
    pub(super) layout: Layout,
}

impl InPlace {
    fn of(image: OpenImage) -> InPlace {
        InPlace {
            layout: image.described.layout,
        }
    }
}

/// Where measurements are made.
pub(super) struct Workspace {
    /// The file that is edited.
    pub(super) file: PathBuf,
    pub(super) format: PixelFormat,
    pub(super) data_offset: u64,
    /// How much of it is edited: whole pixels.
    pub(super) bytes: u64,
    /// If the file is not our own.
    pub(super) image: Option<InPlace>,
    /// The file that the disk's limit is measured on, always our own, and over so many bytes.
    pub(super) disk_file: PathBuf,
    pub(super) disk_bytes: u64,
    pub(super) file_system: FileSystem,
    pub(super) states: Vec<CacheState>,
    /// What is left out, and why.
    pub(super) skipped: Vec<(CacheState, String)>,
    /// The folder that was looked at.
    pub(super) parent: PathBuf,
    /// Holds all of our own files; removed when dropped.
    folder: Option<TempDir>,
}

impl Workspace {
    /// Finds it, as the words say. Files are named here and written by whoever measures.
    pub(super) fn find(words: &Bench, global: &Global, wanted: &[CacheState]) -> Result<Workspace> {
        let image = words.image.as_ref().map(|image| open(image, words)).transpose()?;
        if image.is_none() && words.layout_args.size.is_some() {
            return Err(Error::request(
                Subject::Nothing,
                "--size: there is no image; say --bytes",
            ));
        }
        let parent = match (&words.dir, &image) {
            (Some(dir), _) => dir.clone(),
            (None, Some(image)) => folder_of(image.file.path())?,
            (None, None) => PathBuf::from("."),
        };
        let (format, data_offset, at_most) = pixels(words, image.as_ref());
        let mut bytes = whole_pixels(words.bytes.min(at_most), format);
        let in_place = image.filter(|_| words.in_place);
        let failed = |error| Error::io("look at", &parent, error);
        let opened = File::open(&parent).map_err(failed)?;
        let file_system = disk::file_system(&opened).map_err(failed)?;
        let (mut states, mut skipped) = possible(wanted, file_system);
        let mut folder = None;
        // Files of our own beside an image that is edited itself serve the disk's limit only.
        if in_place.is_none() || states.contains(&CacheState::Cold) {
            // One file for the edit and one for the disk's limit, if it is not the same; and as much is left to others.
            let two = in_place.is_none() && data_offset >= PAGE_BYTES && states.contains(&CacheState::Cold);
            let parts = if two { 4 } else { 2 };
            let room = disk::free_bytes(&opened).map_err(failed)? / parts;
            let room = whole_pixels(room_for(bytes, room, &parent)?, format);
            if room < bytes {
                let (folder, part) = (parent.display(), output::bytes(room));
                global.note(&format!(
                    "{folder}: has room for {parts} times {part}; that much is measured"
                ));
            }
            bytes = bytes.min(room);
            folder = Some(own_folder(&parent)?);
        }
        // From here on nothing overflows.
        Layout::run(data_offset, bytes / format.pixel_bytes(), format)
            .map_err(|why| Error::request(Subject::Nothing, why))?;
        let own = folder.as_ref().map_or(Path::new(""), TempDir::path);
        let given = in_place.as_ref().map(|image| image.file.path());
        let file = given.map_or_else(|| own.join("bench.raw"), Path::to_owned);
        let serves_both = in_place.is_none() && data_offset < PAGE_BYTES && bytes >= MIN_DISK_BYTES;
        let (disk_file, disk_bytes) = if serves_both {
            (file.clone(), (data_offset + bytes) / PAGE_BYTES * PAGE_BYTES)
        } else {
            (own.join("disk.raw"), bytes.next_multiple_of(PAGE_BYTES))
        };
        if states.contains(&CacheState::Cold) && !can_pass_the_cache(&disk_file)? {
            states.retain(|state| *state != CacheState::Cold);
            let why = format!("{file_system} has no way past the page cache (O_DIRECT) to compare with");
            skipped.push((CacheState::Cold, why));
        }
        tell_skipped(global, &skipped, &states, &parent)?;
        Ok(Workspace {
            file,
            format,
            data_offset,
            bytes,
            image: in_place.map(InPlace::of),
            disk_file,
            disk_bytes,
            file_system,
            states,
            skipped,
            parent,
            folder,
        })
    }

    /// The part of the file that is edited.
    pub(super) fn data(&self) -> Range<u64> {
        self.data_offset..self.data_offset + self.bytes
    }

    /// Our own files that are to be written before anything is measured, and which part of them.
    pub(super) fn to_write(&self, plan: &Plan) -> Vec<(&Path, Range<u64>)> {
        let mut files = Vec::new();
        if plan.is_own {
            files.push((self.file.as_path(), self.data()));
        }
        if plan.uses_disk() && self.disk_file != self.file {
            files.push((self.disk_file.as_path(), 0..self.disk_bytes));
        }
        files
    }

    /// Removes our own files.
    pub(super) fn close(&mut self) -> Result<()> {
        let Some(folder) = self.folder.take() else {
            return Ok(());
        };
        let path = folder.path().to_owned();
        folder.close().map_err(|error| Error::io("remove", &path, error))
    }

    /// Gives up what a run that did not come to its end left unfinished on an image: it adds 0, so there is nothing to
    /// be finished.
    pub(super) fn give_up(&self) -> Result<()> {
        if self.image.is_none() {
            return Ok(());
        }
        let image = MappedFile::open(&self.file, Access::ReadWrite)?;
        for pending in ImageJobs::of(&image, None)?.pending()? {
            let window = &pending.job.target.window;
            if pending.job.op == (Op::Brighten { amount: 0 }) && window.bounds(0..window.bytes()) == self.data() {
                run::abandon(&image, pending, &Options::default_here())?;
            }
        }
        claim::sweep(&image, None)
    }
}

/// A folder for files of our own.
fn own_folder(parent: &Path) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir_in(parent);
    made.map_err(|error| Error::create(&parent.join(format!("{FOLDER_PREFIX}*")), error))
}

/// What pixels look like, where they begin, and of how many bytes there are at most.
fn pixels(words: &Bench, image: Option<&OpenImage>) -> (PixelFormat, u64, u64) {
    match image.map(|image| &image.described.layout) {
        Some(layout) => (layout.format(), layout.data_offset(), layout.data_bytes()),
        None => (
            words.layout_args.pixel.unwrap_or(PixelFormat::RGBA16),
            words.layout_args.data_offset.unwrap_or(0),
            u64::MAX,
        ),
    }
}

/// The image, as far as its layout goes; with `--in-place` it must be writable, and that is seen now.
fn open(image: &Path, words: &Bench) -> Result<OpenImage> {
    let access = if words.in_place {
        Access::ReadWrite
    } else {
        Access::Read
    };
    let args = ImageArgs {
        image: image.to_owned(),
        layout_args: words.layout_args.clone(),
    };
    let open = args.open(access)?;
    let layout = &open.described.layout;
    if words.in_place && !(layout.is_one_run() && layout.planes() == 1) {
        return Err(Error::request(
            image,
            "its planes, bands or tiles lie apart, and --in-place measures pixels one after another; leave \
             --in-place out",
        ));
    }
    Ok(open)
}

/// The folder that the image itself lies in; its name may be a link from elsewhere.
fn folder_of(path: &Path) -> Result<PathBuf> {
    let file = path.canonicalize().map_err(|error| Error::io("look at", path, error))?;
    Ok(file.parent().unwrap_or(Path::new("/")).to_owned())
}

/// At least one pixel.
fn whole_pixels(bytes: u64, format: PixelFormat) -> u64 {
    (bytes / format.pixel_bytes()).max(1) * format.pixel_bytes()
}

/// Which states are states of their own on the file system; and why the others are not.
fn possible(wanted: &[CacheState], file_system: FileSystem) -> (Vec<CacheState>, Vec<(CacheState, String)>) {
    if file_system != FileSystem::Tmpfs {
        return (wanted.to_vec(), Vec::new());
    }
    let (out, states): (Vec<CacheState>, Vec<CacheState>) = wanted.iter().partition(|state| state.needs_disk());
    let why = "tmpfs keeps its files in memory and nowhere else".to_owned();
    (states, out.into_iter().map(|state| (state, why.clone())).collect())
}

/// Says which states are left out. If all are, that is an error.
fn tell_skipped(global: &Global, skipped: &[(CacheState, String)], states: &[CacheState], folder: &Path) -> Result<()> {
    for (state, why) in skipped {
        global.note(&format!("{state} is left out: {why}"));
    }
    if states.is_empty() {
        Err(Error::request(
            Subject::Nothing,
            format!(
                "--states: none is left to be measured in {}; give others, such as warm,fresh",
                folder.display()
            ),
        ))
    } else {
        Ok(())
    }
}

/// As much of `bytes` as there is `room` for.
fn room_for(bytes: u64, room: u64, folder: &Path) -> Result<u64> {
    if room < bytes.min(MIN_BYTES) {
        Err(Error::io("write to", folder, std::io::ErrorKind::StorageFull.into()))
    } else {
        Ok(bytes.min(room))
    }
}

/// Tried with the file itself: a file system may say no only then.
fn can_pass_the_cache(path: &Path) -> Result<bool> {
    File::create(path).map_err(|error| Error::create(path, error))?;
    let opened = direct::open(path).map_err(|error| Error::io("open", path, error))?;
    Ok(opened.is_some())
}
