//! What an edit makes untrue in a header, and what becomes of it.

use std::fs;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use pagelight::engine::Settings;
use pagelight::job::{Job, Target};
use pagelight::map::{Access, MappedFile};
use pagelight::op::Op;
use pagelight::run::{self, Options};
use pagelight::{Image, format};

use crate::array::{Array, Kind, Part};
use crate::common::{folder, word};
use crate::edit::{Edit, What};
use crate::files::{Container, science};
use crate::program::says;

const EDIT: Edit = Edit {
    what: What::Brighten(9999),
    kind: Kind::Signed,
    keeps: false,
};

/// Long enough for several chunks.
fn map() -> Container {
    science::mrc(Kind::Signed, true, 80, (5, 700, 400))
}

/// Leaves a job as `kill -9` would, after its first chunk.
fn cut_short(path: &Path) {
    cut_short_page(path, None);
}

fn cut_short_page(path: &Path, page: Option<u64>) {
    let image = MappedFile::open(path, Access::ReadWrite).expect("opened");
    let overrides = format::Overrides {
        page,
        ..format::Overrides::default()
    };
    let described = format::describe(&image, &overrides).expect("described");
    let layout = &described.layout;
    let mut part = layout.whole();
    if page.is_some() {
        // Room for another job.
        part.planes = 0..2;
    }
    let mut target = Target::of(layout, &part, &described.names).expect("a target");
    target.mends.clone_from(&described.mended.mends);
    let job = Job {
        op: Op::Brighten { amount: 9999 },
        target,
    };
    let options = Options {
        settings: Settings {
            threads: 1,
            memory_bytes: 1 << 20,
        },
        sync: false,
        ..Options::default_here()
    };
    let die = |bytes| {
        if bytes > 0 {
            resume_unwind(Box::new("killed"));
        }
        ControlFlow::Continue(())
    };
    let run = || run::start(&job, &image, "", &options, &die);
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}

#[test]
fn a_job_that_was_cut_short_is_mended_when_it_is_finished() {
    let folder = folder();
    let container = map();
    let mut array = Array::new(container.sides, container.kind);
    let path = container.write(folder.path(), &array);
    let header = fs::read(&path).expect("read")[..1104].to_vec();
    cut_short(&path);
    // Not before the last chunk.
    assert!(fs::read(&path).expect("read")[..1104] == header);
    // The journal knows what is mended: what the header says by now counts for nothing.
    let mut damaged = fs::read(&path).expect("read");
    damaged[..16].fill(0xFF);
    damaged[212..216].fill(0);
    fs::write(&path, &damaged).expect("written");
    says(&["resume", word(&path), "--json", "--no-sync"].map(str::to_owned));
    EDIT.apply(&mut array, &Part::whole(container.sides, false));
    let mut want = container.edited_bytes(&array);
    want[..16].fill(0xFF);
    want[212..216].fill(0);
    assert!(fs::read(&path).expect("read") == want);
}

#[test]
fn a_job_that_is_given_up_is_mended_too() {
    let folder = folder();
    let container = map();
    let array = Array::new(container.sides, container.kind);
    let path = container.write(folder.path(), &array);
    cut_short(&path);
    says(&["abandon", word(&path), "--yes", "--json"].map(str::to_owned));
    let got = fs::read(&path).expect("read");
    assert!(got[..1104] == container.edited_bytes(&array)[..1104]);
    assert!(got[1104..] != container.bytes(&array)[1104..]);
}

#[test]
fn two_edits_of_one_file_and_one_that_was_done_before() {
    let folder = folder();
    let container = map();
    let mut array = Array::new(container.sides, container.kind);
    let path = container.write(folder.path(), &array);
    let image = Image::open(&path).expect("opened");
    let edit = |planes: std::ops::Range<u64>, id: &str| {
        let edit = image.edit(Op::Brighten { amount: 9999 }).planes(planes).id(id);
        edit.without_sync().run().expect("done")
    };
    std::thread::scope(|scope| {
        for plane in 0..4 {
            scope.spawn(move || edit(plane..plane + 1, ""));
        }
    });
    edit(4..5, "once");
    let whole = Part::whole(container.sides, false);
    EDIT.apply(&mut array, &whole);
    assert!(fs::read(&path).expect("read") == container.edited_bytes(&array));
    edit(4..5, "once");
    assert!(fs::read(&path).expect("read") == container.edited_bytes(&array));
}

