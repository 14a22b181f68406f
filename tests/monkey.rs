//! A monkey at the file manager: a job is killed, files are moved, copied, restored and replaced in any way, and then
//! somebody goes on. Whatever happens, a command that says that all is well has left an image that is right, and one
//! that refuses has changed nothing.
//!
//! *Right* is told by what the monkey knows: for each byte of the image whether it was edited when it last looked, and
//! what the user has put there since. What was not edited is to be edited once, whatever it holds; what was, and was
//! changed since, makes the only right answer a refusal.
//!
//! A plain copy of a half-edited image under another name is not counted: nothing about it tells that it is one.

mod common;
mod unfinished;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use common::{Image, Part};
use pagelight::identity::Mark;
use rustix::process::Signal;
use tempfile::TempDir;
use unfinished::{Random, Rig, run_words, says, slot_states, start};

/// What has happened, counted.
#[derive(Debug, Default)]
struct Counts {
    rounds: u32,
    half_done: u32,
    live_slots: u32,
    ends: BTreeMap<String, u32>,
}

/// One round: an image, and all that is known of it.
struct Round<'a> {
    rig: Rig,
    /// Where the image is now.
    path: PathBuf,
    /// Other places: another folder on the same file system, and one on another.
    near: TempDir,
    far: Option<TempDir>,
    journals: TempDir,
    random: &'a mut Random,
    /// What the image must hold in the end, if it was not edited any more where the user put something.
    wanted: Vec<u8>,
    /// Which bytes were edited when it was last looked at.
    is_edited: Vec<bool>,
    /// True once the user has changed something that was edited: only a refusal is right then.
    is_spoiled: bool,
    /// True once the job has come to its end.
    is_over: bool,
    /// True once the image has lost its mark: were it moved now, nothing would tell it from any other picture.
    is_unmarked: bool,
    /// True once a new file took the place of the image, with the job unfinished: nothing may edit that before the user
    /// has said what it is.
    is_replaced: bool,
    /// What was done, for messages.
    story: Vec<String>,
    names: Cell<u32>,
}

const TOKEN: &str = "--id=banana";

impl<'a> Round<'a> {
    fn new(random: &'a mut Random, on_disk: bool) -> Round<'a> {
        let image = Image {
            format: "rgba:u16le",
            data_offset: 0,
            width: 2048,
            height: 128,
        };
        let memory = || common::memory_folder().unwrap_or_else(common::folder);
        let [mut here, mut there] = [common::folder(), memory()];
        if !on_disk {
            std::mem::swap(&mut here, &mut there);
        }
        let beside =
            |folder: &TempDir| tempfile::tempdir_in(folder.path().parent().expect("a folder")).expect("a folder");
        let device = |folder: &TempDir| folder.path().metadata().expect("looked at").dev();
        let amount = i64::try_from(random.up_to(20_000)).expect("small") + 1;
        let (near, journals) = (beside(&here), beside(&here));
        let far = Some(there).filter(|there| device(there) != device(&here));
        let rig = Rig::new(here, image, Part::Whole, amount);
        Round {
            path: rig.path.clone(),
            near,
            far,
            journals,
            wanted: rig.after.clone(),
            is_edited: vec![false; rig.before.len()],
            is_spoiled: false,
            is_over: false,
            is_unmarked: false,
            is_replaced: false,
            story: Vec::new(),
            names: Cell::new(0),
            rig,
            random,
        }
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.random.up_to(many) == 0
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    fn words(&self, command: &str, more: &[&str]) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![command.into(), self.path.clone().into()];
        if command == "brighten" {
            words.push(format!("--by={}", self.rig.amount).into());
            words.extend(self.rig.image.words().into_iter().map(OsString::from));
        }
        words.extend(more.iter().map(OsString::from));
        words
    }

    fn all_journals(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.rig.folder.path(), self.near.path(), self.journals.path()];
        folders.extend(self.far.as_ref().map(TempDir::path));
        folders.into_iter().flat_map(common::journals_in).collect()
    }

