//! Many objects at once, dead ones among them, and processes that stand still: what one costs must not grow with the
//! others.

use rustix::process::Signal;

use super::puppet::World;

/// Nobody looks at all objects to make one. What killed users left goes when its name is wanted, or at a listing.
#[test]
fn a_creation_looks_at_no_other_object() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        let mut creator = world.puppet();
        creator.expect(&format!("memory create {name} 100"), "created 100");
        creator.kill();
    }
    let mut other = world.puppet();
    other.expect("memory create d 1", "created 1");
    assert_eq!(world.files(), ["a", "b", "c", "d"]);
    other.expect("memory create a 1", "created 1");
    other.expect("memory create b 1 file", "created 1");
    assert_eq!(world.files(), ["a", "c", "d"]);
    other.expect("read a 0", "0");
    other.expect("list", "a memory 1 true, b memory 1 true, d memory 1 true");
    assert_eq!(world.files(), ["a", "d"]);
}

#[test]
fn an_object_takes_one_descriptor() {
    let world = World::new();
    let mut puppet = world.puppet();
    let mut open = || -> u32 { puppet.tell("descriptors").parse().expect("a number") };
    let before = open();
    for what in [
        "memory create a 100",
        "mutex create b",
        "memory create c 10 file",
        "mutex create d file",
    ] {
        puppet.tell(what);
    }
    puppet.expect("write a 5 5", "done");
    puppet.expect("lock b", "locked");
    puppet.expect("descriptors", &(before + 4).to_string());
}

/// Whoever leaves while a process stands still with the folder's lock does not wait for it. What it leaves behind is as
/// good as none, and goes at the next listing.
#[test]
fn leaving_does_not_wait_for_a_stopped_process() {
    let world = World::new();
    let (mut stopped, mut other) = (world.puppet(), world.puppet());
    for number in 0..20 {
        other.expect(&format!("memory create m{number} 1"), "created 1");
    }
    stopped.expect("stop-at DirectoryLocked", "done");
    stopped.send("memory create m 1");
    stopped.wait_until_stopped();
    // All of them longer than a test may take, if each waited as long as somebody who makes an object.
    other.expect("close-all", "done");
    stopped.signal(Signal::CONT);
    assert_eq!(stopped.answer(), "created 1");
    other.expect("list", "m memory 1 true");
    assert_eq!(world.files(), ["m"]);
}
