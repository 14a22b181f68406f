//! What the program shows: results on stdout, messages on stderr, JSON, progress, colors, completions, manual pages.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{PROGRAM, Snapshot, folder, pagelight, pattern, plain, word};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with an image of 30 x 20 pixels and its header.
fn house() -> (TempDir, PathBuf) {
    let folder = folder();
    let image = folder.path().join("image.raw");
    pagelight(["create", word(&image), "--size=30x20"]).assert().success();
    (folder, image)
}

/// What the program prints on stdout; it must succeed and print nothing else. On a slow machine any work may take so
/// long that it would say how far it is.
#[track_caller]
fn prints(words: &[&str]) -> String {
    prints_alone(&[words, &["--progress=never"]].concat())
}

/// The same of nothing but these words.
#[track_caller]
fn prints_alone(words: &[&str]) -> String {
    let output = pagelight(words).output().expect("the program runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?} {complaint}");
    assert_eq!(complaint, "", "{words:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    text
}

/// The one JSON object that the program prints.
#[track_caller]
fn json(words: &[&str], keys: &[&str]) -> Value {
    let output = pagelight(words).arg("--json").output().expect("the program runs");
    assert!(output.status.success(), "{words:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 1, "{text:?}");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let got: BTreeSet<&str> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(got, keys.iter().copied().collect(), "{words:?}");
    value
}

#[test]
fn results_go_to_stdout_and_nothing_to_stderr() {
    let (folder, image) = house();
    let new = folder.path().join("new.raw");
    let shows = |words: &[&str], says: &[&str]| {
        let text = prints(words);
        for words in says {
            assert!(text.contains(words), "{words:?} is not in {text:?}");
        }
    };
    let image = word(&image);
    shows(
        &["brighten", image, "--by=1"],
        &["brighten +1 the whole image", "600 pixels", "samples clipped"],
    );
    shows(
        &["brighten", image, "--by=-1", "--rect=1,2,3,4"],
        &["brighten -1 the 3x4 pixels at 1,2", "12 pixels"],
    );
    shows(
        &["brighten", image, "--by=1", "--offset=8", "--length=16"],
        &["16 bytes from 8 on", "2 pixels"],
    );
    shows(
        &["info", image],
        &["30x20, 600 pixels", "rgba:u16le", "image.hdr", "edits red,green,blue"],
    );
    shows(
        &["create", word(&new), "--size=3x2"],
        &["3x2 pixels (rgba:u16le)", "header", "new.hdr"],
    );
    assert!(prints(&["--version"]).starts_with("pagelight "));
    shows(
        &["--help"],
        &["brighten", "create", "info", "demo", "completions", "man"],
    );
    shows(
        &["brighten", "--help"],
        &[
            "--by",
            "--rect",
            "--offset",
            "--length",
            "--threads",
            "--memory",
            "--dry-run",
        ],
    );
}

#[test]
fn json_is_one_object_with_the_documented_keys() {
    let (folder, image) = house();
    let edit = [
        "image",
        "window",
        "operation",
        "amount",
        "channels",
        "pixel_format",
        "pixels",
        "bytes",
        "seconds",
        "disk_seconds",
        "gigabytes_per_second",
        "clipped_samples",
        "merged_samples",
    ];
    let value = json(&["brighten", word(&image), "--by=-5%", "--rect=1,2,3,4"], &edit);
    assert_eq!(value["image"], word(&image));
    assert_eq!(
        (&value["amount"], &value["pixels"], &value["bytes"]),
        (&(-3277).into(), &12.into(), &96.into())
    );
    assert!(value["seconds"].is_f64() && value["disk_seconds"].is_f64());
    let value = json(&["brighten", word(&image), "--by=1", "--no-sync"], &edit);
    assert!(value["disk_seconds"].is_f64());

    let keys = [
        "image",
        "dry_run",
        "window",
        "amount",
        "channels",
        "pixel_format",
        "pixels",
        "bytes",
        "file_system",
        "operation",
        "estimated_clipped_share",
        "estimated_merged_share",
    ];
    let value = json(&["brighten", word(&image), "--by=65535", "--dry-run"], &keys);
    assert_eq!(value["dry_run"], true);
    assert!(
        value["estimated_clipped_share"]
            .as_f64()
            .is_some_and(|share| share > 0.5 && share <= 1.0)
    );

    let keys = [
        "image",
        "kind",
        "mended",
        "header",
        "pixel_format",
        "pixel_bytes",
        "channels",
        "edited_channels",
        "width",
        "height",
        "pixels",
        "planes",
        "tile",
        "pages",
        "notes",
        "nodata",
        "stale",
        "stale_parts",
        "data_offset",
        "data_bytes",
        "file_bytes",
        "file_system",
        "unfinished_jobs",
    ];
    let value = json(&["info", word(&image)], &keys);
    assert_eq!(
        (&value["width"], &value["height"], &value["data_bytes"]),
        (&30.into(), &20.into(), &4800.into())
    );
    assert_eq!(value["edited_channels"], serde_json::json!(["red", "green", "blue"]));
    fs::remove_file(image.with_extension("hdr")).expect("removed");
    let value = json(&["info", word(&image), "--pixel=rgba16"], &keys);
    assert!(value["header"].is_null() && value["width"].is_null() && value["height"].is_null());

    let keys = [
        "image",
        "header",
        "width",
        "height",
        "pixel_format",
        "bytes",
        "seconds",
        "gigabytes_per_second",
    ];
    let new = folder.path().join("new.raw");
    let value = json(&["create", word(&new), "--size=3x2", "--pixel=rgb16be"], &keys);
    assert_eq!(
        (&value["bytes"], &value["pixel_format"]),
        (&36.into(), &"rgb:u16be".into())
    );

    let keys = [
        "bytes",
        "seconds",
        "gigabytes_per_second",
        "clipped_samples",
        "exact",
        "before",
        "after",
    ];
    let value = json(&["demo", "--bytes=1MiB", "--dir", word(folder.path())], &keys);
    assert_eq!((&value["bytes"], &value["exact"]), (&(1 << 20).into(), &true.into()));
}

#[test]
fn quiet_says_nothing_but_errors_and_json() {
    let (folder, image) = house();
    let new = folder.path().join("new.raw");
    assert_eq!(prints_alone(&["brighten", word(&image), "--by=1", "--quiet"]), "");
    assert_eq!(prints_alone(&["create", word(&new), "--size=3x2", "-q"]), "");
    assert_eq!(
        prints_alone(&["demo", "--bytes=1MiB", "-q", "--dir", word(folder.path())]),
        ""
    );
    assert!(prints_alone(&["info", word(&image), "-q", "--json"]).starts_with('{'));
    let output = pagelight(["info", "/nowhere", "-q"]).output().expect("it runs");
    assert!(!output.stderr.is_empty());
}

#[test]
fn verbose_tells_how_the_work_is_done() {
    let (_folder, image) = house();
    let output = pagelight(["brighten", word(&image), "--by=1", "-v", "--threads=3"])
        .output()
        .expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("3 threads"));
}

#[test]
fn large_work_is_shared_by_processes_unless_threads_are_named() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for (mebibytes, words, processes) in [
        (255, "--no-sync", 1),
        (256, "--no-sync", cores.min(2)),
        (256, "--threads=3", 1),
        (1, "--processes=2", 2),
    ] {
        // A hole, of which nothing need be written to the disk.
        let file = fs::File::create(&image).expect("created");
        file.set_len(mebibytes << 20).expect("grown");
        let output = pagelight(["brighten", word(&image), "--pixel=rgba16", "--by=1", "-v", words])
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains(&format!("{processes} processes of ")), "{words} {said}");
        let started = said.matches("was started").count();
        assert_eq!(started, if processes > 1 { processes } else { 0 }, "{said}");
    }
}

