//! Images of 40 GB of which a row, a column or a pixel lies in many places: looked at soon, and in little memory.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pagelight::os::usage;

use crate::common::{PROGRAM, folder, plain};

/// A second or two; with room for slow machines and unoptimised builds.
const PATIENCE: Duration = Duration::from_secs(40);
const MAX_MEMORY_BYTES: u64 = 300 << 20;

/// A file of nothing but this head and holes.
fn holes(path: &Path, head: &[u8], data_bytes: u64) {
    fs::write(path, head).expect("written");
    let file = File::options().write(true).open(path).expect("opened");
    file.set_len(head.len() as u64 + data_bytes).expect("grown");
}

fn npy(path: &Path, is_fortran: bool, shape: &[u64]) {
    let order = if is_fortran { "True" } else { "False" };
    let sides: Vec<String> = shape.iter().map(u64::to_string).collect();
    let text = format!(
        "{{'descr': '<u2', 'fortran_order': {order}, 'shape': ({}), }}\n",
        sides.join(", ")
    );
    let length = u16::try_from(text.len()).expect("short").to_le_bytes();
    let head = [b"\x93NUMPY\x01\0", &length[..], text.as_bytes()].concat();
    holes(path, &head, shape.iter().product::<u64>() * 2);
}

/// Runs the program in `folder`, which must end well, soon and without much memory.
#[track_caller]
fn is_soon_done(folder: &Path, words: &[&str]) {
    let begun = Instant::now();
    let complaint = File::create(folder.join("complaint")).expect("made");
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "120", PROGRAM]).args(words);
    command.current_dir(folder).stdout(Stdio::null()).stderr(complaint);
    let (status, usage) = usage::wait(plain(&mut command).spawn().expect("started")).expect("waited for");
    let took = begun.elapsed();
    println!("{words:?}: {took:?}, {} MiB", usage.peak_bytes >> 20);
    let said = fs::read_to_string(folder.join("complaint")).expect("read");
    assert!(status.success(), "{words:?}: {said}");
    assert!(took < PATIENCE, "{words:?} took {took:?}");
    assert!(
        usage.peak_bytes < MAX_MEMORY_BYTES,
        "{words:?}: {} bytes",
        usage.peak_bytes
    );
}

#[test]
fn previews_of_large_images_are_soon_made() {
    let shapes: [(&str, bool, &[u64]); 5] = [
        ("columns.npy", true, &[141_000, 141_000]),
        // Bands that lie apart, and side by side.
        ("apart.npy", true, &[80_000, 80_000, 3]),
        ("many.npy", false, &[575, 575, 60_000]),
        // Planes side by side.
        ("planes.npy", true, &[1000, 4500, 4500]),
        ("long.npy", true, &[4, 5_000_000_000]),
    ];
    for (name, is_fortran, shape) in shapes {
        let folder = folder();
        npy(&folder.path().join(name), is_fortran, shape);
        let mut words = vec!["preview", name, "out.png"];
        match name {
            "many.npy" => words.push("--axes=yxc"),
            "planes.npy" => words.push("--plane=7"),
            _ => {}
        }
        is_soon_done(folder.path(), &words);
    }
    for interleave in ["bil", "bsq", "bip"] {
        let folder = folder();
        holes(&folder.path().join("image.img"), &[], 224 * 9500 * 9500 * 2);
        let header = format!(
            "ENVI\nsamples = 9500\nlines = 9500\nbands = 224\ndata type = 12\ninterleave = {interleave}\nbyte order = 0\n"
        );
        fs::write(folder.path().join("image.hdr"), header).expect("written");
        is_soon_done(folder.path(), &["preview", "image.img", "out.png"]);
    }
}

/// The other planes of the pixels are many times as large as the picture.
#[test]
fn an_export_of_one_plane_of_many_takes_little_memory() {
    let folder = folder();
    for (name, shape) in [("some.npy", [200, 900, 900]), ("many.npy", [3000, 500, 400])] {
        npy(&folder.path().join(name), true, &shape);
        for picture in ["png", "tif"] {
            let picture = format!("{name}.{picture}");
            is_soon_done(folder.path(), &["export", name, &picture, "--plane=7"]);
        }
    }
}
