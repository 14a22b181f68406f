//! Mutexes whose owners die, in every way there is, with others waiting.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::puppet::{Puppet, World};

const SHORT: Duration = Duration::from_millis(100);

fn with_mutex(world: &World, how: &str) -> Puppet {
    let mut puppet = world.puppet();
    let answer = puppet.tell(&format!("mutex {how} m"));
    assert!(answer.starts_with("created") || answer == "opened", "{answer}");
    puppet
}

/// The owner ends as `end` has it while another waits: that one gets the mutex and is told, once.
fn owner_ends(end: impl FnOnce(Puppet)) {
    let world = World::new();
    let owner = with_mutex(&world, "create-owned");
    let mut waiter = with_mutex(&world, "open");
    waiter.send("lock m");
    assert_eq!(waiter.answer_within(SHORT), None, "it must wait");
    end(owner);
    let told = waiter.answer_within(Duration::from_secs(10)).expect("awake");
    assert_eq!(told, "abandoned");
    waiter.expect("unlock m", "done");
    waiter.expect("lock m", "locked");
    waiter.expect("unlock m", "done");
    let mut late = with_mutex(&world, "open");
    late.expect("lock m", "locked");
    let status = late.tell("status m");
    assert!(
        status.contains("alive: true") && status.contains("abandonments: 1"),
        "{status}"
    );
    late.end();
    waiter.end();
    assert!(world.files().is_empty());
}

#[test]
fn kill_9_of_the_owner_with_a_waiter_blocked() {
    owner_ends(Puppet::kill);
}

#[test]
fn the_owner_exits() {
    owner_ends(|mut owner| {
        owner.send("exit");
        owner.wait();
    });
}

/// A child that opens and locks the mutex and becomes `sleep`. (If a process' *other* threads do so, Linux does not
/// notice: their thread id has changed by the time it looks. See `NamedMutex`.)
#[test]
fn the_owner_becomes_another_program() {
    let world = World::new();
    let mut parent = world.puppet();
    let mut waiter = with_mutex(&world, "create");
    let child = parent.tell("fork-and-leave mutex open m; lock m; exec");
    assert_eq!(waiter.tell("lock m"), "abandoned");
    // It lets go of the mutex a moment before it has its new words.
    let begun = Instant::now();
    let command = || std::fs::read_to_string(format!("/proc/{child}/cmdline")).expect("the program runs");
    while !command().starts_with("sleep") {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", command());
        std::thread::sleep(Duration::from_millis(1));
    }
    parent.expect(&format!("reap {child}"), "done");
}

#[test]
fn the_owners_thread_ends() {
    let world = World::new();
    let mut owner = with_mutex(&world, "create");
    owner.expect("lock-in-thread-that-ends m", "done");
    let status = owner.tell("status m");
    assert!(status.contains("alive: false"), "{status}");
    let mut waiter = with_mutex(&world, "open");
    waiter.expect("lock m", "abandoned");
    waiter.expect("unlock m", "done");
    owner.expect("lock m", "locked");
    owner.expect("unlock m", "done");
    owner.expect("lock-in-thread-that-ends m", "done");
    owner.expect("lock m", "abandoned");
}

#[test]
fn a_forgotten_guard_keeps_the_map() {
    let world = World::new();
    let mut owner = with_mutex(&world, "create");
    let mut waiter = with_mutex(&world, "open");
    owner.expect("lock m", "locked");
    owner.expect("forget-guard m", "done");
    owner.expect("close m", "done");
    waiter.expect("try m", "timed out");
    waiter.send("lock m");
    assert_eq!(waiter.answer_within(SHORT), None);
    owner.kill();
    assert_eq!(waiter.answer(), "abandoned");
}

