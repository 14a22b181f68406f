//! Surroundings that are not as they usually are: an output that takes nothing, hostile names, no /proc, few open
//! files.

mod common;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use common::{PROGRAM, folder, may_have_own_mounts, pagelight, plain};
use tempfile::TempDir;

/// A folder with an image of 30 x 20 pixels and its header, and a folder for named objects.
struct House {
    folder: TempDir,
}

impl House {
    fn new() -> House {
        House::with("image.raw")
    }

    fn with(image: &str) -> House {
        let folder = folder();
        let house = House { folder };
        pagelight([
            OsStr::new("create"),
            house.path(image).as_os_str(),
            "--size=30x20".as_ref(),
        ])
        .assert()
        .success();
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in this folder.
    fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).current_dir(self.folder.path());
        command.env("PAGELIGHT_NAMES", self.path("names")).stdin(Stdio::null());
        plain(&mut command);
        command
    }

    /// A shell in this folder whose `$0` is the program and whose `$1` and so on are `words`.
    fn shell(&self, script: &str, words: &[&str]) -> Output {
        let mut command = Command::new("sh");
        command
            .args(["-c", script, PROGRAM])
            .args(words)
            .current_dir(self.folder.path());
        plain(&mut command).output().expect("it runs")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path("image.raw")).expect("read")
    }
}

/// One line on stderr, with `says` in it.
#[track_caller]
fn complained(output: &Output, code: i32, says: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.lines().count() == 1 && !said.contains("panicked"), "{said}");
    for words in says {
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
    said
}

/// Commands that print a result, in an order in which each finds what it needs.
const ALL: [&str; 24] = [
    "--help",
    "--version",
    "brighten --help",
    "completions bash",
    "man",
    "man brighten",
    "create new.raw --size=3x2",
    "info image.raw",
    "info image.raw --json",
    "status image.raw",
    "resume image.raw",
    "abandon image.raw --yes",
    "brighten image.raw --by=1 --dry-run",
    "brighten image.raw --by=1",
    "brighten image.raw --by=1 --json",
    "stats image.raw --plot=plot.svg",
    "export image.raw image.png",
    "preview image.raw small.png --json",
    "import image.png imported.raw",
    "demo --bytes=1MiB --dir=. --pictures=. --progress=never --quiet --json",
    "shm create kept --bytes=10 --persist=file",
    "shm read kept",
    "shm list --json",
    "mutex hold name --for=1ms",
];

#[test]
fn a_result_that_cannot_be_printed_is_an_error() {
    let house = House::new();
    let before = house.bytes();
    for words in ALL {
        let full = File::options().write(true).open("/dev/full").expect("opened");
        let output = house.command(words.split(' ')).stdout(full).output().expect("it runs");
        println!("{words}");
        let says = [
            "cannot write the result to standard output",
            "No space left",
            "the work itself is done",
        ];
        complained(&output, 74, &says);
    }
    let brightened = |v: &[u8]| u16::from_le_bytes([v[0], v[1]]).saturating_add(2).to_le_bytes();
    let want: Vec<u8> = before
        .chunks_exact(8)
        .flat_map(|pixel| {
            [
                pixel[..6].chunks_exact(2).flat_map(brightened).collect(),
                pixel[6..].to_vec(),
            ]
            .concat()
        })
        .collect();
    assert!(house.bytes() == want, "each edit was done, and once");
    let names: Vec<OsString> = house
        .folder
        .path()
        .read_dir()
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(
        !names.iter().any(|name| name.to_string_lossy().contains("journal")),
        "{names:?}"
    );
    for name in [
        "new.raw",
        "plot.svg",
        "image.png",
        "small.png",
        "imported.raw",
        "after.png",
    ] {
        assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
    }
}

#[test]
fn an_error_of_the_work_counts_more_than_one_of_printing() {
    let house = House::new();
    let full = File::options().write(true).open("/dev/full").expect("opened");
    let output = house
        .command(["info", "none.raw"])
        .stdout(full)
        .output()
        .expect("it runs");
    complained(&output, 66, &["none.raw: no such file"]);
}

