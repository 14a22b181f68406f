//! Bad pictures, and bad words for good ones: the message, the exit code, and nothing left behind.

mod common;
#[path = "common/pictures.rs"]
mod make;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Command, Output};

use common::{PROGRAM, Snapshot, folder, may_have_own_mounts, pagelight, plain};
use make::{big, exr_bytes, interlaced_png, png_bomb, png_bytes, samples, tiled_tiff};
use pagelight::convert::{Import, PictureSource};
use pagelight::error::Error;
use png::{BitDepth, ColorType};
use tempfile::TempDir;

/// A folder with `picture` in it, and an image of 30 x 20 pixels.
struct House {
    folder: TempDir,
}

impl House {
    fn new(picture: &[u8]) -> House {
        let folder = folder();
        fs::write(folder.path().join("picture"), picture).expect("written");
        fs::write(folder.path().join("image.raw"), [7; 30 * 20 * 8]).expect("written");
        House { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], code: i32, says: &[&str]) {
        let before = Snapshot::of(self.folder.path());
        let output = pagelight(words)
            .current_dir(self.folder.path())
            .output()
            .expect("it runs");
        complained(&output, code, says);
        before.assert_unchanged(self.folder.path());
    }

    #[track_caller]
    fn refuses_import(&self, code: i32, says: &[&str]) {
        self.refuses(&["import", "picture", "new.raw"], code, says);
    }
}

