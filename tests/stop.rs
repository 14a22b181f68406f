//! SIGTERM in the middle of whatever may take long: an end within moments, with 130, and nothing half-made is left.
//!
//! Calls of the system are slowed down by `strace`, so that the signal surely comes in their middle.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{PROGRAM, Snapshot, folder, plain, strace_works, wait_until_it_heeds};
use rustix::process::{Pid, Signal, kill_process};

/// Where every call is as slow as this, even a few of them take longer than a test has patience.
const SLOW_MICROSECONDS: u64 = 200_000;

/// The program, stopped at the first slowed-down call; what it said and what `strace` wrote down.
#[track_caller]
fn stopped(folder: &Path, call: &str, words: &[&str]) -> (String, String) {
    stopped_at(folder, call, 1, words)
}

/// The same, stopped at one of many such calls, counted from 1.
#[track_caller]
fn stopped_at(folder: &Path, call: &str, number: usize, words: &[&str]) -> (String, String) {
    let notes = tempfile::NamedTempFile::new().expect("a file");
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-qq", "-o"])
        .arg(notes.path())
        .args(["-e", &format!("trace={call}"), "-e"])
        .arg(format!("inject={call}:delay_enter={SLOW_MICROSECONDS}"))
        .arg(PROGRAM)
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = plain(&mut command).spawn().expect("started");
    let begun = Instant::now();
    let begins = format!("{call}(");
    while fs::read_to_string(notes.path()).expect("read").matches(&begins).count() < number {
        assert!(begun.elapsed() < Duration::from_secs(60), "no {call} by {words:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Only now is it surely the program, and no longer what becomes it.
    wait_until_it_heeds(program.id(), Signal::TERM);
    let asked = Instant::now();
    let process = Pid::from_raw(i32::try_from(program.id()).expect("a number")).expect("not 0");
    kill_process(process, Signal::TERM).expect("sent");
    let output = program.wait_with_output().expect("waited for");
    let took = asked.elapsed();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{words:?} {said}");
    assert!(took < Duration::from_secs(10), "{words:?} took {took:?}");
    (said, fs::read_to_string(notes.path()).expect("read"))
}

/// A folder with a hole of so many bytes that is an image 1024 pixels wide.
fn house(bytes: u64) -> tempfile::TempDir {
    let folder = folder();
    let image = File::create(folder.path().join("image.raw")).expect("made");
    image.set_len(bytes).expect("grown");
    folder
}

/// True if the file system of the tests puts space behind holes; says so if not.
fn reserves_space() -> bool {
    let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).expect("a file");
    let reserves =
        pagelight::os::disk::allocate(&file, 1 << 16).is_ok() && file.metadata().expect("looked at").blocks() > 0;
    if !reserves {
        eprintln!("skipped: the file system of the tests reserves no space");
    }
    reserves
}

#[test]
fn while_holes_are_filled() {
    if !strace_works() || !reserves_space() {
        return;
    }
    const BYTES: u64 = 8 << 30;
    let folder = house(BYTES);
    let words = [
        "brighten",
        "image.raw",
        "--by=1",
        "--pixel=rgba16",
        "--processes=1",
        "--threads=1",
    ];
    let (said, _) = stopped(folder.path(), "fallocate", &words);
    assert!(
        said.contains("interrupted") && said.contains("nothing was changed"),
        "{said}"
    );
    let names: Vec<_> = folder.path().read_dir().expect("the folder").collect();
    assert_eq!(names.len(), 1, "no journal is left: {names:?}");
    let image = File::open(folder.path().join("image.raw")).expect("opened");
    assert!(image.metadata().expect("looked at").blocks() * 512 < BYTES);
    let mut bytes = [1; 4096];
    image.read_exact_at(&mut bytes, 0).expect("read");
    assert_eq!(bytes, [0; 4096]);
}

#[test]
fn while_room_is_made() {
    if !strace_works() || !reserves_space() {
        return;
    }
    let folder = folder();
    let (_, notes) = stopped(folder.path(), "fallocate", &["create", "new.raw", "--size=32768x32768"]);
    assert_eq!(folder.path().read_dir().expect("the folder").count(), 0);
    // A long one heeds no signal.
    let lengths = notes
        .lines()
        .filter_map(|line| line.split_once("fallocate(")?.1.split([',', ')']).nth(3));
    let lengths = lengths.filter_map(|length| length.split_whitespace().next());
    let lengths: Vec<u64> = lengths.map(|length| length.parse().expect("a number")).collect();
    assert!(
        !lengths.is_empty() && lengths.iter().all(|length| *length <= 64 << 20),
        "{notes}"
    );
}

#[test]
fn while_an_image_is_read() {
    if !strace_works() {
        return;
    }
    let folder = house(64 << 20);
    let before = Snapshot::of(folder.path());
    let size = ["--size=1024x8192", "--pixel=rgba16"];
    for (call, words) in [
        ("pread64", &["preview", "image.raw", "new.png"][..]),
        ("pread64", &["export", "image.raw", "new.png"]),
        ("pread64", &["export", "image.raw", "new.tif"]),
        ("madvise", &["stats", "image.raw", "--plot=new.svg"]),
    ] {
        stopped(folder.path(), call, &[words, &size].concat());
        before.assert_unchanged(folder.path());
    }
}

#[test]
fn while_an_image_is_made() {
    if !strace_works() {
        return;
    }
    let folder = house(1024 * 8 * 4);
    let words = ["export", "image.raw", "picture.png", "--size=1024x4", "--pixel=rgba16"];
    let exported = plain(Command::new(PROGRAM).args(words).current_dir(folder.path())).output();
    assert!(exported.expect("it runs").status.success());
    let before = Snapshot::of(folder.path());
    // The rows of the picture itself are written first, and then their repetitions, of which some rows are long.
    for (number, words) in [
        (1, &["create", "new.raw", "--size=8192x8192"][..]),
        (1, &["import", "picture.png", "new.raw"]),
        (8, &["import", "picture.png", "new.raw", "--tile=50000x1"]),
        (8, &["import", "picture.png", "new.raw", "--tile=1x1000"]),
    ] {
        stopped_at(folder.path(), "pwrite64", number, words);
        before.assert_unchanged(folder.path());
    }
}

#[test]
fn while_a_header_is_read() {
    if !strace_works() {
        return;
    }
    let folder = folder();
    // A comment without end.
    fs::write(folder.path().join("picture"), b"P5 #").expect("written");
    let picture = File::options().write(true).open(folder.path().join("picture"));
    picture.expect("opened").set_len(1 << 30).expect("grown");
    stopped(folder.path(), "read", &["import", "picture", "new.raw"]);
    assert_eq!(folder.path().read_dir().expect("the folder").count(), 1);
}

#[test]
fn while_it_is_written_to_the_disk() {
    if !strace_works() {
        return;
    }
    const BYTES: u64 = 256 << 20;
    let folder = house(BYTES);
    let image = File::open(folder.path().join("image.raw")).expect("opened");
    for words in [
        &["create", "new.raw", "--size=8192x4096"][..],
        &["export", "image.raw", "new.tif", "--size=8192x4096", "--pixel=rgba16"],
    ] {
        stopped(folder.path(), "sync_file_range", words);
        assert_eq!(folder.path().read_dir().expect("the folder").count(), 1, "{words:?}");
    }
    assert_eq!(image.metadata().expect("looked at").len(), BYTES);
}