#[test]
fn unnamed_bands_are_edited_and_it_is_said() {
    let (_folder, image) = house();
    let header = image.with_extension("hdr");
    let text = fs::read_to_string(&header).expect("read");
    let unnamed: Vec<&str> = text.lines().filter(|line| !line.starts_with("band names")).collect();
    fs::write(&header, unnamed.join("\n")).expect("written");
    let output = pagelight(["brighten", word(&image), "--by=1"])
        .output()
        .expect("it runs");
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("nobody says what the bands mean, so all 4 are edited") && said.contains("--channels"),
        "{said}"
    );
}

#[test]
fn colors_only_where_they_are_shown() {
    let colored = |words: &[&str], environment: &[(&str, &str)]| {
        let output = pagelight(["info", "/nowhere"])
            .args(words)
            .envs(environment.iter().copied())
            .output();
        let text = String::from_utf8(output.expect("it runs").stderr).expect("text");
        assert!(text.contains("pagelight:"), "{text:?}");
        text.contains('\u{1b}')
    };
    assert!(!colored(&[], &[]));
    assert!(colored(&["--color=always"], &[]));
    assert!(colored(&["--color", "always"], &[]));
    assert!(!colored(&["--color=never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[], &[("NO_COLOR", "1")]));
    // A complaint about words is colored alike.
    let output = pagelight(["info", "--color=always", "--no-such-word"])
        .output()
        .expect("it runs");
    assert!(output.stderr.starts_with(b"\x1b["));
}

#[test]
fn no_color_is_heeded_on_a_terminal() {
    let colored = |environment: &str| on_a_terminal(&format!("{environment} '{PROGRAM}' info /nowhere"));
    let (Some(with), Some(without)) = (colored("env TERM=xterm"), colored("env TERM=xterm NO_COLOR=1")) else {
        return;
    };
    assert!(with.contains("\u{1b}[") && with.contains("pagelight:"), "{with:?}");
    assert!(
        !without.contains("\u{1b}[") && without.contains("pagelight:"),
        "{without:?}"
    );
}

/// What a command shows on a terminal of its own; `None`, with a message, where there is none to be had.
fn on_a_terminal(command: &str) -> Option<String> {
    // Before the command: whoever has no terminal to give does not run it.
    let works = script("echo works").is_some_and(|shown| shown.trim_end() == "works");
    if !works {
        eprintln!("skipped: no 'script' here, or no terminal for it");
        return None;
    }
    script(command)
}

fn script(command: &str) -> Option<String> {
    let command = format!("stty cols 100 rows 30; {command}");
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        script.env_remove(name);
    }
    let output = script.output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_wiped_again() {
    let folder = folder();
    let create = |more: &str| {
        let image = folder.path().join("image.raw");
        let shown = on_a_terminal(&format!(
            "env TERM=xterm '{PROGRAM}' create '{}' --size=4000x2000 {more}",
            image.display()
        ));
        if shown.is_some() {
            fs::remove_file(&image).expect("made");
            fs::remove_file(image.with_extension("hdr")).expect("made");
        }
        shown
    };
    let (Some(bar), Some(never), Some(quiet)) = (create(""), create("--progress=never"), create("--quiet")) else {
        return;
    };
    for words in ["█", "░", " %", "64.00 MB", "/s", "left", "\u{1b}["] {
        assert!(bar.contains(words), "{words:?} is not in {bar:?}");
    }
    assert!(bar.contains("4000x2000 pixels"), "{bar:?}");
    assert!(
        never.contains("4000x2000 pixels") && !never.contains('█') && !never.contains('░'),
        "{never:?}"
    );
    assert_eq!(quiet, "");
}

#[test]
fn slow_work_prints_a_plain_line_now_and_then() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    for way in ["plain", "auto"] {
        // Long work is had by stopping the program in its midst for longer than lines are apart.
        // When its midst is depends on the machine.
        let instants = [40, 20, 80, 10, 160, 5, 320, 60, 30, 120].map(Duration::from_millis);
        let said = instants.into_iter().find_map(|instant| {
            let mut command = Command::new(PROGRAM);
            command.args([
                "create",
                word(&image),
                "--size=4000x4000",
                "--pattern=noise",
                "--progress",
                way,
            ]);
            let mut child = plain(&mut command)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it runs");
            let pid = rustix::process::Pid::from_child(&child);
            std::thread::sleep(instant);
            rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("ours");
            let in_its_midst = child.try_wait().expect("ours").is_none() && !image.exists();
            std::thread::sleep(Duration::from_millis(if in_its_midst { 2200 } else { 0 }));
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success());
            fs::remove_file(&image).expect("made");
            fs::remove_file(image.with_extension("hdr")).expect("made");
            // Stopped before the work began or after it ended, it says nothing: once more.
            Some(String::from_utf8(output.stderr).expect("text")).filter(|said| !said.is_empty())
        });
        let said = said.expect("a line in one of ten runs");
        assert!(
            said.starts_with("create: ") && said.contains(" of 128 MB (") && said.contains(" left"),
            "{said:?}"
        );
        assert!(!said.contains('\u{1b}') && !said.contains('\r'), "{said:?}");
    }
}

#[test]
fn sizes_have_suffixes() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    fs::write(&image, pattern(0..20_000)).expect("written");
    let bytes = |offset: &str, length: &str| {
        let words = [
            "brighten",
            word(&image),
            "--by=0",
            "--pixel=rgba16",
            "--json",
            "--no-sync",
            "--memory=64MiB",
        ];
        let output = pagelight(words)
            .args(["--offset", offset, "--length", length])
            .output()
            .expect("it runs");
        let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (
            value["window"].as_str().expect("text").to_owned(),
            value["bytes"].as_u64().expect("a number"),
        )
    };
    assert_eq!(bytes("1KiB", "8KiB"), ("8192 bytes from 1024 on".to_owned(), 8192));
    assert_eq!(bytes("1k", "8K"), ("8000 bytes from 1000 on".to_owned(), 8000));
    assert_eq!(bytes("0", "1.6 kB"), ("1600 bytes from 0 on".to_owned(), 1600));
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = prints(&["completions", shell]);
        assert!(script.contains("pagelight") && script.contains("brighten"), "{shell}");
    }
    assert!(prints(&["man"]).contains(".TH pagelight 1"));
    for command in ["brighten", "create", "info", "demo", "completions", "man"] {
        let page = prints(&["man", command]);
        assert!(page.contains(".TH") && page.contains(command), "{command}");
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let (folder, image) = house();
    let before = Snapshot::of(folder.path());
    let text = prints(&["brighten", word(&image), "--by=20000", "--dry-run", "--rect=1,1,20,10"]);
    for words in [
        "would brighten +20000 the 20x10 pixels at 1,1",
        "200 pixels",
        "would clip",
        "nothing was changed",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text:?}");
    }
    before.assert_unchanged(folder.path());
}

