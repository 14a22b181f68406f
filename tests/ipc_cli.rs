//! `pagelight shm`, `pagelight mutex` and `name:ImgA`, as programs started by hand would use them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let mut builder = tempfile::Builder::new();
        builder.prefix("pagelight-test-");
        let folder = builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir());
        World {
            folder: folder.expect("a folder"),
        }
    }

    fn names(&self) -> PathBuf {
        self.folder.path().join("names")
    }

    fn objects(&self) -> usize {
        let entries = self.names().read_dir().expect("the namespace");
        entries
            .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != ".kept"))
            .count()
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pagelight"));
        command
            .args(words.split_whitespace())
            .env("PAGELIGHT_NAMES", self.names());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; gives its exit code, and its stdout or else its stderr.
    fn run(&self, words: &str) -> (i32, String) {
        let output = self.command(words).output().expect("run");
        let said = if output.stdout.is_empty() {
            &output.stderr
        } else {
            &output.stdout
        };
        let said = String::from_utf8_lossy(said).trim_end().to_owned();
        (output.status.code().expect("no signal"), said)
    }

    #[track_caller]
    fn check(&self, words: &str, code: i32, says: &str) {
        let (got, said) = self.run(words);
        assert!(got == code && said.contains(says), "{words}: {got}, {said}");
    }

    fn json(&self, words: &str) -> Value {
        let (code, said) = self.run(&format!("{words} --json"));
        assert_eq!(code, 0, "{said}");
        serde_json::from_str(&said).expect("one object")
    }

    /// Starts a command and waits for its first line, so that what it holds is held.
    fn start(&self, words: &str) -> Holder {
        let mut child = self.command(words).stdout(Stdio::piped()).spawn().expect("started");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut line).expect("a line");
        assert!(!line.is_empty(), "{words}: {:?}", child.wait());
        Holder { child }
    }
}

/// A process that holds something.
struct Holder {
    child: Child,
}

impl Holder {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signalled");
    }

    #[track_caller]
    fn end(mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        ended(&mut self.child).code()
    }
}

/// Nothing here takes this long; whatever does is taken for a hang.
const HANG: Duration = Duration::from_secs(60);

/// Waits for the end of a process, which must come.
#[track_caller]
fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("asked") {
            return status;
        }
        if begun.elapsed() > HANG {
            let _ = child.kill();
            panic!("it does not end; if it was to end at a signal: did whoever started the tests ignore that?");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn three_terminals() {
    let world = World::new();
    let a = world.start("shm create testmap --bytes 10000 --hold");
    world.check(
        "shm write testmap --at 0 --bool 1 --mutex testmapmutex",
        0,
        "name:testmap: 1 byte written at 0",
    );
    world.check("shm write name:testmap --at 2 --bool 1 --mutex testmapmutex", 0, "");
    world.check("shm write testmap --at 1 --bool 0 --mutex testmapmutex", 0, "");
    world.check(
        "shm read testmap --length 3 --as bool --mutex testmapmutex",
        0,
        "true\nfalse\ntrue",
    );
    world.check("shm read testmap --at 2 --as bool", 0, "true");
    assert_eq!(a.end(Signal::INT), Some(0), "Ctrl-C is how it ends");
    world.check("shm read testmap --as bool", 66, "name:testmap: no such object");
    assert_eq!(world.objects(), 0);
}

#[test]
fn values_in_every_form() {
    let world = World::new();
    let _holder = world.start("shm create m --bytes 6 --hold");
    world.check("shm write m --at 1 --u8 255", 0, "");
    world.check("shm write m --at 2 --hex 00Ff7a", 0, "3 bytes written at 2");
    world.check("shm read m", 0, "00ff00ff7a00");
    world.check("shm read m --at 1 --as u8", 0, "255");
    world.check("shm read m --at 3 --length 2 --as u8", 0, "255\n122");
    world.check("shm read m --at 6", 0, "");
    assert_eq!(world.json("shm read m --at 1 --as u8")["value"], 255);
    assert_eq!(
        world.json("shm read m --at 1 --length 2 --as bool")["value"],
        serde_json::json!([true, false])
    );
    assert_eq!(world.json("shm read m --at 4")["value"], "7a00");

    let words = ["shm", "write", "m", "--at", "3", "--stdin"];
    let mut child = world
        .command("")
        .args(words)
        .stdin(Stdio::piped())
        .spawn()
        .expect("started");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), b"abc").expect("written");
    assert!(child.wait().expect("ended").success());
    let raw = world
        .command("shm read m --at 3 --as raw")
        .output()
        .expect("run")
        .stdout;
    assert_eq!(raw, b"abc");

    world.check("shm write m --at 4 --hex 000000", 2, "does not fit memory of 6 bytes");
    world.check("shm write m --at 6 --u8 1", 2, "does not fit");
    world.check("shm read m --at 7", 2, "does not fit");
    world.check("shm write m", 2, "required");
    world.check("shm write m --u8 1 --bool 1", 2, "cannot be used with");
    world.check("shm write m --u8 256", 2, "256");
    world.check("shm write m --bool 2", 2, "give 0 or 1");
    world.check("shm write m --u8 1 --timeout 5s", 2, "--mutex");
    world.check("shm read m", 0, "00ff00616263");
}

