//! What the tests of unfinished jobs share: an image with its oracle's answer, kills, and a look into journals.
#![allow(dead_code, reason = "every test file uses another part of this")]

use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pagelight::counts::Counts;
use pagelight::engine::Settings;
use pagelight::identity::{Mark, Marking};
use pagelight::job::Job;
use pagelight::journal::protocol::{self, Memory, Word};
use pagelight::journal::words::{ChunkState, SlotState};
use pagelight::journal::{JobState, Journal};
use pagelight::map::{Access, MappedFile};
use pagelight::mend::{FitsSums, Sum};
use pagelight::run::{self, Options};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tempfile::TempDir;

use crate::common::{self, Image, PROGRAM, Part};
#[allow(unused_imports, reason = "every test file uses another part of this")]
pub(crate) use crate::common::{done_bytes, journals_in};

/// Nothing here takes this long; whatever does is taken for a hang.
pub(crate) const HANG: Duration = Duration::from_secs(120);

/// One edit of one image, with what the slow oracle says of it.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) image: Image,
    pub(crate) part: Part,
    pub(crate) amount: i64,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    pub(crate) clipped: u64,
    /// Another edit than brightening: the command, and its words behind the image.
    other_edit: Option<Vec<String>>,
}

/// What an image holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Before,
    After,
    Neither,
}

impl Rig {
    pub(crate) fn new(folder: TempDir, image: Image, part: Part, amount: i64) -> Rig {
        let data = image.data();
        // A few bytes more than the pixels, which nobody may touch.
        let before = common::pattern(0..data.end + 5);
        let mut after = before.clone();
        let pixels = usize::try_from(data.start).expect("small")..usize::try_from(data.end).expect("small");
        let clipped = image.brighten(0, &mut after[pixels], part, amount);
        let path = folder.path().join("image.raw");
        fs::write(&path, &before).expect("written");
        Rig {
            folder,
            path,
            image,
            part,
            amount,
            before,
            after,
            clipped,
            other_edit: None,
        }
    }

    /// An array of five channels that lie apart, of which three are edited by a table, in a rectangle: blocks of short
    /// rows.
    pub(crate) fn of_planes(folder: TempDir) -> Rig {
        const SIDES: [usize; 3] = [5, 300, 701];
        let text = format!("{{'descr': '>u2', 'fortran_order': False, 'shape': {SIDES:?}, }}")
            .replace('[', "(")
            .replace(']', ")");
        let mut before = b"\x93NUMPY\x01\x00".to_vec();
        before.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
        before.extend(text.as_bytes());
        let data = before.len() as u64;
        before.extend(common::pattern(
            data..data + (2 * SIDES.iter().product::<usize>()) as u64,
        ));
        let mut after = before.clone();
        let mut clipped = 0;
        for channel in [0, 2, 4] {
            for (y, x) in (3..297).flat_map(|y| (11..690).map(move |x| (y, x))) {
                let at = before.len() - 2 * SIDES.iter().product::<usize>() + 2 * ((channel * 300 + y) * 701 + x);
                let old = u32::from(before[at]) * 256 + u32::from(before[at + 1]);
                let new = 2 * old + 40;
                clipped += u64::from(new > 65_535);
                let [.., high, low] = new.min(65_535).to_be_bytes();
                (after[at], after[at + 1]) = (high, low);
            }
        }
        let words = [
            "adjust",
            "--gain=2",
            "--add=40",
            "--axes=cyx",
            "--channels=1,3,5",
            "--rect=11,3,679,294",
        ];
        let image = Image {
            format: "gray:u16be",
            data_offset: data,
            width: 701,
            height: 1500,
        };
        Rig::of_container(folder, "image.npy", image, [before, after], clipped, &words)
    }

