//! What an image carries, and what lies in its journal folder: removed, replaced, put back, damaged, somebody else's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pagelight::identity::{Mark, Marking};
use pagelight::journal::Journal;
use pagelight::map::Access;
use pagelight::os::attribute;
use rustix::process::Signal;

use crate::common::{self, ForOthers, PROGRAM, done_bytes, journals_in};
use crate::unfinished::{Holds, Moment, Rig, Running, says, start, start_command, stopped_where};
use crate::{assert_clean, check, edit_of, killed, on, refused};

const NAME: &str = "user.pagelight";

fn image_file(rig: &Rig) -> fs::File {
    fs::File::open(&rig.path).expect("opened")
}

fn mark_of(rig: &Rig) -> Mark {
    match Mark::read(&image_file(rig), &rig.path).expect("read") {
        Marking::Marked(mark) => mark,
        other => panic!("{other:?}"),
    }
}

fn set_mark(rig: &Rig, mark: &Mark) {
    mark.write(&image_file(rig), &rig.path).expect("marked");
}

fn folder_of(rig: &Rig) -> PathBuf {
    rig.journal_folders().pop().expect("a folder")
}

/// A run that stands still in its first half.
fn at_work(rig: &Rig, more: &[&str]) -> Running {
    let words = edit_of(rig, &rig.path, more);
    let in_first_half = |journal: &Journal| {
        let all = journal.header().chunk_plan.window_bytes();
        (1..all / 2).contains(&done_bytes(journal))
    };
    stopped_where(rig, &words, || rig.reset(), in_first_half)
}

#[test]
fn what_is_lost_is_refused_and_can_be_cleared() {
    type Spoil = (&'static str, fn(&Rig));
    let spoils: [Spoil; 4] = [
        ("has 0 journals", |rig| fs::remove_file(rig.journal()).expect("removed")),
        ("is gone", |rig| fs::remove_dir_all(folder_of(rig)).expect("removed")),
        ("does not carry its mark", |rig| {
            attribute::remove(&image_file(rig), NAME).expect("removed");
        }),
        ("has 0 journals", |rig| {
            fs::rename(rig.journal(), rig.folder.path().join("aside")).expect("moved");
        }),
    ];
    for (words, spoil) in spoils {
        let rig = killed();
        spoil(&rig);
        let half_edited = fs::read(&rig.path).expect("read");
        refused(&rig, &rig.path, 3, &[words, "'pagelight abandon --yes'"]);
        check(&on("status", &rig.path, &[]), 3, &[words]);
        check(&on("abandon", &rig.path, &[]), 3, &[words]);
        let cleared = on("abandon", &rig.path, &["--yes"]);
        check(&cleared, 0, &["edited in part as it may be"]);
        assert!(fs::read(&rig.path).expect("read") == half_edited, "{words}");
        assert!(rig.journal_folders().is_empty(), "{words}");
        fs::write(&rig.path, &rig.before).expect("restored");
        let _ = fs::remove_file(rig.folder.path().join("aside"));
        check(&edit_of(&rig, &rig.path, &[]), 0, &[]);
        assert_clean(&rig);
    }
}

#[test]
fn one_of_two_journals_is_missed() {
    let rig = Rig::of_rows(1024);
    // Runs on windows of their own, both standing still. At work, and not just beginning: others must be able to begin
    // beside them.
    let are_at_work = |many: usize| {
        let journals = rig.journals();
        let is_at_work = |path: &PathBuf| {
            let journal = Journal::open(path, Access::Read).ok().flatten();
            journal
                .is_some_and(|journal| (1..journal.header().chunk_plan.window_bytes()).contains(&done_bytes(&journal)))
        };
        journals.len() == many && journals.iter().all(is_at_work)
    };
    let begin = |many: usize, offset: &str| {
        let words = edit_of(&rig, &rig.path, &[offset, "--length=8388608", "--threads=1"]);
        for _ in 0..1000 {
            let mut running = start(&words);
            while !are_at_work(many) && !running.has_ended() {}
            running.signal(Signal::STOP);
            // It stops a moment later.
            std::thread::sleep(std::time::Duration::from_millis(5));
            if !running.has_ended() && are_at_work(many) {
                return running;
            }
            running.signal(Signal::CONT);
            running.wait();
        }
        panic!("no run could be stopped");
    };
    let first = begin(1, "--offset=0");
    let second = begin(2, "--offset=8388608");
    drop((first, second));
    fs::remove_file(&rig.journals()[0]).expect("removed");
    refused(&rig, &rig.path, 3, &["2 unfinished jobs", "has 1 journals"]);
}

/// All of it, from before the end; and the journal alone, when ids keep the folder.
#[test]
fn a_folder_or_a_journal_put_back_after_the_end() {
    let rig = killed();
    let folder = folder_of(&rig);
    let kept = rig.folder.path().join("kept");
    let copied = Command::new("cp").arg("-a").args([&folder, &kept]).status();
    assert!(copied.expect("cp").success());
    check(&on("resume", &rig.path, &[]), 0, &[]);
    fs::rename(&kept, &folder).expect("put back");
    refused(&rig, &rig.path, 3, &["does not carry its mark", "put back"]);
    assert_eq!(rig.holds(), Holds::After);

    let rig = killed();
    let journal = rig.journal();
    let kept = rig.folder.path().join("kept");
    fs::copy(&journal, &kept).expect("copied");
    check(&on("resume", &rig.path, &[]), 0, &[]);
    check(&edit_of(&rig, &rig.path, &["--id=x"]), 0, &[]);
    let twice = fs::read(&rig.path).expect("read");
    let folder = folder_of(&rig);
    fs::copy(&kept, folder.join(journal.file_name().expect("a name"))).expect("put back");
    fs::set_permissions(
        folder.join(journal.file_name().expect("a name")),
        fs::Permissions::from_mode(0o600),
    )
    .expect("set");
    check(&on("resume", &rig.path, &[]), 65, &["is a copy of the job's journal"]);
    assert!(fs::read(&rig.path).expect("read") == twice);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["gave up"]);
    assert!(fs::read(&rig.path).expect("read") == twice);
}

