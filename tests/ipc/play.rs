//! What a puppet does: reads a command a line, obeys, answers with a line. See `puppet.rs` for who pulls the strings.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pagelight::error::{Error, Result, Subject};
use pagelight::ipc::failpoint::{self, Failpoint};
use pagelight::ipc::{self, Guard, NamedMutex, Namespace, Persistence, Published, SharedMemory};
use pagelight::map::{Access, MappedFile, View};

use super::chaos;
use super::play_talk::Talk;
use super::puppet::{ANSWER, STRINGS};

/// Not a test: the life of a puppet. Without strings it is over at once.
#[test]
fn puppet() {
    let Some(strings) = std::env::var_os(STRINGS) else {
        return;
    };
    let folder = Path::new(&strings);
    let mut stage = Stage {
        names: Namespace::at(&folder.join("live"), &folder.join("kept")),
        things: BTreeMap::new(),
        guards: BTreeMap::new(),
        talk: Talk::default(),
    };
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a command");
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match stage.obey(&words) {
            Ok(answer) => answer,
            Err(error) => format!("{}: {error}", variant(&error)),
        };
        say(&answer);
    }
}

fn say(answer: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{ANSWER}{answer}").expect("somebody listens");
    out.flush().expect("somebody listens");
}

fn variant(error: &Error) -> String {
    let debug = format!("{error:?}");
    debug.split([' ', '(', '{']).next().expect("a word").to_owned()
}

struct Stage {
    names: Namespace,
    things: BTreeMap<String, Thing>,
    guards: BTreeMap<String, Vec<Guard<'static>>>,
    talk: Talk,
}

enum Thing {
    Memory(SharedMemory),
    Mutex(NamedMutex),
    File(MappedFile),
    #[expect(dead_code, reason = "kept, never looked at")]
    Published(Published),
}

