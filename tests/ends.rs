//! The ends that a job can come to, as its user sees them: what the commands say, their exit codes, and what is left.

mod common;
mod unfinished;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{ForOthers, PROGRAM};
use pagelight::journal::header::{BOOT_AT, EPOCH_AT};
use pagelight::journal::{JobState, Journal};
use pagelight::map::Access;
use rustix::process::{Pid, Signal, kill_process};
use unfinished::{Holds, Moment, Rig, Running, run_words, says, start_command, stopped_where};

const OTHER_USER: u32 = 12_345;

/// Runs a command on the image, and checks its exit code and what it says.
#[track_caller]
fn check(words: &[OsString], code: i32, wanted: &[&str]) {
    let output = run_words(words);
    let says = says(&output);
    assert_eq!(output.status.code(), Some(code), "{says}");
    for words in wanted {
        assert!(says.contains(words), "{words:?} in {says}");
    }
}

fn with(mut words: Vec<OsString>, more: &[&str]) -> Vec<OsString> {
    words.extend(more.iter().map(OsString::from));
    words
}

/// A run that stands still in the first half of its work.
fn begun(rig: &Rig) -> Running {
    let words = with(rig.edit_words(), &["--threads=2"]);
    let in_first_half = |journal: &Journal| {
        let all = journal.header().chunk_plan.window_bytes();
        (1..all / 2).contains(&unfinished::done_bytes(journal))
    };
    stopped_where(rig, &words, || rig.reset(), in_first_half)
}

#[test]
fn an_unfinished_job_is_in_the_way_until_it_is_resumed() {
    let rig = Rig::small();
    rig.cut_short();
    let moment = Moment::of(&rig);
    check(
        &rig.words("status"),
        0,
        &["brighten +9000 of ", "% done, interrupted", "resume or abandon"],
    );
    check(
        &with(rig.words("status"), &["--json"]),
        0,
        &["\"state\":\"interrupted\""],
    );
    check(
        &rig.edit_words(),
        3,
        &["unfinished", "'pagelight resume'", "'pagelight abandon'"],
    );
    check(
        &rig.words("abandon"),
        2,
        &["--yes", "half-edited", "'pagelight resume'"],
    );
    assert!(
        fs::read(&rig.path).expect("read") == moment.image && fs::read(rig.journal()).expect("read") == moment.journal
    );

    rig.assert_resumes("as the refusal said");
    check(&rig.words("status"), 0, &["no unfinished job"]);
    check(&rig.words("resume"), 0, &["nothing to resume"]);
    check(&with(rig.words("abandon"), &["--yes"]), 0, &["nothing to abandon"]);
    rig.assert_done("nothing more to do");
}

#[test]
fn abandon_says_what_is_left_and_leaves_whole_chunks() {
    let rig = Rig::small();
    rig.cut_short_with(|journal, slot_states| !slot_states.is_empty() && unfinished::done_bytes(journal) > 0);
    let journal = unfinished::open(&rig.journal());
    let (chunk_plan, chunks) = (
        journal.header().chunk_plan.clone(),
        u64::from(journal.header().chunks()),
    );
    drop(journal);
    check(
        &with(rig.words("abandon"), &["--yes"]),
        0,
        &["gave up brighten +9000", "every chunk is as before or done"],
    );
    assert!(rig.journals().is_empty());
    let image = fs::read(&rig.path).expect("read");
    for chunk in 0..chunks {
        let part = chunk_plan.chunk(chunk).part;
        let part = usize::try_from(part.start).expect("small")..usize::try_from(part.end).expect("small");
        let is = &image[part.clone()];
        assert!(
            is == &rig.before[part.clone()] || is == &rig.after[part],
            "chunk {chunk} is neither"
        );
    }
    check(&rig.words("status"), 0, &["no unfinished job"]);
}

#[test]
fn a_running_job_is_busy() {
    let rig = Rig::of_rows(1024);
    let running = begun(&rig);
    let pid = running.0.id().to_string();
    check(&rig.edit_words(), 75, &["at work", &pid]);
    check(&rig.words("resume"), 75, &["at work", &pid]);
    check(&with(rig.words("abandon"), &["--yes"]), 75, &["at work", &pid]);
    check(&rig.words("status"), 0, &["at work", &pid]);
    running.signal(Signal::CONT);
    let output = running.wait();
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
    rig.assert_done("the others did it no harm");
}

#[test]
fn a_token_is_applied_once() {
    let rig = Rig::small();
    let words = with(rig.edit_words(), &["--id=batch-17"]);
    check(&words, 0, &["samples clipped"]);
    assert_eq!(rig.holds(), Holds::After);
    for _ in 0..2 {
        check(&words, 0, &["already applied", "nothing was changed"]);
        assert_eq!((rig.holds(), rig.names().len()), (Holds::After, 2));
    }
    check(
        &with(rig.edit_words(), &["--id=batch-17", "--channels=red"]),
        2,
        &["batch-17", "another job"],
    );
    assert_eq!(rig.holds(), Holds::After);
}

