//! `pagelight shm`: shared memory and file maps by name, from the shell.

mod data;
mod demo;
mod stream;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pagelight::error::Result;
use pagelight::ipc::{self, Entry, Name, Persistence, SharedMemory};
use pagelight::map::{Access, MappedFile};
use serde_json::{Value, json};

use super::names::{self, HoldArgs};
use super::output::{self, count};
use super::{Global, words};

/// Shared memory and file maps that unrelated processes find by name
#[derive(Args)]
pub(super) struct Shm {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Create(Create),
    Write(data::Write),
    Read(data::Read),
    Send(stream::Send),
    Receive(stream::Receive),
    Stat(Stat),
    List(List),
    Remove(Remove),
    Publish(Publish),
    Demo(demo::Demo),
}

impl Shm {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        match &self.command {
            Command::Create(command) => command.run(global),
            Command::Write(command) => command.run(global),
            Command::Read(command) => command.run(global),
            Command::Send(command) => command.run(global),
            Command::Receive(command) => command.run(global),
            Command::Stat(command) => command.run(global),
            Command::List(command) => command.run(global),
            Command::Remove(command) => command.run(global),
            Command::Publish(command) => command.run(global),
            Command::Demo(command) => command.run(global),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PersistenceName {
    Process,
    File,
}

/// Make memory and give it a name
///
/// It lives as long as a process uses it, hence --hold; or, with --persist file, until it is removed, also through a
/// restart of the machine.
#[derive(Args)]
struct Create {
    /// What others find it by
    #[arg(value_parser = names::name)]
    name: Name,
    /// How much
    #[arg(long, value_name = "SIZE", value_parser = words::bytes)]
    bytes: u64,
    /// How long it lives: as long as it is used, or until it is removed
    #[arg(long, value_enum, default_value_t = PersistenceName::Process, value_name = "HOW")]
    persist: PersistenceName,
    #[command(flatten)]
    hold: HoldArgs,
}

impl Create {
    fn run(&self, global: &Global) -> Result<()> {
        let persistence = match self.persist {
            PersistenceName::Process => Persistence::Process,
            PersistenceName::File => Persistence::File,
        };
        if persistence == Persistence::Process {
            self.hold.check(
                &self.name,
                " (and --for TIME), or keep it in a file with --persist file",
            )?;
        }
        let interrupt = names::interrupt()?;
        let memory = SharedMemory::create_new(&self.name, self.bytes, persistence)?;
        let how_long = match (self.hold.asked(), persistence) {
            (true, _) => self.hold.describe(),
            (false, _) => "kept until it is removed".to_owned(),
        };
        global.result(
            &format!("{}: {} bytes, {how_long}", self.name, count(memory.len())),
            &json!({
                "name": self.name.as_str(),
                "bytes": memory.len(),
                "persistence": persistence_word(persistence),
            }),
        );
        self.hold.wait(&interrupt);
        Ok(())
    }
}

/// Give a file's map a name, under which other processes open it as an image: name:NAME
#[derive(Args)]
struct Publish {
    /// What others find it by
    #[arg(value_parser = names::name)]
    name: Name,
    /// The file
    image: PathBuf,
    #[command(flatten)]
    hold: HoldArgs,
}

impl Publish {
    fn run(&self, global: &Global) -> Result<()> {
        self.hold.check(&self.name, " (and --for TIME)")?;
        let interrupt = names::interrupt()?;
        let file = MappedFile::open(&self.image, Access::ReadWrite)?;
        let _published = file.publish(&self.name)?;
        global.result(
            &format!(
                "{}: means {}, {} bytes, {}",
                self.name,
                output::name(&self.image),
                count(file.len()),
                self.hold.describe(),
            ),
            &json!({
                "name": self.name.as_str(),
                "image": self.image.to_string_lossy(),
                "bytes": file.len(),
            }),
        );
        self.hold.wait(&interrupt);
        Ok(())
    }
}

/// Say what an object is
#[derive(Args)]
struct Stat {
    /// The object's name
    #[arg(value_parser = names::name)]
    name: Name,
    #[command(flatten)]
    wait: data::WaitArgs,
}

impl Stat {
    fn run(&self, global: &Global) -> Result<()> {
        let entry = self.wait.wait_for(|| ipc::inspect(&self.name))?;
        global.result(&line(&entry), &object(&entry));
        Ok(())
    }
}

/// List all objects of this user; what nobody uses any more is removed
#[derive(Args)]
struct List {}

impl List {
    fn run(&self, global: &Global) -> Result<()> {
        let entries = ipc::list(&names::namespace())?;
        let lines: Vec<String> = entries.iter().map(line).collect();
        let objects: Vec<Value> = entries.iter().map(object).collect();
        if global.json {
            global.result("", &json!({ "objects": objects }));
        } else if lines.is_empty() {
            global.note("no objects");
        } else {
            global.result(&lines.join("\n"), &Value::Null);
        }
        Ok(())
    }
}

/// Remove an object that nobody uses
#[derive(Args)]
struct Remove {
    /// The object's name
    #[arg(value_parser = names::name)]
    name: Name,
}

impl Remove {
    fn run(&self, global: &Global) -> Result<()> {
        ipc::remove(&self.name)?;
        global.result(
            &format!("{}: removed", self.name),
            &json!({ "name": self.name.as_str(), "removed": true }),
        );
        Ok(())
    }
}

fn line(entry: &Entry) -> String {
    let size = match (&entry.target, entry.bytes) {
        (Some(target), bytes) => format!(", {} bytes of {}", count(bytes), output::name(target)),
        (None, 0) => String::new(),
        (None, bytes) => format!(", {} bytes", count(bytes)),
    };
    let persistence = match entry.persistence {
        Persistence::Process => "",
        Persistence::File => ", kept",
    };
    let used = match (entry.in_use, names::processes(&entry.users)) {
        (false, _) => "not in use".to_owned(),
        (true, None) => "in use".to_owned(),
        (true, Some(users)) => format!("in use by {users}"),
    };
    format!(
        "{}: {}{size}{persistence}, {used}, made by process {}",
        entry.name, entry.kind, entry.creator
    )
}

fn object(entry: &Entry) -> Value {
    json!({
        "name": entry.name.as_str(),
        "kind": entry.kind.to_string(),
        "bytes": entry.bytes,
        "persistence": persistence_word(entry.persistence),
        "in_use": entry.in_use,
        "users": entry.users,
        "creator": entry.creator,
        "image": entry.target.as_ref().map(|target| target.to_string_lossy()),
    })
}

fn persistence_word(persistence: Persistence) -> &'static str {
    match persistence {
        Persistence::Process => "process",
        Persistence::File => "file",
    }
}