    /// Begins the job and kills it, or stops it; false if it was done before, or not begun.
    fn begin(&mut self, counts: &mut Counts) -> bool {
        let threads = format!("--threads={}", 1 + self.random.up_to(3));
        let elsewhere = format!("--journal={}", common::word(self.journals.path()));
        let mut more = vec![threads.as_str()];
        if self.one_in(3) {
            more.push(TOKEN);
        }
        if self.one_in(4) {
            more.push(&elsewhere);
        }
        let words = self.words("brighten", &more);
        let mut running = start(&words);
        while self.all_journals().is_empty() && !running.has_ended() {
            std::hint::spin_loop();
        }
        let delay = self.random.below(Duration::from_micros(900));
        unfinished::spin(delay);
        let signal = if self.one_in(5) { Signal::INT } else { Signal::KILL };
        running.signal(signal);
        running.wait();
        self.tell(format!("{words:?}, {signal:?} after {delay:?}"));
        if !self.is_unfinished() {
            return false;
        }
        counts.live_slots += u32::from(
            self.all_journals()
                .iter()
                .any(|journal| !slot_states(journal).is_empty()),
        );
        // What is done within a tick of a kill is done during the run, as far as anybody can tell.
        std::thread::sleep(Duration::from_millis(25));
        self.look();
        let done = self.is_edited.iter().filter(|&&is_edited| is_edited).count();
        counts.half_done += u32::from(done > 0);
        true
    }

    /// Sees which bytes are edited now. Those that are the same either way do not matter, and those of a sample go
    /// together.
    fn look(&mut self) {
        let bytes = fs::read(&self.path).expect("read");
        for (at, is_edited) in self.is_edited.iter_mut().enumerate() {
            *is_edited = bytes[at] == self.rig.after[at] && bytes[at] != self.rig.before[at];
        }
    }

    /// True if there is a job that is to be gone on with.
    fn is_unfinished(&self) -> bool {
        self.all_journals().iter().any(|journal| {
            let peeked = pagelight::journal::peek(journal).expect("sound");
            peeked.is_some_and(|(_, state)| state != pagelight::journal::JobState::Complete)
        })
    }

    fn new_name(&self) -> String {
        self.names.set(self.names.get() + 1);
        format!("name{}.raw", self.names.get())
    }

    fn move_to(&mut self, target: PathBuf) {
        let moved = Command::new("mv").arg(&self.path).arg(&target).status();
        assert!(moved.expect("mv").success());
        self.path = target;
    }

    /// The user puts some of the original bytes back.
    fn restore(&mut self, from: usize, to: usize) {
        let image = fs::File::options().write(true).open(&self.path).expect("opened");
        image
            .write_all_at(&self.rig.before[from..to], from as u64)
            .expect("written");
        self.is_spoiled |= self.is_edited[from..to].contains(&true);
    }

