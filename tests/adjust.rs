//! `adjust`, and what `brighten` shares with it: steps in the order given, samples that stand for no data, words that
//! do not fit, and an id.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use common::{Snapshot, folder, pagelight, word};
use tempfile::TempDir;

/// A folder with an ENVI image of 40 x 30 pixels in three bands that lie apart, unsigned, of which 7 stands for no
/// data.
struct House {
    folder: TempDir,
    image: PathBuf,
    before: Vec<u16>,
}

const HEADER: &str = "ENVI\nsamples = 40\nlines = 30\nbands = 3\nheader offset = 0\ndata type = 12\ninterleave = bsq\n\
                      byte order = 0\nband names = {Near IR, red, edge}\ndata ignore value = 7\n";

const BAND: usize = 40 * 30;

impl House {
    fn new() -> House {
        let folder = folder();
        let image = folder.path().join("image.dat");
        // All kinds of values, and every 17th one of no data.
        let value = |at: u32| {
            if at.is_multiple_of(17) {
                7
            } else {
                at.wrapping_mul(40_503) >> 7 & 0xffff
            }
        };
        let before = (0..3 * 40 * 30)
            .map(|at| u16::try_from(value(at)).expect("16 bits"))
            .collect();
        let house = House { folder, image, before };
        fs::write(&house.image, bytes(&house.before)).expect("written");
        fs::write(house.folder.path().join("image.hdr"), HEADER).expect("written");
        house
    }

    fn run(&self, command: &str, words: &[&str]) -> Output {
        let all = [&[command, word(&self.image)], words].concat();
        pagelight(&all).output().expect("the program runs")
    }

