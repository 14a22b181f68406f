//! Processes of a job are killed, stopped and interrupted at any moment: the image is the oracle's bit for bit, and
//! nothing is left.

mod common;
mod workers;

use std::time::Duration;

use common::{done_bytes, long};
use rustix::process::Signal;
use workers::{Bed, Dice, Run, signal, signal_group, state_of, stop, wait_for_nobody};

/// Whom a storm kills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    OneWorker,
    TwoWorkers,
    AllWorkersButOne,
    AllWorkers,
    Coordinator,
    CoordinatorAndWorkers,
}

impl Whom {
    fn is_coordinator_among(self) -> bool {
        matches!(self, Whom::Coordinator | Whom::CoordinatorAndWorkers)
    }
}

/// When it does.
#[derive(Clone, Copy, Debug)]
enum When {
    Start,
    Work,
    /// As soon as somebody has a chunk half-way.
    Chunk,
    End,
}

/// What a storm did.
#[derive(Debug, Default)]
struct Count {
    runs: u32,
    kills: u32,
    /// Of processes that had a chunk half-way.
    in_a_chunk: u32,
    coordinators: u32,
    longest_orphan: Duration,
}

/// Kills until there were `kills`.
fn storm(bed: &Bed, whom: Whom, kills: u32, dice: &mut Dice) -> Count {
    let mut count = Count::default();
    while count.kills < kills {
        let when = dice.pick(&[When::Start, When::Work, When::Chunk, When::Chunk, When::End]);
        bed.restore();
        count.runs += 1;
        let mut run = bed.start(&["--processes=4", "--threads=1", "--no-sync"]);
        if whom.is_coordinator_among() {
            strike(&mut run, whom, when, dice, &mut count);
            drop(run.end());
            finish(bed, whom, dice, &mut count);
        } else {
            // As often as there is somebody to be killed, but not so often that nobody is left to do the work.
            for _ in 0..1 + dice.roll(2) {
                strike(&mut run, whom, when, dice, &mut count);
            }
            run.end().assert_done(bed);
        }
        bed.assert_exact();
    }
    count
}

/// Waits for the moment, and kills.
fn strike(run: &mut Run, whom: Whom, when: When, dice: &mut Dice, count: &mut Count) {
    let mut aimed_at = None;
    let is_there = match when {
        When::Start if dice.roll(2) == 0 => {
            std::thread::sleep(Duration::from_micros(dice.roll(12_000)));
            true
        }
        When::Start => run.wait_until(|run| !run.workers().is_empty()),
        When::Work => run.wait_for_share(dice.roll(90) as f64 / 100.0),
        When::Chunk => {
            aimed_at = match dice.roll(2) {
                0 => run.catch_in_a_chunk(),
                _ => run
                    .wait_for_share(dice.roll(90) as f64 / 100.0)
                    .then(|| run.wait_for_a_chunk())
                    .flatten(),
            };
            aimed_at.is_some()
        }
        When::End => run.wait_for_share(0.95),
    };
    let mut victims = run.workers();
    for at in (1..victims.len()).rev() {
        victims.swap(at, workers::index(dice.roll(at as u64 + 1)));
    }
    victims.sort_by_key(|&victim| Some(victim) != aimed_at);
    victims.truncate(match whom {
        Whom::OneWorker => 1,
        Whom::TwoWorkers => 2,
        Whom::AllWorkersButOne => victims.len().saturating_sub(1),
        Whom::AllWorkers | Whom::CoordinatorAndWorkers => victims.len(),
        Whom::Coordinator => 0,
    });
    if !is_there && !whom.is_coordinator_among() {
        return;
    }
    if whom.is_coordinator_among() {
        victims.insert(0, run.process());
    }
    // Now and then without a look at what they do: stopped before, they die no longer anywhere.
    if dice.roll(4) > 0 {
        victims.iter().for_each(|&victim| stop(victim));
        let in_a_chunk = |victim: &&u32| run.is_in_a_chunk(**victim);
        count.in_a_chunk += u32::try_from(victims.iter().filter(in_a_chunk).count()).expect("few");
    }
    for &victim in &victims {
        count.kills += u32::from(state_of(victim).is_some_and(|state| state != 'Z'));
        signal(victim, Signal::KILL);
    }
    count.coordinators += u32::from(whom.is_coordinator_among());
}

