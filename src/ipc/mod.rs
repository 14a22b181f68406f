//! Named objects: memory, file maps and mutexes by which unrelated processes of one user meet.
//!
//! This is what .NET's `MemoryMappedFile` and `Mutex` give on Windows and refuse on Unix, where nobody cleans up after
//! a crash. Here the kernel does: using an object is a lock on its file, and locks end with their process.
//!
//! | .NET | here |
//! |---|---|
//! | `MemoryMappedFile.CreateFromFile(path, mode, "ImgA")` | [`MappedFile::open`] and [`MappedFile::publish`] |
//! | `MemoryMappedFile.OpenExisting("ImgA")`, of a file | [`MappedFile::open_named`] |
//! | `MemoryMappedFile.CreateNew(name, capacity)` | [`SharedMemory::create_new`] |
//! | `MemoryMappedFile.CreateOrOpen(name, capacity)` | [`SharedMemory::create_or_open`] |
//! | `MemoryMappedFile.OpenExisting(name)` | [`SharedMemory::open`] |
//! | `MemoryMappedFile.OpenExisting(name, MemoryMappedFileRights.Read)` | [`SharedMemory::open_with`] |
//! | `MemoryMappedFile.CreateNew(null, capacity)` | [`MappedFile::unnamed`] |
//! | `MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, capacity)` | [`MappedFile::open_or_create`] |
//! | `CreateViewAccessor(offset, length, MemoryMappedFileAccess.CopyOnWrite)` | [`SharedMemory::view_copy_on_write`] |
//! | `ReadArray`, `WriteArray`, `ReadBoolean`, `ReadChar` | `read_slice`, `write_slice` and `read_checked` of [`crate::map::View`] |
//! | `CreateViewAccessor(offset, length)` | [`SharedMemory::view`] of `offset..offset + length`; `CreateViewAccessor(offset, 0)` is that of `offset..` |
//! | `CreateViewStream(offset, length)` | [`SharedMemory::stream`], or [`ViewStream::new`] on any view |
//! | `new Mutex(true, name, out created)` | [`NamedMutex::create_or_open_owned`] |
//! | `Mutex.OpenExisting(name)` | [`NamedMutex::open`] |
//! | `WaitOne()`, `WaitOne(timeout)` | [`NamedMutex::lock`], [`NamedMutex::lock_timeout`] |
//! | `ReleaseMutex()` | dropping the [`Guard`] |
//! | `new EventWaitHandle(false, mode, name)`, `Set()`, `Reset()`, `WaitOne()` | [`NamedEvent`] |
//! | nothing | [`SharedMutex`], a value with its mutex; [`ByteRing`], a stream from one process to another |
//! | `AbandonedMutexException` | [`Guard::abandoned`]: the lock is yours all the same |
//!
//! # Three programs that meet by name
//! The programs of Microsoft's sample ("Non-persisted memory-mapped files"), each beside ours. A makes the memory,
//! writes into it, and waits until the others have been there:
//!
//! ```csharp
//! // Process A
//! using (MemoryMappedFile mmf = MemoryMappedFile.CreateNew("testmap", 10000))
//! {
//!     bool mutexCreated;
//!     Mutex mutex = new Mutex(true, "testmapmutex", out mutexCreated);
//!     using (MemoryMappedViewStream stream = mmf.CreateViewStream())
//!     {
//!         BinaryWriter writer = new BinaryWriter(stream);
//!         writer.Write(1);
//!     }
//!     mutex.ReleaseMutex();
//!     Console.WriteLine("Start Process B and press ENTER to continue.");
//!     Console.ReadLine();
//!     Console.WriteLine("Start Process C and press ENTER to continue.");
//!     Console.ReadLine();
//!     mutex.WaitOne();
//!     using (MemoryMappedViewStream stream = mmf.CreateViewStream())
//!     {
//!         BinaryReader reader = new BinaryReader(stream);
//!         Console.WriteLine("Process A says: {0}", reader.ReadBoolean());
//!         Console.WriteLine("Process B says: {0}", reader.ReadBoolean());
//!         Console.WriteLine("Process C says: {0}", reader.ReadBoolean());
//!     }
//!     mutex.ReleaseMutex();
//! }
//! ```
//!
//! ```
//! use std::io::{Read, Write};
//! use pagelight::error::Result;
//! use pagelight::ipc::{NamedMutex, Namespace, Persistence, SharedMemory};
//!
//! /// Process A. In a program of your own, `names` is `Namespace::of_user()`.
//! fn process_a(names: &Namespace, others: impl FnOnce()) -> Result<[bool; 3]> {
//!     let memory = SharedMemory::create_new(&names.name("testmap")?, 10_000, Persistence::Process)?;
//!     let (mutex, guard) = NamedMutex::create_new_owned(&names.name("testmapmutex")?, Persistence::Process)?;
//!     memory.stream(..)?.write_all(&[true as u8]).expect("there is room");
//!     drop(guard);
//!
//!     others(); // start process B, then process C
//!
//!     let _guard = mutex.lock()?;
//!     let mut said = [0; 3];
//!     memory.stream(..)?.read_exact(&mut said).expect("there are three");
//!     Ok(said.map(|byte| byte != 0))
//! }
//! # /// Process B.
//! # fn process_b(names: &Namespace) -> Result<()> {
//! #     let memory = SharedMemory::open(&names.name("testmap")?)?;
//! #     let mutex = NamedMutex::open(&names.name("testmapmutex")?)?;
//! #     let _guard = mutex.lock()?;
//! #     memory.view(1..)?.write(0, &(false as u8))
//! # }
//! # /// Process C.
//! # fn process_c(names: &Namespace) -> Result<()> {
//! #     let memory = SharedMemory::open(&names.name("testmap")?)?;
//! #     let mutex = NamedMutex::open(&names.name("testmapmutex")?)?;
//! #     let _guard = mutex.lock()?;
//! #     memory.view(2..)?.write(0, &(true as u8))
//! # }
//! # let folder = tempfile::tempdir()?;
//! # let (live, kept) = (folder.path().join("live"), folder.path().join("kept"));
//! # let names = Namespace::at(&live, &kept);
//! # for order in ["BC", "CB"] {
//! #     let said = process_a(&names, || {
//! #         for process in order.chars() {
//! #             let done = if process == 'B' { process_b(&names) } else { process_c(&names) };
//! #             done.expect("A holds the names");
//! #         }
//! #     })?;
//! #     assert_eq!(said, [true, false, true]);
//! #     // A was the last user, so nothing is left.
//! #     assert_eq!(live.read_dir()?.count(), 0);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! B opens both by name and writes behind A's byte; C does the same one byte further on, with `true`:
//!
//! ```csharp
//! // Process B
//! using (MemoryMappedFile mmf = MemoryMappedFile.OpenExisting("testmap"))
//! {
//!     Mutex mutex = Mutex.OpenExisting("testmapmutex");
//!     mutex.WaitOne();
//!     using (MemoryMappedViewStream stream = mmf.CreateViewStream(1, 0))
//!     {
//!         BinaryWriter writer = new BinaryWriter(stream);
//!         writer.Write(0);
//!     }
//!     mutex.ReleaseMutex();
//! }
//! ```
//!
//! ```
//! # use pagelight::error::Result;
//! # use pagelight::ipc::{NamedMutex, Namespace, Persistence, SharedMemory};
//! /// Process B.
//! fn process_b(names: &Namespace) -> Result<()> {
//!     let memory = SharedMemory::open(&names.name("testmap")?)?;
//!     let mutex = NamedMutex::open(&names.name("testmapmutex")?)?;
//!     let _guard = mutex.lock()?;
//!     memory.view(1..)?.write(0, &(false as u8))
//! }
//! # let folder = tempfile::tempdir()?;
//! # let names = Namespace::at(&folder.path().join("live"), &folder.path().join("kept"));
//! # let nobody = process_b(&names).expect_err("A has not been started");
//! # assert!(matches!(nobody, pagelight::error::Error::NoObject { .. }));
//! # let memory = SharedMemory::create_new(&names.name("testmap")?, 3, Persistence::Process)?;
//! # let _mutex = NamedMutex::create_new(&names.name("testmapmutex")?, Persistence::Process)?;
//! # memory.view(..3)?.write(0, &[7u8; 3])?;
//! # process_b(&names)?;
//! # assert_eq!(memory.view(..3)?.read::<[u8; 3]>(0)?, [7, 0, 7]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Two mistakes of the original are not copied. Its `writer.Write(1)` writes four bytes, so a B that runs after C wipes
//! out what C said; here a value takes one byte. And its B fails if it is started between A's two creations; with ours,
//! whoever comes early gets [`Error::NoObject`] and may try again (`pagelight shm ... --wait` does).
//!
//! # A file under a name
//! ```
//! # use pagelight::ipc::Namespace;
//! use pagelight::map::{Access, MappedFile};
//! # let folder = tempfile::tempdir()?;
//! # let names = Namespace::at(&folder.path().join("live"), &folder.path().join("kept"));
//! # let path = folder.path().join("ExtremelyLargeImage.data");
//! # std::fs::write(&path, vec![0u8; 3_000_000])?;
//! // Process A: CreateFromFile(@"c:\ExtremelyLargeImage.data", FileMode.Open, "ImgA")
//! let file = MappedFile::open(&path, Access::ReadWrite)?;
//! let _published = file.publish(&names.name("ImgA")?)?;
//!
//! // Process B: OpenExisting("ImgA"), CreateViewAccessor(4000000, 2000000)
//! let file = MappedFile::open_named(&names.name("ImgA")?, Access::ReadWrite)?;
//! let accessor = file.view(1_000_000..2_500_000)?;
//! accessor.write(0, &10u16)?;
//! # assert_eq!(std::fs::read(&path)?[1_000_000], 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What to know
//! * Names are one user's: other users have a namespace of their own and are refused in this one.
//! * After `kill -9` of an object's *last* user, its memory stays until somebody wants its name, lists the namespace,
//!   or finds no room for a new object.
//! * A process that stands still (SIGSTOP) with the lock of the namespace's folder makes others give up after 5 seconds
//!   (`Busy`). Whoever drops a handle then does not wait: the name is left behind, and goes as after `kill -9`.
//! * A child made by `fork` must open objects anew; what its parent closes is closed. If the parent dies without
//!   closing, the child counts as a user until it ends or runs another program.
//! * Linux hands on 2,048 mutexes of a thread that dies, and none of a thread other than its process' first that
//!   *executes another program*. What it leaves is handed on by those who wait, within half a second.
//! * All users of a mutex are in one PID namespace; others are refused, for why see `mutex_page.rs`. Memory has no such
//!   limit.
//! * Whoever is of the same user can truncate or overwrite the files. To use what was truncated ends a program by a
//!   signal (SIGBUS), unless it has called [`crate::os::fault::install`]; then it is an `Io` error. What overwriting a
//!   mutex does is told at [`NamedMutex`].
//! * A mutex needs `/proc`. Memory does without it on Linux 6.10 and later.

