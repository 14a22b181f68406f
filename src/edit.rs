//! The library's front door: an [`Image`], and an [`Edit`] of it.
//!
//! This module is for those who want to edit an image without knowing how that is done. An edit does what the program's
//! commands do: it reads the image's header, keeps alpha and samples of no data, claims the window, keeps a journal,
//! and can be finished exactly if it is cut short.
//!
//! 1. Nothing is changed before [`Edit::run`].
//! 2. A file that is truncated while it is mapped is a signal (SIGBUS) to the process. [`crate::guard_signals`], called
//!    once, makes an error of the signal; the library never does that by itself.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::claim::{ImageJobs, PendingJob};
use crate::coordinator::Workers;
use crate::engine::Settings;
use crate::error::{Error, Result, Text, UnfinishedJob};
use crate::format::detached::Detached;
use crate::format::{self, Described, Overrides};
use crate::job::{Job, Target};
use crate::layout::Part;
use crate::map::{Access, MappedFile};
use crate::op::{Adjust, Op};
use crate::pixel::{ChannelSet, Sample};
use crate::run::{self, Options, Outcome};
use crate::worker;

/// An open image whose layout is known.
#[derive(Debug)]
pub struct Image {
    file: MappedFile,
    described: Described,
}

/// What is to be done to samples.
#[derive(Clone, Debug)]
pub enum Change {
    /// An operation as it is. Brightening keeps samples of no data, unless [`Edit::nodata`] says otherwise.
    Op(Op),
    /// Steps that become one table once the samples' type is known.
    Adjust(Adjust),
}

impl Change {
    /// The op for samples of this type; samples of the value `nodata`, if one is given, are kept.
    ///
    /// # Errors
    /// A message for the user, if the change names a value that such samples cannot have.
    pub fn op(self, sample: Sample, nodata: Option<i32>) -> std::result::Result<Op, String> {
        match (self, nodata) {
            (Change::Op(Op::Brighten { amount }), Some(nodata)) => Ok(Op::brighten_keeping(amount, sample, nodata)),
            (Change::Op(Op::Function(function)), nodata) => Ok(Op::Function(function.keeping(nodata))),
            (Change::Op(op), _) => Ok(op),
            (Change::Adjust(adjust), nodata) => Ok(Op::Table(Arc::new(adjust.table(sample, nodata)?))),
        }
    }
}

impl From<Op> for Change {
    fn from(op: Op) -> Change {
        Change::Op(op)
    }
}

impl From<Adjust> for Change {
    fn from(adjust: Adjust) -> Change {
        Change::Adjust(adjust)
    }
}

impl Image {
    /// Opens an image to edit it: raw with an ENVI header, NPY, PNM, farbfeld, TIFF, FITS, MRC, NRRD or MetaImage. Of a
    /// header in a file of its own (`.nhdr`, `.mhd`) the image is the file that it names.
    ///
    /// Without [`crate::guard_signals`], this process ends if another process truncates the file while it is edited.
    ///
    /// # Errors
    /// `NotFound`, `Permission`; `Unfit` if the file is of a kind that cannot be edited; `Request` if no header says
    /// what its pixels look like, see [`Image::open_as`].
    pub fn open(path: impl AsRef<Path>) -> Result<Image> {
        Image::open_as(path, &Overrides::default())
    }

    /// Opens an image of which the caller knows what no header says.
    ///
    /// # Errors
    /// As for [`Image::open`]; `Request` if `overrides` contradict a header or the file's length.
    pub fn open_as(path: impl AsRef<Path>, overrides: &Overrides) -> Result<Image> {
        let path = path.as_ref();
        let header = if overrides.as_raw { None } else { Detached::find(path)? };
        let file = MappedFile::open(header.as_ref().map_or(path, Detached::data), Access::ReadWrite)?;
        let described = format::describe_by(header.as_ref(), &file, overrides)?;
        Ok(Image { file, described })
    }

    /// What the image looks like, and how that is known.
    pub fn described(&self) -> &Described {
        &self.described
    }

