//! What objects there are, and removing one.
//!
//! Looking does not make a user: an object that is only looked at ends with its last user all the same.

use std::path::PathBuf;

use super::directory::{Directory, DirectoryLock, FileIdentity};
use super::file_map::Target;
use super::header::{Kind, ObjectHeader, Persistence};
use super::name::{Name, Namespace};
use super::object;
use crate::error::{Error, Result};
use crate::os::file_users::Locks;
use crate::os::flock;

/// An object as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// How long it lives.
    pub persistence: Persistence,
    /// Bytes of memory, of the ring, of the value, or of the file when it was published; 0 for a mutex or an event.
    pub bytes: u64,
    /// The process that made it, which may be gone.
    pub creator: u32,
    /// Whether anybody uses it. Objects of [`Persistence::Process`] that nobody uses are not shown but removed.
    pub in_use: bool,
    /// The processes that use it, as far as the system tells, in order. Of a process that has ended while a forked
    /// child of it lives, the number is that of the dead.
    pub users: Vec<u32>,
    /// The file that a file map means.
    pub target: Option<PathBuf>,
}

/// All objects of a namespace, by name. Removes those whose users are all gone; passes over foreign files.
///
/// # Errors
/// `Unfit` if the namespace's folder is not ours; `Busy` if its lock is not to be had.
pub fn list(namespace: &Namespace) -> Result<Vec<Entry>> {
    if let Some(live) = Directory::open(namespace.live())? {
        let _ = object::sweep(&live, namespace);
    }
    let mut entries = Vec::new();
    let locks = Locks::read();
    for_each_directory(namespace, |directory, lock| {
        for name in directory.names(namespace)? {
            match look(directory, lock, &name, &locks) {
                Ok(found) => entries.extend(found),
                Err(Error::Unfit { .. } | Error::Permission { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })?;
    entries.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    Ok(entries)
}

/// The object of that name.
///
/// # Errors
/// `NoObject` if there is none, or all its users are gone; `Unfit` if a foreign file has the name.
pub fn inspect(name: &Name) -> Result<Entry> {
    let mut found = None;
    let locks = Locks::read();
    for_each_directory(name.namespace(), |directory, lock| {
        if found.is_none() {
            found = look(directory, lock, name, &locks)?;
        }
        Ok(())
    })?;
    found.ok_or_else(|| name.no_object())
}

/// Removes the object of that name, of which nobody may be a user.
///
/// # Errors
/// `NoObject` if there is none; `Busy` if somebody uses it; `Unfit` if a foreign file has the name, which stays.
pub fn remove(name: &Name) -> Result<()> {
    let mut removed = false;
    for_each_directory(name.namespace(), |directory, lock| {
        let Some(file) = directory.file(name)? else {
            return Ok(());
        };
        ObjectHeader::read(&file, &directory.path_of(name))?;
        let failed = |error| Error::io("remove", name.subject(), error);
        let Some(_nobody) = flock::try_exclusive(&file).map_err(failed)? else {
            let users: Vec<String> = Locks::read().of(&file).iter().map(u32::to_string).collect();
            return Err(name.busy(&match users.as_slice() {
                [] => "is in use; end its users first, fuser(1) names them".to_owned(),
                users => format!("is in use by process {}; end it first", users.join(" and process ")),
            }));
        };
        removed |= lock.unlink(directory, name, FileIdentity::of(&file).map_err(failed)?)?;
        Ok(())
    })?;
    match removed {
        true => Ok(()),
        false => Err(name.no_object()),
    }
}

/// Calls `work` with each folder of the namespace that there is, under the directory lock.
fn for_each_directory(
    namespace: &Namespace,
    mut work: impl FnMut(&Directory, &DirectoryLock<'_>) -> Result<()>,
) -> Result<()> {
    let kept = Directory::open(namespace.kept())?;
    let live = match kept {
        // The lock lies on the live folder, for both.
        Some(_) => Some(Directory::open_or_make(namespace.live())?),
        None => Directory::open(namespace.live())?,
    };
    let Some(live) = live else {
        return Ok(());
    };
    let lock = live.lock()?;
    for directory in [Some(&live), kept.as_ref()].into_iter().flatten() {
        work(directory, &lock)?;
    }
    Ok(())
}

/// Looks at an object without becoming its user: only the directory lock is held, and the exclusive lock of an object
/// that has no users for a moment.
fn look(directory: &Directory, lock: &DirectoryLock<'_>, name: &Name, locks: &Locks) -> Result<Option<Entry>> {
    let Some(file) = directory.file(name)? else {
        return Ok(None);
    };
    let header = ObjectHeader::read(&file, &directory.path_of(name))?;
    let failed = |error| Error::io("look at", name.subject(), error);
    let nobody = flock::try_exclusive(&file).map_err(failed)?;
    if nobody.is_some() && header.persistence == Persistence::Process {
        lock.unlink(directory, name, FileIdentity::of(&file).map_err(failed)?)?;
        return Ok(None);
    }
    let target = match header.kind {
        Kind::FileMap => Some(Target::read(&file, header, &name.label())?),
        _ => None,
    };
    Ok(Some(Entry {
        name: name.clone(),
        kind: header.kind,
        persistence: header.persistence,
        bytes: target.as_ref().map_or(header.length, |target| target.length),
        creator: header.creator,
        in_use: nobody.is_none(),
        users: nobody.map_or_else(|| locks.of(&file), |_alone| Vec::new()),
        target: target.map(|target| target.path),
    }))
}
