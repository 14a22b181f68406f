//! `pagelight bench`: its figures make sense, and it leaves nothing behind and nothing changed. No figure is judged.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{
    Image, PROGRAM, Snapshot, folder, memory_folder, pagelight, pattern, plain, signal_bit, signals,
    wait_until_it_heeds, word,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const STATES: [&str; 5] = ["warm", "fresh", "synced", "reread", "cold"];

/// An image whose pixels begin anywhere, in a format that is not the usual one.
const ODD: Image = Image {
    format: "rgb:u16be",
    data_offset: 13,
    width: 501,
    height: 407,
};

/// Runs a small bench, which must succeed and print one object.
#[track_caller]
fn bench(words: &[&str]) -> Value {
    let output = pagelight(["bench", "--json", "--rounds=1"]).args(words).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?} {said}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 1, "{text:?}");
    serde_json::from_str(&text).expect("JSON")
}

/// The program's exit code and what it says on stderr.
#[track_caller]
fn refused(words: &[&str]) -> (i32, String) {
    let output = pagelight(["bench"]).args(words).output().expect("it runs");
    assert!(output.stdout.is_empty(), "{words:?}");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(
        said.lines().any(|line| line.starts_with("pagelight: ")),
        "{words:?} {said}"
    );
    (output.status.code().expect("no signal"), said)
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().expect("a folder").next().is_none()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Every figure of every row is one that can be; what states and ways there are, in order.
#[track_caller]
fn assert_sane(object: &Value) -> Vec<String> {
    let rows = object["rows"].as_array().expect("rows");
    let rounds = &object["rounds"];
    let row = |row: &Value| {
        let spreads = [
            ("seconds", 1e-9),
            ("gigabytes_per_second", 1e-9),
            ("edit_seconds", 1e-9),
            ("user_seconds", 0.0),
            ("system_seconds", 0.0),
            ("minor_faults", 1.0),
            ("major_faults", 0.0),
            ("disk_read_bytes", 0.0),
            ("peak_bytes", 65_536.0),
        ];
        for (name, least) in spreads {
            let [low, middle, high] = ["least", "median", "most"].map(|end| number(&row[name][end]));
            assert!(
                least <= low && low <= middle && middle <= high && high.is_finite(),
                "{name} of {row}"
            );
        }
        assert_eq!(&row["rounds"], rounds, "{row}");
        let whole = number(&row["seconds"]["median"]);
        assert!(number(&row["edit_seconds"]["median"]) <= whole, "{row}");
        let rate = number(&row["gigabytes_per_second"]["median"]);
        if *rounds == 1 {
            let want = number(&object["bytes"]) / whole / 1e9;
            assert!((rate / want - 1.0).abs() < 1e-9, "{row}");
        }
        let limit = number(&row["limit_gigabytes_per_second"]);
        assert!(limit > 0.0, "{row}");
        let fraction = number(&row["fraction_of_limit"]);
        assert!((fraction * limit / rate - 1.0).abs() < 1e-9, "{row}");
        // A limit that is told of is the one that the row is compared with.
        let workers = number(&row["processes"]) * number(&row["threads"]);
        let is_it = |told: &&Value| match row["limit"].as_str() {
            Some("memory") => told["of"] == "memory" && number(&told["threads"]) == workers,
            _ => told["of"] == "disk_mixed" || told["of"] == "disk_apart",
        };
        let told = object["limits"]
            .as_array()
            .expect("limits")
            .iter()
            .find(is_it)
            .expect("its limit");
        assert_eq!(number(&told["gigabytes_per_second"]["median"]), limit);
        assert_eq!(row["state"] == "cold", row["sync"] == true, "{row}");
        assert_eq!(row["state"] == "cold", row["limit"] == "disk", "{row}");
        let state = row["state"].as_str().expect("a word");
        format!("{state} {}x{}", row["processes"], row["threads"])
    };
    rows.iter().map(row).collect()
}

/// The states that were measured, and those that this file system cannot have.
fn states(object: &Value) -> Vec<String> {
    let mut states: Vec<String> = Vec::new();
    let rows = object["rows"].as_array().expect("rows").iter();
    for row in rows.chain(object["skipped"].as_array().expect("skipped")) {
        let state = row["state"].as_str().expect("a word").to_owned();
        if !states.contains(&state) {
            states.push(state);
        }
    }
    states
}

#[test]
fn every_way_in_every_state_is_measured_and_nothing_stays() {
    let folder = folder();
    let dir = format!("--dir={}", word(folder.path()));
    let object = bench(&[
        &dir,
        "--bytes=16MiB",
        "--threads=1,2,1",
        "--processes=1,2",
        "--states=warm,fresh,synced,reread,cold",
    ]);
    assert!(is_empty(folder.path()));
    assert_eq!(object["bytes"], 16 << 20);
    assert_eq!(object["pixel_format"], "rgba:u16le");
    assert!(object["image"].is_null() && object["plot"].is_null());
    assert_eq!(states(&object), STATES);
    let rows = assert_sane(&object);
    assert_eq!(rows[..4], ["warm 1x1", "warm 1x2", "warm 2x1", "warm 2x2"]);
    let measured = 5 - object["skipped"].as_array().expect("a list").len();
    assert_eq!(rows.len(), 4 * measured);
    for key in ["kernel", "file_system"] {
        assert!(object[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    assert!(object["cores"].as_u64().is_some_and(|cores| cores > 0));
    assert!(object["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20));
}

/// True if the system counts what is read from this folder's disk, byte for byte; says so if not. Some file systems
/// compress, and some machines' disks are none.
fn reads_are_counted(folder: &Path) -> bool {
    let path = folder.join("probe");
    let bytes = pattern(0..4 << 20);
    let read_bytes = || {
        let text = fs::read_to_string("/proc/thread-self/io").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("read_bytes: "))?;
        line.parse::<u64>().ok()
    };
    fs::write(&path, &bytes).expect("written");
    let file = fs::File::open(&path).expect("opened");
    file.sync_all().expect("synced");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("dropped");
    let before = read_bytes();
    assert!(fs::read(&path).expect("read") == bytes);
    let counted = before.zip(read_bytes()).map_or(0, |(before, after)| after - before);
    fs::remove_file(&path).expect("removed");
    let all = counted >= bytes.len() as u64;
    if !all {
        eprintln!(
            "skipped: of {} bytes read here the system counts {counted}",
            bytes.len()
        );
    }
    all
}

#[test]
fn the_cold_state_reads_from_the_disk_and_the_others_do_not() {
    let folder = folder();
    let reads_are_counted = reads_are_counted(folder.path());
    // The second way shows that the file is brought into its state before each.
    let dir = format!("--dir={}", word(folder.path()));
    let object = bench(&[
        &dir,
        "--bytes=32MiB",
        "--threads=1,2",
        "--processes=1",
        "--states=warm,fresh,synced,reread,cold",
    ]);
    for row in object["rows"].as_array().expect("rows") {
        let share = number(&row["disk_read_bytes"]["median"]) / number(&object["bytes"]);
        // Others on the machine may push a little out of the cache; and the program itself may have to be read.
        match row["state"].as_str() {
            Some("cold") => assert!(share > 0.9 || !reads_are_counted, "{row}"),
            _ => assert!(share < 0.5, "{row}"),
        }
    }
}

#[test]
fn people_get_a_table() {
    let folder = folder();
    let words = [
        "--bytes=8MiB",
        "--rounds=2",
        "--threads=1",
        "--processes=1",
        "--states=warm",
    ];
    let output = pagelight(["bench", "--dir", word(folder.path())]).args(words).output();
    let output = output.expect("it runs");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    for words in [
        "8.39 MB of rgba:u16le on ",
        "medians of 2 rounds",
        "state",
        "GB/s",
        "of limit",
        "limit of memory",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    let row = text.lines().find(|line| line.starts_with("warm")).expect("a row");
    let heading = text.lines().find(|line| line.starts_with("state")).expect("a heading");
    assert_eq!(row.len(), heading.len(), "{text}");
    assert!(row.contains(" 1x1 ") && row.contains(" % "), "{row}");
    assert!(is_empty(folder.path()));
}

#[test]
fn the_usual_ways_are_those_of_the_machine() {
    let folder = folder();
    let object = bench(&["--dir", word(folder.path()), "--bytes=1MiB", "--states=warm"]);
    let cores = object["cores"].as_u64().expect("a number");
    for row in object["rows"].as_array().expect("rows") {
        let workers = row["processes"].as_u64().expect("some") * row["threads"].as_u64().expect("some");
        assert!(workers <= cores, "{row}");
    }
    assert_eq!(assert_sane(&object)[0], "warm 1x1");
    // Far too many are left out, and it is said.
    let output = pagelight([
        "bench",
        "--json",
        "--bytes=1MiB",
        "--rounds=1",
        "--states=warm",
        "--threads=1,4096",
    ])
    .args(["--processes=1,256", "--dir", word(folder.path())])
    .output()
    .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("left out") && said.contains("256x4096"), "{said}");
    let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(assert_sane(&object)[0], "warm 1x1");
}

#[test]
fn an_image_that_is_named_is_not_touched() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    fs::write(&image, pattern(0..ODD.data().end + 5)).expect("written");
    let before = Snapshot::of(folder.path());
    let words = ODD.words();
    let mut all = vec![word(&image), "--threads=1", "--processes=1"];
    all.extend(words.iter().map(String::as_str));
    let object = bench(&all);
    before.assert_unchanged(folder.path());
    assert_sane(&object);
    assert_eq!(object["pixel_format"], "rgb:u16be");
    assert_eq!(object["data_offset"], 13);
    assert_eq!(object["bytes"], 501 * 407 * 6);
    assert_eq!(object["folder"], word(folder.path()));
    assert!(object["image"].is_null());
    assert_eq!(states(&object), ["warm", "fresh", "cold"]);
    // And not all of it, if that is asked for: whole pixels.
    all.extend(["--bytes=1000003", "--states=warm"]);
    assert_eq!(bench(&all)["bytes"], 1_000_002);
    before.assert_unchanged(folder.path());
}

#[test]
fn in_place_every_byte_stays_what_it_was() {
    for states_wanted in [&["--states=warm,reread,cold"][..], &[]] {
        let folder = folder();
        let image = folder.path().join("image.raw");
        let bytes = pattern(0..ODD.data().end + 5);
        fs::write(&image, &bytes).expect("written");
        let written = image.metadata().and_then(|image| image.modified()).expect("its time");
        // The clock of file times has steps of some milliseconds.
        std::thread::sleep(Duration::from_millis(30));
        let words = ODD.words();
        let mut all = vec![word(&image), "--in-place", "--threads=1,2", "--processes=1,2"];
        all.extend(words.iter().map(String::as_str));
        all.extend(states_wanted);
        let object = bench(&all);
        assert_sane(&object);
        let want = if states_wanted.is_empty() {
            &["warm", "cold"][..]
        } else {
            &["warm", "reread", "cold"]
        };
        assert_eq!(states(&object), want);
        assert_eq!(object["image"], word(&image));
        assert!(fs::read(&image).expect("read") == bytes);
        let now = image.metadata().and_then(|image| image.modified()).expect("its time");
        // In memory it stays when a map is written to.
        assert!(now > written || object["file_system"] == "tmpfs", "nothing was written");
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 1);
    }
}

#[test]
fn images_with_headers_and_of_one_pixel() {
    let folder = folder();
    for (name, size, format) in [("one.raw", "1x1", "rgb16"), ("some.raw", "300x200", "gray16be")] {
        let image = folder.path().join(name);
        let pixel = format!("--pixel={format}");
        pagelight(["create", word(&image), "--size", size, &pixel])
            .assert()
            .success();
        let before = Snapshot::of(folder.path());
        let object = bench(&[word(&image), "--threads=1", "--states=warm,fresh,synced,reread,cold"]);
        assert_sane(&object);
        before.assert_unchanged(folder.path());
        let bytes = fs::read(&image).expect("read");
        let object = bench(&[word(&image), "--threads=1", "--in-place"]);
        assert_sane(&object);
        assert_eq!(object["bytes"], bytes.len());
        assert!(fs::read(&image).expect("read") == bytes);
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 4);
}

#[test]
fn words_that_make_no_sense() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    pagelight(["create", word(&image), "--size=30x20"]).assert().success();
    let before = Snapshot::of(folder.path());
    let image = word(&image);
    let dir = format!("--dir={}", word(folder.path()));
    let check = |words: &[&str], says: &str| {
        let (code, said) = refused(words);
        assert!(code == 2 && said.contains(says), "{words:?}: {code} {said}");
    };
    check(&[&dir, "--threads="], "--threads");
    check(&[&dir, "--threads=0"], "0 is not in");
    check(&[&dir, "--threads=1,,2"], "--threads");
    check(&[&dir, "--processes=0"], "0 is not in");
    check(&[&dir, "--processes="], "--processes");
    check(
        &[&dir, "--states="],
        "is no state; give some of warm, fresh, synced, reread, cold",
    );
    check(&[&dir, "--states=warm,hot"], "'hot' is no state");
    check(&[&dir, "--rounds=0"], "--rounds");
    check(&[&dir, "--budget=-1"], "--budget");
    check(&[&dir, "--bytes=0"], "at least 1 byte");
    check(&[&dir, "--size=3x2"], "--bytes");
    check(
        &[&dir, "--data-offset=18446744073709551615"],
        "more than a file can hold",
    );
    check(&["--in-place"], "<IMAGE>");
    check(&[image, &dir, "--in-place"], "cannot be used with");
    check(&[image, "--states="], "--states");
    check(&[&dir, "--threads=4096", "--processes=256"], "give smaller numbers");
    check(&[&dir, "--plot=figures.png"], "use .svg");
    for state in ["fresh", "synced"] {
        check(&[image, "--in-place", &format!("--states=warm,{state}")], "--in-place");
    }
    assert_eq!(refused(&["/nowhere/image.raw"]).0, 66);
    assert_eq!(refused(&["--dir=/nowhere"]).0, 66);
    before.assert_unchanged(folder.path());
}

#[test]
fn files_in_memory_are_never_cold() {
    let Some(folder) = memory_folder() else { return };
    let output = pagelight([
        "bench",
        "--json",
        "--bytes=4MiB",
        "--rounds=1",
        "--threads=1",
        "--processes=1",
    ])
    .args(["--dir", word(folder.path())])
    .output()
    .expect("it runs");
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    if object["file_system"] != "tmpfs" {
        return;
    }
    assert!(
        said.contains("cold is left out: tmpfs keeps its files in memory"),
        "{said}"
    );
    assert_eq!(assert_sane(&object), ["warm 1x1", "fresh 1x1"]);
    assert_eq!(object["skipped"][0]["state"], "cold");
    assert!(is_empty(folder.path()));
    let (code, said) = refused(&["--dir", word(folder.path()), "--states=cold,reread"]);
    assert!(code == 2 && said.contains("none is left"), "{said}");
    assert!(is_empty(folder.path()));
}

/// Begins a bench, of which only the messages matter.
fn start(words: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    let child = plain(&mut command)
        .arg("bench")
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    child.expect("it runs")
}

/// Begins a long bench, interrupts it after a while, and returns its exit code and what it said.
#[track_caller]
fn interrupt_after(milliseconds: u64, words: &[&str]) -> (Option<i32>, String) {
    let long = ["--bytes=64MiB", "--rounds=1000", "--budget=100"];
    let child = start(&[&long, words].concat());
    wait_until_it_heeds(child.id(), Signal::INT);
    std::thread::sleep(Duration::from_millis(milliseconds));
    let begun = Instant::now();
    kill_process(Pid::from_child(&child), Signal::INT).expect("ours");
    let output = child.wait_with_output().expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(60), "a hang");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Early enough and late enough for each of its steps.
const INSTANTS: [u64; 6] = [150, 300, 450, 700, 1000, 1400];

#[test]
fn an_interrupt_removes_everything() {
    let folder = folder();
    let dir = format!("--dir={}", word(folder.path()));
    for instant in INSTANTS {
        let (code, said) = interrupt_after(instant, &[&dir, "--processes=1,2"]);
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("pagelight: interrupted"), "{said}");
        assert!(is_empty(folder.path()), "after {instant} ms");
    }
}

#[test]
fn an_interrupt_in_place_leaves_the_image_as_it_was() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    let bytes = pattern(0..48 << 20);
    fs::write(&image, &bytes).expect("written");
    for instant in INSTANTS {
        let (code, said) = interrupt_after(
            instant,
            &[word(&image), "--pixel=rgba16", "--in-place", "--processes=1,2"],
        );
        assert_eq!(code, Some(130), "{said}");
        assert_eq!(
            folder.path().read_dir().expect("a folder").count(),
            1,
            "after {instant} ms"
        );
        assert!(fs::read(&image).expect("read") == bytes, "after {instant} ms");
    }
}

