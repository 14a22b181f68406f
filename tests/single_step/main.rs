//! Kills the edit section of small jobs after every instruction that changes what survives, recovers from each such
//! state of memory, and again from each state of that recovery, until no new state appears. All must end exact: the
//! image byte by byte (also outside the window), the count of clipped samples, and no journal left. Random kills hardly
//! ever hit the few instructions that matter; this hits all.
//!
//! Each state is brought to its end by all of `run::resume`, with its checks, and by `run::abandon` too. Then the
//! protocol is broken, one rule after the other, and every mistake must be found; else this test is worth nothing.
//!
//! What is not stepped: the making of the journal before the first byte changes; more than two threads (two meet in
//! [`explore::pairs`]); a machine with weak memory (`tests/loom.rs` is for that).
//!
//! `PAGELIGHT_LONG=1` adds: literally every instruction of the smallest job instead of those that store (five million
//! steps; the states must be the same), every instruction that stores in all of `resume`, a real `kill -9` in every
//! state, and all pairs. It takes some minutes, most of them in a virtual machine, where a step is expensive.
//!
//! Its own main, because it forks and must have one thread. It knows the registers of x86-64 only.

mod broken;
mod cases;
mod explore;
mod lab;
mod stepper;

use std::collections::HashSet;
use std::time::Instant;

use crate::broken::Mistake;
use crate::cases::Case;
use crate::explore::{Code, Explored, explore};
use crate::lab::State;
use crate::stepper::Pace;

fn main() {
    if !stepper::may_trace() {
        return;
    }
    stepper::stay_on_one_processor();
    let long = std::env::var_os("PAGELIGHT_LONG").is_some();
    let begin = Instant::now();
    let cases = Case::all();
    for case in &cases {
        every_kill_ends_exact(case, long);
    }
    let (tried, stepped) = explore::pairs(&cases[1], Pace::EveryStore, if long { 1 } else { 41 });
    println!("two threads killed together: {tried} pairs of states end exact, {stepped} recoveries stepped");
    every_mistake_is_found(&cases[1]);
    println!("ok in {:.1} s", begin.elapsed().as_secs_f64());
}

fn every_kill_ends_exact(case: &Case, long: bool) {
    let engine = explored(case, Code::Engine, Pace::EveryStore);
    let copy = explored(case, Code::Copy(Mistake::None), Pace::EveryStore);
    assert!(
        set(&engine) == set(&copy),
        "the copy of the protocol does something else"
    );
    assert!(engine.depth >= 2, "no recovery was killed");
    if long {
        explored(case, Code::Resume, Pace::EveryStore);
    }
    // Thousands of steps for each that stores: for one job only.
    if long && case.name == "one chunk" {
        let literally = explored(case, Code::Engine, Pace::EveryInstruction);
        assert!(set(&engine) == set(&literally), "a store was missed");
    }
    let kills = explore::kill(case, Code::Engine, Pace::EveryStore, &engine, if long { 1 } else { 11 });
    println!("  {kills} of them killed with -9 for real: the locks were free, and a resume was exact");
}

fn every_mistake_is_found(case: &Case) {
    for mistake in Mistake::ALL {
        let found = explore(case, Code::Copy(mistake), Pace::EveryStore).map(|_| ());
        report(&format!("{mistake:?}"), found);
    }
    let found = explore::recover_beside_the_living(case, Pace::EveryStore);
    report("RecoveryBesideTheLiving", found.map(drop));
}

fn report(mistake: &str, found: Result<(), Box<explore::Wrong>>) {
    let Err(wrong) = found else {
        panic!("{mistake} was not found");
    };
    println!(
        "found {mistake} after {} steps, in state {}, with {} kills: {}",
        wrong.steps, wrong.states, wrong.kills, wrong.why
    );
}

fn explored(case: &Case, code: Code, pace: Pace) -> Explored {
    let begin = Instant::now();
    let explored = explore(case, code, pace).unwrap_or_else(|wrong| panic!("{}, {code:?}: {wrong:?}", case.name));
    println!(
        "{}, {code:?}, {pace:?}: {} states, {} steps, {} kills deep, {:.1} s",
        case.name,
        explored.states.len(),
        explored.steps,
        explored.depth,
        begin.elapsed().as_secs_f64()
    );
    explored
}

fn set(explored: &Explored) -> HashSet<&State> {
    explored.states.iter().map(|(state, _)| state).collect()
}