/// Killed, resumed and killed once more, and then the journal of the first time copied over that of the second.
#[test]
fn an_earlier_journal_copied_over_the_later_one() {
    let rig = Rig::of_rows(256);
    rig.cut_short();
    let early = Moment::of(&rig);
    let before = done_bytes(&crate::unfinished::open(&rig.journal()));
    let all = rig.image.data().end;
    let words = on("resume", &rig.path, &["--threads=1"]);
    drop(stopped_where(
        &rig,
        &words,
        || drop(early.bring_back(&rig, |_| {})),
        |journal| done_bytes(journal) > before && done_bytes(journal) < all,
    ));
    let mut copy = early.journal.clone();
    copy[..2048].copy_from_slice(&fs::read(rig.journal()).expect("read")[..2048]);
    fs::write(rig.journal(), copy).expect("copied over");
    refused_by_resume(&rig, "an earlier copy of it was put back");
}

#[track_caller]
fn refused_by_resume(rig: &Rig, words: &str) {
    let before = fs::read(&rig.path).expect("read");
    check(&on("resume", &rig.path, &[]), 65, &[words]);
    assert!(fs::read(&rig.path).expect("read") == before);
}

#[test]
fn marks_that_make_no_sense() {
    for value in [
        &b""[..],
        b"x",
        b"1",
        b"2 - 0 0 /x",
        b"1 1 0123456789abcdef0123456789abcdef 00000000 /tmp/x.01234567.pagelight",
        &[b'x'; 600],
        &[0; 100],
    ] {
        let rig = Rig::small();
        attribute::write(&image_file(&rig), NAME, value).expect("marked");
        let says = if value.starts_with(b"2 ") {
            "is of version 2"
        } else {
            "carries a mark of jobs"
        };
        refused(&rig, &rig.path, 65, &[says]);
        check(&on("status", &rig.path, &[]), 65, &[says]);
        check(&on("abandon", &rig.path, &["--yes"]), 0, &["does not carry the mark"]);
        check(&edit_of(&rig, &rig.path, &[]), 0, &[]);
        assert_clean(&rig);
    }
}

