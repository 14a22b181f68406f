//! What users do to files between two commands.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::Counts;
use crate::unfinished::says;
use crate::world::{World, image_bytes, key};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Rename,
    MoveNear,
    MoveFar,
    HardLink,
    SymbolicLink,
    CopyOver,
    CopyWithAttributes,
    CopyPlain,
    ReplaceByBackup,
    ReplaceByItself,
    RestorePart,
    WriteZeros,
    Touch,
    TouchBack,
    Chmod,
    CutAndExtend,
    Swap,
    RemoveJournal,
    RemoveFolder,
    JournalBackSameFile,
    JournalBackNewFile,
    Strip,
    KeepJournals,
    ResumeAndKill,
    Nothing,
}

const ACTIONS: [Action; 25] = [
    Action::Rename,
    Action::MoveNear,
    Action::MoveFar,
    Action::HardLink,
    Action::SymbolicLink,
    Action::CopyOver,
    Action::CopyWithAttributes,
    Action::CopyPlain,
    Action::ReplaceByBackup,
    Action::ReplaceByItself,
    Action::RestorePart,
    Action::WriteZeros,
    Action::Touch,
    Action::TouchBack,
    Action::Chmod,
    Action::CutAndExtend,
    Action::Swap,
    Action::RemoveJournal,
    Action::RemoveFolder,
    Action::JournalBackSameFile,
    Action::JournalBackNewFile,
    Action::Strip,
    Action::KeepJournals,
    Action::ResumeAndKill,
    Action::Nothing,
];

fn tool(program: &str, words: &[&str], paths: &[&Path]) {
    let output = Command::new(program).args(words).args(paths).output().expect("started");
    assert!(
        output.status.success(),
        "{program} {words:?} {paths:?}: {}",
        says(&output)
    );
}

fn writable(path: &Path) -> fs::File {
    fs::File::options().write(true).open(path).expect("opened")
}

