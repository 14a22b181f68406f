//! How objects come to be and end, with creators, openers and users killed at every step.

use std::time::Duration;

use pagelight::ipc::failpoint::Failpoint;
use rustix::process::Signal;

use super::puppet::{Puppet, World};

#[test]
fn of_sixteen_creators_one_wins() {
    for kind in ["memory create m 100", "mutex create m", "memory create m 100 file"] {
        let world = World::new();
        let mut puppets: Vec<Puppet> = (0..16).map(|_| world.puppet()).collect();
        for puppet in &mut puppets {
            puppet.send(kind);
        }
        let answers: Vec<String> = puppets.iter_mut().map(Puppet::answer).collect();
        let winners = answers.iter().filter(|answer| answer.starts_with("created")).count();
        let losers = answers.iter().filter(|answer| answer.starts_with("Exists")).count();
        assert_eq!((winners, losers), (1, 15), "{answers:?}");
    }
}

#[test]
fn of_sixteen_creators_or_openers_all_get_the_same() {
    for persistence in ["", " file"] {
        let world = World::new();
        let mut puppets: Vec<Puppet> = (0..16).map(|_| world.puppet()).collect();
        for (at, puppet) in puppets.iter_mut().enumerate() {
            puppet.send(&format!("memory either m {}{persistence}", 100 + at));
        }
        let answers: Vec<String> = puppets.iter_mut().map(Puppet::answer).collect();
        let created: Vec<&str> = answers
            .iter()
            .filter_map(|answer| answer.strip_prefix("created "))
            .collect();
        assert_eq!(created.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.ends_with(created[0])), "{answers:?}");
        puppets[3].expect("write m 99 42", "done");
        for puppet in &mut puppets {
            puppet.expect("read m 99", "42");
        }
    }
}

/// The creator is killed at each step: either nothing was ever to be seen, or a complete object, which is collected.
#[test]
fn a_creator_killed_at_each_step() {
    for kind in ["memory create m 100", "mutex create-owned m"] {
        for step in Failpoint::ALL.into_iter().take_while(|step| *step != Failpoint::Alive) {
            let world = World::new();
            let mut creator = world.puppet();
            let mut other = world.puppet();
            creator.expect(&format!("stop-at {step:?}"), "done");
            creator.send(kind);
            creator.wait_until_stopped();
            let seen = world.files();
            assert_eq!(seen.len(), usize::from(step == Failpoint::Named), "{step:?}");
            creator.kill();
            other.refuse("memory open m", "NoObject");
            assert!(world.files().is_empty(), "{step:?}");
            assert!(other.tell(kind).starts_with("created"), "{step:?}");
            other.end();
            assert!(world.files().is_empty(), "{step:?}");
        }
    }
}

#[test]
fn what_a_killed_creator_left_is_collected_by_the_next_listing() {
    let world = World::new();
    for name in ["a", "b"] {
        let mut creator = world.puppet();
        creator.expect(&format!("memory create {name} 100"), "created 100");
        creator.kill();
    }
    assert_eq!(world.files(), ["a", "b"]);
    world.puppet().expect("list", "");
    assert!(world.files().is_empty());
}

#[test]
fn an_opener_that_polls_a_slow_creator_sees_nothing_or_all() {
    for step in [
        Failpoint::Allocated,
        Failpoint::Initialised,
        Failpoint::Marked,
        Failpoint::Named,
    ] {
        let world = World::new();
        let mut creator = world.puppet();
        let mut opener = world.puppet();
        creator.expect(&format!("stop-at {step:?}"), "done");
        creator.send("memory create m 5000");
        creator.wait_until_stopped();
        if step == Failpoint::Named {
            opener.expect("memory open m", "opened 5000");
            opener.expect("read m 4999", "0");
        } else {
            opener.refuse("memory open m", "NoObject");
        }
        creator.signal(Signal::CONT);
        assert_eq!(creator.answer(), "created 5000");
        opener.expect("memory open m", "opened 5000");
    }
}

