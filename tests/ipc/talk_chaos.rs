//! Rings and events whose users are killed at any moment. Every byte that is read must be the one that was written at
//! that place of the stream, and an event must let no more go on than it was set.
//!
//! What is checked against lies in a plain file beside the namespace. The control runs count bytes before they are
//! there, and take an event's 1 away in two steps; they must fail. With `PAGELIGHT_LONG=1` each run takes 15 seconds,
//! not 2, and the control of events runs, too.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pagelight::error::{Error, Result};
use pagelight::ipc::{ByteRing, NamedEvent, Namespace, Persistence, Reset};
use pagelight::map::{MappedFile, View};

use super::play_talk::pattern;
use super::puppet::{Puppet, STRINGS, World};

/// The witness file: how often an event was about to be set, how often somebody went on, and bytes that were read.
const SETS_AT: usize = 0;
const GONE_ON_AT: usize = 8;
const READ_AT: usize = 16;

fn witness(folder: PathBuf) -> View {
    let file = MappedFile::open_or_create(folder.join("witness"), 4096).expect("opened");
    file.view(..).expect("mapped")
}

fn our_witness() -> View {
    witness(PathBuf::from(std::env::var_os(STRINGS).expect("a puppet")))
}

/// Becomes an end of the ring as soon as the one that is being killed has let go of it.
fn become_end<T>(names: &Namespace, name: &str, end: impl Fn(ByteRing) -> Result<T>) -> Result<T> {
    loop {
        match end(ByteRing::open(&names.name(name)?)?) {
            Err(Error::Busy { .. }) => std::thread::sleep(Duration::from_micros(100)),
            end => return end,
        }
    }
}

pub(crate) fn write(names: &Namespace, name: &str) -> Result<String> {
    let mut writer = become_end(names, name, ByteRing::into_writer)?;
    let mut length = 1;
    loop {
        let bytes: Vec<u8> = pattern(writer.position()?).take(length).collect();
        writer.send(&bytes, None)?;
        length = length * 7 % 2999 + 1;
    }
}

pub(crate) fn read(names: &Namespace, name: &str) -> Result<String> {
    let mut reader = become_end(names, name, ByteRing::into_reader)?;
    let witness = our_witness();
    let mut buffer = [0; 1777];
    loop {
        let from = reader.position()?;
        let length = match reader.receive(&mut buffer, None) {
            Ok(length) => length.expect("waits for ever"),
            // Another writer comes.
            Err(Error::Io { .. }) => 0,
            Err(error) => return Err(error),
        };
        let wrong = buffer[..length]
            .iter()
            .zip(pattern(from))
            .position(|(&byte, wanted)| byte != wanted);
        if let Some(at) = wrong {
            return Ok(format!("byte {} is wrong", from + at as u64));
        }
        witness.add_to_word(READ_AT, length as u64)?;
    }
}

pub(crate) fn set(names: &Namespace, name: &str) -> Result<String> {
    let (event, witness) = (NamedEvent::open(&names.name(name)?)?, our_witness());
    loop {
        // Only when somebody has gone on, so that one who goes on too often is seen at once. Who was killed in between
        // has not written it down: then it is not waited for any longer.
        let begun = Instant::now();
        while witness.load_word(GONE_ON_AT)? < witness.load_word(SETS_AT)? && begun.elapsed() < Duration::from_millis(5)
        {
            std::thread::yield_now();
        }
        witness.add_to_word(SETS_AT, 1)?;
        event.set()?;
    }
}

pub(crate) fn wait(names: &Namespace, name: &str) -> Result<String> {
    let (event, witness) = (NamedEvent::open(&names.name(name)?)?, our_witness());
    loop {
        event.wait()?;
        let gone_on = witness.add_to_word(GONE_ON_AT, 1)? + 1;
        let sets = witness.load_word(SETS_AT)?;
        if gone_on > sets {
            return Ok(format!("{gone_on} went on, and it was set {sets} times"));
        }
    }
}

/// Lets puppets do what `commands` say, and kills one after the other, until the time is over or something is wrong.
fn run(commands: &[&str], time: Duration, careless: bool) -> (Option<String>, u32, [u64; 3]) {
    let world = World::new();
    let names = world.names();
    let name = |text: &str| names.name(text).expect("a name");
    let _ring = ByteRing::create_new(&name("r"), 4000, Persistence::Process).expect("made");
    let _event = NamedEvent::create_new(&name("e"), Reset::Auto, Persistence::Process).expect("made");
    let witness = witness(world.folder().to_owned());
    let start = |command: &&str| {
        let mut puppet = world.puppet();
        if careless {
            puppet.expect("talk-carelessly", "done");
        }
        puppet.send(command);
        puppet
    };
    let mut puppets: Vec<Puppet> = commands.iter().map(start).collect();
    let (mut kills, mut wrong) = (0, None);
    let begun = Instant::now();
    while begun.elapsed() < time && wrong.is_none() {
        wrong = puppets
            .iter_mut()
            .find_map(|puppet| puppet.answer_within(Duration::from_millis(4)));
        let victim = kills as usize * 7 % puppets.len();
        let next = start(&commands[victim]);
        if wrong.is_none() {
            wrong = puppets[victim].answer_within(Duration::ZERO);
        }
        std::mem::replace(&mut puppets[victim], next).kill();
        kills += 1;
    }
    let seen = [SETS_AT, GONE_ON_AT, READ_AT].map(|at| witness.load_word(at).expect("there"));
    drop(puppets);
    drop((_ring, _event));
    world.puppet().expect("list", "");
    assert!(world.files().is_empty(), "nothing is left");
    (wrong, kills, seen)
}

const RING: [&str; 2] = ["write-for-ever r", "read-for-ever r"];
const EVENT: [&str; 4] = [
    "set-for-ever e",
    "wait-for-ever e",
    "wait-for-ever e",
    "wait-for-ever e",
];

#[test]
fn talk_goes_on_whoever_is_killed() {
    let seconds = if std::env::var_os("PAGELIGHT_LONG").is_some() {
        15
    } else {
        2
    };
    for commands in [&RING[..], &EVENT[..]] {
        let (wrong, kills, [sets, gone_on, read]) = run(commands, Duration::from_secs(seconds), false);
        eprintln!("{kills} kills, {read} bytes read, {sets} times set, {gone_on} went on: {wrong:?}");
        assert_eq!(wrong, None);
        assert!(kills > 5 && (read > 1000 || gone_on > 100), "{kills} {read} {gone_on}");
    }
}

#[test]
fn the_control_runs_without_care_fail() {
    // They end with the first thing that is wrong. Of events, it takes minutes on a busy machine.
    let long = crate::common::long().then_some(&EVENT[..]);
    for commands in [Some(&RING[..]), long].into_iter().flatten() {
        let (wrong, kills, seen) = run(commands, Duration::from_secs(600), true);
        eprintln!("without care: {wrong:?} after {kills} kills, {seen:?}");
        assert!(wrong.is_some(), "the check finds nothing");
    }
}
