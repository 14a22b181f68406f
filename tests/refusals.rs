//! Resume refuses what it must not touch, and then leaves the image and the journal as they are, byte for byte.

mod common;
mod unfinished;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::atomic::{AtomicU32, Ordering};

use pagelight::claim::ImageJobs;
use pagelight::journal::JobState;
use pagelight::journal::header::BOOT_AT;
use pagelight::journal::words::{ChunkState, SlotState};
use pagelight::map::{Access, MappedFile};
use pagelight::run::{self, Options};
use unfinished::{Rig, next_tick, run_words, says};

/// Spoils a job that was cut short, and tries to resume it.
#[track_caller]
fn check(code: i32, words: &str, spoil: impl FnOnce(&Rig)) {
    let rig = Rig::small();
    rig.cut_short();
    next_tick();
    spoil(&rig);
    refuses(&rig, code, words);
}

#[track_caller]
fn refuses(rig: &Rig, code: i32, words: &str) {
    let read = || -> Vec<_> {
        let named = rig.files().into_iter();
        named.map(|path| (fs::read(&path).expect("read"), path)).collect()
    };
    let before = read();
    for command in ["resume", "brighten"] {
        let all_words = if command == "resume" {
            rig.words(command)
        } else {
            rig.edit_words()
        };
        let output = run_words(&all_words);
        let says = says(&output);
        if command == "resume" {
            assert_eq!(output.status.code(), Some(code), "{says}");
            assert!(says.contains(words), "{says}");
        } else {
            assert!(matches!(output.status.code(), Some(2 | 3 | 65)), "{says}");
        }
        assert!(read() == before, "{command} changed something: {says}");
    }
}

/// Another file may be another image: once the user says so, it has no job, and may have one of its own.
#[test]
fn another_image_under_the_same_name() {
    let rig = Rig::small();
    rig.cut_short();
    let other = rig.folder.path().join("other.raw");
    fs::write(&other, &rig.before).expect("written");
    fs::rename(other, &rig.path).expect("moved");
    let mut abandon = rig.words("abandon");
    abandon.push("--yes".into());
    for (words, code, what) in [
        (rig.edit_words(), 3, "it was replaced"),
        (rig.words("resume"), 65, "not as its unfinished job left it"),
        (abandon, 0, "left to the file"),
        (rig.words("resume"), 0, "no unfinished job"),
        (rig.edit_words(), 0, "samples clipped"),
    ] {
        let output = run_words(&words);
        assert_eq!(output.status.code(), Some(code), "{}", says(&output));
        assert!(says(&output).contains(what), "{}", says(&output));
    }
    assert_eq!(rig.holds(), unfinished::Holds::After);
}

#[test]
fn a_backup_copied_over_the_image() {
    check(65, "backup", |rig| fs::write(&rig.path, &rig.before).expect("written"));
}

#[test]
fn a_backup_copied_over_an_image_of_which_no_chunk_is_done() {
    // Long chunks, so that there is time to be killed in the first ones.
    let rig = Rig::of_rows(1024);
    let begun = |slot_state: &SlotState| {
        matches!(
            slot_state,
            SlotState::Idle { redo_block: 1.., .. } | SlotState::Finished { redo_block: 1.., .. }
        )
    };
    rig.cut_short_with(|journal, slot_states| unfinished::done_bytes(journal) == 0 && slot_states.iter().any(begun));
    fs::write(&rig.path, &rig.before).expect("written");
    refuses(&rig, 65, "backup");
}

/// The image is cut off somewhere in a chunk that is done, and mended from a backup.
#[test]
fn a_backup_of_the_end() {
    check(65, "backup", |rig| {
        let journal = unfinished::open(&rig.journal());
        let (chunk_plan, chunks) = (journal.header().chunk_plan.clone(), 0..journal.header().chunks());
        let is_done = |chunk: &u32| matches!(journal.chunk(*chunk), Ok(Some(ChunkState::Done { .. })));
        let done = chunks.rev().find(is_done).expect("one");
        let end = usize::try_from(chunk_plan.chunk(u64::from(done)).part.end).expect("small");
        let mut bytes = fs::read(&rig.path).expect("read");
        bytes[end - 10_000..].copy_from_slice(&rig.before[end - 10_000..]);
        fs::write(&rig.path, bytes).expect("written");
    });
}

#[test]
fn an_image_of_another_length() {
    for bytes in [-8, 8, -500_000] {
        check(65, "length", |rig| {
            let length = (rig.before.len() as u64).checked_add_signed(bytes).expect("positive");
            let file = fs::File::options().write(true).open(&rig.path).expect("opened");
            file.set_len(length).expect("set");
        });
    }
}

#[test]
fn a_journal_that_is_a_link() {
    check(65, "link", |rig| {
        let target = rig.folder.path().join("target");
        let name = rig.journal();
        fs::rename(&name, &target).expect("moved");
        std::os::unix::fs::symlink(target, name).expect("linked");
    });
}

#[test]
fn a_journal_with_a_second_name() {
    check(65, "2 names", |rig| {
        fs::hard_link(rig.journal(), rig.folder.path().join("second")).expect("linked");
    });
}

