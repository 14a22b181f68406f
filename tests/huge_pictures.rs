//! Pictures of a few bytes in files of hundreds of gigabytes of nothing, whose headers claim whatever costs most:
//! refused soon, with a reason, in little memory.

mod common;

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{PROGRAM, folder, plain};
use pagelight::os::usage;
use tempfile::TempDir;

/// More than any test would read in its time.
const HUGE_BYTES: u64 = 200 << 30;
/// What a picture may cost, with room for slow machines and unoptimised builds.
const PATIENCE: Duration = Duration::from_secs(30);
/// A quarter of what is decoded at once, which is what the lists of a TIFF's directory may take; and then some.
const MAX_MEMORY_BYTES: u64 = 500 << 20;

/// A folder with a picture that begins with `start` and has nothing else, as far as `bytes`.
fn house(start: &[u8], bytes: u64) -> TempDir {
    let folder = folder();
    let picture = folder.path().join("picture");
    fs::write(&picture, start).expect("written");
    let file = File::options().write(true).open(&picture).expect("opened");
    file.set_len(bytes).expect("grown");
    folder
}

#[track_caller]
fn refuses(what: &str, start: &[u8], bytes: u64, says: &str) {
    let house = house(start, bytes);
    let begun = Instant::now();
    // What hangs is ended; the memory of both is measured, and the other one is small.
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "60", PROGRAM, "import", "picture", "new.raw"]);
    command.current_dir(house.path());
    // Into a file: whoever waits and measures does not read.
    let complaint = File::create(house.path().join("complaint")).expect("made");
    let child = plain(&mut command).stdout(Stdio::null()).stderr(complaint).spawn();
    let (status, usage) = usage::wait(child.expect("started")).expect("waited for");
    let took = begun.elapsed();
    let said = fs::read_to_string(house.path().join("complaint")).expect("read");
    println!("{what}: {took:?}, {} MiB, {said}", usage.peak_bytes >> 20);
    assert_eq!(status.code(), Some(65), "{what}: {said}");
    assert!(said.lines().count() == 1 && said.contains(says), "{what}: {said}");
    assert!(took < PATIENCE, "{what}: took {took:?}");
    assert!(
        usage.peak_bytes < MAX_MEMORY_BYTES,
        "{what}: {} bytes",
        usage.peak_bytes
    );
    assert!(!house.path().join("new.raw").exists());
}

/// What the numbers of types in a TIFF mean.
const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const LONG8: u16 = 16;

/// A BigTIFF whose directory begins at byte 16 and says that it has `count` entries, of which these are written.
fn big_tiff(count: u64, entries: &[(u16, u16, u64, u64)]) -> Vec<u8> {
    let mut tiff = b"II\x2b\0\x08\0\0\0".to_vec();
    tiff.extend(16u64.to_le_bytes());
    tiff.extend(count.to_le_bytes());
    for (tag, kind, values, value) in entries {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(values.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    }
    tiff
}

/// A gray picture of 16 bits, but for where its strips or tiles lie; `more` takes the place of what is the same.
fn gray(side: u64, more: &[(u16, u16, u64, u64)]) -> Vec<(u16, u16, u64, u64)> {
    let mut entries = vec![
        (256, LONG, 1, side),
        (257, LONG, 1, side),
        (258, SHORT, 1, 16),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, 1),
        (277, SHORT, 1, 1),
    ];
    entries.retain(|entry| more.iter().all(|more| more.0 != entry.0));
    entries.extend(more);
    entries.sort_unstable();
    entries
}

#[track_caller]
fn refuses_tiff(what: &str, side: u64, more: &[(u16, u16, u64, u64)], says: &str) {
    let entries = gray(side, more);
    refuses(what, &big_tiff(entries.len() as u64, &entries), HUGE_BYTES, says);
}

#[test]
fn a_tiff_whose_directory_does_not_end() {
    refuses(
        "entries",
        &big_tiff(1 << 33, &gray(8, &[])),
        HUGE_BYTES,
        "more than 67108864 bytes to read",
    );
    refuses(
        "all entries",
        &big_tiff(u64::MAX, &[]),
        HUGE_BYTES,
        "more than 67108864 bytes to read",
    );
}

#[test]
fn a_tiff_of_many_tiles_or_strips() {
    let places = |count| {
        [
            (322, LONG, 1, 16),
            (323, LONG, 1, 16),
            (324, LONG8, count, 4096),
            (325, LONG8, count, 4096),
        ]
    };
    // Together more than a header, or alone more than memory should hold.
    refuses_tiff(
        "5 M tiles",
        40_000,
        &places(5_000_000),
        "more than 67108864 bytes to read",
    );
    refuses_tiff("2^35 tiles", 2_000_000, &places(1 << 35), "limits");
    let places = |count| [(273, LONG8, count, 4096), (278, LONG, 1, 1), (279, LONG, count, 4096)];
    refuses_tiff("2^35 strips", 4_000_000, &places(1 << 35), "limits");
    refuses_tiff("2^63 strips", 4_000_000, &places(1 << 63), "a TIFF");
}

