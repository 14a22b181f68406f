//! Commands on one of the files, and what must come of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use pagelight::identity::{Folder, Mark, Marking};
use pagelight::os::identity::FileStat;

use crate::Counts;
use crate::unfinished::{run_words, says, slot_states};
use crate::world::{File, Key, TOKEN, World, edited, in_flight, is_unfinished, key};

impl World<'_> {
    /// One way to go on with the current file.
    pub(crate) fn command(&mut self, counts: &mut Counts) {
        let path = self.current.clone();
        let (threads, elsewhere, choice) = (self.threads(), self.some_journal_folder(6), self.random.up_to(6));
        let with = |words: Vec<OsString>, more: &[&str]| {
            let more = more.iter().map(OsString::from);
            [words, more.chain(elsewhere.iter().map(OsString::from)).collect()].concat()
        };
        let plain = |command: &str, more: &[&str]| with(vec![command.into(), path.clone().into()], more);
        let rerun = |more: &[&str]| with(self.brighten(&path, &[]), more);
        let commands = match choice {
            0 | 1 => vec![plain("resume", &[&threads])],
            2 => vec![rerun(&[&threads])],
            3 => vec![rerun(&[&threads, TOKEN])],
            4 => vec![plain("abandon", &["--yes"]), rerun(&[&threads])],
            _ => vec![plain("status", &[])],
        };
        let then = plain("resume", &[]);
        for words in commands {
            self.run_and_judge(&words, counts);
        }
        // Whoever is refused looks, and tries another way.
        if self.one_in(2) {
            self.run_and_judge(&then, counts);
        }
    }

    pub(crate) fn run_and_judge(&mut self, words: &[OsString], counts: &mut Counts) {
        let path = PathBuf::from(&words[1]);
        let command = words[0].to_str().expect("plain letters").to_owned();
        let (files, journals) = (self.all_files(), self.unfinished_journals());
        let before = Before {
            bytes: fs::read(&path).expect("read"),
            is_told: self.is_told_apart(&path),
            is_replaced: self.is_replaced(&path).is_some(),
        };
        let pending = self.file(&path).pending;
        if command != "brighten" {
            self.note_whose_place(&path);
        }
        let output = run_words(words);
        let said = says(&output);
        self.tell(format!("{words:?}: {said}"));
        let after = fs::read(&path).expect("read");
        for (other, bytes) in self.all_files() {
            let is_same = other == key(&path) || files[&other] == bytes;
            assert!(is_same, "a file that was not named was changed:\n{}", self.story());
        }
        let code = output.status.code();
        let end = if code == Some(0) {
            self.assert_others_keep_their_journals(&path, &journals);
            let token = words.iter().any(|word| word == TOKEN);
            let verdict = self.judge_success(&path, &command, token, &said, &before, &after);
            verdict.unwrap_or_else(|| panic!("exit 0 and wrong:\n{}", self.story()))
        } else {
            assert!(
                matches!(code, Some(2 | 3 | 65 | 66 | 74 | 75)),
                "{code:?}:\n{}",
                self.story()
            );
            let is_untouched = after == before.bytes && self.unfinished_journals() == journals;
            assert!(is_untouched, "refused, and something was changed:\n{}", self.story());
            self.file_mut(&path).pending = pending;
            format!("refused with {}: {}", code.unwrap_or(0), reason(&said))
        };
        *counts.ends.entry(format!("{command}: {end}")).or_default() += 1;
    }

    /// What the command did, if it was right.
    fn judge_success(
        &mut self,
        path: &Path,
        command: &str,
        token: bool,
        said: &str,
        then: &Before,
        after: &[u8],
    ) -> Option<String> {
        let before = then.bytes.as_slice();
        let file = self.file_mut(path);
        if command == "status" || said.contains("nothing to resume") || said.contains("nothing to abandon") {
            return (after == before).then(|| "nothing to do".to_owned());
        }
        if command == "abandon" {
            let edits = file
                .pending
                .map(|amount| [edited(&file.base_then, amount), edited(&file.base, amount)]);
            let fits = |at: usize| after[at] == before[at] || edits.iter().flatten().any(|edit| edit[at] == after[at]);
            let is_right = (0..after.len()).all(fits);
            // A picture of its own from now on.
            file.base = after.to_vec();
            file.pending = None;
            return is_right.then(|| "done".to_owned());
        }
        if said.contains("already applied") {
            let is_right = after == before && file.done_under_token.as_deref() == Some(before);
            return is_right.then(|| "already applied".to_owned());
        }
        // Before the user has said what it is.
        if command == "brighten" && then.is_replaced {
            return None;
        }
        let is_half_done = file.pending.is_some() && before != file.base;
        let is_anew = !then.is_told && after == edited(before, file.amount);
        let anew = is_anew.then(|| "exact, as a picture of its own".to_owned());
        let verdict = match (command, file.pending) {
            ("resume", None) => None,
            ("resume", Some(amount)) => file.verdict(after, amount),
            (_, Some(amount)) if is_half_done && token && file.has_token => file.verdict(after, amount).or(anew),
            (_, Some(_)) if is_half_done => anew,
            _ => (after == edited(&file.base, file.amount)).then(|| "exact".to_owned()),
        };
        file.base = after.to_vec();
        file.pending = None;
        if token || (command == "resume" && file.has_token) {
            file.done_under_token = Some(after.to_vec());
            file.is_unmarked = false;
        } else if file.done_under_token.as_deref() == Some(before) {
            // What was done under the word is still in it.
            file.done_under_token = Some(after.to_vec());
        }
        verdict
    }

    /// What a resume that was killed left.
    pub(crate) fn note_a_killed_resume(&mut self, path: &Path, before: &[u8], counts: &mut Counts) {
        let after = fs::read(path).expect("read");
        let story = self.story();
        let file = self.file_mut(path);
        let journals: Vec<_> = file
            .journals
            .iter()
            .filter(|path| is_unfinished(path))
            .cloned()
            .collect();
        let Some(amount) = file.pending else {
            assert!(after == before, "nothing was to be done:\n{story}");
            return;
        };
        let (want, then) = (edited(&file.base, amount), edited(&file.base_then, amount));
        for at in 0..after.len() {
            if after[at] != before[at] && after[at] != want[at] {
                let is_covered =
                    file.in_flight.iter().any(|redo_block| redo_block.contains(&at)) && after[at] == then[at];
                assert!(is_covered, "a killed resume left something else:\n{story}");
                file.base[at] = file.base_then[at];
            }
        }
        counts.live_slots += u32::from(journals.iter().any(|path| !slot_states(path).is_empty()));
        file.in_flight.extend(journals.iter().flat_map(|path| in_flight(path)));
        file.base_then.clone_from(&file.base);
        if journals.is_empty() && after == edited(&file.base, amount) {
            // It was through.
            file.base.clone_from(&after);
            file.pending = None;
            file.done_under_token = file.has_token.then_some(after);
        }
    }

    /// True if something tells a half-edited file from a picture of its own: its mark, or a folder of journals beside
    /// it that knows the file or its name.
    fn is_told_apart(&self, path: &Path) -> bool {
        let knows = |folder: &Folder| is_of(folder, path);
        let is_known = || {
            folders_beside(path)
                .iter()
                .any(|folder| has_unfinished(folder) && knows(folder))
        };
        !self.file(path).is_unmarked || self.is_replaced(path).is_some() || is_known()
    }

    /// The amount of the unfinished job of an image in whose place a file is that is another one.
    fn is_replaced(&self, path: &Path) -> Option<i64> {
        let file = fs::File::open(path).expect("opened");
        let is_unmarked = Mark::read(&file, path).is_ok_and(|mark| mark == Marking::Unmarked);
        let resolved = path.canonicalize().expect("there");
        let is_other = |folder: &Folder| folder.record.path == resolved && !is_of(folder, path) && is_unmarked;
        let folders = folders_beside(path);
        let mut journals = folders.iter().filter(|folder| is_other(folder)).flat_map(unfinished);
        journals.next().map(|journal| amount_of(&journal))
    }

    /// Whoever resumes a job in a file in the place of its image says that it is a copy of that; who gives it up, that
    /// it is none.
    pub(crate) fn note_whose_place(&mut self, path: &Path) {
        if let (None, Some(amount)) = (self.file(path).pending, self.is_replaced(path)) {
            self.file_mut(path).pending = Some(amount);
        }
    }

    fn all_files(&self) -> BTreeMap<Key, Vec<u8>> {
        let there = self.paths.iter().filter(|path| path.exists());
        there.map(|path| (key(path), fs::read(path).expect("read"))).collect()
    }

    /// The journals of unfinished jobs. Where an image was last met may be noted beside them at any time, and what came
    /// to its end is swept.
    fn unfinished_journals(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let unfinished = self.journals().into_iter().filter(|path| is_unfinished(path));
        unfinished
            .map(|path| (path.clone(), fs::read(path).expect("read")))
            .collect()
    }

    fn assert_others_keep_their_journals(&self, path: &Path, before: &BTreeMap<PathBuf, Vec<u8>>) {
        let origin = self.file(path).origin;
        for other in self.files.values().filter(|file| file.origin != origin) {
            for journal in other.journals.iter().filter(|journal| before.contains_key(*journal)) {
                let is_same = fs::read(journal).ok().as_ref() == before.get(journal);
                assert!(is_same, "another image's journal was touched:\n{}", self.story());
            }
        }
    }
}

