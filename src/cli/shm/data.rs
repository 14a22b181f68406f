//! `pagelight shm write` and `read`: values in shared memory, under a mutex if asked.

use std::time::Duration;

use clap::{Args, ValueEnum};
use pagelight::error::{Error, Result, Subject};
use pagelight::ipc::{Guard, Name, SharedMemory};
use serde_json::{Value, json};

use super::super::names;
use super::super::output::{self, count};
use super::super::{Global, words};

/// Patience with an object that is not there yet.
#[derive(Args)]
pub(super) struct WaitArgs {
    /// Wait this long for the object to appear: 300ms, 5s, 2m
    #[arg(long, value_name = "TIME", value_parser = names::duration)]
    wait: Option<Duration>,
}

impl WaitArgs {
    pub(super) fn wait_for<T>(&self, open: impl Fn() -> Result<T>) -> Result<T> {
        names::wait_for(self.wait, open)
    }
}

/// Where, and under which mutex.
#[derive(Args)]
struct PlaceArgs {
    /// The memory's name
    #[arg(value_parser = names::name)]
    name: Name,
    /// The first byte
    #[arg(long, value_name = "BYTES", value_parser = words::bytes, default_value = "0")]
    at: u64,
    /// Do it while holding this mutex, which is made if there is none
    #[arg(long, value_name = "NAME", value_parser = names::name)]
    mutex: Option<Name>,
    /// How long to wait for the mutex [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = names::duration, requires = "mutex")]
    timeout: Option<Duration>,
    #[command(flatten)]
    wait: WaitArgs,
}

impl PlaceArgs {
    fn open(&self, global: &Global) -> Result<(SharedMemory, Option<Guard<'static>>)> {
        let memory = self.wait.wait_for(|| SharedMemory::open(&self.name))?;
        let lock = |mutex| names::lock(global, mutex, self.timeout);
        Ok((memory, self.mutex.as_ref().map(lock).transpose()?))
    }
}

/// Write a value into shared memory
#[derive(Args)]
pub(super) struct Write {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    value: ValueArgs,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct ValueArgs {
    /// One byte, 0 or 1
    #[arg(long, value_name = "0|1", value_parser = truth)]
    bool: Option<u8>,
    /// One byte, 0 to 255
    #[arg(long, value_name = "N")]
    u8: Option<u8>,
    /// Bytes, two hexadecimal digits each
    #[arg(long, value_name = "BYTES", value_parser = unhex)]
    hex: Option<Bytes>,
    /// All that comes from standard input
    #[arg(long)]
    stdin: bool,
}

/// Bytes that the user wrote as one word.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl Write {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let bytes = match &self.value {
            ValueArgs { bool: Some(byte), .. } | ValueArgs { u8: Some(byte), .. } => vec![*byte],
            ValueArgs { hex: Some(bytes), .. } => bytes.0.clone(),
            _ => from_stdin()?,
        };
        let place = &self.place;
        let (memory, _guard) = place.open(global)?;
        if !bytes.is_empty() {
            memory
                .view(place.at..place.at.saturating_add(bytes.len() as u64))?
                .copy_in(0, &bytes)?;
        }
        let others = names::others(&place.name);
        global.result(
            &format!(
                "{}: {} written at {}{}",
                place.name,
                match bytes.len() {
                    1 => "1 byte".to_owned(),
                    more => format!("{} bytes", count(more as u64)),
                },
                place.at,
                names::used_by(&others),
            ),
            &json!({ "name": place.name.as_str(), "at": place.at, "bytes": bytes.len(), "others": others }),
        );
        Ok(())
    }
}

/// Read values from shared memory
#[derive(Args)]
pub(super) struct Read {
    #[command(flatten)]
    place: PlaceArgs,
    /// How many bytes; 0 means all the rest [default: 1 for bool and u8, else all the rest]
    #[arg(long, value_name = "BYTES", value_parser = words::bytes)]
    length: Option<u64>,
    /// How to print them: true or false or a number per line, hexadecimal digits, or the bytes themselves
    #[arg(long = "as", value_enum, value_name = "HOW", default_value_t = Form::Hex)]
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Bool,
    U8,
    Hex,
    Raw,
}

impl Read {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let place = &self.place;
        let (memory, guard) = place.open(global)?;
        let length = match (self.length, self.form) {
            (Some(length), _) => length,
            (None, Form::Bool | Form::U8) => 1,
            (None, Form::Hex | Form::Raw) => 0,
        };
        let view = match length {
            0 => memory.view(place.at..),
            length => memory.view(place.at..place.at.saturating_add(length)),
        }?;
        let mut bytes = vec![0; view.len()];
        view.copy_out(0, &mut bytes)?;
        drop(guard);
        let values: Vec<Value> = match self.form {
            Form::Bool => bytes.iter().map(|&byte| json!(byte != 0)).collect(),
            Form::U8 => bytes.iter().map(|&byte| json!(byte)).collect(),
            Form::Hex | Form::Raw => vec![json!(hex(&bytes))],
        };
        if self.form == Form::Raw && !global.json {
            output::to_stdout(&bytes);
            return Ok(());
        }
        let lines: Vec<String> = values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let value = match <[Value; 1]>::try_from(values) {
            Ok([value]) => value,
            Err(values) => Value::Array(values),
        };
        global.result(
            &lines.join("\n"),
            &json!({ "name": place.name.as_str(), "at": place.at, "bytes": bytes.len(), "value": value }),
        );
        Ok(())
    }
}

fn from_stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes);
    read.map_err(|error| Error::io("read", Subject::Thing("standard input"), error))?;
    Ok(bytes)
}

fn truth(text: &str) -> std::result::Result<u8, String> {
    match text {
        "0" | "false" => Ok(0),
        "1" | "true" => Ok(1),
        _ => Err("give 0 or 1".to_owned()),
    }
}

fn unhex(text: &str) -> std::result::Result<Bytes, String> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    match digits {
        Some(digits) if !digits.is_empty() && digits.len() % 2 == 0 => {
            let byte = |pair: &[u32]| u8::try_from(pair[0] << 4 | pair[1]).unwrap_or(u8::MAX);
            Ok(Bytes(digits.chunks_exact(2).map(byte).collect()))
        }
        _ => Err("give two hexadecimal digits for each byte, such as 00ff7a".to_owned()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        let there = unhex(&hex(&all)).map(|bytes| bytes.0);
        assert_eq!(there, Ok(all));
        assert_eq!(unhex("0aFf").map(|bytes| bytes.0), Ok(vec![10, 255]));
        for wrong in ["", "0", "123", "0x12", "é0", "g0"] {
            assert!(unhex(wrong).is_err(), "{wrong}");
        }
    }
}
