//! Jobs that are told apart, from each other and from what somebody else put there.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, chown};

use pagelight::claim::{ClaimOutcome, Request, claim};
use pagelight::engine::Settings;
use pagelight::job::{Job, Target};
use pagelight::journal::Journal;
use pagelight::journal::protocol;
use pagelight::journal::words::ChunkState;
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::op::Op;
use pagelight::pixel::PixelFormat;
use rustix::process::Signal;

use crate::common::{self, done_bytes};
use crate::unfinished::{Holds, Random, Rig, open, stopped_where};
use crate::{assert_clean, check, edit_of, killed, next_tick, on};

/// Two jobs on windows that do not overlap, with one CRC-32.
fn jobs_that_look_alike(job: &Job, pixels: u64) -> [Job; 2] {
    let format: PixelFormat = job.target.description.format.parse().expect("a format");
    let layout = Layout::run(0, pixels, format).expect("a layout");
    let (mut known, mut random) = (HashMap::new(), Random::new());
    // Of 2^16 and more some two have it.
    for _ in 0..10_000_000 {
        let (offset, length) = (random.up_to(pixels - 64) * 8, (1 + random.up_to(64)) * 8);
        let target = Target::of_run(&layout, offset, length, &format.channels.color(), &format.names());
        let amount = 1 + i32::try_from(random.up_to(20_000)).expect("small");
        let job = Job {
            op: Op::Brighten { amount },
            target: target.expect("a target"),
        };
        let window = job.target.window.clone();
        match known.insert(crc32fast::hash(&job.to_bytes()), job.clone()) {
            Some(other) if !other.target.window.overlaps(&window) => return [other, job],
            _ => {}
        }
    }
    panic!("there are no two");
}

/// Leaves a job that was cut short before its first byte.
pub(crate) fn begin(image: &MappedFile, job: &Job) {
    let settings = Settings {
        threads: 1,
        memory_bytes: 1 << 23,
    };
    let request = Request {
        job,
        chunk_plan: settings.chunk_plan(&job.target.window),
        slots: 8,
        token: "",
        folder: None,
    };
    assert!(matches!(claim(image, &request), Ok(ClaimOutcome::Granted(_))));
}

/// Both are there at once: claimed, and cut short before their first byte.
#[test]
fn windows_that_look_alike() {
    let rig = Rig::small();
    let jobs = jobs_that_look_alike(&rig.job(), rig.image.width * rig.image.height);
    let mut wanted = rig.before.clone();
    let image = MappedFile::open(&rig.path, Access::ReadWrite).expect("opened");
    for job in &jobs {
        begin(&image, job);
        let mut edited = rig.before.clone();
        let Op::Brighten { amount } = job.op else {
            unreachable!("as made above");
        };
        rig.image.brighten(0, &mut edited, rig.part, amount.into());
        let bytes = job.target.window.bounds(0..job.target.window.bytes());
        let part = usize::try_from(bytes.start).expect("small")..usize::try_from(bytes.end).expect("small");
        wanted[part.clone()].copy_from_slice(&edited[part]);
    }
    assert_eq!(rig.journals().len(), 2);
    check(&rig.edit_words(), 3, &["in the way"]);
    check(&on("resume", &rig.path, &[]), 0, &[]);
    assert!(fs::read(&rig.path).expect("read") == wanted);
    assert_eq!(rig.names(), std::slice::from_ref(&rig.path));
}

