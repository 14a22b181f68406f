//! An image and its journal as real files, which can be brought into any state and watched.

use std::fs::{DirBuilder, File};
use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pagelight::claim::{self, ClaimOutcome, ImageJobs, PendingJob, Request};
use pagelight::engine::{self, Settings};
use pagelight::identity::{Mark, Marking};
use pagelight::journal::header::{
    CURSOR_AT, EPOCH_AT, JournalHeader, OWNER_AT, RUN_AT, SLOT_OWNER_AT, SLOT_REDO_BLOCK_AT, STATE_AT,
};
use pagelight::journal::protocol::Memory;
use pagelight::journal::words::SlotState;
use pagelight::journal::{JobState, Journal};
use pagelight::map::{Access, MappedFile, View};
use pagelight::run::{self, Abandoned, Options, Outcome};
use tempfile::TempDir;

use crate::cases::Case;

/// Slots in every journal here.
pub(crate) const SLOTS: u32 = 2;

/// All that changes: the bytes of the image, then those of the journal's [`Lab::live`] ranges.
pub(crate) type State = Vec<u8>;

pub(crate) struct Lab<'a> {
    pub(crate) case: &'a Case,
    pub(crate) image: MappedFile,
    pub(crate) image_view: View,
    pub(crate) journal: Journal,
    /// The journal as it was when fresh.
    template: Vec<u8>,
    /// Of the journal: the state word, the chunk words, and of each slot the words and the redo block.
    pub(crate) live: Vec<Range<usize>>,
    journal_path: PathBuf,
    /// What lies beside the journal, and what the image carries.
    record: Vec<u8>,
    mark: Mark,
    folder: TempDir,
}