    /// A TIFF whose tiles lie in the opposite order with two bytes between them, and stick out of the picture: a
    /// rectangle of it is brightened.
    pub(crate) fn of_tiles(folder: TempDir) -> Rig {
        const WIDTH: usize = 1000;
        const HEIGHT: usize = 700;
        const ACROSS: usize = 16;
        const DOWN: usize = 15;
        const TILE: (usize, usize) = (64, 48);
        let tile_bytes = TILE.0 * TILE.1 * 2;
        let start = |tile: usize| 8 + (ACROSS * DOWN - 1 - tile) * (tile_bytes + 2);
        let mut before = common::pattern(0..(start(0) + tile_bytes) as u64);
        let long = |number: usize| u32::try_from(number).expect("small").to_be_bytes();
        let [starts_at, lengths_at] = [0, 1].map(|table| before.len() + table * 4 * ACROSS * DOWN);
        (0..ACROSS * DOWN).for_each(|tile| before.extend(long(start(tile))));
        (0..ACROSS * DOWN).for_each(|_| before.extend(long(tile_bytes)));
        let head = [b"MM\0*", &long(before.len())[..]].concat();
        before[..8].copy_from_slice(&head);
        let entries = [
            (256, 1, WIDTH),
            (257, 1, HEIGHT),
            (258, 1, 16 << 16),
            (262, 1, 1 << 16),
            (322, 1, TILE.0),
            (323, 1, TILE.1),
            (324, ACROSS * DOWN, starts_at),
            (325, ACROSS * DOWN, lengths_at),
        ];
        before.extend([0, 8]);
        for (tag, count, value) in entries {
            let kind = if matches!(tag, 258 | 262) { 3 } else { 4 };
            before.extend([u16::to_be_bytes(tag), u16::to_be_bytes(kind)].concat());
            before.extend([long(count), long(value)].concat());
        }
        before.extend([0; 4]);
        let (mut after, mut clipped) = (before.clone(), 0);
        for (y, x) in (3..697).flat_map(|y| (11..WIDTH).map(move |x| (y, x))) {
            let tile = y / TILE.1 * ACROSS + x / TILE.0;
            let at = start(tile) + (y % TILE.1 * TILE.0 + x % TILE.0) * 2;
            let new = u32::from(before[at]) * 256 + u32::from(before[at + 1]) + 9000;
            clipped += u64::from(new > 65_535);
            let [.., high, low] = new.min(65_535).to_be_bytes();
            (after[at], after[at + 1]) = (high, low);
        }
        let image = Image {
            format: "gray:u16be",
            data_offset: 8,
            width: WIDTH as u64,
            height: HEIGHT as u64,
        };
        let words = ["brighten", "--by=9000", "--rect=11,3,989,694"];
        Rig::of_container(folder, "image.tif", image, [before, after], clipped, &words)
    }

