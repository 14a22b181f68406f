//! What the tests of sibling processes share: an image on which jobs run, its oracle, a run that can be watched through
//! its journal, and signals to its processes.
#![allow(dead_code, reason = "every test file uses another part of this")]

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pagelight::job::Job;
use pagelight::journal::header::{EPOCH_AT, JournalHeader, SLOT_OWNER_AT};
use pagelight::journal::protocol;
use pagelight::journal::words::SlotState;
use pagelight::journal::{JobState, Journal};
use pagelight::map::Access;
use pagelight::os::lock;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::common::{
    Image, PROGRAM, Part, done_bytes, folder, is_stand_in, journals_in, memory_folder, pattern, plain,
};

/// What every job adds.
pub(crate) const AMOUNT: i64 = 3000;
/// Within this everything ends that ends by itself; a second is promised, and the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// On a slow machine a line of progress would stand among the complaints, which are counted.
const NO_PROGRESS: &str = "--progress=never";
/// Bytes after the last pixel, which nothing may touch.
const TAIL_BYTES: u64 = 5;

/// An image in a folder of its own, and what a job on a part of it makes of it.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) image: Image,
    pub(crate) part: Part,
    pub(crate) before: Vec<u8>,
    pub(crate) want: Vec<u8>,
    pub(crate) want_clipped: u64,
}

impl Bed {
    pub(crate) fn new(image: Image, part: Part) -> Bed {
        Bed::in_folder(memory_folder().unwrap_or_else(folder), image, part)
    }

    /// About `mebibytes` of rgba16 at an odd place.
    pub(crate) fn of_mebibytes(mebibytes: u64) -> Bed {
        Bed::of_mebibytes_in(memory_folder().unwrap_or_else(folder), mebibytes)
    }

    /// The same in a folder that is there.
    pub(crate) fn of_mebibytes_in(folder: TempDir, mebibytes: u64) -> Bed {
        let (width, height) = (1021, mebibytes * 128);
        let image = Image {
            format: "rgba:u16le",
            data_offset: 13,
            width,
            height,
        };
        Bed::in_folder(folder, image, Part::Whole)
    }

    pub(crate) fn in_folder(folder: TempDir, image: Image, part: Part) -> Bed {
        let path = folder.path().join("image.raw");
        let before = pattern(0..image.data().end + TAIL_BYTES);
        let mut want = before.clone();
        let data = index(image.data().start)..index(image.data().end);
        let want_clipped = image.brighten(0, &mut want[data], part, AMOUNT);
        let bed = Bed {
            folder,
            path,
            image,
            part,
            before,
            want,
            want_clipped,
        };
        bed.restore();
        bed
    }

    /// The job, as the library knows it.
    pub(crate) fn job(&self) -> Job {
        self.image.job(self.part, AMOUNT)
    }

    /// Makes the image what it was in the beginning.
    pub(crate) fn restore(&self) {
        fs::write(&self.path, &self.before).expect("written");
    }

    /// The words of a job on the part.
    pub(crate) fn brighten(&self, words: &[&str]) -> Vec<OsString> {
        let mut all = vec!["brighten".to_owned(), format!("--by={AMOUNT}"), "--json".to_owned()];
        all.push(NO_PROGRESS.to_owned());
        all.extend(self.image.words());
        all.extend(self.part.words());
        all.extend(words.iter().map(|&word| word.to_owned()));
        let mut all: Vec<OsString> = all.into_iter().map(OsString::from).collect();
        all.push(self.path.clone().into());
        all
    }

    /// The words of another command on the image.
    pub(crate) fn words(&self, words: &[&str]) -> Vec<OsString> {
        let mut all: Vec<OsString> = words.iter().map(OsString::from).collect();
        all.extend(["--json", NO_PROGRESS].map(OsString::from));
        all.push(self.path.clone().into());
        all
    }

    pub(crate) fn start(&self, words: &[&str]) -> Run {
        Run::start(&self.brighten(words), self.folder.path())
    }

    /// A run of so many workers that has done a part of its work, and whose workers stand still, each with chunks that
    /// are free before it; the image was restored.
    #[track_caller]
    pub(crate) fn start_frozen(&self, processes: usize, words: &[&str]) -> Run {
        let processes_word = format!("--processes={processes}");
        let words: Vec<&str> = std::iter::once(processes_word.as_str())
            .chain(words.iter().copied())
            .collect();
        self.freeze(processes, || self.start(&words))
    }