mod directory;
mod event;
#[doc(hidden)]
pub mod failpoint;
mod file_map;
mod header;
mod listing;
mod memory;
mod mutex;
mod mutex_guard;
mod mutex_page;
mod mutex_shared;
mod mutex_status;
mod name;
mod object;
mod ring;
mod ring_ends;
mod shared_mutex;
mod stream;
mod thread;

pub use event::{NamedEvent, Reset};
pub use file_map::Published;
pub use header::{Kind, Persistence};
pub use listing::{Entry, inspect, list, remove};
pub use memory::SharedMemory;
pub use mutex::NamedMutex;
pub use mutex_guard::Guard;
pub use mutex_status::{Holder, Status};
pub use name::{Name, Namespace};
pub use ring::ByteRing;
pub use ring_ends::{RingReader, RingWriter};
pub use shared_mutex::{SharedMutex, ValueGuard};
pub use stream::ViewStream;

use crate::error::{Error, Result};
#[cfg(doc)]
use crate::map::MappedFile;

/// Opens what is there, else makes it, else (somebody was faster) opens it, and so on.
fn create_or_open<T>(name: &Name, open: impl Fn() -> Result<T>, create: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..1000 {
        match open() {
            Err(Error::NoObject { .. }) => {}
            result => return result,
        }
        match create() {
            Err(Error::Exists { .. }) => {}
            result => return result,
        }
    }
    Err(name.busy("is being made and removed all the time; try again"))
}
