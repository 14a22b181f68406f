//! What the tests share: the program, a guarded folder, images of known bytes, and the slow and obvious oracle.
#![allow(dead_code, reason = "every test file uses another part of this")]

use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use assert_cmd::Command;
use pagelight::job::{Job, Target};
use pagelight::journal::Journal;
use pagelight::layout::{self, Layout};
use pagelight::op::Op;
use pagelight::pixel::PixelFormat;
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pagelight");

/// What in the environment changes how the program prints.
const LOOKS: [&str; 4] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM"];

/// The program, with nothing in its environment that changes what it prints, and an end to every hang.
pub(crate) fn pagelight<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).timeout(Duration::from_secs(300));
    for name in LOOKS {
        command.env_remove(name);
    }
    command
}

/// The same of any command that is or becomes the program, without an end to its hangs.
pub(crate) fn plain(command: &mut std::process::Command) -> &mut std::process::Command {
    for name in LOOKS {
        command.env_remove(name);
    }
    command
}

/// A folder on the disk that holds the build, removed when dropped.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// More than the tests of one file put into memory together. Containers often have 64 MiB.
const MIN_MEMORY_BYTES: u64 = 1 << 30;

/// The same in memory (tmpfs), where the machine has such a place that is large enough.
pub(crate) fn memory_folder() -> Option<TempDir> {
    let place = "/dev/shm";
    let bytes = rustix::fs::statvfs(place).map_or(0, |found| found.f_blocks.saturating_mul(found.f_frsize));
    // A limit of zero is none, and the system then tells of no blocks.
    let is_large = bytes == 0 || bytes >= MIN_MEMORY_BYTES;
    let folder = tempfile::tempdir_in(place).ok().filter(|_| is_large);
    if folder.is_none() {
        eprintln!("skipped: no {place} here, or a small one");
    }
    folder
}

/// True for the name that a killed run leaves in a folder whose file system makes no files without one.
pub(crate) fn is_stand_in(folder: &Path, name: &OsStr) -> bool {
    let makes_unnamed = || {
        rustix::fs::open(
            folder,
            OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        )
        .is_ok()
    };
    name.as_encoded_bytes().starts_with(b".pagelight-") && !makes_unnamed()
}

/// The journals in the folders of journals in `folder`.
pub(crate) fn journals_in(folder: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path, extension: &str| -> Vec<PathBuf> {
        // It may go while we look.
        let entries = folder.read_dir().into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths
            .filter(|path| path.extension().is_some_and(|end| end == extension))
            .collect()
    };
    let folders = list(folder, "pagelight").into_iter();
    let mut journals: Vec<_> = folders.flat_map(|folder| list(&folder, "journal")).collect();
    journals.sort();
    journals
}

/// How much is done.
pub(crate) fn done_bytes(journal: &Journal) -> u64 {
    journal.totals().expect("read").done_bytes
}

/// True if the long tests are asked for; says so if not.
pub(crate) fn long() -> bool {
    let long = std::env::var_os("PAGELIGHT_LONG").is_some_and(|value| value == "1");
    if !long {
        eprintln!("skipped: set PAGELIGHT_LONG=1 (and --release) to run it");
    }
    long
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True if `unshare` lets us have mounts of our own; says so if not.
pub(crate) fn may_have_own_mounts() -> bool {
    let tried = std::process::Command::new("unshare").args(["-m", "true"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped: no 'unshare' here, or no right to mount a disk");
    }
    may
}

/// True if `strace` traces here; says so if not.
pub(crate) fn strace_works() -> bool {
    let works = std::process::Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .output();
    let works = works.is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: no strace here, or no right to trace");
    }
    works
}

/// A program where every user reaches it.
pub(crate) struct ForOthers {
    /// Everybody may look into it, and only we may write to it.
    pub(crate) folder: TempDir,
    pub(crate) program: PathBuf,
}

impl ForOthers {
    /// A copy of `program`, which `user` must be able to run with `words`; `None`, with a message, if there is no such
    /// place or we cannot become that user.
    pub(crate) fn new(program: &Path, words: &[&str], user: u32) -> Option<ForOthers> {
        let found = is_root()
            .then(|| [memory_folder(), tempfile::tempdir().ok(), Some(folder())])
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|folder| ForOthers::in_folder(folder, program, words, user));
        if found.is_none() {
            eprintln!("skipped: only root can be another user, who must reach a copy of the program");
        }
        found
    }

    fn in_folder(folder: TempDir, program: &Path, words: &[&str], user: u32) -> Option<ForOthers> {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).ok()?;
        let copy = folder.path().join("program");
        // By another process: the children of other tests may have for a moment what is open here, and nobody can run
        // what somebody has open for writing.
        let copied = std::process::Command::new("cp").arg(program).arg(&copy).output();
        copied.ok().filter(|copied| copied.status.success())?;
        let others = ForOthers { folder, program: copy };
        let tried = others.command(user).args(words).output();
        tried.ok().filter(|tried| tried.status.success())?;
        Some(others)
    }

    /// The program, as `user` runs it.
    pub(crate) fn command(&self, user: u32) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.uid(user).gid(user).current_dir("/");
        plain(&mut command);
        command
    }

    /// A new folder that others may look into, where they also reach the program.
    pub(crate) fn new_folder(&self) -> TempDir {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("set");
        folder
    }
}

