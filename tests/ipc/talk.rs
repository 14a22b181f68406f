//! Events, rings and values with a mutex of their own, between processes that are killed at every step.

use std::time::Duration;

use super::puppet::{Puppet, World};

const SHORT: Duration = Duration::from_millis(100);

fn puppets<const N: usize>(world: &World, command: &str) -> [Puppet; N] {
    std::array::from_fn(|_| {
        let mut puppet = world.puppet();
        puppet.expect(command, "done");
        puppet
    })
}

/// How many of them have answered, after all had the time to.
fn answered(puppets: &mut [Puppet]) -> usize {
    let mut answers = 0;
    for puppet in puppets {
        answers += usize::from(puppet.answer_within(SHORT).is_some_and(|answer| answer == "set"));
    }
    answers
}

#[test]
fn an_event_lets_one_waiter_go_on_or_all() {
    for (how, first, second) in [("auto", 1, 1), ("manual", 3, 0)] {
        let world = World::new();
        let mut setter = world.puppet();
        setter.expect(&format!("event {how} e"), "done");
        let mut waiters: [Puppet; 3] = puppets(&world, "event open e");
        for waiter in &mut waiters {
            waiter.expect("wait e 0", "timed out");
            waiter.send("wait e");
        }
        assert_eq!(answered(&mut waiters), 0, "they wait");
        setter.expect("set e", "done");
        assert_eq!(answered(&mut waiters), first, "{how}");
        setter.expect("set e", "done");
        assert_eq!(answered(&mut waiters), second, "{how}");
    }
}

#[test]
fn an_event_stays_set_until_somebody_waits_or_resets_it() {
    let world = World::new();
    let [mut a, mut b] = puppets(&world, "event auto e");
    a.refuse("mutex open e", "Unfit: name:e: is an event, not a mutex");
    a.expect("set e", "done");
    a.expect("set e", "done");
    b.expect("wait e 60000", "set");
    b.expect("wait e 20", "timed out");
    a.expect("set e", "done");
    a.expect("reset e", "done");
    b.expect("wait e 20", "timed out");
    for puppet in [&mut a, &mut b] {
        puppet.expect("event manual m", "done");
    }
    a.expect("set m", "done");
    b.expect("wait m", "set");
    b.expect("wait m", "set");
    b.expect("reset m", "done");
    a.expect("wait m 20", "timed out");
    // It is the same event, however the second wants it.
    a.expect("event auto m", "done");
    a.expect("set m", "done");
    b.expect("wait m", "set");
    b.expect("wait m", "set");
}

#[test]
fn an_event_survives_its_waiters_and_setters() {
    let world = World::new();
    let [mut dying, mut waiter, mut setter] = puppets(&world, "event auto e");
    for puppet in [&mut dying, &mut waiter] {
        puppet.send("wait e");
    }
    assert_eq!(dying.answer_within(SHORT), None);
    // One that stands still is woken like the others, and must not keep what it was woken for.
    dying.signal(rustix::process::Signal::STOP);
    dying.wait_until_stopped();
    setter.expect("set e", "done");
    assert_eq!(waiter.answer(), "set");
    dying.kill();
    // A setter that is killed before it wakes anybody.
    waiter.send("wait e");
    assert_eq!(waiter.answer_within(SHORT), None);
    setter.expect("stop-at EventSet", "done");
    setter.send("set e");
    setter.wait_until_stopped();
    setter.kill();
    assert_eq!(waiter.answer(), "set");
    waiter.expect("wait e 20", "timed out");
    waiter.end();
    assert!(world.files().is_empty());
}

