//! The image of an unfinished job is replaced by a new file: by a copy of itself, its backup, another picture. Only the
//! user knows which, so only the user says so. A backup that is edited then would fit what the first job left in its
//! own image, as far as it came, but the rest is edited, too: the first job must not be gone on with in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use nix::sched::{CloneFlags, unshare};
use pagelight::identity::{Folder, Mark, Record};
use pagelight::map::{Access, MappedFile};
use pagelight::os::identity::FileStat;
use tempfile::TempDir;

use super::{assert_clean, assert_edited, check, edit_of, killed, next_tick, on};
use crate::common::{self, Image, Part};
use crate::unfinished::{Holds, Rig};

/// Puts a new file in the place of the image.
fn replace(rig: &Rig, bytes: &[u8]) {
    let new = rig.folder.path().join("new");
    fs::write(&new, bytes).expect("written");
    fs::rename(&new, &rig.path).expect("moved");
}

/// The backup is refused as it is, until the user says that it is one, and then edited once.
fn replaced_abandoned_and_edited(rig: &Rig, id: Option<&str>, abandoned: &str) {
    replace(rig, &rig.before);
    let mut words = rig.edit_words();
    words.extend(id.map(Into::into));
    check(&words, 3, &["is not the file that an unfinished job was begun on"]);
    check(&rig.words("resume"), 65, &["not as its unfinished job left it"]);
    check(&rig.words("abandon"), 2, &["the file was replaced"]);
    assert_eq!(rig.holds(), Holds::Before, "refused, and changed");
    check(&on("abandon", &rig.path, &["--yes"]), 0, &[abandoned]);
    edited_and_resumed(rig, id);
}

fn edited_and_resumed(rig: &Rig, id: Option<&str>) {
    let mut words = rig.edit_words();
    words.extend(id.map(Into::into));
    check(&words, 0, &["samples clipped"]);
    assert_eq!(rig.holds(), Holds::After);
    check(&rig.words("resume"), 0, &["nothing to resume"]);
    assert_eq!(rig.holds(), Holds::After, "edited twice");
    check(&rig.words("status"), 0, &["no unfinished job"]);
}

#[test]
fn the_first_job_of_a_replaced_image_is_over() {
    for rig in [Rig::small(), Rig::small_in(common::folder())] {
        for id in [None, Some("--id=once")] {
            rig.cut_short_as(id.map_or("", |_| "once"));
            next_tick();
            replaced_abandoned_and_edited(&rig, id, "left to the file");
        }
    }
}

/// The first image is still there, under another name, with its job.
#[test]
fn the_first_image_keeps_its_job_elsewhere() {
    for rig in [Rig::small(), Rig::small_in(common::folder())] {
        rig.cut_short();
        next_tick();
        let old = rig.folder.path().join("old.raw");
        fs::rename(&rig.path, &old).expect("moved");
        replaced_abandoned_and_edited(&rig, None, "left to the file");
        check(&on("resume", &old, &[]), 0, &["samples clipped"]);
        assert_edited(&rig, &old);
        fs::remove_file(&old).expect("removed");
        assert_clean(&rig);
    }
}

/// Where the journals are, only the user knows, and names it or not: what was edited without it is never edited again.
#[test]
fn replaced_with_journals_elsewhere() {
    for rig in [Rig::small(), Rig::small_in(common::folder())] {
        let journals = common::folder();
        let option = format!("--journal={}", common::word(journals.path()));
        let first = rig.folder.path().join("first.raw");
        rig.cut_short_in(journals.path());
        fs::rename(&rig.path, &first).expect("moved");
        next_tick();
        replace(&rig, &rig.before);
        let wanted = "is not the file that an unfinished job was begun on";
        check(&edit_of(&rig, &rig.path, &[&option]), 3, &[wanted, "on the first file"]);
        assert_eq!(rig.holds(), Holds::Before, "refused, and changed");
        // In this form nobody can know.
        check(&rig.edit_words(), 0, &["samples clipped"]);
        let resume = on("resume", &rig.path, &[&option]);
        check(&resume, 65, &["may have been edited since"]);
        assert_eq!(rig.holds(), Holds::After, "edited twice");
        check(&on("abandon", &rig.path, &[&option, "--yes"]), 0, &["left to the file"]);
        check(&resume, 0, &["nothing to resume"]);
        check(&on("resume", &first, &[]), 0, &["samples clipped"]);
        assert_edited(&rig, &first);
        assert_eq!(fs::read_dir(journals.path()).expect("read").count(), 0, "left behind");
        fs::remove_file(&first).expect("removed");
        assert_clean(&rig);
    }
}

