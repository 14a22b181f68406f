//! The images of a round, where they are, and what is known of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pagelight::journal::words::SlotState;
use pagelight::journal::{JobState, Journal};
use pagelight::map::Access;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::Counts;
use crate::common::{self, Image, Part};
use crate::unfinished::{Random, slot_states, spin, start};

pub(crate) const IMAGE: Image = Image {
    format: "rgba:u16le",
    data_offset: 0,
    width: 2048,
    height: 64,
};
pub(crate) const TOKEN: &str = "--id=banana";

/// Device and inode.
pub(crate) type Key = (u64, u64);

/// What is known of a file.
#[derive(Clone)]
pub(crate) struct File {
    /// What it would hold if nothing of its unfinished job were done.
    pub(crate) base: Vec<u8>,
    /// What it held when the round began: the user's backup.
    pub(crate) backup: Vec<u8>,
    /// The amount of the job that was cut short on it.
    pub(crate) pending: Option<i64>,
    pub(crate) has_token: bool,
    /// What it held when a job came to its end under the token.
    pub(crate) done_under_token: Option<Vec<u8>>,
    /// The redo blocks in flight when it was cut short: their finished bytes are in the journal, and take the place of
    /// whatever is put there.
    pub(crate) in_flight: Vec<Range<usize>>,
    pub(crate) base_then: Vec<u8>,
    /// The journals of its job.
    pub(crate) journals: Vec<PathBuf>,
    /// True where its attributes are gone, or it is a file that never had them.
    pub(crate) is_unmarked: bool,
    /// Which of the round's first images it stems from.
    pub(crate) origin: usize,
    pub(crate) amount: i64,
}

pub(crate) struct World<'a> {
    pub(crate) random: &'a mut Random,
    /// Two folders on one file system, one on another, two for journals.
    pub(crate) folders: Vec<TempDir>,
    pub(crate) files: BTreeMap<Key, File>,
    /// The names that the user knows.
    pub(crate) paths: Vec<PathBuf>,
    /// The file that is being looked at.
    pub(crate) current: PathBuf,
    pub(crate) story: Vec<String>,
    names: u32,
    /// Journals as they were at some moment.
    pub(crate) kept: Vec<(PathBuf, Vec<u8>)>,
}

pub(crate) fn key(path: &Path) -> Key {
    let look = path.metadata().expect("looked at");
    (look.dev(), look.ino())
}

/// The edit, by the slow way.
pub(crate) fn edited(base: &[u8], amount: i64) -> Vec<u8> {
    let mut bytes = base.to_vec();
    IMAGE.brighten(0, &mut bytes, Part::Whole, amount);
    bytes
}

/// The bytes of an image.
pub(crate) fn image_bytes() -> usize {
    usize::try_from(IMAGE.data().end).expect("small")
}