/// The three of the sample once more: A waits for events instead of ENTER.
#[test]
fn three_processes_and_two_events() {
    for order in [["b", "c"], ["c", "b"]] {
        let world = World::new();
        let mut a = world.puppet();
        for command in ["memory create testmap 10000", "mutex create-owned testmapmutex"] {
            assert!(a.tell(command).starts_with("created"));
        }
        for event in ["event auto b-said", "event auto c-said", "unlock testmapmutex"] {
            if event.starts_with("unlock") {
                a.expect("write testmap 0 1", "done");
            }
            a.expect(event, "done");
        }
        a.send("wait b-said");
        assert_eq!(a.answer_within(SHORT), None, "nobody has said anything");
        for who in order {
            let mut other = world.puppet();
            other.expect("memory open testmap", "opened 10000");
            other.expect("mutex open testmapmutex", "opened");
            other.expect(&format!("event open {who}-said"), "done");
            other.expect("lock testmapmutex", "locked");
            let (at, value) = if who == "b" { (1, 0) } else { (2, 1) };
            other.expect(&format!("write testmap {at} {value}"), "done");
            other.expect("unlock testmapmutex", "done");
            other.expect(&format!("set {who}-said"), "done");
            other.end();
        }
        assert_eq!(a.answer(), "set");
        a.expect("wait c-said", "set");
        a.expect("lock testmapmutex", "locked");
        let said = [0, 1, 2].map(|at| a.tell(&format!("read testmap {at}")));
        assert_eq!(said, ["1", "0", "1"]);
        a.end();
        assert!(world.files().is_empty());
    }
}

#[test]
fn a_stream_arrives_whole_through_rings_of_any_size() {
    for (capacity, bytes) in [
        (1, 2000),
        (2, 3000),
        (250, 50_000),
        (251, 50_000),
        (4096, 500_000),
        (70_000, 500_000),
    ] {
        let world = World::new();
        let (mut writer, mut reader) = (world.puppet(), world.puppet());
        writer.expect(&format!("ring-writer r {capacity}"), "done");
        reader.expect("ring-reader r", "done");
        reader.send("receive-many r 0");
        writer.expect(&format!("send-many r 0 {bytes}"), &bytes.to_string());
        writer.expect("end r", "done");
        assert_eq!(reader.answer(), format!("{bytes} bytes"), "capacity {capacity}");
        reader.end();
        writer.end();
        assert!(world.files().is_empty());
    }
}

#[test]
fn a_ring_has_one_writer_and_one_reader() {
    let world = World::new();
    let [mut writer, mut other] = puppets(&world, "event auto unused");
    writer.expect("ring-writer r 10", "done");
    for puppet in [&mut writer, &mut other] {
        puppet.refuse("ring-writer r 10", "Busy: name:r: another writes to it");
    }
    other.expect("ring-reader r", "done");
    writer.refuse("ring-reader r", "Busy: name:r: another reads from it");
    writer.expect("send r abc", "3");
    other.expect("receive r 1000", "abc");
    other.expect("receive r 20", "timed out");
    other.refuse("memory open r", "Unfit: name:r: is a ring, not a memory");
    writer.expect("end r", "done");
    other.expect("receive r 1000", "end");
    // Another goes on where it ended.
    writer.expect("ring-writer r 10", "done");
    writer.expect("send r def", "3");
    other.expect("receive r 1000", "def");
    other.expect("leave r", "done");
    writer.expect("ring-reader r", "done");
}

#[test]
fn a_writer_killed_at_each_step() {
    // Killed before it counted, its last bytes were never written; after, they were, though it woke nobody.
    for (step, arrives) in [("RingWritten", "first"), ("RingCounted", "firstsecond")] {
        let world = World::new();
        let (mut writer, mut reader) = (world.puppet(), world.puppet());
        writer.expect("ring-writer r 100", "done");
        reader.expect("ring-reader r", "done");
        writer.expect("send r first", "5");
        writer.expect(&format!("stop-at {step}"), "done");
        writer.send("send r second");
        writer.wait_until_stopped();
        if step == "RingCounted" {
            reader.expect("receive r 60000", arrives);
            reader.send("receive r 60000");
            assert_eq!(reader.answer_within(SHORT), None, "a stopped writer is alive");
        } else {
            reader.expect("receive r 60000", arrives);
            reader.send("receive r 60000");
        }
        writer.kill();
        let died = format!(
            "Io: cannot read from name:r: its writer died before it ended the stream, after {} bytes",
            arrives.len()
        );
        let answer = reader.answer();
        assert!(answer.starts_with(&died), "{answer}");
        let mut next = world.puppet();
        next.expect("ring-writer r 100", "done");
        next.expect("send r third", "5");
        reader.expect("receive r 60000", "third");
        next.expect("end r", "done");
        reader.expect("receive r 60000", "end");
    }
}

