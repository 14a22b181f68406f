//! The table of what each call must do, row by row.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use pagelight::error::Error;
use pagelight::ipc::{NamedMutex, Persistence, SharedMemory, ViewStream};
use pagelight::map::{Access, MappedFile};

use super::puppet::World;

#[test]
fn map_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let absent = MappedFile::open(&path, Access::Read);
    assert!(matches!(absent, Err(Error::NotFound { .. })));
    assert!(matches!(MappedFile::create(&path, 0), Err(Error::Request { .. })));

    let mut file = MappedFile::create(&path, 4097).expect("made");
    assert!(matches!(MappedFile::create(&path, 1), Err(Error::Exists { .. })));
    assert_eq!(path.metadata().expect("there").len(), 4097, "no rounding to pages");
    let before = file.view(0..4097).expect("all of it");
    file.extend(10_001).expect("longer");
    assert!(
        matches!(file.extend(10_000), Err(Error::Request { .. })),
        "never shorter"
    );
    assert_eq!((file.len(), path.metadata().expect("there").len()), (10_001, 10_001));
    drop(file);

    let file = MappedFile::open(&path, Access::ReadWrite).expect("opened");
    assert_eq!(file.len(), 10_001, "the file's length by default");
    let odd = file.view(4095..10_001).expect("any byte offset");
    odd.write(0, &0x1122_u16).expect("unaligned");
    assert_eq!(before.read::<u8>(4095).expect("the same bytes"), 0x22);
    assert_eq!(odd.len(), 5906);
    assert!(file.view(10_001..10_001).expect("offset = end").is_empty());
    assert!(
        matches!(file.view(10_001..10_002), Err(Error::Request { .. })),
        "past the end"
    );
    assert!(
        matches!(odd.read::<u16>(5905), Err(Error::Request { .. })),
        "past the end"
    );

    std::fs::write(&path, b"").expect("emptied");
    let empty = MappedFile::open(&path, Access::Read)
        .expect_err("nothing to map")
        .to_string();
    assert!(empty.contains("is empty"), "{empty}");
}

#[test]
fn map_a_file_under_a_name() {
    let world = World::new();
    let path = world.folder().join("huge image.raw");
    std::fs::write(&path, vec![7; 10_000]).expect("written");
    let file = MappedFile::open(&path, Access::ReadWrite).expect("opened");
    let published = file
        .publish(&world.names().name("ImgA").expect("a name"))
        .expect("published");
    assert_eq!(published.name().as_str(), "ImgA");

    let mut other = world.puppet();
    other.expect("open-named ImgA", &format!("{} 10000", path.display()));
    other.expect("write ImgA 9999 5", "done");
    assert_eq!(std::fs::read(&path).expect("read")[9999], 5);

    // The name lives as long as anybody has it.
    drop(published);
    drop(file);
    let mut third = world.puppet();
    third.expect("open-named ImgA", &format!("{} 10000", path.display()));
    other.expect("close ImgA", "done");
    third.expect("close ImgA", "done");
    other.refuse("open-named ImgA", "NoObject");
    assert!(world.files().is_empty());
}

#[test]
fn a_published_file_that_was_replaced_is_refused() {
    let world = World::new();
    let path = world.folder().join("image.raw");
    std::fs::write(&path, vec![7; 100]).expect("written");
    let name = world.names().name("ImgA").expect("a name");
    let file = MappedFile::open(&path, Access::Read).expect("opened");
    let published = file.publish(&name).expect("published");
    let more = MappedFile::open_named(&name, Access::ReadWrite).expect_err("published for reading");
    assert!(more.to_string().contains("for reading only"), "{more}");
    assert_eq!(MappedFile::open_named(&name, Access::Read).expect("opened").len(), 100);

    std::fs::rename(&path, world.folder().join("moved")).expect("moved");
    assert!(matches!(
        MappedFile::open_named(&name, Access::Read),
        Err(Error::NotFound { .. })
    ));
    std::fs::write(&path, vec![7; 100]).expect("written");
    let other = MappedFile::open_named(&name, Access::Read)
        .expect_err("another file")
        .to_string();
    assert!(other.contains("not the file that was published"), "{other}");
    assert!(matches!(
        file.publish(&world.names().name("B").expect("a name")),
        Err(Error::Unfit { .. })
    ));

    std::fs::rename(world.folder().join("moved"), &path).expect("moved back");
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("opened")
        .set_len(99)
        .expect("shorter");
    let shorter = MappedFile::open_named(&name, Access::Read)
        .expect_err("shorter")
        .to_string();
    assert!(shorter.contains("had 100 bytes when published and has 99"), "{shorter}");
    drop(published);
}

