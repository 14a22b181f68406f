//! From one state of memory to all that can arise from it by kills, of the work and of every recovery.

use std::collections::{HashMap, HashSet};

use crate::broken::{self, Mistake};
use crate::cases::Case;
use crate::lab::{Lab, State};
use crate::stepper::{Child, Pace, Step};

/// What is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The engine: where there is something to recover its recovery, else its run.
    Engine,
    /// All of `resume`: opening, checks, recovery, the rest, the end.
    Resume,
    /// The real protocol for one chunk in one slot.
    OneChunk { slot: u32, chunk: u32 },
    /// The copy of the protocol, with a mistake.
    Copy(Mistake),
}

/// What was found out.
pub(crate) struct Explored {
    /// Every state, and from which one it came by a kill.
    pub(crate) states: Vec<(State, usize)>,
    /// How many kills in a row it takes to come to the last new state.
    pub(crate) depth: u32,
    pub(crate) steps: u64,
}

/// A state that does not lead to the right end.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) states: usize,
    pub(crate) steps: u64,
    pub(crate) kills: u32,
    pub(crate) why: String,
}

/// Everything that can arise from `case`'s fresh job. After every instruction that changed a byte, the state is
/// brought to its end in other files.
pub(crate) fn explore(case: &Case, code: Code, pace: Pace) -> Result<Explored, Box<Wrong>> {
    let (mut lab, mut twin) = (Lab::new(case), Lab::new(case));
    let mut fresh = State::new();
    lab.look(&mut fresh);
    let mut known = HashMap::from([(fresh.clone(), 0)]);
    let mut explored = Explored {
        states: vec![(fresh, 0)],
        depth: 0,
        steps: 0,
    };
    let mut depths = vec![0];
    let mut now = State::new();
    let mut from = 0;
    while from < explored.states.len() {
        let mut last = explored.states[from].0.clone();
        lab.put(&last);
        let recovered = lab.is_recovered(&last);
        let mut child = Child::before(pace, lab.folder(), || execute(code, &lab, recovered));
        loop {
            let step = child.step();
            explored.steps += 1;
            lab.look(&mut now);
            if now != last {
                last.clone_from(&now);
                assert!(
                    step == Step::Inside && (!has_locks(code) || lab.journal.is_alive().expect("asked")),
                    "a byte changed, and nobody held a lock"
                );
                let new = known.len();
                known.entry(now.clone()).or_insert_with(|| {
                    explored.states.push((now.clone(), from));
                    depths.push(depths[from] + 1);
                    new
                });
                if known.len() > new {
                    explored.depth = depths[new];
                    check(code, &mut twin, &now).map_err(|why| {
                        Box::new(Wrong {
                            states: new,
                            steps: explored.steps,
                            kills: depths[new],
                            why,
                        })
                    })?;
                }
            }
            assert!(step != Step::Failed, "a recovery failed");
            if step == Step::Ended {
                break;
            }
        }
        drop(child);
        lab.assert_rest_untouched();
        from += 1;
    }
    Ok(explored)
}

/// Kills for real in every `every`th state, and resumes in the same files. Returns how many kills that were.
pub(crate) fn kill(case: &Case, code: Code, pace: Pace, explored: &Explored, every: usize) -> usize {
    let mut lab = Lab::new(case);
    let mut now = State::new();
    let mut kills = 0;
    for (state, from) in explored.states.iter().skip(1).step_by(every) {
        let before = &explored.states[*from].0;
        lab.put(before);
        let recovered = lab.is_recovered(before);
        let mut child = Child::before(pace, lab.folder(), || execute(code, &lab, recovered));
        while now != *state {
            assert_eq!(child.step(), Step::Inside, "the same steps led elsewhere");
            lab.look(&mut now);
        }
        drop(child);
        lab.look(&mut now);
        assert!(now == *state, "a byte was written after the kill");
        assert!(lab.slots_are_free(), "a dead process holds a slot");
        lab.resume_exactly().expect("exact after a kill");
        kills += 1;
    }
    kills
}