#[test]
fn a_reader_killed_at_each_step() {
    // Killed before it counted, its bytes come again; after, they do not, though it woke nobody.
    for (step, again) in [("RingRead", "0123456789"), ("RingCounted", "abc")] {
        let world = World::new();
        let (mut writer, mut reader) = (world.puppet(), world.puppet());
        writer.expect("ring-writer r 10", "done");
        reader.expect("ring-reader r", "done");
        writer.expect("send r 0123456789", "10");
        writer.send("send r abc");
        assert_eq!(writer.answer_within(SHORT), None, "it is full");
        reader.expect(&format!("stop-at {step}"), "done");
        reader.send("receive r 60000");
        reader.wait_until_stopped();
        reader.kill();
        let mut next = world.puppet();
        next.expect("ring-reader r", "done");
        if step == "RingCounted" {
            assert_eq!(writer.answer(), "3", "it sees the room by itself");
        }
        next.expect("receive r 60000", again);
        if step == "RingRead" {
            assert_eq!(writer.answer(), "3");
            next.expect("receive r 60000", "abc");
        }
    }
}

#[test]
fn a_value_with_its_mutex_is_never_half_done_untold() {
    let world = World::new();
    let mut counters: [Puppet; 3] = puppets(&world, "value v");
    for counter in &mut counters {
        counter.send("count v 2000");
    }
    let mut told = 0;
    for _ in 0..20 {
        let mut dying = world.puppet();
        dying.expect("value v", "done");
        dying.send("count v 1000000");
        std::thread::sleep(Duration::from_millis(3));
        dying.kill();
    }
    for counter in &mut counters {
        let answer = counter.answer();
        let count = answer.strip_prefix("told ").unwrap_or_else(|| panic!("{answer}"));
        told += count.parse::<u64>().expect("a number");
    }
    let value: u64 = counters[0].tell("value-of v").parse().expect("a number");
    eprintln!("{value} counted, {told} told of a death");
    assert!(value >= 6000, "{value}");
}

#[test]
fn a_value_is_of_one_length_and_keeps_nothing_of_a_panic() {
    use pagelight::ipc::{Persistence, SharedMutex};
    let world = World::new();
    let (mut a, mut b) = (world.puppet(), world.puppet());
    a.expect("value v", "done");
    b.expect("value v", "done");
    a.expect("count v 3", "told 0");
    a.expect("panic-in-value v", "done");
    b.expect("count v 1", "told 1");
    a.expect("value-of v", "4");
    let name = world.names().name("v").expect("a name");
    let other = SharedMutex::<[u64; 32]>::open(&name)
        .expect_err("another type")
        .to_string();
    assert!(
        other.contains("is a value of 512 bytes") && other.contains("has 256"),
        "{other}"
    );
    a.refuse("mutex open v", "Unfit: name:v: is a value with its mutex, not a mutex");
    let nothing = SharedMutex::create_new(
        &world.names().name("n").expect("a name"),
        [0u8; 0],
        Persistence::Process,
    );
    assert!(nothing.is_err());
    let value = SharedMutex::<[u64; 64]>::open(&name).expect("opened");
    let first = value.lock().expect("locked");
    assert!(value.lock().is_err(), "two copies of one value");
    drop(first);
    value.lock().expect("free again").finish().expect("written");
}