/// What a user does after the coordinator's death: at once or after a while.
fn finish(bed: &Bed, whom: Whom, dice: &mut Dice, count: &mut Count) {
    if dice.roll(2) == 0 {
        let orphaned = wait_for_nobody(&bed.path);
        if whom == Whom::Coordinator {
            count.longest_orphan = count.longest_orphan.max(orphaned);
        }
        for job in bed.status()["jobs"].as_array().expect("a list") {
            assert!(job["state"] == "paused" || job["state"] == "interrupted", "{job}");
        }
    }
    let words: &[&str] = dice.pick(&[&["--processes=2"] as &[&str], &["--processes=1"], &["--processes=4"]]);
    let ended = bed.resume(words);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    if ended.stdout.contains("\"resumed\":0") {
        // Either it was killed before there was a journal, or after the journal's end.
        if std::fs::read(&bed.path).expect("read") == bed.before {
            bed.assert_nothing_left();
            let ended = bed.start(&["--processes=2"]).end();
            ended.assert_done(bed);
        }
    } else {
        ended.assert_done(bed);
    }
    // The orphans of a run that was over before they had begun.
    wait_for_nobody(&bed.path);
}

fn all_storms(kills: u32, mebibytes: u64) {
    let bed = Bed::of_mebibytes(mebibytes);
    let mut dice = Dice(0x5eed_0004);
    let (mut all, mut in_a_chunk) = (0, 0);
    for (whom, share) in [
        (Whom::OneWorker, 3),
        (Whom::TwoWorkers, 3),
        (Whom::AllWorkersButOne, 3),
        (Whom::AllWorkers, 2),
        (Whom::Coordinator, 2),
        (Whom::CoordinatorAndWorkers, 3),
    ] {
        let count = storm(&bed, whom, kills * share / 16, &mut dice);
        eprintln!("{whom:?}: {count:?}");
        all += count.kills;
        in_a_chunk += count.in_a_chunk;
    }
    eprintln!("{all} kills, {in_a_chunk} of them seen to hit a process with a chunk half-way");
    assert!(in_a_chunk > 0, "no kill hit a live slot");
}

#[test]
fn kills_at_any_moment_leave_the_image_exact() {
    all_storms(64, 16);
}

#[test]
fn a_thousand_kills() {
    if long() {
        all_storms(1200, 48);
    }
}

#[test]
fn a_killed_worker_is_told_of_and_replaced() {
    let bed = Bed::of_mebibytes(32);
    let mut run = bed.start_frozen(3, &["--threads=1", "--grace=300", "-v"]);
    let workers = run.workers();
    let victim = workers[1];
    signal(victim, Signal::KILL);
    // All others stand still, so work is left, and there must be a fourth.
    assert!(run.wait_until(|run| run.workers().iter().any(|worker| !workers.contains(worker))));
    let ended = run.thaw();
    ended.assert_done(&bed);
    let line = format!("worker 2 (pid {victim}) was killed; its work was taken over");
    assert!(ended.stderr.lines().any(|told| told == line), "{ended:?}");
    assert_eq!(ended.killed(), 1);
    assert!(ended.stderr.contains("worker 4 (pid "), "{ended:?}");
    bed.assert_exact();
}

