//! The examples, run as their heads say.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An example, which `cargo test` builds with the tests.
fn example(name: &str) -> PathBuf {
    let path = Path::new(common::PROGRAM).with_file_name("examples").join(name);
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    path
}

#[track_caller]
fn run(name: &str, words: &[&str]) -> Output {
    let output = Command::new(example(name)).args(words).output().expect("run");
    assert!(output.status.success(), "{name}: {output:?}");
    output
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const HEADER: &[u8] = b"P6 64 40 65535\n";

fn picture(folder: &Path) -> (PathBuf, Vec<u8>) {
    let path = folder.join("scan.ppm");
    let before = [HEADER, &common::pattern(0..64 * 40 * 6)].concat();
    fs::write(&path, &before).expect("written");
    (path, before)
}

#[test]
fn microsofts_sample() {
    let folder = common::folder();
    let path = folder.path().join("a.data");
    let before = common::pattern(0..100);
    fs::write(&path, &before).expect("written");
    let output = run("mycolor", &[common::word(&path), "11", "35", "300"]);
    assert_eq!(says(&output), "4 pixels\n");
    let mut want = before.clone();
    for sample in want[11..43].chunks_exact_mut(2) {
        let new = i16::from_le_bytes([sample[0], sample[1]]).saturating_add(300);
        sample.copy_from_slice(&new.to_le_bytes());
    }
    assert!(fs::read(&path).expect("read") == want);
}

#[test]
fn an_edit_with_progress() {
    let folder = common::folder();
    let (path, before) = picture(folder.path());
    run("edit", &[common::word(&path), "500"]);
    let mut want = before.clone();
    for sample in want[HEADER.len()..].chunks_exact_mut(2) {
        let new = u16::from_be_bytes([sample[0], sample[1]]).saturating_add(500);
        sample.copy_from_slice(&new.to_be_bytes());
    }
    assert!(fs::read(&path).expect("read") == want);
}

#[test]
fn colors_become_gray_by_processes_or_by_one() {
    for processes in ["1", "2"] {
        let folder = common::folder();
        let (path, before) = picture(folder.path());
        run("gray", &[common::word(&path), processes]);
        let mut want = before.clone();
        for pixel in want[HEADER.len()..].chunks_exact_mut(6) {
            let value = |at: usize| u32::from(pixel[at]) * 256 + u32::from(pixel[at + 1]);
            let gray = (2126 * value(0) + 7152 * value(2) + 722 * value(4)) / 10_000;
            let [.., high, low] = gray.to_be_bytes();
            pixel.copy_from_slice(&[high, low, high, low, high, low]);
        }
        assert!(fs::read(&path).expect("read") == want);
        assert_eq!(folder.path().read_dir().expect("read").count(), 1);
    }
}

#[test]
fn killed_and_finished() {
    let says = says(&run("crash", &[]));
    assert!(says.contains("cut short: brighten +20000"), "{says}");
    assert!(says.ends_with("once: true\n"), "{says}");
}

/// Twenty turns of two programs, each number once.
#[test]
fn two_programs_meet() {
    let start = || {
        Command::new(example("meet"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("started")
    };
    let outputs = [start(), start()].map(|child| child.wait_with_output().expect("ended"));
    let mut numbers: Vec<u32> = outputs
        .iter()
        .flat_map(|output| says(output).lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| {
            line.rsplit(' ')
                .next()
                .and_then(|word| word.parse().ok())
                .expect("a number")
        })
        .collect();
    numbers.sort_unstable();
    // One that ends before the other begins takes the memory with it.
    let alone: Vec<u32> = (1..=10).flat_map(|number| [number, number]).collect();
    assert!(
        numbers == (1..=20).collect::<Vec<_>>() || numbers == alone,
        "{numbers:?}"
    );
}