    /// Runs a command that must succeed; what it says for machines.
    #[track_caller]
    fn edit(&self, command: &str, words: &[&str]) -> serde_json::Value {
        let output = self.run(command, &[words, &["--json", "--quiet"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    #[track_caller]
    fn refuses(&self, command: &str, words: &[&str], code: i32, says: &[&str]) {
        let before = Snapshot::of(self.folder.path());
        let output = self.run(command, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        for words in says {
            assert!(said.contains(words), "{words:?} is not in {said}");
        }
        before.assert_unchanged(self.folder.path());
    }

    fn samples(&self) -> Vec<u16> {
        let bytes = fs::read(&self.image).expect("read");
        bytes
            .chunks_exact(2)
            .map(|v| u16::from_le_bytes([v[0], v[1]]))
            .collect()
    }

    /// That the samples of some bands are what `new` makes of those that are data, and all others as they were. Returns
    /// how many were to clip.
    #[track_caller]
    fn assert_edited(&self, bands: &[usize], new: impl Fn(f64) -> f64) -> usize {
        let mut clipped = 0;
        for (at, (&old, &is)) in self.before.iter().zip(&self.samples()).enumerate() {
            let exact = new(f64::from(old)).round_ties_even();
            let is_edited = bands.contains(&(at / BAND)) && old != 7;
            clipped += usize::from(is_edited && !(0.0..=65_535.0).contains(&exact));
            let want = if is_edited {
                exact.clamp(0.0, 65_535.0)
            } else {
                f64::from(old)
            };
            assert!(
                (f64::from(is) - want).abs() < 0.5,
                "sample {at}: {old} became {is}, not {want}"
            );
        }
        clipped
    }
}

fn bytes(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[test]
fn steps_are_done_in_the_order_given() {
    let house = House::new();
    let said = house.edit("adjust", &["--gain=1.5", "--add=-1000.25"]);
    let clipped = house.assert_edited(&[0, 1, 2], |v| v * 1.5 - 1000.25);
    assert_eq!(said["operation"], "adjust gain 1.5, add -1000.25 (nodata 7 kept)");
    assert_eq!(said["clipped_samples"], clipped);
    assert!(said["merged_samples"].as_u64() >= Some(clipped as u64), "{said}");

    let house = House::new();
    house.edit("adjust", &["--add=-1000.25", "--gain=1.5"]);
    house.assert_edited(&[0, 1, 2], |v| (v - 1000.25) * 1.5);

    let house = House::new();
    house.edit("adjust", &["--invert", "--gamma=0.8", "--invert", "--levels=200,60000"]);
    let gamma = |v: f64| 65_535.0 - 65_535.0 * ((65_535.0 - v) / 65_535.0).powf(1.0 / 0.8);
    house.assert_edited(&[0, 1, 2], |v| (gamma(v) - 200.0) * 65_535.0 / 59_800.0);
}

#[test]
fn some_bands_by_their_own_names() {
    let house = House::new();
    let said = house.edit("adjust", &["--invert", "--channels=near ir,3"]);
    assert_eq!(said["channels"], "Near IR,edge");
    house.assert_edited(&[0, 2], |v| 65_535.0 - v);
    house.refuses(
        "adjust",
        &["--invert", "--channels=nir"],
        2,
        &["no channel 'nir'", "Near IR, red, edge"],
    );
}

#[test]
fn a_curve_from_a_file() {
    let house = House::new();
    let curve = house.folder.path().join("points.csv");
    fs::write(
        &curve,
        "x,y\n# dark, middle, bright\n0,1000\n30000,20000.5\n65535,60000\n",
    )
    .expect("written");
    house.edit("adjust", &["--curve", word(&curve)]);
    house.assert_edited(&[0, 1, 2], |v| match v {
        dark if dark < 30_000.0 => 1000.0 + 19_000.5 * dark / 30_000.0,
        bright => 20_000.5 + 39_999.5 * (bright - 30_000.0) / 35_535.0,
    });
    for (text, says) in [
        ("", "2 points"),
        ("1,2\n", "2 points"),
        ("1,2\n1,3\n", "line"),
        ("2,2\n1,3\n", "line"),
        ("1,2\n3,nan\n", "line 2"),
        ("1,2\n3\n", "line 2"),
    ] {
        fs::write(&curve, text).expect("written");
        house.refuses("adjust", &["--curve", word(&curve)], 2, &["points.csv", says]);
    }
    fs::write(&curve, vec![b'\n'; 5 << 20]).expect("written");
    house.refuses(
        "adjust",
        &["--curve", word(&curve)],
        65,
        &["points.csv", "is larger than"],
    );
    fs::remove_file(&curve).expect("removed");
    house.refuses("adjust", &["--curve", word(&curve)], 66, &["points.csv"]);
    house.refuses(
        "adjust",
        &["--curve", word(house.folder.path())],
        65,
        &["no regular file"],
    );
}

#[test]
fn samples_without_data_are_kept_unless_said_otherwise() {
    let house = House::new();
    house.edit("brighten", &["--by=-5"]);
    house.assert_edited(&[0, 1, 2], |v| v - 5.0);

    let house = House::new();
    house.edit("brighten", &["--by=300", "--nodata=edit"]);
    assert!(
        house
            .before
            .iter()
            .zip(house.samples())
            .all(|(old, new)| new == old.saturating_add(300))
    );

    let house = House::new();
    let (kept, edited) = (house.before[1], house.before[2]);
    house.edit("adjust", &["--add=300", &format!("--nodata={kept}")]);
    let samples = house.samples();
    assert_eq!((samples[0], samples[1], samples[2]), (307, kept, edited + 300));
    for wrong in ["65536", "-1", "1.5", "none"] {
        house.refuses("brighten", &["--by=1", &format!("--nodata={wrong}")], 2, &["nodata"]);
    }
}

#[test]
fn words_that_do_not_fit() {
    let house = House::new();
    house.refuses("adjust", &[], 2, &["at least one step"]);
    for wrong in [
        "--gamma=0",
        "--gamma=-1",
        "--gamma=nan",
        "--gamma=inf",
        "--levels=5,5",
        "--levels=9,5",
        "--levels=5",
        "--levels=-5,70000",
        "--gain=nan",
        "--gain=1e9",
        "--add=1e9",
        "--clamp=9,5",
        "--clamp=0,65536",
    ] {
        let option = wrong[2..].split('=').next().expect("an option");
        house.refuses("adjust", &[wrong], 2, &[option]);
    }
    house.refuses("adjust", &["--invert", "--plane=2"], 2, &["one plane only"]);
    house.refuses("adjust", &["--invert", "--plane=0"], 2, &["plane"]);
    house.refuses(
        "adjust",
        &["--invert", "--offset=0"],
        2,
        &["--offset and --length need pixels"],
    );
}

#[test]
fn a_dry_run_says_what_would_be_lost() {
    let house = House::new();
    let before = Snapshot::of(house.folder.path());
    let said = house.edit("adjust", &["--levels=30000,40000", "--dry-run"]);
    before.assert_unchanged(house.folder.path());
    let clipped = house
        .before
        .iter()
        .filter(|v| **v != 7 && !(29_999..=40_001).contains(*v))
        .count();
    let share = clipped as f64 / house.before.len() as f64;
    assert!(
        (said["estimated_clipped_share"].as_f64().expect("a number") - share).abs() < 0.01,
        "{said}"
    );
    assert!(said["estimated_merged_share"].as_f64() >= said["estimated_clipped_share"].as_f64());
}

#[test]
fn an_id_is_of_one_operation() {
    let house = House::new();
    house.edit("adjust", &["--gain=0.5", "--id=half"]);
    house.assert_edited(&[0, 1, 2], |v| v * 0.5);
    assert_eq!(
        house.edit("adjust", &["--gain=0.5", "--id=half"])["already_applied"],
        true
    );
    house.assert_edited(&[0, 1, 2], |v| v * 0.5);
    for other in [["adjust", "--gain=0.25"], ["brighten", "--by=1"]] {
        house.refuses(other[0], &[other[1], "--id=half"], 2, &["was used for another job"]);
    }
    house.edit("forget", &["--all"]);
}

#[test]
fn what_goes_stale_is_named() {
    let house = House::new();
    fs::write(house.folder.path().join("image.dat.aux.xml"), "<PAMDataset/>").expect("written");
    let output = house.run("brighten", &["--by=1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("image.dat.aux.xml: was made from the image's pixels as they were"),
        "{said}"
    );
    let info = house.run("info", &[]);
    let said = String::from_utf8_lossy(&info.stdout);
    for words in [
        "3band:u16le",
        "Near IR,red,edge",
        "nodata       7",
        "goes stale",
        "image.dat.aux.xml",
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}