#[test]
fn of_four_waiters_exactly_one_is_told() {
    let world = World::new();
    let owner = with_mutex(&world, "create-owned");
    let mut waiters: Vec<Puppet> = (0..4).map(|_| with_mutex(&world, "open")).collect();
    for waiter in &mut waiters {
        waiter.send("lock m");
    }
    assert_eq!(waiters[0].answer_within(SHORT), None);
    owner.kill();
    let mut told = Vec::new();
    for _ in 0..4000 {
        waiters.retain_mut(|waiter| match waiter.answer_within(Duration::from_millis(5)) {
            None => true,
            Some(answer) => {
                told.push(answer);
                waiter.expect("unlock m", "done");
                false
            }
        });
    }
    told.sort();
    assert_eq!(told, ["abandoned", "locked", "locked", "locked"]);
}

#[test]
fn the_one_who_was_told_is_killed_too() {
    let world = World::new();
    let owner = with_mutex(&world, "create-owned");
    let mut second = with_mutex(&world, "open");
    let mut third = with_mutex(&world, "open");
    second.send("lock m");
    owner.kill();
    assert_eq!(second.answer(), "abandoned");
    third.send("lock m");
    assert_eq!(third.answer_within(SHORT), None);
    second.kill();
    assert_eq!(third.answer(), "abandoned");
    third.expect("unlock m", "done");
    third.expect("lock m", "locked");
}

#[test]
fn killed_while_waiting_harms_nobody() {
    let world = World::new();
    let mut owner = with_mutex(&world, "create-owned");
    let mut waiter = with_mutex(&world, "open");
    let mut other = with_mutex(&world, "open");
    waiter.send("lock m");
    assert_eq!(waiter.answer_within(SHORT), None);
    waiter.kill();
    other.expect("lock m 20", "timed out");
    owner.expect("unlock m", "done");
    other.expect("lock m", "locked");
}

#[test]
fn a_stopped_owner_is_alive() {
    let world = World::new();
    let mut owner = with_mutex(&world, "create-owned");
    let mut waiter = with_mutex(&world, "open");
    owner.signal(Signal::STOP);
    owner.wait_until_stopped();
    waiter.expect("lock m 150", "timed out");
    waiter.expect("try m", "timed out");
    owner.signal(Signal::CONT);
    owner.expect("unlock m", "done");
    waiter.expect("lock m", "locked");
}

#[test]
fn a_forked_child_has_nothing_and_takes_nothing_away() {
    let world = World::new();
    let mut owner = with_mutex(&world, "create");
    owner.expect("memory create mem 10", "created 10");
    owner.expect("lock m", "locked");
    // The child ends with all its destructors; parent's lock and names stay.
    owner.refuse("fork lock m", "Request: name:m: was opened before the fork");
    owner.expect("fork write mem 3 8", "done");
    assert_eq!(world.files(), ["m", "mem"]);
    let mut other = with_mutex(&world, "open");
    other.expect("try m", "timed out");
    owner.expect("read mem 3", "8");
    // What it opens itself is its own: another thread's mutex, though the thread has the same past.
    owner.expect("fork mutex open m", "opened");
    owner.expect("unlock m", "done");
    other.expect("try m", "locked");
    other.expect("unlock m", "done");
    owner.end();
    assert_eq!(world.files(), ["m"]);
    other.end();
    assert!(world.files().is_empty());
}

/// A child that is just being started by another thread has for a moment all that its parent has.
#[test]
fn a_forked_child_does_not_keep_what_its_parent_closes() {
    for persistence in ["", " file"] {
        let world = World::new();
        let (mut parent, mut other) = (world.puppet(), world.puppet());
        parent.expect(&format!("memory create m 1{persistence}"), "created 1");
        let child = parent.tell("fork-and-leave stay");
        parent.expect("close m", "done");
        match persistence {
            "" => other.refuse("memory open m", "NoObject"),
            _ => other.expect("remove m", "done"),
        }
        parent.expect(&format!("reap {child}"), "done");
    }
}

#[test]
fn a_mutex_over_and_over() {
    let world = World::new();
    let mut puppet = with_mutex(&world, "create-owned");
    for _ in 0..20 {
        let mut next = with_mutex(&world, "open");
        next.send("lock m");
        puppet.kill();
        assert_eq!(next.answer(), "abandoned");
        puppet = next;
    }
    puppet.expect("unlock m", "done");
    puppet.expect("lock m", "locked");
}