#[test]
fn an_unfinished_token_is_resumed_by_a_rerun() {
    let rig = Rig::small();
    rig.cut_short_as("batch-17");
    check(&rig.edit_words(), 3, &["unfinished"]);
    check(&with(rig.edit_words(), &["--id=batch-18"]), 3, &["unfinished"]);
    check(
        &with(rig.edit_words(), &["--id=batch-17", "--channels=red"]),
        2,
        &["another job"],
    );
    for says in ["samples clipped", "already applied"] {
        check(&with(rig.edit_words(), &["--id=batch-17"]), 0, &[says]);
        assert_eq!((rig.holds(), rig.journals().len()), (Holds::After, 0));
    }
}

/// Killed when all was done and only the record of the id was still to be made.
#[test]
fn a_token_is_applied_once_also_by_a_run_that_was_killed_at_its_end() {
    let rig = Rig::small();
    for looked_at_before in [false, true] {
        rig.cut_short_as("batch-17");
        rig.complete();
        if looked_at_before {
            check(&rig.words("status"), 0, &["no unfinished job"]);
        }
        check(&with(rig.edit_words(), &["--id=batch-17"]), 0, &["already applied"]);
        assert_eq!((rig.holds(), rig.journals().len()), (Holds::After, 0));
    }
}

#[test]
fn a_token_is_remembered_under_another_name() {
    let mut rig = Rig::small();
    check(&with(rig.edit_words(), &["--id=batch-17"]), 0, &["samples clipped"]);
    let renamed = rig.folder.path().join("renamed.raw");
    fs::rename(&rig.path, &renamed).expect("moved");
    rig.path = renamed;
    check(&with(rig.edit_words(), &["--id=batch-17"]), 0, &["already applied"]);
    assert_eq!(rig.holds(), Holds::After);
}

/// Another file of the same name is another image, to which nothing was applied.
#[test]
fn a_token_belongs_to_the_image() {
    let rig = Rig::small();
    let words = with(rig.edit_words(), &["--id=batch-17"]);
    check(&words, 0, &[]);
    let other = rig.folder.path().join("other");
    fs::write(&other, &rig.before).expect("written");
    fs::rename(other, &rig.path).expect("moved");
    check(&words, 0, &["samples clipped"]);
    assert_eq!(rig.holds(), Holds::After);
}

#[test]
fn a_signal_pauses_the_job_and_a_reboot_does_no_harm_then() {
    let rig = Rig::of_rows(2048);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let running = begun(&rig);
        running.signal(signal);
        running.signal(Signal::CONT);
        let output = running.wait();
        let says = says(&output);
        assert_eq!(output.status.code(), Some(130), "{says}");
        assert!(
            says.contains("interrupted; ") && says.contains("on the disk: 'pagelight resume"),
            "{says}"
        );
        let journal = unfinished::open(&rig.journal());
        assert_eq!(journal.state().expect("sound"), JobState::Paused);
        assert_eq!(journal.is_alive().ok(), Some(false));
        journal.view().store_word(BOOT_AT, 7).expect("stored");
        check(&rig.words("status"), 0, &["interrupted; resume or abandon"]);
        rig.assert_resumes("after the signal and a reboot");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let rig = Rig::of_rows(2048);
    let running = begun(&rig);
    // Both are waiting when it goes on.
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    running.signal(Signal::CONT);
    let output = running.wait();
    assert!(matches!(output.status.signal(), Some(2 | 15)), "{}", says(&output));
    rig.assert_resumes("after two signals");
}

/// As by `nohup`, and in a shell's background jobs.
#[test]
fn an_ignored_signal_stays_ignored() {
    let rig = Rig::of_rows(1024);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' HUP INT; exec \"$@\"", "sh", PROGRAM])
        .args(rig.edit_words());
    let mut running = start_command(&mut shell);
    while rig.journals().is_empty() && !running.has_ended() {}
    running.signal(Signal::HUP);
    running.signal(Signal::INT);
    let output = running.wait();
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
    rig.assert_done("nobody asked it to stop");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error() {
    let rig = Rig::small();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -f 8; exec \"$@\"", "sh", PROGRAM])
        .args(rig.edit_words());
    let output = start_command(&mut shell).wait();
    assert_eq!(output.status.code(), Some(74), "{}", says(&output));
    assert!(says(&output).contains("ulimit -f"), "{}", says(&output));
    assert_eq!((rig.holds(), rig.names().len()), (Holds::Before, 1));
}

