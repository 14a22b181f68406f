//! Pagelight edits images that are bigger than memory, in place, through memory maps, with many threads and many
//! processes on one file, and finishes exactly what was cut short.
//!
//! An [`Image`] is opened, an [`Edit`] of it is put into words, and [`Edit::run`] does it, exactly once: killed at any
//! instruction, it leaves a [`PendingJob`] that [`Image::resume`] finishes, bit for bit as if nothing had happened.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use pagelight::{Image, Op};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("scan.ppm");
//! # std::fs::write(&path, [b"P6 8 6 65535\n".as_slice(), &[0x12; 8 * 6 * 6]].concat())?;
//! let image = Image::open(&path)?;
//! for cut_short in image.pending()? {
//!     image.resume(cut_short)?; // exactly, whatever killed it
//! }
//! image
//!     .edit(Op::brighten(2000))
//!     .rect(2, 1, 4, 3)
//!     .channels("red,blue")
//!     .id("batch-17") // never twice under this word
//!     .on_progress(|done_bytes| {
//!         println!("{done_bytes} bytes are done");
//!         ControlFlow::Continue(())
//!     })
//!     .run()?;
//! # let bytes = std::fs::read(&path)?;
//! # let pixel = 13 + (8 + 2) * 6;
//! # assert_eq!(bytes[pixel..pixel + 6], [0x19, 0xe2, 0x12, 0x12, 0x19, 0xe2]);
//! # assert_eq!(bytes[pixel - 6..pixel], [0x12; 6]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What there is
//! * **What is done to samples**: [`Op::brighten`]; [`Adjust`], steps such as gain, gamma, levels, clamp, invert; a
//!   [`Table`] of your own; a [`PixelFunction`] over whole pixels.
//! * **To which of them**: [`Edit::rect`], [`Edit::planes`], [`Edit::channels`]; all but alpha unless told otherwise.
//! * **By whom**: threads and memory ([`Edit::settings`]); many processes ([`Edit::processes`], of a program that calls
//!   [`worker::serve`]).
//! * **Where images lie**: raw files with an ENVI header, NPY, PNM, farbfeld, TIFF, FITS, MRC, NRRD, MetaImage
//!   ([`mod@format`]), or whatever [`Overrides`] say.
//! * **Below that**: bytes of a file as memory ([`map`]); memory, mutexes and maps by name between unrelated processes
#![cfg_attr(feature = "ipc", doc = "  ([`ipc`]).")]
#![cfg_attr(not(feature = "ipc"), doc = "  (`ipc`, a feature).")]
//!
//! # Systems
//! Linux only, and tried on x86-64 only: what is promised after a kill rests on Linux's locks and shared maps of files.
//! On any other system this crate is a compile error.
//!
//! # Signals
//! A file that another program truncates while it is mapped is a signal (SIGBUS) to this process, which kills it. Call
//! [`guard_signals`] once, and it is an error of the edit instead. The library does not do that by itself, because
//! signals belong to the program; a [`worker`] process does. [`Interrupt`] makes Ctrl-C a question that a long edit
//! asks.
//!
//! # Features
//! | feature | brings |
//! |---|---|
//! | `cli` (default) | the program, with all below |
//! | `pictures` | PNG and TIFF in and out, for the program's `import`, `export` and `preview` |
//! | `ipc` | named memory, mutexes and maps |
//!
//! `default-features = false` leaves images and their edits, with about a dozen dependencies.
//!
//! What is not listed below is hidden: it is public for the program, the tests and the benches, and may change at any
//! time.