/// Word by word, with every carry at once.
fn slow_sum(bytes: &[u8]) -> u32 {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
    words.fold(0, |sum: u32, word| {
        let (sum, carries) = sum.overflowing_add(word);
        sum + u32::from(carries)
    })
}

/// Two HDUs of 3 x 900 x 500 samples, each with right sums, without what fills up the last block.
fn sums(folder: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let mut file = Vec::new();
    for first in ["SIMPLE  = T", "XTENSION= 'IMAGE   '"] {
        let cards = [
            "BITPIX  = 16",
            "NAXIS   = 3",
            "NAXIS1  = 500",
            "NAXIS2  = 900",
            "NAXIS3  = 3",
            "BZERO   = 32768",
        ];
        let sums = [
            "DATASUM = '0'             / of data",
            "CHECKSUM= '0000000000000000'   / of all",
            "END",
        ];
        let start = file.len();
        for card in [&[first][..], &cards, &sums].concat() {
            file.extend(format!("{card:<80}").into_bytes());
        }
        file.resize(start + 2880, b' ');
        let data = crate::common::pattern(0..2_700_000);
        let datasum = format!("'{}'", slow_sum(&data));
        file[start + 570..][..datasum.len()].copy_from_slice(datasum.as_bytes());
        // A header and its data sum up to -0 if what is missing stands in a comment: `CHECKSUM` itself may be any text.
        let missing = !slow_sum(&[&file[start..start + 2880], &data[..]].concat());
        let word = start + 2876;
        let blank = u32::from_be_bytes(*b"    ");
        let (sum, carry) = missing.overflowing_add(blank);
        file[word..word + 4].copy_from_slice(&(sum + u32::from(carry)).to_be_bytes());
        assert_eq!(slow_sum(&[&file[start..start + 2880], &data[..]].concat()), u32::MAX);
        file.extend(data);
        if start == 0 {
            file.resize(file.len().next_multiple_of(2880), 0);
        }
    }
    let path = folder.join("image.fits");
    fs::write(&path, &file).expect("written");
    (path, file)
}

/// The sums of an HDU of [`sums`] are right, and all else but samples is as it was.
#[track_caller]
fn assert_sums(file: &[u8], before: &[u8], start: usize) {
    let data = start + 2880..start + 2880 + 2_700_000;
    let datasum = slow_sum(&file[data.clone()]);
    let text = String::from_utf8_lossy(&file[start + 560..start + 640]).into_owned();
    assert!(
        text.starts_with(&format!("DATASUM = '{datasum:<8}' ")) && text.contains("/ of data"),
        "{text}"
    );
    assert_eq!(slow_sum(&file[start..data.end]), u32::MAX);
    for at in start..start + 2880 {
        let is_field = (570..582).contains(&(at - start)) || (650..668).contains(&(at - start));
        assert!(is_field || file[at] == before[at], "{at}");
    }
}

const SECOND: usize = 2880 + 2_701_440;

#[test]
fn sums_of_fits_are_renewed() {
    let folder = folder();
    let (path, before) = sums(folder.path());
    let edit = |page: &str, more: &[&str]| {
        let words = [&["brighten", word(&path), "--by=999", "--json", page], more].concat();
        says(&words.into_iter().map(str::to_owned).collect::<Vec<_>>());
        fs::read(&path).expect("read")
    };
    let said = says(&["info", word(&path), "--page=2", "--json"].map(str::to_owned));
    assert!(
        said["mended"].as_str().is_some_and(|what| what.contains("CHECKSUM")),
        "{said}"
    );
    let after = edit("--page=2", &["--plane=2", "--rect=3,5,77,55"]);
    assert!(after[..SECOND] == before[..SECOND]);
    assert_sums(&after, &before, SECOND);
    assert!(after[SECOND + 2880..] != before[SECOND + 2880..]);
    let again = edit("--page=1", &["--processes=2"]);
    assert!(again[SECOND..] == after[SECOND..]);
    assert_sums(&again, &before, 0);
    // Another one on sums that we have written.
    assert_sums(&edit("--page=1", &["--threads=1"]), &before, 0);
}

