//! Bad input: the message, the exit code, and every file untouched, byte for byte and by its time.

mod common;

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::{ForOthers, PROGRAM, Snapshot, folder, is_root, may_have_own_mounts, pagelight, pattern, plain, word};
use tempfile::TempDir;

/// A folder with an image of 30 x 20 pixels of 8 bytes.
struct House {
    folder: TempDir,
    image: PathBuf,
}

const HEADER: &str = "ENVI\nsamples = 30\nlines = 20\nbands = 4\nheader offset = 0\ndata type = 12\ninterleave = bip\n\
                      byte order = 0\nband names = {Red, Green, Blue, Alpha}\n";

impl House {
    fn new() -> House {
        House::with_bytes(&pattern(0..4800))
    }

    fn with_bytes(bytes: &[u8]) -> House {
        let folder = folder();
        let image = folder.path().join("image.raw");
        fs::write(&image, bytes).expect("written");
        House { folder, image }
    }

    fn with_header(text: &str) -> House {
        let house = House::new();
        fs::write(house.path("image.hdr"), text).expect("written");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `brighten image.raw --by 1` with more words ends with `code` and a complaint that has all of `says`. The pixels
    /// are rgba16 where neither a header nor the words say anything else.
    #[track_caller]
    fn refuses(&self, words: &[&str], code: i32, says: &[&str]) {
        let mut all = vec!["brighten", word(&self.image), "--by=1"];
        all.extend_from_slice(words);
        let has_header = ["image.hdr", "image.raw.hdr"]
            .iter()
            .any(|name| self.path(name).exists());
        if !has_header && !words.iter().any(|word| word.starts_with("--pixel=")) {
            all.push("--pixel=rgba16");
        }
        self.refuses_all_of(&all, code, says);
    }

    /// The same for any command.
    #[track_caller]
    fn refuses_all_of(&self, words: &[&str], code: i32, says: &[&str]) {
        let before = Snapshot::of(self.folder.path());
        // Whatever waits for something here would wait for ever.
        let output = pagelight(words).timeout(Duration::from_secs(30)).output();
        complained(&output.expect("the program runs"), code, says);
        before.assert_unchanged(self.folder.path());
    }
}

/// The program ended with `code`, printed nothing on stdout, and on stderr one line that has all of `says`.
#[track_caller]
fn complained(output: &Output, code: i32, says: &[&str]) {
    let line = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(code), "{} {line}", output.status);
    assert!(
        output.stdout.is_empty(),
        "{:?}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(line.starts_with("pagelight: "), "{line:?}");
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{line:?}");
    assert!(!line.contains('\u{1b}'), "{line:?}");
    for words in says {
        assert!(line.contains(words), "{words:?} is not in {line:?}");
    }
}

#[test]
fn the_house_itself_is_in_order() {
    for house in [House::new(), House::with_header(HEADER)] {
        pagelight(["brighten", word(&house.image), "--by=1", "--pixel=rgba16"])
            .assert()
            .success();
        assert!(fs::read(&house.image).expect("read") != pattern(0..4800));
    }
}

#[test]
fn a_missing_file() {
    let house = House::new();
    let missing = house.path("missing.raw");
    for command in [&["brighten", word(&missing), "--by=1"][..], &["info", word(&missing)]] {
        house.refuses_all_of(command, 66, &["missing.raw: no such file", "check the name"]);
    }
    let below_a_file = house.image.join("missing.raw");
    house.refuses_all_of(
        &["info", word(&below_a_file)],
        66,
        &["image.raw/missing.raw: no such file"],
    );
}

#[test]
fn a_directory() {
    let house = House::new();
    let directory = house.path("pictures");
    fs::create_dir(&directory).expect("made");
    for command in [
        &["brighten", word(&directory), "--by=1"][..],
        &["info", word(&directory)],
    ] {
        house.refuses_all_of(command, 65, &["pictures: is a directory", "name the image file"]);
    }
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let house = House::new();
    let fifo = house.path("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    for command in [&["brighten", word(&fifo), "--by=1"][..], &["info", word(&fifo)]] {
        house.refuses_all_of(command, 65, &["fifo: is not a regular file", "pipes"]);
    }
    house.refuses_all_of(&["info", "/dev/zero"], 65, &["/dev/zero: is not a regular file"]);
    // Nor is a pipe taken for a header.
    fs::rename(&fifo, house.path("image.hdr")).expect("renamed");
    let info = ["info", word(&house.image), "--pixel=rgba16"];
    pagelight(info).assert().success();
}

#[test]
fn a_read_only_file() {
    let house = House::new();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("allowed");
    mode(&house.image, 0o444);
    if !is_root() {
        return house.refuses(&[], 77, &["image.raw: permission denied", "check the rights"]);
    }
    // Modes do not stop root, so somebody else tries, in a folder and with a program that everybody can reach.
    let Some(others) = ForOthers::new(Path::new(PROGRAM), &["--version"], 65_534) else {
        return;
    };
    let folder = others.new_folder();
    let image = folder.path().join("image.raw");
    fs::copy(&house.image, &image).expect("copied");
    let before = Snapshot::of(folder.path());
    let tries = |words: &[&str]| others.command(65_534).args(words).output().expect("the program runs");
    let output = tries(&["brighten", word(&image), "--by=1"]);
    complained(&output, 77, &["image.raw: permission denied", "check the rights"]);
    let new = folder.path().join("new.raw");
    let output = tries(&["create", word(&new), "--size=3x3"]);
    complained(&output, 77, &["permission denied", "check the rights"]);
    before.assert_unchanged(folder.path());
}

#[test]
fn an_empty_file() {
    House::with_bytes(b"").refuses(&[], 65, &["image.raw: is empty", "at least one pixel"]);
}

#[test]
fn a_length_that_is_not_whole_pixels() {
    let house = House::with_bytes(&pattern(0..4801));
    house.refuses(
        &[],
        65,
        &[
            "image.raw: its 4801 bytes",
            "pixels of 8 bytes",
            "1 are left over",
            "say --pixel",
        ],
    );
    house.refuses(&["--pixel=rgb16"], 65, &["pixels of 6 bytes"]);
    House::with_bytes(b"x").refuses(&["--pixel=gray16"], 65, &["its 1 bytes"]);
}

#[test]
fn an_offset_or_length_that_is_not_whole_pixels() {
    let house = House::new();
    house.refuses(
        &["--offset=9"],
        2,
        &["image.raw: --offset 9 is not whole pixels of 8 bytes", "try 8"],
    );
    house.refuses(&["--length=15"], 2, &["--length 15 is not whole pixels", "try 8"]);
    house.refuses(
        &["--offset=8", "--length=0"],
        2,
        &[
            "image.raw: the window from byte 8 of the image's 4800 on is empty",
            "--length",
        ],
    );
    house.refuses(&["--offset=x"], 2, &["--offset", "'x'", "give bytes, such as"]);
    house.refuses(&["--offset=-8"], 2, &["--offset", "'-8'", "give bytes, such as"]);
}

#[test]
fn a_window_past_the_end() {
    let house = House::new();
    let past = |offset: &str, length: &str, says: &str| {
        let words = [format!("--offset={offset}"), format!("--length={length}")];
        house.refuses(
            &[&words[0], &words[1]],
            2,
            &["image.raw: ", says, "4800 bytes", "must not exceed"],
        );
    };
    past("0", "4808", "4808 bytes from 0 on");
    past("4800", "8", "8 bytes from 4800 on");
    past("9223372036854775800", "8", "8 bytes from 9223372036854775800 on");
    past("18446744073709551608", "8", "8 bytes from 18446744073709551608 on");
    past("8", "18446744073709551608", "18446744073709551608 bytes from 8 on");
    house.refuses(
        &["--offset=18446744073709551616"],
        2,
        &["--offset", "18446744073709551616", "give bytes"],
    );
    // Without a length the window goes to the end, which is before its start here.
    for offset in ["4800", "9600"] {
        let says = format!("image.raw: the window from byte {offset} of the image's 4800 on is empty");
        house.refuses(&[&format!("--offset={offset}")], 2, &[&says, "a smaller --offset"]);
    }
}

#[test]
fn a_rectangle_that_cannot_be() {
    let house = House::new();
    house.refuses(
        &["--rect=0,0,1,1"],
        2,
        &["image.raw: a rectangle needs the image's width", "give --size"],
    );
    for rect in [
        "30,0,1,1",
        "0,20,1,1",
        "0,0,31,1",
        "0,0,1,21",
        "18446744073709551615,0,1,1",
        "1,1,30,20",
    ] {
        let numbers: Vec<&str> = rect.split(',').collect();
        let place = format!("{}x{} pixels at {},{}", numbers[2], numbers[3], numbers[0], numbers[1]);
        let words = ["--size=30x20", &format!("--rect={rect}")];
        house.refuses(&words, 2, &["image.raw: ", &place, "outside the image of 30x20"]);
    }
    for rect in ["0,0,0,1", "0,0,1,0"] {
        house.refuses(
            &["--size=30x20", &format!("--rect={rect}")],
            2,
            &["is empty", "at least 1"],
        );
    }
    house.refuses(&["--rect=1,2,3"], 2, &["--rect", "1,2,3", "give X,Y,WIDTH,HEIGHT"]);
}

#[test]
fn a_size_that_contradicts_the_file() {
    let house = House::new();
    house.refuses(
        &["--size=30x21"],
        2,
        &["image.raw: has 4800 bytes", "would need 5040", "correct --size"],
    );
    house.refuses(&["--size=30x20", "--data-offset=1"], 2, &["would need 4801"]);
    house.refuses(
        &["--data-offset=4800"],
        2,
        &["image.raw: --data-offset 4800", "4800 bytes"],
    );
    house.refuses(
        &["--data-offset=18446744073709551615"],
        2,
        &["image.raw: --data-offset 18446744073709551615"],
    );
    house.refuses(
        &["--size=9223372036854775808x2"],
        2,
        &["image.raw: 9223372036854775808x2", "a file can hold"],
    );
    house.refuses(&["--size=0x20"], 2, &["--size", "0x20", "at least 1"]);
    house.refuses(
        &["--pixel=rgba8"],
        2,
        &["unknown pixel format 'rgba8'", "such as rgba16"],
    );
}

#[test]
fn a_header_that_contradicts_the_file() {
    let contradicts = |from: &str, to: &str, bytes: &str| {
        let house = House::with_header(&HEADER.replace(from, to));
        house.refuses(
            &[],
            65,
            &["image.raw: has 4800 bytes", "image.hdr", bytes, "correct the header"],
        );
    };
    contradicts("lines = 20", "lines = 21", "5040");
    contradicts("lines = 20", "lines = 19", "4560");
    contradicts("offset = 0", "offset = 1", "4801");
    // The header beside the name with .raw counts first.
    let house = House::with_header(HEADER);
    fs::write(house.path("image.raw.hdr"), HEADER.replace("20", "21")).expect("written");
    house.refuses(&[], 65, &["image.raw.hdr", "5040"]);
}

#[test]
fn a_header_that_is_truncated() {
    let open_braces = &HEADER[..HEADER.len() - 3];
    House::with_header(open_braces).refuses(&[], 65, &["image.hdr: ", "it is truncated", "correct the header"]);
    for end in [0, 3, 4, 10, 30, 60] {
        let house = House::with_header(&HEADER[..end]);
        house.refuses(&[], 65, &["image.hdr: ", "correct the header, or move it away"]);
    }
}

#[test]
fn a_header_of_garbage() {
    let garbage = |bytes: &[u8], says: &str| {
        let house = House::new();
        fs::write(house.path("image.hdr"), bytes).expect("written");
        house.refuses(&[], 65, &["image.hdr: ", says, "correct the header, or move it away"]);
    };
    garbage(&[0; 100], "does not begin with the word ENVI");
    garbage(&pattern(0..10_000), "does not begin with the word ENVI");
    garbage(b"ENVI\n\x1b[31m\xff\xfe\x07 nothing\n", "is no 'key = value'");
    garbage(&vec![b'A'; 2 << 20], "larger than 1048576 bytes");
    garbage(
        HEADER.replace("30", "thirty").as_bytes(),
        "samples = thirty is no whole number",
    );
    garbage(
        HEADER.replace("30", "30\nsamples = 60").as_bytes(),
        "says 'samples' twice",
    );
}

#[test]
fn a_hostile_header() {
    for huge in ["9223372036854775808", "18446744073709551615", "4611686018427387904"] {
        let house = House::with_header(&HEADER.replace("samples = 30", &format!("samples = {huge}")));
        house.refuses(
            &[],
            65,
            &["image.hdr: ", huge, "more than a file can hold", "correct the header"],
        );
        let house = House::with_header(&HEADER.replace("header offset = 0", &format!("header offset = {huge}")));
        house.refuses(&[], 65, &[huge, "correct the header"]);
    }
    for wrong in ["99999999999999999999999", "-30"] {
        let house = House::with_header(&HEADER.replace("samples = 30", &format!("samples = {wrong}")));
        house.refuses(&[], 65, &["image.hdr: samples = ", wrong, "is no whole number"]);
    }
    let house = House::with_header(&HEADER.replace("samples = 30", "samples = 0"));
    house.refuses(&[], 65, &["image.hdr: 0x20", "at least 1"]);
    // 2^63 times 2 is 0 in wrapping arithmetic, which would fit any file.
    let wraps = HEADER
        .replace("samples = 30", "samples = 9223372036854775808")
        .replace("lines = 20", "lines = 2");
    House::with_header(&wraps).refuses(
        &[],
        65,
        &["image.hdr: 9223372036854775808x2", "more than a file can hold"],
    );
}

#[test]
fn headers_of_images_that_cannot_be_edited() {
    let unsupported = |from: &str, to: &str, says: &str| {
        let house = House::with_header(&HEADER.replace(from, to));
        house.refuses(&[], 65, &["image.hdr: ", says]);
    };
    unsupported(
        "bip",
        "tiled",
        "interleave = tiled with 4 bands; supported are 1 to 65535 bands",
    );
    unsupported("interleave = bip\n", "", "does not say 'interleave', and 4 bands");
    unsupported("bip", "bip\nmajor frame offsets = {0, 8}", "major frame offsets = 8");
    unsupported(
        "bip",
        "bip\ndata ignore value = none",
        "data ignore value = none is no number",
    );
    unsupported("data type = 12", "data type = 4", "data type = 4; supported are");
    unsupported(
        "byte order = 0",
        "byte order = 2",
        "byte order = 2; 0 means little endian",
    );
    unsupported("bip", "bip\nfile compression = 1", "compressed");
    unsupported("bands = 4", "bands = 65536", "bands = 65536");
    unsupported("bands = 4", "bands = 5", "bands = 5, but there are 4 band names");
    let many = HEADER
        .replace("bands = 4", "bands = 65536")
        .replace("band names", "other names");
    House::with_header(&many).refuses(&[], 65, &["image.hdr: bands = 65536; supported are 1 to 65535 bands"]);
}

#[test]
fn amounts_that_are_none() {
    let house = House::new();
    for wrong in ["abc", "70000", "-70000", "200%", "-100.5%", "1.5", "", "nan%"] {
        let words = ["brighten", word(&house.image), &format!("--by={wrong}")];
        let says = [
            "--by",
            "give a whole number from -65535 to 65535, or -100% to 100%",
            wrong,
        ];
        house.refuses_all_of(&words, 2, &says[..if wrong.is_empty() { 1 } else { 3 }]);
    }
    house.refuses_all_of(
        &["brighten", word(&house.image)],
        2,
        &["--by <N>", "usage: pagelight brighten"],
    );
}

#[test]
fn words_that_do_not_fit() {
    let house = House::new();
    house.refuses(&["--threads=0"], 2, &["'0'", "--threads", "1..=4096"]);
    house.refuses(&["--threads=many"], 2, &["'many'", "--threads"]);
    house.refuses(&["--memory=0"], 2, &["--memory", "at least 1 byte"]);
    house.refuses(&["--memory=lots"], 2, &["--memory", "lots", "give bytes, such as"]);
    house.refuses(
        &["--rect=0,0,1,1", "--offset=8"],
        2,
        &["--rect", "--offset", "cannot be used with"],
    );
    house.refuses(
        &["--rect=0,0,1,1", "--length=8"],
        2,
        &["--rect", "--length", "cannot be used with"],
    );
    house.refuses(
        &["--channels=x"],
        2,
        &["image.raw: --channels: no channel 'x'", "red, green, blue, alpha"],
    );
    house.refuses(&["--no-such-word"], 2, &["--no-such-word", "usage: pagelight brighten"]);
    house.refuses_all_of(&["brigthen", word(&house.image)], 2, &["'brigthen'"]);
    house.refuses_all_of(&["man", "brigthen"], 2, &["'brigthen'", "try 'pagelight --help'"]);
}

#[test]
fn a_name_full_of_tricks_stays_on_one_line() {
    let house = House::new();
    let name = house.path("a\nb\u{1b}[31mc");
    house.refuses_all_of(&["info", word(&name)], 66, &["no such file"]);
}

#[test]
fn create_overwrites_nothing() {
    let create = |house: &House, name: &str, says: &[&str]| {
        house.refuses_all_of(&["create", word(&house.path(name)), "--size=3x3"], 73, says);
    };
    let house = House::new();
    create(
        &house,
        "image.raw",
        &["image.raw: exists already", "choose another name"],
    );
    fs::remove_file(&house.image).expect("removed");
    // Any of these would be read as the new image's header, and before the one that it is given.
    for header in ["image.hdr", "image.HDR", "image.raw.hdr", "image.raw.HDR"] {
        fs::write(house.path(header), HEADER).expect("written");
        create(&house, "image.raw", &[header, "exists already", "choose another name"]);
        fs::remove_file(house.path(header)).expect("removed");
    }
    std::os::unix::fs::symlink("nowhere", &house.image).expect("made");
    create(&house, "image.raw", &["image.raw: exists already"]);
    fs::create_dir(house.path("folder")).expect("made");
    create(&house, "folder", &["folder: exists already"]);
    house.refuses_all_of(
        &["create", word(&house.path("a.hdr")), "--size=3x3"],
        2,
        &["a.hdr: ", "such as .raw"],
    );
    let image = house.path("b.raw");
    let huge = ["create", word(&image), "--size=4294967296x4294967296"];
    house.refuses_all_of(&huge, 2, &["b.raw: ", "more than a file can hold"]);
}

#[test]
fn of_many_who_create_one_name_one_does() {
    let folder = folder();
    let path = folder.path().join("image.raw");
    let create = |path: &Path, seed: u32| {
        let mut command = Command::new(PROGRAM);
        command.args([
            "create",
            word(path),
            "--size=1000x400",
            "--pattern=noise",
            "--progress=never",
            &format!("--seed={seed}"),
        ]);
        plain(&mut command)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs")
    };
    let rivals: Vec<_> = (0..6).map(|seed| create(&path, seed)).collect();
    let outputs = rivals
        .into_iter()
        .map(|rival| rival.wait_with_output().expect("it ends"));
    let (winners, losers): (Vec<_>, Vec<_>) = outputs.enumerate().partition(|(_, output)| output.status.success());
    assert_eq!((winners.len(), losers.len()), (1, 5));
    for (_, output) in losers {
        complained(&output, 73, &["exists already", "choose another name"]);
    }
    let again = folder.path().join("again.raw");
    let seed = u32::try_from(winners[0].0).expect("a seed");
    assert!(create(&again, seed).wait().expect("it ends").success());
    assert!(
        fs::read(&path).expect("read") == fs::read(&again).expect("read"),
        "not the winner's picture"
    );
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 4);
}

