//! `pagelight limit`: one measurement of what the machine can do, started by `bench` and by nobody else.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use pagelight::bench::limit::{self, DiskUse};
use pagelight::error::{Error, Result};
use pagelight::pixel::PixelFormat;
use serde_json::json;

use crate::cli::output;

/// Measure what the machine can do at most; started by bench
#[derive(Args)]
pub(crate) struct Limit {
    #[arg(long)]
    threads: usize,
    #[arg(long)]
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
        let time: Duration = match &self.of {
            Of::Memory { pixel } => {
                let bytes = usize::try_from(self.bytes)
                    .map_err(|_| Error::Request(format!("{} bytes are more than memory can hold", self.bytes)))?;
                limit::memory(bytes, self.threads, *pixel)?
            }
            Of::Disk { disk_use, file } => limit::disk(file, self.bytes, self.threads, *disk_use)?,
        };
        let object = json!({ "seconds": time.as_secs_f64() });
        output::to_stdout(format!("{object}\n").as_bytes());
        Ok(())
    }
}
