//! A file that is an object: how it comes to be, is joined, and ends with its last user.
//!
//! 1. A user is whoever has the file open with a shared `flock`. The kernel ends that with the process, however it
//!    ends, so "nobody can be refused the exclusive lock" means "nobody is left".
//! 2. An object appears under its name complete and in use, by one link. A creator killed before leaves nothing, one
//!    killed after leaves an object without users, which is as good as none: whoever meets it removes it.
//! 3. Whoever opened a name and marked itself as a user looks whether the name still leads there, else starts over:
//!    between the two steps the last user may have gone and somebody may have made a new object of that name.
//! 4. The last user takes the name away, and only if it still leads to its own object. A forked child never does.
//! 5. Kept objects are joined under the directory lock, so that "alone" is certain and what a restart left behind can
//!    be put right before anybody else comes.
//!
//! After `kill -9` of the *last* user the memory stays until somebody wants the name, lists the namespace, or finds no
//! room. A creation looks at no other object, however many there are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::directory::{self, Directory, DirectoryLock, FileIdentity, PATIENCE, PATIENCE_WHEN_LEAVING};
use super::failpoint::{self, Failpoint};
use super::header::{Kind, ObjectHeader, PAGE_BYTES, Persistence};
use super::name::{Name, Namespace};
use crate::error::{Error, Result};
use crate::map::{Access, MappedFile};
use crate::os::unnamed::UnnamedFile;
use crate::os::{disk, flock, fork};

/// How often an opener starts over before it gives up; each time somebody else made or removed the object meanwhile.
const ATTEMPTS: usize = 1000;

/// A named object that this process uses, until dropped.
#[derive(Debug)]
pub(super) struct Object {
    /// The one descriptor that an object takes; its maps share it.
    file: Arc<File>,
    name: Name,
    identity: FileIdentity,
    header: ObjectHeader,
    /// See [`fork`].
    generation: u64,
}

/// What joining an existing object came to.
enum Joined {
    Yes(Object),
    /// It was dead, or replaced meanwhile.
    StartOver,
}

impl Object {
    /// Makes an object with `length` bytes after its first page. `fill` completes the contents before anybody sees it.
    pub(super) fn create<T>(
        name: &Name,
        kind: Kind,
        persistence: Persistence,
        length: u64,
        fill: impl FnOnce(&Arc<File>) -> Result<T>,
    ) -> Result<(Object, T)> {
        let label = name.subject();
        let failed = |error| Error::io("create", &label, error);
        let file_bytes = length.checked_add(PAGE_BYTES);
        let file_bytes = file_bytes
            .filter(|&bytes| i64::try_from(bytes).is_ok())
            .ok_or_else(|| {
                let why = format!("{length} bytes are more than any file can have");
                Error::request(name.subject(), why)
            })?;
        let live = Directory::open_or_make(name.namespace().live())?;
        let kept = match persistence {
            Persistence::Process => Directory::open(name.namespace().kept())?,
            Persistence::File => Some(Directory::open_or_make(name.namespace().kept())?),
        };
        refuse_one_folder(name.namespace(), &live, kept.as_ref())?;
        let home = match persistence {
            Persistence::Process => &live,
            Persistence::File => kept.as_ref().expect("made above"),
        };
        let folders = [Some(&live), kept.as_ref()].into_iter().flatten();
        for directory in folders.clone() {
            if directory.identity(name)?.is_some() {
                refuse_taken(directory, &live.lock()?, name)?;
            }
        }

        let unnamed = match make(home, file_bytes) {
            Err(error) if is_short_of_room(&error) && sweep(&live, name.namespace()) > 0 => make(home, file_bytes),
            made => made,
        };
        let unnamed = unnamed.map_err(failed)?;
        failpoint::reached(Failpoint::Allocated);
        let header = ObjectHeader {
            kind,
            persistence,
            length,
            creator: std::process::id(),
        };
        unnamed.file().write_all_at(&header.to_bytes(), 0).map_err(failed)?;
        let file = Arc::clone(unnamed.shared());
        let filled = fill(&file)?;
        if persistence == Persistence::File {
            file.sync_all().map_err(failed)?;
        }
        failpoint::reached(Failpoint::Initialised);
        let marked = flock::shared_within(&file, Duration::ZERO).map_err(failed)?;
        assert!(marked, "nobody else can have a lock on a file without a name");
        failpoint::reached(Failpoint::Marked);

        let lock = live.lock()?;
        failpoint::reached(Failpoint::DirectoryLocked);
        for directory in folders {
            refuse_taken(directory, &lock, name)?;
        }
        unnamed.publish_in(home.file_itself(), name.as_str()).map_err(failed)?;
        failpoint::reached(Failpoint::Named);
        drop(lock);
        if persistence == Persistence::File {
            home.sync()?;
        }
        Ok((Object::new(file, name, header)?, filled))
    }

