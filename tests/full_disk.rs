//! Full disks, and images that are cut off while they are edited: an error that says so, and nothing lost.

mod common;
mod unfinished;

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::PROGRAM;
use pagelight::journal::Journal;
use rustix::process::Signal;
use unfinished::{Holds, Rig, Running, run_words, says, start_command, stopped_where};

/// A small disk in memory, mounted where only the processes in a name space of its own see it. It goes with its keeper.
struct SmallDisk {
    keeper: Running,
    mount: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, with a message, if this user may not mount.
    fn new(bytes: u64) -> Option<SmallDisk> {
        if !common::may_have_own_mounts() {
            return None;
        }
        let mount = common::folder();
        let script = "mount -t tmpfs -o size=\"$1\" none \"$0\" && echo mounted && exec sleep 600";
        let mut unshare = Command::new("unshare");
        unshare
            .args(["-m", "sh", "-c", script])
            .arg(mount.path())
            .arg(bytes.to_string());
        let mut keeper = start_command(&mut unshare);
        let mut line = String::new();
        BufReader::new(keeper.0.stdout.as_mut().expect("piped"))
            .read_line(&mut line)
            .expect("read");
        if line != "mounted\n" {
            eprintln!("skipped: no right to mount a disk");
            return None;
        }
        Some(SmallDisk { keeper, mount })
    }

    /// The path of a file on it, for the programs in its name space.
    fn inside(&self, name: &str) -> PathBuf {
        self.mount.path().join(name)
    }

    /// The same for this process.
    fn outside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.0.id()));
        root.join(self.inside(name).strip_prefix("/").expect("absolute"))
    }

    fn names(&self) -> Vec<OsString> {
        let entries = self.outside("").read_dir().expect("the disk");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    }

    /// Runs the program in its name space.
    fn run(&self, words: &[&str]) -> Output {
        let mut nsenter = Command::new("nsenter");
        nsenter.arg("-m").arg("-t").arg(self.keeper.0.id().to_string());
        start_command(nsenter.arg(PROGRAM).args(words)).wait()
    }
}

#[track_caller]
fn assert_full(output: &Output, name: &str) {
    let says = says(output);
    assert_eq!(output.status.code(), Some(74), "{says}");
    assert!(
        says.contains("No space left") && says.contains("free some space") && says.contains(name),
        "{says}"
    );
}

/// 256 x 512 pixels of 8 bytes.
const IMAGE_BYTES: u64 = 1 << 20;
const EDIT: [&str; 4] = ["--by=9000", "--size=256x512", "--threads=2", "--pixel=rgba16"];

fn edit<'a>(path: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["brighten", common::word(path)], &EDIT[..], more].concat()
}

#[test]
fn no_room_for_the_journal() {
    let Some(disk) = SmallDisk::new(2 << 20) else { return };
    let image = common::pattern(0..IMAGE_BYTES);
    fs::write(disk.outside("a.raw"), &image).expect("written");
    // All but 40 KB.
    fs::write(disk.outside("filler"), vec![1; (1 << 20) - 40_960]).expect("written");
    let output = disk.run(&edit(&disk.inside("a.raw"), &[]));
    assert_full(&output, ".pagelight");
    assert!(fs::read(disk.outside("a.raw")).expect("read") == image);
    assert_eq!(disk.names(), ["a.raw", "filler"]);

    fs::remove_file(disk.outside("filler")).expect("removed");
    let output = disk.run(&edit(&disk.inside("a.raw"), &[]));
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
    assert_eq!(disk.names(), ["a.raw"]);
}

#[test]
fn no_room_for_a_journal_elsewhere() {
    let Some(disk) = SmallDisk::new(32 << 10) else { return };
    let rig = Rig::small();
    let folder = disk.inside("");
    let output = disk.run(
        &[
            &["brighten", common::word(&rig.path), "--journal", common::word(&folder)],
            &EDIT[..],
            &["--part"],
        ]
        .concat(),
    );
    assert_full(&output, ".pagelight");
    assert_eq!(
        (rig.holds(), rig.names().len(), disk.names().len()),
        (Holds::Before, 1, 0)
    );
}