/// The child of a process that has one.
fn child_of(process: u32) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok().and_then(Pid::from_raw)
}

/// Here the edit is stopped in its midst for certain: it stands still until it has been told to stop.
#[test]
fn what_an_interrupt_in_place_cuts_short_is_given_up() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    let length = 256 << 20;
    fs::File::create(&image)
        .and_then(|file| file.set_len(length))
        .expect("made");
    for way in ["--processes=1", "--processes=2"] {
        let bench = start(&[
            word(&image),
            "--pixel=rgba16",
            "--in-place",
            "--states=warm",
            "--threads=1",
            "--rounds=1000",
            way,
        ]);
        let begun = Instant::now();
        let names = || folder.path().read_dir().expect("a folder").count();
        let edit = loop {
            assert!(begun.elapsed() < Duration::from_secs(60), "no edit was seen");
            // An edit has a journal.
            if names() > 1
                && let Some(edit) = child_of(bench.id())
            {
                break edit;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        // Should it have ended just now, another one follows, which is then interrupted without standing still.
        let _ = kill_process(edit, Signal::STOP);
        kill_process(Pid::from_child(&bench), Signal::INT).expect("ours");
        let told = Instant::now();
        let process = edit.as_raw_nonzero().get().unsigned_abs();
        // It is told by a signal, which waits until it goes on. One that has ended, or ignores the signal, is not.
        while signals(process, "ShdPnd").is_some_and(|waiting| waiting & signal_bit(Signal::TERM) == 0)
            && told.elapsed() < Duration::from_secs(5)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = kill_process(edit, Signal::CONT);
        let output = bench.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert_eq!(names(), 1, "{way}");
        assert!(fs::read(&image).expect("read").iter().all(|&byte| byte == 0), "{way}");
        assert_eq!(image.metadata().expect("there").len(), length);
    }
}

#[test]
fn an_unfinished_job_is_in_the_way_of_an_edit_in_place() {
    use pagelight::{job, layout, map, op, pixel, run};
    let folder = folder();
    let image = folder.path().join("image.raw");
    fs::write(&image, pattern(0..4 << 20)).expect("written");
    let file = map::MappedFile::open(&image, map::Access::ReadWrite).expect("opened");
    let format = pixel::PixelFormat::RGBA16;
    let layout = layout::Layout::run(0, (4 << 20) / 8, format).expect("a layout");
    let job = job::Job {
        op: op::Op::Brighten { amount: 5 },
        target: job::Target::whole(&layout).expect("a target"),
    };
    let ended = run::start(&job, &file, "", &run::Options::default_here(), &|_| {
        ControlFlow::Break(())
    });
    assert!(ended.is_err());
    drop(file);
    // A job in the way is looked at through a map, which may move its time; its bytes and the image's stay.
    let bytes = || {
        let entries = folder
            .path()
            .read_dir()
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = entries
            .flat_map(|path| {
                if path.is_dir() {
                    common::journals_in(folder.path())
                } else {
                    vec![path]
                }
            })
            .map(|path| (path.clone(), fs::read(path).expect("read")))
            .collect();
        files.sort();
        files
    };
    let before = bytes();
    let (code, said) = refused(&[word(&image), "--pixel=rgba16", "--in-place", "--states=warm"]);
    assert!(
        code == 3 && said.contains("an unfinished job is in the way (brighten +5"),
        "{code} {said}"
    );
    assert!(bytes() == before, "something was changed");
    // A file of its own is another file.
    assert_sane(&bench(&[
        word(&image),
        "--pixel=rgba16",
        "--threads=1",
        "--processes=1",
        "--states=warm",
    ]));
    assert!(bytes() == before, "something was changed");
}

#[test]
fn a_short_budget_still_makes_one_round() {
    let folder = folder();
    let words = [
        "--json",
        "--bytes=2MiB",
        "--rounds=7",
        "--threads=1",
        "--processes=1",
        "--states=warm,fresh",
    ];
    let rounds = |budget: &str| {
        let output = pagelight(["bench", "--dir", word(folder.path()), budget])
            .args(words)
            .output();
        let object: Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON");
        assert_sane(&object);
        object["rounds"].as_u64().expect("a number")
    };
    assert_eq!(rounds("--budget=0"), 1);
    assert_eq!(rounds("--budget=1000"), 7);
}

#[test]
fn the_figures_are_drawn() {
    let folder = folder();
    let plot = folder.path().join("figures.svg");
    let words = ["--bytes=4MiB", "--threads=1,2", "--processes=1", "--states=warm,fresh"];
    let all = [&["--dir", word(folder.path()), "--plot", word(&plot)], &words[..]].concat();
    let object = bench(&all);
    assert_eq!(object["plot"], word(&plot));
    let svg = fs::read_to_string(&plot).expect("drawn");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for words in ["4.19 MB of rgba:u16le", "warm", "fresh", "1x2", "GB/s", "limit"] {
        assert!(svg.contains(words), "{words}");
    }
    // A name that is taken is seen before the work, and what has it stays.
    let before = Snapshot::of(folder.path());
    assert_eq!(refused(&all).0, 73);
    before.assert_unchanged(folder.path());
}

#[test]
fn it_is_in_the_help_and_its_parts_are_not() {
    let output = pagelight(["--help"]).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let lists = |command: &str| text.lines().any(|line| line.split_whitespace().next() == Some(command));
    assert!(lists("bench") && !lists("limit") && !lists("worker"), "{text}");
}

#[test]
fn what_is_not_its_own_is_not_overwritten() {
    let folder = folder();
    let file = folder.path().join("image.raw");
    fs::write(&file, pattern(0..8192)).expect("written");
    let words = ["limit", "--threads=1", "--bytes=4096", "disk", "write", word(&file)];
    let output = pagelight(words).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("would be overwritten"));
    assert!(fs::read(&file).expect("read") == pattern(0..8192));
    for (bytes, threads) in [("0", "1"), ("4096", "0"), ("-1", "1")] {
        let (bytes, threads) = (format!("--bytes={bytes}"), format!("--threads={threads}"));
        let words = ["limit", &bytes, &threads, "memory", "--pixel=rgba16"];
        assert_eq!(
            pagelight(words).output().expect("it runs").status.code(),
            Some(2),
            "{words:?}"
        );
    }
}

#[test]
fn what_a_kill_in_place_cuts_short_is_given_up() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    let file = fs::File::create(&image).expect("made");
    file.set_len(256 << 20).expect("grown");
    let mut bench = start(&[
        word(&image),
        "--pixel=rgba16",
        "--in-place",
        "--states=warm",
        "--threads=1",
        "--processes=1",
        "--rounds=1000",
    ]);
    let begun = Instant::now();
    let names = || folder.path().read_dir().expect("a folder").count();
    // An edit has a journal; one that has ended just now is followed by another.
    while bench.try_wait().expect("asked").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no edit was killed");
        if names() > 1
            && let Some(edit) = child_of(bench.id())
        {
            let _ = kill_process(edit, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = bench.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("killed by signal 9"),
        "{output:?}"
    );
    assert_eq!(names(), 1, "an unfinished job is left");
}