/// Two threads killed at the same time: one in slot 0 with chunk 0, one in slot 1 with chunk 1. They share no byte that
/// they change, so every state of the one may meet every state of the other. Brings every `every`th pair to its end,
/// and steps through the recovery of some, in which nothing but such pairs may arise. Returns how many pairs were tried
/// and of how many the recovery was stepped.
pub(crate) fn pairs(case: &Case, pace: Pace, every: usize) -> (usize, usize) {
    let one =
        |slot| explore(case, Code::OneChunk { slot, chunk: slot }, pace).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let (first, second) = (one(0).states, one(1).states);
    let fresh = first[0].0.clone();
    let is_second: Vec<bool> = (0..fresh.len())
        .map(|at| second.iter().any(|(state, _)| state[at] != fresh[at]))
        .collect();
    let merge = |of_first: &State, of_second: &State| -> State {
        let bytes = of_first.iter().zip(of_second).zip(&is_second);
        bytes.map(|((&a, &b), &second)| if second { b } else { a }).collect()
    };
    let parts = |states: &[(State, usize)], keep_first: bool| -> HashSet<State> {
        let part = |state| {
            if keep_first {
                merge(state, &fresh)
            } else {
                merge(&fresh, state)
            }
        };
        states.iter().map(|(state, _)| part(state)).collect()
    };
    let (firsts, seconds) = (parts(&first, true), parts(&second, false));
    assert!(
        firsts.len() == first.len() && seconds.len() == second.len(),
        "they share a byte"
    );

    let (mut lab, mut twin) = (Lab::new(case), Lab::new(case));
    let (mut tried, mut stepped) = (0usize, 0);
    for pair in (0..first.len() * second.len()).step_by(every) {
        let state = merge(&first[pair / second.len()].0, &second[pair % second.len()].0);
        check(Code::Engine, &mut twin, &state).expect("a pair ends exact");
        tried += 1;
        if !tried.is_multiple_of(20) {
            continue;
        }
        stepped += 1;
        lab.put(&state);
        let mut child = Child::before(pace, lab.folder(), || lab.engine_recover());
        let mut now = State::new();
        loop {
            let step = child.step();
            lab.look(&mut now);
            assert!(firsts.contains(&merge(&now, &fresh)) && seconds.contains(&merge(&fresh, &now)));
            if step != Step::Inside {
                assert_eq!(step, Step::Ended);
                break;
            }
        }
    }
    (tried, stepped)
}

/// Rule 5: a thread that lives is stopped after every store, and another process wants to recover. The real one finds
/// the slot locked and leaves everything as it is. One that does not look at the lock spoils the image, which is what
/// is returned.
pub(crate) fn recover_beside_the_living(case: &Case, pace: Pace) -> Result<usize, Box<Wrong>> {
    let mut lab = Lab::new(case);
    let mut fresh = State::new();
    lab.look(&mut fresh);
    let mut child = Child::before(pace, lab.folder(), || lab.engine_run());
    let (mut last, mut now) = (fresh.clone(), State::new());
    let mut refused = 0;
    let mut states = Vec::new();
    while child.step() == Step::Inside {
        lab.look(&mut now);
        if now != last {
            last.clone_from(&now);
            states.push(now.clone());
            if !lab.is_recovered(&now) {
                let why = lab
                    .engine_recover()
                    .expect_err("a slot whose thread lives was recovered");
                assert!(why.contains("somebody works in 1 slots"), "{why}");
                refused += 1;
            }
            lab.look(&mut now);
            assert!(now == last, "a refused recovery changed something");
        }
    }
    drop(child);
    lab.exact().expect("exact");

    let mut steps = 0;
    for (index, state) in states.iter().enumerate() {
        lab.put(&fresh);
        let mut child = Child::before(pace, lab.folder(), || lab.engine_run());
        while now != *state {
            assert_eq!(child.step(), Step::Inside, "the same steps led elsewhere");
            steps += 1;
            lab.look(&mut now);
        }
        broken::recover_dead_slots(&lab, Mistake::None).expect("recovered");
        let ended = child.finish();
        if let (Step::Ended, Err(why)) = (ended, lab.exact()) {
            return Err(Box::new(Wrong {
                states: index + 1,
                steps,
                kills: 0,
                why,
            }));
        }
    }
    Ok(refused)
}

fn has_locks(code: Code) -> bool {
    matches!(code, Code::Engine | Code::Resume)
}

fn execute(code: Code, lab: &Lab<'_>, recovered: bool) -> Result<(), String> {
    match code {
        Code::Resume => lab.resume().map(drop),
        Code::Engine if recovered => lab.engine_run(),
        Code::Engine => lab.engine_recover(),
        Code::OneChunk { slot, chunk } => broken::real_in_slot(lab, slot, chunk),
        Code::Copy(mistake) if recovered => broken::run(lab, mistake),
        Code::Copy(mistake) => broken::recover_dead_slots(lab, mistake),
    }
}

/// Whether a state leads to the right end.
fn check(code: Code, twin: &mut Lab<'_>, state: &State) -> Result<(), String> {
    twin.put(state);
    if let Code::Copy(mistake) = code {
        broken::run(twin, mistake)?;
        twin.exact()?;
        let clipped = twin.journal.totals().expect("read").counts.clipped;
        return if clipped == twin.case.clipped {
            Ok(())
        } else {
            Err(format!("{clipped} clipped instead of {}", twin.case.clipped))
        };
    }
    twin.resume_exactly()?;
    twin.put(state);
    twin.abandon_soundly()
}