// # The house, floor by floor
// A file imports only from the floors below it; `tests/tidy.rs` holds the rule.
//
// | module | knows | deliberately does not know |
// |---|---|---|
// | `error` | what can go wrong, and what to do then | exit codes, commands, options |
// | `exit` | the number of each kind of error, by which processes tell it | |
// | `pixel`, `layout`, `window`, `chunk_plan` | what a pixel looks like, where pixels lie, which are meant, how they are cut | files, threads |
// | `digest` | 64 bits that stand for many bytes | whose bytes |
// | `counts` | what an edit counts | whose samples |
// | `op` | what is to happen to a sample's value | files, threads, channels |
// | `kernel` | what happens to the samples in a slice of bytes | files, threads, errors |
// | `os` | services of the operating system | images |
// | `map` | bytes of a file as memory | images |
// | `ipc` | memory, file maps and mutexes with names, for unrelated processes | images |
// | `threads` | many threads on one row of work | what the work is |
// | `format` | headers, known kinds, and the layouts they mean | pixels' values |
// | `identity` | which file an image is, and where its journals are | what they say |
// | `mend` | what is written elsewhere in the file after an edit | why |
// | `job` | one edit of one window | how it is run |
// | `journal` | which chunks are done, and the finished bytes of those in flight | what the bytes mean |
// | `claim` | who may work on which window | how the work is done |
// | `engine` | how a job is run in this process | terminals, other processes, file formats |
// | `coordinator` | how a job is run in many processes | what they do to pixels |
// | `run` | a job from its claim to its end, begun or resumed | threads, terminals |
// | `worker` | what a process does that shares another one's job | how it is started |
// | `edit` | the front door: an image, and an edit of it in words | how that is done |
// | `estimate` | what an edit would do, from a sample | |
// | `synth` | test pictures | |
// | `convert` | ordinary pictures, and how they become images and back | jobs, terminals |
// | `stats` | what samples are like | |
// | `bench` | how fast this machine is, and how near to that the engine | terminals |
// | `plot` | drawings of figures | files |
//
// The program (`main.rs` and `cli/`) stands on top of this library. Only it prints, reads the environment or exits.
//
// Unsafe code stands in `os`, `map` and `ipc` only, and nothing lends a reference into a map: other processes may
// change its bytes at any moment.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "Pagelight runs on Linux only: that a killed edit is finished exactly rests on its locks and shared maps of files"
);

pub mod format;
#[cfg(feature = "ipc")]
pub mod ipc;
pub mod map;
pub mod worker;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod bench;
#[doc(hidden)]
pub mod chunk_plan;
#[doc(hidden)]
pub mod claim;
#[cfg(feature = "pictures")]
#[doc(hidden)]
pub mod convert;
#[doc(hidden)]
pub mod coordinator;
#[doc(hidden)]
pub mod counts;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod edit;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod estimate;
#[doc(hidden)]
pub mod exit;
#[doc(hidden)]
pub mod identity;
#[doc(hidden)]
pub mod job;
#[doc(hidden)]
pub mod journal;
#[doc(hidden)]
pub mod kernel;
#[doc(hidden)]
pub mod layout;
#[doc(hidden)]
pub mod mend;
#[doc(hidden)]
pub mod op;
#[doc(hidden)]
pub mod os;
#[doc(hidden)]
pub mod pixel;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod plot;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod stats;
#[doc(hidden)]
pub mod synth;
#[doc(hidden)]
pub mod threads;
#[doc(hidden)]
pub mod window;

pub use self::claim::PendingJob;
pub use self::counts::Counts;
pub use self::edit::{Change, Edit, Image};
pub use self::engine::Settings;
pub use self::error::{Error, ErrorKind, Hint, Result, Subject, UnfinishedJob, Wording};
#[doc(inline)]
pub use self::format::{Described, Overrides};
pub use self::job::{Description, Job, Target};
pub use self::layout::{Layout, Part};
pub use self::op::{Adjust, Amount, Clamp, Curve, Gain, Gamma, Levels, Op, PixelFunction, Shift, Step, Table};
pub use self::os::fault::guard_signals;
pub use self::os::interrupt::Interrupt;
pub use self::pixel::{ByteOrder, ChannelSet, Channels, PixelFormat, Sample};
pub use self::run::{Options, Outcome};
pub use self::window::{Block, Window};

/// The blocks of the page for those who use the library, as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct LibraryPage;
