//! Files that are renamed, moved, linked, copied, restored and replaced while a job is unfinished.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use pagelight::journal::Journal;
use rustix::process::Signal;

use crate::common::{self, done_bytes};
use crate::unfinished::{Holds, Rig, stopped_where};
use crate::{assert_clean, assert_edited, check, edit_of, killed, next_tick, on, refused};

/// Another folder on the same file system.
fn elsewhere(rig: &Rig) -> tempfile::TempDir {
    tempfile::tempdir_in(rig.folder.path().parent().expect("a folder")).expect("a folder")
}

fn copied_with_attributes(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp").success());
}

#[test]
fn moved_after_a_kill() {
    let rig = killed();
    let folder = elsewhere(&rig);
    let moved = folder.path().join("moved.raw");
    fs::rename(&rig.path, &moved).expect("moved");
    check(&edit_of(&rig, &moved, &[]), 3, &["an unfinished job is in the way"]);
    check(&on("status", &moved, &[]), 0, &["interrupted"]);
    check(&on("resume", &moved, &[]), 0, &["samples clipped"]);
    fs::rename(&moved, &rig.path).expect("moved");
    assert_clean(&rig);
}

#[test]
fn moved_while_a_run_is_at_work() {
    let rig = Rig::of_rows(1024);
    let words = edit_of(&rig, &rig.path, &["--threads=2"]);
    let in_first_half = |journal: &Journal| {
        let all = journal.header().chunk_plan.window_bytes();
        (1..all / 2).contains(&done_bytes(journal))
    };
    let running = stopped_where(&rig, &words, || rig.reset(), in_first_half);
    let folder = elsewhere(&rig);
    let moved = folder.path().join("moved.raw");
    fs::rename(&rig.path, &moved).expect("moved");
    check(&edit_of(&rig, &moved, &[]), 75, &["is at work there"]);
    running.signal(Signal::CONT);
    let output = running.wait();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_edited(&rig, &moved);
    check(&on("status", &moved, &[]), 0, &["no unfinished job"]);
    fs::rename(&moved, &rig.path).expect("moved");
    assert_clean(&rig);
}

#[test]
fn links_of_both_kinds() {
    for is_hard in [false, true] {
        let rig = killed();
        let folder = elsewhere(&rig);
        let link = folder.path().join("link.raw");
        let linked = if is_hard {
            fs::hard_link(&rig.path, &link)
        } else {
            symlink(&rig.path, &link)
        };
        linked.expect("linked");
        check(&edit_of(&rig, &link, &[]), 3, &["an unfinished job is in the way"]);
        check(&on("resume", &link, &[]), 0, &["samples clipped"]);
        assert_clean(&rig);
        // And two names do not make two images of it.
        check(&edit_of(&rig, &link, &["--id=one"]), 0, &[]);
        check(&edit_of(&rig, &rig.path, &["--id=one"]), 0, &["already applied"]);
    }
}

/// The job stays with the first file, and is not abandoned through another one that has its name now.
#[test]
fn moved_away_and_replaced_by_a_backup() {
    let rig = killed();
    let old = rig.folder.path().join("old.raw");
    fs::rename(&rig.path, &old).expect("moved");
    fs::write(&rig.path, &rig.before).expect("copied");
    check(&edit_of(&rig, &rig.path, &[]), 3, &["it was replaced"]);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["left to the file"]);
    check(&edit_of(&rig, &rig.path, &[]), 0, &["samples clipped"]);
    assert_edited(&rig, &rig.path);
    check(&edit_of(&rig, &old, &[]), 3, &["unfinished"]);
    check(&on("resume", &old, &[]), 0, &["samples clipped"]);
    assert_edited(&rig, &old);
}

/// By a program that writes a new file and renames it, as synchronisation does.
#[test]
fn replaced_by_a_copy_of_itself() {
    let rig = killed();
    let copy = rig.folder.path().join("copy");
    fs::write(&copy, fs::read(&rig.path).expect("read")).expect("copied");
    fs::rename(copy, &rig.path).expect("moved");
    // Whatever the window: once the file had jobs of its own, nothing would lead to the first one.
    for more in [&[][..], &["--offset=1000000", "--length=8"]] {
        check(&edit_of(&rig, &rig.path, more), 3, &["it was replaced"]);
    }
    check(
        &on("status", &rig.path, &[]),
        0,
        &["is not the file that it was begun on"],
    );
    check(&on("resume", &rig.path, &[]), 0, &["samples clipped"]);
    assert_clean(&rig);
}

