//! What stays in memory is bounded, whatever the size of the image: measured at the program's own peak, and in the
//! long form under a limit that the kernel holds.

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Image, PROGRAM, Part, folder, is_root, long, memory_folder, pattern, plain, word};
use pagelight::map::{Access, MappedFile};
use rustix::fs::OFlags;

/// What issue and README promise.
const BOUND_KIB: u64 = 64 << 10;

/// The same for the usual number of threads, of which each may need 4 MiB: on a machine of many cores it is more.
fn usual_bound_kib() -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    BOUND_KIB.max((cores * 4 + 24) << 10)
}

fn write_pattern(path: &Path, bytes: u64) {
    let mut file = BufWriter::new(File::create(path).expect("created"));
    for at in (0..bytes).step_by(8 << 20) {
        file.write_all(&pattern(at..bytes.min(at + (8 << 20))))
            .expect("written");
    }
    file.flush().expect("written");
}

/// The bytes `at..at + 2` of the file, an unsigned sample.
fn sample(path: &Path, at: u64) -> u16 {
    let mut bytes = [0; 2];
    File::open(path)
        .expect("opened")
        .read_exact_at(&mut bytes, at)
        .expect("read");
    u16::from_le_bytes(bytes)
}

/// A number of `/proc/PID/status`.
fn status(pid: u32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .expect("the key");
    line.split_whitespace()
        .next()
        .expect("a number")
        .parse()
        .expect("a number")
}

/// The peak of a process's resident memory, in KiB.
fn peak_of(pid: u32) -> u64 {
    status(pid, "VmHWM")
}

/// The peak of resident memory, in KiB, of `brighten IMAGE --by=1` with more words.
///
/// The program's stdout is a pipe that is already full: when it has done its work and wants to say so it must wait, and
/// its peak can be read at leisure, from a process that is not going away.
fn peak_kib(image: &Path, words: &[&str], last_changed: u64) -> u64 {
    let before = sample(image, last_changed);
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).expect("allowed");
    let mut filled = 0;
    while let Ok(bytes) = writer.write(&[0; 4096]) {
        filled += bytes;
    }
    rustix::fs::fcntl_setfl(&writer, OFlags::empty()).expect("allowed");
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "brighten",
            word(image),
            "--by=1",
            "--pixel=rgba16",
            "--no-sync",
            "--progress=never",
        ])
        .arg("--processes=1")
        .args(words);
    let mut child = plain(&mut command).stdout(writer).spawn().expect("it runs");
    // Its own copy of the pipe's end would keep the reader below waiting.
    drop(command);
    let begun = Instant::now();
    // All threads but the first are gone once the work is done.
    let mut worked = false;
    loop {
        let threads = status(child.id(), "Threads");
        if threads == 1 && (worked || sample(image, last_changed) != before) {
            break;
        }
        worked |= threads > 1;
        assert!(begun.elapsed() < Duration::from_secs(300), "the work does not end");
        assert!(
            child.try_wait().expect("ours").is_none(),
            "it did not wait for the pipe"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(sample(image, last_changed), before.saturating_add(1), "the last sample");
    let peak_kib = peak_of(child.id());
    let mut said = Vec::new();
    reader.read_to_end(&mut said).expect("read");
    assert!(child.wait().expect("ours").success());
    assert!(String::from_utf8_lossy(&said[filled..]).contains("brighten +1"));
    eprintln!(
        "peak {:.1} MiB: {} {words:?}",
        peak_kib as f64 / 1024.0,
        image.display()
    );
    peak_kib
}

/// What is measured here must be seen by the measure: without this, all bounds would hold for maps that it overlooks.
#[test]
fn the_measure_sees_maps() {
    for folder in [Some(folder()), memory_folder()].into_iter().flatten() {
        let image = folder.path().join("image.raw");
        write_pattern(&image, MAPPED_KIB << 10);
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "keeps_a_map", "--nocapture"])
            .env(IMAGE_TO_MAP, &image)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let is_mapped = lines.map_while(Result::ok).any(|line| line.ends_with(ALL_IS_MAPPED));
        assert!(is_mapped, "{:?}", child.wait());
        let kib = peak_of(child.id());
        drop(child.stdin.take());
        child.wait().expect("ours");
        assert!(kib > MAPPED_KIB, "{kib} KiB of {MAPPED_KIB} in {}", image.display());
    }
}

const MAPPED_KIB: u64 = 96 << 10;
const IMAGE_TO_MAP: &str = "PAGELIGHT_TEST_MAP";
const ALL_IS_MAPPED: &str = "all is mapped";

/// Not a test: a process that maps an image, looks at each of its pages and releases none.
#[test]
fn keeps_a_map() {
    let Some(image) = std::env::var_os(IMAGE_TO_MAP) else {
        return;
    };
    let image = MappedFile::open(Path::new(&image), Access::ReadWrite).expect("opened");
    let view = image.view(0..image.len()).expect("mapped");
    for at in (0..view.len()).step_by(4096) {
        let byte: u8 = view.read(at).expect("inside");
        view.write(at, &byte).expect("inside");
    }
    println!("\n{ALL_IS_MAPPED}");
    // Until nobody is there.
    let _ = std::io::stdin().read(&mut [0]);
    drop(view);
}