    /// An MRC file of `height` rows of 16 KiB, whose statistics are mended.
    pub(crate) fn of_map(folder: TempDir, height: u32) -> Rig {
        let image = Image {
            format: "gray:u16le",
            data_offset: 1024 + 77,
            width: 8192,
            height: u64::from(height),
        };
        let data = image.data();
        let mut before = common::pattern(0..data.end);
        for (at, word) in [(0, 8192), (4, height), (8, 1), (12, 6), (92, 77)] {
            before[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        before[208..216].copy_from_slice(b"MAP \x44\x44\0\0");
        let mut after = before.clone();
        let clipped = image.brighten(0, &mut after[1024 + 77..], Part::Whole, 9000);
        for (at, number) in [(76, 0.0), (80, -1.0), (84, -2.0), (216, -1.0)] {
            after[at..at + 4].copy_from_slice(&f32::to_le_bytes(number));
        }
        Rig {
            amount: 9000,
            ..Rig::of_container(
                folder,
                "image.mrc",
                image,
                [before, after],
                clipped,
                &["brighten", "--by=9000"],
            )
        }
    }

    /// A FITS file of `height` rows of 16 KiB, whose sums are renewed.
    pub(crate) fn of_sums(folder: TempDir, height: u32) -> Rig {
        let image = Image {
            format: "gray:i16be",
            data_offset: 2880,
            width: 8192,
            height: u64::from(height),
        };
        let cards = [
            "SIMPLE  = T".to_owned(),
            "BITPIX  = 16".to_owned(),
            "NAXIS   = 2".to_owned(),
            "NAXIS1  = 8192".to_owned(),
            format!("NAXIS2  = {height}"),
            "CHECKSUM= '0000000000000000'".to_owned(),
            "DATASUM = '0       '".to_owned(),
            "END".to_owned(),
        ];
        let mut before: Vec<u8> = cards
            .iter()
            .flat_map(|card| format!("{card:<80}").into_bytes())
            .collect();
        before.resize(2880, b' ');
        let data = image.data();
        before.extend(common::pattern(data.clone()));
        let sums = FitsSums {
            hdu: 1,
            header: 0..2880,
            data,
            datasum_at: Some(6 * 80 + 10),
            checksum_at: Some(5 * 80 + 10),
        };
        let renew = |file: &mut Vec<u8>| {
            let mut sum = Sum::default();
            sum.add(&file[2880..]);
            sums.writes(&mut file[..2880], sum.total());
        };
        renew(&mut before);
        let mut after = before.clone();
        let clipped = image.brighten(0, &mut after[2880..], Part::Whole, 9000);
        renew(&mut after);
        assert!(before[..2880] != after[..2880]);
        Rig {
            amount: 9000,
            ..Rig::of_container(
                folder,
                "image.fits",
                image,
                [before, after],
                clipped,
                &["brighten", "--by=9000"],
            )
        }
    }

    /// A file that says itself what it is, and an edit of it: the command, and its words behind the image.
    fn of_container(
        folder: TempDir,
        name: &str,
        image: Image,
        [before, after]: [Vec<u8>; 2],
        clipped: u64,
        words: &[&str],
    ) -> Rig {
        let path = folder.path().join(name);
        fs::write(&path, &before).expect("written");
        Rig {
            folder,
            path,
            image,
            part: Part::Whole,
            amount: 0,
            before,
            after,
            clipped,
            other_edit: Some(words.iter().map(|word| (*word).to_owned()).collect()),
        }
    }

    /// On the disk, with `height` rows of 16 KiB.
    pub(crate) fn of_rows_on_disk(height: u64) -> Rig {
        Rig::in_folder(common::folder(), height)
    }

    /// A small one in memory, or where there is no such place, on the disk.
    pub(crate) fn small() -> Rig {
        Rig::of_rows(64)
    }

    /// The same in a folder that is there.
    pub(crate) fn small_in(folder: TempDir) -> Rig {
        Rig::in_folder(folder, 64)
    }

    /// As [`Rig::small`], with `height` rows of 16 KiB.
    pub(crate) fn of_rows(height: u64) -> Rig {
        Rig::in_folder(common::memory_folder().unwrap_or_else(common::folder), height)
    }

    fn in_folder(folder: TempDir, height: u64) -> Rig {
        let image = Image {
            format: "rgba:u16le",
            data_offset: 0,
            width: 2048,
            height,
        };
        Rig::new(folder, image, Part::Whole, 9000)
    }

    /// As it was at first: no journal, no mark, nothing done.
    pub(crate) fn reset(&self) {
        for path in self.names() {
            match path.is_dir() {
                true => fs::remove_dir_all(path).expect("removed"),
                false if path != self.path => fs::remove_file(path).expect("removed"),
                false => {}
            }
        }
        fs::write(&self.path, &self.before).expect("written");
        let image = fs::File::open(&self.path).expect("opened");
        Mark::remove(&image, &self.path).expect("unmarked");
    }

    /// The words of the edit.
    pub(crate) fn edit_words(&self) -> Vec<OsString> {
        if let Some(words) = &self.other_edit {
            let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
            words.insert(1, self.path.clone().into_os_string());
            return words;
        }
        let mut words = vec!["brighten".into(), self.path.clone().into_os_string()];
        words.push(format!("--by={}", self.amount).into());
        words.extend(self.image.words().into_iter().map(OsString::from));
        words.extend(self.part.words().into_iter().map(OsString::from));
        words
    }

    /// The words of another command on the image.
    pub(crate) fn words(&self, command: &str) -> Vec<OsString> {
        vec![command.into(), self.path.clone().into_os_string()]
    }

    /// Every name in the folder, in order.
    pub(crate) fn names(&self) -> Vec<PathBuf> {
        let entries = self.folder.path().read_dir().expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.filter(|name| !common::is_stand_in(self.folder.path(), name));
        let mut names: Vec<_> = names.map(|name| self.folder.path().join(name)).collect();
        names.sort();
        names
    }

    /// Every file in the folder and in those of journals, in order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let in_folder = |path: PathBuf| -> Vec<PathBuf> {
            if path.is_dir() {
                path.read_dir()
                    .expect("the folder")
                    .map(|entry| entry.expect("an entry").path())
                    .collect()
            } else {
                vec![path]
            }
        };
        let mut files: Vec<_> = self.names().into_iter().flat_map(in_folder).collect();
        files.sort();
        files
    }