#[track_caller]
fn complained(output: &Output, code: i32, says: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(
        output.stdout.is_empty() && said.lines().count() == 1 && !said.contains("panicked"),
        "{said}"
    );
    for words in says {
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

/// One small picture of every kind.
fn kinds() -> Vec<Vec<u8>> {
    let values = samples(20 * 9 * 4, 11);
    let head = [&b"farbfeld"[..], &20u32.to_be_bytes(), &9u32.to_be_bytes()].concat();
    let mut tiff = std::io::Cursor::new(Vec::new());
    let encoder = tiff::encoder::TiffEncoder::new(&mut tiff).expect("begun");
    let mut encoder = encoder.with_compression(tiff::encoder::Compression::Lzw);
    let rgb = &values[..20 * 12 * 3];
    encoder
        .write_image::<tiff::encoder::colortype::RGB16>(20, 12, rgb)
        .expect("encoded");
    vec![
        png_bytes((20, 9), ColorType::Rgba, BitDepth::Sixteen, &big(&values)),
        png_bytes((2, 1), ColorType::Indexed, BitDepth::One, &[0b0100_0000]),
        interlaced_png((20, 36), &values),
        tiff.into_inner(),
        tiled_tiff((20, 12), rgb),
        [head, big(&values)].concat(),
        [&b"P5\n40 18\n65535\n"[..], &big(&values)].concat(),
        b"P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12 ".to_vec(),
        exr_bytes((7, 5), vec![0.3; 105]),
    ]
}

/// Imports the picture in this process; the error must be one that the user can act on, and no panic.
fn import(house: &House, picture: &[u8]) -> Result<(), Error> {
    let path = house.path("picture");
    fs::write(&path, picture).expect("written");
    let import = Import::new(
        PictureSource::open(&path, 64 << 20, &|_| ControlFlow::Continue(()))?,
        (1, 1),
    )?;
    let file = tempfile::tempfile().expect("a file");
    import.write(&file, &house.path("new.raw"), 1, &|_| ControlFlow::Continue(()))
}

#[test]
fn a_picture_that_is_cut_short_is_refused_wherever_the_cut_is() {
    for (number, picture) in kinds().into_iter().enumerate() {
        let house = House::new(&picture);
        import(&house, &picture).expect("a sound picture");
        let lengths = (0..picture.len()).step_by(1 + picture.len() / 300);
        for length in lengths.chain([picture.len() - 1]) {
            // The end of a directory that says that there is no other, or the last digit of a number in words, is not
            // missed.
            let spare = picture.len() - length <= [0, 0, 0, 4, 4, 0, 0, 2, 0][number];
            match import(&house, &picture[..length]) {
                Err(Error::Unfit { .. }) => {}
                Ok(()) if spare => {}
                other => panic!("kind {number}, {length} of {} bytes: {other:?}", picture.len()),
            }
        }
    }
}

#[test]
fn a_picture_that_is_damaged_is_no_panic() {
    for picture in kinds() {
        let house = House::new(&picture);
        for (at, with) in (0..picture.len())
            .flat_map(|at| [(at, 0xff), (at, 0x80), (at, 1)])
            .step_by(1 + picture.len() / 600)
        {
            let mut damaged = picture.clone();
            damaged[at] ^= with;
            match import(&house, &damaged) {
                Ok(()) | Err(Error::Unfit { .. }) => {}
                other => panic!("byte {at} ^ {with}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    House::new(b"").refuses_import(65, &["picture: ", "no picture of a kind", "PNG, TIFF"]);
    House::new(b"GIF89a and so on").refuses_import(65, &["Gif", "convert it"]);
    House::new(b"\xff\xd8\xff\xe0 and so on").refuses_import(65, &["Jpeg", "convert it"]);
    let house = House::new(b"");
    house.refuses(&["import", "none.png", "new.raw"], 66, &["none.png", "no such file"]);
    house.refuses(&["import", ".", "new.raw"], 65, &["no regular file"]);
}

#[test]
fn a_picture_that_is_cut_short_leaves_nothing() {
    let picture = &kinds()[0];
    let house = House::new(&picture[..picture.len() - 40]);
    house.refuses_import(65, &["picture: ", "cut short"]);
}

#[test]
fn a_bomb_is_refused_before_it_unfolds() {
    House::new(&png_bomb(60_000, 60_000)).refuses_import(65, &["60000x60000", "more than --limit", "28800000000"]);
    House::new(&png_bomb(0x7fff_ffff, 0x7fff_ffff)).refuses_import(65, &["more than --limit"]);
    House::new(&png_bomb(0x7fff_ffff, 1)).refuses_import(65, &["a row of"]);
    House::new(&png_bomb(100_000_000, 2)).refuses_import(65, &["a row of 800000000 bytes"]);
    // Within the limit, but not in so few bytes.
    House::new(&png_bomb(10_000, 10_000)).refuses_import(65, &["10000x10000 pixels need", "however well"]);
    House::new(b"P6 100000 100000 255\n").refuses_import(65, &["at once"]);
    let head = [&b"farbfeld"[..], &30_000u32.to_be_bytes(), &30_000u32.to_be_bytes()].concat();
    House::new(&head).refuses_import(65, &["at once"]);
    let house = House::new(&kinds()[0]);
    house.refuses(
        &["import", "picture", "new.raw", "--limit=1000"],
        65,
        &["more than --limit 1000"],
    );
}

#[test]
fn a_tile_past_every_file_is_refused() {
    let house = House::new(&kinds()[0]);
    let tile = "--tile=9999999999999x9999999999999";
    house.refuses(&["import", "picture", "new.raw", tile], 2, &["picture: "]);
    house.refuses(&["import", "picture", "new.raw", "--tile=0x4"], 2, &["at least 1"]);
}

#[test]
fn nothing_is_overwritten() {
    let house = House::new(&kinds()[0]);
    let taken = ["a.png", "a.tif", "new.hdr"].map(|name| house.path(name));
    taken.iter().for_each(|path| fs::write(path, "mine").expect("written"));
    let size = "--size=30x20";
    house.refuses(
        &["import", "picture", "image.raw"],
        73,
        &["image.raw", "exists already"],
    );
    house.refuses(&["import", "picture", "new.raw"], 73, &["new.hdr", "exists already"]);
    house.refuses(
        &["export", "image.raw", "a.png", size],
        73,
        &["a.png", "exists already"],
    );
    house.refuses(
        &["export", "image.raw", "a.tif", size],
        73,
        &["a.tif", "exists already"],
    );
    house.refuses(
        &["preview", "image.raw", "a.png", size],
        73,
        &["a.png", "exists already"],
    );
    let taken = house.path("a.svg");
    fs::write(&taken, "mine").expect("written");
    house.refuses(
        &["stats", "image.raw", "--plot=a.svg", size],
        73,
        &["a.svg", "exists already"],
    );
    house.refuses(&["export", "image.raw", "no/a.png", size], 66, &["no/a.png", "folder"]);
}

#[test]
fn words_that_fit_no_picture_are_refused() {
    let house = House::new(b"");
    let size = "--size=30x20";
    for name in ["a.jpg", "a", "a.raw", "png"] {
        house.refuses(
            &["export", "image.raw", name, size],
            2,
            &[name, "use .png, .tif or .tiff"],
        );
    }
    house.refuses(&["preview", "image.raw", "a.tif", size], 2, &["a preview is a PNG"]);
    house.refuses(&["preview", "image.raw", "a.png", size, "--max=0"], 2, &["--max"]);
    house.refuses(&["stats", "image.raw", "--plot=a.png"], 2, &["a plot is an SVG"]);
    house.refuses(
        &["stats", "image.raw", size, "--rect=20,0,11,1"],
        2,
        &["reaches outside"],
    );
    for command in ["export", "preview"] {
        let words = [command, "image.raw", "a.png"];
        let run = [&words[..], &["--pixel=rgba16"]].concat();
        house.refuses(&run, 2, &["needs the image's width", "--size"]);
        let outside = [&words[..], &[size, "--rect=20,0,11,1"]].concat();
        house.refuses(&outside, 2, &["reaches outside the image of 30x20"]);
        let empty = [&words[..], &[size, "--rect=20,0,0,1"]].concat();
        house.refuses(&empty, 2, &["is empty"]);
    }
    for (pixel, says) in [
        ("mycolor", "signed"),
        ("gray:i16be", "signed"),
        ("4band:u16le", "bands"),
        ("2band:u16be", "bands"),
    ] {
        let pixel = format!("--pixel={pixel}");
        house.refuses(
            &["export", "image.raw", "a.png", "--size=10x10", "--part", &pixel],
            2,
            &[says, "use .tif"],
        );
    }
}

#[test]
fn a_full_disk_leaves_nothing() {
    if !may_have_own_mounts() {
        return;
    }
    let values = samples(400 * 400 * 4, 9);
    let picture = png_bytes((400, 400), ColorType::Rgba, BitDepth::Sixteen, &big(&values));
    let house = House::new(&picture);
    let raw = house.path("large.raw");
    fs::write(&raw, big(&values).repeat(2)).expect("written");
    for (words, name) in [
        ("import \"$3/picture\" \"$1/new.raw\"", "new.raw"),
        ("import \"$3/picture\" \"$1/new.raw\" --tile=3x1", "new.raw"),
        ("export \"$3/large.raw\" \"$1/new.png\" --size=800x400", "new.png"),
        ("export \"$3/large.raw\" \"$1/new.tif\" --size=800x400", "new.tif"),
        ("preview \"$3/large.raw\" \"$1/new.png\" --size=800x400", "new.png"),
    ] {
        let script = format!(
            "mount -t tmpfs -o size=600k none \"$1\" || exit 99\n\"$2\" {words}; code=$?; ls -A \"$1\"; exit $code"
        );
        let small = folder();
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", &script, "sh"])
            .arg(small.path())
            .arg(PROGRAM)
            .arg(house.folder.path());
        let output = plain(&mut command).output().expect("it runs");
        if output.status.code() == Some(99) {
            eprintln!("skipped: no right to mount a small disk");
            return;
        }
        // That nothing is left shows in the listing, which is the output.
        complained(&output, 74, &[name, "free some space"]);
    }
}