/// A copy of which no chunk is as the job left it is still the half-edited image: in the rest, it is edited.
#[test]
fn a_copy_with_some_of_each_chunk_restored() {
    let rig = killed();
    let mut mixed = fs::read(&rig.path).expect("read");
    let (mut bytes, mut before) = (mixed.chunks_mut(2048), rig.before.chunks(2048));
    while let (Some(bytes), Some(before)) = (bytes.next(), before.next()) {
        let half = bytes.len() / 2;
        bytes[half..].copy_from_slice(&before[half..]);
    }
    replace(&rig, &mixed);
    check(
        &on("resume", &rig.path, &[]),
        65,
        &["not as its unfinished job left it"],
    );
    check(&edit_of(&rig, &rig.path, &[]), 3, &["it was replaced"]);
    check(&edit_of(&rig, &rig.path, &["--id=new"]), 3, &["it was replaced"]);
    assert!(fs::read(&rig.path).expect("read") == mixed, "refused, and changed");
}

/// Of a job of which nothing was done any file could be a copy: it stays with the first one.
#[test]
fn replaced_before_anything_was_done() {
    let rig = Rig::small();
    let image = MappedFile::open(&rig.path, Access::ReadWrite).expect("opened");
    super::apart::begin(&image, &rig.job());
    drop(image);
    let old = rig.folder.path().join("old.raw");
    fs::rename(&rig.path, &old).expect("moved");
    replace(&rig, &rig.before);
    check(&rig.edit_words(), 3, &["it was replaced"]);
    check(&on("resume", &rig.path, &[]), 65, &["nothing was done there yet"]);
    assert_eq!(rig.holds(), Holds::Before);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["left to the file"]);
    edited_and_resumed(&rig, None);
    check(&on("resume", &old, &[]), 0, &["samples clipped"]);
    assert_edited(&rig, &old);
}