#[test]
fn the_demo_cleans_up() {
    let folder = folder();
    let output = pagelight(["demo", "--bytes=8MiB", "--dir", word(folder.path())])
        .output()
        .expect("it runs");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("GB/s") && text.contains("all 4,194,304 samples are what the plain loop makes"),
        "{text}"
    );
    // What stays is what it names: two pictures, in a folder of their own, of which one is brighter.
    let kept: Vec<_> = folder.path().read_dir().expect("a folder").collect();
    let [Ok(kept)] = &kept[..] else { panic!("{kept:?}") };
    let bytes = |name: &str| {
        let picture = kept.path().join(name);
        assert!(text.contains(word(&picture)), "{text}");
        fs::read(picture).expect("a picture")
    };
    assert_ne!(bytes("before.png"), bytes("after.png"));
    assert_eq!(kept.path().read_dir().expect("a folder").count(), 2);
}

#[test]
fn what_is_created_is_complete() {
    let folder = folder();
    let create = |name: &str, more: &[&str]| {
        let path = folder.path().join(name);
        prints(&[&["create", word(&path), "--size=101x53"], more].concat());
        fs::read(path).expect("read")
    };
    let noise = create("a.raw", &["--pattern=noise", "--seed=7"]);
    assert_eq!(noise.len(), 101 * 53 * 8);
    assert!(noise == create("b.raw", &["--pattern=noise", "--seed=7"]));
    assert!(noise != create("c.raw", &["--pattern=noise", "--seed=8"]));
    assert!(create("d.raw", &["--pattern=black"]).iter().all(|&byte| byte == 0));
    let gradient = create("e.raw", &["--pixel=gray16be"]);
    let samples: Vec<u16> = gradient
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    assert_eq!((samples[0], samples[100]), (0, 65_535));
    assert!(samples[..101].is_sorted());
    let value: Value =
        serde_json::from_str(&prints(&["info", "--json", word(&folder.path().join("e.raw"))])).expect("JSON");
    assert_eq!((&value["width"], &value["height"]), (&101.into(), &53.into()));
    assert_eq!(value["pixel_format"], "gray:u16be");
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 10);
}
