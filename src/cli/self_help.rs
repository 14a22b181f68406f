//! `pagelight completions` and `pagelight man`: what the program can tell of itself to shells and to man.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use pagelight::error::{Error, Result, Subject};

use super::{Cli, output};

/// Print the completions for a shell
#[derive(Args)]
pub(super) struct Completions {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pagelight", &mut script);
        output::to_stdout(&script);
        Ok(())
    }
}

/// Print the manual page, of the program or of one command
#[derive(Args)]
pub(super) struct Man {
    /// The command, such as brighten
    command: Option<String>,
}

impl Man {
    pub(super) fn run(&self) -> Result<()> {
        let mut program = Cli::command();
        program.build();
        let command = match &self.command {
            None => program,
            Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
                Error::request(Subject::Nothing, format!("no command '{name}'; try 'pagelight --help'"))
            })?,
        };
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.map_err(|error| Error::io("write", Subject::Thing("the manual page"), error))?;
        output::to_stdout(&page);
        Ok(())
    }
}