    /// Something that a user does with files.
    fn act(&mut self) {
        let all = self.rig.before.len();
        match self.random.up_to(19) {
            0 => {
                let target = self.path.with_file_name(self.new_name());
                self.tell(format!("renamed to {}", target.display()));
                fs::rename(&self.path, &target).expect("renamed");
                self.path = target;
            }
            1 => {
                let target = self.near.path().join(self.new_name());
                self.tell(format!("moved to {}", target.display()));
                self.move_to(target);
            }
            2 => {
                let name = self.new_name();
                if let Some(far) = &self.far {
                    let target = far.path().join(name);
                    self.tell(format!("moved to another file system, {}", target.display()));
                    self.move_to(target);
                }
            }
            3 => {
                let target = self.path.with_file_name(self.new_name());
                self.tell("hard link");
                fs::hard_link(&self.path, &target).expect("linked");
                self.path = target;
            }
            4 => {
                let target = self.near.path().join(self.new_name());
                self.tell("symbolic link");
                symlink(&self.path, &target).expect("linked");
                self.path = target;
            }
            5 => {
                self.tell("a backup copied over it");
                let spoiled = self.is_edited.contains(&true);
                fs::write(&self.path, &self.rig.before).expect("copied");
                self.is_spoiled |= spoiled;
            }
            6 => {
                let (a, b) = (self.random.up_to(all as u64), self.random.up_to(all as u64));
                let [from, to] = [a.min(b), a.max(b)].map(|at| usize::try_from(at).expect("small"));
                self.tell(format!("{from}..{to} restored from a backup"));
                self.restore(from, to);
            }
            7 => {
                self.tell("touched");
                let image = fs::File::options().write(true).open(&self.path).expect("opened");
                image.set_modified(SystemTime::now()).expect("touched");
            }
            8 => {
                self.tell("other rights");
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
                fs::set_permissions(&self.path, mode).expect("set");
            }
            9 => {
                // What is cut off comes back as zeros, and those are then the user's.
                let at = usize::try_from(self.random.up_to(all as u64)).expect("small") / 8 * 8;
                self.tell(format!("cut off at {at} and extended"));
                let image = fs::File::options().write(true).open(&self.path).expect("opened");
                image.set_len(at as u64).expect("cut");
                image.set_len(all as u64).expect("extended");
                self.is_spoiled |= self.is_edited[at..].contains(&true);
                self.rig.before[at..].fill(0);
                let mut zeros = vec![0; all];
                let pixels = usize::try_from(self.rig.image.data().end).expect("small");
                self.rig
                    .image
                    .brighten(0, &mut zeros[..pixels], self.rig.part, self.rig.amount);
                self.wanted[at..].copy_from_slice(&zeros[at..]);
            }
            10 => {
                // By another program that writes a new file: a copy of itself, or the backup.
                let is_copy = self.one_in(2);
                self.tell(format!("replaced by a new file, a copy of itself: {is_copy}"));
                let target = fs::canonicalize(&self.path).expect("there");
                let new = target.with_extension("new");
                let bytes = if is_copy {
                    fs::read(&self.path).expect("read")
                } else {
                    self.rig.before.clone()
                };
                fs::write(&new, bytes).expect("written");
                let has_edited = self.is_edited.contains(&true);
                // A copy in its own place is known again; elsewhere nothing tells it from any other picture.
                let is_known = !is_copy || !has_edited || self.is_where_it_began(&target);
                if is_known {
                    self.is_replaced = self.is_where_it_began(&target) && self.is_unfinished();
                    fs::rename(new, target).expect("renamed");
                    self.is_unmarked = true;
                    if !is_copy {
                        self.is_edited.fill(false);
                        self.is_spoiled = false;
                    }
                } else {
                    fs::remove_file(new).expect("removed");
                }
            }
            11 => {
                self.tell("a copy of all of it, and the copy is used");
                let target = self.near.path().join(self.new_name());
                let image = fs::canonicalize(&self.path).expect("there");
                let copied = Command::new("cp").arg("-a").arg(image).arg(&target).status();
                assert!(copied.expect("cp").success());
                self.path = target;
            }
            12 => {
                self.tell("a journal removed");
                if let Some(journal) = self.all_journals().pop() {
                    fs::remove_file(journal).expect("removed");
                }
            }
            13 => {
                self.tell("the journal folder removed");
                if let Some(journal) = self.all_journals().pop() {
                    fs::remove_dir_all(journal.parent().expect("a folder")).expect("removed");
                }
            }
            14 => {
                self.tell("stripped of its attributes");
                let image = fs::File::open(&self.path).expect("opened");
                let is_at_home = fs::canonicalize(&self.path).is_ok_and(|path| self.is_where_it_began(&path));
                // Elsewhere nothing tells it from any other picture.
                if is_at_home || !self.is_edited.contains(&true) {
                    Mark::remove(&image, &self.path).expect("removed");
                    self.is_unmarked = true;
                }
            }
            15 => {
                self.tell("a copy of the journal in its place");
                if let Some(journal) = self.all_journals().pop() {
                    let bytes = fs::read(&journal).expect("read");
                    fs::remove_file(&journal).expect("removed");
                    fs::write(&journal, bytes).expect("written");
                    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                    fs::set_permissions(&journal, mode).expect("set");
                }
            }
            16 => self.resume_and_put_the_journal_back(),
            _ => self.tell("nothing"),
        }
    }

    /// True for the folder that the image was in when its job began, and for journals beside it.
    fn is_where_it_began(&self, path: &Path) -> bool {
        path == self.rig.path && !common::journals_in(self.rig.folder.path()).is_empty()
    }

    /// Another kill, and then the journal as it was before it.
    fn resume_and_put_the_journal_back(&mut self) {
        let Some(journal) = self.all_journals().pop() else {
            return;
        };
        let before = fs::read(&journal).expect("read");
        let mut running = start(&self.words("resume", &["--threads=1"]));
        unfinished::spin(self.random.below(Duration::from_micros(4000)));
        running.signal(Signal::KILL);
        let has_ended = running.has_ended();
        running.wait();
        std::thread::sleep(Duration::from_millis(25));
        self.tell(format!("resumed and killed, at its end: {has_ended}"));
        // Should that have brought it to its end, what comes next is another job.
        self.is_over = !self.is_unfinished();
        if !self.is_spoiled {
            self.look();
        }
        if journal.exists() && self.one_in(2) {
            self.tell("the journal of before copied over the later one");
            let file = fs::File::options().write(true).open(&journal).expect("opened");
            file.write_all_at(&before, 0).expect("written");
        }
    }