impl Stage {
    fn obey(&mut self, words: &[&str]) -> Result<String> {
        match words {
            ["memory", how, name, rest @ ..] => self.memory(how, name, rest),
            ["mutex", how, name, rest @ ..] => self.open_mutex(how, name, rest),
            ["lock", name] => {
                let guard = self.mutex(name).lock_owned()?;
                Ok(self.locked(name, Some(guard)))
            }
            ["lock", name, milliseconds] => {
                let guard = self
                    .mutex(name)
                    .lock_timeout_owned(Duration::from_millis(number(milliseconds)))?;
                Ok(self.locked(name, guard))
            }
            ["try", name] => {
                let guard = self.mutex(name).lock_timeout_owned(Duration::ZERO)?;
                Ok(self.locked(name, guard))
            }
            ["unlock", name] => {
                drop(self.guards.get_mut(*name).and_then(Vec::pop).expect("was locked"));
                done()
            }
            ["status", name] => Ok(format!("{:?}", self.mutex(name).status()?)),
            ["lock-in-thread-that-ends", name] => {
                let mutex = self.mutex(name).clone();
                let thread = std::thread::spawn(move || std::mem::forget(mutex.lock().expect("locked")));
                thread.join().expect("ended");
                done()
            }
            ["lock-many-in-thread-that-ends", count] => self.lock_many(number(count)),
            ["count-abandoned", count] => self.count_abandoned(number(count)),
            ["lock-and-exec-in-other-thread", name] => {
                let mutex = self.mutex(name).clone();
                let thread = std::thread::spawn(move || {
                    std::mem::forget(mutex.lock().expect("locked"));
                    Command::new("sleep").arg("60").exec()
                });
                Err(Error::request(
                    pagelight::error::Subject::Nothing,
                    thread.join().expect("ended").to_string(),
                ))
            }
            ["panic-in-section", name] => {
                let mutex = self.mutex(name).clone();
                let thread = std::thread::spawn(move || {
                    let _guard = mutex.lock().expect("locked");
                    panic!("as told");
                });
                assert!(thread.join().is_err());
                done()
            }
            ["guard-faults"] => {
                pagelight::os::fault::install().expect("installed");
                done()
            }
            ["descriptors"] => {
                let open = Path::new("/proc/self/fd").read_dir().expect("listed");
                Ok(open.count().to_string())
            }
            ["try-in-other-thread", name] => {
                let mutex = self.mutex(name).clone();
                let thread = std::thread::spawn(move || mutex.try_lock().expect("tried").is_some());
                Ok(thread.join().expect("ended").to_string())
            }
            ["forget-guard", name] => {
                std::mem::forget(self.guards.get_mut(*name).and_then(Vec::pop).expect("was locked"));
                done()
            }
            ["write", name, at, value] => {
                let value = u8::try_from(number(value)).expect("a byte");
                self.view(name)?.write(position(at), &value)?;
                done()
            }
            ["read", name, at] => Ok(self.view(name)?.read::<u8>(position(at))?.to_string()),
            ["close", name] => {
                self.guards.remove(*name);
                self.things.remove(*name).expect("was open");
                done()
            }
            ["close-all"] => {
                self.guards.clear();
                self.things.clear();
                done()
            }
            ["publish", name, path] => {
                let published =
                    MappedFile::open(Path::new(path), Access::ReadWrite)?.publish(&self.names.name(name)?)?;
                self.things.insert((*name).to_owned(), Thing::Published(published));
                done()
            }
            ["open-named", name] => {
                let file = MappedFile::open_named(&self.names.name(name)?, Access::ReadWrite)?;
                let answer = format!("{} {}", file.path().display(), file.len());
                self.things.insert((*name).to_owned(), Thing::File(file));
                Ok(answer)
            }
            ["list"] => {
                let entries = ipc::list(&self.names)?;
                let names: Vec<String> = entries
                    .iter()
                    .map(|entry| {
                        format!(
                            "{} {} {} {}",
                            entry.name.as_str(),
                            entry.kind,
                            entry.bytes,
                            entry.in_use
                        )
                    })
                    .collect();
                Ok(names.join(", "))
            }
            ["remove", name] => ipc::remove(&self.names.name(name)?).map(|()| "done".to_owned()),
            ["stop-at", step] => {
                let step = Failpoint::ALL.into_iter().find(|known| format!("{known:?}") == *step);
                failpoint::stop_at(step.expect("a step"));
                done()
            }
            ["skip-name-check"] => {
                failpoint::skip_name_check(true);
                done()
            }
            ["umask", mode] => {
                let mode = u32::from_str_radix(mode, 8).expect("octal");
                rustix::process::umask(rustix::fs::Mode::from_raw_mode(mode));
                done()
            }
            ["pid"] => Ok(std::process::id().to_string()),
            ["exec"] => Err(Error::request(
                Subject::Nothing,
                Command::new("sleep").arg("60").exec().to_string(),
            )),
            ["exit"] => std::process::exit(0),
            ["fork", inner @ ..] => {
                let (child, answer) = self.fork(inner);
                reap(child);
                Ok(answer)
            }
            ["fork-and-die", inner @ ..] => {
                let (child, answer) = self.fork(&[inner, &["; die"]].concat());
                reap(child);
                assert!(answer.is_empty(), "{answer}");
                done()
            }
            // SAFETY: takes a number.
            ["die"] => unsafe { libc::_exit(0) },
            ["fork-and-leave", inner @ ..] => Ok(self.fork(inner).0.to_string()),
            ["reap", child] => {
                let child = child.parse().expect("a process id");
                // SAFETY: takes two numbers; the child is ours and not waited for yet, so the id is its own.
                unsafe { libc::kill(child, libc::SIGKILL) };
                reap(child);
                done()
            }
            ["chaos", seed, milliseconds] => {
                chaos::work(&self.names, number(seed), Duration::from_millis(number(milliseconds)))
            }
            other => self.talk.obey(&self.names, other),
        }
    }

    fn memory(&mut self, how: &str, name: &str, rest: &[&str]) -> Result<String> {
        let full = self.names.name(name)?;
        let length = || number(rest[0]);
        let memory = match how {
            "create" => SharedMemory::create_new(&full, length(), persistence(rest))?,
            "either" => SharedMemory::create_or_open(&full, length(), persistence(rest))?,
            _ => SharedMemory::open(&full)?,
        };
        let answer = format!("{} {}", word(memory.was_created()), memory.len());
        self.things.insert(name.to_owned(), Thing::Memory(memory));
        Ok(answer)
    }

    fn open_mutex(&mut self, how: &str, name: &str, rest: &[&str]) -> Result<String> {
        let full = self.names.name(name)?;
        let (mutex, guard) = match how {
            "create" => (NamedMutex::create_new(&full, persistence(rest))?, None),
            "either" => (NamedMutex::create_or_open(&full, persistence(rest))?, None),
            "either-owned" => NamedMutex::create_or_open_owned(&full, persistence(rest))?,
            "create-owned" => {
                let (mutex, guard) = NamedMutex::create_new_owned(&full, persistence(rest))?;
                (mutex, Some(guard))
            }
            _ => (NamedMutex::open(&full)?, None),
        };
        let mut answer = word(mutex.was_created()).to_owned();
        if let Some(guard) = guard {
            answer += " and locked";
            self.guards.entry(name.to_owned()).or_default().push(guard);
        }
        self.things.insert(name.to_owned(), Thing::Mutex(mutex));
        Ok(answer)
    }