#[test]
fn create_in_a_missing_folder() {
    let house = House::new();
    let inside = house.path("missing/new.raw");
    let says = ["missing/new.raw: ", "its folder does not exist", "make it first"];
    house.refuses_all_of(&["create", word(&inside), "--size=3x3"], 66, &says);
    let below_a_file = house.path("image.raw/new.raw");
    house.refuses_all_of(
        &["create", word(&below_a_file), "--size=3x3"],
        66,
        &["image.raw/new.raw: ", "make it first"],
    );
    let dir = house.path("missing");
    house.refuses_all_of(
        &["demo", "--bytes=1MiB", "--dir", word(&dir)],
        66,
        &["/missing", "does not exist"],
    );
}

/// Runs `script` with a file system of 1 MiB in memory at `$1` and the program at `$2`.
fn on_a_small_disk(script: &str) -> Option<Output> {
    if !may_have_own_mounts() {
        return None;
    }
    let folder = folder();
    let script = format!("mount -t tmpfs -o size=1m none \"$1\" || exit 99\n{script}");
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", &script, "sh"])
        .arg(folder.path())
        .arg(PROGRAM);
    let output = plain(&mut command).output().expect("it runs");
    if output.status.code() == Some(99) {
        eprintln!("skipped: no right to mount a small disk");
        return None;
    }
    Some(output)
}

