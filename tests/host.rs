//! A program that uses the library and shares its edits with copies of itself. It has a `main` of its own, because it
//! is started as a worker, too.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{ops::ControlFlow, thread};

use pagelight::op::PixelFunction;
use pagelight::{Change, Error, Image, Op, Outcome, Settings, worker};
use rustix::process::{Pid, Signal, kill_process};

const HEADER: &[u8] = b"P6 2048 1024 65535\n";

/// A name that its workers know, and one that they do not.
const KNOWN: &str = "difference of red and blue, version 1";
const UNKNOWN: &str = "difference of red and blue, version 2";

/// The first word of a process that edits an image.
const HOST: &str = "host";

fn change(pixel: &mut [i32]) {
    pixel[1] = pixel[0] - pixel[2];
}

fn main() -> ExitCode {
    let functions = [PixelFunction::new(KNOWN, change)];
    match worker::serve(std::env::args_os(), &functions) {
        Some(Ok(())) => return ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("{error}");
            return worker::exit_code(&error);
        }
        None => {}
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, path] = words.as_slice()
        && word == HOST
    {
        // Somebody kills it.
        let image = Image::open(path).expect("opened");
        let outcome = image.edit(Op::Function(functions[0].clone())).processes(2).run();
        return ExitCode::from(u8::from(outcome.is_err()));
    }
    let filter = words.iter().find(|word| !word.starts_with('-'));
    let tests: [(&str, fn()); 5] = [
        ("an_edit_by_processes", an_edit_by_processes),
        ("a_function_by_processes", a_function_by_processes),
        ("workers_are_replaced", workers_are_replaced),
        ("killed_at_any_moment", killed_at_any_moment),
        ("workers_say_what_they_do_not_know", workers_say_what_they_do_not_know),
    ];
    let chosen: Vec<_> = tests
        .iter()
        .filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter)))
        .collect();
    if words.iter().any(|word| word == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    for (name, test) in &chosen {
        test();
        println!("test {name} ... ok");
    }
    let left = tests.len() - chosen.len();
    println!(
        "\ntest result: ok. {} passed; 0 failed; 0 ignored; 0 measured; {left} filtered out\n",
        chosen.len()
    );
    ExitCode::SUCCESS
}

/// An image in a folder, with what it holds.
fn image_in(folder: &Path) -> (Image, Vec<u8>) {
    let path = folder.join("scan.ppm");
    let before = common::pattern(0..2048 * 1024 * 6);
    fs::write(&path, [HEADER, &before].concat()).expect("written");
    (Image::open(&path).expect("opened"), before)
}

fn assert_holds(folder: &Path, want: &[u8]) {
    let bytes = fs::read(folder.join("scan.ppm")).expect("read");
    assert!(bytes[HEADER.len()..] == *want);
    assert_eq!(folder.read_dir().expect("read").count(), 1, "nothing is left");
}

fn samples(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes
        .chunks_exact(2)
        .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn brightened(before: &[u8], amount: u16) -> Vec<u8> {
    samples(before)
        .flat_map(|sample| sample.saturating_add(amount).to_be_bytes())
        .collect()
}

fn an_edit_by_processes() {
    let folder = common::folder();
    let (image, before) = image_in(folder.path());
    let done = std::sync::atomic::AtomicU64::new(0);
    let outcome = image
        .edit(Op::brighten(3000))
        .processes(3)
        .on_progress(|bytes| {
            done.fetch_max(bytes, Ordering::Relaxed);
            ControlFlow::Continue(())
        })
        .run();
    assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
    assert_eq!(done.into_inner(), before.len() as u64);
    assert_holds(folder.path(), &brightened(&before, 3000));
}

fn a_function_by_processes() {
    let folder = common::folder();
    let (image, before) = image_in(folder.path());
    let outcome = image.edit(Op::function(KNOWN, change)).processes(2).run();
    assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
    assert_holds(folder.path(), &changed(&before));
}

/// What the function makes of all.
fn changed(before: &[u8]) -> Vec<u8> {
    let all: Vec<u16> = samples(before).collect();
    all.chunks_exact(3)
        .flat_map(|pixel| [pixel[0], pixel[0].saturating_sub(pixel[2]), pixel[2]])
        .flat_map(u16::to_be_bytes)
        .collect()
}

/// Once, whoever was killed in whatever it was doing, and however often.
fn killed_at_any_moment() {
    let folder = common::folder();
    let function = PixelFunction::new(KNOWN, change);
    let mut finished = 0;
    for round in 0..60 {
        let (image, before) = image_in(folder.path());
        let mut host = Command::new(std::env::current_exe().expect("a name"))
            .arg(HOST)
            .arg(folder.path().join("scan.ppm"))
            .spawn()
            .expect("started");
        thread::sleep(Duration::from_micros(500 * round));
        host.kill().expect("killed");
        host.wait().expect("ended");
        while let Some(pending) = image.pending().expect("looked").pop() {
            match image.resume(pending.with(std::slice::from_ref(&function))) {
                Ok(_) => finished += 1,
                // Its workers are just leaving.
                Err(Error::Busy { .. }) => thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        let bytes = fs::read(folder.path().join("scan.ppm")).expect("read");
        let is_untouched = bytes[HEADER.len()..] == before;
        assert!(
            is_untouched || bytes[HEADER.len()..] == changed(&before),
            "round {round}"
        );
        // A journal without a job may be left by a kill before the first edit; the next job takes it away.
        image.edit(Op::brighten(0)).run().expect("nothing is in the way");
        assert_eq!(folder.path().read_dir().expect("read").count(), 1, "round {round}");
    }
    assert!(finished > 0, "no round was killed in its work");
    println!("  {finished} of 60 rounds were finished by a resume");
}

/// Whichever dies, the others finish what it had begun. A run may be over before its workers are seen.
fn workers_are_replaced() {
    let folder = common::folder();
    let settings = Settings {
        threads: 1,
        memory_bytes: 1 << 22,
    };
    let is_killed = AtomicBool::new(false);
    for _ in 0..200 {
        let (image, before) = image_in(folder.path());
        let edit = image.edit(Op::brighten(3000)).processes(2).settings(settings);
        let outcome = edit
            .on_progress(|_| {
                let own = std::process::id();
                let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
                let first = children.split_whitespace().next().and_then(|word| word.parse().ok());
                if let Some(pid) = first.and_then(Pid::from_raw)
                    && !is_killed.load(Ordering::Relaxed)
                {
                    is_killed.store(kill_process(pid, Signal::KILL).is_ok(), Ordering::Relaxed);
                }
                ControlFlow::Continue(())
            })
            .run();
        assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
        assert_holds(folder.path(), &brightened(&before, 3000));
        if is_killed.load(Ordering::Relaxed) {
            return;
        }
    }
    panic!("no worker was seen");
}

fn workers_say_what_they_do_not_know() {
    let folder = common::folder();
    let (image, before) = image_in(folder.path());
    let function = PixelFunction::new(UNKNOWN, change);
    let error = image
        .edit(Change::Op(Op::Function(function.clone())))
        .processes(2)
        .run()
        .expect_err("not known");
    assert!(error.to_string().contains(UNKNOWN), "{error}");
    // By this process alone, which knows it.
    for pending in image.pending().expect("looked") {
        image
            .resume(pending.with(std::slice::from_ref(&function)))
            .expect("resumed");
    }
    assert_holds(folder.path(), &changed(&before));
}
