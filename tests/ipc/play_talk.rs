//! What a puppet does with events, rings and values that have a mutex of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use pagelight::error::Result;
use pagelight::ipc::{ByteRing, NamedEvent, Namespace, Persistence, Reset, RingReader, RingWriter, SharedMutex};

use super::play::{done, number};
use super::talk_chaos;

/// What a puppet has open of these.
#[derive(Default)]
pub(crate) struct Talk {
    events: BTreeMap<String, NamedEvent>,
    writers: BTreeMap<String, RingWriter>,
    readers: BTreeMap<String, RingReader>,
    values: BTreeMap<String, SharedMutex<[u64; 64]>>,
}

impl Talk {
    pub(crate) fn obey(&mut self, names: &Namespace, words: &[&str]) -> Result<String> {
        match words {
            ["event", how, name] => {
                let full = names.name(name)?;
                let event = match *how {
                    "auto" => NamedEvent::create_or_open(&full, Reset::Auto, Persistence::Process)?,
                    "manual" => NamedEvent::create_or_open(&full, Reset::Manual, Persistence::Process)?,
                    _ => NamedEvent::open(&full)?,
                };
                self.events.insert((*name).to_owned(), event);
                done()
            }
            ["set", name] => self.events[*name].set().and_then(|()| done()),
            ["reset", name] => self.events[*name].reset().and_then(|()| done()),
            ["wait", name] => self.events[*name].wait().map(|()| "set".to_owned()),
            ["wait", name, milliseconds] => {
                let set = self.events[*name].wait_timeout(Duration::from_millis(number(milliseconds)))?;
                Ok(if set { "set" } else { "timed out" }.to_owned())
            }
            ["ring-writer", name, capacity] => {
                let ring = ByteRing::create_or_open(&names.name(name)?, number(capacity), Persistence::Process)?;
                self.writers.insert((*name).to_owned(), ring.into_writer()?);
                done()
            }
            ["ring-reader", name] => {
                let reader = ByteRing::open(&names.name(name)?)?.into_reader()?;
                self.readers.insert((*name).to_owned(), reader);
                done()
            }
            ["send", name, text] => self.send(name, text.as_bytes()),
            ["send-many", name, from, count] => {
                let bytes: Vec<u8> = pattern(number(from)).take(length(count)).collect();
                self.send(name, &bytes)
            }
            ["end", name] => self
                .writers
                .remove(*name)
                .map_or_else(|| panic!("no writer"), |_| done()),
            ["leave", name] => self
                .readers
                .remove(*name)
                .map_or_else(|| panic!("no reader"), |_| done()),
            ["receive", name, milliseconds] => {
                let mut buffer = [0; 100];
                let timeout = Some(Duration::from_millis(number(milliseconds)));
                let received = self
                    .readers
                    .get_mut(*name)
                    .expect("a reader")
                    .receive(&mut buffer, timeout)?;
                Ok(match received {
                    None => "timed out".to_owned(),
                    Some(0) => "end".to_owned(),
                    Some(length) => String::from_utf8_lossy(&buffer[..length]).into_owned(),
                })
            }
            ["receive-many", name, from] => self.receive_many(name, number(from)),
            ["talk-carelessly"] => {
                pagelight::ipc::failpoint::talk_carelessly(true);
                done()
            }
            ["write-for-ever", name] => talk_chaos::write(names, name),
            ["read-for-ever", name] => talk_chaos::read(names, name),
            ["set-for-ever", name] => talk_chaos::set(names, name),
            ["wait-for-ever", name] => talk_chaos::wait(names, name),
            ["value", name] => {
                let value = SharedMutex::create_or_open(&names.name(name)?, [0; 64], Persistence::Process)?;
                self.values.insert((*name).to_owned(), value);
                done()
            }
            ["count", name, rounds] => self.count(name, number(rounds)),
            ["value-of", name] => Ok(self.values[*name].lock()?[63].to_string()),
            ["panic-in-value", name] => {
                let value = &self.values[*name];
                let panicked = std::thread::scope(|scope| {
                    let section = || {
                        let mut guard = value.lock().expect("locked");
                        guard[0] = 1_000_000;
                        panic!("as told");
                    };
                    scope.spawn(section).join().is_err()
                });
                assert!(panicked);
                done()
            }
            other => panic!("no such command: {other:?}"),
        }
    }

    fn send(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        let writer = self.writers.get_mut(name).expect("a writer");
        let mut sent = 0;
        while sent < bytes.len() {
            sent += writer.send(&bytes[sent..], None)?;
        }
        Ok(sent.to_string())
    }

    /// Reads to the end of the stream, whose bytes are the pattern from its place `from` on.
    fn receive_many(&mut self, name: &str, from: u64) -> Result<String> {
        let reader = self.readers.get_mut(name).expect("a reader");
        let (mut wanted, mut count) = (pattern(from), 0);
        let mut buffer = [0; 777];
        loop {
            let length = reader.receive(&mut buffer, None)?.expect("waits for ever");
            if length == 0 {
                return Ok(format!("{count} bytes"));
            }
            for &byte in &buffer[..length] {
                if Some(byte) != wanted.next() {
                    return Ok(format!("byte {count} is wrong"));
                }
                count += 1;
            }
        }
    }

    /// Counts all places of the value up by one, so many times; they must always be alike, but for what a dead owner
    /// left.
    fn count(&self, name: &str, rounds: u64) -> Result<String> {
        let mut told = 0;
        for _ in 0..rounds {
            let mut guard = self.values[name].lock()?;
            told += u64::from(guard.abandoned());
            let alike = guard.iter().all(|&place| place == guard[0]);
            if !alike && !guard.abandoned() {
                return Ok(format!("half-done: {:?}", *guard));
            }
            let next = guard.iter().max().copied().unwrap_or(0) + 1;
            guard.fill(next);
        }
        Ok(format!("told {told}"))
    }
}

/// Bytes that repeat after 251, from one place on.
pub(crate) fn pattern(from: u64) -> impl Iterator<Item = u8> {
    (from..).map(|at| u8::try_from(at % 251).expect("below 251"))
}

fn length(word: &str) -> usize {
    word.parse().expect("a length")
}