#[test]
fn sums_that_were_wrong_before_are_not_made_right() {
    let folder = folder();
    let (path, good) = sums(folder.path());
    for (at, says) in [
        (9999, "the DATASUM of HDU 1"),
        (1000, "the CHECKSUM of HDU 1"),
        (575, "HDU 1"),
    ] {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).expect("written");
        let output = crate::common::pagelight(["brighten", "--by=1", "--page=1", word(&path)]).output();
        let output = output.expect("it runs");
        let line = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(65), "{line}");
        assert!(line.contains(says) && line.contains("nothing was changed"), "{line}");
        assert!(fs::read(&path).expect("read") == damaged);
        assert_eq!(folder.path().read_dir().expect("the folder").count(), 1);
        // The other HDU is another matter.
        crate::common::pagelight(["brighten", "--by=1", "--page=2", "--no-sync", word(&path)])
            .assert()
            .success();
    }
}

#[test]
fn sums_of_a_job_that_was_cut_short_are_renewed_when_it_is_finished_or_given_up() {
    let folder = folder();
    for command in ["resume", "abandon"] {
        let (path, before) = sums(folder.path());
        cut_short_page(&path, Some(1));
        let half = fs::read(&path).expect("read");
        assert!(half[..2880] == before[..2880] && half != before);
        // Another job on the same data would sum up what is half edited, wherever its window is; one on the other HDU
        // is welcome.
        let other = ["--rect=0,0,1,1", "--plane=3", "--by=1", "--no-sync"];
        let other = |page: &str| {
            let words = [&["brighten", word(&path), page], &other[..]].concat();
            crate::common::pagelight(words).output().expect("it runs").status.code()
        };
        assert_eq!((other("--page=1"), other("--page=2")), (Some(3), Some(0)));
        let yes = if command == "abandon" { "--yes" } else { "--no-sync" };
        says(&[command, word(&path), yes, "--json"].map(str::to_owned));
        let after = fs::read(&path).expect("read");
        assert_sums(&after, &before, 0);
        assert_sums(&after, &before, SECOND);
        fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn info_and_a_dry_run_say_so_and_change_nothing() {
    let folder = folder();
    let container = science::mrc(Kind::Unsigned, false, 0, (1, 5, 7));
    let path = container.write(folder.path(), &Array::new(container.sides, container.kind));
    let before = fs::read(&path).expect("read");
    let said = says(&["info", word(&path), "--json"].map(str::to_owned));
    assert_eq!(said["kind"], "MRC");
    assert!(
        said["mended"]
            .as_str()
            .is_some_and(|what| what.contains("undetermined")),
        "{said}"
    );
    says(&["brighten", "--by=9", "--dry-run", word(&path), "--json"].map(str::to_owned));
    assert!(fs::read(&path).expect("read") == before);
}

#[test]
fn what_goes_stale_is_named() {
    let folder = folder();
    let container = science::fits(Kind::Signed, "primary", (1, 5, 7));
    let path = container.write(folder.path(), &Array::new(container.sides, container.kind));
    let mut bytes = fs::read(&path).expect("read");
    let history = bytes.windows(7).position(|card| card == b"HISTORY").expect("there");
    bytes[history..history + 16].copy_from_slice(b"DATAMAX = 9     ");
    fs::write(&path, bytes).expect("written");
    let said = says(&["info", word(&path), "--json"].map(str::to_owned));
    assert_eq!(said["stale_parts"][0], "DATAMAX in the header of HDU 1");
    let output = crate::common::pagelight(["brighten", "--by=1", "--no-sync", word(&path)]).output();
    let says = String::from_utf8(output.expect("it runs").stderr).expect("text");
    assert!(says.contains("its DATAMAX in the header of HDU 1"), "{says}");
}
