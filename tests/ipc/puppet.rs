//! The strings: [`Puppet`]s are processes of this very program that do what a test tells them, one line at a time, and
//! can be stopped and killed. A [`World`] is a namespace of its own for the puppets of one test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use pagelight::ipc::Namespace;
use rustix::process::{Pid, Signal, kill_process};

/// The environment variable that makes a puppet, with the folder of its namespace.
pub(crate) const STRINGS: &str = "PAGELIGHT_TEST_PUPPET";
/// What an answer's line begins with, because the test harness also prints.
pub(crate) const ANSWER: &str = "=> ";

/// Longer than anything here takes on the slowest machine; only a failed test waits for it.
const FOR_EVER: Duration = Duration::from_secs(60);

/// A namespace and its folder, on tmpfs if there is one.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        let mut builder = tempfile::Builder::new();
        builder.prefix("pagelight-test-");
        let folder = builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir());
        World::in_folder(folder.expect("a folder"))
    }

    pub(crate) fn in_folder(folder: tempfile::TempDir) -> World {
        World { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn live(&self) -> PathBuf {
        self.folder().join("live")
    }

    pub(crate) fn kept(&self) -> PathBuf {
        self.folder().join("kept")
    }

    pub(crate) fn names(&self) -> Namespace {
        Namespace::at(&self.live(), &self.kept())
    }

    /// The files of the objects that end with their users.
    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(entries) = self.live().read_dir() else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn puppet(&self) -> Puppet {
        Puppet::start(&mut self.command())
    }

    pub(crate) fn command(&self) -> Command {
        let exe = std::env::current_exe().expect("this program");
        puppet_command(exe.as_os_str(), self.folder())
    }
}

fn puppet_command(exe: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(exe);
    command.args(PUPPET_ARGS).env(STRINGS, folder);
    command
}

/// What makes this program play a puppet and nothing else.
pub(crate) const PUPPET_ARGS: [&str; 4] = ["--exact", "play::puppet", "--nocapture", "--test-threads=1"];

pub(crate) struct Puppet {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Puppet {
    pub(crate) fn start(command: &mut Command) -> Puppet {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.expect("a process");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let lines = out.lines().map_while(|line| line.ok());
            for answer in lines.filter_map(|line| line.strip_prefix(ANSWER).map(str::to_owned)) {
                if sender.send(answer).is_err() {
                    return;
                }
            }
        });
        Puppet {
            stdin: child.stdin.take(),
            child,
            answers,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives a command without waiting for the answer.
    pub(crate) fn send(&mut self, command: &str) {
        let stdin = self.stdin.as_mut().expect("not ended");
        writeln!(stdin, "{command}").expect("the puppet lives");
    }

    /// The answer, as soon as it comes.
    pub(crate) fn answer(&mut self) -> String {
        self.answer_within(FOR_EVER).expect("an answer in time")
    }

    /// The answer, if it comes in time.
    pub(crate) fn answer_within(&mut self, time: Duration) -> Option<String> {
        match self.answers.recv_timeout(time) {
            Ok(answer) => Some(answer),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the puppet has ended: {:?}", self.child.wait()),
        }
    }

    /// Gives a command and waits for the answer.
    pub(crate) fn tell(&mut self, command: &str) -> String {
        self.send(command);
        self.answer()
    }

    /// Gives a command that must answer just so.
    #[track_caller]
    pub(crate) fn expect(&mut self, command: &str, answer: &str) {
        assert_eq!(self.tell(command), answer, "{command}");
    }

    /// Gives a command that must fail with an error whose name and text begin so.
    #[track_caller]
    pub(crate) fn refuse(&mut self, command: &str, error: &str) {
        let answer = self.tell(command);
        assert!(answer.starts_with(error), "{command}: {answer}");
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Lets it end in peace, closing all it has.
    pub(crate) fn end(mut self) {
        self.stdin = None;
        let status = self.child.wait().expect("ended");
        assert!(status.success(), "{status}");
    }

    /// Waits for the end of a puppet that was told to bring it about.
    pub(crate) fn wait(mut self) {
        self.child.wait().expect("ended");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("signalled");
    }

    /// Waits until it has stopped itself, or is stopped.
    pub(crate) fn wait_until_stopped(&self) {
        let begun = Instant::now();
        while !self.state().starts_with(['T', 't']) {
            assert!(begun.elapsed() < FOR_EVER, "it never stops");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn state(&self) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("it lives");
        let (_, rest) = stat.rsplit_once(") ").expect("a state");
        rest.to_owned()
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