#[test]
fn replaced_by_a_copy_with_some_of_it_restored() {
    let rig = killed();
    let mut mixed = fs::read(&rig.path).expect("read");
    let edited = (0..mixed.len()).rev().find(|&at| mixed[at] != rig.before[at]);
    let edited = edited.expect("half done");
    mixed[edited] = rig.before[edited];
    let copy = rig.folder.path().join("copy");
    fs::write(&copy, &mixed).expect("copied");
    fs::rename(copy, &rig.path).expect("moved");
    check(&edit_of(&rig, &rig.path, &[]), 3, &["it was replaced"]);
    check(
        &on("resume", &rig.path, &[]),
        65,
        &["is not as its unfinished job left it"],
    );
    assert!(fs::read(&rig.path).expect("read") == mixed);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["left to the file"]);
    fs::write(&rig.path, &rig.before).expect("restored");
    check(&edit_of(&rig, &rig.path, &[]), 0, &[]);
    assert_edited(&rig, &rig.path);
}

#[test]
fn a_backup_copied_over_it() {
    let rig = killed();
    next_tick();
    fs::write(&rig.path, &rig.before).expect("copied");
    check(&on("resume", &rig.path, &[]), 65, &["was a backup copied over it"]);
    assert_eq!(rig.holds(), Holds::Before);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["gave up"]);
    check(&edit_of(&rig, &rig.path, &[]), 0, &[]);
    assert_clean(&rig);
}

/// A picture whose chunks are white but for a dark thing in the middle: their ends are the same before and after.
fn killed_with_white_ends() -> Rig {
    let mut rig = Rig::small();
    rig.before.fill(0xFF);
    let chunk_bytes = 252 << 10;
    for start in (0..rig.before.len()).step_by(chunk_bytes) {
        let end = (start + chunk_bytes).min(rig.before.len());
        let middle = usize::midpoint(start, end) / 8 * 8;
        rig.before[middle..(middle + 8000).min(end)].fill(0);
    }
    rig.after.clone_from(&rig.before);
    let pixels = usize::try_from(rig.image.data().end).expect("small");
    rig.clipped = rig.image.brighten(0, &mut rig.after[..pixels], rig.part, rig.amount);
    rig.cut_short();
    rig
}

#[test]
fn a_backup_copied_over_what_is_alike_at_its_ends() {
    for in_part in [false, true] {
        let rig = killed_with_white_ends();
        next_tick();
        let image = fs::File::options().write(true).open(&rig.path).expect("opened");
        let bytes = if in_part { 350_000..420_000 } else { 0..rig.before.len() };
        image
            .write_all_at(&rig.before[bytes.clone()], bytes.start as u64)
            .expect("copied");
        drop(image);
        refused_by_resume(&rig, "was a backup copied over it");
    }
    killed_with_white_ends().assert_resumes("nobody touched it");
}

#[track_caller]
fn refused_by_resume(rig: &Rig, words: &str) {
    let before = fs::read(&rig.path).expect("read");
    check(&on("resume", &rig.path, &[]), 65, &[words]);
    assert!(fs::read(&rig.path).expect("read") == before);
    assert_eq!(rig.journals().len(), 1);
}

#[test]
fn one_byte_of_what_was_done_edited_by_another_program() {
    let rig = killed();
    next_tick();
    let mut options = fs::File::options();
    let image = options.read(true).write(true).open(&rig.path).expect("opened");
    let mut byte = [0];
    image.read_exact_at(&mut byte, 400_001).expect("read");
    image.write_all_at(&[byte[0] ^ 1], 400_001).expect("written");
    refused_by_resume(&rig, "edited by another program");
    image.write_all_at(&byte, 400_001).expect("written");
    rig.assert_resumes("it is as it was");
}

/// Looked at, refused and looked at again meanwhile, none of which may look like a change of the journal.
#[test]
fn resumed_after_a_while() {
    let rig = killed();
    let long = || std::thread::sleep(std::time::Duration::from_millis(2500));
    long();
    check(&on("status", &rig.path, &[]), 0, &["interrupted"]);
    check(&edit_of(&rig, &rig.path, &[]), 3, &["unfinished"]);
    let half_edited = fs::read(&rig.path).expect("read");
    fs::write(&rig.path, &rig.before).expect("copied");
    refused_by_resume(&rig, "was a backup copied over it");
    fs::write(&rig.path, half_edited).expect("restored");
    long();
    rig.assert_resumes("after a while");
}