#[test]
fn an_object_needs_a_holder_or_a_file() {
    let world = World::new();
    world.check(
        "shm create m --bytes 6",
        2,
        "give --hold (and --for TIME), or keep it in a file with --persist file",
    );
    world.check("shm create m --bytes 0 --hold", 2, "at least one byte");
    // A disk has a limit on the length of a file as well, which no free space would change.
    let hint = if world.folder.path().starts_with("/dev/shm") {
        "free some space"
    } else {
        "name:m"
    };
    world.check("shm create m --bytes 4EiB --hold", 74, hint);
    world.check("shm create a/b --bytes 1 --hold", 2, "has a slash");
    world.check("shm create m --bytes 6 --for 1s", 2, "--hold");
    world.check(
        "shm create m --bytes 6 --hold --for 20ms",
        0,
        "name:m: 6 bytes, held for 20ms",
    );
    world.check("shm stat m", 66, "no such object");

    world.check("shm create m --bytes 6 --persist file", 0, "kept until it is removed");
    world.check("shm create m --bytes 6 --persist file", 73, "exists already");
    world.check("shm write m --u8 7", 0, "");
    world.check("shm read m --as u8", 0, "7");
    world.check(
        "shm stat m",
        0,
        "name:m: memory, 6 bytes, kept, not in use, made by process",
    );
    world.check("mutex run m -- true", 65, "is a memory, not a mutex");
    world.check("shm remove m", 0, "removed");
    world.check("shm remove m", 66, "no such object");
}

#[test]
fn list_and_stat() {
    let world = World::new();
    world.check("shm list", 0, "no objects");
    let image = world.folder.path().join("image.raw");
    std::fs::write(&image, [0; 800]).expect("written");
    let memory = world.start("shm create b --bytes 10000 --hold");
    let _mutex = world.start("mutex hold c");
    let _map = world.start(&format!("shm publish a {} --hold", image.display()));
    world.check("shm publish d /dev/null", 2, "give --hold");
    let list = world.json("shm list");
    let objects: Vec<(&str, &str, u64)> = list["objects"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|object| {
            let text = |key: &str| object[key].as_str().expect("text");
            (text("name"), text("kind"), object["bytes"].as_u64().expect("a number"))
        })
        .collect();
    assert_eq!(
        objects,
        [("a", "file map", 800), ("b", "memory", 10_000), ("c", "mutex", 0)]
    );
    world.check("shm list", 0, "name:b: memory, 10,000 bytes, in use by process");
    let stat = world.json("shm stat a");
    assert_eq!(stat["image"], image.to_string_lossy().into_owned());
    assert_eq!(stat["in_use"], true);
    let holder = memory.child.id();
    world.check(
        "shm remove b",
        75,
        &format!("is in use by process {holder}; end it first"),
    );
    assert_eq!(world.json("shm stat b")["users"], serde_json::json!([holder]));
    world.check(
        "shm write b --u8 1",
        0,
        &format!("1 byte written at 0; also used by process {holder}"),
    );
}