/// Waits until a process has an action of its own for a signal, as long as it lives.
#[track_caller]
pub(crate) fn wait_until_it_heeds(process: u32, signal: Signal) {
    let begun = Instant::now();
    while let Some(caught) = signals(process, "SigCgt") {
        // A signal that comes while its handler is being set is lost; that of this one is set last.
        let wanted = signal_bit(signal) | signal_bit(Signal::XFSZ);
        if caught & wanted == wanted {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{process} does not heed {signal:?}; did whoever started the tests ignore it?"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The signals of one kind that `/proc/PID/status` tells of, a bit for each; `None` if the process has ended.
pub(crate) fn signals(process: u32, kind: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let bits = status
        .lines()
        .find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'))?;
    u64::from_str_radix(bits.trim(), 16).ok()
}

pub(crate) fn signal_bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// A path as an argument.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().expect("a path of plain letters")
}

/// Every name under a folder, with its bytes and its time, to see later that nothing was touched.
#[derive(PartialEq, Eq)]
pub(crate) struct Snapshot(Vec<(PathBuf, Vec<u8>, SystemTime)>);

impl Snapshot {
    pub(crate) fn of(folder: &Path) -> Snapshot {
        let entries = folder.read_dir().expect("the folder");
        let mut files: Vec<_> = entries
            .map(|entry| {
                let entry = entry.expect("an entry");
                let metadata = entry.metadata().expect("its metadata");
                let bytes = if metadata.is_file() {
                    fs::read(entry.path()).expect("its bytes")
                } else {
                    Vec::new()
                };
                (entry.path(), bytes, metadata.modified().expect("its time"))
            })
            .collect();
        files.sort();
        Snapshot(files)
    }

    #[track_caller]
    pub(crate) fn assert_unchanged(&self, folder: &Path) {
        let now = Snapshot::of(folder);
        let names = |s: &Snapshot| s.0.iter().map(|(path, ..)| path.clone()).collect::<Vec<_>>();
        assert_eq!(names(self), names(&now), "files came or went");
        for ((path, bytes, time), (_, bytes_now, time_now)) in self.0.iter().zip(&now.0) {
            assert!(bytes == bytes_now, "{} was changed", path.display());
            assert_eq!(time, time_now, "{} was touched", path.display());
        }
    }
}

/// The bytes of every test image: a period of 251, so that no two blocks of any size can be swapped unseen.
pub(crate) fn pattern(file_range: Range<u64>) -> Vec<u8> {
    file_range
        .map(|at| u8::try_from(at % 251).expect("below 251"))
        .collect()
}

/// An image as the oracle sees it; nothing of it comes from the library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image {
    /// `rgba:u16le`, in full.
    pub(crate) format: &'static str,
    pub(crate) data_offset: u64,
    pub(crate) width: u64,
    pub(crate) height: u64,
}

/// A window as the oracle sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Whole,
    /// Offset and length in bytes.
    Run(u64, u64),
    /// X, y, width and height in pixels.
    Rect(u64, u64, u64, u64),
}