    /// Joins the object of that name. `alone` is called, before anybody else can join, if it is a kept object without
    /// other users.
    pub(super) fn open(name: &Name, kind: Kind, alone: impl Fn(&Arc<File>) -> Result<()>) -> Result<Object> {
        for _ in 0..ATTEMPTS {
            if let Some(live) = Directory::open(name.namespace().live())?
                && let Some(file) = live.file(name)?
            {
                match Object::join(name, &live, file)? {
                    Joined::Yes(object) => {
                        object.expect_kind(kind)?;
                        return Ok(object);
                    }
                    Joined::StartOver => continue,
                }
            }
            if let Some(kept) = Directory::open(name.namespace().kept())? {
                return Object::join_kept(name, kind, &kept, alone);
            }
            return Err(name.no_object());
        }
        Err(name.busy("is being made and removed all the time; try again"))
    }

    /// Joins an object that lives as long as its users do.
    fn join(name: &Name, live: &Directory, file: File) -> Result<Joined> {
        let label = name.label();
        let failed = |error| Error::io("open", &label, error);
        let header = ObjectHeader::read(&file, &live.path_of(name))?;
        if header.persistence == Persistence::File {
            let home = name.namespace().kept().display();
            let what = format!("is a kept object among those that end with their users; move it to {home}");
            return Err(Error::unfit(&label, what));
        }
        if let Some(_nobody) = flock::try_exclusive(&file).map_err(failed)? {
            let identity = FileIdentity::of(&file).map_err(failed)?;
            live.lock()?.unlink(live, name, identity)?;
            return Ok(Joined::StartOver);
        }
        failpoint::reached(Failpoint::Alive);
        if !flock::shared_within(&file, PATIENCE).map_err(failed)? {
            return Err(name.busy("another process is removing it and does not come to an end; it may be stopped"));
        }
        failpoint::reached(Failpoint::Joined);
        let identity = FileIdentity::of(&file).map_err(failed)?;
        if !failpoint::name_check_is_skipped() && live.identity(name)? != Some(identity) {
            return Ok(Joined::StartOver);
        }
        Object::new(file, name, header).map(Joined::Yes)
    }

    /// Joins an object that is kept.
    fn join_kept(
        name: &Name,
        kind: Kind,
        kept: &Directory,
        alone: impl Fn(&Arc<File>) -> Result<()>,
    ) -> Result<Object> {
        let label = name.label();
        let failed = |error| Error::io("open", &label, error);
        let live = Directory::open_or_make(name.namespace().live())?;
        refuse_one_folder(name.namespace(), &live, Some(kept))?;
        let _lock = live.lock()?;
        let file = Arc::new(kept.file(name)?.ok_or_else(|| name.no_object())?);
        let header = ObjectHeader::read(&file, &kept.path_of(name))?;
        if header.persistence == Persistence::Process {
            let what = "is no kept object, and nobody uses it where it lies; remove the file";
            return Err(Error::unfit(&label, what));
        }
        expect_kind(name, header.kind, kind)?;
        if let Some(_nobody) = flock::try_exclusive(&file).map_err(failed)? {
            alone(&file)?;
        }
        // Whoever joins or counts users has the directory lock, so nobody can have it alone but we.
        if !flock::shared_within(&file, PATIENCE).map_err(failed)? {
            return Err(name.busy("another program has locked its file"));
        }
        Object::new(file, name, header)
    }

    fn new(file: impl Into<Arc<File>>, name: &Name, header: ObjectHeader) -> Result<Object> {
        let file = file.into();
        let identity = FileIdentity::of(&file).map_err(|error| Error::io("look at", name.subject(), error))?;
        Ok(Object {
            file,
            name: name.clone(),
            identity,
            header,
            generation: fork::generation(),
        })
    }

    fn expect_kind(&self, kind: Kind) -> Result<()> {
        expect_kind(&self.name, self.header.kind, kind)
    }