    /// The same of a run that `start` starts.
    #[track_caller]
    pub(crate) fn freeze(&self, processes: usize, start: impl Fn() -> Run) -> Run {
        self.freeze_when(processes, start, |_| true)
    }

    /// The same of a run that also `is_ready` says yes to.
    #[track_caller]
    pub(crate) fn freeze_when(
        &self,
        processes: usize,
        start: impl Fn() -> Run,
        is_ready: impl Fn(&mut Run) -> bool,
    ) -> Run {
        // A machine may be so fast, or so busy, that it is over before we saw it.
        for _ in 0..300 {
            self.restore();
            let mut run = start();
            // A worker that comes later would do the work of those that stand still.
            if run.wait_until(|run| run.workers().len() == processes && run.is_at_work() && is_ready(run)) {
                let workers = run.workers();
                workers.iter().for_each(|&worker| stop(worker));
                if !run.is_ended() && workers == run.workers() && run.journal().is_some_and(has_chunks_for_all) {
                    return run;
                }
                workers.into_iter().for_each(|worker| signal(worker, Signal::CONT));
            }
            run.end().assert_done(self);
        }
        panic!("no run was ever seen at work");
    }

    /// Finishes what is unfinished, asking again as long as somebody is said to be at it.
    #[track_caller]
    pub(crate) fn resume(&self, words: &[&str]) -> RunExit {
        let mut all = vec!["resume"];
        all.extend(words);
        let begun = Instant::now();
        loop {
            let ended = Run::start(&self.words(&all), self.folder.path()).end();
            if ended.code() != Some(75) || begun.elapsed() > PATIENCE {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn status(&self) -> serde_json::Value {
        let ended = Run::start(&self.words(&["status"]), self.folder.path()).end();
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).expect("an object")
    }

    /// Forgets the ids of jobs that were done.
    pub(crate) fn forget(&self) {
        let ended = Run::start(&self.words(&["forget", "--all"]), self.folder.path()).end();
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }

    /// The bytes are the oracle's, and nothing is left of the job: no process, no lock, no journal.
    #[track_caller]
    pub(crate) fn assert_exact(&self) {
        self.assert_bytes(&self.want);
        self.assert_nothing_left();
    }

    #[track_caller]
    pub(crate) fn assert_bytes(&self, want: &[u8]) {
        let got = fs::read(&self.path).expect("read");
        assert_eq!(got.len(), want.len(), "the file changed its length");
        if got != want {
            let wrong = got.iter().zip(want).filter(|(a, b)| a != b).count();
            let first = got.iter().zip(want).position(|(a, b)| a != b);
            panic!("{wrong} bytes are wrong, from {first:?} on");
        }
    }

    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(names(self.folder.path()), ["image.raw"]);
        assert_eq!(processes_on(&self.path), Vec::<u32>::new(), "processes are left");
        assert_eq!(locks_in(self.folder.path()), Vec::<OsString>::new(), "locks are left");
    }
}

/// True if every thread may have a chunk half-way and take another one, and some are left.
fn has_chunks_for_all(journal: &Journal) -> bool {
    let JournalHeader { chunk_plan, slots, .. } = journal.header();
    done_bytes(journal) + 2 * u64::from(*slots) * chunk_plan.chunk_bytes() < chunk_plan.window_bytes()
}

pub(crate) fn index(position: u64) -> usize {
    usize::try_from(position).expect("a small file")
}

pub(crate) fn names(folder: &Path) -> Vec<OsString> {
    let entries = folder.read_dir().expect("the folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.filter(|name| !is_stand_in(folder, name)).collect();
    names.sort();
    names
}

/// The processes, but for this one, whose words name the file.
pub(crate) fn processes_on(path: &Path) -> Vec<u32> {
    let needle = path.as_os_str().as_encoded_bytes();
    let mut found = Vec::new();
    for entry in Path::new("/proc").read_dir().expect("processes") {
        let entry = entry.expect("an entry");
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if process != std::process::id() && words.windows(needle.len()).any(|part| part == needle) {
            found.push(process);
        }
    }
    found
}

/// The files of a folder on which anybody holds a lock.
pub(crate) fn locks_in(folder: &Path) -> Vec<OsString> {
    let is_locked = |name: &OsString| {
        let path = folder.join(name);
        // If it is gone since it was listed, so are its locks.
        let file = fs::File::open(&path).ok().filter(|_| path.is_file());
        file.is_some_and(|file| lock::is_held(&file, 0..i64::MAX as u64).expect("asked"))
    };
    let journals = journals_in(folder).into_iter().map(PathBuf::into_os_string);
    names(folder).into_iter().chain(journals).filter(is_locked).collect()
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct RunExit {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl RunExit {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// It went well, and the clipped samples were counted right, over all runs of the job.
    #[track_caller]
    pub(crate) fn assert_done(&self, bed: &Bed) {
        assert_eq!(self.code(), Some(0), "{self:?}");
        let object: serde_json::Value = serde_json::from_str(&self.stdout).expect("an object");
        assert_eq!(object["clipped_samples"], bed.want_clipped, "{self:?}");
    }

    /// It failed with this code and one line.
    #[track_caller]
    pub(crate) fn assert_failed(&self, code: i32, words: &str) {
        assert_eq!(self.code(), Some(code), "{self:?}");
        assert_eq!(self.stdout, "");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("pagelight: "), "{self:?}");
        assert!(lines[0].contains(words), "{self:?}");
    }

    /// How many workers it says were killed.
    pub(crate) fn killed(&self) -> usize {
        let words = "was killed; its work was taken over";
        self.stderr.lines().filter(|line| line.ends_with(words)).count()
    }
}

/// The program at work, in a process group of its own, as a shell would start it.
pub(crate) struct Run {
    child: Child,
    folder: PathBuf,
    journal: Option<Journal>,
}

impl Run {
    pub(crate) fn start(words: &[OsString], folder: &Path) -> Run {
        let mut command = Command::new(PROGRAM);
        command.args(words);
        Run::of(command, folder)
    }

    /// Runs a command that becomes the program; its journal will be in `folder`.
    pub(crate) fn of(mut command: Command, folder: &Path) -> Run {
        plain(&mut command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.process_group(0).spawn().expect("started");
        Run {
            child,
            folder: folder.to_owned(),
            journal: None,
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its workers; those that have ended and wait for it are among them. Not one that is just being started: its
    /// parent waits until it is another program, and would wait for ever if it was stopped before.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let process = self.process();
        let words_of = |process: u32| fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let own_words = words_of(process);
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().map(|word| word.parse().expect("a number"));
        children.filter(|&child| words_of(child) != own_words).collect()
    }

    /// Its journal, once it has one.
    pub(crate) fn journal(&mut self) -> Option<&Journal> {
        if self.journal.is_none() {
            let found = journals_in(&self.folder).pop();
            // Its end may be between our finding it and our opening it.
            self.journal = found.and_then(|path| Journal::open(&path, Access::Read).ok().flatten());
        }
        self.journal.as_ref()
    }

    /// True if a part of the window is done.
    pub(crate) fn is_at_work(&mut self) -> bool {
        self.journal()
            .is_some_and(|journal| done_bytes(journal) > 0 && matches!(journal.state(), Ok(JobState::Active)))
    }

    /// Waits until this share of the window is done; false if the run ended before we saw it.
    pub(crate) fn wait_for_share(&mut self, share: f64) -> bool {
        self.wait_until(|run| {
            run.journal().is_some_and(|journal| {
                done_bytes(journal) as f64 >= share * journal.header().chunk_plan.window_bytes() as f64
                    && matches!(journal.state(), Ok(JobState::Active))
            })
        })
    }

    /// Waits for what must come; false if the run ended before we saw it.
    pub(crate) fn wait_until(&mut self, mut is_so: impl FnMut(&mut Run) -> bool) -> bool {
        let begun = Instant::now();
        while self.child.try_wait().expect("asked").is_none() {
            if is_so(self) {
                return true;
            }
            assert!(begun.elapsed() < PATIENCE, "nothing happens");
            std::thread::sleep(Duration::from_micros(100));
        }
        false
    }

    /// How many threads are at work, in all of its processes.
    pub(crate) fn slot_owners(&mut self) -> usize {
        self.journal()
            .and_then(|journal| journal.slot_owners().ok())
            .map_or(0, |owners| owners.len())
    }

    /// True if the process has a chunk half-way, as its slots say.
    pub(crate) fn is_in_a_chunk(&mut self, process: u32) -> bool {
        self.journal()
            .and_then(|journal| journal.slot_owners().ok())
            .is_some_and(|owners| {
                owners
                    .iter()
                    .any(|owner| owner.process == u64::from(process) && owner.chunk.is_some())
            })
    }

    /// Waits for a process that has a chunk half-way, without a pause between two looks; `None` if the run ended.
    pub(crate) fn wait_for_a_chunk(&mut self) -> Option<u32> {
        let begun = Instant::now();
        while !self.is_ended() {
            assert!(begun.elapsed() < PATIENCE, "nobody works");
            let Some(journal) = self.journal() else { continue };
            for slot in 0..journal.header().slots {
                let slot_state = protocol::slot_state(journal, slot).expect("read");
                if slot_state.is_some_and(|slot_state| slot_state != SlotState::Empty) {
                    let owner_at = journal.header().slot_at(slot) + SLOT_OWNER_AT;
                    let owner = journal.view().load_word(owner_at).expect("read");
                    let owner = u32::try_from(owner).expect("a process");
                    if state_of(owner).is_some_and(|state| state != 'Z') {
                        return Some(owner);
                    }
                }
            }
        }
        None
    }

    /// Stops a worker that has a chunk half-way, and returns it; `None` if the run ended.
    pub(crate) fn catch_in_a_chunk(&mut self) -> Option<u32> {
        loop {
            let worker = self.wait_for_a_chunk()?;
            // The coordinator itself, finishing somebody's chunk.
            if worker == self.process() {
                continue;
            }
            stop(worker);
            if self.is_in_a_chunk(worker) {
                return Some(worker);
            }
            signal(worker, Signal::CONT);
        }
    }

    /// Lets its workers go on that stand still, as often as need be until it ends.
    #[track_caller]
    pub(crate) fn thaw(mut self) -> RunExit {
        let begun = Instant::now();
        while !self.is_ended() && begun.elapsed() < PATIENCE {
            self.workers()
                .into_iter()
                .for_each(|worker| signal(worker, Signal::CONT));
            std::thread::sleep(Duration::from_millis(1));
        }
        self.end()
    }

    /// Waits until its workers are asked to stop.
    pub(crate) fn wait_for_the_stop(&mut self) {
        self.wait_until(|run| {
            run.journal()
                .is_some_and(|journal| journal.view().load_word(EPOCH_AT).is_ok_and(|epoch| epoch == 0))
        });
    }

    pub(crate) fn is_ended(&mut self) -> bool {
        self.child.try_wait().expect("asked").is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> RunExit {
        let begun = Instant::now();
        while !self.is_ended() {
            if begun.elapsed() > PATIENCE {
                let workers = self.workers();
                signal_group(self.process(), Signal::KILL);
                panic!("{} with workers {workers:?} does not end", self.process());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        out.expect("piped").read_to_string(&mut stdout).expect("text");
        err.expect("piped").read_to_string(&mut stderr).expect("text");
        let status = self.child.wait().expect("ended");
        RunExit { status, stdout, stderr }
    }
}

fn pid(process: u32) -> Pid {
    i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process")
}

/// Sends a signal; not an error if the process is gone.
pub(crate) fn signal(process: u32, signal: Signal) {
    let _ = rustix::process::kill_process(pid(process), signal);
}

/// The same for its process group.
pub(crate) fn signal_group(process: u32, signal: Signal) {
    let _ = rustix::process::kill_process_group(pid(process), signal);
}

/// Stops a process and waits until all of its threads stand still or it is gone.
pub(crate) fn stop(process: u32) {
    signal(process, Signal::STOP);
    let begun = Instant::now();
    while state_of(process).is_some_and(|state| state != 'Z') && !stands_still(process) {
        assert!(begun.elapsed() < PATIENCE, "{process} does not stop");
        std::thread::yield_now();
    }
}

fn stands_still(process: u32) -> bool {
    let Ok(threads) = Path::new(&format!("/proc/{process}/task")).read_dir() else {
        return true;
    };
    let mut threads = threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse().ok());
    threads.all(|thread: u32| matches!(state_of(thread), None | Some('T' | 'X' | 'Z')))
}

/// The letter of a process or a thread, as in `ps`; `None` if there is none.
pub(crate) fn state_of(process: u32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    text.rsplit(") ").next()?.chars().next()
}

/// Waits until no process names the file, and none holds a lock beside it: one that is being killed forgets its words
/// before its locks. How long that took.
#[track_caller]
pub(crate) fn wait_for_nobody(path: &Path) -> Duration {
    let begun = Instant::now();
    loop {
        let left = processes_on(path);
        if left.is_empty() && locks_in(path.parent().expect("a folder")).is_empty() {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{left:?} do not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Numbers that look random and are the same in every run of the test.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Below `end`.
    pub(crate) fn roll(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[index(self.roll(from.len() as u64))]
    }
}