/// The commands that only look tell of the job, and the one that gives it up gives up all.
#[test]
fn what_is_said_of_a_replaced_image() {
    let rig = killed();
    replace(&rig, &rig.before);
    check(
        &on("status", &rig.path, &[]),
        0,
        &["is not the file that it was begun on"],
    );
    check(&on("status", &rig.path, &["--json"]), 0, &[r#""state":"replaced""#]);
    let mut words = rig.edit_words();
    words[0] = "abandon".into();
    words.retain(|word| !word.to_string_lossy().starts_with("--by"));
    words.extend(["--yes", "--offset=0"].map(Into::into));
    check(&words, 2, &["leave the window away"]);
    assert_eq!(rig.journals().len(), 1);
}

/// A run that is at work on the first file is nothing to be given up here.
#[test]
fn replaced_while_a_run_is_at_work() {
    let rig = Rig::of_rows(1024);
    let words = edit_of(&rig, &rig.path, &["--threads=2"]);
    let in_first_half = |journal: &pagelight::journal::Journal| {
        let all = journal.header().chunk_plan.window_bytes();
        (1..all / 2).contains(&common::done_bytes(journal))
    };
    let running = crate::unfinished::stopped_where(&rig, &words, || rig.reset(), in_first_half);
    let old = rig.folder.path().join("old.raw");
    fs::rename(&rig.path, &old).expect("moved");
    replace(&rig, &rig.before);
    check(&edit_of(&rig, &rig.path, &[]), 75, &["is at work there"]);
    check(&on("resume", &rig.path, &[]), 75, &["is at work there"]);
    check(&on("abandon", &rig.path, &["--yes"]), 75, &["is at work there"]);
    assert_eq!(rig.holds(), Holds::Before);
    running.signal(rustix::process::Signal::CONT);
    let output = running.wait();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_edited(&rig, &old);
    edited_and_resumed(&rig, None);
    fs::remove_file(&old).expect("removed");
    assert_clean(&rig);
}

/// As a resume leaves it that is killed when it has just found that the new file is a copy.
#[test]
fn killed_while_a_copy_is_taken_in() {
    for has_record in [false, true] {
        let rig = killed();
        replace(&rig, &fs::read(&rig.path).expect("read"));
        let image = fs::File::open(&rig.path).expect("opened");
        let mut folder = Folder::all_in(rig.folder.path()).expect("read").remove(0);
        let mark = Mark {
            uuid: folder.record.uuid,
            jobs: Some(1),
            folder: folder.path.clone(),
        };
        mark.write(&image, &rig.path).expect("written");
        if has_record {
            let record = Record {
                uuid: folder.record.uuid ^ 1,
                image: FileStat::of(&image).expect("looked at").identity,
                ..folder.record.clone()
            };
            folder.set_record(record, true).expect("written");
        }
        check(&edit_of(&rig, &rig.path, &[]), 3, &["an unfinished job is in the way"]);
        check(&on("resume", &rig.path, &[]), 0, &["samples clipped"]);
        assert_clean(&rig);
    }
}

/// An image, with its journals, comes to the place of another one.
fn brought_over(one: &Rig, two: &Rig) {
    for folder in two.journal_folders() {
        let name = folder.file_name().expect("a name");
        fs::rename(&folder, one.folder.path().join(name)).expect("moved");
    }
    fs::rename(&two.path, &one.path).expect("moved");
}

/// Two images with jobs were last met there.
#[test]
fn the_first_jobs_of_all_that_was_there_are_over() {
    // Either may come first in the order of their names, which are random.
    for _ in 0..8 {
        let (one, two) = (killed(), killed());
        next_tick();
        // One of them comes to the place of the other, and is looked at there.
        fs::rename(&one.path, one.folder.path().join("other.raw")).expect("moved");
        brought_over(&one, &two);
        check(&one.edit_words(), 3, &["in the way"]);
        replaced_abandoned_and_still_refused(&one);
        check(&on("abandon", &one.path, &["--yes"]), 0, &["left to the file"]);
        edited_and_resumed(&one, None);
    }
}

fn replaced_abandoned_and_still_refused(rig: &Rig) {
    replace(rig, &rig.before);
    check(&rig.edit_words(), 3, &["it was replaced"]);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["left to the file"]);
    check(&rig.edit_words(), 3, &["it was replaced"]);
    assert_eq!(rig.holds(), Holds::Before);
}

/// What is given up in the place of another image is not the job of that.
#[test]
fn stripped_in_the_place_of_another_image() {
    let (one, two) = (killed(), killed());
    brought_over(&one, &two);
    check(&one.edit_words(), 3, &["in the way"]);
    let image = fs::File::open(&one.path).expect("opened");
    Mark::remove(&image, &one.path).expect("removed");
    check(&one.edit_words(), 3, &["does not carry its mark"]);
    check(&on("abandon", &one.path, &["--yes"]), 0, &["1 journals"]);
    assert_eq!(one.journals().len(), 1);
    check(&one.edit_words(), 3, &["it was replaced"]);
}

/// What is finished in the place of another image with the same job holds all that this left in its own, and is no
/// copy.
#[test]
fn resumed_in_the_place_of_another_image() {
    for is_edited in [false, true] {
        let (one, two) = (killed(), killed());
        next_tick();
        brought_over(&one, &two);
        if is_edited {
            check(&on("resume", &one.path, &[]), 0, &["samples clipped"]);
        } else {
            check(&on("abandon", &one.path, &["--yes"]), 0, &["gave up"]);
            fs::write(&one.path, &one.before).expect("restored");
            check(&one.edit_words(), 3, &["it was replaced"]);
            check(&on("abandon", &one.path, &["--yes"]), 0, &["left to the file"]);
            check(&one.edit_words(), 0, &["samples clipped"]);
        }
        assert_eq!(one.holds(), Holds::After);
        check(&on("resume", &one.path, &[]), 0, &["nothing to resume"]);
        assert_eq!(one.holds(), Holds::After, "edited twice");
    }
}

/// So is what is edited there as an image that is known by its mark.
#[test]
fn edited_in_the_place_of_another_image() {
    let (one, two) = (killed(), Rig::small());
    let small = ["--id=small", "--offset=1000000", "--length=8"];
    check(&edit_of(&two, &two.path, &small), 0, &[]);
    fs::write(&two.path, &two.before).expect("restored");
    brought_over(&one, &two);
    check(&one.edit_words(), 0, &["samples clipped"]);
    check(&on("forget", &one.path, &["--all"]), 0, &["1 ids"]);
    check(&on("resume", &one.path, &[]), 0, &["nothing to resume"]);
    assert_eq!(one.holds(), Holds::After, "edited twice");
}

/// A disk that keeps no attributes, where images are known by their names and inodes; `None` without the right to mount
/// one.
fn without_attributes() -> Option<TempDir> {
    let place = common::folder();
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let is_mounted = unshare(CloneFlags::CLONE_NEWNS).is_ok()
        && succeeds(Command::new("mount").args(["--make-rprivate", "/"]))
        && succeeds(Command::new("mount").args(["-t", "ramfs", "none"]).arg(place.path()));
    if !is_mounted {
        eprintln!("skipped: no right to mount a disk");
    }
    is_mounted.then_some(place)
}

/// A killed run there, as `Rig::cut_short` leaves it, but without a mark to begin with.
fn killed_without_attributes(place: &Path) -> Option<Rig> {
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let image = Image {
        format: "rgba:u16le",
        data_offset: 0,
        width: 2048,
        height: 64,
    };
    let rig = Rig::new(folder, image, Part::Whole, 9000);
    let mut words = rig.edit_words();
    words.push("--threads=1".into());
    for _ in 0..200 {
        fs::write(&rig.path, &rig.before).expect("written");
        let running = crate::unfinished::start(&words);
        running.kill_in_the_edit(&rig, std::time::Duration::from_micros(500));
        let journals = rig.journals();
        let is_some_done = journals
            .first()
            .is_some_and(|journal| common::done_bytes(&crate::unfinished::open(journal)) > 0);
        if is_some_done && rig.holds() == Holds::Neither {
            next_tick();
            return Some(rig);
        }
        for folder in rig.journal_folders() {
            fs::remove_dir_all(folder).expect("removed");
        }
    }
    eprintln!("skipped: no job could be cut short");
    None
}

#[test]
fn the_same_without_attributes() {
    let Some(place) = without_attributes() else {
        return;
    };
    // Without a first file that could be found, there is nobody to leave the job to.
    if let Some(rig) = killed_without_attributes(place.path()) {
        replaced_abandoned_and_edited(&rig, None, "gave up");
        assert_eq!(rig.names(), std::slice::from_ref(&rig.path));
    }
    // The first one is there under another name.
    if let Some(rig) = killed_without_attributes(place.path()) {
        let old = rig.folder.path().join("old.raw");
        fs::rename(&rig.path, &old).expect("moved");
        replaced_abandoned_and_edited(&rig, None, "left to the file");
        check(&on("resume", &old, &[]), 0, &["samples clipped"]);
        assert_edited(&rig, &old);
    }
    // A copy, and another picture in its place when it is finished.
    if let Some(rig) = killed_without_attributes(place.path()) {
        replace(&rig, &fs::read(&rig.path).expect("read"));
        let small = edit_of(&rig, &rig.path, &["--offset=1000000", "--length=8"]);
        check(&small, 3, &["it was replaced"]);
        check(&on("resume", &rig.path, &[]), 0, &["samples clipped"]);
        assert_eq!(rig.holds(), Holds::After);
        replace(&rig, &rig.before);
        edited_and_resumed(&rig, None);
    }
    let _ = Command::new("umount").arg(place.path()).output();
}

/// A journal of an earlier moment is put back after the job's end, and the image goes to another disk, where journals
/// are copies for a good reason.
#[test]
fn an_early_journal_beside_an_image_from_another_disk() {
    let Some(far) = common::memory_folder() else {
        eprintln!("skipped: no file system in memory");
        return;
    };
    let rig = Rig::small_in(common::folder());
    rig.cut_short_as("once");
    let (journal, early) = (rig.journal(), fs::read(rig.journal()).expect("read"));
    let mut words = rig.edit_words();
    words.push("--id=once".into());
    check(&words, 0, &["samples clipped"]);
    assert_eq!(rig.holds(), Holds::After);
    next_tick();
    let moved = far.path().join("moved.raw");
    assert!(
        Command::new("mv")
            .args([&rig.path, &moved])
            .status()
            .is_ok_and(|status| status.success())
    );
    fs::write(&journal, early).expect("put back");
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o600)).expect("private");
    let image = fs::File::options().write(true).open(&moved).expect("opened");
    for modified in [SystemTime::now(), SystemTime::now() - Duration::from_secs(100_000)] {
        image.set_modified(modified).expect("touched");
        check(&on("resume", &moved, &[]), 65, &["is a copy of the journal of a job"]);
        assert_edited(&rig, &moved);
    }
    check(&on("abandon", &moved, &["--yes"]), 0, &["gave up"]);
    check(
        &on("status", &moved, &[]),
        0,
        &["--id once was done", "no unfinished job"],
    );
    assert_edited(&rig, &moved);
}
