//! Objects whose files somebody reached past the library: mapped as if they were images, cut off, mixed up.

use pagelight::error::Error;
use pagelight::ipc::{NamedMutex, Namespace, Persistence, SharedMemory};
use pagelight::map::{Access, MappedFile};

use super::puppet::World;

/// A mutex holds addresses that the C library believes: whoever could write them could make it write anywhere.
#[test]
fn the_file_of_an_object_is_no_image() {
    let world = World::new();
    let name = world.names().name("m").expect("a name");
    let _mutex = NamedMutex::create_new(&name, Persistence::Process).expect("made");
    let kept = world.names().name("k").expect("a name");
    let _memory = SharedMemory::create_new(&kept, 100, Persistence::File).expect("made");
    for path in [world.live().join("m"), world.kept().join("k")] {
        for access in [Access::Read, Access::ReadWrite] {
            let opened = MappedFile::open(&path, access).map(drop);
            let error = opened.expect_err("refused").to_string();
            assert!(error.contains("is a named object"), "{error}");
        }
        let file = std::fs::File::options().read(true).write(true).open(&path);
        let opened = MappedFile::from_open(file.expect("opened"), &path, Access::ReadWrite);
        assert!(matches!(opened, Err(Error::Unfit { .. })));
    }
}

fn cut(world: &World, name: &str) {
    let file = std::fs::File::options().write(true).open(world.live().join(name));
    file.expect("opened").set_len(0).expect("cut");
}

/// With the signal guard of `os::fault` a truncated object is an error of whoever uses it, and not its death.
#[test]
fn a_truncated_object_is_an_error() {
    let world = World::new();
    let (mut user, mut waiter) = (world.puppet(), world.puppet());
    for puppet in [&mut user, &mut waiter] {
        puppet.expect("guard-faults", "done");
        puppet.tell("mutex either m");
        puppet.tell("memory either mem 5000");
    }
    user.expect("lock m", "locked");
    waiter.send("lock m");
    assert_eq!(
        waiter.answer_within(std::time::Duration::from_millis(100)),
        None,
        "it waits"
    );
    cut(&world, "m");
    cut(&world, "mem");
    let cut_short = "Io: cannot reach name:m: it was truncated to 0 bytes while in use";
    let answer = waiter.answer();
    assert!(answer.starts_with(cut_short), "{answer}");
    user.expect("unlock m", "done");
    for command in ["lock m", "try m", "lock m 10", "status m"] {
        user.refuse(command, cut_short);
    }
    user.refuse("read mem 0", "Io: cannot reach name:mem: it was truncated");
    user.refuse("write mem 0 1", "Io: cannot reach name:mem: it was truncated");
    // And everything else goes on.
    user.expect("close m", "done");
    user.expect("mutex create other", "created");
    user.expect("lock other", "locked");
    user.expect("unlock other", "done");
    user.end();
}

/// Objects that end with their last user and objects that are kept cannot lie in one folder.
#[test]
fn a_namespace_needs_two_folders() {
    let world = World::new();
    let (one, link) = (world.folder().join("one"), world.folder().join("link"));
    std::fs::create_dir(&one).expect("made");
    std::fs::set_permissions(&one, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("set");
    std::os::unix::fs::symlink(world.folder(), &link).expect("linked");
    for names in [
        Namespace::at(&one, &one),
        Namespace::at(&one, &world.folder().join("./one/")),
        Namespace::at(&one, &link.join("one")),
    ] {
        let made = || SharedMemory::create_new(&names.name("m")?, 10, Persistence::File);
        let error = made().map(drop).expect_err("refused").to_string();
        assert!(error.contains("one folder"), "{error}");
    }
    assert_eq!(one.read_dir().expect("there").count(), 0);
}

/// A kept object that somebody moved among the others is refused and stays.
#[test]
fn a_kept_object_in_the_wrong_folder_stays() {
    let world = World::new();
    let mut puppet = world.puppet();
    puppet.expect("memory create k 10 file", "created 10");
    puppet.expect("memory create l 10", "created 10");
    puppet.expect("close k", "done");
    std::fs::rename(world.kept().join("k"), world.live().join("k")).expect("moved");
    puppet.refuse("memory open k", "Unfit: name:k: is a kept object");
    puppet.refuse("memory create k 10", "Exists");
    puppet.expect("list", "k memory 10 false, l memory 10 true");
    std::fs::rename(world.live().join("k"), world.kept().join("k")).expect("moved back");
    puppet.expect("memory open k", "opened 10");
    std::fs::copy(world.live().join("l"), world.kept().join("l2")).expect("copied");
    puppet.refuse("memory open l2", "Unfit: name:l2: is no kept object");
}