    /// Begins an edit of the image; [`Edit::run`] does it.
    pub fn edit(&self, change: impl Into<Change>) -> Edit<'_> {
        Edit {
            image: self,
            change: change.into(),
            part: Ok(Part {
                channels: self.described.color(),
                ..self.described.layout.whole()
            }),
            nodata: self.described.nodata,
            token: String::new(),
            processes: 1,
            settings: None,
            options: Options::default_here(),
            progress: None,
        }
    }

    /// The jobs of the image that are not ended: cut short, or at work now.
    ///
    /// # Errors
    /// `Unfit` if a folder or journal of the image cannot be trusted, `Unfinished` if nobody can know which jobs there
    /// are; `Io`.
    pub fn pending(&self) -> Result<Vec<PendingJob>> {
        ImageJobs::of(&self.file, None)?.pending()
    }

    /// Finishes a job that was cut short, exactly. A job of a [`PixelFunction`](crate::op::PixelFunction) needs its
    /// function first, by [`PendingJob::with`].
    ///
    /// # Errors
    /// As for [`run::resume`].
    pub fn resume(&self, pending: PendingJob) -> Result<Outcome> {
        let options = Options::default_here();
        run::resume(&self.file, pending, &options, &|_| ControlFlow::Continue(()))
    }

    /// Finishes the job that an error told of, see [`Error::unfinished_job`], exactly, wherever its journal is.
    ///
    /// # Errors
    /// `Request` if the image has no such job, or has it no longer; else as for [`run::resume`].
    pub fn resume_from(&self, job: &UnfinishedJob) -> Result<Outcome> {
        let options = Options {
            journal_folder: job.journal.parent().and_then(Path::parent).map(Path::to_owned),
            ..Options::default_here()
        };
        let pending = ImageJobs::of(&self.file, options.journal_folder.as_deref())?.pending()?;
        let resolved = job.journal.canonicalize().unwrap_or_else(|_| job.journal.clone());
        let is_meant = |path: &Path| path == job.journal || path.canonicalize().is_ok_and(|path| path == resolved);
        let Some(pending) = pending.into_iter().find(|pending| is_meant(&pending.path)) else {
            let journal = job.journal.display();
            let why = format!("has no unfinished job with the journal {journal}; look at those that it has");
            return Err(Error::request(self.file.path(), why));
        };
        run::resume(&self.file, pending, &options, &|_| ControlFlow::Continue(()))
    }
}

/// Gets the number of bytes that are done, and says whether to go on.
type OnProgress<'a> = Box<dyn Fn(u64) -> ControlFlow<()> + Sync + 'a>;

/// An edit that is being put into words.
pub struct Edit<'a> {
    image: &'a Image,
    change: Change,
    /// The part to edit, or why it does not fit the image, which [`Edit::run`] returns.
    part: std::result::Result<Part, Text>,
    nodata: Option<i32>,
    token: String,
    processes: u32,
    /// What the caller gave; if nothing, each process has its share of the usual settings.
    settings: Option<Settings>,
    options: Options,
    progress: Option<OnProgress<'a>>,
}