/// A mark travels in archives: whatever it names is looked at, and left alone.
#[test]
fn marks_that_lead_elsewhere() {
    let victim = killed();
    let folder = folder_of(&victim);
    type Spoil<'a> = &'a dyn Fn(&mut Mark, &Rig);
    let spoils: [Spoil<'_>; 4] = [
        &|mark, _| mark.folder.clone_from(&folder),
        &|mark, _| mark.folder = PathBuf::from("/nowhere/x.01234567.pagelight"),
        &|mark, rig| mark.folder = rig.folder.path().join("../x/../y.01234567.pagelight"),
        &|mark, _| mark.folder = PathBuf::from("/etc"),
    ];
    for spoil in spoils {
        for jobs in [None, Some(0), Some(1)] {
            let rig = Rig::small();
            let mut mark = Mark {
                jobs,
                ..mark_of(&victim)
            };
            mark.uuid ^= 1 << 100;
            spoil(&mut mark, &rig);
            set_mark(&rig, &mark);
            if jobs.is_some() {
                refused(&rig, &rig.path, 3, &["is gone"]);
                check(&on("abandon", &rig.path, &["--yes"]), 0, &[]);
            }
            check(&edit_of(&rig, &rig.path, &[]), 0, &[]);
            assert_clean(&rig);
        }
    }
    victim.assert_resumes("nobody touched its folder");
}

#[test]
fn folders_that_are_not_to_be_trusted() {
    type Spoil = (&'static str, fn(&Path));
    let spoils: [Spoil; 4] = [
        ("no folder, or a link", |folder| {
            let aside = folder.with_extension("aside");
            fs::rename(folder, &aside).expect("moved");
            symlink(aside, folder).expect("linked");
        }),
        ("no folder, or a link", |folder| {
            fs::remove_dir_all(folder).expect("removed");
            fs::write(folder, "x").expect("written");
        }),
        ("written by others", |folder| {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("set");
        }),
        ("written by others", |folder| {
            fs::set_permissions(folder.join("image"), fs::Permissions::from_mode(0o666)).expect("set");
        }),
    ];
    for (words, spoil) in spoils {
        let rig = killed();
        spoil(&folder_of(&rig));
        let before = fs::read(&rig.path).expect("read");
        for command in [on("resume", &rig.path, &[]), edit_of(&rig, &rig.path, &[])] {
            check(&command, 65, &[words]);
        }
        assert!(fs::read(&rig.path).expect("read") == before);
    }
}

#[test]
fn things_that_are_no_files_under_our_names() {
    let make_fifo = |path: &Path| {
        let made = Command::new("mkfifo").arg("-m").arg("600").arg(path).status();
        assert!(made.expect("mkfifo").success());
    };
    let make_folder = |path: &Path| fs::create_dir(path).expect("made");
    let make_link = |path: &Path| symlink("/dev/zero", path).expect("linked");
    let makes: [&dyn Fn(&Path); 3] = [&make_fifo, &make_folder, &make_link];
    for make in makes {
        for name in ["image", "0.id", "0.journal", ""] {
            let rig = killed();
            let path = if name.is_empty() {
                rig.journal()
            } else {
                folder_of(&rig).join(name)
            };
            let _ = fs::remove_file(&path);
            make(&path);
            let before = fs::read(&rig.path).expect("read");
            for command in [on("resume", &rig.path, &[]), edit_of(&rig, &rig.path, &["--id=x"])] {
                // Ended by the tests' own patience if it hangs.
                let output = crate::run_words(&command);
                let says = says(&output);
                let is_fine = name == "0.id" && command[0] == "resume";
                assert!(
                    matches!(output.status.code(), Some(3 | 65 | 74)) || is_fine,
                    "{name}: {says}"
                );
                assert!(
                    is_fine || fs::read(&rig.path).expect("read") == before,
                    "{name}: {says}"
                );
                if is_fine {
                    rig.reset();
                    break;
                }
            }
        }
    }
}

#[test]
fn what_belongs_to_another_user() {
    if !common::is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let files: [fn(&Rig) -> PathBuf; 3] = [folder_of, |rig| folder_of(rig).join("image"), Rig::journal];
    for file in files {
        let rig = killed();
        chown(file(&rig), Some(12_345), None).expect("given away");
        refused(&rig, &rig.path, 65, &["belongs to user 12345"]);
    }
    // A forged record of an id says nothing.
    let rig = Rig::small();
    check(&edit_of(&rig, &rig.path, &["--id=x"]), 0, &[]);
    let id = fs::read_dir(folder_of(&rig)).expect("the folder");
    let id = id.map(|entry| entry.expect("an entry").path());
    let id = id
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "id"));
    chown(id.expect("an id"), Some(12_345), None).expect("given away");
    check(&edit_of(&rig, &rig.path, &["--id=x"]), 65, &["belongs to user 12345"]);
}