impl World<'_> {
    pub(crate) fn act(&mut self, counts: &mut Counts) {
        self.choose_a_file();
        let action = ACTIONS[self.number_below(ACTIONS.len())];
        *counts.actions.entry(format!("{action:?}")).or_default() += 1;
        self.tell(format!("{action:?}: {}", self.current.display()));
        // Whoever follows a link acts on what it leads to, as most programs do.
        let path = self.current.canonicalize().expect("there");
        match action {
            Action::Rename | Action::MoveNear | Action::MoveFar => self.move_away(action, &path),
            Action::HardLink | Action::SymbolicLink => self.link(action, &path),
            Action::CopyWithAttributes | Action::CopyPlain => self.copy(action, &path),
            Action::ReplaceByBackup | Action::ReplaceByItself => self.replace(action, &path),
            Action::CopyOver | Action::RestorePart | Action::WriteZeros | Action::CutAndExtend => {
                self.write(action, &path);
            }
            Action::Touch => writable(&path).set_modified(SystemTime::now()).expect("touched"),
            Action::TouchBack => {
                let long_ago = SystemTime::now() - Duration::from_secs(100_000);
                writable(&path).set_modified(long_ago).expect("touched");
            }
            Action::Chmod => fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set"),
            Action::Swap => self.swap(&path),
            Action::RemoveJournal => {
                if let Some(journal) = self.some_journal() {
                    fs::remove_file(journal).expect("removed");
                }
            }
            Action::RemoveFolder => {
                if let Some(journal) = self.some_journal() {
                    fs::remove_dir_all(journal.parent().expect("a folder")).expect("removed");
                }
            }
            Action::JournalBackSameFile | Action::JournalBackNewFile => self.put_a_journal_back(action),
            Action::Strip => {
                if rustix::fs::removexattr(&path, "user.pagelight").is_ok() {
                    self.file_mut(&path).is_unmarked = true;
                }
            }
            Action::KeepJournals => self.keep_journals(),
            Action::ResumeAndKill => self.resume_and_kill(&path, counts),
            Action::Nothing => {}
        }
        self.paths.retain(|path| path.exists());
    }

    fn use_other(&mut self, path: PathBuf) {
        self.paths.push(path.clone());
        self.current = path;
    }

    fn link(&mut self, action: Action, path: &Path) {
        let name = self.new_name();
        let target = self.folders[1].path().join(name);
        let linked = match action {
            Action::HardLink => fs::hard_link(path, &target),
            _ => symlink(path, &target),
        };
        // Hard ones within one file system only.
        if linked.is_ok() {
            self.use_other(target);
        }
    }

    /// What the user writes is what is there, and what is to be edited.
    fn write(&mut self, action: Action, path: &Path) {
        let [a, b] = [(); 2].map(|()| self.number_below(image_bytes()) / 8 * 8);
        let part = match action {
            Action::CopyOver => 0..image_bytes(),
            Action::CutAndExtend => a..image_bytes(),
            _ => a.min(b)..a.max(b),
        };
        let bytes = match action {
            Action::CopyOver | Action::RestorePart => self.file(path).backup[part.clone()].to_vec(),
            _ => vec![0; part.len()],
        };
        if action == Action::CutAndExtend {
            writable(path).set_len(part.start as u64).expect("cut");
            writable(path).set_len(part.end as u64).expect("extended");
        } else {
            writable(path).write_all_at(&bytes, part.start as u64).expect("written");
        }
        self.tell(format!("  {part:?}"));
        self.file_mut(path).base[part].copy_from_slice(&bytes);
    }

    fn move_away(&mut self, action: Action, path: &Path) {
        let name = self.new_name();
        let target = match action {
            Action::Rename => path.with_file_name(name),
            Action::MoveNear => self.folders[1].path().join(name),
            _ => self.folders[2].path().join(name),
        };
        let file = self.file(path).clone();
        tool("mv", &[], &[path, &target]);
        // Elsewhere it is another file; other names of the first one keep that.
        self.files.insert(key(&target), file);
        self.use_other(target);
    }

    fn copy(&mut self, action: Action, path: &Path) {
        let folder = self.number_below(3);
        let name = self.new_name();
        let target = self.folders[folder].path().join(name);
        let mut file = self.file(path).clone();
        if action == Action::CopyWithAttributes {
            tool("cp", &["-a"], &[path, &target]);
        } else {
            tool("cp", &[], &[path, &target]);
            // The word of a job is known for the first one only, and nothing tells that it is no picture of its own,
            // unless it comes to the place of that.
            file.done_under_token = None;
            file.is_unmarked = true;
        }
        self.files.insert(key(&target), file);
        self.paths.push(target.clone());
        if self.one_in(2) {
            self.current = target;
        }
    }

    /// As programs do that write a new file and give it the name of the old one.
    fn replace(&mut self, action: Action, path: &Path) {
        let new = path.with_extension("new");
        let mut file = self.file(path).clone();
        let mut bytes = fs::read(path).expect("read");
        if action == Action::ReplaceByBackup {
            // Nothing of the job is in it.
            bytes.clone_from(&file.backup);
            file.base.clone_from(&file.backup);
        }
        fs::write(&new, bytes).expect("written");
        file.is_unmarked = true;
        file.done_under_token = None;
        fs::rename(&new, path).expect("moved");
        self.files.insert(key(path), file);
    }

    fn swap(&mut self, path: &Path) {
        let other = self.number_below(self.paths.len());
        let other = self.paths[other].canonicalize().expect("there");
        let aside = path.with_extension("aside");
        fs::rename(path, &aside).expect("moved");
        if fs::rename(&other, path).is_ok() {
            fs::rename(aside, other).expect("moved");
        } else {
            // One and the same, or on two file systems.
            fs::rename(aside, path).expect("moved");
        }
    }

    fn some_journal(&mut self) -> Option<PathBuf> {
        let journals = self.journals();
        let at = self.number_below(journals.len());
        journals.into_iter().nth(at)
    }

    fn put_a_journal_back(&mut self, action: Action) {
        let at = self.number_below(self.kept.len());
        let Some((path, bytes)) = self.kept.get(at).cloned() else {
            return;
        };
        if action == Action::JournalBackSameFile && path.exists() {
            writable(&path).write_all_at(&bytes, 0).expect("written");
            return;
        }
        let _ = fs::remove_file(&path);
        if path.parent().is_some_and(Path::exists) {
            fs::write(&path, bytes).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        }
    }

    fn resume_and_kill(&mut self, path: &Path, counts: &mut Counts) {
        let before = fs::read(path).expect("read");
        self.note_whose_place(path);
        let running = crate::unfinished::start(&["resume".into(), path.into(), "--threads=1".into()]);
        crate::unfinished::spin(self.random.below(Duration::from_millis(8)));
        running.signal(rustix::process::Signal::KILL);
        let output = running.wait();
        std::thread::sleep(Duration::from_millis(25));
        self.tell(format!("  {}", says(&output)));
        self.note_a_killed_resume(path, &before, counts);
    }
}