/// What was known of a file before a command.
struct Before {
    bytes: Vec<u8>,
    /// Whether it was told from a picture of its own.
    is_told: bool,
    /// Whether it was in the place of an image with an unfinished job.
    is_replaced: bool,
}

fn folders_beside(path: &Path) -> Vec<Folder> {
    let resolved = path.canonicalize().expect("there");
    Folder::all_in(resolved.parent().expect("a folder")).expect("read")
}

/// True if a folder is of this very file, and not of one that had its inode before.
fn is_of(folder: &Folder, path: &Path) -> bool {
    let file = fs::File::open(path).expect("opened");
    folder.record.is_of(&FileStat::of(&file).expect("looked at").identity)
}

fn unfinished(folder: &Folder) -> Vec<PathBuf> {
    let journals = folder.journals().unwrap_or_default().into_iter();
    journals.filter(|journal| is_unfinished(journal)).collect()
}

fn has_unfinished(folder: &Folder) -> bool {
    !unfinished(folder).is_empty()
}

fn amount_of(journal: &Path) -> i64 {
    let (header, _) = pagelight::journal::peek(journal).expect("sound").expect("there");
    let job = pagelight::job::Job::from_bytes(&header.job, header.chunk_plan.window());
    match job.expect("sound").op {
        pagelight::op::Op::Brighten { amount } => amount.into(),
        other => panic!("{other} is none of ours"),
    }
}

