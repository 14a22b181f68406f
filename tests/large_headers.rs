//! TIFFs of a million tiles, and some that would like to have as much read: opened or refused soon, in little memory.
//! By themselves: what the system says of a child's memory begins with what its parent had.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{PROGRAM, folder, plain};
use pagelight::os::usage;

/// A fraction of a second; with room for slow machines and unoptimised builds.
const PATIENCE: Duration = Duration::from_secs(20);
const MAX_MEMORY_BYTES: u64 = 64 << 20;

/// `pagelight info` must end with this exit code and say this, soon and without much memory.
#[track_caller]
fn info(path: &Path, code: i32, says: &str) {
    let begun = Instant::now();
    let said = path.with_extension("said");
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "120", PROGRAM, "info"]).arg(path);
    command
        .stdout(File::create(&said).expect("made"))
        .stderr(File::create(path.with_extension("wrong")).expect("made"));
    command.stdin(Stdio::null());
    let (status, usage) = usage::wait(plain(&mut command).spawn().expect("started")).expect("waited for");
    let took = begun.elapsed();
    let text = [said, path.with_extension("wrong")]
        .map(|path| fs::read_to_string(path).expect("read"))
        .concat();
    println!("{took:?}, {} MiB: {text}", usage.peak_bytes >> 20);
    assert_eq!(status.code(), Some(code), "{text}");
    assert!(text.contains(says), "'{says}' is not in: {text}");
    assert!(took < PATIENCE, "took {took:?}: {text}");
    assert!(
        usage.peak_bytes < MAX_MEMORY_BYTES,
        "{} bytes: {text}",
        usage.peak_bytes
    );
}

/// A directory of a BigTIFF: tag, type, count, value.
fn directory(entries: &[(u16, u16, u64, u64)], next: u64) -> Vec<u8> {
    let mut bytes = (entries.len() as u64).to_le_bytes().to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend(next.to_le_bytes());
    bytes
}

fn header(first: u64) -> Vec<u8> {
    [&b"II+\0\x08\0\0\0"[..], &first.to_le_bytes()].concat()
}

/// What a gray picture in tiles of 256 x 256 pixels is, its tables at these places.
fn tiles(side: u64, count: u64, starts: u64, lengths: u64) -> [(u16, u16, u64, u64); 9] {
    [
        (256, 16, 1, side),
        (257, 16, 1, side),
        (258, 3, 1, 16),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (322, 4, 1, 256),
        (323, 4, 1, 256),
        (324, 16, count, starts),
        (325, 16, count, lengths),
    ]
}

#[test]
fn a_million_tiles_are_soon_opened() {
    const TILES: u64 = 1_000_000;
    const BYTES: u64 = 256 * 256 * 2;
    let folder = folder();
    for is_dealt_out in [false, true] {
        let path = folder.path().join(format!("{is_dealt_out}.tif"));
        let mut file = File::create(&path).expect("made");
        let tables = 16 + TILES * BYTES;
        let starts = (0..TILES).map(|tile| 16 + if is_dealt_out { tile * 7919 % TILES } else { tile } * BYTES);
        let starts: Vec<u8> = starts.flat_map(u64::to_le_bytes).collect();
        file.write_all_at(&starts, tables).expect("written");
        let lengths: Vec<u8> = (0..TILES).flat_map(|_| BYTES.to_le_bytes()).collect();
        file.write_all_at(&lengths, tables + 8 * TILES).expect("written");
        let first = tables + 16 * TILES;
        let page = directory(&tiles(256_000, TILES, tables, tables + 8 * TILES), 0);
        file.write_all_at(&page, first).expect("written");
        file.write_all(&header(first)).expect("written");
        info(&path, 0, "256000x256000");
    }
}

#[test]
fn what_would_have_too_much_read_is_refused() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let holes = |head: &[u8], bytes: u64| {
        fs::write(&path, head).expect("written");
        let file = File::options().write(true).open(&path).expect("opened");
        file.set_len(bytes).expect("grown");
    };
    let length = 200 << 30;
    // Tables of gigabytes, which the file has: it is sparse.
    for (count, side) in [
        (1 << 34, 256 << 17),
        (1 << 24, 256 << 12),
        (1 << 22, 256 << 11),
        (1 << 60, 256 << 30),
    ] {
        let page = directory(&tiles(side, count, 1 << 20, 150 << 30), 0);
        holes(&[header(16), page].concat(), length);
        info(&path, 65, "nothing was changed");
    }
    for tag in [330u16, 338, 258, 339, 270, 42113, 34665] {
        let mut entries = tiles(256, 1, 1 << 20, 1 << 30).to_vec();
        entries.retain(|(of, ..)| *of != tag);
        entries.push((tag, if tag == 270 || tag == 42113 { 2 } else { 16 }, 1 << 33, 1 << 21));
        holes(&[header(16), directory(&entries, 0)].concat(), length);
        info(&path, 65, "nothing was changed");
    }
    holes(&header(100 << 30), length);
    info(&path, 65, "has 0 entries");
    // More pages than anybody has, each with the fewest fields.
    let pages: u64 = 70_000;
    let each = directory(&[(256, 3, 1, 1)], 0).len() as u64;
    let chain = (0..pages).flat_map(|page| directory(&[(256, 3, 1, 1)], 16 + (page + 1) % pages * each));
    let chain: Vec<u8> = header(16).into_iter().chain(chain).collect();
    holes(&chain, length);
    info(&path, 65, "more than 65536 directories");
}