impl<'a> Lab<'a> {
    /// A fresh job: the claim is made by the real code.
    pub(crate) fn new(case: &'a Case) -> Lab<'a> {
        // In memory if possible; any file system will do.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")));
        let folder = folder.expect("a folder");
        let path = folder.path().join("image.raw");
        std::fs::write(&path, &case.before).expect("written");
        let image = MappedFile::open(&path, Access::ReadWrite).expect("opened");
        let request = Request {
            job: &case.job,
            chunk_plan: case.chunk_plan.clone(),
            slots: SLOTS,
            token: "",
            folder: None,
        };
        let outcome = claim::claim(&image, &request).expect("asked");
        let ClaimOutcome::Granted(claim) = outcome else {
            panic!("no claim on a fresh image: {outcome:?}");
        };
        // The same random number in every lab, so that one's words mean the same in another one.
        let (mounts, path_of_claim) = (claim.journal.mounts().expect("read"), claim.journal.path().to_owned());
        let header = JournalHeader {
            uuid: 0x0123_4567_89ab_cdef,
            ..claim.journal.header().clone()
        };
        drop(claim);
        std::fs::remove_file(&path_of_claim).expect("removed");
        let journal_path = path_of_claim.with_file_name("1.journal");
        let (journal, lock) = Journal::create(&journal_path, header, mounts).expect("made");
        drop(lock);
        let mut template = vec![0; journal.view().len()];
        journal.view().copy_out(0, &mut template).expect("read");
        let header = journal.header();
        let redo_block_bytes = usize::try_from(case.chunk_plan.redo_block_bytes()).expect("small");
        let mut live = vec![
            STATE_AT..STATE_AT + 8,
            header.chunk_at(0)..header.chunk_at(header.chunks() - 1) + 16,
        ];
        for slot in (0..SLOTS).map(|slot| header.slot_at(slot)) {
            live.extend([
                slot..slot + SLOT_OWNER_AT,
                slot + SLOT_REDO_BLOCK_AT..slot + SLOT_REDO_BLOCK_AT + redo_block_bytes,
            ]);
        }
        let mark = match Mark::read(image.file(), &path).expect("read") {
            Marking::Marked(mark) => mark,
            other => panic!("{other:?}"),
        };
        Lab {
            record: std::fs::read(journal_path.with_file_name("image")).expect("read"),
            mark,
            case,
            image_view: image.view(0..image.len()).expect("mapped"),
            image,
            journal,
            template,
            live,
            journal_path,
            folder,
        }
    }

    /// Where all of it is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What is in the files now.
    pub(crate) fn look(&self, state: &mut State) {
        let image_bytes = self.image_view.len();
        state.resize(image_bytes + self.live.iter().map(Range::len).sum::<usize>(), 0);
        self.image_view.copy_out(0, &mut state[..image_bytes]).expect("read");
        let mut at = image_bytes;
        for range in &self.live {
            let view = self.journal.view();
            view.copy_out(range.start, &mut state[at..at + range.len()])
                .expect("read");
            at += range.len();
        }
    }

    /// Writes a state into the files, the same inodes where they are still there.
    pub(crate) fn put(&mut self, state: &State) {
        if !self.journal_path.exists() {
            let folder = self.journal_path.parent().expect("a folder");
            if !folder.exists() {
                DirBuilder::new().mode(0o700).create(folder).expect("made");
            }
            for (path, bytes) in [
                (folder.join("image"), &self.record),
                (self.journal_path.clone(), &self.template),
            ] {
                let mut options = File::options();
                let created = options.write(true).create(true).truncate(true).mode(0o600).open(path);
                created.and_then(|mut file| file.write_all(bytes)).expect("written");
            }
            self.mark.write(self.image.file(), self.image.path()).expect("marked");
            self.journal = open(&self.journal_path);
            self.journal.become_original().expect("written");
            let header = &mut self.template[..STATE_AT];
            self.journal.view().copy_out(0, header).expect("read");
        }
        let image_bytes = self.image_view.len();
        self.image_view.copy_in(0, &state[..image_bytes]).expect("written");
        let mut at = image_bytes;
        for range in &self.live {
            let view = self.journal.view();
            view.copy_in(range.start, &state[at..at + range.len()])
                .expect("written");
            at += range.len();
        }
        // As if all of it had just come about.
        self.journal.beat(0).expect("stored");
    }

    /// That nothing but what is alive has changed in the journal.
    pub(crate) fn assert_rest_untouched(&self) {
        let mut bytes = vec![0; self.template.len()];
        self.journal.view().copy_out(0, &mut bytes).expect("read");
        // Words that tell who is at work, how far, and whether to go on; a recovery looks at none of them.
        let slots = (0..SLOTS).map(|slot| self.journal.header().slot_at(slot));
        let told = slots.map(|slot| slot + SLOT_OWNER_AT..slot + SLOT_REDO_BLOCK_AT);
        let of_job = [OWNER_AT..OWNER_AT + 8, EPOCH_AT..CURSOR_AT + 8, RUN_AT..RUN_AT + 8];
        let told: Vec<_> = of_job.into_iter().chain(told).collect();
        for range in self.live.iter().chain(&told) {
            bytes[range.clone()].copy_from_slice(&self.template[range.clone()]);
        }
        assert!(
            bytes == self.template,
            "a byte of the journal changed that nobody may change"
        );
    }

    /// True if no thread that lives works in any slot.
    pub(crate) fn slots_are_free(&self) -> bool {
        (0..SLOTS).all(|slot| self.journal.lock_slot(slot).expect("asked").is_some())
    }

    /// True if there is nothing to recover: no slot state, no chunk taken.
    pub(crate) fn is_recovered(&self, state: &State) -> bool {
        let header = self.journal.header();
        let codec = self.journal.codec();
        let idle = |slot| self.word(state, header.slot_at(slot)) == codec.slot_state(slot, SlotState::Empty);
        let taken = |chunk| self.word(state, header.chunk_at(chunk)) & 3 == 2;
        (0..SLOTS).all(idle) && !(0..header.chunks()).any(taken)
    }

    /// The journal's word at byte `at`, in a state.
    pub(crate) fn word(&self, state: &State, at: usize) -> u64 {
        let mut offset = self.image_view.len();
        for range in &self.live {
            if range.contains(&at) {
                let at = offset + at - range.start;
                return u64::from_ne_bytes(std::array::from_fn(|byte| state[at + byte]));
            }
            offset += range.len();
        }
        panic!("byte {at} is not watched");
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            settings: self.settings(),
            sync: true,
            journal_folder: None,
            workers: None,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            threads: 1,
            memory_bytes: Settings::DEFAULT_MEMORY_BYTES,
        }
    }