#[test]
fn create_new() {
    let world = World::new();
    let (mut a, mut b) = (world.puppet(), world.puppet());
    a.refuse("memory create m 0", "Request");
    a.expect("memory create m 1", "created 1");
    b.refuse("memory create m 1", "Exists: name:m: exists already");
    b.refuse("memory create m 1 file", "Exists");
    b.refuse("mutex create m", "Exists");
    a.expect("close m", "done");
    b.expect("memory create m 2", "created 2");
}

#[test]
fn create_or_open_tells_which_and_how_long() {
    let world = World::new();
    let (mut a, mut b) = (world.puppet(), world.puppet());
    a.expect("memory either m 4097", "created 4097");
    b.expect("memory either m 10", "opened 4097");
    b.expect("memory either m 0", "opened 4097");
    a.expect("write m 4096 9", "done");
    b.expect("read m 4096", "9");
    b.refuse("read m 4097", "Request");
}

#[test]
fn open_only_what_is_in_use() {
    let world = World::new();
    let (mut a, mut b) = (world.puppet(), world.puppet());
    b.refuse("memory open m", "NoObject: name:m: no such object");
    assert!(!world.live().exists(), "looking makes nothing");
    a.expect("memory create m 5", "created 5");
    b.expect("memory open m", "opened 5");
    a.end();
    b.expect("read m 0", "0");
    b.kill();
    assert_eq!(world.files(), ["m"], "kill -9 leaves the file");
    world.puppet().refuse("memory open m", "NoObject");
    assert!(world.files().is_empty(), "and whoever meets it removes it");
}

#[test]
fn filesystem_persistence_survives_users_and_a_restart() {
    let world = World::new();
    let mut a = world.puppet();
    a.expect("memory create m 5 file", "created 5");
    a.expect("write m 4 77", "done");
    a.expect("mutex create-owned lock file", "created and locked");
    a.refuse("memory create m 5", "Exists");
    // What a restart does: nobody tells the mutex that its owner is gone, and tmpfs is empty.
    let locked = std::fs::read(world.kept().join("lock")).expect("read");
    a.kill();
    std::fs::write(world.kept().join("lock"), locked).expect("written");
    std::fs::remove_dir_all(world.live()).expect("gone");
    let mut b = world.puppet();
    b.expect("list", "lock mutex 0 false, m memory 5 false");
    b.expect("memory open m", "opened 5");
    b.expect("read m 4", "77");
    b.expect("mutex open lock", "opened");
    b.expect("lock lock 20000", "abandoned");
    b.expect("unlock lock", "done");
    b.expect("lock lock 20000", "locked");
    b.refuse("remove m", "Busy");
    b.end();
    let mut c = world.puppet();
    c.expect("mutex open lock", "opened");
    c.expect("lock lock 20000", "locked");
    c.expect("close lock", "done");
    c.expect("remove m", "done");
    c.expect("remove lock", "done");
    c.refuse("memory open m", "NoObject");
    c.refuse("remove m", "NoObject");
}

#[test]
fn one_namespace_many_kinds() {
    let world = World::new();
    let path = world.folder().join("f");
    std::fs::write(&path, b"file").expect("written");
    let mut a = world.puppet();
    let mut b = world.puppet();
    for persistence in ["", " file"] {
        a.expect(&format!("memory create a 1{persistence}"), "created 1");
        a.expect(&format!("mutex create b{persistence}"), "created");
        a.expect(&format!("publish c {}", path.display()), "done");
        b.refuse("mutex open a", "Unfit: name:a: is a memory, not a mutex");
        b.refuse("open-named a", "Unfit");
        b.refuse("memory open b", "Unfit: name:b: is a mutex, not a memory");
        b.refuse("open-named b", "Unfit");
        b.refuse("memory open c", "Unfit");
        b.refuse("mutex open c", "Unfit: name:c: is a file map, not a mutex");
        b.refuse("memory either b 10", "Unfit");
        b.refuse("mutex either c", "Unfit");
        b.expect("list", "a memory 1 true, b mutex 0 true, c file map 4 true");
        for name in ["a", "b", "c"] {
            b.refuse(&format!("remove {name}"), "Busy");
            a.expect(&format!("close {name}"), "done");
        }
    }
    assert!(world.files().is_empty());
}