#[test]
fn no_room_for_the_holes() {
    let Some(disk) = SmallDisk::new(IMAGE_BYTES) else {
        return;
    };
    let sparse = fs::File::create(disk.outside("a.raw")).expect("made");
    sparse
        .write_all_at(&common::pattern(0..100_000), 300_000)
        .expect("written");
    sparse.set_len(IMAGE_BYTES).expect("set");
    let before = fs::read(disk.outside("a.raw")).expect("read");
    let output = disk.run(&edit(&disk.inside("a.raw"), &[]));
    assert_full(&output, "a.raw");
    assert!(says(&output).contains("holes"), "{}", says(&output));
    assert!(fs::read(disk.outside("a.raw")).expect("read") == before);
    assert_eq!(disk.names(), ["a.raw"]);
    assert_eq!(fs::metadata(disk.outside("a.raw")).expect("there").len(), IMAGE_BYTES);

    // A part without holes needs no room.
    let window = ["--offset=320000", "--length=8000"];
    let output = disk.run(&edit(&disk.inside("a.raw"), &window));
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
}

#[test]
fn room_for_the_holes() {
    let Some(disk) = SmallDisk::new(4 * IMAGE_BYTES) else {
        return;
    };
    let sparse = fs::File::create(disk.outside("a.raw")).expect("made");
    sparse.set_len(IMAGE_BYTES).expect("set");
    let output = disk.run(&edit(&disk.inside("a.raw"), &["--rect=1,1,200,511"]));
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
    let image = common::Image {
        format: "rgba:u16le",
        data_offset: 0,
        width: 256,
        height: 512,
    };
    let mut want = vec![0; usize::try_from(IMAGE_BYTES).expect("small")];
    image.brighten(0, &mut want, common::Part::Rect(1, 1, 200, 511), 9000);
    assert!(fs::read(disk.outside("a.raw")).expect("read") == want);
}

#[test]
fn no_room_for_a_new_image() {
    let Some(disk) = SmallDisk::new(IMAGE_BYTES) else {
        return;
    };
    let path = disk.inside("a.raw");
    let output = disk.run(&["create", common::word(&path), "--size=256x513"]);
    assert_full(&output, "a.raw");
    assert!(disk.names().is_empty());
}

/// Edits an image of 64 MiB that is cut to `kept` bytes when some of the first 8 MiB are done.
fn cut_while_in_use(rig: &Rig, threads: &str, kept: u64) {
    let mut words = rig.edit_words();
    words.push(threads.into());
    let in_first_spans = |journal: &Journal| (1..8 << 20).contains(&unfinished::done_bytes(journal));
    let running = stopped_where(rig, &words, || rig.reset(), in_first_spans);
    let file = fs::File::options().write(true).open(&rig.path).expect("opened");
    file.set_len(kept).expect("cut");
    running.signal(Signal::CONT);
    let output = running.wait();
    let text = says(&output);
    assert_eq!(output.status.code(), Some(74), "{text}");
    for words in [
        common::word(&rig.path),
        &format!("truncated to {kept} bytes"),
        "'pagelight resume",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let output = run_words(&rig.words("resume"));
    assert_eq!(output.status.code(), Some(65), "{}", says(&output));
    assert_eq!(file.metadata().expect("there").size(), kept);

    let end = &rig.before[usize::try_from(kept).expect("small")..];
    file.write_all_at(end, kept).expect("mended");
    rig.assert_resumes("after it was cut and mended");
}

/// In a span that was not mapped yet: the system says so when it is.
#[test]
fn an_image_is_cut_far_ahead() {
    for rig in [Rig::of_rows(4096), Rig::of_rows_on_disk(4096)] {
        cut_while_in_use(&rig, "--threads=2", 48 << 20);
    }
}

/// In the span that is mapped: a copy meets a page that is gone.
#[test]
fn an_image_is_cut_under_the_copy() {
    for rig in [Rig::of_rows(4096), Rig::of_rows_on_disk(4096)] {
        for kept in [(14 << 20) + 1, 14 << 20] {
            cut_while_in_use(&rig, "--threads=1", kept);
        }
    }
}
