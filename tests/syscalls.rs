//! Every system call fails once, and the program is killed at every one: an edit or a resume then ends well with an
//! exact image, or fails and leaves what can be resumed exactly, or what is refused with a reason.
//!
//! `strace` does it. Only calls after the program's own first one are spoiled, not those of the loader.

mod common;
mod unfinished;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use common::{PROGRAM, strace_works};
use pagelight::journal::words::SlotState;
use unfinished::{Holds, Moment, Rig, run_words, says, start_command};

const FAULTS: [&str; 5] = [
    "error=EIO",
    "error=ENOSPC",
    "error=EINTR",
    "error=ENOMEM",
    "signal=KILL",
];

/// Those that decide are given every fault also in the short form.
const DECISIVE: [&str; 8] = [
    "fallocate",
    "fdatasync",
    "fsync",
    "linkat",
    "lseek",
    "madvise",
    "rename",
    "unlink",
];

/// The way out and the like, which cannot fail; and the C library's own, which ends the program if the kernel says what
/// it never says.
const CANNOT_FAIL: [&str; 10] = [
    // The kernel answers with an address always, and the C library takes an error for one.
    "brk",
    // Where the system answers it without a call it is not seen at all.
    "clock_gettime",
    "exit",
    "exit_group",
    "futex",
    "getpid",
    "gettid",
    "geteuid",
    "rt_sigprocmask",
    "rt_sigreturn",
];

/// What Rust's own library says when it ends the program: for want of memory or of a thread's second stack, or because
/// a folder, of all things, cannot be closed.
const GIVING_UP: [&str; 3] = [
    "memory allocation",
    "alternative stack",
    "unexpected error during closedir",
];

/// The program's own first call is the one that watches for Ctrl-C.
const FIRST_CALL: &str = "rt_sigaction(SIGINT";

fn strace(words: &[OsString], options: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(PROGRAM).args(words);
    start_command(&mut command).wait()
}

/// Every call of the program, by name and place among the calls of that name in its thread. `strace` counts so, and
/// spoils the calls of that place in all threads; so places that the loader has too are left out.
fn calls(words: &[OsString], rig: &Rig) -> Vec<(String, u32)> {
    let file = rig.folder.path().join("trace");
    let output = strace(words, &["-o", file.to_str().expect("plain")]);
    assert!(output.status.success(), "{}", says(&output));
    let trace = fs::read_to_string(&file).expect("read");
    fs::remove_file(&file).expect("removed");
    let mut counts = BTreeMap::<(String, String), u32>::new();
    let mut most = BTreeMap::<String, Vec<u32>>::new();
    let mut of_loader = BTreeMap::<String, u32>::new();
    let mut is_ours = false;
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').expect("thread and call");
        let call = call.trim_start();
        is_ours |= call.starts_with(FIRST_CALL);
        let Some((name, _)) = call.split_once('(') else {
            continue;
        };
        // The rest of a call, a signal, an end.
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let count = counts.entry((thread.to_owned(), name.to_owned())).or_default();
        *count += 1;
        if !is_ours {
            of_loader.insert(name.to_owned(), *count);
        } else if of_loader.get(name).is_none_or(|last| *count > *last) {
            let places = most.entry(name.to_owned()).or_default();
            if !places.contains(count) {
                places.push(*count);
            }
        }
    }
    let all = most.into_iter();
    all.flat_map(|(name, places)| places.into_iter().map(move |place| (name.clone(), place)))
        .collect()
}

/// True if an error tells the user that the edit need not be done again.
fn tells_that_it_is_done(says: &str) -> bool {
    ["the edit itself is complete", "the work itself is done"]
        .iter()
        .any(|words| says.contains(words))
}

/// Judges how the spoiled run ended.
fn judge(rig: &Rig, output: &Output, fault: &str, what: &str, ends: &mut BTreeMap<String, u32>) {
    let says = says(output);
    let code = output.status.code();
    let killed = fault == "signal=KILL" && output.status.signal() == Some(9);
    let gave_up =
        (output.status.signal() == Some(6) || code == Some(101)) && GIVING_UP.iter().any(|words| says.contains(words));
    assert!(
        killed || gave_up || code.is_some_and(|code| code != 101),
        "{what}: {says}"
    );
    for name in rig.names() {
        let known = name == rig.path || name.extension().is_some_and(|end| end == "pagelight");
        assert!(known, "{what}: left {}: {says}", name.display());
    }
    let end = if code == Some(0) && says.contains("could not be removed") {
        assert_eq!(rig.holds(), Holds::After, "{what}: {says}");
        // The next job takes it away.
        fs::write(&rig.path, &rig.before).expect("written");
        let again = run_words(&rig.edit_words());
        assert_eq!(again.status.code(), Some(0), "{what}: {}", unfinished::says(&again));
        rig.assert_done(what);
        "exit 0, exact, something left"
    } else if code == Some(0) {
        rig.assert_done(what);
        "exit 0, exact"
    } else if rig.journals().is_empty() {
        match rig.holds() {
            Holds::Before => {
                // And nothing is in the way of another try.
                let again = run_words(&rig.edit_words());
                assert_eq!(
                    again.status.code(),
                    Some(0),
                    "{what}: {says}, and then {}",
                    unfinished::says(&again)
                );
                rig.assert_done(what);
                "untouched, no journal"
            }
            Holds::After if killed || tells_that_it_is_done(&says) => "failed at the end, exact",
            holds => panic!("{what}: {holds:?} and no journal: {says}"),
        }
    } else {
        let resumed = run_words(&rig.words("resume"));
        let words = unfinished::says(&resumed);
        match resumed.status.code() {
            Some(0) => {
                rig.assert_done(what);
                "resumed, exact"
            }
            Some(3) if words.contains("the disk refused") && what.contains("fdatasync") => "refused, failed flush",
            _ => panic!("{what}: {says}, and then {words}"),
        }
    };
    *ends.entry(end.to_owned()).or_default() += 1;
}