    /// Goes on in any way, and judges what came of it.
    fn go_on(&mut self, counts: &mut Counts) {
        for _ in 0..1 + self.random.up_to(3) {
            let words = match self.random.up_to(6) {
                0 | 1 => self.words("resume", &["--threads=2"]),
                2 => self.words("brighten", &["--threads=1"]),
                3 => self.words("brighten", &["--threads=1", TOKEN]),
                4 => self.words("abandon", &["--yes"]),
                _ => self.words("status", &[]),
            };
            let before = fs::read(&self.path).expect("read");
            let output = run_words(&words);
            self.tell(format!("{words:?}: {}", says(&output)));
            let end = self.judge(&words[0], &output, &before);
            *counts.ends.entry(end.clone()).or_default() += 1;
            if end.starts_with("exact") {
                return;
            }
        }
    }

    fn judge(&mut self, command: &OsString, output: &Output, before: &[u8]) -> String {
        let story = || self.story.join("\n  ");
        let now = fs::read(&self.path).expect("read");
        let Some(0) = output.status.code() else {
            let code = output.status.code();
            assert!(
                matches!(code, Some(2 | 3 | 65 | 66 | 74 | 75)),
                "{code:?}\n  {}",
                story()
            );
            assert!(now == before, "refused, and the image was changed:\n  {}", story());
            return format!("refused with {}", code.unwrap_or(0));
        };
        let words = says(output);
        if command == "status" || words.contains("nothing to resume") || words.contains("nothing to abandon") {
            assert!(
                now == before,
                "nothing was to be done, and the image was changed:\n  {}",
                story()
            );
            return "nothing to do".to_owned();
        }
        if command == "abandon" {
            let fits = |at: usize| now[at] == before[at] || [self.wanted[at], self.rig.after[at]].contains(&now[at]);
            assert!((0..now.len()).all(fits), "given up, and wrong:\n  {}", story());
            self.take_for_another_picture(now);
            return "given up".to_owned();
        }
        assert!(
            command != "brighten" || !self.is_replaced,
            "taken for another picture, exit 0 and wrong:\n  {}",
            story()
        );
        let is_exact = now == self.wanted && !self.is_spoiled;
        // Where all that was edited is as it was before, or is taken for new, the edit of that is right.
        let was_new = before == self.rig.before && now == self.wanted;
        assert!(is_exact || was_new, "exit 0 and wrong:\n  {}", story());
        "exact".to_owned()
    }
}

impl Round<'_> {
    /// What the user says by giving the job up.
    fn take_for_another_picture(&mut self, bytes: Vec<u8>) {
        self.is_edited.fill(false);
        (self.is_spoiled, self.is_replaced) = (false, false);
        let mut edited = bytes.clone();
        let pixels = usize::try_from(self.rig.image.data().end).expect("small");
        let Rig {
            image, part, amount, ..
        } = &self.rig;
        image.brighten(0, &mut edited[..pixels], *part, *amount);
        (self.rig.before, self.wanted) = (bytes, edited);
    }
}

fn rounds(many: u32) {
    let mut random = Random::new();
    let mut counts = Counts::default();
    while counts.rounds < many {
        let mut round = Round::new(&mut random, counts.rounds % 2 == 0);
        if !round.begin(&mut counts) {
            continue;
        }
        counts.rounds += 1;
        if counts.rounds.is_multiple_of(1000) {
            eprintln!("{counts:?}");
        }
        for _ in 0..1 + round.random.up_to(3) {
            if !round.is_over && !round.is_unmarked {
                round.act();
            }
        }
        if !round.is_over {
            round.go_on(&mut counts);
        }
    }
    eprintln!("{counts:?}");
    assert!(counts.half_done > 0, "no job was half done");
}

#[test]
fn two_hundred_rounds() {
    rounds(200);
}

#[test]
fn ten_thousand_rounds() {
    if common::long() {
        rounds(10_000);
    }
}

/// The monkey's own eyes: an image that was edited twice is seen.
#[test]
#[should_panic(expected = "exit 0 and wrong")]
fn an_image_that_is_edited_twice_is_seen() {
    let mut random = Random::new();
    let mut round = Round::new(&mut random, false);
    for _ in 0..2 {
        let output = run_words(&round.words("brighten", &[]));
        let before = round.rig.after.clone();
        round.judge(&"brighten".into(), &output, &before);
        // As if it had never happened.
        round.tell("once more");
    }
}