#[test]
fn waiting_for_an_object_to_appear() {
    let world = World::new();
    let begun = Instant::now();
    world.check("shm read m --wait 60ms --as u8", 66, "no such object");
    assert!(begun.elapsed() >= Duration::from_millis(60));
    let early = world.command("shm write m --u8 9 --wait 60s").spawn().expect("started");
    let mut early = Holder { child: early };
    let stat = world
        .command("shm stat m --wait 60s")
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    let mut stat = Holder { child: stat };
    std::thread::sleep(Duration::from_millis(30));
    let _holder = world.start("shm create m --bytes 1 --hold");
    assert!(ended(&mut early.child).success());
    assert!(ended(&mut stat.child).success());
    world.check("shm read m --as u8", 0, "9");
}

#[test]
fn holders_end_at_a_signal_and_leave_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = World::new();
        let memory = world.start("shm create m --bytes 1 --hold");
        let mutex = world.start("mutex hold k");
        assert_eq!(world.objects(), 2);
        assert_eq!(memory.end(signal), Some(0));
        assert_eq!(mutex.end(signal), Some(0));
        assert_eq!(world.objects(), 0);
    }
    // And after kill -9 the next listing cleans up.
    let world = World::new();
    let memory = world.start("shm create m --bytes 1 --hold");
    assert_eq!(memory.end(Signal::KILL), None);
    assert_eq!(world.objects(), 1);
    world.check("shm list", 0, "no objects");
    assert_eq!(world.objects(), 0);
}

#[test]
fn run_under_a_mutex() {
    let world = World::new();
    let run = |options: &str, script: &str| -> Output {
        let words = format!("mutex run k {options} -- sh -c");
        world.command(&words).arg(script).output().expect("run")
    };
    assert_eq!(run("", "echo out; exit 7").status.code(), Some(7));
    assert_eq!(run("", "echo out").stdout, b"out\n");
    assert_eq!(run("", "kill -TERM $$").status.code(), Some(128 + 15));
    world.check("mutex run k -- /no/such/program", 66, "/no/such/program");
    world.check("mutex run k", 2, "required");

    let holder = world.start("mutex hold k");
    let status = world.json("mutex status k");
    assert_eq!(status["held"], true);
    assert_eq!(status["process"], holder.child.id());
    world.check(
        "mutex run k --timeout 30ms -- true",
        75,
        &format!("held by process {}", holder.child.id()),
    );
    world.check("mutex run k --timeout 30ms -E 9 -- true", 9, "held by process");
    world.check("shm write m --wait 1ms --u8 1 --mutex k --timeout 30ms", 66, "name:m");
    world.check("mutex hold k --timeout 30ms", 75, "for all of 30ms");
    let mut waiter = world.command("mutex run k -- true").spawn().expect("started");
    holder.end(Signal::TERM);
    assert!(ended(&mut waiter).success());
    world.check("mutex status k", 66, "no such object");
}

#[test]
fn an_abandoned_mutex() {
    let world = World::new();
    let owner = world.start("mutex hold k");
    let waiter = world
        .command("mutex run k -- echo ran")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let waiter = waiter.expect("started");
    wait_until_user(&world, "k", waiter.id());
    assert_eq!(owner.end(Signal::KILL), None);
    let output = waiter.wait_with_output().expect("ended");
    assert!(output.status.success());
    assert_eq!(output.stdout, b"ran\n");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("name:k: was abandoned"), "{said}");

    let owner = world.start("mutex hold k");
    let waiter = world
        .command("mutex run k --fail-on-abandoned -- echo ran")
        .stdout(Stdio::piped())
        .spawn();
    let waiter = waiter.expect("started");
    wait_until_user(&world, "k", waiter.id());
    assert_eq!(owner.end(Signal::KILL), None);
    let output = waiter.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty(), "the command was not run");
}