#[test]
fn a_resume_can_be_interrupted_as_well() {
    let rig = Rig::of_rows(2048);
    rig.cut_short();
    let moment = Moment::of(&rig);
    let journal = unfinished::open(&rig.journal());
    let (done_before, all) = (
        unfinished::done_bytes(&journal),
        journal.header().chunk_plan.window_bytes(),
    );
    drop(journal);
    let words = with(rig.words("resume"), &["--threads=2"]);
    let running = stopped_where(
        &rig,
        &words,
        || drop(moment.bring_back(&rig, |_| {})),
        |journal| (done_before + 1..all).contains(&unfinished::done_bytes(journal)),
    );
    running.signal(Signal::TERM);
    running.signal(Signal::CONT);
    assert_eq!(running.wait().status.code(), Some(130));
    rig.assert_resumes("after the second half was interrupted");
}

#[test]
fn journals_in_another_place() {
    let rig = Rig::small();
    let folder = common::folder();
    let option = format!("--journal={}", common::word(folder.path()));
    let option = [option.as_str()];
    check(&with(rig.edit_words(), &option), 0, &[]);
    rig.assert_done("its journal was elsewhere");
    assert_eq!(folder.path().read_dir().expect("the folder").count(), 0);

    let running = stopped_elsewhere(
        &rig,
        folder.path(),
        &with(rig.edit_words(), &[option[0], "--threads=1"]),
    );
    drop(running);
    // Found without being told, and not to be had in two places.
    check(&rig.words("status"), 0, &["interrupted"]);
    check(&rig.edit_words(), 3, &["unfinished"]);
    check(&with(rig.edit_words(), &option), 3, &["unfinished"]);
    let other = common::folder();
    let other = format!("--journal={}", common::word(other.path()));
    check(
        &with(rig.edit_words(), &[&other]),
        2,
        &["its journals are in", common::word(folder.path())],
    );
    check(&rig.words("resume"), 0, &["samples clipped"]);
    rig.assert_done("resumed from elsewhere");
    assert_eq!(folder.path().read_dir().expect("the folder").count(), 0);
    let missing = with(rig.edit_words(), &["--journal=/nowhere/at/all"]);
    check(&missing, 66, &["/nowhere/at/all"]);
    rig.assert_done("not edited twice");
}

/// A run that stands still in its work, with its journal in `folder`.
fn stopped_elsewhere(rig: &Rig, folder: &Path, words: &[OsString]) -> Running {
    for _ in 0..1000 {
        rig.reset();
        let mut running = unfinished::start(words);
        while unfinished::journals_in(folder).is_empty() && !running.has_ended() {}
        running.signal(Signal::STOP);
        if let Some(journal) = unfinished::journals_in(folder).pop()
            && let Ok(Some(journal)) = Journal::open(&journal, Access::Read)
            && !running.has_ended()
            && unfinished::done_bytes(&journal) < journal.header().chunk_plan.window_bytes()
        {
            return running;
        }
        running.signal(Signal::CONT);
        running.wait();
    }
    panic!("no run could be stopped");
}

#[test]
fn an_image_that_was_renamed() {
    let mut rig = Rig::small();
    rig.cut_short();
    let renamed = rig.folder.path().join("renamed.raw");
    fs::rename(&rig.path, &renamed).expect("moved");
    rig.path = renamed;
    check(&rig.edit_words(), 3, &["unfinished"]);
    check(&rig.words("status"), 0, &["interrupted"]);
    rig.assert_resumes("under its new name");
}

#[test]
fn an_image_behind_a_link() {
    let mut rig = Rig::small();
    let elsewhere = common::folder();
    let link = elsewhere.path().join("link.raw");
    symlink(&rig.path, &link).expect("linked");
    rig.cut_short();
    let path = std::mem::replace(&mut rig.path, link);
    check(&rig.edit_words(), 3, &["unfinished"]);
    check(&rig.words("resume"), 0, &["samples clipped"]);
    assert_eq!(elsewhere.path().read_dir().expect("the folder").count(), 1);
    rig.path = path;
    rig.assert_done("through a link");
}

/// A job is found under each of an image's names, wherever they are.
#[test]
fn an_image_with_two_names() {
    let mut rig = Rig::small();
    rig.cut_short();
    let elsewhere = tempfile::tempdir_in(rig.folder.path()).expect("a folder");
    let second = elsewhere.path().join("second.raw");
    fs::hard_link(&rig.path, &second).expect("linked");
    let first = std::mem::replace(&mut rig.path, second);
    check(&rig.edit_words(), 3, &["unfinished"]);
    check(&rig.words("resume"), 0, &["samples clipped"]);
    rig.path = first;
    drop(elsewhere);
    rig.assert_done("by its other name");
}

