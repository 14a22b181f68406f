//! Pagelight edits images that are bigger than memory, in place, through memory maps, with many threads and many
//! processes on one file, and finishes exactly what was cut short.
//!
//! A [`job::Job`] applies an [`op::Op`] to a [`window::Window`] of an image, whose pixels lie in the file as its
//! [`layout::Layout`] says. A [`claim::Claim`] proves that the window is ours. [`map::View`]s map it span by span; a
//! thread takes chunks; each piece of a chunk is changed on its way into the thread's slot and copied back from there.
//! The [`journal::Journal`] knows which chunks are done and holds the finished bytes of those in flight.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use pagelight::Image;
//! use pagelight::op::Op;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("scan.ppm");
//! # std::fs::write(&path, [b"P6 8 6 65535\n".as_slice(), &[0x12; 8 * 6 * 6]].concat())?;
//! let image = Image::open(&path)?;
//! for cut_short in image.pending()? {
//!     image.resume(cut_short)?; // exactly, whatever killed it
//! }
//! image
//!     .edit(Op::Brighten { amount: 2000 })
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
//! # The house, floor by floor
//! A file imports only from the floors below it; `tests/tidy.rs` holds the rule.
//!
//! | module | knows | deliberately does not know |
//! |---|---|---|
//! | [`error`] | what can go wrong, and what to do then | exit codes |
//! | [`pixel`], [`layout`], [`window`], [`cut`] | what a pixel looks like, where pixels lie, which are meant, how they are cut | files, threads |
//! | [`digest`] | 64 bits that stand for many bytes | whose bytes |
//! | [`counts`] | what an edit counts | whose samples |
//! | [`op`] | what is to happen to a sample's value | files, threads, channels |
//! | [`kernel`] | what happens to the samples in a slice of bytes | files, threads, errors |
//! | [`os`] | services of the operating system | images |
//! | [`map`] | bytes of a file as memory | images |
//! | [`ipc`] | memory, file maps and mutexes with names, for unrelated processes | images |
//! | [`threads`] | many threads on one row of work | what the work is |
//! | [`mod@format`] | headers, known kinds, and the layouts they mean | pixels' values |
//! | [`identity`] | which file an image is, and where its journals are | what they say |
//! | [`job`] | one edit of one window | how it is run |
//! | [`journal`] | which chunks are done, and the finished bytes of those in flight | what the bytes mean |
//! | [`claim`] | who may work on which window | how the work is done |
//! | [`engine`] | how a job is run in this process | terminals, other processes, file formats |
//! | [`coordinator`] | how a job is run in many processes | what they do to pixels |
//! | [`run`] | a job from its claim to its end, begun or resumed | threads, terminals |
//! | [`mod@edit`] | the front door: an image, and an edit of it in words | how that is done |
//! | [`estimate`] | what an edit would do, from a sample | |
//! | [`synth`] | test pictures | |
//! | [`convert`] | ordinary pictures, and how they become images and back | jobs, terminals |
//! | [`stats`] | what samples are like | |
//! | [`mod@bench`] | how fast this machine is, and how near to that the engine | terminals |
//! | [`plot`] | drawings of figures | files |
//!
//! The program (`main.rs` and `cli/`) stands on top of this library. Only it prints, reads the environment or exits.
//!
//! Unsafe code stands in [`os`], [`map`] and [`ipc`] only, and nothing lends a reference into a map: other processes
//! may change its bytes at any moment.

pub mod bench;
pub mod claim;
pub mod convert;
pub mod coordinator;
pub mod counts;
pub mod cut;
pub mod digest;
pub mod edit;
pub mod engine;
pub mod error;
pub mod estimate;
pub mod format;
pub mod identity;
pub mod ipc;
pub mod job;
pub mod journal;
pub mod kernel;
pub mod layout;
pub mod map;
pub mod op;
pub mod os;
pub mod pixel;
pub mod plot;
pub mod run;
pub mod stats;
pub mod synth;
pub mod threads;
pub mod window;

pub use self::edit::{Change, Edit, Image};