/// The edit is complete, whatever becomes of its journal, and is never reported as anything else.
#[test]
fn journals_removed_in_the_middle() {
    let removals: [fn(&Rig); 2] = [
        |rig| fs::remove_file(rig.journal()).expect("removed"),
        |rig| fs::remove_dir_all(folder_of(rig)).expect("removed"),
    ];
    for removal in removals {
        for (token, code) in [("", 0), ("--id=x", 74)] {
            let rig = Rig::of_rows(512);
            let words: Vec<&str> = ["--threads=1", token]
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect();
            let running = at_work(&rig, &words);
            removal(&rig);
            running.signal(Signal::CONT);
            let output = running.wait();
            assert_eq!(output.status.code(), Some(code), "{}", says(&output));
            assert_eq!(rig.holds(), Holds::After);
            if code == 74 {
                let says = says(&output);
                assert!(
                    says.contains("the edit itself is complete; do not do it again"),
                    "{says}"
                );
            }
        }
    }
}

/// Stopped after that, there is nothing to go on with, and that is said.
#[test]
fn a_journal_removed_in_the_middle_of_a_job_that_is_then_stopped() {
    let rig = Rig::of_rows(2048);
    let running = at_work(&rig, &["--threads=1"]);
    fs::remove_file(rig.journal()).expect("removed");
    running.signal(Signal::INT);
    running.signal(Signal::CONT);
    let output = running.wait();
    assert_eq!(output.status.code(), Some(74), "{}", says(&output));
    assert!(says(&output).contains("its journal was removed"), "{}", says(&output));
    refused(&rig, &rig.path, 3, &["has 0 journals"]);
}

#[test]
fn a_folder_made_read_only_in_the_middle() {
    const USER: u32 = 12_345;
    let Some(others) = ForOthers::new(Path::new(PROGRAM), &["--version"], USER) else {
        return;
    };
    let rig = Rig::new(
        others.new_folder(),
        common::Image {
            format: "rgba:u16le",
            data_offset: 0,
            width: 2048,
            height: 512,
        },
        common::Part::Whole,
        9000,
    );
    for path in [rig.folder.path(), &rig.path] {
        chown(path, Some(USER), Some(USER)).expect("given away");
    }
    let mut tries = 0;
    let output = loop {
        tries += 1;
        assert!(tries < 200, "no run could be stopped");
        let mut running = start_command(others.command(USER).args(edit_of(&rig, &rig.path, &["--threads=1"])));
        while journals_in(rig.folder.path()).is_empty() && !running.has_ended() {}
        running.signal(Signal::STOP);
        if !running.has_ended() && !journals_in(rig.folder.path()).is_empty() {
            fs::set_permissions(folder_of(&rig), fs::Permissions::from_mode(0o500)).expect("set");
            running.signal(Signal::CONT);
            break running.wait();
        }
        running.signal(Signal::CONT);
        running.wait();
        fs::write(&rig.path, &rig.before).expect("restored");
    };
    let words = says(&output);
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert!(words.contains("the edit is complete, but this folder"), "{words}");
    assert_eq!(rig.holds(), Holds::After);
    // The next job takes it away.
    fs::set_permissions(folder_of(&rig), fs::Permissions::from_mode(0o700)).expect("set");
    fs::write(&rig.path, &rig.before).expect("restored");
    let output = start_command(others.command(USER).args(edit_of(&rig, &rig.path, &[]))).wait();
    assert_eq!(output.status.code(), Some(0), "{}", says(&output));
    assert_clean(&rig);
}

