//! Many processes on one image do what one would: the bytes are the oracle's, errors are one line, and it works from
//! wherever a program is started. What comes of deaths is in `siblings_death.rs`.

mod common;
mod workers;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use common::{ForOthers, Image, PROGRAM, Part, folder, is_root, long, memory_folder, pagelight, word};
use pagelight::chunk_plan::ChunkPlan;
use pagelight::claim::ImageJobs;
use pagelight::coordinator::Workers;
use pagelight::engine::Settings;
use pagelight::job::Target;
use pagelight::layout::Layout;
use pagelight::map::{Access, MappedFile};
use pagelight::run::{self, Options, Outcome};
use workers::{Bed, Dice, Run, index, locks_in, names, signal, signal_group, wait_for_nobody};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::process::Signal;

const PROCESSES: [u64; 3] = [1, 2, 4];
const THREADS: [u64; 2] = [1, 2];
const FORMATS: [&str; 4] = ["rgb:u16le", "rgba:u16be", "gray:i16be", "graya:u16le"];
const OFFSETS: [u64; 4] = [0, 1, 4095, 4097];

/// Sizes of a window at which something of its chunk plan begins: where the program with so many threads divides a
/// window of about the sizes that all share.
fn sizes(all_threads: u64) -> Vec<u64> {
    let (redo_block, chunk) = (ChunkPlan::REDO_BLOCK_BYTES as u64, ChunkPlan::CHUNK_BYTES);
    let mut sizes = vec![
        24,
        4096,
        redo_block,
        chunk,
        4 * all_threads * redo_block,
        4 * all_threads * chunk,
    ];
    if long() {
        sizes.extend([
            all_threads * 24,
            2 << 20,
            4 * all_threads * Settings::MIN_THREAD_MEMORY_BYTES,
        ]);
    }
    for about in sizes.clone() {
        let layout = Layout::run(0, about / 8, "rgba:u16le".parse().expect("a format")).expect("a layout");
        let settings = Settings {
            threads: index(all_threads),
            memory_bytes: Settings::DEFAULT_MEMORY_BYTES,
        };
        let chunk_plan = settings.chunk_plan(&Target::whole(&layout).expect("a target").window);
        sizes.extend([
            chunk_plan.chunk_bytes() * (chunk_plan.chunks() - 1),
            chunk_plan.span(0).end,
            chunk_plan.chunk_bytes() + chunk_plan.redo_block_bytes(),
        ]);
    }
    sizes.retain(|&bytes| bytes > 0);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

#[track_caller]
fn check(image: Image, part: Part, processes: u64, threads: u64) {
    let bed = Bed::new(image, part);
    let (p, t) = (format!("--processes={processes}"), format!("--threads={threads}"));
    let ended = bed.start(&[&p, &t, "--no-sync"]).end();
    assert_eq!(ended.code(), Some(0), "{image:?} {part:?} {p} {t}: {ended:?}");
    ended.assert_done(&bed);
    assert_eq!(ended.stderr, "");
    bed.assert_exact();
}

#[test]
fn linear_windows_are_exact_at_every_boundary() {
    let mut dice = Dice(0x11ea);
    for processes in PROCESSES {
        for threads in THREADS {
            for (at, bytes) in sizes(processes * threads).into_iter().enumerate() {
                for off in [-1, 0, 1] {
                    // In the short form one of the three, and large ones less often.
                    if !long() && (dice.roll(3) > 0 || (bytes > 1 << 20 && dice.roll(3) > 0)) {
                        continue;
                    }
                    let mut image = Image {
                        format: FORMATS[at % 4],
                        data_offset: dice.pick(&OFFSETS),
                        width: 0,
                        height: 1,
                    };
                    let pixel_bytes = image.pixel_bytes();
                    let pixels = (bytes / pixel_bytes).saturating_add_signed(off).max(1);
                    let before = dice.roll(3);
                    image.width = before + pixels + dice.roll(2);
                    let part = Part::Run(before * pixel_bytes, pixels * pixel_bytes);
                    check(image, part, processes, threads);
                }
            }
        }
    }
}

#[test]
fn rectangles_are_exact() {
    let (redo_block, chunk) = (ChunkPlan::REDO_BLOCK_BYTES as u64, ChunkPlan::CHUNK_BYTES);
    for processes in PROCESSES {
        for threads in THREADS {
            let all_threads = processes * threads;
            // Rows shorter and longer than a page, a redo block, a chunk.
            for (at, (row_bytes, rows)) in [(24, 700), (4096, 3), (redo_block, 40), (chunk, 5)]
                .into_iter()
                .enumerate()
            {
                if !long() && (at as u64 + all_threads).is_multiple_of(2) {
                    continue;
                }
                let mut image = Image {
                    format: FORMATS[at],
                    data_offset: OFFSETS[at],
                    width: 0,
                    height: rows + 2,
                };
                let width = row_bytes / image.pixel_bytes() + 1;
                image.width = width + 5;
                check(image, Part::Rect(3, 1, width, rows), processes, threads);
            }
        }
    }
}

#[test]
fn many_processes_on_next_to_nothing() {
    let pixel = |width| Image {
        format: "rgba:u16be",
        data_offset: 1,
        width,
        height: 1,
    };
    check(pixel(1), Part::Whole, 4, 1);
    check(pixel(1), Part::Whole, 4, 4);
    check(pixel(50), Part::Run(8, 8), 64, 1);
    check(pixel(5000), Part::Whole, 64, 2);
    let bed = Bed::new(pixel(9), Part::Whole);
    for wrong in ["0", "257", "-1", "x", ""] {
        let ended = bed.start(&[&format!("--processes={wrong}")]).end();
        ended.assert_failed(2, "--processes");
        bed.assert_bytes(&bed.before);
    }
}

#[test]
fn a_resume_may_have_more_hands_than_the_journal_has_slots() {
    let bed = Bed::of_mebibytes(32);
    let run = bed.start_frozen(2, &["--threads=1"]);
    let workers = run.workers();
    signal(run.process(), Signal::KILL);
    drop(run.end());
    workers.into_iter().for_each(|worker| signal(worker, Signal::CONT));
    // Eight slots.
    bed.resume(&["--processes=8", "--threads=4"]).assert_done(&bed);
    bed.assert_exact();
}

/// Options of a run by so many workers, which `command` starts.
fn with_workers(processes: u32, command: &[&str]) -> Options {
    Options {
        workers: Some(Workers {
            processes,
            command: command.iter().map(OsString::from).collect(),
            grace: workers::PATIENCE,
            suspend: None,
            stand_in: None,
            events: std::sync::mpsc::channel().0,
        }),
        sync: false,
        ..Options::default_here()
    }
}

#[test]
fn where_no_process_can_be_started_this_one_does_the_work() {
    let bed = Bed::of_mebibytes(2);
    let image = MappedFile::open(&bed.path, Access::ReadWrite).expect("opened");
    let job = bed.job();
    let mut options = with_workers(2, &["/nowhere/at/all"]);
    let no_matter = |_| ControlFlow::Continue(());
    let error = run::start(&job, &image, "", &options, &no_matter).expect_err("no worker");
    assert!(error.to_string().contains("start a worker"), "{error}");
    bed.assert_bytes(&bed.before);

    options.workers.as_mut().expect("workers").stand_in = Some(Settings::default_here());
    let found = ImageJobs::of(&image, None)
        .and_then(|jobs| jobs.pending())
        .expect("listed")
        .pop();
    let ended = run::resume(&image, found.expect("a job"), &options, &no_matter).expect("done");
    let Outcome::Done { counts, .. } = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(counts.clipped, bed.want_clipped);
    drop(image);
    bed.assert_exact();
}

#[test]
fn two_runs_side_by_side_share_a_page() {
    let image = Image {
        format: "rgb:u16le",
        data_offset: 1,
        width: 300_000,
        height: 1,
    };
    let middle = 900_006;
    let all = image.data().end - image.data_offset;
    let halves = [Part::Run(0, middle), Part::Run(middle, all - middle)];
    let bed = Bed::new(image, Part::Whole);
    for round in 0..if long() { 200 } else { 8 } {
        bed.restore();
        let words = |part: Part| {
            let mut words = bed.brighten(&[
                "--processes=2",
                if round % 2 == 0 { "--threads=2" } else { "--threads=1" },
            ]);
            words.splice(1..1, part.words().into_iter().map(Into::into));
            words
        };
        let runs = halves.map(|part| Run::start(&words(part), bed.folder.path()));
        let mut clipped = 0;
        for run in runs {
            let ended = run.end();
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            let object: serde_json::Value = serde_json::from_str(&ended.stdout).expect("an object");
            clipped += object["clipped_samples"].as_u64().expect("a number");
        }
        assert_eq!(clipped, bed.want_clipped);
        bed.assert_exact();
    }
}

#[test]
fn an_overlapping_run_is_refused_while_the_other_lives() {
    let bed = Bed::of_mebibytes(16);
    let run = bed.start_frozen(2, &["--threads=1", "--grace=300"]);
    // Else that none are left at the end would mean nothing.
    assert!(!locks_in(bed.folder.path()).is_empty(), "locks are not seen");
    let mut words = bed.brighten(&["--processes=2"]);
    words.extend(["--offset=80", "--length=8"].map(Into::into));
    let refused = Run::start(&words, bed.folder.path()).end();
    refused.assert_failed(75, &format!("process {} is at work there", run.process()));
    let refused = Run::start(&bed.words(&["resume", "--processes=2"]), bed.folder.path()).end();
    refused.assert_failed(75, "is at work there");
    run.thaw().assert_done(&bed);
    bed.assert_exact();
}

#[test]
fn status_tells_of_every_process() {
    let bed = Bed::of_mebibytes(256);
    // A machine may be so fast, or so busy, that not all of them are at work at the same time.
    for _ in 0..50 {
        let words = ["--processes=3", "--threads=2", "--grace=300"];
        let mut run = bed.freeze_when(3, || bed.start(&words), |run| run.slot_owners() == 6);
        let workers = run.workers();
        let all_are_told = look_at_three(&bed, &mut run, &workers);
        let ended = run.thaw();
        ended.assert_done(&bed);
        assert_eq!(ended.killed(), usize::from(all_are_told), "{ended:?}");
        bed.assert_exact();
        if all_are_told {
            return;
        }
    }
    panic!("three processes were never at work together");
}

/// Looks at workers that stand still, and after the death of one once more; false if not all are told of.
fn look_at_three(bed: &Bed, run: &mut Run, workers: &[u32]) -> bool {
    let status = bed.status();
    let job = &status["jobs"][0];
    let pids = |job: &serde_json::Value| -> Vec<u32> {
        let processes = job["processes"].as_array().into_iter().flatten();
        let pids = processes.map(|process| process["pid"].as_u64().expect("a pid"));
        pids.map(|pid| u32::try_from(pid).expect("a pid")).collect()
    };
    let sum_of = |what: &str| -> u64 {
        let processes = job["processes"].as_array().into_iter().flatten();
        processes.map(|process| process[what].as_u64().expect("a number")).sum()
    };
    // A thread that has found nothing more to do is not told of any more, nor what it did.
    if pids(job) != workers || sum_of("threads") < 6 {
        return false;
    }
    assert_eq!(job["state"], "running", "{job}");
    assert_eq!(job["pid"], run.process(), "{job}");
    assert_eq!(Some(sum_of("done_bytes")), job["done_bytes"].as_u64(), "{job}");

    signal(workers[0], Signal::KILL);
    assert!(run.wait_until(|run| run.workers().len() == 3 && !run.workers().contains(&workers[0])));
    let after = bed.status();
    let told = pids(&after["jobs"][0]);
    // The third is the new one, if it is at work yet.
    assert!(workers[1..].iter().all(|pid| told.contains(pid)), "{after}");
    assert!(!told.contains(&workers[0]), "the dead are told of: {after}");
    true
}

#[test]
fn status_goes_well_while_a_job_begins_and_ends() {
    let bed = Bed::of_mebibytes(2);
    for token in ["", "--id=again"] {
        for _ in 0..6 {
            bed.restore();
            let words: Vec<&str> = ["--processes=2", "--no-sync", token]
                .into_iter()
                .filter(|w| !w.is_empty())
                .collect();
            let mut run = bed.start(&words);
            while !run.is_ended() {
                bed.status();
            }
            run.end().assert_done(&bed);
            bed.assert_bytes(&bed.want);
            for name in names(bed.folder.path()) {
                if name != "image.raw" {
                    assert!(name.to_string_lossy().ends_with(".pagelight"), "{name:?}");
                }
            }
            if !token.is_empty() {
                bed.forget();
            }
        }
    }
}

#[test]
fn a_truncated_image_is_one_line() {
    let bed = Bed::of_mebibytes(48);
    let ended = loop {
        let run = bed.start_frozen(3, &["--threads=1", "--grace=300"]);
        let bytes = bed.before.len() as u64;
        let file = File::options().write(true).open(&bed.path).expect("the image");
        file.set_len(bytes / 16).expect("truncated");
        let ended = run.thaw();
        if ended.code() != Some(0) {
            break ended;
        }
        // What was left of the work lay before the new end.
    };
    match ended.code() {
        // A worker that opens the image only now knows it no more.
        Some(65) => ended.assert_failed(65, "another length"),
        _ => ended.assert_failed(74, "truncated"),
    }
    assert!(ended.stderr.contains(&format!("pagelight: {}", bed.path.display())) || ended.code() == Some(74));
    assert!(ended.stderr.contains("pagelight resume"), "{ended:?}");
    assert_eq!(workers::processes_on(&bed.path), Vec::<u32>::new());
}

#[test]
fn a_worker_that_may_not_open_the_image_is_one_line() {
    let nobody = 65_534;
    let others = is_root().then(|| ForOthers::new(Path::new(PROGRAM), &["--version"], nobody));
    let bed = match &others {
        // Rights do not stop root.
        Some(None) => return,
        Some(Some(others)) => Bed::of_mebibytes_in(others.new_folder(), 48),
        None => Bed::of_mebibytes(48),
    };
    let as_nobody = |words: &[OsString]| {
        let mut command = Command::new(PROGRAM);
        if let Some(Some(others)) = &others {
            for path in [bed.folder.path(), &bed.path] {
                chown(path, Some(nobody), Some(nobody)).expect("given");
            }
            command = others.command(nobody);
        }
        command.args(words);
        Run::of(command, bed.folder.path())
    };
    let mut ended;
    loop {
        bed.restore();
        let mut run = as_nobody(&bed.brighten(&["--processes=2", "--threads=1"]));
        run.wait_until(|run| run.workers().len() == 2);
        fs::set_permissions(&bed.path, fs::Permissions::from_mode(0o000)).expect("taken");
        // If both have opened the image already, a replacement cannot any more.
        run.workers()
            .first()
            .into_iter()
            .for_each(|&victim| signal(victim, Signal::KILL));
        ended = run.end();
        if ended.code() != Some(0) {
            break;
        }
        // It was over before.
        fs::set_permissions(&bed.path, fs::Permissions::from_mode(0o600)).expect("given");
    }
    assert_eq!(ended.code(), Some(77), "{ended:?}");
    let errors: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("pagelight: "))
        .collect();
    assert!(
        matches!(errors[..], [line] if line.contains("permission denied")),
        "{ended:?}"
    );
    assert!(ended.stderr.lines().count() <= 2, "{ended:?}");
    fs::set_permissions(&bed.path, fs::Permissions::from_mode(0o600)).expect("given");
    as_nobody(&bed.words(&["resume", "--processes=2"]))
        .end()
        .assert_done(&bed);
    bed.assert_exact();
}