/// Spoils every call of the run that `words` begins, each alone; `prepare` makes the files as they are before it.
fn spoil_all(rig: &Rig, words: &[OsString], prepare: impl Fn()) {
    prepare();
    let calls = calls(words, rig);
    let (mut ends, mut injected) = (BTreeMap::new(), 0);
    for (number, (name, place)) in calls.iter().enumerate() {
        let all = common::long() || DECISIVE.contains(&name.as_str());
        let faults = if all {
            FAULTS.to_vec()
        } else {
            vec![FAULTS[number % FAULTS.len()]]
        };
        for fault in faults {
            if CANNOT_FAIL.contains(&name.as_str()) && fault.starts_with("error") {
                continue;
            }
            prepare();
            let inject = format!("inject={name}:{fault}:when={place}");
            let output = strace(words, &["-o", "/dev/null", "-e", &inject]);
            let what = format!("{} with {inject}", words[0].display());
            judge(rig, &output, fault, &what, &mut ends);
            injected += 1;
        }
    }
    // Those maps of the image whose places the loader has as well.
    for place in 1..=4 {
        prepare();
        let inject = format!("inject=mmap:error=ENOMEM:when={place}");
        let image = rig.path.to_str().expect("plain");
        let output = strace(words, &["-o", "/dev/null", "-P", image, "-e", &inject]);
        let what = format!("{} with {inject} of the image", words[0].display());
        judge(rig, &output, "error=ENOMEM", &what, &mut ends);
        injected += 1;
    }
    assert!(ends.contains_key("refused, failed flush"), "{ends:?}");
    eprintln!(
        "{}: {} calls, {injected} spoiled: {ends:?}",
        words[0].display(),
        calls.len()
    );
}

fn spoil_edit_and_resume(rig: &Rig) {
    let with_two = |mut words: Vec<OsString>| {
        words.push("--threads=2".into());
        words
    };
    spoil_all(rig, &with_two(rig.edit_words()), || rig.reset());

    rig.cut_short_with(|journal, slot_states| {
        let finished = |slot_state: &SlotState| matches!(slot_state, SlotState::Finished { .. });
        slot_states.iter().any(finished) && unfinished::done_bytes(journal) > 0
    });
    let moment = Moment::of(rig);
    spoil_all(rig, &with_two(rig.words("resume")), || {
        drop(moment.bring_back(rig, |_| {}))
    });
}

/// Not even to find out why a page cannot be had: another thread may have the same bytes in hand.
#[test]
fn an_image_is_never_written_but_through_its_maps() {
    if !strace_works() {
        return;
    }
    let rig = Rig::small();
    let trace = rig.folder.path().join("trace");
    let image = common::word(&rig.path);
    let mut failed = 0;
    for (fault, place) in ["ENOSPC", "EIO", "EFAULT"]
        .into_iter()
        .flat_map(|fault| (1..12).map(move |place| (fault, place)))
    {
        rig.reset();
        let inject = format!("inject=madvise:error={fault}:when={place}");
        let calls = "trace=madvise,write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range";
        let options = ["-y", "-o", common::word(&trace), "-e", calls, "-e", &inject];
        let mut words = rig.edit_words();
        words.push("--threads=2".into());
        let output = strace(&words, &options);
        let calls = fs::read_to_string(&trace).expect("read");
        let to_image = calls
            .lines()
            .filter(|call| call.contains(&format!("{image}>")) && !call.contains("madvise"));
        assert_eq!(to_image.collect::<Vec<_>>(), [""; 0], "{inject}");
        failed += u32::from(!output.status.success());
    }
    assert!(failed > 0, "no call was spoiled");
}

#[test]
fn every_call_fails_once_in_memory() {
    if strace_works() {
        spoil_edit_and_resume(&Rig::small());
    }
}

#[test]
fn every_call_fails_once_where_a_header_is_mended() {
    if strace_works() {
        spoil_edit_and_resume(&Rig::of_map(common::memory_folder().unwrap_or_else(common::folder), 64));
        spoil_edit_and_resume(&Rig::of_sums(
            common::memory_folder().unwrap_or_else(common::folder),
            64,
        ));
    }
}

#[test]
fn every_call_fails_once_on_the_disk() {
    if common::long() && strace_works() {
        spoil_edit_and_resume(&Rig::of_rows_on_disk(64));
    }
}