/// Waits until a process is a user of an object. It maps what others use only after it has joined them.
fn wait_until_user(world: &World, name: &str, process: u32) {
    let path = world.names().join(name);
    let path = path.to_str().expect("a plain name");
    let begun = Instant::now();
    let is_mapped = || {
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("it lives");
        maps.lines().any(|line| line.ends_with(path))
    };
    while !is_mapped() {
        assert!(begun.elapsed() < HANG, "it never opens {name}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn signals_during_a_run_are_the_commands() {
    let world = World::new();
    let mut command = world.command("mutex run k -- sh -c");
    command.arg("trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done");
    let mut run = command_with_line(&mut command);
    run.signal(Signal::INT);
    world.check("mutex run k --timeout 30ms -- true", 75, "held by");
    run.signal(Signal::TERM);
    assert_eq!(ended(&mut run.child).code(), Some(5));
    world.check("mutex status k", 66, "");
}

#[test]
fn a_signal_ends_a_wait() {
    let world = World::new();
    let _holder = world.start("mutex hold k");
    for words in ["mutex run k -- true", "mutex hold k", "shm read m --wait 60s"] {
        let mut waiter = world.command(words).spawn().expect("started");
        if words.starts_with("mutex") {
            wait_until_user(&world, "k", waiter.id());
        }
        // Now it only has to begin to wait, which nobody can see.
        std::thread::sleep(Duration::from_millis(50));
        kill_process(Pid::from_child(&waiter), Signal::INT).expect("signalled");
        let status = ended(&mut waiter);
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(2),
            "{words}: {status}"
        );
    }
    world.check("mutex run k --timeout 30ms -- true", 75, "held by");
}

fn command_with_line(command: &mut Command) -> Holder {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("a line");
    assert_eq!(line, "up\n");
    Holder { child }
}

#[test]
fn a_second_process_brightens_by_name_alone() {
    let world = World::new();
    let image = world.folder.path().join("image.raw");
    let create = format!("create {} --size 20x10 --pattern black", image.display());
    world.check(&create, 0, "20x10 pixels");
    let holder = world.start(&format!("shm publish ImgA {} --hold", image.display()));
    world.check(
        "brighten name:ImgA --by 100 --offset 160 --length 160",
        0,
        "name:ImgA: ",
    );
    world.check("info name:ImgA", 0, "20x10");
    let bytes = std::fs::read(&image).expect("read");
    assert_eq!(bytes[160..162], [100, 0]);
    assert!(bytes[..160].chunks(8).all(|pixel| pixel[..2] == [0, 0]));
    world.check("brighten name:ImgB --by 1", 66, "name:ImgB: no such object");
    world.check("brighten name:.. --by 1", 2, "begins with a dot");
    holder.end(Signal::TERM);
    world.check("brighten name:ImgA --by 1", 66, "no such object");
}

#[test]
fn the_demo() {
    let world = World::new();
    for (options, told) in [
        ("", None),
        ("--order acb", None),
        ("--kill b", Some("C | was told")),
        ("--kill b --order acb", Some("A | was told")),
    ] {
        let (code, said) = world.run(&format!("shm demo {options}"));
        assert_eq!(code, 0, "{said}");
        let lines: Vec<&str> = said.lines().collect();
        let last = [
            "A | process A says: true",
            "A | process B says: false",
            "A | process C says: true",
        ];
        assert_eq!(lines[lines.len() - 3..], last, "{said}");
        let abandoned: Vec<&&str> = lines.iter().filter(|line| line.contains("abandoned")).collect();
        assert_eq!(abandoned.len(), usize::from(told.is_some()), "{said}");
        assert!(told.is_none_or(|told| abandoned[0].starts_with(told)), "{said}");
    }
    let said = world.json("shm demo --kill b");
    assert_eq!(said["told_of_abandonment"], "c");
    assert_eq!(said["said"], serde_json::json!({"a": true, "b": false, "c": true}));
}

#[test]
fn shells_that_wait_for_an_event() {
    let world = World::new();
    world.check("event set e", 66, "name:e: no such object");
    world.check("event wait e --timeout 30ms", 75, "name:e: was not set for all of 30ms");
    let wait = |words: &str| {
        let child = world.command(words).stdout(Stdio::null()).spawn().expect("started");
        wait_until_listed(&world, "e", child.id());
        Holder { child }
    };
    let mut waiters = vec![wait("event wait e"), wait("event wait e --timeout 60s")];
    let also = "name:e: set, for one who waits; also used by process";
    world.check("event set e --wait 60s", 0, also);
    for left in [1, 0] {
        let begun = Instant::now();
        while waiters.len() > left {
            waiters.retain_mut(|waiter| match waiter.child.try_wait().expect("asked") {
                Some(status) => !status.success(),
                None => true,
            });
            assert!(begun.elapsed() < HANG, "nobody goes on");
            std::thread::sleep(Duration::from_millis(1));
        }
        if left == 1 {
            world.check("event set e", 0, also);
        }
    }
    let holder = world.start("event hold e --manual");
    assert_eq!(world.json("event set e")["reset"], "manual");
    world.check("event wait e", 0, "was set");
    world.check("event wait e", 0, "was set");
    world.check("event reset e", 0, "name:e: reset");
    world.check("event wait e --timeout 30ms", 75, "not set");
    world.check("shm list", 0, "name:e: event, in use by process");
    assert_eq!(holder.end(Signal::INT), Some(0));
    assert_eq!(world.objects(), 0);
}

#[test]
fn shells_that_talk() {
    let world = World::new();
    let text: Vec<u8> = (0..=250).cycle().take(300_000).collect();
    let sender = |words: &str| {
        let mut command = world.command(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("started")
    };
    let mut child = sender("shm send talk --bytes 1000");
    let mut stdin = child.stdin.take().expect("piped");
    let bytes = text.clone();
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &bytes));
    let received = world.command("shm receive talk --wait 60s").output().expect("run");
    assert!(received.status.success(), "{received:?}");
    assert!(received.stdout == text, "{} bytes", received.stdout.len());
    let said = String::from_utf8_lossy(&received.stderr).into_owned();
    assert!(said.contains("name:talk: 300,000 bytes received, to the end"), "{said}");
    writing.join().expect("ended").expect("written");
    let sent = child.wait_with_output().expect("ended");
    assert_eq!(sent.stdout, b"name:talk: 300,000 bytes sent, all of them received\n");
    assert_eq!(world.objects(), 0);

    // Nobody receives; nobody sends; the sender is killed.
    let mut child = sender("shm send talk --timeout 30ms");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), b"x").expect("written");
    let alone = child.wait_with_output().expect("ended");
    assert_eq!(alone.status.code(), Some(75));
    let said = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert!(
        said.contains("nobody received for all of 30ms, after 1 bytes were sent"),
        "{said}"
    );
    world.check("shm receive talk", 66, "no such object");
    let mut child = sender("shm send talk");
    let stdin = child.stdin.take().expect("piped");
    wait_until_listed(&world, "talk", child.id());
    world.check(
        "shm receive talk --timeout 30ms",
        75,
        "nothing was sent for all of 30ms, after 0 bytes",
    );
    let receiver = world
        .command("shm receive talk")
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    wait_until_listed(&world, "talk", receiver.id());
    child.kill().expect("killed");
    child.wait().expect("gone");
    let output = receiver.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(74));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("its writer died before it ended the stream, after 0 bytes"),
        "{said}"
    );
    drop(stdin);
}

/// Waits until a process is listed as a user of an object, also if it made it.
fn wait_until_listed(world: &World, name: &str, process: u32) {
    let begun = Instant::now();
    let listed = || {
        let list = world.json("shm list");
        let objects = list["objects"].as_array().expect("a list").clone();
        let object = objects.into_iter().find(|object| object["name"] == name);
        object.is_some_and(|object| {
            object["users"]
                .as_array()
                .is_some_and(|users| users.contains(&process.into()))
        })
    };
    while !listed() {
        assert!(begun.elapsed() < HANG, "it never uses {name}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
