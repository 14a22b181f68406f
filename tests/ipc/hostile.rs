//! Names, sizes, files and folders that somebody got wrong, or meant ill with.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use pagelight::error::Error;
use pagelight::ipc::{self, NamedMutex, Persistence, SharedMemory};

use super::puppet::World;

#[test]
fn names() {
    let world = World::new();
    let long = "x".repeat(256);
    for wrong in ["", &long, "a/b", "..", ".", ".hidden", "a\0b", "a\nb"] {
        assert!(
            matches!(world.names().name(wrong), Err(Error::Request { .. })),
            "{wrong:?}"
        );
    }
    for right in [&long[..255], "ä b:c\\d", "-"] {
        let name = world.names().name(right).expect("a name");
        let memory = SharedMemory::create_new(&name, 1, Persistence::Process).expect("made");
        assert_eq!(SharedMemory::open(&name).expect("opened").len(), 1);
        assert_eq!(ipc::list(&world.names()).expect("listed")[0].name, name);
        drop(memory);
    }
    assert!(world.files().is_empty());
}

#[test]
fn sizes() {
    let world = World::new();
    let name = world.names().name("m").expect("a name");
    for persistence in [Persistence::Process, Persistence::File] {
        let make = |length| SharedMemory::create_new(&name, length, persistence);
        assert!(matches!(make(0), Err(Error::Request { .. })));
        for length in [1, 4095, 4096, 4097] {
            let memory = make(length).expect("made");
            assert_eq!(memory.len(), length);
            let all = memory.view(..).expect("a view");
            assert_eq!(all.len() as u64, length);
            let last = all.len() - 1;
            assert_eq!(all.read::<u8>(last).expect("read"), 0);
            all.write(last, &1u8).expect("written");
            assert!(all.write(last + 1, &1u8).is_err());
            drop((all, memory));
            if persistence == Persistence::File {
                ipc::remove(&name).expect("removed");
            }
        }
        for length in [u64::MAX, u64::MAX - 4095, 1 << 63, (1 << 63) - 4096] {
            assert!(matches!(make(length), Err(Error::Request { .. })), "{length}");
        }
        assert!(matches!(make(1 << 62), Err(Error::Io { .. })));
        let nothing = world.kept().read_dir().map_or(0, Iterator::count) + world.files().len();
        assert_eq!(nothing, 0, "nothing is left");
    }
}

#[test]
fn foreign_files_are_refused_and_untouched() {
    let world = World::new();
    let good = {
        let name = world.names().name("good").expect("a name");
        let memory = SharedMemory::create_new(&name, 100, Persistence::Process).expect("made");
        let bytes = fs::read(world.live().join("good")).expect("read");
        drop(memory);
        bytes
    };
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= byte;
        bytes
    };
    let files: [(&str, Vec<u8>); 8] = [
        ("empty", Vec::new()),
        ("short", good[..63].to_vec()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("longer", [&good[..], b"x"].concat()),
        ("garbage", vec![0xA5; 10_000]),
        ("version", with(8, 2)),
        ("kind", with(12, 64)),
        ("machine", with(20, 6)),
    ];
    let check = |folder: &Path| {
        for (name, bytes) in &files {
            let path = folder.join(name);
            fs::write(&path, bytes).expect("written");
            let full = world.names().name(name).expect("a name");
            let open = SharedMemory::open(&full).map(drop);
            assert!(matches!(open, Err(Error::Unfit { .. })), "{name}: {open:?}");
            assert!(matches!(NamedMutex::open(&full), Err(Error::Unfit { .. })), "{name}");
            let create = SharedMemory::create_new(&full, 1, Persistence::Process).map(drop);
            assert!(matches!(create, Err(Error::Exists { .. })), "{name}: {create:?}");
            let either = SharedMemory::create_or_open(&full, 1, Persistence::Process).map(drop);
            assert!(matches!(either, Err(Error::Unfit { .. })), "{name}: {either:?}");
            assert!(matches!(ipc::remove(&full), Err(Error::Unfit { .. })), "{name}");
            assert!(matches!(ipc::inspect(&full), Err(Error::Unfit { .. })), "{name}");
            assert_eq!(ipc::list(&world.names()).expect("listed"), [], "{name}");
            assert_eq!(&fs::read(&path).expect("there"), bytes, "{name}");
            fs::remove_file(&path).expect("removed");
        }
    };
    check(&world.live());
    fs::create_dir(world.kept()).expect("made");
    fs::set_permissions(world.kept(), Permissions::from_mode(0o700)).expect("set");
    check(&world.kept());
}

