//! Owners whose end the kernel does not tell of: more mutexes than it looks at, another program in the place of a
//! thread, a panic.

use std::time::{Duration, Instant};

use super::puppet::{Puppet, World};

/// Linux hands on 2,048 mutexes of a dead thread and leaves the others as they are.
#[test]
fn a_thread_dies_with_more_mutexes_than_the_kernel_hands_on() {
    let world = World::new();
    let mut puppet = world.puppet();
    puppet.expect("lock-many-in-thread-that-ends 2100", "done");
    let mut other = world.puppet();
    other.expect("mutex open m0", "opened");
    other.expect("try m0", "abandoned");
    other.expect("unlock m0", "done");
    other.expect("mutex open m1", "opened");
    other.expect("lock m1", "abandoned");
    other.expect("unlock m1", "done");
    puppet.expect("count-abandoned 2100", "2098");
    puppet.expect("count-abandoned 2100", "0");
}

/// By the time Linux looks for what a dead thread held, a thread that executes another program has got its process' id.
#[test]
fn another_thread_than_the_first_becomes_another_program() {
    let world = World::new();
    let mut waiters: Vec<Puppet> = (0..3).map(|_| world.puppet()).collect();
    for waiter in &mut waiters {
        waiter.tell("mutex either m");
    }
    let mut owner = world.puppet();
    owner.expect("mutex open m", "opened");
    owner.send("lock-and-exec-in-other-thread m");
    let begun = Instant::now();
    let command = || std::fs::read_to_string(format!("/proc/{}/cmdline", owner.pid())).expect("the program runs");
    while !command().starts_with("sleep") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", command());
        std::thread::sleep(Duration::from_millis(1));
    }
    for waiter in &mut waiters {
        waiter.send("lock m 50000");
    }
    let mut told = Vec::new();
    while let Some(at) = waiters
        .iter_mut()
        .position(|waiter| match waiter.answer_within(Duration::from_millis(5)) {
            Some(answer) => {
                told.push(answer);
                true
            }
            None => false,
        })
        .or((told.len() < 3).then_some(usize::MAX))
    {
        if let Some(waiter) = waiters.get_mut(at) {
            waiter.expect("unlock m", "done");
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{told:?}");
    }
    told.sort();
    assert_eq!(told, ["abandoned", "locked", "locked"], "one is told of one death");
}

/// What a panic leaves half-done is told to the next owner, wherever it is. .NET abandons the mutex, too; std poisons.
#[test]
fn a_panic_abandons() {
    let world = World::new();
    for persistence in ["", " file"] {
        let (mut owner, mut other) = (world.puppet(), world.puppet());
        owner.expect(&format!("mutex create m{persistence}"), "created");
        other.expect("mutex open m", "opened");
        owner.expect("panic-in-section m", "done");
        other.expect("lock m", "abandoned");
        other.expect("unlock m", "done");
        other.expect("lock m", "locked");
        other.expect("unlock m", "done");
        owner.expect("panic-in-section m", "done");
        owner.expect("lock m", "abandoned");
        owner.expect("unlock m", "done");
    }
}