#[test]
fn kill_9_of_one_of_three_users_and_of_all() {
    let world = World::new();
    let mut users: Vec<Puppet> = (0..3).map(|_| world.puppet()).collect();
    for user in &mut users {
        user.tell("memory either m 100");
    }
    users[0].expect("write m 50 1", "done");
    users.remove(0).kill();
    users[0].expect("read m 50", "1");
    world.puppet().expect("memory open m", "opened 100");
    for user in users {
        user.kill();
    }
    world.puppet().refuse("memory open m", "NoObject");
    assert!(world.files().is_empty());
}

/// `rm` while in use: users go on with theirs, new ones make a new one, and nobody's end harms it.
#[test]
fn rm_while_in_use_then_made_anew() {
    let world = World::new();
    let (mut old, mut new, mut third) = (world.puppet(), world.puppet(), world.puppet());
    old.expect("memory create m 100", "created 100");
    old.expect("write m 0 1", "done");
    std::fs::remove_file(world.live().join("m")).expect("rm");
    new.refuse("memory open m", "NoObject");
    new.expect("memory create m 200", "created 200");
    old.expect("read m 0", "1");
    old.expect("close m", "done");
    assert_eq!(world.files(), ["m"], "a stale owner leaves a new object alone");
    third.expect("memory open m", "opened 200");
    third.expect("read m 0", "0");
}

/// What an opener makes of a name whose object ends, and is made anew, while it is on its way in. Without the look
/// whether the name still leads there it gets the old one: the control.
fn overtaken(step: Failpoint, name_check: bool) -> String {
    let world = World::new();
    let (mut old, mut new, mut opener) = (world.puppet(), world.puppet(), world.puppet());
    old.expect("memory create m 100", "created 100");
    if !name_check {
        opener.expect("skip-name-check", "done");
    }
    opener.expect(&format!("stop-at {step:?}"), "done");
    opener.send("memory open m");
    opener.wait_until_stopped();
    match step {
        // Not marked as a user yet, so the last one goes.
        Failpoint::Alive => old.expect("close m", "done"),
        _ => std::fs::remove_file(world.live().join("m")).expect("rm"),
    }
    new.expect("memory create m 200", "created 200");
    opener.signal(Signal::CONT);
    opener.answer()
}

#[test]
fn an_opener_overtaken_starts_over() {
    for step in [Failpoint::Alive, Failpoint::Joined] {
        assert_eq!(overtaken(step, true), "opened 200", "{step:?}");
        assert_eq!(overtaken(step, false), "opened 100", "the control must fail, {step:?}");
    }
}

#[test]
fn an_opener_killed_on_its_way_in_harms_nobody() {
    for step in [Failpoint::Alive, Failpoint::Joined] {
        let world = World::new();
        let (mut user, mut opener) = (world.puppet(), world.puppet());
        user.expect("memory create m 100", "created 100");
        opener.expect(&format!("stop-at {step:?}"), "done");
        opener.send("memory open m");
        opener.wait_until_stopped();
        opener.kill();
        user.expect("write m 1 1", "done");
        world.puppet().expect("memory open m", "opened 100");
        user.end();
        assert!(world.files().is_empty());
    }
}

#[test]
fn a_last_user_killed_while_leaving_is_cleaned_up_after() {
    let world = World::new();
    let (mut user, mut other) = (world.puppet(), world.puppet());
    user.expect("memory create m 100", "created 100");
    user.expect("stop-at Last", "done");
    user.send("close m");
    user.wait_until_stopped();
    other.send("memory open m");
    assert_eq!(
        other.answer_within(Duration::from_millis(50)),
        None,
        "it waits for the end that has begun"
    );
    user.kill();
    let answer = other.answer();
    // It joined in before the end came, or found it ended.
    assert!(answer == "opened 100" || answer.starts_with("NoObject"), "{answer}");
    other.end();
    world.puppet().expect("list", "");
    assert!(world.files().is_empty());
}

#[test]
fn nobody_waits_for_ever_for_a_stopped_process() {
    let world = World::new();
    let (mut stopped, mut other) = (world.puppet(), world.puppet());
    stopped.expect("stop-at DirectoryLocked", "done");
    stopped.send("memory create m 1");
    stopped.wait_until_stopped();
    other.refuse("memory create other 1", "Busy");
    stopped.signal(Signal::CONT);
    assert_eq!(stopped.answer(), "created 1");
    other.expect("memory create other 1", "created 1");
}