    /// Its bytes, header and all, for mapping.
    pub(super) fn mapped(&self, access: Access) -> MappedFile {
        let bytes = self.header.length + PAGE_BYTES;
        MappedFile::with_keep(Arc::clone(&self.file), &self.name.label(), access, bytes, None)
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn header(&self) -> ObjectHeader {
        self.header
    }

    pub(super) fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// The generation of the process that uses it; in a forked child it is another.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    fn end(&self) -> Result<()> {
        let failed = |error| Error::io("close", self.name.subject(), error);
        if self.header.persistence == Persistence::File {
            return flock::unlock(&self.file).map_err(failed);
        }
        // This gives up the shared lock whether it succeeds or not: we are leaving.
        if let Some(_last) = flock::try_exclusive(&self.file).map_err(failed)? {
            failpoint::reached(Failpoint::Last);
            if let Some(live) = Directory::open(self.name.namespace().live())?
                && let Some(lock) = live.lock_within(PATIENCE_WHEN_LEAVING)?
            {
                lock.unlink(&live, &self.name, self.identity)?;
            }
        }
        Ok(())
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if fork::is_still(self.generation) {
            // If it fails the object has no users any more all the same, and goes as what `kill -9` leaves.
            let _ = self.end();
        }
    }
}

fn expect_kind(name: &Name, is: Kind, wanted: Kind) -> Result<()> {
    if is == wanted {
        return Ok(());
    }
    let article = |kind: Kind| if kind == Kind::Event { "an" } else { "a" };
    let what = format!(
        "is {} {is}, not {} {wanted}; choose another name",
        article(is),
        article(wanted)
    );
    Err(Error::unfit(name.subject(), what))
}

/// An object's file as something to map. The map shares the open file, hence also keeps the object in use.
pub(super) fn map_file(file: &Arc<File>, label: &Path, bytes: u64) -> MappedFile {
    MappedFile::with_keep(Arc::clone(file), label, Access::ReadWrite, bytes, None)
}

/// Makes a file without a name that is to be an entry of `home`, with memory behind all of its bytes.
fn make(home: &Directory, file_bytes: u64) -> io::Result<UnnamedFile> {
    let unnamed = UnnamedFile::create_in(home.file_itself())?;
    directory::make_private(unnamed.file())?;
    disk::allocate(unnamed.file(), file_bytes)?;
    Ok(unnamed)
}

/// True if it may help to remove what killed users left.
fn is_short_of_room(error: &io::Error) -> bool {
    use io::ErrorKind::{OutOfMemory, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | OutOfMemory)
}

/// Refuses folders of which one is the other, whatever they are called: nobody could tell what is to be removed.
fn refuse_one_folder(namespace: &Namespace, live: &Directory, kept: Option<&Directory>) -> Result<()> {
    match kept {
        Some(kept) if live.is(kept)? => Err(namespace.one_folder()),
        _ => Ok(()),
    }
}

/// Refuses a name that means something already, unless that is dead.
fn refuse_taken(directory: &Directory, lock: &DirectoryLock<'_>, name: &Name) -> Result<()> {
    if directory.identity(name)?.is_some() && !remove_dead(directory, lock, name) {
        return Err(Error::Exists {
            subject: name.subject(),
        });
    }
    Ok(())
}

/// Takes `name` away from an object that ends with its last user and has none any more; false if it is not such a
/// one's. What cannot be looked at, or is none of ours, is left alone. Whoever opens the name meanwhile waits for the
/// exclusive lock, and then sees that the name has gone.
fn remove_dead(directory: &Directory, lock: &DirectoryLock<'_>, name: &Name) -> bool {
    if let Ok(Some(file)) = directory.file(name)
        && ObjectHeader::read(&file, &name.label()).is_ok_and(|header| header.persistence == Persistence::Process)
        && let Ok(Some(_nobody)) = flock::try_exclusive(&file)
        && let Ok(identity) = FileIdentity::of(&file)
    {
        return lock.unlink(directory, name, identity).is_ok_and(|removed| removed);
    }
    false
}

/// Removes all objects that have no users any more, and tells how many. Used by listings, and where room is short.
pub(super) fn sweep(live: &Directory, namespace: &Namespace) -> usize {
    let mut removed = 0;
    for name in live.names(namespace).unwrap_or_default() {
        // Given back after each, so that nobody waits for the whole of it.
        let Ok(lock) = live.lock() else {
            break;
        };
        removed += usize::from(remove_dead(live, &lock, &name));
    }
    removed
}
