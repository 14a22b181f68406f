//! The door: which file is this, whose job is it, has it been here before? What users do to files between two runs, and
//! what must come of it.
//!
//! * `files`: files that are renamed, linked, copied, restored and replaced. `marks`: what the image carries, and what
//!   is in its journal folder. `ids`: what was done before. `in_flight`: killed within a redo block. `apart`: jobs that
//!   look alike, or are somebody else's. `disks`: mounts, snapshots, full disks, disks without attributes.

#[path = "../common/mod.rs"]
mod common;
#[path = "../unfinished/mod.rs"]
mod unfinished;

mod apart;
mod disks;
mod files;
mod ids;
mod in_flight;
mod marks;
mod replaced;
mod space;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use unfinished::{Holds, Rig, next_tick, run_words, says};

/// Runs the program on an image, and checks its exit code and what it says.
#[track_caller]
fn check(words: &[OsString], code: i32, wanted: &[&str]) -> Output {
    let output = run_words(words);
    let says = says(&output);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {says}");
    for words in wanted {
        assert!(says.contains(words), "{words:?} is not in {says}");
    }
    output
}

/// The words of a command on any file.
fn on(command: &str, path: &Path, more: &[&str]) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![command.into(), path.into()];
    words.extend(more.iter().map(OsString::from));
    words
}

/// The words of the rig's edit on any file.
fn edit_of(rig: &Rig, path: &Path, more: &[&str]) -> Vec<OsString> {
    let mut words = rig.edit_words();
    words[1] = path.into();
    words.extend(more.iter().map(OsString::from));
    words
}

/// A job that was killed, some of it done.
fn killed() -> Rig {
    let rig = Rig::small();
    rig.cut_short();
    rig
}

/// Refused with this code by all that would edit; the image and all journals stay as they are.
#[track_caller]
fn refused(rig: &Rig, path: &Path, code: i32, wanted: &[&str]) {
    let all = || -> Vec<(PathBuf, Vec<u8>)> {
        let files = rig.files().into_iter();
        files
            .map(|path| (path.clone(), fs::read(path).expect("read")))
            .collect()
    };
    let before = all();
    check(&edit_of(rig, path, &[]), code, wanted);
    check(&on("resume", path, &[]), code, wanted);
    assert!(all() == before, "something was changed");
}

/// That a file holds what the rig's edit makes of it.
#[track_caller]
fn assert_edited(rig: &Rig, path: &Path) {
    assert!(
        fs::read(path).expect("read") == rig.after,
        "{} is not exact",
        path.display()
    );
}

/// Nothing of ours is on the image or beside it.
#[track_caller]
fn assert_clean(rig: &Rig) {
    assert_eq!(rig.holds(), Holds::After);
    assert_eq!(rig.names(), std::slice::from_ref(&rig.path));
    let image = fs::File::open(&rig.path).expect("opened");
    let mark = pagelight::identity::Mark::read(&image, &rig.path).expect("read");
    assert_eq!(mark, pagelight::identity::Marking::Unmarked);
}