#[test]
fn a_tiff_of_long_lists() {
    let strip = [(273, LONG8, 1, 4096), (279, LONG8, 1, 128)];
    for (tag, kind) in [(258, SHORT), (258, BYTE), (339, SHORT), (338, SHORT), (530, SHORT)] {
        for count in [8_000_000, 1 << 35] {
            let list = [&strip[..], &[(tag, kind, count, 4096)]].concat();
            refuses_tiff(&format!("{count} of {tag}"), 8, &list, "a TIFF");
        }
    }
}

#[test]
fn a_tiff_whose_lists_would_be_a_long_complaint() {
    let strip = [(273, LONG8, 1, 8192), (279, LONG8, 1, 128)];
    let list = gray(8, &[&strip[..], &[(339, SHORT, 8_000_000, 4096)]].concat());
    let mut tiff = big_tiff(list.len() as u64, &list);
    tiff.resize(4096, 0);
    tiff.push(1);
    refuses("a format for each of many samples", &tiff, HUGE_BYTES, "...");
}

#[test]
fn a_tiff_of_one_long_strip() {
    // Deflate, so that the length counts.
    let strip = [(259, SHORT, 1, 8), (273, LONG8, 1, 4096), (279, LONG8, 1, 100 << 30)];
    refuses_tiff("100 GB of strip", 8, &strip, "limits");
    let strip = [(273, LONG8, 1, 190 << 30), (279, LONG8, 1, u64::MAX)];
    refuses_tiff("all bytes of strip", 8, &strip, "limits");
}

#[test]
fn of_many_directories_only_the_first_is_read() {
    let entries = gray(8, &[(273, LONG8, 1, 4096), (279, LONG8, 1, 128)]);
    let tiff = |next: u64| {
        let tiff = big_tiff(entries.len() as u64, &entries);
        [&tiff[..], &next.to_le_bytes()].concat()
    };
    refuses("a ring", &tiff(16), HUGE_BYTES, "cycle");
    let house = house(&tiff(100 << 30), HUGE_BYTES);
    let begun = Instant::now();
    let mut command = Command::new(PROGRAM);
    command.args(["import", "picture", "new.raw"]).current_dir(house.path());
    let output = plain(&mut command).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(fs::read(house.path().join("new.raw")).expect("read"), [0; 128]);
}

#[test]
fn a_png_of_long_notes() {
    // A header as of a gray picture of 8 x 8, with its checksum.
    let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x08\x10\0\0\0\0\xb1\xf4\x3d\x14";
    for kind in [b"zTXt", b"tEXt", b"iCCP", b"abCd", b"eXIf"] {
        let start = [&header[..], &0x7fff_ffffu32.to_be_bytes(), kind].concat();
        refuses(
            &format!("{kind:?}"),
            &start,
            HUGE_BYTES,
            "more than 67108864 bytes to read",
        );
    }
}

#[test]
fn a_header_in_words_that_does_not_end() {
    for start in ["P5 #", "P6\n8 8 #", "P7\n", "P7\nWIDTH 8\nTUPLTYPE "] {
        refuses(
            start,
            start.as_bytes(),
            HUGE_BYTES,
            "its header would be more than 1048576 bytes to read",
        );
    }
    let blanks = [b"P5 ".to_vec(), vec![b' '; 2 << 20]].concat();
    refuses(
        "blanks",
        &blanks,
        HUGE_BYTES,
        "its header would be more than 1048576 bytes to read",
    );
}

#[test]
fn an_exr_of_long_notes() {
    let start = [
        &b"\x76\x2f\x31\x01\x02\0\0\0"[..],
        b"note\0string\0",
        &0x7fff_ffffu32.to_le_bytes(),
    ]
    .concat();
    refuses("exr", &start, HUGE_BYTES, "more than 67108864 bytes to read");
    // Short notes without end.
    let note = [&b"n0\0int\0\x04\0\0\0"[..], &[0; 4]].concat();
    let start = [&b"\x76\x2f\x31\x01\x02\0\0\0"[..], &note.repeat(5 << 20)].concat();
    refuses(
        "exr of many notes",
        &start,
        HUGE_BYTES,
        "more than 67108864 bytes to read",
    );
}

#[test]
fn words_without_end_among_pixels() {
    let start = [b"P2 8 8 65535 ".to_vec(), vec![b'0'; 2 << 20]].concat();
    refuses("zeros", &start, HUGE_BYTES, "its pixels would be more than");
}
