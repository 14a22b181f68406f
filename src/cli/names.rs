//! The words that named objects have in common: names, patience, holding.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use pagelight::error::{Error, Result, Subject};
use pagelight::ipc::{self, Guard, Name, NamedMutex, Namespace, Persistence};
use pagelight::os::interrupt::Interrupt;

use super::Global;

/// What stands before an object's name where a file could be meant.
const PREFIX: &str = "name:";

/// How often something is looked for that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The namespace: this user's, or the folder that PAGELIGHT_NAMES says.
pub(super) fn namespace() -> Namespace {
    match std::env::var_os("PAGELIGHT_NAMES") {
        Some(folder) if !folder.is_empty() => {
            let folder = PathBuf::from(folder);
            Namespace::at(&folder, &folder.join(".kept"))
        }
        _ => Namespace::of_user(),
    }
}

/// An object's name, with or without `name:`.
pub(super) fn name(text: &str) -> std::result::Result<Name, String> {
    let plain = text.strip_prefix(PREFIX).unwrap_or(text);
    namespace().name(plain).map_err(|error| error.to_string())
}

/// The name of a file map, if `image` is one: `name:ImgA`. A file that is really called so is named `./name:ImgA`.
pub(super) fn of_image(image: &Path) -> Option<Result<Name>> {
    let text = image.to_str()?.strip_prefix(PREFIX)?;
    Some(namespace().name(text))
}

/// A time: `300ms`, `5s`, `2m`.
pub(super) fn duration(text: &str) -> std::result::Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; give a time, such as 300ms, 5s or 2m"))
}

/// A time as users write it.
pub(super) fn show(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Opens something, and where there is no such object, waits up to `wait` for it to appear.
pub(super) fn wait_for<T>(wait: Option<Duration>, open: impl Fn() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        match (open(), wait) {
            (Err(Error::NoObject { .. }), Some(wait)) if begun.elapsed() < wait => std::thread::sleep(LOOK_AGAIN),
            (result, _) => return result,
        }
    }
}

/// Locks a mutex, which is made if there is none, and says so if its last owner died.
pub(super) fn lock(global: &Global, name: &Name, timeout: Option<Duration>) -> Result<Guard<'static>> {
    let mutex = NamedMutex::create_or_open(name, Persistence::Process)?;
    let guard = match timeout {
        None => mutex.lock_owned()?,
        Some(timeout) => mutex.lock_timeout_owned(timeout)?.ok_or_else(|| {
            let holder = mutex.status().ok().and_then(|status| status.holder);
            let process = holder.map(|holder| holder.process);
            let by = process.map_or_else(String::new, |process| format!(" by process {process}"));
            let timeout = show(timeout);
            Error::Busy {
                subject: Subject::Object(name.to_string()),
                reason: format!("held{by} for all of {timeout}; try again, or allow more with --timeout").into(),
                process,
                window: None,
            }
        })?,
    };
    if guard.abandoned() {
        global.note(&format!(
            "{name}: was abandoned: its last owner died with it, so what it protects may be half-done"
        ));
    }
    Ok(guard)
}

/// The other processes that use an object, as far as the system tells.
pub(super) fn others(name: &Name) -> Vec<u32> {
    let users = ipc::inspect(name).map_or_else(|_| Vec::new(), |entry| entry.users);
    users.into_iter().filter(|&user| user != std::process::id()).collect()
}

/// Who else uses an object, as the end of a line.
pub(super) fn used_by(others: &[u32]) -> String {
    processes(others).map_or_else(String::new, |others| format!("; also used by {others}"))
}

/// Processes as people read them: `process 7`, `processes 7 and 9`, `processes 7, 9 and 11`.
pub(super) fn processes(ids: &[u32]) -> Option<String> {
    let (last, before) = ids.split_last()?;
    if before.is_empty() {
        return Some(format!("process {last}"));
    }
    let before: Vec<String> = before.iter().map(u32::to_string).collect();
    Some(format!("processes {} and {last}", before.join(", ")))
}

/// How long to hold something.
#[derive(Args)]
pub(super) struct HoldArgs {
    /// Keep it in use until Ctrl-C or a signal, or for the time that --for gives
    #[arg(long)]
    hold: bool,
    /// End after this time: 300ms, 5s, 2m
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "hold")]
    time: Option<Duration>,
}

impl HoldArgs {
    /// Refuses what nobody would hold.
    pub(super) fn check(&self, name: &Name, otherwise: &str) -> Result<()> {
        if self.hold {
            return Ok(());
        }
        Err(Error::request(
            Subject::Object(name.to_string()),
            format!("lives only as long as a process uses it, and this one would end at once; give --hold{otherwise}"),
        ))
    }

    /// True if asked to hold.
    pub(super) fn asked(&self) -> bool {
        self.hold
    }

    /// In a few words.
    pub(super) fn describe(&self) -> String {
        held_for(self.time)
    }

    /// Waits as long as asked.
    pub(super) fn wait(&self, interrupt: &Interrupt) {
        if self.hold {
            hold(self.time, interrupt);
        }
    }
}

/// How long something is held, in a few words.
pub(super) fn held_for(time: Option<Duration>) -> String {
    match time {
        Some(time) => format!("held for {}", show(time)),
        None => "held until Ctrl-C".to_owned(),
    }
}

/// Waits until somebody asks to stop, or `time` is over.
pub(super) fn hold(time: Option<Duration>, interrupt: &Interrupt) {
    let begun = Instant::now();
    while !interrupt.asked() {
        let left = time.map_or(LOOK_AGAIN, |time| time.saturating_sub(begun.elapsed()));
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LOOK_AGAIN));
    }
}

/// From now on signals ask to stop.
pub(super) fn interrupt() -> Result<Interrupt> {
    Interrupt::install().map_err(|error| Error::io("prepare for", Subject::Thing("signals"), error))
}