impl std::fmt::Debug for Edit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edit")
            .field("change", &self.change)
            .field("part", &self.part)
            .field("token", &self.token)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<'a> Edit<'a> {
    /// Only the rectangle of `width` x `height` pixels whose left upper pixel is at column `x`, row `y`.
    #[must_use]
    pub fn rect(self, x: u64, y: u64, width: u64, height: u64) -> Edit<'a> {
        let layout = &self.image.described.layout;
        self.with_part(|part| {
            let rect = layout.rect(x, y, width, height)?;
            Ok(Part {
                columns: rect.columns,
                rows: rect.rows,
                ..part
            })
        })
    }

    /// Only these planes, counted from 0.
    #[must_use]
    pub fn planes(self, planes: Range<u64>) -> Edit<'a> {
        let count = self.image.described.layout.planes();
        self.with_part(|part| {
            if planes.start < planes.end && planes.end <= count {
                Ok(Part { planes, ..part })
            } else {
                Err(format!("there are no planes {planes:?}; it has {count}, counted from 0").into())
            }
        })
    }

    /// Only these channels: names, first letters, numbers and ranges from 1 on, with commas, or `all`; see
    /// [`ChannelSet::parse`]. All but alpha unless told otherwise.
    #[must_use]
    pub fn channels(self, list: &str) -> Edit<'a> {
        let names = &self.image.described.names;
        self.with_part(|part| {
            let channels = ChannelSet::parse(list, names)?;
            Ok(Part { channels, ..part })
        })
    }

    fn with_part(self, change: impl FnOnce(Part) -> std::result::Result<Part, Text>) -> Edit<'a> {
        Edit {
            part: self.part.and_then(change),
            ..self
        }
    }

    /// Keeps samples of this value; `None` edits all samples, also those of the value that the header declares for no
    /// data.
    #[must_use]
    pub fn nodata(self, nodata: Option<i32>) -> Edit<'a> {
        Edit { nodata, ..self }
    }

    /// Names this edit by an id of at most 64 bytes. The same edit under the same id does nothing if it was done, and
    /// finishes it if it was cut short.
    #[must_use]
    pub fn id(self, token: &str) -> Edit<'a> {
        Edit {
            token: token.to_owned(),
            ..self
        }
    }

    /// How many threads work, and about how many bytes of the image may be in memory at once, in each process.
    #[must_use]
    pub fn settings(self, settings: Settings) -> Edit<'a> {
        Edit {
            settings: Some(settings),
            ..self
        }
    }

    /// Has the work done by so many copies of this program, which must have called [`worker::serve`]; this process
    /// watches them, and replaces those that are killed. With 1, this process does the work itself.
    #[must_use]
    pub fn processes(self, processes: u32) -> Edit<'a> {
        Edit { processes, ..self }
    }

    /// Do not wait until the result is on the disk: a power cut may then lose some of it.
    #[must_use]
    pub fn without_sync(mut self) -> Edit<'a> {
        self.options.sync = false;
        self
    }

    /// Keep the journal there instead of beside the image.
    #[must_use]
    pub fn journal_folder(mut self, folder: impl Into<PathBuf>) -> Edit<'a> {
        self.options.journal_folder = Some(folder.into());
        self
    }

    /// Has `progress` called with the number of bytes that are done, now and then and from any thread; `Break` pauses
    /// the edit, which can be resumed.
    #[must_use]
    pub fn on_progress(self, progress: impl Fn(u64) -> ControlFlow<()> + Sync + 'a) -> Edit<'a> {
        Edit {
            progress: Some(Box::new(progress)),
            ..self
        }
    }

    /// Does the edit.
    ///
    /// # Errors
    /// `Request` if the edit does not fit the image; else as for [`run::start`].
    pub fn run(self) -> Result<Outcome> {
        let (described, path) = (&self.image.described, self.image.file.path());
        let request = |why: String| Error::request(path, why);
        let sample = described.layout.format().sample;
        let op = self.change.op(sample, self.nodata).map_err(request)?;
        let part = self.part.map_err(|why| Error::request(path, why))?;
        let target = match op {
            Op::Function(_) => Target::of_pixels(&described.layout, &part, &described.names),
            _ => Target::of(&described.layout, &part, &described.names),
        };
        let mut target = target.map_err(|why| Error::request(path, why))?;
        target.mends.clone_from(&described.mended.mends);
        let mut options = self.options;
        options.settings = self
            .settings
            .unwrap_or_else(|| Settings::shared_by(usize::try_from(self.processes).unwrap_or(usize::MAX)));
        if self.processes != 1 {
            options.workers = Some(own_workers(self.processes, &options.settings).map_err(request)?);
        }
        let done = AtomicU64::new(0);
        let progress = self.progress;
        run::start(&Job { op, target }, &self.image.file, &self.token, &options, &|bytes| {
            let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
            progress
                .as_ref()
                .map_or(ControlFlow::Continue(()), |progress| progress(done))
        })
    }
}

/// Workers that are copies of this program.
fn own_workers(processes: u32, settings: &Settings) -> std::result::Result<Workers, String> {
    match processes {
        0 => Err("it cannot be edited by no process; give at least 1".to_owned()),
        _ if !worker::is_served() => {
            Err("this program cannot be started as a worker; it must call pagelight::worker::serve first".to_owned())
        }
        _ => Ok(Workers::new(processes, worker::command(settings))),
    }
}
