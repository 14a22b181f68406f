//! `pagelight event`: events by name, from the shell.

use std::time::Duration;

use clap::{Args, Subcommand};
use pagelight::error::{Error, Result, Subject};
use pagelight::ipc::{Name, NamedEvent, Persistence, Reset};
use serde_json::json;

use super::{Global, names};

/// Events that unrelated processes find by name: some wait, others set them
#[derive(Args)]
pub(super) struct Event {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Wait(Wait),
    Set(Set),
    Reset(Unset),
    Hold(Hold),
}

impl Event {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        match &self.command {
            Command::Wait(command) => command.run(global),
            Command::Set(command) => command.run(global),
            Command::Reset(command) => command.run(global),
            Command::Hold(command) => command.run(global),
        }
    }
}

/// An event that is made if there is none.
#[derive(Args)]
struct MadeArgs {
    /// The event's name
    #[arg(value_parser = names::name)]
    name: Name,
    /// If it is made: let all who wait go on, until it is reset, and not one each time it is set
    #[arg(long)]
    manual: bool,
}

impl MadeArgs {
    fn open(&self) -> Result<NamedEvent> {
        let reset = if self.manual { Reset::Manual } else { Reset::Auto };
        NamedEvent::create_or_open(&self.name, reset, Persistence::Process)
    }
}

/// Wait until an event is set; it is made if there is none
#[derive(Args)]
struct Wait {
    #[command(flatten)]
    made: MadeArgs,
    /// How long to wait: 300ms, 5s, 2m [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    timeout: Option<Duration>,
}

impl Wait {
    fn run(&self, global: &Global) -> Result<()> {
        let name = &self.made.name;
        let event = self.made.open()?;
        match self.timeout {
            None => event.wait()?,
            Some(timeout) if event.wait_timeout(timeout)? => {}
            Some(timeout) => {
                let timeout = names::show(timeout);
                let what = format!("was not set for all of {timeout}; try again, or allow more with --timeout");
                return Err(Error::busy(Subject::Object(name.to_string()), what));
            }
        }
        global.result(
            &format!("{name}: was set"),
            &json!({ "name": name.as_str(), "set": true, "made": event.was_created(), "reset": word(&event) }),
        );
        Ok(())
    }
}

/// Which event, and how long to wait for it to appear.
#[derive(Args)]
struct ThereArgs {
    /// The event's name
    #[arg(value_parser = names::name)]
    name: Name,
    /// Wait this long for the event to appear: 300ms, 5s, 2m
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    wait: Option<Duration>,
}

impl ThereArgs {
    fn open(&self) -> Result<NamedEvent> {
        names::wait_for(self.wait, || NamedEvent::open(&self.name))
    }

    /// Tells what was done, and who else uses the event.
    fn tell(&self, global: &Global, event: &NamedEvent, others: &[u32], done: &str, set: bool) {
        global.result(
            &format!("{}: {done}{}", self.name, names::used_by(others)),
            &json!({ "name": self.name.as_str(), "set": set, "reset": word(event), "others": others }),
        );
    }
}

/// Set an event: one who waits goes on, or all, as it was made
#[derive(Args)]
struct Set {
    #[command(flatten)]
    there: ThereArgs,
}

impl Set {
    fn run(&self, global: &Global) -> Result<()> {
        let event = self.there.open()?;
        // Before: who goes on may end at once.
        let others = names::others(&self.there.name);
        event.set()?;
        let done = match event.reset_mode() {
            Reset::Auto => "set, for one who waits",
            Reset::Manual => "set, for all who wait, until it is reset",
        };
        self.there.tell(global, &event, &others, done, true);
        Ok(())
    }
}

/// Reset an event: whoever comes now waits
#[derive(Args)]
struct Unset {
    #[command(flatten)]
    there: ThereArgs,
}

impl Unset {
    fn run(&self, global: &Global) -> Result<()> {
        let event = self.there.open()?;
        let others = names::others(&self.there.name);
        event.reset()?;
        self.there.tell(global, &event, &others, "reset", false);
        Ok(())
    }
}

/// Keep an event in use, which is made if there is none, until Ctrl-C or a signal
#[derive(Args)]
struct Hold {
    #[command(flatten)]
    made: MadeArgs,
    /// Let go after this time: 300ms, 5s, 2m
    #[arg(long = "for", value_name = "TIME", value_parser = names::duration)]
    time: Option<Duration>,
}

impl Hold {
    fn run(&self, global: &Global) -> Result<()> {
        let event = self.made.open()?;
        let interrupt = names::interrupt()?;
        global.result(
            &format!("{}: {}", self.made.name, names::held_for(self.time)),
            &json!({ "name": self.made.name.as_str(), "made": event.was_created(), "reset": word(&event) }),
        );
        names::hold(self.time, &interrupt);
        Ok(())
    }
}

fn word(event: &NamedEvent) -> &'static str {
    match event.reset_mode() {
        Reset::Auto => "auto",
        Reset::Manual => "manual",
    }
}