/// Whoever shows how far it is adds up what it hears. Most of this is done before the last worker is there.
#[test]
fn all_that_is_done_is_reported_by_a_run_and_its_resume() {
    let bed = Bed::of_mebibytes(8);
    let job = bed.job();
    let options = with_workers(24, &[PROGRAM, "pagelight-worker", "1", "4194304"]);
    let window_bytes = job.target.window.bytes();
    for is_interrupted in [false, true] {
        bed.restore();
        let image = MappedFile::open(&bed.path, Access::ReadWrite).expect("opened");
        let reported = AtomicU64::new(0);
        let hear = |bytes| {
            reported.fetch_add(bytes, Ordering::Relaxed);
            ControlFlow::Continue(())
        };
        let hear_once = |_| ControlFlow::Break(());
        let ended = if is_interrupted {
            run::start(&job, &image, "", &options, &hear_once)
        } else {
            run::start(&job, &image, "", &options, &hear)
        };
        assert_eq!(ended.is_err(), is_interrupted, "{ended:?}");
        let mut before = 0;
        if is_interrupted {
            let jobs = ImageJobs::of(&image, None).expect("looked at");
            let found = jobs.pending().expect("read").pop().expect("a job");
            let journal = found.open(Access::Read).expect("sound").expect("there");
            before = journal.totals().expect("read").done_bytes;
            drop(journal);
            run::resume(&image, found, &options, &hear).expect("resumed");
        }
        assert_eq!(before + reported.into_inner(), window_bytes);
        drop(image);
        bed.assert_exact();
    }
}

