//! `pagelight shm send` and `receive`: a stream of bytes from one shell to another, through a ring.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use pagelight::error::{Error, Result, Subject};
use pagelight::ipc::{ByteRing, Name, Persistence};
use serde_json::json;

use super::super::output::{self, count};
use super::super::{Global, names, words};

/// How much is read at a time.
const BUFFER_BYTES: usize = 1 << 16;

/// Send standard input to whoever receives under this name
///
/// The ring is made if there is none. It ends with its last user, so this waits until all was received.
#[derive(Args)]
pub(super) struct Send {
    /// The ring's name
    #[arg(value_parser = names::name)]
    name: Name,
    /// How much the ring holds, if it is made
    #[arg(long, value_name = "SIZE", value_parser = words::bytes, default_value = "64KiB")]
    bytes: u64,
    /// How long to wait for room, and at the end for the receiver: 300ms, 5s, 2m [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    timeout: Option<Duration>,
}

impl Send {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let mut writer = ByteRing::create_or_open(&self.name, self.bytes, Persistence::Process)?.into_writer()?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut sent = 0u64;
        let mut input = std::io::stdin().lock();
        loop {
            let read = match input.read(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read.map_err(|error| Error::io("read", Path::new("standard input"), error))?,
            };
            if read == 0 {
                break;
            }
            let mut at = 0;
            while at < read {
                match writer.send(&buffer[at..read], self.timeout)? {
                    0 => return Err(self.in_vain(sent)),
                    some => (at, sent) = (at + some, sent + some as u64),
                }
            }
        }
        writer.end()?;
        if !writer.drain(self.timeout)? {
            return Err(self.in_vain(sent));
        }
        global.result(
            &format!("{}: {} bytes sent, all of them received", self.name, count(sent)),
            &json!({ "name": self.name.as_str(), "bytes": sent }),
        );
        Ok(())
    }

    fn in_vain(&self, sent: u64) -> Error {
        let timeout = self.timeout.map_or_else(String::new, names::show);
        Error::busy(
            Subject::Object(self.name.to_string()),
            format!(
                "nobody received for all of {timeout}, after {} bytes were sent; start 'pagelight shm receive', or allow \
                 more with --timeout",
                count(sent),
            ),
        )
    }
}

/// Receive what is sent under this name, on standard output, until the sender ends
#[derive(Args)]
pub(super) struct Receive {
    /// The ring's name
    #[arg(value_parser = names::name)]
    name: Name,
    #[command(flatten)]
    wait: super::data::WaitArgs,
    /// How long to wait for each next byte: 300ms, 5s, 2m [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    timeout: Option<Duration>,
}

impl Receive {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let mut reader = self.wait.wait_for(|| ByteRing::open(&self.name))?.into_reader()?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let (mut received, begun) = (0u64, Instant::now());
        let mut whole = Vec::new();
        loop {
            match reader.receive(&mut buffer, self.timeout)? {
                Some(0) => break,
                Some(length) => {
                    received += length as u64;
                    if global.json {
                        whole.extend_from_slice(&buffer[..length]);
                    } else {
                        output::to_stdout(&buffer[..length]);
                    }
                }
                None => {
                    let timeout = names::show(self.timeout.unwrap_or(begun.elapsed()));
                    return Err(Error::busy(
                        Subject::Object(self.name.to_string()),
                        format!(
                            "nothing was sent for all of {timeout}, after {} bytes; try again, or allow more with --timeout",
                            count(received),
                        ),
                    ));
                }
            }
        }
        if global.json {
            let hex: String = whole.iter().map(|byte| format!("{byte:02x}")).collect();
            global.result(
                "",
                &json!({ "name": self.name.as_str(), "bytes": received, "value": hex }),
            );
        } else {
            global.note(&format!(
                "{}: {} bytes received, to the end",
                self.name,
                count(received)
            ));
        }
        Ok(())
    }
}
