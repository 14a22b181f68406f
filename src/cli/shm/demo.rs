//! `pagelight shm demo`: three unrelated processes meet by name, and one may die at it.
//!
//! A makes the memory and the mutex, B and C find them, A reads what all three said. Each is a process of its own, this
//! program started anew with a part to play; this one only starts them in order and shows their lines.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use clap::{Args, ValueEnum};
use pagelight::error::{Error, Result, Subject};
use pagelight::ipc::{Guard, NamedMutex, Persistence, SharedMemory};
use serde_json::json;

use super::super::{Global, names, output};

const MEMORY: &str = "testmap";
const MUTEX: &str = "testmapmutex";
const MEMORY_BYTES: u64 = 10_000;
/// What a part prints when it wants to go on only after it was told to.
const YOUR_TURN: &str = "press ENTER to go on";

/// Let three processes exchange values in shared memory under a mutex
///
/// A makes both and says true, B says false, C says true; A reads what all said. Their namespace is their own.
#[derive(Args)]
pub(super) struct Demo {
    /// In which order B and C come
    #[arg(long, value_enum, default_value_t = Order::Abc)]
    order: Order,
    /// Kill B (kill -9) while it has the mutex, before it says anything
    #[arg(long, value_enum, value_name = "WHO")]
    kill: Option<Victim>,
    /// Play a part
    #[arg(long, value_enum, hide = true)]
    part: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Abc,
    Acb,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Victim {
    B,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    A,
    B,
    C,
}

impl Demo {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        match self.part {
            None => self.direct(global),
            Some(Part::A) => play_a(),
            Some(Part::B) => play_other('B', 1, false),
            Some(Part::C) => play_other('C', 2, true),
        }
    }

    /// Starts the three and shows what they say.
    fn direct(&self, global: &Global) -> Result<()> {
        let made = tempfile::Builder::new()
            .prefix("pagelight-demo-")
            .tempdir_in("/dev/shm");
        let folder = made.or_else(|_| tempfile::tempdir());
        let folder = folder.map_err(|error| Error::io("create a folder in", Path::new("/dev/shm"), error))?;
        let names = folder.path().join("names");
        let (mut said, mut told) = (serde_json::Map::new(), None);
        let mut watch = |who: char, line: &str| {
            if line.contains("abandoned") {
                told = Some(who.to_lowercase().to_string());
            }
            if let Some((who, value)) = line
                .strip_prefix("process ")
                .and_then(|line| line.split_once(" says: "))
            {
                said.insert(who.to_lowercase(), json!(value == "true"));
            }
        };

        let mut a = Actor::start(global, 'A', &names)?;
        a.until_its_turn(&mut watch)?;
        let others = match self.order {
            Order::Abc => ['B', 'C'],
            Order::Acb => ['C', 'B'],
        };
        for who in others {
            let mut actor = Actor::start(global, who, &names)?;
            actor.until_its_turn(&mut watch)?;
            if who == 'B' && self.kill == Some(Victim::B) {
                actor.show("killed with kill -9 while it has the mutex");
                drop(actor);
            } else {
                actor.finish(&mut watch)?;
            }
        }
        a.finish(&mut watch)?;
        if global.json {
            global.result("", &json!({ "said": said, "told_of_abandonment": told }));
        }
        Ok(())
    }
}

/// A process with a part to play; killed when dropped, if it has not ended.
struct Actor<'a> {
    global: &'a Global,
    who: char,
    child: Child,
    stdin: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl<'a> Actor<'a> {
    fn start(global: &'a Global, who: char, folder: &Path) -> Result<Actor<'a>> {
        let failed = |error| Error::io("start", Subject::Thing("a process"), error);
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .args(["shm", "demo", "--part", &who.to_lowercase().to_string()])
            .env("PAGELIGHT_NAMES", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take().expect("piped above");
        let stdout = child.stdout.take().expect("piped above");
        let actor = Actor {
            global,
            who,
            stdin,
            lines: BufReader::new(stdout).lines(),
            child,
        };
        actor.show(&format!("started as process {}", actor.child.id()));
        Ok(actor)
    }

    fn show(&self, line: &str) {
        if !self.global.json {
            self.global.result(&format!("{} | {line}", self.who), &json!(null));
        }
    }

    /// Shows its next line, if there is one, and gives it back.
    fn next_line(&mut self) -> Result<Option<String>> {
        let line = self.lines.next().transpose();
        let line = line.map_err(|error| Error::io("read from", Subject::Thing("a process"), error))?;
        if let Some(line) = &line {
            self.show(line);
        }
        Ok(line)
    }

    /// Shows its lines until it wants to be told to go on.
    fn until_its_turn(&mut self, watch: &mut dyn FnMut(char, &str)) -> Result<()> {
        while let Some(line) = self.next_line()? {
            watch(self.who, &line);
            if line.ends_with(YOUR_TURN) {
                return Ok(());
            }
        }
        self.end_well()?;
        Err(self.failed("ended too early"))
    }

    /// Tells it to go on and shows the rest of its lines.
    fn finish(&mut self, watch: &mut dyn FnMut(char, &str)) -> Result<()> {
        // If it cannot be written to, it has ended, and its end tells why.
        let _ = writeln!(self.stdin);
        while let Some(line) = self.next_line()? {
            watch(self.who, &line);
        }
        self.end_well()
    }

    fn end_well(&mut self) -> Result<()> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failed(&status.to_string())),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    fn failed(&self, why: &str) -> Error {
        let name = format!("process {}", self.who);
        Error::io("run", Path::new(&name), std::io::Error::other(why.to_owned()))
    }
}

impl Drop for Actor<'_> {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn play_a() -> Result<()> {
    let names = names::namespace();
    let memory = SharedMemory::create_new(&names.name(MEMORY)?, MEMORY_BYTES, Persistence::Process)?;
    let (mutex, guard) = NamedMutex::create_new_owned(&names.name(MUTEX)?, Persistence::Process)?;
    say(&format!(
        "made {MEMORY} ({MEMORY_BYTES} bytes) and {MUTEX}, and has the mutex"
    ));
    memory.view(..1)?.write(0, &1u8)?;
    drop(guard);
    say(&format!(
        "said true and let the mutex go; start B and C, then {YOUR_TURN}"
    ));
    wait_for_enter();
    let _guard = told(mutex.lock()?);
    let view = memory.view(..3)?;
    for (at, who) in ["A", "B", "C"].into_iter().enumerate() {
        say(&format!("process {who} says: {}", view.read::<u8>(at)? != 0));
    }
    Ok(())
}

fn play_other(who: char, at: u64, value: bool) -> Result<()> {
    let names = names::namespace();
    let memory = SharedMemory::open(&names.name(MEMORY)?)?;
    let mutex = NamedMutex::open(&names.name(MUTEX)?)?;
    let _guard = told(mutex.lock()?);
    say(&format!("found both and has the mutex; {YOUR_TURN}"));
    wait_for_enter();
    memory.view(at..=at)?.write(0, &u8::from(value))?;
    say(&format!("said {value} for {who} at byte {at}"));
    Ok(())
}

fn told(guard: Guard<'_>) -> Guard<'_> {
    if guard.abandoned() {
        say("was told that the mutex was abandoned: its last owner died with it");
    }
    guard
}

fn say(line: &str) {
    output::to_stdout(format!("{line}\n").as_bytes());
}

fn wait_for_enter() {
    // Whoever closes the pipe instead wants the same.
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}
