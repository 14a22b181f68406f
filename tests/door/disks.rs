//! Disks that are mounted twice, unplugged, mounted again, copied, full, read-only, or keep no attributes.

use rustix::process::Signal;

use crate::space::{EDIT, Space};

#[test]
fn reached_through_another_mount() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "ext4", 32) {
        return;
    }
    let image = space.image("disk/a.raw");
    space.must("mkdir bound; mount --bind disk bound; touch file.raw; mount --bind disk/a.raw file.raw");
    for other in ["bound/a.raw", "file.raw"] {
        image.restore();
        image.leave_half_done(Signal::KILL, &[], "disk");
        space.check(
            &format!("$P brighten {other} {EDIT}"),
            3,
            &["unfinished job is in the way"],
        );
        space.check(&format!("$P resume {other}"), 0, &["samples clipped"]);
        image.assert_edited("disk/a.raw");
        space.check("ls disk", 0, &["a.raw"]);
    }
}

/// The disk has what was written back by then, and nothing of what was in memory only.
#[test]
fn unplugged_and_plugged_in_again() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "ext4", 32) {
        return;
    }
    let image = space.image("disk/a.raw");
    space.must("sync");
    image.leave_half_done(Signal::KILL, &[], "disk");
    space.must("cp --sparse=always disk.img now.img; umount disk; mount -o loop now.img disk");
    let before = image.bytes("disk/a.raw");
    for command in ["resume disk/a.raw", &format!("brighten disk/a.raw {EDIT}")] {
        space.check(&format!("$P {command}"), 3, &[]);
        assert!(image.bytes("disk/a.raw") == before, "{command}");
    }
    space.check("$P status disk/a.raw", 0, &["the disk mounted anew"]);
    space.check("$P abandon disk/a.raw --yes", 0, &["gave up"]);
}

/// Mounted again in an orderly way all is there; still nobody can know that.
#[test]
fn mounted_again_after_a_kill_and_after_a_stop() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "ext4", 32) {
        return;
    }
    let image = space.image("disk/a.raw");
    let again = "umount disk; mount -o loop disk.img disk";
    image.leave_half_done(Signal::KILL, &[], "disk");
    space.must(again);
    space.check("$P resume disk/a.raw", 3, &["mounted anew"]);
    space.must("$P abandon disk/a.raw --yes -q");

    image.restore();
    image.leave_half_done(Signal::INT, &["--id=x"], "disk");
    // On another device, too, and at another place.
    space.must("umount disk; truncate -s 1M filler; losetup -f filler; mkdir other; mount -o loop disk.img other");
    space.check(
        &format!("$P brighten other/a.raw {EDIT} --id=x"),
        0,
        &["samples clipped"],
    );
    image.assert_edited("other/a.raw");
    space.must("umount other; losetup -D; mount -o loop disk.img disk");
    space.check(
        &format!("$P brighten disk/a.raw {EDIT} --id=x"),
        0,
        &["already applied"],
    );
    image.assert_edited("disk/a.raw");
}

/// Two fresh disks, whose first files have one inode, and one folder for the journals of both.
#[test]
fn two_disks_with_journals_in_one_place() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("one", "ext4", 32) || !space.has_disk("two", "ext4", 32) {
        return;
    }
    space.must("mkdir journals");
    let journals = format!("--journal={}", space.inside("journals").display());
    let images = ["one/a.raw", "two/a.raw"].map(|name| space.image(name));
    images[0].leave_half_done(Signal::KILL, &[&journals], "journals");
    space.check("$P status two/a.raw", 0, &["no unfinished job"]);
    space.check("$P abandon two/a.raw --yes", 0, &["nothing to abandon"]);
    space.check(
        &format!("$P brighten two/a.raw {EDIT} {journals}"),
        0,
        &["samples clipped"],
    );
    images[1].assert_edited("two/a.raw");
    // Found without being told, and not to be had in two places.
    space.check(
        &format!("$P brighten one/a.raw {EDIT}"),
        3,
        &["unfinished job is in the way"],
    );
    space.check(
        &format!("$P brighten one/a.raw {EDIT} --journal=."),
        2,
        &["its journals are in"],
    );
    space.check("$P resume one/a.raw", 0, &["samples clipped"]);
    images[0].assert_edited("one/a.raw");
    space.check("ls journals | wc -l", 0, &["0\n"]);
}

/// The journals' own disk is mounted anew: what they say may be of an earlier moment.
#[test]
fn the_disk_of_the_journals_is_mounted_again() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "ext4", 32) || !space.has_disk("journals", "ext4", 32) {
        return;
    }
    let image = space.image("disk/a.raw");
    let journals = format!("--journal={}", space.inside("journals").display());
    image.leave_half_done(Signal::KILL, &[&journals], "journals");
    space.must("cp --sparse=always journals.img now.img; umount journals");
    space.check("$P resume disk/a.raw", 3, &["is gone"]);
    space.must("mount -o loop now.img journals");
    let before = image.bytes("disk/a.raw");
    space.check("$P resume disk/a.raw", 3, &["mounted anew"]);
    assert!(image.bytes("disk/a.raw") == before);
}

#[test]
fn a_snapshot_of_a_disk() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "btrfs", 256) {
        return;
    }
    space.must("btrfs -q subvolume create disk/work");
    let image = space.image("disk/work/a.raw");
    image.leave_half_done(Signal::KILL, &[], "disk/work");
    space.must("btrfs -q subvolume snapshot disk/work disk/copy");
    let before = image.bytes("disk/copy/a.raw");
    space.check("$P resume disk/copy/a.raw", 3, &["is a copy of"]);
    space.check(&format!("$P brighten disk/copy/a.raw {EDIT}"), 3, &["is a copy of"]);
    assert!(image.bytes("disk/copy/a.raw") == before);
    space.check("$P resume disk/work/a.raw", 0, &["samples clipped"]);
    image.assert_edited("disk/work/a.raw");
}

