//! The image of an unfinished job is replaced by its backup, which is a new file; that is edited; and then somebody
//! remembers the first job. What is in the image now fits what the first job left in its own, as far as it came, but the
//! rest is edited, too.

use std::fs;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

use super::{check, next_tick};
use crate::common::{self, Image, Part};
use crate::unfinished::{Holds, Rig};

fn replaced_edited_and_resumed(rig: &Rig, id: Option<&str>) {
    let new = rig.folder.path().join("new");
    fs::write(&new, &rig.before).expect("written");
    fs::rename(&new, &rig.path).expect("moved");
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
            replaced_edited_and_resumed(&rig, id);
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
        replaced_edited_and_resumed(&rig, None);
        check(&super::on("resume", &old, &[]), 0, &["samples clipped"]);
        super::assert_edited(&rig, &old);
        fs::remove_file(&old).expect("removed");
        super::assert_clean(&rig);
    }
}

/// Two images with jobs were last met there.
#[test]
fn the_first_jobs_of_all_that_was_there_are_over() {
    // Either may come first in the order of their names, which are random.
    for _ in 0..8 {
        let (one, two) = (Rig::small(), Rig::small());
        one.cut_short();
        two.cut_short();
        next_tick();
        // One of them comes to the place of the other, with its journals, and is looked at there.
        let other = one.folder.path().join("other.raw");
        fs::rename(&one.path, &other).expect("moved");
        for folder in two.journal_folders() {
            let name = folder.file_name().expect("a name");
            let new = one.folder.path().join(name);
            fs::rename(&folder, &new).expect("moved");
        }
        fs::rename(&two.path, &one.path).expect("moved");
        check(&one.edit_words(), 3, &["in the way"]);
        replaced_edited_and_resumed(&one, None);
    }
}

/// Where images are known by their names.
#[test]
fn the_same_without_attributes() {
    let place = common::folder();
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let is_mounted = unshare(CloneFlags::CLONE_NEWNS).is_ok()
        && succeeds(Command::new("mount").args(["--make-rprivate", "/"]))
        && succeeds(Command::new("mount").args(["-t", "ramfs", "none"]).arg(place.path()));
    if !is_mounted {
        eprintln!("skipped: no right to mount a disk");
        return;
    }
    let folder = tempfile::tempdir_in(place.path()).expect("a folder");
    let image = Image {
        format: "rgba:u16le",
        data_offset: 0,
        width: 2048,
        height: 64,
    };
    let rig = Rig::new(folder, image, Part::Whole, 9000);
    // A killed run, as `Rig::cut_short` leaves it, but without a mark to begin with.
    let mut words = rig.edit_words();
    words.push("--threads=1".into());
    let mut was_cut_short = false;
    for _ in 0..200 {
        fs::write(&rig.path, &rig.before).expect("written");
        let running = crate::unfinished::start(&words);
        running.kill_in_the_edit(&rig, std::time::Duration::from_micros(500));
        was_cut_short = rig.holds() == Holds::Neither;
        if was_cut_short {
            break;
        }
        for folder in rig.journal_folders() {
            fs::remove_dir_all(folder).expect("removed");
        }
    }
    if was_cut_short {
        next_tick();
        replaced_edited_and_resumed(&rig, None);
    }
    drop(rig);
    let _ = succeeds(Command::new("umount").arg(place.path()));
}
