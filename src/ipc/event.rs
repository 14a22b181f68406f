//! An event that has a name: processes wait for it, and others set it.
//!
//! | bytes | what |
//! |---|---|
//! | 64..72 | 1 if it is set; who waits is asleep on this word |
//! | 72..80 | 1 for automatic reset, 2 for manual |
//!
//! 1. Setting wakes all who wait. With automatic reset one of them takes the 1 away and goes on; the others sleep
//!    again. So nothing is lost if a waiter is killed after it was woken and before it went on.
//! 2. A setter may be killed between setting and waking. Waiters look again by themselves, twice a second.
//! 3. Threads are not known here, so no PID namespace is refused.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failpoint::{self, Failpoint};
use super::header::{Kind, PAGE_BYTES, Persistence};
use super::name::Name;
use super::object::Object;
use crate::error::{Error, Result};
use crate::map::{Access, View};

const STATE_AT: usize = 64;
const RESET_AT: usize = 72;

/// How long a waiter sleeps before it looks by itself.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What happens to an event when somebody has waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It is reset: each time it is set, one waiter goes on. `EventResetMode.AutoReset` in .NET.
    Auto,
    /// It stays set, and all go on, until somebody resets it. `EventResetMode.ManualReset` in .NET.
    Manual,
}

/// An event that other processes find by its name; not set when it is made.
///
/// In .NET: `EventWaitHandle`, whose named ones exist on Windows only. Any of its users may be killed at any moment.
/// With [`Reset::Auto`], a waiter that is killed after it went on has used the event up.
///
/// ```
/// # use pagelight::ipc::{Namespace, Persistence};
/// use pagelight::ipc::{NamedEvent, Reset};
/// # let folder = tempfile::tempdir()?;
/// # let names = Namespace::at(&folder.path().join("live"), &folder.path().join("kept"));
/// # let name = names.name("ready")?;
/// // new EventWaitHandle(false, EventResetMode.AutoReset, "ready")
/// let ready = NamedEvent::create_or_open(&name, Reset::Auto, Persistence::Process)?;
///
/// // Another process: EventWaitHandle.OpenExisting("ready").Set()
/// NamedEvent::open(&name)?.set()?;
///
/// // ready.WaitOne()
/// ready.wait()?;
/// # assert!(!ready.is_set()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NamedEvent {
    view: View,
    object: Arc<Object>,
    reset: Reset,
    created: bool,
}

impl NamedEvent {
    /// Makes an event, not set.
    ///
    /// # Errors
    /// `Exists` if the name means something already, of whatever kind; `Io` if there is no memory left.
    pub fn create_new(name: &Name, reset: Reset, persistence: Persistence) -> Result<NamedEvent> {
        let number: u64 = match reset {
            Reset::Auto => 1,
            Reset::Manual => 2,
        };
        let fill = |file: &Arc<File>| {
            let written = file.write_all_at(&number.to_ne_bytes(), RESET_AT as u64);
            written.map_err(|error| Error::io("write", name.subject(), error))
        };
        let (object, ()) = Object::create(name, Kind::Event, persistence, 0, fill)?;
        NamedEvent::new(object, true)
    }

    /// Opens the event of that name, or makes it. Where it exists, `reset` and `persistence` do not count; see
    /// [`NamedEvent::reset_mode`].
    ///
    /// # Errors
    /// As for [`NamedEvent::open`] and [`NamedEvent::create_new`], but neither `NoObject` nor `Exists`.
    pub fn create_or_open(name: &Name, reset: Reset, persistence: Persistence) -> Result<NamedEvent> {
        super::create_or_open(
            name,
            || NamedEvent::open(name),
            || NamedEvent::create_new(name, reset, persistence),
        )
    }

    /// Opens the event of that name.
    ///
    /// # Errors
    /// `NoObject` if there is none, or all its users are gone; `Unfit` if the name means another kind of object or a
    /// foreign file.
    pub fn open(name: &Name) -> Result<NamedEvent> {
        NamedEvent::new(Object::open(name, Kind::Event, |_| Ok(()))?, false)
    }

    fn new(object: Object, created: bool) -> Result<NamedEvent> {
        let object = Arc::new(object);
        let map = object.mapped(Access::ReadWrite).keeping(Arc::<Object>::clone(&object));
        let view = map.view(..PAGE_BYTES)?;
        let reset = match view.load_word(RESET_AT)? {
            1 => Reset::Auto,
            2 => Reset::Manual,
            other => {
                let what = format!("is damaged: {other} is no way of being reset; remove it");
                return Err(Error::unfit(object.name().subject(), what));
            }
        };
        Ok(NamedEvent {
            view,
            object,
            reset,
            created,
        })
    }

    /// Sets it: one waiter goes on, or all, as [`NamedEvent::reset_mode`] says; if nobody waits, the next who comes.
    ///
    /// # Errors
    /// `Io` if its page cannot be had.
    pub fn set(&self) -> Result<()> {
        self.view.store_word(STATE_AT, 1)?;
        failpoint::reached(Failpoint::EventSet);
        self.view.wake_word(STATE_AT)
    }

    /// Resets it: whoever comes now waits.
    ///
    /// # Errors
    /// As for [`NamedEvent::set`].
    pub fn reset(&self) -> Result<()> {
        self.view.store_word(STATE_AT, 0)
    }

    /// Waits until it is set.
    ///
    /// # Errors
    /// As for [`NamedEvent::set`].
    pub fn wait(&self) -> Result<()> {
        while !self.wait_timeout(LOOK_AGAIN)? {}
        Ok(())
    }

    /// Waits until it is set, but not longer than `timeout`; false if it was not.
    ///
    /// # Errors
    /// As for [`NamedEvent::set`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool> {
        let begun = Instant::now();
        loop {
            let gone_on = match self.reset {
                Reset::Auto if failpoint::is_careless() => {
                    let set = self.is_set()?;
                    self.reset()?;
                    set
                }
                Reset::Auto => self.view.replace_word(STATE_AT, 1, 0)?,
                Reset::Manual => self.is_set()?,
            };
            let left = timeout.saturating_sub(begun.elapsed());
            if gone_on || left.is_zero() {
                return Ok(gone_on);
            }
            self.view.wait_word(STATE_AT, 0, left.min(LOOK_AGAIN))?;
        }
    }

    /// Whether it is set at this moment: for people, not for decisions.
    ///
    /// # Errors
    /// As for [`NamedEvent::set`].
    pub fn is_set(&self) -> Result<bool> {
        Ok(self.view.load_word(STATE_AT)? == 1)
    }

    /// How it is reset, whoever made it.
    pub fn reset_mode(&self) -> Reset {
        self.reset
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        self.object.name()
    }

    /// True if this call made it, false if it was there before.
    pub fn was_created(&self) -> bool {
        self.created
    }
}
