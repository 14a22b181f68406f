//! The command line: the only floor that prints, reads the environment or exits, and the only door to clap and
//! indicatif. One file per command.
//!
//! Results go to stdout; progress, messages and errors to stderr, an error as one line.

mod adjust;
mod area;
mod bench;
mod brighten;
mod create;
mod demo;
mod edit;
mod event;
mod export;
mod hints;
mod image;
mod import;
mod info;
mod mutex;
mod names;
mod output;
mod preview;
mod progress;
mod self_help;
mod shm;
mod stats;
mod status;
mod unfinished;
mod words;
mod work;

use std::error::Error as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use pagelight::error::{Error, Result, Subject};
use pagelight::exit;
use pagelight::os::fault;
use pagelight::os::interrupt::Interrupt;
use pagelight::os::suspend::Suspend;
use pagelight::worker;

use self::hints::Commands;

/// Edits images bigger than memory, in place, through memory maps, on all cores.
#[derive(Parser)]
#[command(name = "pagelight", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Also say how the work is done: threads, memory
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Print the result as one JSON object
    #[arg(long, global = true)]
    json: bool,
    /// How to show progress, on stderr: auto draws a bar on a terminal and prints a line now and then elsewhere
    #[arg(long, global = true, value_enum, default_value_t = ProgressChoice::Auto, value_name = "WHEN")]
    progress: ProgressChoice,
    /// When to use colors; auto heeds NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t = ColorWhen::Auto, value_name = "WHEN")]
    color: ColorWhen,
    /// Whether the user asked to stop.
    #[arg(skip)]
    interrupt: Option<Interrupt>,
    /// Whether the user asked to stand still.
    #[arg(skip)]
    suspend: Option<Suspend>,
}

impl Global {
    /// Whether work is to go on; `Break` once the user asked to stop.
    fn go_on(&self) -> ControlFlow<()> {
        match &self.interrupt {
            Some(interrupt) if interrupt.asked() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// What is there only where /proc is mounted.
const PROC: &str = "/proc/self/status";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProgressChoice {
    Auto,
    Plain,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    Brighten(brighten::Brighten),
    Adjust(adjust::Adjust),
    Resume(unfinished::Resume),
    Status(status::Status),
    Abandon(unfinished::Abandon),
    Forget(unfinished::Forget),
    Create(create::Create),
    Info(info::Info),
    Import(import::Import),
    Export(export::Export),
    Preview(preview::Preview),
    Stats(stats::Stats),
    Demo(demo::Demo),
    Bench(bench::Bench),
    Shm(shm::Shm),
    Mutex(mutex::Mutex),
    Event(event::Event),
    Completions(self_help::Completions),
    Man(self_help::Man),
    #[command(hide = true)]
    Limit(bench::Limit),
}

impl Cli {
    /// Does what the command says.
    ///
    /// # Errors
    /// Whatever the command says; else `Io` if its result could not be printed.
    pub(crate) fn run(mut self) -> Result<()> {
        self.prepare()?;
        self.dispatch()?;
        output::all_printed()
    }

    fn prepare(&mut self) -> Result<()> {
        if matches!(self.command, Command::Completions(_) | Command::Man(_)) {
            return Ok(());
        }
        if !Path::new(PROC).exists() {
            return Err(Error::Lacking {
                what: "/proc is not mounted, and Pagelight needs it; mount it with 'mount -t proc proc /proc'",
            });
        }
        let failed = |error| Error::io("watch", Subject::Thing("signals"), error);
        fault::guard_signals()?;
        // What only waits or measures must simply end.
        if !matches!(
            self.command,
            Command::Limit(_) | Command::Shm(_) | Command::Mutex(_) | Command::Event(_)
        ) {
            self.global.interrupt = Some(Interrupt::install().map_err(failed)?);
            self.global.suspend = Some(Suspend::install().map_err(failed)?);
        }
        Ok(())
    }

    fn dispatch(&self) -> Result<()> {
        let global = &self.global;
        match &self.command {
            Command::Brighten(command) => command.run(global),
            Command::Adjust(command) => command.run(global),
            Command::Resume(command) => command.run(global),
            Command::Status(command) => command.run(global),
            Command::Abandon(command) => command.run(global),
            Command::Forget(command) => command.run(global),
            Command::Create(command) => command.run(global),
            Command::Info(command) => command.run(global),
            Command::Import(command) => command.run(global),
            Command::Export(command) => command.run(global),
            Command::Preview(command) => command.run(global),
            Command::Stats(command) => command.run(global),
            Command::Demo(command) => command.run(global),
            Command::Bench(command) => command.run(global),
            Command::Shm(command) => command.run(global),
            Command::Mutex(command) => command.run(global),
            Command::Event(command) => command.run(global),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
            Command::Limit(command) => command.run(),
        }
    }
}

/// Reads the program's arguments. `Err` is the exit code when there is nothing more to do: help was asked for, or the
/// words are off.
pub(crate) fn parse() -> std::result::Result<Cli, ExitCode> {
    // Needed before the words are read in order, because a complaint about them may be colored.
    let color = color_wish();
    color.write_global();
    let command = Cli::command().color(match color {
        ColorChoice::Never => clap::ColorChoice::Never,
        ColorChoice::Auto => clap::ColorChoice::Auto,
        _ => clap::ColorChoice::Always,
    });
    let parsed = command
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            output::remember(error.print());
            return output::all_printed().map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS);
        }
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            let _ = error.print();
            return ExitCode::from(2);
        }
        complain(&one_line(&error.render().to_string()));
        ExitCode::from(2)
    })
}