    /// Makes `m0`, `m1` and so on, and locks them all in a thread that ends with them.
    fn lock_many(&mut self, count: u64) -> Result<String> {
        let limit = rustix::process::Resource::Nofile;
        let mut open_files = rustix::process::getrlimit(limit);
        open_files.current = open_files.maximum;
        rustix::process::setrlimit(limit, open_files).expect("raised to what is allowed");
        for number in 0..count {
            self.open_mutex("create", &format!("m{number}"), &[])?;
        }
        let mutexes: Vec<NamedMutex> = (0..count)
            .map(|number| self.mutex(&format!("m{number}")).clone())
            .collect();
        let thread = std::thread::spawn(move || {
            for mutex in &mutexes {
                std::mem::forget(mutex.lock().expect("locked"));
            }
        });
        thread.join().expect("ended");
        done()
    }

    /// How many of these mutexes are to be had, and tell that their owner died.
    fn count_abandoned(&self, count: u64) -> Result<String> {
        let mut told = 0;
        for number in 0..count {
            let guard = self.mutex(&format!("m{number}")).lock_timeout(Duration::from_secs(2))?;
            told += u64::from(guard.is_some_and(|guard| guard.abandoned()));
        }
        Ok(told.to_string())
    }

    fn locked(&mut self, name: &str, guard: Option<Guard<'static>>) -> String {
        let answer = match &guard {
            None => "timed out",
            Some(guard) if guard.abandoned() => "abandoned",
            Some(_) => "locked",
        };
        self.guards.entry(name.to_owned()).or_default().extend(guard);
        answer.to_owned()
    }

    /// Obeys in a forked child, which then ends as a process does that returns from `main`: with all destructors. Gives
    /// the child's id and its last answer.
    fn fork(&mut self, commands: &[&str]) -> (libc::pid_t, String) {
        let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
        // SAFETY: of the puppet's other threads one only waits for this one, and none has a lock.
        match unsafe { libc::fork() } {
            0 if commands == ["stay"] => {
                drop(writer);
                // Long enough for any test; and not for ever, because nobody reaps it if the test fails.
                std::thread::sleep(Duration::from_secs(20));
                // SAFETY: ends the child without the parent's exit handlers.
                unsafe { libc::_exit(0) }
            }
            0 => {
                let mut answer = String::new();
                for command in commands.join(" ").split("; ").map(str::trim) {
                    let words: Vec<&str> = command.split(' ').collect();
                    let obeyed = self.obey(&words);
                    answer = obeyed.unwrap_or_else(|error| format!("{}: {error}", variant(&error)));
                }
                self.guards.clear();
                self.things.clear();
                writer.write_all(answer.as_bytes()).expect("the parent listens");
                // SAFETY: ends the child without the parent's exit handlers.
                unsafe { libc::_exit(0) }
            }
            child => {
                assert!(child > 0, "forked");
                drop(writer);
                let answer = std::io::read_to_string(&mut reader).expect("the child answers or becomes another");
                (child, answer)
            }
        }
    }

    fn mutex(&self, name: &str) -> &NamedMutex {
        match self.things.get(name) {
            Some(Thing::Mutex(mutex)) => mutex,
            _ => panic!("no mutex {name}"),
        }
    }

    fn view(&self, name: &str) -> Result<View> {
        match self.things.get(name) {
            Some(Thing::Memory(memory)) => memory.view(..),
            Some(Thing::File(file)) => file.view(0..file.len()),
            _ => panic!("no bytes {name}"),
        }
    }
}

pub(crate) fn done() -> Result<String> {
    Ok("done".to_owned())
}

fn word(created: bool) -> &'static str {
    if created { "created" } else { "opened" }
}

fn persistence(rest: &[&str]) -> Persistence {
    match rest.contains(&"file") {
        true => Persistence::File,
        false => Persistence::Process,
    }
}

pub(crate) fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

fn position(word: &str) -> usize {
    word.parse().expect("a position")
}

fn reap(child: libc::pid_t) {
    // SAFETY: no status is asked for.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
}
