//! `pagelight mutex`: mutexes by name, from the shell.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command as Program, ExitStatus};
use std::time::Duration;

use clap::{Args, Subcommand};
use pagelight::error::{Error, Result};
use pagelight::ipc::{Name, NamedMutex};
use pagelight::os::forward::Patience;
use serde_json::json;

use super::{Global, complain, names};

/// The exit code of --fail-on-abandoned.
const ABANDONED: i32 = 4;

/// Mutexes that unrelated processes find by name
#[derive(Args)]
pub(super) struct Mutex {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Run),
    Hold(Hold),
    Status(Status),
}

impl Mutex {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        match &self.command {
            Command::Run(command) => command.run(global),
            Command::Hold(command) => command.run(global),
            Command::Status(command) => command.run(global),
        }
    }
}

/// Run a command while holding a mutex, which is made if there is none
///
/// The exit code is the command's, or 128 and the number of the signal that ended it.
#[derive(Args)]
struct Run {
    /// The mutex' name
    #[arg(value_parser = names::name)]
    name: Name,
    /// How long to wait for the mutex: 300ms, 5s, 2m [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    timeout: Option<Duration>,
    /// The exit code if the wait is in vain
    #[arg(short = 'E', long, value_name = "N", default_value_t = 75)]
    timeout_exit_code: u8,
    /// Do not run the command, and exit with 4, if the mutex' last owner died with it
    #[arg(long)]
    fail_on_abandoned: bool,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    fn run(&self, global: &Global) -> Result<()> {
        let guard = match names::lock(global, &self.name, self.timeout) {
            Err(error @ Error::Busy { .. }) if self.timeout.is_some() => {
                complain(&super::chain(&error));
                std::process::exit(self.timeout_exit_code.into());
            }
            guard => guard?,
        };
        if guard.abandoned() && self.fail_on_abandoned {
            drop(guard);
            complain(&format!(
                "{}: was abandoned, so the command was not run; the mutex is free now",
                self.name
            ));
            std::process::exit(ABANDONED);
        }
        let (program, arguments) = self.command.split_first().expect("clap requires one");
        let status = run_program(program, arguments).map_err(|error| Error::io("run", Path::new(program), error));
        drop(guard);
        std::process::exit(code(status?));
    }
}

fn run_program(program: &OsString, arguments: &[OsString]) -> io::Result<ExitStatus> {
    let patience = Patience::new()?;
    let mut child = Program::new(program).args(arguments).spawn()?;
    let forwarding = patience.forward_to(&child);
    let status = child.wait();
    drop(forwarding);
    status
}

/// A program's end as shells put it.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Hold a mutex, which is made if there is none, until Ctrl-C or a signal
#[derive(Args)]
struct Hold {
    /// The mutex' name
    #[arg(value_parser = names::name)]
    name: Name,
    /// Let go after this time: 300ms, 5s, 2m
    #[arg(long = "for", value_name = "TIME", value_parser = names::duration)]
    time: Option<Duration>,
    /// How long to wait for the mutex [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    timeout: Option<Duration>,
}

impl Hold {
    fn run(&self, global: &Global) -> Result<()> {
        let guard = names::lock(global, &self.name, self.timeout)?;
        // Only now: a signal during the wait ends it in the ordinary way, and harms nobody.
        let interrupt = names::interrupt()?;
        global.result(
            &format!("{}: {}", self.name, names::held_for(self.time)),
            &json!({ "name": self.name.as_str(), "abandoned": guard.abandoned() }),
        );
        names::hold(self.time, &interrupt);
        Ok(())
    }
}

/// Say who holds a mutex
#[derive(Args)]
struct Status {
    /// The mutex' name
    #[arg(value_parser = names::name)]
    name: Name,
    /// Wait this long for the mutex to appear: 300ms, 5s, 2m
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    wait: Option<Duration>,
}

impl Status {
    fn run(&self, global: &Global) -> Result<()> {
        let mutex = names::wait_for(self.wait, || NamedMutex::open(&self.name))?;
        let status = mutex.status()?;
        let abandoned = status.abandoned || status.holder.is_some_and(|holder| !holder.alive);
        let state = match status.holder {
            Some(holder) if holder.alive => format!("held by process {}, thread {}", holder.process, holder.thread),
            _ if abandoned => "abandoned; the next owner will be told".to_owned(),
            _ => "free".to_owned(),
        };
        global.result(
            &format!("{}: {state}; abandoned {} times so far", self.name, status.abandonments),
            &json!({
                "name": self.name.as_str(),
                "held": status.holder.is_some_and(|holder| holder.alive),
                "process": status.holder.map(|holder| holder.process),
                "thread": status.holder.map(|holder| holder.thread),
                "abandoned": abandoned,
                "abandonments": status.abandonments,
            }),
        );
        Ok(())
    }
}