#[test]
fn links_pipes_and_folders_under_a_name() {
    let world = World::new();
    let keep = world.names().name("keep").expect("a name");
    let _memory = SharedMemory::create_new(&keep, 100, Persistence::Process).expect("made");
    let at = world.live().join("odd");
    let odd = world.names().name("odd").expect("a name");
    let check = |what: &str| {
        let opened = SharedMemory::open(&odd).map(drop);
        assert!(matches!(opened, Err(Error::Unfit { .. })), "{what}: {opened:?}");
        let made = SharedMemory::create_new(&odd, 1, Persistence::Process).map(drop);
        assert!(matches!(made, Err(Error::Exists { .. })), "{what}: {made:?}");
        assert!(matches!(ipc::remove(&odd), Err(Error::Unfit { .. })), "{what}");
        assert_eq!(ipc::list(&world.names()).expect("listed").len(), 1, "{what}");
        assert!(at.symlink_metadata().is_ok(), "{what} is still there");
    };
    symlink("keep", &at).expect("a link");
    check("link");
    fs::remove_file(&at).expect("removed");
    symlink("nowhere", &at).expect("a link");
    check("dangling link");
    fs::remove_file(&at).expect("removed");
    let pipe = std::process::Command::new("mkfifo").arg(&at).status().expect("mkfifo");
    assert!(pipe.success());
    check("pipe");
    fs::remove_file(&at).expect("removed");
    let socket = std::os::unix::net::UnixListener::bind(&at).expect("a socket");
    check("socket");
    drop(socket);
    fs::remove_file(&at).expect("removed");
    fs::create_dir(&at).expect("a folder");
    check("folder");
    fs::remove_dir(&at).expect("removed");
}

#[test]
fn a_symlinked_folder_is_refused() {
    let world = World::new();
    let elsewhere = world.folder().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o700)).expect("set");
    let name = world.names().name("m").expect("a name");
    for folder in [world.live(), world.kept()] {
        symlink(&elsewhere, &folder).expect("a link");
        let made = SharedMemory::create_new(&name, 1, Persistence::File).map(drop);
        assert!(matches!(made, Err(Error::Unfit { .. })), "{made:?}");
        assert!(matches!(SharedMemory::open(&name), Err(Error::Unfit { .. })));
        assert!(matches!(ipc::list(&world.names()), Err(Error::Unfit { .. })));
        fs::remove_file(&folder).expect("removed");
    }
    fs::remove_dir(world.live()).expect("empty");
    fs::write(world.live(), "no folder").expect("written");
    assert!(matches!(SharedMemory::open(&name), Err(Error::Unfit { .. })));
    assert_eq!(elsewhere.read_dir().expect("there").count(), 0);
}

#[test]
fn a_folder_open_to_others_is_refused() {
    let world = World::new();
    fs::create_dir(world.live()).expect("made");
    let name = world.names().name("m").expect("a name");
    for mode in [0o750, 0o701, 0o777, 0o1777] {
        fs::set_permissions(world.live(), Permissions::from_mode(mode)).expect("set");
        let made = SharedMemory::create_new(&name, 1, Persistence::Process).map(drop);
        assert!(matches!(made, Err(Error::Unfit { .. })), "{mode:o}: {made:?}");
    }
    fs::set_permissions(world.live(), Permissions::from_mode(0o700)).expect("set");
    SharedMemory::create_new(&name, 1, Persistence::Process).expect("made");
}

#[test]
fn no_umask_opens_or_locks_anything() {
    for umask in ["000", "777"] {
        let world = World::new();
        let mut puppet = world.puppet();
        puppet.expect(&format!("umask {umask}"), "done");
        puppet.expect("memory create m 1", "created 1");
        puppet.expect("mutex create k file", "created");
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o7777;
        assert_eq!(mode(&world.live()), 0o700);
        assert_eq!(mode(&world.kept()), 0o700);
        assert_eq!(mode(&world.live().join("m")), 0o600);
        assert_eq!(mode(&world.kept().join("k")), 0o600);
    }
}