#[test]
fn the_work_of_the_last_worker_is_taken_over_when_nobody_may_replace_it() {
    let bed = Bed::of_mebibytes(4);
    for share in [0.0, 0.3, 0.9] {
        bed.restore();
        let mut run = bed.start(&["--processes=2", "--threads=2", "--no-sync"]);
        let mut killed = 0;
        // More often than one round allows: 3 x 2.
        while killed < 9 && run.wait_until(|run| run.workers().iter().any(|&worker| state_of(worker) != Some('Z'))) {
            if share > 0.0 {
                run.wait_for_share(share);
            }
            run.workers()
                .into_iter()
                .for_each(|worker| signal(worker, Signal::KILL));
            killed += 1;
        }
        run.end().assert_done(&bed);
        bed.assert_exact();
    }
}

#[test]
fn replacement_is_bounded() {
    let bed = Bed::of_mebibytes(16);
    // On a busy machine the work may be done between two kills.
    for _ in 0..300 {
        bed.restore();
        let mut run = bed.start(&["--processes=2", "--threads=1", "--no-sync"]);
        let mut victims = std::collections::BTreeSet::new();
        while run.wait_until(|run| !run.workers().is_empty()) {
            for worker in run.workers() {
                victims.insert(worker);
                signal(worker, Signal::KILL);
            }
            assert!(victims.len() <= 24, "more than four rounds of 3 x 2: {victims:?}");
        }
        let ended = run.end();
        if ended.code() == Some(0) {
            ended.assert_done(&bed);
            continue;
        }
        assert_eq!(ended.code(), Some(74), "{ended:?}");
        assert!(victims.len() >= 6, "{victims:?}");
        let error: Vec<&str> = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with("pagelight: "))
            .collect();
        assert!(
            matches!(error[..], [line] if line.contains("worker after worker was killed")),
            "{ended:?}"
        );
        bed.resume(&["--processes=2"]).assert_done(&bed);
        bed.assert_exact();
        return;
    }
    panic!("no run was ever out of workers");
}

#[test]
fn a_worker_that_stands_still_is_ended_after_the_grace() {
    let bed = Bed::of_mebibytes(32);
    let (run, victim) = start_and_stop_one(&bed, &["--processes=2", "--threads=1", "--grace=0.5"]);
    let ended = run.end();
    ended.assert_done(&bed);
    let words = format!("(pid {victim}) stood still and was ended; its work was taken over");
    assert!(ended.stderr.contains(&words), "{ended:?}");
    bed.assert_exact();
}

/// Runs the job until a worker of it could be stopped half-way in a chunk.
fn start_and_stop_one(bed: &Bed, words: &[&str]) -> (Run, u32) {
    for _ in 0..100 {
        bed.restore();
        let mut run = bed.start(words);
        if let Some(victim) = run.catch_in_a_chunk() {
            return (run, victim);
        }
        run.end().assert_done(bed);
    }
    panic!("no worker was ever in a chunk");
}

#[test]
fn a_worker_that_goes_on_within_the_grace_is_not_ended() {
    let bed = Bed::of_mebibytes(32);
    let (mut run, victim) = start_and_stop_one(&bed, &["--processes=2", "--threads=1", "--grace=300"]);
    // All else is done when the other worker has ended.
    assert!(run.wait_until(|run| run.workers().len() == 1));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(state_of(victim), Some('T'));
    signal(victim, Signal::CONT);
    let ended = run.end();
    ended.assert_done(&bed);
    assert_eq!(ended.stderr, "");
    bed.assert_exact();
}

#[test]
fn a_worker_that_stands_still_does_not_hold_up_another_ones_error() {
    let bed = Bed::of_mebibytes(32);
    let bytes = bed.before.len() as u64;
    let (ended, victim) = loop {
        let (run, victim) = start_and_stop_one(&bed, &["--processes=2", "--threads=1", "--grace=0.5"]);
        let others: Vec<u32> = run.workers().into_iter().filter(|&worker| worker != victim).collect();
        others.iter().for_each(|&other| stop(other));
        let file = std::fs::File::options().write(true).open(&bed.path).expect("the image");
        file.set_len(bytes / 8).expect("truncated");
        others.into_iter().for_each(|other| signal(other, Signal::CONT));
        let ended = run.end();
        if ended.code() != Some(0) {
            break (ended, victim);
        }
        // What was left of the work lay before the new end.
    };
    // 74 by a worker that reached for what is gone, 65 by one that was started later and found another length.
    assert!(matches!(ended.code(), Some(74 | 65)), "{ended:?}");
    assert_eq!(state_of(victim), None);
    wait_for_nobody(&bed.path);
}

