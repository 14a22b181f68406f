//! The program: a worker of somebody else's job, or: parse, dispatch, print the error, choose the exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    // It obeys its coordinator, not signals.
    if let Some(exit) = cli::work_as_worker() {
        return exit;
    }
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::fail(&error),
    }
}