fn color_wish() -> ColorChoice {
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let wish = words
        .iter()
        .enumerate()
        .find_map(|(at, word)| match word.strip_prefix("--color") {
            Some("") => words.get(at + 1).map(String::as_str),
            Some(value) => value.strip_prefix('='),
            None => None,
        });
    match wish {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// What clap says over several lines, as one: the cause, and the hint where there is one.
fn one_line(rendered: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut usage = "";
    for line in rendered.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(words) = line.strip_prefix("Usage: ") {
            usage = words;
        } else if !line.starts_with("For more information") {
            parts.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    if !usage.is_empty() {
        parts.push("usage:");
        parts.push(usage);
    }
    let mut line = parts.join(" ");
    if usage.is_empty() {
        line += "; try 'pagelight --help'";
    }
    line
}

/// Prints one line on stderr in the form of all errors.
pub(crate) fn complain(message: &str) {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    output::to_stderr(&format!("{style}pagelight:{style:#} {}", output::printable(message)));
}

/// Does the work of a worker, if this process was started as one.
pub(crate) fn work_as_worker() -> Option<ExitCode> {
    let worked = worker::serve(std::env::args_os(), &[])?;
    Some(worked.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS))
}

/// Says what went wrong; the exit code that means it.
pub(crate) fn fail(error: &Error) -> ExitCode {
    complain(&chain(error));
    exit_code(error)
}

/// The error and its causes as one line.
fn chain(error: &Error) -> String {
    let mut line = error.text(&Commands);
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = match error.downcast_ref::<Error>() {
            Some(error) => error.text(&Commands),
            None => error.to_string(),
        };
        if !line.contains(&words) {
            line += &format!(" ({words})");
        }
        cause = error.source();
    }
    line
}

/// The documented exit code of each error.
fn exit_code(error: &Error) -> ExitCode {
    ExitCode::from(exit::code(error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn complaints_have_one_line() {
        let rendered = "error: the following required arguments were not provided:\n  --by <N>\n  <IMAGE>\n\n\
                        Usage: pagelight brighten --by <N> <IMAGE>\n\nFor more information, try '--help'.\n";
        assert_eq!(
            one_line(rendered),
            "the following required arguments were not provided: --by <N> <IMAGE> usage: pagelight brighten --by <N> \
             <IMAGE>"
        );
    }
}
