//! A name space with mounts of its own, and disks in files: what is mounted there goes with its keeper, whatever
//! happens.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::{self, Image, PROGRAM, Part, done_bytes, journals_in};
use crate::unfinished::{Rig, Running, open, says, start_command};

/// The name space.
pub(crate) struct Space {
    keeper: Running,
    folder: TempDir,
}

impl Space {
    /// `None`, with a message, if this user may not mount.
    pub(crate) fn new() -> Option<Space> {
        if !common::may_have_own_mounts() {
            return None;
        }
        let mut unshare = Command::new("unshare");
        unshare.args(["-m", "sh", "-c", "echo ready && exec sleep 600"]);
        let mut keeper = start_command(&mut unshare);
        let mut line = String::new();
        BufReader::new(keeper.0.stdout.as_mut().expect("piped"))
            .read_line(&mut line)
            .expect("read");
        assert_eq!(line, "ready\n");
        let folder = common::folder();
        Some(Space { keeper, folder })
    }

    /// A path for the programs in the name space.
    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same for this process.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.0.id()));
        root.join(self.inside(name).strip_prefix("/").expect("absolute"))
    }

    fn command(&self) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter.arg("-m").arg("-t").arg(self.keeper.0.id().to_string());
        nsenter
    }

    /// Runs a script of the shell in the folder; `$P` is the program.
    pub(crate) fn run(&self, script: &str) -> Output {
        let mut command = self.command();
        let script = format!("cd '{}'; {script}", self.folder.path().display());
        command.args(["sh", "-euc", &script]).env("P", PROGRAM);
        start_command(&mut command).wait()
    }

    /// The same of a script that must go well.
    #[track_caller]
    pub(crate) fn must(&self, script: &str) {
        let output = self.run(script);
        assert!(output.status.success(), "{script}: {}", says(&output));
    }

    /// The same, and checks its exit code and what it says.
    #[track_caller]
    pub(crate) fn check(&self, script: &str, code: i32, wanted: &[&str]) {
        let output = self.run(script);
        let says = says(&output);
        assert_eq!(output.status.code(), Some(code), "{script}: {says}");
        for words in wanted {
            assert!(says.contains(words), "{script}: {words:?} is not in {says}");
        }
    }

    /// Makes the file `NAME.img` a disk of this kind and mounts it at `NAME`; false, with a message, if that cannot be
    /// had.
    pub(crate) fn has_disk(&self, name: &str, kind: &str, mebibytes: u32) -> bool {
        let made = self.run(&format!(
            "truncate -s {mebibytes}M {name}.img; mkdir {name}; mkfs.{kind} -q {name}.img; mount -o loop {name}.img {name}"
        ));
        if !made.status.success() {
            eprintln!("skipped: no {kind} here: {}", says(&made));
        }
        made.status.success()
    }

    /// An image `NAME` on a disk, with what an edit makes of it.
    pub(crate) fn image(&self, name: &str) -> Subject<'_> {
        // Its bytes are made elsewhere, as the rig likes it, and copied.
        let image = Image {
            format: "rgba:u16le",
            data_offset: 0,
            width: 2048,
            height: 96,
        };
        let rig = Rig::new(common::folder(), image, Part::Whole, 9000);
        let subject = Subject {
            space: self,
            name: name.to_owned(),
            rig,
        };
        subject.restore();
        subject
    }
}

/// An image in a name space.
pub(crate) struct Subject<'a> {
    space: &'a Space,
    pub(crate) name: String,
    pub(crate) rig: Rig,
}

/// What of the program's words is not the image's name.
pub(crate) const EDIT: &str = "--by 9000 --pixel rgba16 --part --size 2048x96";

impl Subject<'_> {
    pub(crate) fn restore(&self) {
        fs::write(self.space.outside(&self.name), &self.rig.before).expect("written");
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.space.outside(name)).expect("read")
    }

    #[track_caller]
    pub(crate) fn assert_edited(&self, name: &str) {
        assert!(self.bytes(name) == self.rig.after, "{name} is not exact");
    }

    /// Leaves a job in the middle: killed, or with `signal`, stopped. More words of the edit may be given; journals are
    /// looked for in `folder`.
    #[track_caller]
    pub(crate) fn leave_half_done(&self, signal: Signal, words: &[&str], folder: &str) {
        for _ in 0..1000 {
            let mut command = self.space.command();
            let path = self.space.inside(&self.name);
            command
                .args([PROGRAM, "brighten", common::word(&path), "--threads=1"])
                .args(EDIT.split(' '))
                .args(words);
            let mut running = start_command(&mut command);
            let folder = self.space.outside(folder);
            if stop_in_the_middle(&mut running, &folder) {
                running.signal(signal);
                running.signal(Signal::CONT);
                let ended = running.wait();
                // What is done within a tick of a kill is done during the run, as far as anybody can tell.
                crate::next_tick();
                if signal == Signal::KILL || ended.status.code() == Some(130) {
                    return;
                }
            }
            self.start_over(&folder);
        }
        panic!("no run could be stopped");
    }

    fn start_over(&self, folder: &Path) {
        if !journals_in(folder).is_empty() {
            let name = &self.name;
            self.space.must(&format!("$P abandon {name} --yes -q"));
        }
        self.space.must(&format!("$P forget {} --all -q || true", self.name));
        self.restore();
    }
}

/// Stops a run where a part of its work is done; false if it came to its end before.
fn stop_in_the_middle(running: &mut Running, folder: &Path) -> bool {
    while !running.has_ended() {
        let Some(path) = journals_in(folder).pop() else {
            continue;
        };
        running.signal(Signal::STOP);
        // It stops a moment later.
        std::thread::sleep(std::time::Duration::from_millis(2));
        if running.has_ended() || journals_in(folder).is_empty() {
            break;
        }
        let journal = open(&path);
        let done = done_bytes(&journal);
        if done > 0 && done < journal.header().chunk_plan.window_bytes() {
            return true;
        }
        running.signal(Signal::CONT);
    }
    running.signal(Signal::CONT);
    false
}