#[test]
fn a_reader_who_has_gone_is_no_error() {
    let house = House::new();
    for words in ALL {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = house
            .command(words.split(' '))
            .stdout(writer)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{words}: {:?} {said}",
            output.status
        );
    }
}

/// A name that would turn a terminal red, ring its bell, begin a line of its own, and turn letters around.
const HOSTILE: &str = "a\u{1b}[31m\u{7}\u{9b}2J\npagelight: done\u{202e}\u{2066}\u{7f}";

/// True for what no terminal should be sent, and for ends of lines.
fn is_hostile(c: char) -> bool {
    c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
}

#[test]
fn hostile_names_are_shown_and_not_obeyed() {
    let image = format!("{HOSTILE}.raw");
    let house = House::with(&image);
    let name = |extension: &str| format!("{HOSTILE}.{extension}");
    let tame = House::new();
    let run = |house: &House, words: &[&str], image: &str, extra: &[String]| {
        let words = words.iter().map(|&word| match word {
            "IMAGE" => image.to_owned(),
            word => match word.strip_prefix("EXTRA") {
                Some(number) => extra[number.parse::<usize>().expect("a number")].clone(),
                None => word.to_owned(),
            },
        });
        house.command(words).output().expect("it runs")
    };
    let (hostile_extra, tame_extra) = (
        [
            name("png"),
            name("2.raw"),
            name("tif"),
            format!("--plot={}", name("svg")),
            name("3.raw"),
            name("4.png"),
        ],
        ["1.png", "2.raw", "1.tif", "--plot=1.svg", "3.raw", "4.png"].map(str::to_owned),
    );
    for words in [
        &["brighten", "IMAGE", "--by=1"][..],
        &["brighten", "IMAGE", "--by=1", "--dry-run"],
        &["stats", "IMAGE", "EXTRA3"],
        &["export", "IMAGE", "EXTRA0"],
        &["export", "IMAGE", "EXTRA2"],
        &["import", "EXTRA0", "EXTRA1"],
        &["create", "EXTRA4", "--size=2x2"],
        &["preview", "IMAGE", "EXTRA5"],
        &["shm", "publish", "map", "IMAGE", "--hold", "--for=1ms"],
        &["info", "IMAGE"],
        &["status", "IMAGE"],
        &["resume", "IMAGE"],
        &["abandon", "IMAGE", "--yes"],
        // Complaints, on stderr.
        &["create", "IMAGE", "--size=2x2"],
        &["brighten", "IMAGE", "--by=1", "--rect=0,0,99,99"],
        &["export", "IMAGE", "IMAGE"],
    ] {
        let output = run(&house, words, &image, &hostile_extra);
        let expected = run(&tame, words, "image.raw", &tame_extra);
        assert_eq!(output.status.code(), expected.status.code(), "{words:?}");
        for (stream, expected) in [(output.stdout, expected.stdout), (output.stderr, expected.stderr)] {
            let text = String::from_utf8(stream).expect("text");
            let lines = String::from_utf8(expected).expect("text").lines().count();
            assert!(!text.contains(|c| is_hostile(c) && c != '\n'), "{words:?} {text:?}");
            assert_eq!(text.lines().count(), lines, "{words:?} {text:?}");
            assert!(lines == 0 || text.contains("\\u{1b}[31m"), "{words:?} {text:?}");
        }
    }
    let output = run(&house, &["info", "IMAGE", "--json"], &image, &hostile_extra);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.trim_end().contains(is_hostile), "{text:?}");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["image"], image.as_str());
}

#[test]
fn without_proc_it_says_so() {
    if !may_have_own_mounts() {
        return;
    }
    let house = House::new();
    let script = "mount -t tmpfs none /proc || exit 99; exec \"$0\" \"$@\"";
    let run = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, PROGRAM]).args(words);
        command.current_dir(house.folder.path());
        plain(&mut command).output().expect("it runs")
    };
    for words in [
        &["brighten", "image.raw", "--by=1"][..],
        &["info", "image.raw"],
        &["create", "new.raw", "--size=2x2"],
        &["shm", "list"],
        &["mutex", "status", "name"],
    ] {
        let before = common::Snapshot::of(house.folder.path());
        let output = run(words);
        if output.status.code() == Some(99) {
            eprintln!("skipped: no right to mount over /proc");
            return;
        }
        let said = complained(&output, 1, &["/proc is not mounted", "mount -t proc"]);
        assert!(!said.contains("pagelight create"), "{said}");
        before.assert_unchanged(house.folder.path());
    }
    for words in [&["--help"][..], &["--version"], &["completions", "fish"], &["man"]] {
        assert!(run(words).status.success(), "{words:?}");
    }
}