#[test]
fn create_on_a_full_disk_leaves_nothing() {
    for command in [
        "create \"$1/new.raw\" --size=1000x1000",
        "demo --bytes=8MB --progress=never --dir \"$1\"",
    ] {
        let script = format!("\"$2\" {command}; code=$?; ls -A \"$1\"; exit $code");
        let Some(output) = on_a_small_disk(&script) else { return };
        // `complained` also sees that the listing is empty.
        complained(&output, 74, &[".raw: ", "cannot create", "free some space"]);
    }
}

#[test]
fn a_taken_name_is_seen_before_any_work() {
    // If the work came first, the disk would be full before the name is tried.
    for taken in ["image.raw", "image.hdr"] {
        let script = format!("echo mine > \"$1/{taken}\"\nexec \"$2\" create \"$1/image.raw\" --size=1000x1000");
        let Some(output) = on_a_small_disk(&script) else { return };
        complained(&output, 73, &[taken, "exists already"]);
    }
}

#[test]
fn an_edit_on_a_full_disk_is_an_error_and_no_signal() {
    // A file with a hole has a length, but no room for what is to be written.
    let script =
        "truncate -s 8000000 \"$1/image.raw\" || exit 99\nexec \"$2\" brighten \"$1/image.raw\" --by=1 --pixel=rgba16";
    let Some(output) = on_a_small_disk(script) else { return };
    complained(&output, 74, &["image.raw: ", "free some space"]);
}