#[test]
fn a_journal_that_others_may_write() {
    for mode in [0o620, 0o602, 0o666] {
        check(65, "written by others", |rig| {
            fs::set_permissions(rig.journal(), fs::Permissions::from_mode(mode)).expect("set");
        });
    }
}

#[test]
fn a_journal_of_another_user() {
    if !common::is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    check(65, "belongs to user 12345", |rig| {
        std::os::unix::fs::chown(rig.journal(), Some(12_345), None).expect("given away");
    });
}

/// Changes bytes of the one journal.
fn write_at(rig: &Rig, at: usize, bytes: &[u8]) {
    let journal = fs::File::options().write(true).open(rig.journal()).expect("opened");
    journal.write_all_at(bytes, at as u64).expect("written");
}

#[test]
fn a_journal_of_another_version() {
    check(65, "version 7", |rig| {
        let mut page = fs::read(rig.journal()).expect("read");
        page[16] = 7;
        let checksum = crc32fast::hash(&page[..2044]);
        write_at(rig, 16, &[7]);
        write_at(rig, 2044, &checksum.to_le_bytes());
    });
}

#[test]
fn a_journal_that_was_cut() {
    for length in [1, 100, 2048, 4095, 4096, 8191, 8192, 20_000] {
        check(65, "", |rig| {
            let journal = fs::File::options().write(true).open(rig.journal()).expect("opened");
            journal.set_len(length).expect("set");
        });
    }
    check(65, "cut", |rig| {
        let journal = fs::File::options().write(true).open(rig.journal()).expect("opened");
        let length = journal.metadata().expect("looked at").len();
        journal.set_len(length + 4096).expect("set");
    });
}

#[test]
fn a_journal_that_is_empty_or_garbage() {
    check(65, "journal", |rig| fs::write(rig.journal(), []).expect("written"));
    check(65, "no journal of Pagelight", |rig| {
        let length = fs::read(rig.journal()).expect("read").len();
        fs::write(rig.journal(), common::pattern(9..9 + length as u64)).expect("written");
    });
}

fn set_state(rig: &Rig, state: JobState) {
    let journal = unfinished::open(&rig.journal());
    journal.set_state(state).expect("stored");
}

#[test]
fn a_job_from_before_a_reboot() {
    check(3, "started anew", |rig| write_at(rig, BOOT_AT, &[7; 16]));

    let rig = Rig::small();
    rig.cut_short();
    write_at(&rig, BOOT_AT, &[7; 16]);
    set_state(&rig, JobState::Paused);
    rig.assert_resumes("paused before the reboot");
}

#[test]
fn a_job_whose_bytes_the_disk_refused() {
    check(3, "the disk refused", |rig| set_state(rig, JobState::SyncFailed));
}

/// The last one of a run that was cut short learns it, while another run is at work already.
#[test]
fn a_job_whose_bytes_the_disk_refuses_meanwhile() {
    let rig = Rig::small();
    for (at_chunk, stopped) in [(0, false), (1, false), (0, true)] {
        rig.cut_short();
        let image = MappedFile::open(&rig.path, Access::ReadWrite).expect("opened");
        let jobs = ImageJobs::of(&image, None).expect("looked at");
        let found = jobs.pending().expect("listed").pop().expect("a job");
        let chunks = AtomicU32::new(0);
        let outcome = run::resume(&image, found, &Options::default_here(), &|bytes| {
            // While the image is compared with the journal nothing is done yet.
            if bytes == 0 {
                return ControlFlow::Continue(());
            }
            if chunks.fetch_add(1, Ordering::Relaxed) == at_chunk {
                set_state(&rig, JobState::SyncFailed);
            }
            if stopped {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let said = outcome.expect_err("refused").to_string();
        assert!(said.contains("the disk refused"), "{said}");
        refuses(&rig, 3, "the disk refused");
    }
}

/// Killed between the last steps of its end: looking leaves it as it is; a resume or the next job takes it away.
#[test]
fn a_complete_job_is_in_nobodys_way() {
    let rig = Rig::small();
    for command in ["status", "resume"] {
        rig.cut_short();
        rig.complete();
        let output = run_words(&rig.words(command));
        assert_eq!(output.status.code(), Some(0), "{}", says(&output));
        assert!(says(&output).contains("no unfinished job"), "{}", says(&output));
        let left = if command == "status" { 1 } else { 0 };
        assert_eq!(
            (rig.holds(), rig.journals().len()),
            (unfinished::Holds::After, left),
            "{command}"
        );
        fs::write(&rig.path, &rig.before).expect("written");
        let output = run_words(&rig.edit_words());
        assert_eq!(output.status.code(), Some(0), "{}", says(&output));
        rig.assert_done(command);
    }
}

/// Whatever says that it is complete and is not was damaged: the next job finds it.
#[test]
fn a_complete_job_with_chunks_to_do() {
    let rig = Rig::small();
    rig.cut_short();
    set_state(&rig, JobState::Complete);
    let before = fs::read(&rig.path).expect("read");
    let output = run_words(&rig.edit_words());
    assert_eq!(output.status.code(), Some(65), "{}", says(&output));
    assert!(says(&output).contains("damaged"), "{}", says(&output));
    assert!(fs::read(&rig.path).expect("read") == before && rig.journals().len() == 1);
}
