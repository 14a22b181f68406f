//! A job in private memory that dies after every single step, of the work and of every recovery, until no new state
//! appears. Threads also die alone, while another one goes on, so that several are found in the middle of a chunk.
//!
//! Every state must be one that `check::words` and `check::image` let pass, of which [`refuse`] is a copy in slow
//! motion; and what it says of digests, clipped samples and counts must be exactly right.
mod cost;
mod machine;

use std::collections::{HashSet, VecDeque};

use self::machine::*;
use super::*;

/// Why a resume would refuse the state that a death left, or what in it is not exactly right.
fn refuse(state: &State) -> std::result::Result<(), String> {
    let machine = Machine::new(state, Mistake::None);
    let demand = |holds: bool, what: &str, whose: u32| if holds { Ok(()) } else { Err(format!("{what} {whose}")) };
    let mut counted = 0;
    let mut redo_blocks_in_image = [None; CHUNKS as usize];
    for slot in 0..SLOTS {
        let load = |word| machine.load(word).expect("memory");
        let slot_state = slot_state(&machine, slot)
            .expect("memory")
            .ok_or(format!("slot state of slot {slot}"))?;
        let hint = machine.codec.read_hint(slot, load(Word::Hint(slot)));
        let count = machine.codec.read_count(slot, load(Word::Count(slot)));
        let (hint, count) = hint.zip(count).ok_or(format!("hint or count of slot {slot}"))?;
        demand(hint < CHUNKS, "no chunk in the hint of slot", slot)?;
        counted += count.chunks;
        let (on, known, is_finished) = match slot_state {
            SlotState::Empty => continue,
            SlotState::Idle {
                chunk,
                redo_block,
                before,
            } => (chunk, (redo_block, before), false),
            SlotState::Finished {
                chunk,
                redo_block,
                before,
                after,
            } => {
                let exact = after == oracle(chunk, redo_block + 1);
                demand(exact, "digest or counts of the redo block in slot", slot)?;
                let bytes = digest(before.digest, &state.slots[slot as usize]);
                demand(bytes == after.digest, "bytes in slot", slot)?;
                (chunk, (redo_block, before), true)
            }
        };
        demand(on == hint, "another hint than chunk in slot", slot)?;
        demand(
            known.0 + u32::from(is_finished) <= REDO_BLOCKS[on as usize],
            "too many redo blocks in slot",
            slot,
        )?;
        demand(known.1 == oracle(on, known.0), "digest or counts in slot", slot)?;
        match chunk(&machine, on).expect("memory") {
            Some(ChunkState::Taken { slot: taker }) => demand(taker == slot, "taken by another, chunk of slot", slot)?,
            Some(ChunkState::Done { digest, .. }) => {
                let is_past = !is_finished && known.0 == REDO_BLOCKS[on as usize] && digest == known.1.digest;
                demand(is_past, "done too early, chunk of slot", slot)?;
                counted += u32::from(count.last != Some(on));
            }
            _ => demand(false, "not taken, chunk of slot", slot)?,
        }
        redo_blocks_in_image[on as usize] = Some((known.0, is_finished));
    }
    let mut done = 0;
    for on in 0..CHUNKS {
        let redo_blocks = REDO_BLOCKS[on as usize];
        let (in_image, in_flight) = match chunk(&machine, on).expect("memory").ok_or(format!("chunk {on}"))? {
            ChunkState::Free => (0, false),
            ChunkState::Taken { slot } => {
                let hint = machine.load(Word::Hint(slot)).expect("memory");
                demand(machine.codec.read_hint(slot, hint) == Some(on), "no hint of chunk", on)?;
                redo_blocks_in_image[on as usize].unwrap_or((0, false))
            }
            ChunkState::Done { counts, digest } => {
                done += 1;
                let all = ChunkPrefix { digest, counts };
                demand(all == oracle(on, redo_blocks), "digest or counts of chunk", on)?;
                (redo_blocks, false)
            }
        };
        for (redo_block, at) in (0..redo_blocks).map(|redo_block| (redo_block, place(on, redo_block))) {
            let pixels = at..at + REDO_BLOCK_PIXELS;
            for (&old, &is) in IMAGE[pixels.clone()].iter().zip(&state.image[pixels]) {
                let is_right = match redo_block < in_image {
                    true => is == old.saturating_add(AMOUNT),
                    // In any mixture.
                    false if in_flight && redo_block == in_image => is == old || is == old.saturating_add(AMOUNT),
                    false => is == old,
                };
                demand(is_right, "pixels of chunk", on)?;
            }
        }
    }
    demand(done == counted, "too many or too few counted of chunks done:", done)
}

/// What is wrong when all should be done.
fn wrong_end(state: &State) -> Option<String> {
    if state.image != IMAGE.map(|pixel| pixel.saturating_add(AMOUNT)) {
        return Some("a wrong image".to_owned());
    }
    let machine = Machine::new(state, Mistake::None);
    let all_done = (0..CHUNKS).all(|on| matches!(chunk(&machine, on), Ok(Some(ChunkState::Done { .. }))));
    let all_empty = (0..SLOTS).all(|slot| matches!(slot_state(&machine, slot), Ok(Some(SlotState::Empty))));
    match refuse(state) {
        Err(why) => Some(why),
        Ok(()) if !all_done || !all_empty => Some("not all is done".to_owned()),
        Ok(()) => None,
    }
}

/// Kills at every step from every state that can arise; returns the number of states and of steps, or what was wrong
/// first: of a state, if those `are_checked`, or of an end.
fn explore(mistake: Mistake, are_checked: bool) -> std::result::Result<(usize, usize), String> {
    let mut seen = HashSet::from([fresh()]);
    let mut queue = VecDeque::from([fresh()]);
    let mut steps = 0;
    while let Some(state) = queue.pop_front() {
        let alls = (0..SLOTS).map(|shift| Work::All { shift });
        for who in alls.chain((0..SLOTS).map(|slot| Work::Alone { slot })) {
            let machine = Machine::new(&state, mistake);
            work(&machine, who);
            let left = machine.left.into_inner();
            steps += left.len();
            if let (Work::All { .. }, Some(why)) = (who, wrong_end(left.last().unwrap_or(&state))) {
                return Err(format!("at the end: {why}"));
            }
            for state in left {
                if are_checked && !seen.contains(&state) {
                    refuse(&state).map_err(|why| format!("refused: {why}"))?;
                }
                if seen.insert(state.clone()) {
                    queue.push_back(state);
                }
            }
        }
    }
    Ok((seen.len(), steps))
}

#[test]
fn killed_after_every_step_of_work_and_recovery_it_ends_exact() {
    let (states, steps) = explore(Mistake::None, true).expect("an exact image, and every state believed");
    println!("{states} states, {steps} steps");
    assert!(states > 10_000, "{states} states are too few to be all");
}

#[test]
fn every_broken_rule_is_found() {
    for mistake in MISTAKES {
        let checked = explore(mistake, true).expect_err("a wrong state or end");
        // Whoever believes every journal comes to a wrong end, but for two mistakes that a recovery makes good: they
        // only leave states that are refused.
        let believed = explore(mistake, false);
        let is_made_good = matches!(mistake, Mistake::DigestAfterDone | Mistake::CountBeforeDone);
        assert_eq!(believed.is_ok(), is_made_good, "{mistake:?}: {believed:?}");
        println!("{mistake:?}: believed: {believed:?}; checked: {checked}");
    }
}