/// A disk that must find a new block for whatever is written, and has none: an error, no signal, and nothing is lost.
#[test]
fn a_full_disk_that_copies_on_write() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "btrfs", 256) {
        return;
    }
    space.must("mkdir -p journals; btrfs -q subvolume create disk/work");
    let image = space.image("disk/work/a.raw");
    let journals = format!("--journal={}", space.inside("disk/work").display());
    space.must("sync; btrfs -q subvolume snapshot disk/work disk/copy");
    space.must("dd if=/dev/zero of=disk/filler bs=64k 2>/dev/null || true; sync");
    let output = space.run(&format!("$P brighten disk/work/a.raw {EDIT} {journals}"));
    let words = crate::unfinished::says(&output);
    assert!(matches!(output.status.code(), Some(0 | 74)), "{words}");
    space.must("rm disk/filler; sync");
    if output.status.code() == Some(74) {
        // Refused before the first byte, or to be gone on with.
        let resumed = space.run("$P resume disk/work/a.raw");
        assert_eq!(
            resumed.status.code(),
            Some(0),
            "{words}, and then {}",
            crate::unfinished::says(&resumed)
        );
        if image.bytes("disk/work/a.raw") == image.rig.before {
            space.must(&format!("$P brighten disk/work/a.raw {EDIT} -q"));
        }
    }
    image.assert_edited("disk/work/a.raw");
}

#[test]
fn a_disk_that_nobody_may_write_to_can_be_looked_at() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "ext4", 32) {
        return;
    }
    let image = space.image("disk/a.raw");
    image.leave_half_done(Signal::INT, &[], "disk");
    space.must("mount -o remount,ro disk");
    space.check("$P status disk/a.raw", 0, &["interrupted; resume or abandon"]);
    space.check(
        "$P info disk/a.raw --pixel rgba16 --size 2048x96 --part",
        0,
        &["1 unfinished"],
    );
    space.check("$P resume disk/a.raw", 77, &["a.raw"]);
    space.must("mount -o remount,rw disk");
    space.check("$P resume disk/a.raw", 0, &["samples clipped"]);
    image.assert_edited("disk/a.raw");
}

/// Journals are beside the image then, and are found by its name or its inode.
#[test]
fn a_disk_that_keeps_no_attributes() {
    let Some(space) = Space::new() else { return };
    // A file system in memory, and the simplest one.
    space.must("mkdir disk journals; mount -t ramfs none disk; touch disk/x");
    let file = std::fs::File::open(space.outside("disk/x")).expect("opened");
    let found = pagelight::os::attribute::read(&file, "user.x", 9).expect("asked");
    assert_eq!(found, pagelight::os::attribute::Attribute::Unsupported);
    space.must("rm disk/x");
    let image = space.image("disk/a.raw");
    space.check(
        &format!("$P brighten disk/a.raw {EDIT} --journal=journals"),
        2,
        &["keeps no attributes"],
    );
    space.check(
        &format!("$P brighten disk/a.raw {EDIT} --id=x"),
        2,
        &["keeps no attributes"],
    );
    space.must("ln disk/a.raw disk/b.raw");
    space.check(&format!("$P brighten disk/a.raw {EDIT}"), 65, &["2 names (hard links)"]);
    space.must("rm disk/b.raw");
    assert!(image.bytes("disk/a.raw") == image.rig.before);

    image.leave_half_done(Signal::KILL, &[], "disk");
    space.must("mv disk/a.raw disk/b.raw");
    space.check(
        &format!("$P brighten disk/b.raw {EDIT}"),
        3,
        &["unfinished job is in the way"],
    );
    space.check("$P resume disk/b.raw", 0, &["samples clipped"]);
    image.assert_edited("disk/b.raw");
    space.must("mv disk/b.raw disk/a.raw");

    image.restore();
    image.leave_half_done(Signal::KILL, &[], "disk");
    // Another inode under the same name, with the same bytes.
    space.must("cp disk/a.raw disk/c; mv disk/c disk/a.raw");
    space.check("$P resume disk/a.raw", 0, &["samples clipped"]);
    image.assert_edited("disk/a.raw");
    space.check("ls disk", 0, &["a.raw"]);
    assert_eq!(space.run("ls -d disk/*.pagelight").status.code(), Some(2));
}

#[test]
fn no_room_and_no_right_for_a_folder_of_journals() {
    let Some(space) = Space::new() else { return };
    if !space.has_disk("disk", "ext4", 32) || !space.has_disk("journals", "ext4", 32) {
        return;
    }
    let image = space.image("disk/a.raw");
    let edit = format!("$P brighten disk/a.raw {EDIT} --journal=journals");
    space.must("dd if=/dev/zero of=journals/filler bs=64k 2>/dev/null || true; dd if=/dev/zero bs=1k >>journals/filler 2>/dev/null || true");
    space.check(&edit, 74, &["free some space"]);
    space.must("rm journals/filler; mount -o remount,ro journals");
    space.check(&edit, 77, &["journals"]);
    space.must("umount journals; rmdir journals");
    space.check(&edit, 66, &["journals"]);
    assert!(image.bytes("disk/a.raw") == image.rig.before);
    let file = std::fs::File::open(space.outside("disk/a.raw")).expect("opened");
    let found = pagelight::os::attribute::read(&file, "user.pagelight", 600).expect("asked");
    assert_eq!(found, pagelight::os::attribute::Attribute::Absent);
}