    /// The folders of journals beside the image.
    pub(crate) fn journal_folders(&self) -> Vec<PathBuf> {
        let is_folder = |path: &PathBuf| path.extension().is_some_and(|end| end == "pagelight");
        self.names().into_iter().filter(is_folder).collect()
    }

    /// The image's journals.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        journals_in(self.folder.path())
    }

    /// The one journal.
    #[track_caller]
    pub(crate) fn journal(&self) -> PathBuf {
        let journals = self.journals();
        assert_eq!(journals.len(), 1, "{journals:?}");
        journals[0].clone()
    }

    pub(crate) fn holds(&self) -> Holds {
        match fs::read(&self.path).expect("read") {
            bytes if bytes == self.before => Holds::Before,
            bytes if bytes == self.after => Holds::After,
            _ => Holds::Neither,
        }
    }

    /// Nothing is left but the image, exactly edited.
    #[track_caller]
    pub(crate) fn assert_done(&self, context: &str) {
        assert_eq!(self.names(), std::slice::from_ref(&self.path), "{context}");
        assert_eq!(self.holds(), Holds::After, "{context}");
    }

    /// Resumes, and checks that the image then is exact and the count of clipped samples, if one is given, as well.
    #[track_caller]
    pub(crate) fn assert_resumes(&self, context: &str) {
        let mut words = self.words("resume");
        words.push("--json".into());
        let output = run_words(&words);
        assert_eq!(output.status.code(), Some(0), "{context}: {}", says(&output));
        self.assert_done(context);
        if let Some(clipped) = clipped(&output) {
            assert_eq!(clipped, self.clipped, "{context}");
        }
    }

    /// Turns the journal into that of a job that is complete, and finishes the image.
    pub(crate) fn complete(&self) {
        let journal = open(&self.journal());
        for chunk in 0..journal.header().chunks() {
            let done = ChunkState::Done {
                counts: Counts::NONE,
                digest: 1,
            };
            let (word, digest) = journal.codec().chunk(chunk, done);
            journal.store(Word::Digest(chunk), digest).expect("stored");
            journal.store(Word::Chunk(chunk), word).expect("stored");
        }
        journal.set_state(JobState::Complete).expect("stored");
        fs::write(&self.path, &self.after).expect("written");
        // That was the job's own doing.
        journal.beat(0).expect("stored");
    }

    /// Leaves a job as `kill -9` would between two chunks, some of them done and some to do, under `token`.
    pub(crate) fn cut_short_as(&self, token: &str) {
        self.cut_short_with_options(token, &alone());
    }

    fn cut_short_with_options(&self, token: &str, options: &Options) {
        self.reset();
        let image = MappedFile::open(&self.path, Access::ReadWrite).expect("opened");
        let chunks = AtomicU32::new(0);
        let die = |_| {
            if chunks.fetch_add(1, Ordering::Relaxed) == 1 {
                // All locks go, as with a process, and nothing is put in order.
                resume_unwind(Box::new("killed"));
            }
            ControlFlow::Continue(())
        };
        let job = self.job();
        let run = || run::start(&job, &image, token, options, &die);
        let died = catch_unwind(AssertUnwindSafe(run)).is_err();
        assert!(died, "a job of more chunks is needed");
    }

    /// The same without a token, with the journal in this folder.
    pub(crate) fn cut_short_in(&self, journal_folder: &Path) {
        let options = Options {
            journal_folder: Some(journal_folder.to_owned()),
            ..alone()
        };
        self.cut_short_with_options("", &options);
    }

    /// The same without a token, with the journal beside the image.
    pub(crate) fn cut_short(&self) {
        self.cut_short_as("");
    }

    /// The edit, as the library knows it.
    pub(crate) fn job(&self) -> Job {
        self.image.job(self.part, self.amount)
    }

    /// Leaves a job that was killed in the middle, so that `wanted` says yes to its journal and the slots in use.
    ///
    /// The run is stopped again and again, and killed when it is where it should be.
    #[track_caller]
    pub(crate) fn cut_short_with(&self, wanted: impl Fn(&Journal, &[SlotState]) -> bool) {
        let mut words = self.edit_words();
        words.push("--threads=2".into());
        let seen = |journal: &Journal| wanted(journal, &slot_states(journal.path()));
        drop(stopped_where(self, &words, || self.reset(), seen));
    }
}