#[test]
fn two_runs_at_once_with_journals_in_two_places() {
    let rig = Rig::of_rows(1024);
    let places = [common::folder(), common::folder()];
    let [one, two] = places
        .each_ref()
        .map(|place| format!("--journal={}", common::word(place.path())));
    let in_first_half = |journal: &Journal| {
        let all = journal.header().chunk_plan.window_bytes();
        (1..all / 2).contains(&done_bytes(journal))
    };
    let words = edit_of(&rig, &rig.path, &["--threads=1"]);
    let running = stopped_where(&rig, &words, || rig.reset(), in_first_half);
    check(&edit_of(&rig, &rig.path, &[&one]), 2, &["its journals are in"]);
    check(&edit_of(&rig, &rig.path, &[]), 75, &["is at work there"]);
    running.signal(Signal::CONT);
    assert_eq!(running.wait().status.code(), Some(0));
    assert_clean(&rig);
    // One that begins as the other ends finds nothing of it.
    rig.reset();
    let running = crate::unfinished::start(&edit_of(&rig, &rig.path, &[&one]));
    let output = crate::unfinished::run_words(&edit_of(&rig, &rig.path, &[&two]));
    let first = running.wait();
    let codes = [first.status.code(), output.status.code()];
    let edits = codes.iter().filter(|&&code| code == Some(0)).count();
    let mut wanted = rig.before.clone();
    for _ in 0..edits {
        rig.image.brighten(0, &mut wanted, rig.part, rig.amount);
    }
    assert!(
        edits > 0 && codes.iter().all(|code| matches!(code, Some(0 | 2 | 75))),
        "{codes:?}"
    );
    assert!(fs::read(&rig.path).expect("read") == wanted, "{codes:?}");
    assert!(
        places
            .iter()
            .all(|place| place.path().read_dir().expect("read").next().is_none())
    );
}

/// Where anybody may put files, somebody else's journals say nothing, whatever they say.
#[test]
fn forged_journals_in_a_folder_for_all() {
    if !common::is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    for id in [None, Some("--id=x")] {
        let rig = killed();
        fs::set_permissions(rig.folder.path(), fs::Permissions::from_mode(0o1777)).expect("set");
        if id.is_some() {
            check(&on("resume", &rig.path, &[]), 0, &[]);
            check(&edit_of(&rig, &rig.path, &["--id=x"]), 0, &[]);
        }
        let folder = rig.journal_folders().remove(0);
        let aside = common::folder();
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .arg(&folder)
            .arg(aside.path())
            .status();
        assert!(copied.expect("cp").success());
        check(&on("abandon", &rig.path, &["--yes"]), 0, &[]);
        check(&on("forget", &rig.path, &["--all"]), 0, &[]);
        fs::write(&rig.path, &rig.before).expect("restored");
        assert_eq!(rig.names(), std::slice::from_ref(&rig.path));
        let forged = aside.path().join(folder.file_name().expect("a name"));
        let moved = std::process::Command::new("cp")
            .arg("-a")
            .args([&forged, &folder])
            .status();
        assert!(moved.expect("cp").success());
        let files = folder
            .read_dir()
            .expect("read")
            .map(|entry| entry.expect("an entry").path());
        for path in files.chain([folder.clone()]) {
            chown(path, Some(12_345), None).expect("given away");
        }
        let more: Vec<&str> = id.into_iter().collect();
        check(&on("resume", &rig.path, &[]), 0, &["nothing to resume"]);
        check(&edit_of(&rig, &rig.path, &more), 0, &["samples clipped"]);
        assert_eq!(rig.holds(), Holds::After);
    }
}

/// What is not done yet is edited as it is then, once.
#[test]
fn what_is_not_done_yet_is_changed_by_others() {
    let rig = Rig::small();
    rig.cut_short_with(|journal, slot_states| {
        let last = protocol::chunk(journal, journal.header().chunks() - 1);
        matches!(last, Ok(Some(ChunkState::Free))) && slot_states.len() <= 1 && done_bytes(journal) > 0
    });
    next_tick();
    let journal = open(&rig.journal());
    let last = journal
        .header()
        .chunk_plan
        .chunk(u64::from(journal.header().chunks() - 1))
        .part;
    let at = usize::try_from(last.start).expect("small");
    let mut base = rig.before.clone();
    base[at..].fill(0x21);
    let image = fs::File::options().write(true).open(&rig.path).expect("opened");
    image.write_all_at(&base[at..], at as u64).expect("written");
    check(&on("resume", &rig.path, &[]), 0, &["samples clipped"]);
    let pixels = usize::try_from(rig.image.data().end).expect("small");
    rig.image.brighten(0, &mut base[..pixels], rig.part, rig.amount);
    assert!(fs::read(&rig.path).expect("read") == base);
}