#[test]
fn touched_and_given_other_rights() {
    let rig = killed();
    next_tick();
    let image = fs::File::options().write(true).open(&rig.path).expect("opened");
    image.set_modified(std::time::SystemTime::now()).expect("touched");
    fs::set_permissions(&rig.path, fs::Permissions::from_mode(0o600)).expect("set");
    rig.assert_resumes("its bytes are as they were");
}

#[test]
fn cut_off_and_extended_again() {
    let rig = killed();
    next_tick();
    let image = fs::File::options().write(true).open(&rig.path).expect("opened");
    image.set_len(100_000).expect("cut");
    check(&on("resume", &rig.path, &[]), 65, &["another length"]);
    image.set_len(rig.before.len() as u64).expect("extended");
    refused_by_resume(&rig, "was a backup copied over it");
}

#[test]
fn a_copy_of_a_half_edited_image() {
    let rig = killed();
    let copy = rig.folder.path().join("copy.raw");
    copied_with_attributes(&rig.path, &copy);
    refused(&rig, &copy, 3, &["is a copy of", "half-edited"]);
    // Also when the first one is finished.
    check(&on("resume", &rig.path, &[]), 0, &["samples clipped"]);
    assert_eq!(rig.holds(), Holds::After);
    refused(&rig, &copy, 3, &["the mark of an unfinished job"]);
    // And when it was finished under an id, for which its folder stays.
    let other = killed();
    let copy_of_other = other.folder.path().join("copy.raw");
    copied_with_attributes(&other.path, &copy_of_other);
    check(&on("resume", &other.path, &[]), 0, &[]);
    check(&edit_of(&other, &other.path, &["--id=x"]), 0, &[]);
    refused(&other, &copy_of_other, 3, &["the mark of an unfinished job"]);

    check(&on("abandon", &copy, &["--yes"]), 0, &["does not carry the mark"]);
    check(&edit_of(&rig, &copy, &[]), 0, &[]);
    assert_edited(&rig, &rig.path);
    assert_eq!(rig.names(), [copy, rig.path.clone()]);
}

#[test]
fn a_copy_of_a_finished_image_is_an_image_of_its_own() {
    let rig = Rig::small();
    check(&edit_of(&rig, &rig.path, &["--id=first"]), 0, &[]);
    let copy = rig.folder.path().join("copy.raw");
    copied_with_attributes(&rig.path, &copy);
    // Whether it was copied before or after is not known.
    check(&edit_of(&rig, &copy, &["--id=first"]), 3, &["nobody can know"]);
    check(&edit_of(&rig, &copy, &["--id=second"]), 0, &["samples clipped"]);
    check(&edit_of(&rig, &copy, &["--id=second"]), 0, &["already applied"]);
    check(&edit_of(&rig, &rig.path, &["--id=second"]), 0, &["samples clipped"]);
    check(&on("forget", &copy, &["--all"]), 0, &["1 ids"]);
    check(&on("forget", &rig.path, &["--all"]), 0, &["2 ids"]);
    assert_eq!(rig.names(), [copy, rig.path.clone()]);
}

#[test]
fn two_images_that_change_places() {
    let [rig, other] = [killed(), killed()];
    let aside = other.folder.path().join("aside");
    fs::rename(&rig.path, &aside).expect("moved");
    fs::rename(&other.path, &rig.path).expect("moved");
    fs::rename(&aside, &other.path).expect("moved");
    for path in [&rig.path, &other.path] {
        check(&edit_of(&rig, path, &[]), 3, &["unfinished"]);
        check(&on("resume", path, &[]), 0, &["samples clipped"]);
    }
    for rig in [rig, other] {
        assert_clean(&rig);
    }
}

/// A folder on another file system, where there is one.
fn on_another_file_system(rig: &Rig) -> Option<tempfile::TempDir> {
    let device = |path: &Path| path.metadata().expect("looked at").dev();
    let found = [Some(common::folder()), common::memory_folder()];
    let mut found = found.into_iter().flatten();
    let found = found.find(|folder| device(folder.path()) != device(rig.folder.path()));
    if found.is_none() {
        eprintln!("skipped: there is one file system only");
    }
    found
}

