//! What needs rights that not every machine gives: another user, other PID namespaces, a file system that is full.
//! Where the rights are missing a test says so and passes.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use super::common::ForOthers;
use super::puppet::{PUPPET_ARGS, Puppet, World};

const NOBODY: u32 = 65534;

fn skip(test: &str, why: &str) {
    eprintln!("{test}: not checked here, {why}");
}

/// A puppet inside whatever `shell` sets up before it runs `"$@"`.
fn puppet_in(world: &World, unshare: &[&str], shell: &str) -> Puppet {
    let inner = world.command();
    let mut command = Command::new("unshare");
    command
        .args(unshare)
        .args(["sh", "-c", &format!("{shell} exec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(PUPPET_ARGS);
    for (key, value) in inner.get_envs() {
        command.env(key, value.expect("set"));
    }
    Puppet::start(&mut command)
}

fn can_unshare(options: &[&str]) -> bool {
    let tried = Command::new("unshare").args(options).arg("true").output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn another_user_is_refused() {
    let this_program = std::env::current_exe().expect("this program");
    // Without strings a puppet does nothing.
    let Some(others) = ForOthers::new(&this_program, &PUPPET_ARGS, NOBODY) else {
        return;
    };
    let world = World::in_folder(others.new_folder());
    let mut ours = world.puppet();
    ours.expect("memory create m 10", "created 10");
    let mut command = others.command(NOBODY);
    command.args(PUPPET_ARGS).env(super::puppet::STRINGS, world.folder());
    let mut theirs = Puppet::start(&mut command);
    for what in [
        "memory open m",
        "memory create n 1",
        "memory create m 1",
        "list",
        "remove m",
    ] {
        let answer = theirs.tell(what);
        assert!(
            answer.starts_with("Permission") || answer.starts_with("Unfit"),
            "{what}: {answer}"
        );
    }
    ours.expect("memory open m", "opened 10");
}

#[test]
fn a_squatted_folder_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return skip("a squatted folder", "only root can give a folder away");
    }
    let world = World::new();
    fs::create_dir(world.live()).expect("made");
    fs::set_permissions(world.live(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("set");
    chown(world.live(), Some(NOBODY), None).expect("given away");
    let mut puppet = world.puppet();
    for what in ["memory create m 1", "memory open m", "list", "remove m"] {
        puppet.refuse(what, "Unfit");
    }
    assert!(world.files().is_empty());
}

/// Two processes with the same process id, each in a PID namespace of its own, and a third outside. The kernel knows
/// owners by their thread id, so a mutex between them could be granted while it is held; hence it is refused.
#[test]
fn other_pid_namespaces() {
    // With its own /proc, or the namespace is not to be seen.
    let unshare = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    if !can_unshare(&unshare) {
        return skip("other PID namespaces", "the system does not let us make any");
    }
    let world = World::new();
    let (mut a, mut b) = (puppet_in(&world, &unshare, ""), puppet_in(&world, &unshare, ""));
    let mut outside = world.puppet();
    assert_eq!(a.tell("pid"), b.tell("pid"), "the same id twice");
    a.expect("mutex create-owned m", "created and locked");
    a.expect("memory create mem 10", "created 10");
    for other in [&mut b, &mut outside] {
        other.refuse("mutex open m", "Unfit: name:m: is used in another PID namespace");
        other.refuse("mutex either m", "Unfit");
        other.refuse("mutex create m", "Exists");
        other.expect("memory open mem", "opened 10");
    }
    b.expect("write mem 3 7", "done");
    a.expect("read mem 3", "7");
    a.expect("unlock m", "done");
    a.expect("try m", "locked");
    a.expect("close m", "done");
    b.expect("mutex create m", "created");
    b.expect("lock m", "locked");
}

#[test]
fn a_full_tmpfs_is_an_error_and_leaves_nothing() {
    let unshare = ["--mount", "--map-root-user"];
    let shell = "mount -t tmpfs -o size=64k,nr_inodes=10 tmpfs \"$PAGELIGHT_TEST_PUPPET\" &&";
    let tried = Command::new("unshare")
        .args(unshare)
        .args(["mount", "-t", "tmpfs", "tmpfs", "/tmp"])
        .output();
    if !tried.is_ok_and(|output| output.status.success()) {
        return skip("a full tmpfs", "the system does not let us mount one");
    }
    let world = World::new();
    let mut puppet = puppet_in(&world, &unshare, shell);
    puppet.refuse(
        "memory create m 1099511627776",
        "Io: cannot create name:m: free some space",
    );
    puppet.refuse("memory create m 65536", "Io");
    puppet.expect("list", "");
    puppet.expect("memory create m 61440", "created 61440");
    puppet.expect("write m 61439 1", "done");
    puppet.refuse("mutex create k", "Io");
    puppet.refuse("memory create n 1", "Io");
    puppet.expect("list", "m memory 61440 true");
    puppet.expect("close m", "done");
    // And out of inodes.
    let refused = (0..20).find(|number| !puppet.tell(&format!("mutex create {number}")).starts_with("created"));
    let refused = refused.expect("there are only ten");
    puppet.refuse(&format!("mutex create {refused}"), "Io");
    puppet.expect("close 0", "done");
    puppet.expect(&format!("mutex create {refused}"), "created");
}

/// What killed users left makes room where there is none.
#[test]
fn dead_objects_make_room() {
    let unshare = ["--mount", "--map-root-user"];
    if !can_unshare(&["--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs tmpfs /tmp"]) {
        return skip("dead objects in a full tmpfs", "the system does not let us mount one");
    }
    let world = World::new();
    let shell = "mount -t tmpfs -o size=64k,nr_inodes=10 tmpfs \"$PAGELIGHT_TEST_PUPPET\" &&";
    let mut puppet = puppet_in(&world, &unshare, shell);
    puppet.expect("fork-and-die memory create a 40000", "done");
    puppet.expect("memory create b 50000", "created 50000");
    puppet.expect("list", "b memory 50000 true");
    // And inodes.
    for number in 0..20 {
        puppet.expect(&format!("fork-and-die mutex create m{number}"), "done");
    }
    puppet.expect("mutex create m", "created");
}

/// Where /proc is not mounted, objects are made all the same, or the error says what is missing.
#[test]
fn without_proc() {
    // Whoever is not root may not cover it.
    let unshare = ["--mount"];
    if !can_unshare(&["--mount", "sh", "-c", "mount -t tmpfs tmpfs /proc"]) {
        return skip("a machine without /proc", "the system does not let us hide it");
    }
    let world = World::new();
    let mut puppet = puppet_in(&world, &unshare, "mount -t tmpfs tmpfs /proc &&");
    let answer = puppet.tell("memory create m 10");
    if answer == "created 10" {
        puppet.expect("write m 9 1", "done");
        puppet.expect("list", "m memory 10 true");
        world.puppet().expect("memory open m", "opened 10");
        puppet.expect("close m", "done");
    } else {
        assert!(answer.contains("/proc"), "{answer}");
    }
    // Whose thread ids are whose is not to be told without it.
    puppet.refuse("mutex create k", "Lacking: /proc is not mounted");
    assert!(world.files().is_empty());
}
