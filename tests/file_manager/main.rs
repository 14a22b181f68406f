//! A monkey at the file manager with several images: jobs are killed or stopped, files are moved, copied, swapped,
//! restored and replaced, journals are removed and put back, and then somebody goes on, on any of the files. After
//! every command each file is judged.
//!
//! The judge knows one thing of a file: what it would hold if nothing of the job under way were done (`base`). Whatever
//! the user writes goes into it. A command that says that all is well must have left just the edit of that, in every
//! sample; one that refuses must have changed nothing; and none may touch a file, or the journal of an image, that it
//! was not given.
//!
//! Where nothing is left that could tell a half-edited file from a picture (it lost its attributes, and its journals
//! are elsewhere, or it is a plain copy), it is one. That is not counted as wrong, but counted.

mod actions;
#[path = "../common/mod.rs"]
mod common;
mod judge;
#[path = "../unfinished/mod.rs"]
mod unfinished;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use unfinished::Random;
use world::World;

/// What has happened.
#[derive(Debug, Default)]
struct Counts {
    rounds: u32,
    /// Jobs that were cut short with some bytes edited, and journals with a slot in use.
    half_done: u32,
    live_slots: u32,
    /// Runs that had not begun or were through when the signal came.
    missed: u32,
    actions: BTreeMap<String, u32>,
    /// What came of the commands.
    ends: BTreeMap<String, u32>,
}

/// One round; `false` if no job was cut short in it.
fn round(random: &mut Random, number: u32, longest: &mut Duration, counts: &mut Counts) -> bool {
    let mut world = World::new(random, number.is_multiple_of(2));
    world.begin_all(longest, counts);
    if !world.has_unfinished() {
        return false;
    }
    for _ in 0..1 + world.random.up_to(2) {
        for _ in 0..1 + world.random.up_to(3) {
            world.act(counts);
        }
        world.choose_a_file();
        world.command(counts);
    }
    true
}

fn rounds(many: u32) {
    let (mut random, mut counts) = (Random::new(), Counts::default());
    let (begun, mut longest) = (Instant::now(), Duration::from_millis(1));
    let mut number = 0;
    while counts.rounds < many {
        number += 1;
        counts.rounds += u32::from(round(&mut random, number, &mut longest, &mut counts));
        if number % 1000 == 0 {
            eprintln!("{} of {many} rounds in {:?}", counts.rounds, begun.elapsed());
        }
    }
    eprintln!("{counts:#?} in {:?}", begun.elapsed());
    assert!(counts.half_done > many / 8, "aimed badly");
}

#[test]
fn a_few_rounds() {
    rounds(200);
}

#[test]
fn thousands_of_rounds() {
    if common::long() {
        rounds(10_000);
    }
}

/// The judge's own eyes: an image that was edited twice is seen.
#[test]
#[should_panic(expected = "exit 0 and wrong")]
fn an_image_that_is_edited_twice_is_seen() {
    let mut random = Random::new();
    let mut counts = Counts::default();
    let mut world = World::new(&mut random, false);
    let path = world.current.clone();
    let words = world.brighten(&path, &[]);
    unfinished::run_words(&words);
    // As if it had never been.
    world.run_and_judge(&words, &mut counts);
}
