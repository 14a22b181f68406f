//! Many processes make, join, lock and leave a few objects in every order, and are killed at any moment. Nobody may
//! ever share a mutex, or be told wrongly that an owner died.
//!
//! Who is in a section is written into a plain file beside the namespace, so the check knows nothing of what it checks;
//! and before a worker is killed its id goes there, too, so that everybody can tell the dead from the living at once.
//! The control run leaves out one safeguard, and must fail.
//!
//! With `PAGELIGHT_LONG=1` the run takes 20 seconds instead of 3.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pagelight::error::{Error, Result};
use pagelight::ipc::{NamedMutex, Namespace, Persistence, SharedMemory};
use pagelight::map::{Access, MappedFile, View};

use super::puppet::{Puppet, World};

const NAMES: usize = 3;
const WORKERS: usize = 6;
/// The witness file: first who is inside of each section, then the ids of the killed.
const KILLED_AT: usize = NAMES * 4;
const MOST_KILLS: usize = 20_000;

/// What a worker does until its time is over; the answer says what it saw.
pub(crate) fn work(names: &Namespace, seed: u64, time: Duration) -> Result<String> {
    let folder = names
        .name("x")
        .map(|_| std::env::var_os(super::puppet::STRINGS).expect("a puppet"))?;
    let folder = PathBuf::from(folder);
    let witness = MappedFile::open(folder.join("witness"), Access::ReadWrite)?;
    let witness = witness.view(0..witness.len())?;
    let me = std::process::id();
    let mut random = seed;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    let (mut sections, mut created, mut told) = (0, 0, 0);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let number = next(NAMES);
        if next(4) == 0 {
            let memory =
                SharedMemory::create_or_open(&names.name(&format!("memory{number}"))?, 5000, Persistence::Process)?;
            assert_eq!(memory.len(), 5000);
            memory.view(..)?.write(4999, &1u8)?;
            created += u32::from(memory.was_created());
        }
        let mutex = match NamedMutex::create_or_open(&names.name(&format!("mutex{number}"))?, Persistence::Process) {
            Err(Error::Busy { .. }) => continue,
            mutex => mutex?,
        };
        created += u32::from(mutex.was_created());
        for _ in 0..next(4) {
            let guard = match next(3) {
                0 => mutex.try_lock()?,
                1 => mutex.lock_timeout(Duration::from_micros(next(2000) as u64))?,
                _ => Some(mutex.lock()?),
            };
            let Some(guard) = guard else {
                continue;
            };
            let at = number * 4;
            let before: u32 = witness.read(at)?;
            if before != 0 && !is_killed(&witness, before)? {
                return Ok(violation(
                    &folder,
                    format!("{me} is in section {number} together with {before}"),
                ));
            }
            witness.write(at, &me)?;
            for _ in 0..next(200) {
                std::hint::spin_loop();
            }
            match next(16) {
                0 => std::thread::sleep(Duration::from_micros(500)),
                1 => std::thread::yield_now(),
                _ => {}
            }
            let after: u32 = witness.read(at)?;
            if after != me {
                return Ok(violation(
                    &folder,
                    format!("{after} came into section {number} of {me}"),
                ));
            }
            witness.write(at, &0u32)?;
            told += u32::from(guard.abandoned());
            sections += 1;
        }
    }
    Ok(format!("fine: {sections} {created} {told}"))
}

/// Writes down what was seen, because whoever saw it may be killed before it can tell.
fn violation(folder: &Path, what: String) -> String {
    std::fs::write(folder.join(format!("violation-{}", std::process::id())), &what).expect("written");
    what
}

fn violations(folder: &Path) -> Vec<String> {
    let entries = folder
        .read_dir()
        .expect("the folder")
        .map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("violation-"))
        .map(|entry| std::fs::read_to_string(entry.path()).expect("read"))
        .collect()
}

fn is_killed(witness: &View, process: u32) -> Result<bool> {
    for at in (KILLED_AT..witness.len()).step_by(4) {
        match witness.read::<u32>(at)? {
            0 => return Ok(false),
            killed if killed == process => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

/// What came of a run: violations, and how much was done.
#[derive(Debug, Default)]
struct Outcome {
    violations: Vec<String>,
    sections: u64,
    created: u64,
    told: u64,
    kills: u32,
}

fn run(time: Duration, name_check: bool, stop_at_violation: bool) -> Outcome {
    let world = World::new();
    let witness = world.folder().join("witness");
    let witness = MappedFile::create(&witness, (KILLED_AT + MOST_KILLS * 4) as u64).expect("made");
    let killed = witness.view(KILLED_AT as u64..witness.len()).expect("mapped");
    let mut seed = u64::from(std::process::id());
    let mut start = || {
        let mut puppet = world.puppet();
        if !name_check {
            puppet.expect("skip-name-check", "done");
        }
        seed += 1;
        puppet.send(&format!("chaos {} 40", seed.wrapping_mul(0x9E37_79B9)));
        puppet
    };
    let mut workers: Vec<Puppet> = (0..WORKERS).map(|_| start()).collect();
    let mut outcome = Outcome::default();
    let begun = Instant::now();
    while begun.elapsed() < time && (outcome.violations.is_empty() || !stop_at_violation) {
        outcome.violations = violations(world.folder());
        let victim = outcome.kills as usize * 5 % WORKERS;
        std::thread::sleep(Duration::from_millis(10 + u64::from(outcome.kills) * 7 % 40));
        let worker = std::mem::replace(&mut workers[victim], start());
        killed
            .write(outcome.kills as usize * 4, &worker.pid())
            .expect("there is room");
        worker.kill();
        outcome.kills += 1;
        for worker in &mut workers {
            if let Some(answer) = worker.answer_within(Duration::ZERO) {
                outcome.note(&answer);
                worker.send(&format!("chaos {} 40", outcome.sections));
            }
        }
    }
    for mut worker in workers {
        if name_check {
            outcome.note(&worker.answer());
            worker.end();
        }
    }
    outcome.violations = violations(world.folder());
    if name_check {
        world.puppet().expect("list", "");
        assert_eq!(world.files(), [] as [&str; 0], "nothing is left");
    }
    outcome
}

impl Outcome {
    fn note(&mut self, answer: &str) {
        let Some(numbers) = answer.strip_prefix("fine: ") else {
            return;
        };
        let numbers: Vec<u64> = numbers
            .split(' ')
            .map(|number| number.parse().expect("a number"))
            .collect();
        self.sections += numbers[0];
        self.created += numbers[1];
        self.told += numbers[2];
    }
}

#[test]
fn nobody_ever_shares_a_mutex() {
    let seconds = if std::env::var_os("PAGELIGHT_LONG").is_some() {
        20
    } else {
        3
    };
    let outcome = run(Duration::from_secs(seconds), true, false);
    eprintln!(
        "{} sections, {} creations, {} kills, {} told of an abandonment, {} violations",
        outcome.sections,
        outcome.created,
        outcome.kills,
        outcome.told,
        outcome.violations.len(),
    );
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    assert!(
        outcome.sections > 100 && outcome.created > 10 && outcome.kills > 5,
        "{outcome:?}"
    );
}

#[test]
fn the_control_run_without_the_look_at_the_name_fails() {
    let begun = Instant::now();
    // It ends with the first violation, which on a busy machine may be long in coming.
    let outcome = run(Duration::from_secs(300), false, true);
    eprintln!(
        "without the look at the name: {:?} after {:?}",
        outcome.violations,
        begun.elapsed()
    );
    assert!(!outcome.violations.is_empty(), "the check finds nothing: {outcome:?}");
}