#[test]
fn ctrl_c_pauses_the_job_whoever_it_reaches() {
    let bed = Bed::of_mebibytes(32);
    for to_all in [true, false, true, false] {
        for kind in [Signal::INT, Signal::TERM, Signal::HUP] {
            let mut run = bed.start_frozen(3, &["--threads=1", "--grace=300"]);
            if to_all {
                signal_group(run.process(), kind)
            } else {
                signal(run.process(), kind)
            }
            run.wait_for_the_stop();
            let ended = run.thaw();
            assert_eq!(ended.code(), Some(130), "{ended:?}");
            // A worker that was just being started may have been in the group still, and be told of as killed.
            let errors: Vec<&str> = ended
                .stderr
                .lines()
                .filter(|line| !line.starts_with("worker "))
                .collect();
            assert!(
                matches!(errors[..], [line] if line.contains("pagelight resume")),
                "{ended:?}"
            );
            assert_eq!(workers::processes_on(&bed.path), Vec::<u32>::new());
            let status = bed.status();
            let job = &status["jobs"][0];
            assert_eq!(job["state"], "paused");
            assert!(
                job["done_bytes"].as_u64() < job["window_bytes"].as_u64(),
                "workers do not obey: {job}"
            );
            bed.resume(&["--processes=2"]).assert_done(&bed);
            bed.assert_exact();
        }
    }
}

#[test]
fn ctrl_c_at_any_moment_leaves_the_image_exact() {
    let bed = Bed::of_mebibytes(16);
    let mut dice = Dice(0xc791c);
    for _ in 0..if long() { 300 } else { 25 } {
        bed.restore();
        let mut run = bed.start(&["--processes=3", "--threads=1", "--no-sync"]);
        run.wait_until(|run| run.journal().is_some());
        std::thread::sleep(Duration::from_micros(dice.roll(30_000)));
        signal_group(run.process(), Signal::INT);
        let ended = run.end();
        match ended.code() {
            Some(0) => ended.assert_done(&bed),
            _ => {
                assert_eq!(ended.code(), Some(130), "{ended:?}");
                bed.resume(&["--processes=2"]).assert_done(&bed);
            }
        }
        bed.assert_exact();
    }
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_the_workers_follow() {
    let bed = Bed::of_mebibytes(32);
    // While the workers stand still, the first one cannot be obeyed.
    let mut run = bed.start_frozen(3, &["--threads=1", "--grace=300"]);
    let workers = run.workers();
    signal_group(run.process(), Signal::INT);
    run.wait_for_the_stop();
    assert!(!run.is_ended());
    signal_group(run.process(), Signal::INT);
    let ended = run.end();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&ended.status),
        Some(2),
        "{ended:?}"
    );
    workers.into_iter().for_each(|worker| signal(worker, Signal::CONT));
    wait_for_nobody(&bed.path);
    bed.resume(&["--processes=2"]).assert_done(&bed);
    bed.assert_exact();
}