/// Waits until the system's clock, by which files change, has moved on: what is done within a tick of a kill is done
/// during the run, as far as anybody can tell.
pub(crate) fn next_tick() {
    std::thread::sleep(Duration::from_millis(25));
}

/// A run that stands still where `wanted` says yes to its journal. As often as a run is through before that is seen,
/// there is another, for which `prepare` makes the files ready.
#[track_caller]
pub(crate) fn stopped_where(
    rig: &Rig,
    words: &[OsString],
    prepare: impl Fn(),
    wanted: impl Fn(&Journal) -> bool,
) -> Running {
    let begun = Instant::now();
    while begun.elapsed() < HANG {
        prepare();
        let mut running = start(words);
        if running.stop_when(rig, &wanted) {
            return running;
        }
    }
    panic!("no run could be stopped there");
}

/// One thread, and nobody waits for the disk.
pub(crate) fn alone() -> Options {
    Options {
        settings: Settings {
            threads: 1,
            memory_bytes: 1 << 23,
        },
        sync: false,
        journal_folder: None,
        workers: None,
    }
}

/// Opens a journal that is there and sound.
#[track_caller]
pub(crate) fn open(journal: &Path) -> Journal {
    Journal::open(journal, Access::ReadWrite)
        .expect("sound")
        .expect("there")
}

/// An image, its journal, the journal's folder and the image's mark at one moment.
pub(crate) struct Moment {
    pub(crate) image: Vec<u8>,
    pub(crate) journal_path: PathBuf,
    pub(crate) journal: Vec<u8>,
    record: Vec<u8>,
    mark: Option<Mark>,
}

impl Moment {
    pub(crate) fn of(rig: &Rig) -> Moment {
        let journal_path = rig.journal();
        let image = fs::File::open(&rig.path).expect("opened");
        Moment {
            image: fs::read(&rig.path).expect("read"),
            journal: fs::read(&journal_path).expect("read"),
            record: fs::read(journal_path.with_file_name("image")).expect("read"),
            mark: match Mark::read(&image, &rig.path).expect("read") {
                Marking::Marked(mark) => Some(mark),
                _ => None,
            },
            journal_path,
        }
    }

    /// Brings it back, and then changes the bytes of the journal. The image stays the same file, and the journal is
    /// taken for the one that it was. Returns the bytes of the journal.
    pub(crate) fn bring_back(&self, rig: &Rig, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let private = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        fs::write(&rig.path, &self.image).expect("written");
        let folder = self.journal_path.parent().expect("a folder");
        if !folder.exists() {
            fs::create_dir(folder).expect("made");
            private(folder, 0o700);
        }
        // A new file, which does not remember that it was resumed.
        let _ = fs::remove_file(&self.journal_path);
        for (path, bytes) in [
            (folder.join("image"), &self.record),
            (self.journal_path.clone(), &self.journal),
        ] {
            fs::write(&path, bytes).expect("written");
            private(&path, 0o600);
        }
        if let Some(mark) = &self.mark {
            mark.write(&fs::File::open(&rig.path).expect("opened"), &rig.path)
                .expect("marked");
        }
        let journal = open(&self.journal_path);
        journal.become_original().expect("written");
        journal.beat(0).expect("stored");
        drop(journal);
        let mut bytes = fs::read(&self.journal_path).expect("read");
        change(&mut bytes);
        fs::write(&self.journal_path, &bytes).expect("written");
        bytes
    }
}

/// What a run that ended printed for machines of its clipped samples.
pub(crate) fn clipped(output: &Output) -> Option<u64> {
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    object["clipped_samples"].as_u64()
}

/// A running program, killed when dropped.
pub(crate) struct Running(pub(crate) Child);

