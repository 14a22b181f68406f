//! `pagelight limit`: one measurement of what the machine can do, started by `bench` and by nobody else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use pagelight::bench::limit::{self, DiskUse};
use pagelight::error::{Error, Result, Subject};
use pagelight::pixel::PixelFormat;
use serde_json::json;

use super::workspace::FOLDER_PREFIX;
use crate::cli::{output, words};

/// Measure what the machine can do at most; started by bench
#[derive(Args)]
pub(crate) struct Limit {
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    #[arg(long, value_parser = words::some_bytes)]
    bytes: u64,
    #[command(subcommand)]
    of: Of,
}

#[derive(Subcommand)]
enum Of {
    /// The kernel over private memory
    Memory {
        #[arg(long)]
        pixel: PixelFormat,
    },
    /// The disk past the page cache; overwrites the file
    Disk { disk_use: DiskUse, file: PathBuf },
}

impl Limit {
    pub(crate) fn run(&self) -> Result<()> {
        let threads = usize::try_from(self.threads).unwrap_or(usize::MAX);
        let time: Duration = match &self.of {
            Of::Memory { pixel } => {
                let bytes = usize::try_from(self.bytes).map_err(|_| {
                    Error::request(
                        Subject::Nothing,
                        format!("{} bytes are more than memory can hold", self.bytes),
                    )
                })?;
                limit::memory(bytes, threads, *pixel)?
            }
            Of::Disk { disk_use, file } => {
                refuse_other_than_ours(file)?;
                limit::disk(file, self.bytes, threads, *disk_use)?
            }
        };
        let object = json!({ "seconds": time.as_secs_f64() });
        output::to_stdout(format!("{object}\n").as_bytes());
        Ok(())
    }
}

/// Refuses a file that `bench` has not made: its bytes would be lost.
fn refuse_other_than_ours(file: &Path) -> Result<()> {
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
    if folder.as_encoded_bytes().starts_with(FOLDER_PREFIX.as_bytes()) {
        Ok(())
    } else {
        Err(Error::request(
            file,
            "not a file of the bench's own, and it would be overwritten; use 'pagelight bench'",
        ))
    }
}