    /// The engine's run on what is in the files, by one thread: ours.
    pub(crate) fn engine_run(&self) -> Result<(), String> {
        self.engine_recover()?;
        self.journal.open_epoch().map_err(|error| error.to_string())?;
        let ended = engine::work(&self.case.job, &self.image, &self.journal, &self.settings(), &|_| {
            ControlFlow::Continue(())
        });
        ended.map_err(|error| error.to_string())
    }

    /// The engine's recovery alone.
    pub(crate) fn engine_recover(&self) -> Result<(), String> {
        match engine::recover_dead_slots(&self.case.job, &self.image, &self.journal) {
            Ok(0) => Ok(()),
            Ok(slots) => Err(format!("somebody works in {slots} slots")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// `pagelight resume` on what is in the files, all of it: opening, checks, recovery, the rest, the end.
    pub(crate) fn resume(&self) -> Result<Option<Outcome>, String> {
        let words = |error: pagelight::error::Error| error.to_string();
        let Some((image, found)) = self.find()? else {
            let image = MappedFile::open(self.image.path(), Access::ReadWrite).map_err(words)?;
            return claim::sweep(&image, None).map(|()| None).map_err(words);
        };
        run::resume(&image, found, &self.options(), &|_| ControlFlow::Continue(()))
            .map(Some)
            .map_err(words)
    }

    fn find(&self) -> Result<Option<(MappedFile, PendingJob)>, String> {
        let words = |error: pagelight::error::Error| error.to_string();
        let image = MappedFile::open(self.image.path(), Access::ReadWrite).map_err(words)?;
        let jobs = ImageJobs::of(&image, None).map_err(words)?;
        let found = jobs.pending().map_err(words)?.pop();
        Ok(found.map(|found| (image, found)))
    }

    /// Resumes and checks the end: the image exact, the count too, no journal left.
    pub(crate) fn resume_exactly(&self) -> Result<(), String> {
        let complete = self.journal.state().map_err(|error| error.to_string())? == JobState::Complete;
        match self.resume()? {
            None if complete => {}
            Some(Outcome::Done { counts, .. }) if counts.clipped == self.case.clipped && !complete => {}
            other => return Err(format!("{other:?} instead of {} clipped", self.case.clipped)),
        }
        if self.journal_path.exists() {
            return Err("the journal was left".to_owned());
        }
        self.exact()
    }

    /// Whether the image is what it should be in the end.
    pub(crate) fn exact(&self) -> Result<(), String> {
        let mut image = vec![0; self.image_view.len()];
        self.image_view.copy_out(0, &mut image).expect("read");
        match image.iter().zip(&self.case.after).position(|(is, want)| is != want) {
            None => Ok(()),
            Some(at) => Err(format!(
                "byte {at} is {:#x} instead of {:#x}",
                image[at], self.case.after[at]
            )),
        }
    }

    /// Abandons and checks that each chunk is as before or done, and that the totals say which.
    pub(crate) fn abandon_soundly(&self) -> Result<(), String> {
        let Some((image, found)) = self.find()? else {
            return Ok(());
        };
        let abandoned = run::abandon(&image, found, &self.options()).map_err(|error| error.to_string())?;
        let Abandoned {
            totals,
            unrecovered: None,
        } = abandoned
        else {
            return Err(format!("{:?}", abandoned.unrecovered));
        };
        let mut bytes = vec![0; self.image_view.len()];
        self.image_view.copy_out(0, &mut bytes).expect("read");
        let mut done_bytes = 0;
        let mut rest = self.case.before.clone();
        for chunk in 0..self.case.chunk_plan.chunks() {
            let part = self.case.chunk_plan.chunk(chunk).part;
            let length = part.end - part.start;
            let samples = self.case.samples(part);
            let is = |want: &[u8]| samples.iter().all(|&at| bytes[at..at + 2] == want[at..at + 2]);
            if is(&self.case.after) {
                done_bytes += length;
            } else if !is(&self.case.before) {
                return Err(format!("chunk {chunk} is neither as before nor done"));
            }
            for &at in &samples {
                rest[at..at + 2].copy_from_slice(&bytes[at..at + 2]);
            }
        }
        if rest != bytes || totals.done_bytes != done_bytes {
            return Err(format!("{done_bytes} bytes are done, and the totals say {totals:?}"));
        }
        Ok(())
    }
}

fn open(journal: &Path) -> Journal {
    Journal::open(journal, Access::ReadWrite)
        .expect("sound")
        .expect("there")
}