impl<'a> World<'a> {
    pub(crate) fn new(random: &'a mut Random, on_disk: bool) -> World<'a> {
        let memory = || common::memory_folder().unwrap_or_else(common::folder);
        let folders = if on_disk {
            vec![
                common::folder(),
                common::folder(),
                memory(),
                common::folder(),
                common::folder(),
            ]
        } else {
            vec![memory(), memory(), common::folder(), memory(), memory()]
        };
        let mut world = World {
            random,
            folders,
            files: BTreeMap::new(),
            paths: Vec::new(),
            current: PathBuf::new(),
            story: vec![format!("on disk: {on_disk}")],
            names: 0,
            kept: Vec::new(),
        };
        for origin in 0..1 + world.number_below(2) {
            let path = world.folders[0].path().join(format!("image{origin}.raw"));
            let shift = world.random.up_to(251);
            let base = common::pattern(shift..shift + IMAGE.data().end);
            fs::write(&path, &base).expect("written");
            let file = File {
                backup: base.clone(),
                base_then: base.clone(),
                base,
                pending: None,
                has_token: false,
                done_under_token: None,
                in_flight: Vec::new(),
                journals: Vec::new(),
                is_unmarked: true,
                origin,
                amount: i64::try_from(world.random.up_to(20_000)).expect("small") + 1,
            };
            world.files.insert(key(&path), file);
            world.paths.push(path);
        }
        world.current = world.paths[0].clone();
        world
    }

    pub(crate) fn number_below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.up_to(end.max(1) as u64)).expect("small")
    }

    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.random.up_to(many) == 0
    }

    pub(crate) fn tell(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    pub(crate) fn story(&self) -> String {
        self.story.join("\n  ")
    }

    pub(crate) fn new_name(&mut self) -> String {
        self.names += 1;
        format!("name{}.raw", self.names)
    }

    pub(crate) fn file(&self, path: &Path) -> &File {
        &self.files[&key(path)]
    }

    pub(crate) fn file_mut(&mut self, path: &Path) -> &mut File {
        self.files.get_mut(&key(path)).expect("known")
    }

    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let folders = self.folders.iter();
        folders.flat_map(|folder| common::journals_in(folder.path())).collect()
    }

    pub(crate) fn brighten(&self, path: &Path, more: &[String]) -> Vec<OsString> {
        let amount = self.file(path).amount;
        let mut words: Vec<OsString> = vec!["brighten".into(), path.into(), format!("--by={amount}").into()];
        words.extend(IMAGE.words().into_iter().map(OsString::from));
        words.extend(more.iter().map(OsString::from));
        words
    }

    /// A folder for journals, now and then.
    pub(crate) fn some_journal_folder(&mut self, one_in: u64) -> Option<String> {
        let at = 3 + self.number_below(2);
        let is_wanted = self.one_in(one_in);
        is_wanted.then(|| format!("--journal={}", common::word(self.folders[at].path())))
    }

    pub(crate) fn threads(&mut self) -> String {
        format!("--threads={}", 1 + self.random.up_to(3))
    }

    pub(crate) fn begin_all(&mut self, longest: &mut Duration, counts: &mut Counts) {
        for path in self.paths.clone() {
            let mut more = vec![self.threads()];
            if self.one_in(3) {
                more.push(TOKEN.to_owned());
            }
            more.extend(self.some_journal_folder(4));
            self.cut_short(&path, &more, longest, counts);
        }
        if self.one_in(3) {
            self.keep_journals();
        }
    }

    /// Starts a run and ends it in the middle.
    fn cut_short(&mut self, path: &Path, more: &[String], longest: &mut Duration, counts: &mut Counts) {
        let words = self.brighten(path, more);
        let has_token = more.iter().any(|word| word == TOKEN);
        let before = self.journals();
        let delay = self.random.below(*longest);
        let signal = if self.one_in(5) { Signal::INT } else { Signal::KILL };
        let mut running = start(&words);
        while self.journals().len() <= before.len() && !running.has_ended() {
            std::hint::spin_loop();
        }
        spin(delay);
        running.signal(signal);
        let output = running.wait();
        self.tell(format!(
            "{words:?}, {signal:?} after {delay:?}: {:?}",
            output.status.code()
        ));
        // What is done within a tick of a kill is done during the run, as far as anybody can tell.
        std::thread::sleep(Duration::from_millis(25));
        let journals: Vec<_> = self
            .journals()
            .into_iter()
            .filter(|path| !before.contains(path))
            .collect();
        let bytes = fs::read(path).expect("read");
        let file = self.file_mut(path);
        let want = edited(&file.base, file.amount);
        if !journals.iter().any(|path| is_unfinished(path)) {
            *longest = (*longest * 15 / 16).max(Duration::from_micros(300));
            counts.missed += 1;
            assert!(bytes == want || bytes == file.base, "neither before nor after");
            if bytes == want {
                file.base.clone_from(&bytes);
                file.done_under_token = has_token.then_some(bytes);
                file.is_unmarked = false;
            }
            return;
        }
        *longest += *longest / 32;
        counts.live_slots += u32::from(journals.iter().any(|path| !slot_states(path).is_empty()));
        counts.half_done += u32::from(bytes != file.base);
        let is_mixed = (0..bytes.len()).all(|at| bytes[at] == file.base[at] || bytes[at] == want[at]);
        assert!(is_mixed, "a killed run left something else");
        file.pending = Some(file.amount);
        file.has_token = has_token;
        file.in_flight = journals.iter().flat_map(|path| in_flight(path)).collect();
        file.journals = journals;
        file.is_unmarked = false;
    }

    pub(crate) fn keep_journals(&mut self) {
        for path in self.journals() {
            let bytes = fs::read(&path).expect("read");
            self.kept.push((path, bytes));
        }
    }

    pub(crate) fn has_unfinished(&self) -> bool {
        self.files.values().any(|file| file.pending.is_some())
    }

    pub(crate) fn choose_a_file(&mut self) {
        self.paths.retain(|path| path.exists());
        if self.one_in(3) || !self.current.exists() {
            let at = self.number_below(self.paths.len());
            self.current = self.paths[at].clone();
        }
    }
}

/// True for the journal of a job that did not come to its end.
pub(crate) fn is_unfinished(journal: &Path) -> bool {
    let open = Journal::open(journal, Access::Read).ok().flatten();
    open.is_some_and(|journal| journal.state().is_ok_and(|state| state != JobState::Complete))
}

/// The bytes of the redo blocks whose finished bytes are in a journal's slots.
pub(crate) fn in_flight(path: &Path) -> Vec<Range<usize>> {
    let Ok(Some(journal)) = Journal::open(path, Access::Read) else {
        return vec![];
    };
    let redo_block = |slot_state: SlotState| match slot_state {
        SlotState::Finished { chunk, redo_block, .. } => {
            let part = journal
                .header()
                .chunk_plan
                .redo_block(u64::from(chunk), u64::from(redo_block));
            let [start, end] = [part.start, part.end].map(|at| usize::try_from(at).expect("small"));
            Some(start..end)
        }
        _ => None,
    };
    slot_states(path).into_iter().filter_map(redo_block).collect()
}