impl File {
    /// Whether a job that was gone on with left what it had to.
    fn verdict(&self, after: &[u8], amount: i64) -> Option<String> {
        let want = edited(&self.base, amount);
        if after == want {
            return Some("exact".to_owned());
        }
        // What the user put into a redo block in flight is covered by what the journal holds of it.
        let then = edited(&self.base_then, amount);
        let is_covered =
            |at: usize| self.in_flight.iter().any(|redo_block| redo_block.contains(&at)) && after[at] == then[at];
        let fits = after.len() == want.len() && (0..after.len()).all(|at| after[at] == want[at] || is_covered(at));
        fits.then(|| "exact but for what was put into a redo block in flight".to_owned())
    }
}

/// The reason of a refusal, in a few words.
fn reason(said: &str) -> &'static str {
    // The more special ones first.
    const REASONS: [&str; 17] = [
        "it was replaced",
        "is a copy of the job's journal",
        "an earlier copy of it was put back",
        "a copy may have been put back",
        "not as its unfinished job left it",
        "does not carry its mark",
        "some were removed",
        "is damaged",
        "nobody can know",
        "mounted anew",
        "its journals are in",
        "for another job",
        "in the way",
        "is a copy of",
        "is gone",
        "no mark of Pagelight",
        "half-edited",
    ];
    REASONS
        .into_iter()
        .find(|reason| said.contains(reason))
        .unwrap_or("something else")
}