/// As by an editor or a full disk: its words cannot be had any more, which is an error and no signal.
#[test]
fn a_journal_that_is_cut_off_in_the_middle() {
    let rig = Rig::of_rows(1024);
    let running = at_work(&rig, &["--threads=2"]);
    let journal = fs::File::options().write(true).open(rig.journal()).expect("opened");
    journal.set_len(0).expect("cut");
    running.signal(Signal::CONT);
    let output = running.wait();
    let words = says(&output);
    assert_eq!(output.status.code(), Some(74), "{words}");
    assert!(words.contains("truncated to 0 bytes"), "{words}");
    assert_ne!(rig.holds(), Holds::Before);
    check(&on("resume", &rig.path, &[]), 65, &["it is no journal, or was cut"]);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &["say nothing sound"]);
}

/// More unfinished jobs than a process may have files open.
#[test]
fn a_thousand_unfinished_jobs() {
    let rig = killed();
    let folder = folder_of(&rig);
    let journal = fs::read(rig.journal()).expect("read");
    for number in 0..1100 {
        let path = folder.join(format!("{number:032x}.journal"));
        fs::write(&path, &journal[..]).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
    }
    let limited = |script: &str, words: Vec<std::ffi::OsString>| {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n 1024; {script}");
        shell.args(["-c", &script, "sh", PROGRAM]).args(words);
        start_command(&mut shell).wait()
    };
    let output = limited("\"$@\" | wc -l", on("status", &rig.path, &[]));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "1101",
        "{}",
        says(&output)
    );
    let output = limited("exec \"$@\"", edit_of(&rig, &rig.path, &[]));
    assert_eq!(output.status.code(), Some(3), "{}", says(&output));
    assert!(
        says(&output).contains("unfinished job is in the way"),
        "{}",
        says(&output)
    );
}

#[test]
fn no_room_for_a_mark() {
    let folder = common::folder();
    let rig = Rig::small_in(folder);
    let image = image_file(&rig);
    // Until the file system has no more room for attributes of this file.
    let mut bytes = 60_000;
    for number in 0..200 {
        while bytes > 0 && attribute::write(&image, &format!("user.fill{number}"), &vec![b'x'; bytes]).is_err() {
            bytes /= 2;
        }
    }
    if attribute::write(&image, "user.pagelight", &[b'x'; 60]).is_ok() {
        attribute::remove(&image, "user.pagelight").expect("removed");
        eprintln!("skipped: the room for attributes has no end here");
        return;
    }
    check(&edit_of(&rig, &rig.path, &[]), 74, &["cannot mark", "free some space"]);
    assert_eq!((rig.holds(), rig.names().len()), (Holds::Before, 1));
}

/// What is looked at is left as it is: times, names, bytes.
#[test]
fn looking_changes_nothing() {
    let rig = killed();
    let folder = folder_of(&rig);
    let snapshots = [rig.folder.path(), &folder].map(common::Snapshot::of);
    for command in ["status", "info", "stats"] {
        let mut words = on(command, &rig.path, &[]);
        if command != "status" {
            words.extend(rig.image.words().into_iter().map(Into::into));
        }
        check(&words, 0, &[]);
    }
    for (snapshot, folder) in snapshots.iter().zip([rig.folder.path(), &folder]) {
        snapshot.assert_unchanged(folder);
    }
    assert!(Journal::open(&rig.journal(), Access::Read).expect("sound").is_some());
}
