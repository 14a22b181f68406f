//! Jobs that were done before, as far as anybody can know.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::unfinished::{Holds, Rig};
use crate::{check, edit_of, next_tick, on};

#[test]
fn a_backup_copied_over_what_was_done() {
    let rig = Rig::small();
    let words = edit_of(&rig, &rig.path, &["--id=batch-17"]);
    check(&words, 0, &["samples clipped"]);
    next_tick();
    fs::write(&rig.path, &rig.before).expect("copied");
    check(&words, 3, &["nobody can know", "'pagelight forget --id'"]);
    assert_eq!(rig.holds(), Holds::Before);
    let status = on("status", &rig.path, &[]);
    check(&status, 0, &["--id batch-17 was done, but the image was changed"]);
    check(&on("forget", &rig.path, &["--id=batch-17"]), 0, &["is forgotten"]);
    check(&words, 0, &["samples clipped"]);
    assert_eq!(rig.holds(), Holds::After);
}

/// Not even if another job of ours came after the backup.
#[test]
fn a_backup_and_then_another_job() {
    let rig = Rig::small();
    let first = edit_of(&rig, &rig.path, &["--id=first"]);
    check(&first, 0, &[]);
    next_tick();
    fs::write(&rig.path, &rig.before).expect("copied");
    let second = edit_of(&rig, &rig.path, &["--id=second"]);
    check(&second, 0, &["samples clipped"]);
    check(&second, 0, &["already applied"]);
    check(&first, 3, &["nobody can know"]);
}

#[test]
fn removed_and_copied() {
    let rig = Rig::small();
    let words = edit_of(&rig, &rig.path, &["--id=batch-17"]);
    check(&words, 0, &["samples clipped"]);
    fs::remove_file(&rig.path).expect("removed");
    fs::write(&rig.path, &rig.before).expect("copied");
    check(&words, 0, &["samples clipped"]);
    assert_eq!(rig.holds(), Holds::After);
}

#[test]
fn renamed_and_given_other_rights_it_is_still_known() {
    let mut rig = Rig::small();
    check(&edit_of(&rig, &rig.path, &["--id=batch-17"]), 0, &["samples clipped"]);
    let renamed = rig.folder.path().join("renamed.raw");
    fs::rename(&rig.path, &renamed).expect("moved");
    fs::set_permissions(&renamed, fs::Permissions::from_mode(0o640)).expect("set");
    rig.path = renamed;
    check(&edit_of(&rig, &rig.path, &["--id=batch-17"]), 0, &["already applied"]);
    assert_eq!(rig.holds(), Holds::After);
}

/// Two tokens that have one CRC-32.
#[test]
fn tokens_that_look_alike() {
    assert_eq!(crc32fast::hash(b"plumless"), crc32fast::hash(b"buckeroo"));
    let rig = Rig::small();
    let tokens = ["--id=plumless", "--id=buckeroo"];
    for token in tokens {
        check(&edit_of(&rig, &rig.path, &[token]), 0, &["samples clipped"]);
    }
    for token in tokens {
        check(&edit_of(&rig, &rig.path, &[token]), 0, &["already applied"]);
    }
    let status = on("status", &rig.path, &[]);
    check(&status, 0, &["--id plumless was done", "--id buckeroo was done"]);
}

#[test]
fn a_token_is_forgotten_alone_or_with_all_others() {
    let rig = Rig::small();
    for token in ["--id=a", "--id=b", "--id=c"] {
        check(&edit_of(&rig, &rig.path, &[token]), 0, &["samples clipped"]);
    }
    check(&on("forget", &rig.path, &["--id=x"]), 0, &["--id x was not known"]);
    check(&on("forget", &rig.path, &["--id=b"]), 0, &["--id b is forgotten"]);
    check(&edit_of(&rig, &rig.path, &["--id=a"]), 0, &["already applied"]);
    check(&on("forget", &rig.path, &[]), 2, &["--id", "--all"]);
    check(&on("forget", &rig.path, &["--all"]), 0, &["2 ids are forgotten"]);
    assert_eq!(rig.names(), std::slice::from_ref(&rig.path));
}

/// The folder that knows the ids is gone.
#[test]
fn an_image_whose_ids_are_lost() {
    let rig = Rig::small();
    let words = edit_of(&rig, &rig.path, &["--id=a"]);
    check(&words, 0, &[]);
    fs::remove_dir_all(&rig.journal_folders()[0]).expect("removed");
    check(&words, 3, &["jobs with an --id", "is gone"]);
    check(&on("abandon", &rig.path, &["--yes"]), 0, &[]);
    check(&words, 0, &["samples clipped"]);
}

/// A job under an id that was killed when all was done and nothing was tidied up; and then a backup is copied over it.
#[test]
fn killed_at_its_last_moment_and_then_restored() {
    for is_swept_before in [true, false] {
        let rig = Rig::small();
        rig.cut_short_as("once");
        rig.complete();
        next_tick();
        if is_swept_before {
            check(&rig.words("resume"), 0, &["nothing to resume"]);
        }
        let mut words = rig.edit_words();
        words.push("--id=once".into());
        if is_swept_before {
            check(&words, 0, &["already applied"]);
        }
        fs::write(&rig.path, &rig.before).expect("written");
        check(&words, 3, &["nobody can know"]);
        assert_eq!(rig.holds(), Holds::Before);
        check(&on("forget", &rig.path, &["--id=once"]), 0, &["is forgotten"]);
        check(&words, 0, &["samples clipped"]);
        assert_eq!(rig.holds(), Holds::After);
    }
}