/// Runs a line of the shell in the bed's folder, with the program as `$0` and its words as `$@`.
fn shell(bed: &Bed, line: &str, words: &[&str]) -> Run {
    let mut command = Command::new("sh");
    command
        .current_dir(bed.folder.path())
        .args(["-c", line, PROGRAM])
        .args(bed.brighten(words));
    Run::of(command, bed.folder.path())
}

#[test]
fn it_works_in_a_pipe_and_without_a_standard_input() {
    let bed = Bed::of_mebibytes(4);
    for line in [
        r#"yes | head -c 100000 | "$0" "$@""#,
        r#""$0" "$@" | cat"#,
        r#"exec "$0" "$@" <&-"#,
        r#"exec "$0" "$@" </dev/null"#,
        r#"(trap '' INT HUP; exec "$0" "$@") </dev/null"#,
    ] {
        bed.restore();
        shell(&bed, line, &["--processes=2"]).end().assert_done(&bed);
        bed.assert_exact();
    }
    // With nothing open at all there is nowhere to say anything.
    bed.restore();
    let ended = shell(&bed, r#"exec "$0" "$@" <&- >&- 2>&-"#, &["--processes=2"]).end();
    assert_eq!(ended.code(), Some(0));
    bed.assert_exact();
}

#[test]
fn nohup_holds_against_a_hangup() {
    let bed = Bed::of_mebibytes(48);
    let words = ["--processes=2", "--threads=1", "--grace=300"];
    let run = bed.freeze(2, || shell(&bed, r#"exec nohup "$0" "$@""#, &words));
    signal_group(run.process(), Signal::HUP);
    run.thaw().assert_done(&bed);
    bed.assert_exact();
}

#[test]
fn it_works_in_a_folder_of_any_name() {
    let bed = Bed::of_mebibytes(2);
    for name in [&b"two words"[..], b"-dash", b"\xff\xfe none \x80", b"new\nline"] {
        let folder = bed.folder.path().join(OsStr::from_bytes(name));
        let path = folder.join(OsStr::from_bytes(b"im\xffage \t.raw"));
        fs::create_dir(&folder).expect("made");
        fs::write(&path, &bed.before).expect("written");
        let mut words = bed.brighten(&["--processes=3", "--threads=1"]);
        *words.last_mut().expect("the image") = path.clone().into();
        Run::start(&words, &folder).end().assert_done(&bed);
        assert!(fs::read(&path).expect("read") == bed.want);
        assert_eq!(names(&folder).len(), 1);
        fs::remove_dir_all(&folder).expect("removed");
    }
}

#[test]
fn a_relative_path_and_a_folder_for_the_journal_reach_the_workers() {
    let bed = Bed::of_mebibytes(16);
    let folder = bed.folder.path().join("journals");
    for (image, journal) in [("image.raw", "journals"), ("./journals/../image.raw", "./journals")] {
        bed.restore();
        fs::create_dir(&folder).expect("made");
        let mut words = bed.brighten(&["--processes=2", "--threads=1", "--journal", journal]);
        *words.last_mut().expect("the image") = image.into();
        let mut command = Command::new(PROGRAM);
        command.current_dir(bed.folder.path()).args(&words);
        let mut run = Run::of(command, &folder);
        let seen = run.wait_for_share(0.01);
        if seen {
            signal(run.process(), Signal::INT);
        }
        let ended = run.end();
        if ended.code() == Some(130) {
            let mut command = Command::new(PROGRAM);
            command.current_dir(bed.folder.path());
            command.args(["resume", "--json", "--processes=2", "--journal", journal, image]);
            Run::of(command, &folder).end().assert_done(&bed);
        } else {
            ended.assert_done(&bed);
        }
        assert_eq!(names(&folder).len(), 0);
        fs::remove_dir(&folder).expect("removed");
        bed.assert_exact();
    }
}

#[test]
fn the_demo_kills_a_worker_and_says_so() {
    let folder = memory_folder().unwrap_or_else(self::folder);
    let pictures = self::folder();
    let mut told = false;
    // A machine may be so fast, or so busy, that the victim has ended before it could be killed.
    for _ in 0..20 {
        let (dir, pictures) = (word(folder.path()), word(pictures.path()));
        let args = ["demo", "--bytes=192MiB", "--dir", dir, "--pictures", pictures];
        let output = pagelight(args).assert().success().get_output().clone();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(out.contains("exact all the same"), "{out}");
        assert!(!out.contains("was killed"), "{out}");
        assert_eq!(names(folder.path()).len(), 0);
        told |= err
            .lines()
            .any(|line| line.starts_with("worker 1 (pid ") && line.ends_with("was killed; its work was taken over"));
        if told {
            break;
        }
    }
    assert!(told, "the demo never kills");
}

#[test]
fn a_full_disk_is_one_line() {
    if !is_root() {
        eprintln!("skipped: only root mounts a small disk");
        return;
    }
    let folder = folder();
    let mount = Mount::tmpfs(folder.path(), "40m");
    let Some(mount) = mount else {
        eprintln!("skipped: mounting is not allowed here");
        return;
    };
    let image = Image {
        format: "rgba:u16le",
        data_offset: 0,
        width: 1024,
        height: 4096,
    };
    // Holes that do not fit are seen before anything is changed.
    let bed = Bed::new(image, Part::Whole);
    let path = mount.0.join("image.raw");
    let mut words = bed.brighten(&["--processes=3", "--threads=1", "--grace=300"]);
    *words.last_mut().expect("the image") = path.clone().into();
    let file = File::create(&path).expect("made");
    file.set_len(bed.before.len() as u64).expect("grown");
    let filler = || fs::write(mount.0.join("filler"), vec![1; 64 << 20]).expect_err("too much for it");
    filler();
    Run::start(&words, &mount.0).end().assert_failed(74, "free some space");
    assert_eq!(names(&mount.0), ["filler", "image.raw"]);
    // What becomes a hole in mid-run is an error of a worker.
    for _ in 0..100 {
        fs::remove_file(mount.0.join("filler")).expect("removed");
        fs::write(&path, &bed.before).expect("written");
        let mut run = Run::start(&words, &mount.0);
        let worker = run.catch_in_a_chunk();
        run.workers().into_iter().for_each(workers::stop);
        let half = bed.before.len() as u64 / 2;
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(
            File::options().write(true).open(&path).expect("opened"),
            hole,
            half,
            half,
        )
        .expect("punched");
        filler();
        while !run.is_ended() {
            run.workers()
                .into_iter()
                .for_each(|worker| signal(worker, Signal::CONT));
        }
        let ended = run.end();
        assert_eq!(
            names(&mount.0).len(),
            2 + usize::from(ended.code() != Some(0)),
            "{ended:?}"
        );
        if worker.is_some() && ended.code() != Some(0) {
            ended.assert_failed(74, "free some space");
            assert!(ended.stderr.contains("pagelight resume"), "{ended:?}");
            wait_for_nobody(&path);
            return;
        }
    }
    panic!("the full disk was never met");
}

/// A file system of its own, gone when dropped.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(path: &Path, size: &str) -> Option<Mount> {
        let options = format!("size={size}");
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", &options, "pagelight-test"])
            .arg(path);
        let done = command.stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
            .then(|| Mount(path.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