fn move_across(from: &Path, to: &Path) {
    let moved = std::process::Command::new("mv").args([from, to]).status();
    assert!(moved.expect("mv").success());
}

#[test]
fn moved_to_another_file_system() {
    let rig = killed();
    let Some(folder) = on_another_file_system(&rig) else {
        return;
    };
    let moved = folder.path().join("moved.raw");
    move_across(&rig.path, &moved);
    check(&edit_of(&rig, &moved, &[]), 3, &["an unfinished job is in the way"]);
    check(&on("resume", &moved, &[]), 0, &["samples clipped"]);
    assert_edited(&rig, &moved);
    assert!(rig.names().is_empty(), "its journals are gone");
    assert_eq!(folder.path().read_dir().expect("the folder").count(), 1);
}

#[test]
fn moved_to_another_file_system_with_a_job_that_has_an_id() {
    let rig = Rig::small();
    rig.cut_short_as("batch-17");
    let Some(folder) = on_another_file_system(&rig) else {
        return;
    };
    let moved = folder.path().join("moved.raw");
    move_across(&rig.path, &moved);
    let elsewhere = edit_of(&rig, &moved, &["--offset=1000000", "--length=8"]);
    check(&elsewhere, 3, &["an unfinished job is in the way"]);
    for says in ["samples clipped", "already applied"] {
        check(&edit_of(&rig, &moved, &["--id=batch-17"]), 0, &[says]);
        assert_edited(&rig, &moved);
    }
    check(&on("forget", &moved, &["--all"]), 0, &["1 ids"]);
    assert!(rig.names().is_empty());
}

/// The folder is still there, and says that nothing is to be done; the mark knows better.
#[test]
fn moved_to_another_file_system_and_its_journal_removed() {
    let rig = killed();
    let Some(folder) = on_another_file_system(&rig) else {
        return;
    };
    let moved = folder.path().join("moved.raw");
    move_across(&rig.path, &moved);
    fs::remove_file(rig.journal()).expect("removed");
    let before = fs::read(&moved).expect("read");
    for command in [edit_of(&rig, &moved, &[]), on("resume", &moved, &[])] {
        check(&command, 3, &["has 0 journals"]);
    }
    assert!(fs::read(&moved).expect("read") == before);
    check(&on("abandon", &moved, &["--yes"]), 0, &["does not carry the mark"]);
    check(&edit_of(&rig, &moved, &[]), 0, &[]);
    assert!(rig.names().is_empty());
}

#[test]
fn moved_to_another_file_system_and_restored_in_its_first_place() {
    let rig = killed();
    let Some(folder) = on_another_file_system(&rig) else {
        return;
    };
    let moved = folder.path().join("moved.raw");
    move_across(&rig.path, &moved);
    fs::write(&rig.path, &rig.before).expect("restored");
    check(&edit_of(&rig, &rig.path, &[]), 3, &["it was replaced"]);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["left to the file"]);
    check(&edit_of(&rig, &rig.path, &[]), 0, &["samples clipped"]);
    check(&on("resume", &moved, &[]), 0, &["samples clipped"]);
    assert_edited(&rig, &rig.path);
    assert_edited(&rig, &moved);
}

#[test]
fn moved_to_another_file_system_with_its_folder() {
    let rig = killed();
    let Some(folder) = on_another_file_system(&rig) else {
        return;
    };
    for path in rig.names() {
        move_across(&path, &folder.path().join(path.file_name().expect("a name")));
    }
    let image: PathBuf = folder.path().join("image.raw");
    check(&on("status", &image, &[]), 0, &["interrupted"]);
    check(&on("resume", &image, &[]), 0, &["samples clipped"]);
    assert_edited(&rig, &image);
    assert_eq!(folder.path().read_dir().expect("the folder").count(), 1);
}

#[test]
fn moved_to_another_file_system_and_spoiled_there() {
    let rig = killed();
    let Some(folder) = on_another_file_system(&rig) else {
        return;
    };
    let moved = folder.path().join("moved.raw");
    move_across(&rig.path, &moved);
    fs::write(&moved, &rig.before).expect("written");
    check(&on("resume", &moved, &[]), 65, &["was a backup copied over it"]);
    assert!(fs::read(&moved).expect("read") == rig.before);
    check(&on("abandon", &moved, &["--yes"]), 0, &["gave up"]);
    check(&edit_of(&rig, &moved, &[]), 0, &[]);
    assert_edited(&rig, &moved);
}