#[test]
fn mutex_recursion_try_and_timeout() {
    let world = World::new();
    let (mut a, mut b) = (world.puppet(), world.puppet());
    a.expect("mutex either-owned m", "created and locked");
    b.expect("mutex either-owned m", "opened");
    a.expect("lock m", "locked");
    // A second handle of the same process is the same mutex.
    a.expect("mutex open m", "opened");
    a.expect("try m", "locked");
    a.expect("lock m 0", "locked");
    a.expect("try-in-other-thread m", "false");
    for _ in 0..4 {
        b.expect("try m", "timed out");
        b.expect("lock m 10", "timed out");
        a.expect("unlock m", "done");
    }
    b.expect("try m", "locked");
    a.expect("lock m 10", "timed out");
    a.expect("try-in-other-thread m", "false");
    b.expect("unlock m", "done");
    a.expect("try-in-other-thread m", "true");
}

#[test]
fn initially_owned_counts_for_the_creator_only() {
    let world = World::new();
    let (mut a, mut b) = (world.puppet(), world.puppet());
    a.expect("mutex create m", "created");
    b.expect("mutex either-owned m", "opened");
    a.expect("try m", "locked");
    b.refuse("mutex create-owned m", "Exists");
    b.expect("try m", "timed out");
}

#[test]
fn views_and_streams() {
    let world = World::new();
    let name = world.names().name("m").expect("a name");
    let memory = SharedMemory::create_new(&name, 4097, Persistence::Process).expect("made");
    let all = memory.view(..).expect("all of it");
    assert_eq!(all.len(), 4097);
    assert_eq!(memory.view(4096..).expect("the rest").len(), 1);
    assert!(memory.view(4097..).expect("offset = end").is_empty());
    for wrong in [4098..4098, 4097..4098, 0..4098, 1..u64::MAX, u64::MAX..u64::MAX] {
        let error = memory.view(wrong).expect_err("past the end").to_string();
        assert!(error.starts_with("name:m: a view of"), "{error}");
    }
    assert!(memory.view(4098..).is_err());
    let same = memory.view(1..9).expect("many views of the same part");
    same.write(0, &0x0102_0304_0506_0708_u64).expect("unaligned");
    assert_eq!(all.read::<u32>(5).expect("the same"), 0x0102_0304);

    let mut stream = memory.stream(4090..).expect("a stream");
    stream.seek(SeekFrom::Start(5)).expect("sought");
    assert_eq!(stream.write(b"abc").expect("as far as it goes"), 2);
    assert!(stream.write_all(b"c").is_err(), "never grows");
    let mut end = String::new();
    let mut reader = ViewStream::new(memory.view(4095..).expect("the end"));
    reader.read_to_string(&mut end).expect("read");
    assert_eq!(end, "ab");

    // A view is a user.
    drop((same, stream, reader, memory));
    assert_eq!(world.files(), ["m"]);
    drop(all);
    assert!(world.files().is_empty());
}

#[test]
fn default_namespace_is_the_users() {
    let user = rustix::process::geteuid();
    let mutex = NamedMutex::open(&pagelight::ipc::Name::new("no such mutex 5d1c").expect("a name"));
    assert!(matches!(mutex, Err(Error::NoObject { .. })));
    let left = Path::new("/dev/shm").join(format!("pagelight.{user}"));
    assert!(!left.join("no such mutex 5d1c").exists());
}

#[test]
fn memory_for_reading_only_and_copies() {
    let world = World::new();
    let name = world.names().name("m").expect("a name");
    let memory = SharedMemory::create_new(&name, 100, Persistence::Process).expect("made");
    assert_eq!(memory.name(), &name);
    let reader = SharedMemory::open_with(&name, Access::Read).expect("opened");
    let (theirs, ours) = (reader.view(10..).expect("mapped"), memory.view(..).expect("mapped"));
    ours.write(10, &7u8).expect("written");
    assert_eq!(theirs.read::<u8>(0).expect("read"), 7);
    let refused = theirs.write(0, &1u8).expect_err("for reading only").to_string();
    assert_eq!(refused, "name:m: was opened for reading only");
    let copy = reader.view_copy_on_write(..).expect("mapped");
    copy.write(10, &9u8).expect("written");
    assert_eq!(
        (ours.read::<u8>(10).expect("read"), copy.read::<u8>(10).expect("read")),
        (7, 9)
    );
    // A copy is a user, too.
    drop((memory, reader, theirs, ours));
    assert_eq!(world.files(), ["m"]);
    drop(copy);
    assert!(world.files().is_empty());
}