#[test]
fn what_is_no_image_is_not_to_be_created() {
    let house = House::new();
    for (words, missing) in [
        (
            &["mutex", "run", "name", "--", "no-such-program"][..],
            "no-such-program",
        ),
        (&["import", "none.png", "new.raw"], "none.png"),
        (
            &["brighten", "image.raw", "--by=1", "--journal=no-such-folder"],
            "no-such-folder",
        ),
        (&["bench", "--dir=no-such-folder"], "no-such-folder"),
    ] {
        let output = house.command(words).output().expect("it runs");
        let said = complained(&output, 66, &[missing]);
        assert!(!said.contains("pagelight create"), "{said}");
    }
}

#[test]
fn too_many_open_files_name_their_limit() {
    for words in [
        &["create", "new.raw", "--size=2x2"][..],
        &["brighten", "image.raw", "--by=1", "--processes=2"],
    ] {
        let mut complaints = 0;
        // Where it fails depends on the limit: the loader with the least, nothing with the most.
        for limit in 4..40 {
            let house = House::new();
            let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
            let output = house.shell(&script, words);
            match output.status.code() {
                Some(127) => continue,
                Some(0) => break,
                // A thread that prepares for signals is not granted its files.
                _ => complained(&output, 74, &["open at once", "ulimit -n"]),
            };
            complaints += 1;
            assert!(!house.path("new.raw").exists());
        }
        assert!(complaints > 0, "{words:?}");
    }
}

/// Something of every kind that is no regular file, by its name in the house.
fn irregular(house: &House) -> Vec<(String, std::os::unix::net::UnixListener)> {
    let socket = |name: &str| std::os::unix::net::UnixListener::bind(house.path(name)).expect("bound");
    let mut names = Vec::new();
    for extension in ["raw", "png", "tif", "svg"] {
        let pipe = house.path(&format!("pipe.{extension}"));
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("made");
        fs::create_dir(house.path(&format!("folder.{extension}"))).expect("made");
        std::os::unix::fs::symlink("/dev/zero", house.path(&format!("device.{extension}"))).expect("made");
        names.push((format!("socket.{extension}"), socket(&format!("socket.{extension}"))));
    }
    names
}

#[test]
fn what_is_no_file_is_refused_without_a_wait() {
    let house = House::new();
    let exported = house
        .command(["export", "image.raw", "picture.png"])
        .output()
        .expect("it runs");
    assert!(exported.status.success());
    let _sockets = irregular(&house);
    let before = common::Snapshot::of(house.folder.path());
    for kind in ["pipe", "folder", "device", "socket"] {
        let name = |extension: &str| format!("{kind}.{extension}");
        let plot = format!("--plot={}", name("svg"));
        let (raw, png, tif) = (&name("raw"), &name("png"), &name("tif"));
        for (code, words) in [
            (65, &["import", png, "new.raw"][..]),
            (65, &["import", raw, "new.raw"]),
            (73, &["import", "picture.png", raw]),
            (65, &["export", raw, "new.png", "--size=2x2"]),
            (73, &["export", "image.raw", png]),
            (73, &["export", "image.raw", tif]),
            (65, &["preview", raw, "new.png", "--size=2x2"]),
            (73, &["preview", "image.raw", png]),
            (73, &["create", raw, "--size=2x2"]),
            (65, &["stats", raw, "--size=2x2"]),
            (73, &["stats", "image.raw", &plot]),
            (65, &["brighten", raw, "--by=1", "--size=2x2"]),
            (65, &["info", raw]),
        ] {
            let output = pagelight(words)
                .current_dir(house.folder.path())
                .timeout(std::time::Duration::from_secs(20))
                .output()
                .expect("it runs");
            complained(&output, code, &[kind]);
        }
    }
    before.assert_unchanged(house.folder.path());
}