#[test]
fn names_of_any_bytes_and_length() {
    let mut long = [b'x'; 255];
    long[251..].copy_from_slice(b".raw");
    let mut odd = long;
    odd[100..250].fill(0xFF);
    for name in [&long[..], &odd[..], b"\xFF\xFE\x80.raw", b"new\nline.raw", b"-x.raw"] {
        let mut rig = Rig::small();
        let path = rig.folder.path().join(OsStr::from_bytes(name));
        fs::rename(&rig.path, &path).expect("moved");
        rig.path = path;
        check(&rig.edit_words(), 0, &[]);
        rig.assert_done("named oddly");
        rig.cut_short();
        check(&rig.words("status"), 0, &["interrupted"]);
        rig.assert_resumes("named oddly");
        check(&with(rig.edit_words(), &["--id=\u{fc}\n17"]), 0, &[]);
    }
}

/// As another user, with a copy of the program where that one reaches it.
#[track_caller]
fn check_as_other(others: &ForOthers, words: &[OsString], code: i32, wanted: &[&str]) {
    let output = start_command(others.command(OTHER_USER).args(words)).wait();
    let says = says(&output);
    assert_eq!(output.status.code(), Some(code), "{says}");
    for words in wanted {
        assert!(says.contains(words), "{words:?} in {says}");
    }
}

#[test]
fn another_user() {
    let Some(others) = ForOthers::new(Path::new(PROGRAM), &["--version"], OTHER_USER) else {
        return;
    };
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    let rig = Rig::small_in(others.new_folder());
    // May not write the image.
    check_as_other(&others, &rig.edit_words(), 77, &["image.raw"]);
    // May, but not make a journal beside it.
    set(&rig.path, 0o666);
    check_as_other(&others, &rig.edit_words(), 77, &["pagelight"]);
    assert_eq!(rig.holds(), Holds::Before);
    let folder = others.new_folder();
    set(folder.path(), 0o777);
    let option = format!("--journal={}", common::word(folder.path()));
    check_as_other(&others, &with(rig.edit_words(), &[&option]), 0, &[]);
    assert_eq!(rig.holds(), Holds::After);

    // Somebody else's job is in the way.
    rig.cut_short();
    set(&rig.path, 0o666);
    let moment = Moment::of(&rig);
    for command in ["resume", "status", "brighten"] {
        let words = if command == "brighten" {
            rig.edit_words()
        } else {
            rig.words(command)
        };
        check_as_other(&others, &words, 65, &["belongs to user 0"]);
    }
    assert!(
        fs::read(&rig.path).expect("read") == moment.image && fs::read(rig.journal()).expect("read") == moment.journal
    );
    rig.assert_resumes("by its own user");
}

/// A worker that had just been started when its coordinator was killed, and held no slot yet when the job was given up,
/// edits nothing any more.
#[test]
fn a_worker_that_comes_late_to_an_abandoned_job() {
    let rig = Rig::small();
    let mut late = 0;
    for attempt in 0..2000u64 {
        rig.cut_short();
        let journal = unfinished::open(&rig.journal());
        let epoch = fs::read(rig.journal()).expect("read")[EPOCH_AT..][..8]
            .try_into()
            .expect("8 bytes");
        let epoch = u64::from_le_bytes(epoch).to_string();
        let half_edited = fs::read(&rig.path).expect("read");
        let mut worker = Command::new(PROGRAM)
            .args(["pagelight-worker", "1", "4194304"])
            .args([rig.path.as_os_str(), rig.journal().as_os_str(), OsStr::new(&epoch)])
            .stdin(Stdio::piped())
            .spawn()
            .expect("started");
        let send = |signal| {
            let pid = Pid::from_raw(i32::try_from(worker.id()).expect("a number"));
            kill_process(pid.expect("not 0"), signal).expect("sent");
        };
        unfinished::spin(Duration::from_micros(500 + attempt % 40 * 50));
        send(Signal::STOP);
        std::thread::sleep(Duration::from_millis(2));
        let maps = fs::read_to_string(format!("/proc/{}/maps", worker.id())).unwrap_or_default();
        let has_opened = maps.contains(rig.journal().to_str().expect("plain letters"));
        let is_idle = journal.slot_owners().expect("read").is_empty();
        drop(journal);
        if has_opened && is_idle && fs::read(&rig.path).expect("read") == half_edited {
            late += 1;
            check(&with(rig.words("abandon"), &["--yes"]), 0, &["gave up"]);
            let given_up = fs::read(&rig.path).expect("read");
            send(Signal::CONT);
            drop(worker.stdin.take());
            worker.wait().expect("ended");
            assert!(
                fs::read(&rig.path).expect("read") == given_up,
                "edited after it was given up"
            );
        } else {
            send(Signal::KILL);
            worker.wait().expect("ended");
        }
        if late == 10 {
            return;
        }
    }
    assert!(late > 0, "no worker was stopped between its journal and its slot");
}