#[test]
fn workers_end_when_the_coordinator_is_killed() {
    let bed = Bed::of_mebibytes(64);
    let (mut paused, mut stopped) = (0, 0);
    let rounds = if long() { 100 } else { 8 };
    // Not frozen before: the system itself ends stopped processes that lose their session's last tie.
    for round in 0..100 {
        // On a fast machine, or a busy one, workers are often done before they hear of it, so there are more rounds.
        if round >= rounds && paused > 0 && stopped > 0 {
            break;
        }
        bed.restore();
        let mut run = bed.start(&["--processes=3", "--threads=2"]);
        if !run.wait_for_share(0.03 * f64::from(round % 8)) {
            run.end().assert_done(&bed);
            continue;
        }
        signal(run.process(), Signal::KILL);
        drop(run.end());
        wait_for_nobody(&bed.path);
        let status = bed.status();
        let job = &status["jobs"][0];
        if job.is_null() {
            bed.assert_exact();
            continue;
        }
        stopped += u32::from(job["done_bytes"].as_u64() < job["window_bytes"].as_u64());
        assert!(job["state"] == "paused" || job["state"] == "interrupted", "{job}");
        paused += u32::from(job["state"] == "paused");
        bed.resume(&["--processes=4"]).assert_done(&bed);
        bed.assert_exact();
    }
    eprintln!("{stopped} runs stopped by their workers, {paused} of them paused");
    assert!(paused > 0, "orphans never pause the job");
    assert!(stopped > 0, "orphans finish the job");
}

#[test]
fn a_resume_right_after_the_coordinators_death_is_busy_or_right() {
    let bed = Bed::of_mebibytes(16);
    let mut dice = Dice(77);
    for _ in 0..if long() { 300 } else { 20 } {
        bed.restore();
        let mut run = bed.start(&["--processes=4", "--threads=1", "--no-sync"]);
        // Some of the orphans have only just been started.
        run.wait_until(|run| !run.workers().is_empty());
        std::thread::sleep(Duration::from_micros(dice.roll(4000)));
        signal(run.process(), Signal::KILL);
        let resumed = bed.resume(&["--processes=2"]);
        drop(run.end());
        // If it was faster than the kill, nothing was left to resume.
        if !resumed.stdout.contains("\"resumed\":0") {
            resumed.assert_done(&bed);
        }
        wait_for_nobody(&bed.path);
        bed.assert_exact();
    }
}

/// Asks runs of two workers to stand still, until one does with work left; then `next` has it.
fn after_ctrl_z(bed: &Bed, next: impl Fn(Run)) {
    // It may be over before it is asked.
    for _ in 0..100 {
        bed.restore();
        let mut run = bed.start(&["--processes=2", "--threads=1", "--no-sync", "--grace=0.5"]);
        run.wait_until(|run| run.workers().len() == 2 && run.is_at_work());
        signal_group(run.process(), Signal::TSTP);
        run.wait_until(|run| state_of(run.process()) == Some('T'));
        // A worker hears of it a moment later.
        std::thread::sleep(Duration::from_millis(50));
        if run.workers().len() == 2
            && run
                .journal()
                .is_some_and(|journal| journal.has_free_chunks().expect("read"))
        {
            return next(run);
        }
        signal_group(run.process(), Signal::CONT);
        run.end().assert_done(bed);
        bed.assert_exact();
    }
    panic!("none stood still in its midst");
}

#[test]
fn ctrl_z_holds_the_workers_too() {
    let bed = Bed::of_mebibytes(128);
    after_ctrl_z(&bed, |mut run| {
        let done = |run: &mut Run| run.journal().map(done_bytes);
        let before = done(&mut run);
        // Longer than workers may stand still that nobody has told to.
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(done(&mut run), before);
        signal_group(run.process(), Signal::CONT);
        let ended = run.end();
        ended.assert_done(&bed);
        assert_eq!(ended.stderr, "");
        bed.assert_exact();
    });
}

#[test]
fn workers_that_are_held_end_with_their_coordinator() {
    let bed = Bed::of_mebibytes(128);
    for _ in 0..if long() { 100 } else { 3 } {
        after_ctrl_z(&bed, |run| {
            signal(run.process(), Signal::KILL);
            drop(run.end());
            wait_for_nobody(&bed.path);
            bed.resume(&["--processes=2"]).assert_done(&bed);
            bed.assert_exact();
        });
    }
}