#[test]
fn a_whole_image_larger_than_the_bound() {
    let test = |folder: &Path| {
        let image = folder.join("image.raw");
        let bytes = 256 << 20;
        write_pattern(&image, bytes);
        let kib = |words: &[&str]| {
            let kib = peak_kib(&image, words, bytes - 8);
            let bound_kib = if words.is_empty() { usual_bound_kib() } else { BOUND_KIB };
            assert!(kib < bound_kib, "{kib} KiB with {words:?}");
            kib
        };
        kib(&[]);
        kib(&["--threads=8"]);
        // What is mapped at once is more than the bound; what is done is released.
        assert!(kib(&["--threads=2", "--memory=1GiB"]) < 20 << 10);
        assert!(kib(&["--threads=1", "--memory=4MiB"]) < 20 << 10);
    };
    test(folder().path());
    if let Some(folder) = memory_folder() {
        test(folder.path());
    }
}

#[test]
fn a_tall_and_narrow_rectangle() {
    let test = |folder: &Path| {
        let image = folder.join("image.raw");
        let (width, height) = (16_384, 2048);
        write_pattern(&image, width * height * 8);
        let last_changed = ((height - 1) * width + 5) * 8;
        let kib = peak_kib(&image, &["--size=16384x2048", "--rect=5,0,1,2048"], last_changed);
        assert!(kib < usual_bound_kib(), "{kib} KiB");
    };
    test(folder().path());
    if let Some(folder) = memory_folder() {
        test(folder.path());
    }
}

#[test]
fn rows_that_are_far_apart() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    // Rows of 32 MiB, of which 8 bytes each are edited; what lies between is a hole and stays one.
    let (width, height) = (4 << 20, 64);
    File::create(&image)
        .and_then(|file| file.set_len(width * height * 8))
        .expect("made");
    let last_changed = ((height - 1) * width + 5) * 8;
    let kib = peak_kib(&image, &["--size=4194304x64", "--rect=5,0,1,64"], last_changed);
    assert!(kib < usual_bound_kib(), "{kib} KiB");
    let blocks = std::os::unix::fs::MetadataExt::blocks(&image.metadata().expect("metadata"));
    assert!(blocks * 512 < 256 << 20, "{blocks} blocks of the holes were filled");
}

/// A memory cgroup of 256 MiB, removed when dropped.
struct Group(PathBuf);

const GROUP_BYTES: u64 = 256 << 20;

impl Group {
    fn new() -> Option<Group> {
        let name = format!("pagelight-test-{}", std::process::id());
        let hierarchies = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        for (hierarchy, limit) in hierarchies {
            let path = Path::new(hierarchy).join(&name);
            if !is_root() || fs::create_dir(&path).is_err() {
                continue;
            }
            let group = Group(path);
            if fs::write(group.0.join(limit), GROUP_BYTES.to_string()).is_ok() {
                return Some(group);
            }
        }
        eprintln!("skipped: no memory cgroup can be made here");
        None
    }

    /// The most memory that the group had, its share of the page cache included, where the kernel tells.
    fn peak_bytes(&self) -> Option<u64> {
        let read = |name| fs::read_to_string(self.0.join(name)).ok();
        let text = read("memory.max_usage_in_bytes").or_else(|| read("memory.peak"))?;
        Some(text.trim().parse().expect("a number"))
    }

    /// The program in this group.
    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        let script = "echo $$ > \"$0\" && exec \"$@\"";
        command.args(["-c", script, word(&self.0.join("cgroup.procs")), PROGRAM]);
        command
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel needs a moment after the last process of the group.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("{} is left behind", self.0.display());
    }
}

#[test]
fn a_file_larger_than_its_memory_cgroup() {
    if !long() {
        return;
    }
    let Some(group) = Group::new() else { return };
    let folder = folder();
    let path = folder.path().join("image.raw");
    let image = Image {
        format: "rgba:u16le",
        data_offset: 0,
        width: 16_384,
        height: 16_384,
    };
    let bytes = image.data().end;
    assert_eq!(bytes, 8 * GROUP_BYTES);
    write_pattern(&path, bytes);
    // Pages that are in memory already would be charged to whoever brought them in, which is this test.
    let file = File::open(&path).expect("opened");
    file.sync_all().expect("synced");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("dropped");
    let edits = [
        (Part::Whole, 2000),
        (Part::Rect(5, 0, 1, 16_384), -20),
        (Part::Run(8, bytes - 16), 3),
    ];
    for (part, amount) in edits {
        let mut command = group.command();
        command
            .args(["brighten", word(&path), &format!("--by={amount}")])
            .args(part.words())
            .args(image.words());
        let output = command.stdout(Stdio::piped()).output().expect("it runs");
        assert!(
            output.status.success(),
            "{} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    if let Some(peak_bytes) = group.peak_bytes() {
        assert!(
            peak_bytes > GROUP_BYTES / 2,
            "the limit was not felt: {peak_bytes} bytes at most"
        );
    }
    let mut file = File::open(&path).expect("opened");
    let mut got = vec![0; 8 << 20];
    for at in (0..bytes).step_by(8 << 20) {
        let mut want = pattern(at..at + (8 << 20));
        for (part, amount) in edits {
            image.brighten(at / 8, &mut want, part, amount);
        }
        file.read_exact(&mut got).expect("read");
        assert!(got == want, "in the 8 MiB from byte {at} on");
    }
}