/// A pipe of which nobody reads the other end any more.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_who_has_gone_is_no_error() {
    let house = House::new();
    let new = house.path("new.raw");
    let image = word(&house.image);
    let commands: [&[&str]; 9] = [
        &["brighten", image, "--by=1", "--pixel=gray16"],
        &["brighten", image, "--by=1", "--pixel=gray16", "--json"],
        &["brighten", image, "--by=1", "--pixel=gray16", "--dry-run"],
        &["info", image, "--pixel=gray16"],
        &["info", image, "--pixel=gray16", "--json"],
        &["create", word(&new), "--size=3x3"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ];
    for words in commands {
        // Work that takes long says so, which is no complaint.
        let output = plain(&mut Command::new(PROGRAM))
            .args(words)
            .arg("--progress=never")
            .stdout(closed_pipe())
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert!(
            output.stderr.is_empty(),
            "{words:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(new.is_file());
    // Both edits were finished: the last sample is two brighter.
    let mut last = [0; 2];
    fs::File::open(&house.image)
        .expect("open")
        .read_exact_at(&mut last, 4798)
        .expect("read");
    assert_eq!(u16::from_le_bytes(last), u16::from_le_bytes([29, 30]) + 2);

    let status = Command::new(PROGRAM)
        .args(["info", "/nowhere"])
        .stderr(closed_pipe())
        .status()
        .expect("it runs");
    assert_eq!(status.code(), Some(66));
}

#[test]
fn streams_that_are_closed_altogether() {
    let house = House::new();
    let script = "\"$1\" brighten \"$2\" --by=1 --pixel=rgba16 >&- 2>&- <&-";
    let status = Command::new("sh")
        .args(["-c", script, "sh", PROGRAM])
        .arg(&house.image)
        .status();
    assert_eq!(status.expect("it runs").code(), Some(0));
    assert!(fs::read(&house.image).expect("read") != pattern(0..4800));
}