/// Starts the program.
pub(crate) fn start(words: &[OsString]) -> Running {
    let mut command = Command::new(PROGRAM);
    command.args(words);
    start_command(&mut command)
}

/// Starts any program.
pub(crate) fn start_command(command: &mut Command) -> Running {
    common::plain(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running(command.spawn().expect("started"))
}

/// Runs the program to its end.
#[track_caller]
pub(crate) fn run_words(words: &[OsString]) -> Output {
    start(words).wait()
}

impl Running {
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It may be gone already.
        let _ = kill_process(self.id(), signal);
    }

    /// Stops it, and waits until it is; false if it has ended.
    fn stop(&mut self) -> bool {
        self.signal(Signal::STOP);
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.id()), options).expect("asked").expect("waited");
        status.stopped()
    }

    /// Stops it where `wanted` says yes to its journal; false if it has ended before.
    fn stop_when(&mut self, rig: &Rig, wanted: impl Fn(&Journal) -> bool) -> bool {
        let mut random = Random::new();
        let mut has_ended = false;
        while rig.journals().is_empty() && !has_ended {
            has_ended = self.has_ended();
        }
        while !has_ended && self.stop() {
            if let [path] = &rig.journals()[..]
                && let Some(journal) = Journal::open(path, Access::Read).expect("sound")
                && wanted(&journal)
            {
                return true;
            }
            self.signal(Signal::CONT);
            spin(random.below(Duration::from_micros(30)));
        }
        false
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("asked").is_some()
    }

    /// Waits for its end, which must come.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        let begun = Instant::now();
        while !self.has_ended() {
            assert!(begun.elapsed() < HANG, "it hangs");
            std::thread::sleep(Duration::from_micros(200));
        }
        self.collect()
    }

    /// What it said; it has ended.
    fn collect(mut self) -> Output {
        let read = |pipe: Option<&mut dyn std::io::Read>| {
            let mut bytes = Vec::new();
            pipe.expect("piped").read_to_end(&mut bytes).expect("read");
            bytes
        };
        Output {
            stdout: read(self.0.stdout.as_mut().map(|pipe| pipe as &mut dyn std::io::Read)),
            stderr: read(self.0.stderr.as_mut().map(|pipe| pipe as &mut dyn std::io::Read)),
            status: self.0.wait().expect("ended"),
        }
    }

    /// Kills it `delay` after its image's journal is there, or has one; true if it had ended before.
    pub(crate) fn kill_in_the_edit(mut self, rig: &Rig, delay: Duration) -> bool {
        while rig.journals().is_empty() && !self.has_ended() {
            std::hint::spin_loop();
        }
        spin(delay);
        self.signal(Signal::KILL);
        let status = self.0.wait().expect("ended");
        status.code().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits exactly; sleeping is too coarse to aim with.
pub(crate) fn spin(delay: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < delay {
        std::hint::spin_loop();
    }
}

/// What a program said, for messages.
pub(crate) fn says(output: &Output) -> String {
    format!(
        "{}; {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The slot states of a journal's slots, those that are not empty.
pub(crate) fn slot_states(path: &Path) -> Vec<SlotState> {
    let Ok(Some(journal)) = Journal::open(path, Access::Read) else {
        return vec![];
    };
    let slot_state = |slot| {
        protocol::slot_state(&journal, slot)
            .expect("read")
            .expect("words that mean something")
    };
    let slot_states = (0..journal.header().slots).map(slot_state);
    slot_states
        .filter(|&slot_state| slot_state != SlotState::Empty)
        .collect()
}

/// Numbers that are good enough to aim with.
pub(crate) struct Random(u64);

impl Random {
    /// Other ones every time; the seed is printed, and can be given.
    pub(crate) fn new() -> Random {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed = std::env::var("PAGELIGHT_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(now.expect("after 1970").subsec_nanos()));
        eprintln!("PAGELIGHT_SEED={seed}");
        Random(seed.wrapping_mul(2).wrapping_add(1))
    }

    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(crate) fn up_to(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn below(&mut self, longest: Duration) -> Duration {
        Duration::from_nanos(self.up_to(u64::try_from(longest.as_nanos()).expect("short").max(1)))
    }
}