impl Part {
    /// The program's words for it.
    pub(crate) fn words(self) -> Vec<String> {
        match self {
            Part::Whole => vec![],
            Part::Run(offset, length) => vec![format!("--offset={offset}"), format!("--length={length}")],
            Part::Rect(x, y, w, h) => vec![format!("--rect={x},{y},{w},{h}")],
        }
    }
}

impl Image {
    /// The same edit as [`Image::brighten`], as the library knows it.
    pub(crate) fn job(&self, part: Part, amount: i64) -> Job {
        let format: PixelFormat = self.format.parse().expect("a format");
        let layout = Layout::new(self.data_offset, self.width, self.height, format).expect("a layout");
        let channels = format.channels.color();
        let of_part = |part: layout::Part| {
            let channels = channels.clone();
            Target::of(&layout, &layout::Part { channels, ..part }, &format.names())
        };
        let target = match part {
            Part::Whole => of_part(layout.whole()),
            Part::Run(offset, length) => Target::of_run(&layout, offset, length, &channels, &format.names()),
            Part::Rect(x, y, width, height) => of_part(layout.rect(x, y, width, height).expect("inside")),
        };
        let amount = i32::try_from(amount).expect("an amount");
        Job {
            op: Op::Brighten { amount },
            target: target.expect("inside"),
        }
    }

    pub(crate) fn channels(&self) -> u64 {
        match self.format.split(':').next() {
            Some("gray") => 1,
            Some("graya" | "2band") => 2,
            Some("rgb") => 3,
            Some("rgba" | "4band") => 4,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn pixel_bytes(&self) -> u64 {
        2 * self.channels()
    }

    /// The bytes of the file that hold pixels.
    pub(crate) fn data(&self) -> Range<u64> {
        self.data_offset..self.data_offset + self.width * self.height * self.pixel_bytes()
    }

    /// The program's words for it; the tests' files may have bytes after it.
    pub(crate) fn words(&self) -> Vec<String> {
        let size = format!("--size={}x{}", self.width, self.height);
        let offset = format!("--data-offset={}", self.data_offset);
        vec![format!("--pixel={}", self.format), size, offset, "--part".to_owned()]
    }

    fn is_inside(&self, pixel: u64, part: Part) -> bool {
        let (x, y) = (pixel % self.width, pixel / self.width);
        let byte = pixel * self.pixel_bytes();
        match part {
            Part::Whole => true,
            Part::Run(offset, length) => offset <= byte && byte < offset + length,
            Part::Rect(left, top, width, height) => left <= x && x < left + width && top <= y && y < top + height,
        }
    }

    /// The slow and obvious way: every pixel of `bytes`, which begin with pixel `first`, one sample at a time.
    /// Returns how many samples clipped.
    pub(crate) fn brighten(&self, first: u64, bytes: &mut [u8], part: Part, amount: i64) -> u64 {
        let channels = usize::try_from(self.channels()).expect("at most 4");
        let alpha = ["graya:", "rgba:"].iter().any(|word| self.format.starts_with(word));
        let edited = if alpha { channels - 1 } else { channels };
        let signed = self.format.contains(":i16");
        let big = self.format.ends_with("be");
        let (low, high) = if signed { (-32_768, 32_767) } else { (0, 65_535) };
        let mut clipped = 0;
        for (pixel, bytes) in (first..).zip(bytes.chunks_exact_mut(2 * channels)) {
            if !self.is_inside(pixel, part) {
                continue;
            }
            for sample in bytes.chunks_exact_mut(2).take(edited) {
                let (high_byte, low_byte) = if big { (0, 1) } else { (1, 0) };
                let unsigned = i64::from(sample[high_byte]) * 256 + i64::from(sample[low_byte]);
                let old = if signed && unsigned >= 32_768 {
                    unsigned - 65_536
                } else {
                    unsigned
                };
                let new = (old + amount).clamp(low, high);
                if new != old + amount {
                    clipped += 1;
                }
                sample[high_byte] = u8::try_from(new.rem_euclid(65_536) / 256).expect("a byte");
                sample[low_byte] = u8::try_from(new.rem_euclid(256)).expect("a byte");
            }
        }
        clipped
    }
}
