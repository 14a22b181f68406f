//! The edited image is what the naive oracle makes of it, bit for bit, and every other byte of the file is what it
//! was: through the library over many shapes, through the program over fewer, and in the long form over large files.

mod common;

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;

use common::{Image, Part, folder, long, memory_folder, pagelight, pattern, word};
use pagelight::chunk_plan::ChunkPlan;
use pagelight::counts::Counts;
use pagelight::engine::Settings;
use pagelight::map::{Access, MappedFile};
use pagelight::run::{self, Options, Outcome};

const REDO_BLOCK_BYTES: u64 = ChunkPlan::REDO_BLOCK_BYTES as u64;
const CHUNK_BYTES: u64 = ChunkPlan::CHUNK_BYTES;
/// Whole chunks in the least memory of a thread.
const SPAN_BYTES: u64 = Settings::MIN_THREAD_MEMORY_BYTES / CHUNK_BYTES * CHUNK_BYTES;
const PAGE_BYTES: u64 = 4096;
const HUGE_PAGE_BYTES: u64 = 2 << 20;

#[test]
fn no_boundary_falls_on_the_pattern() {
    for bytes in [REDO_BLOCK_BYTES, CHUNK_BYTES, SPAN_BYTES, PAGE_BYTES, HUGE_PAGE_BYTES] {
        assert_ne!(bytes % 251, 0);
    }
}

const FORMATS: [&str; 24] = [
    "gray:u16le",
    "gray:u16be",
    "gray:i16le",
    "gray:i16be",
    "graya:u16le",
    "graya:u16be",
    "graya:i16le",
    "graya:i16be",
    "rgb:u16le",
    "rgb:u16be",
    "rgb:i16le",
    "rgb:i16be",
    "rgba:u16le",
    "rgba:u16be",
    "rgba:i16le",
    "rgba:i16be",
    "2band:u16le",
    "2band:u16be",
    "2band:i16le",
    "2band:i16be",
    "4band:u16le",
    "4band:u16be",
    "4band:i16le",
    "4band:i16be",
];

const OFFSETS: [u64; 7] = [0, 1, 3, 7, 13, 4095, 4097];

/// A run of `pixels` pixels.
fn row(format: &'static str, data_offset: u64, pixels: u64) -> Image {
    let (width, height) = (pixels, 1);
    Image {
        format,
        data_offset,
        width,
        height,
    }
}

/// Some bytes after the last pixel, which nothing may touch.
const TAIL_BYTES: u64 = 5;

fn file_bytes(image: &Image) -> Vec<u8> {
    pattern(0..image.data().end + TAIL_BYTES)
}

/// The file after the oracle's edit, and how many samples clipped.
fn oracle(image: &Image, part: Part, amount: i64) -> (Vec<u8>, u64) {
    let mut bytes = file_bytes(image);
    let (start, end) = (index(image.data().start), index(image.data().end));
    let clipped = image.brighten(0, &mut bytes[start..end], part, amount);
    (bytes, clipped)
}

fn index(position: u64) -> usize {
    usize::try_from(position).expect("a small file")
}

/// The place of the first difference: two whole files are no message.
fn difference(got: &[u8], want: &[u8]) -> Option<usize> {
    assert_eq!(got.len(), want.len(), "the file changed its length");
    (got != want).then(|| got.iter().zip(want).position(|(a, b)| a != b).expect("one"))
}

/// Edits a part of a fresh image through the library, and compares all of the file with the oracle's.
#[track_caller]
fn check(folder: &Path, image: &Image, part: Part, amount: i32, settings: Settings) {
    let path = folder.join("image.raw");
    fs::write(&path, file_bytes(image)).expect("written");
    let (want, want_clipped) = oracle(image, part, i64::from(amount));

    let job = image.job(part, i64::from(amount));
    let file = MappedFile::open(&path, Access::ReadWrite).expect("opened");
    let reported = std::sync::atomic::AtomicU64::new(0);
    let options = Options {
        settings,
        sync: false,
        journal_folder: None,
        workers: None,
    };
    let ended = run::start(&job, &file, "", &options, &|bytes| {
        reported.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        ControlFlow::Continue(())
    });

    let context = format!("{image:?} {part:?} {amount:+} {settings:?}");
    let want_ended = Outcome::Done {
        counts: Counts {
            clipped: want_clipped,
            merged: 0,
        },
        left_behind: None,
    };
    assert_eq!(ended.expect("no error"), want_ended, "{context}");
    assert_eq!(
        difference(&fs::read(&path).expect("read"), &want),
        None,
        "first difference: {context}"
    );
    assert_eq!(
        reported.into_inner(),
        job.target.window.bytes(),
        "reported bytes: {context}"
    );
}

fn threads(threads: usize) -> Settings {
    Settings {
        threads,
        memory_bytes: 1,
    }
}

fn on_disk_and_in_memory(test: impl Fn(&Path)) {
    test(folder().path());
    if let Some(folder) = memory_folder() {
        test(folder.path());
    }
}

#[test]
fn every_format_at_every_data_offset() {
    on_disk_and_in_memory(|folder| {
        for format in FORMATS {
            for data_offset in OFFSETS {
                let (width, height) = (61, 47);
                let image = Image {
                    format,
                    data_offset,
                    width,
                    height,
                };
                let pixel = image.pixel_bytes();
                for part in [
                    Part::Whole,
                    Part::Run(100 * pixel, 901 * pixel),
                    Part::Rect(7, 5, 31, 40),
                ] {
                    check(folder, &image, part, 9999, threads(2));
                }
                check(folder, &image, Part::Whole, -20_000, threads(1));
            }
        }
    });
}

#[test]
fn lengths_around_every_boundary() {
    on_disk_and_in_memory(|folder| {
        for format in ["gray:i16le", "rgb:u16be", "rgba:u16le"] {
            let pixel_bytes = row(format, 0, 1).pixel_bytes();
            for boundary in [0, PAGE_BYTES, REDO_BLOCK_BYTES, CHUNK_BYTES, HUGE_PAGE_BYTES] {
                let whole = boundary / pixel_bytes;
                for pixels in [whole.saturating_sub(1), whole, whole + 1, whole + 2] {
                    for (data_offset, count) in [(0, 1), (1, 2), (4095, 3)] {
                        if pixels > 0 {
                            check(
                                folder,
                                &row(format, data_offset, pixels),
                                Part::Whole,
                                20_000,
                                threads(count),
                            );
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn windows_that_begin_and_end_around_every_boundary() {
    let folder = folder();
    let image = row("rgba:u16le", 13, (HUGE_PAGE_BYTES + 2 * CHUNK_BYTES) / 8);
    for boundary in [PAGE_BYTES, REDO_BLOCK_BYTES, CHUNK_BYTES, HUGE_PAGE_BYTES] {
        for offset in [boundary - 8, boundary, boundary + 8] {
            for length in [8, 16, REDO_BLOCK_BYTES, CHUNK_BYTES - 8, CHUNK_BYTES + 8] {
                check(folder.path(), &image, Part::Run(offset, length), 3, threads(2));
            }
        }
        check(folder.path(), &image, Part::Run(0, boundary + 8), -3, threads(1));
        let end = image.data().end - image.data_offset;
        check(
            folder.path(),
            &image,
            Part::Run(boundary, end - boundary),
            3,
            threads(3),
        );
    }
}

#[test]
fn any_number_of_threads_and_spans() {
    on_disk_and_in_memory(|folder| {
        for (count, spans) in [(1, 5), (2, 5), (3, 4), (8, 4)] {
            // Four spans or more for each thread: with one they are bounded by the memory, with more by the share.
            let span_bytes = if count == 1 { SPAN_BYTES } else { 2 * CHUNK_BYTES };
            let window_bytes = span_bytes * spans * count;
            for bytes in [window_bytes - 8, window_bytes, window_bytes + 8] {
                let settings = threads(index(count));
                check(folder, &row("rgba:u16le", 3, bytes / 8), Part::Whole, 2000, settings);
            }
        }
        let settings = Settings {
            threads: 2,
            memory_bytes: Settings::DEFAULT_MEMORY_BYTES,
        };
        check(folder, &row("rgb:i16be", 7, 3_000_001), Part::Whole, -2000, settings);
    });
}

#[test]
fn rectangles_of_all_shapes() {
    on_disk_and_in_memory(|folder| {
        for (format, data_offset) in [("rgba:u16le", 0), ("rgb:i16be", 13), ("gray:u16le", 4095)] {
            let (width, height) = (2723, 300);
            let image = Image {
                format,
                data_offset,
                width,
                height,
            };
            for part in [
                Part::Rect(0, 0, 1, 1),
                Part::Rect(2722, 299, 1, 1),
                Part::Rect(0, 0, 2723, 300),
                Part::Rect(5, 0, 1, 300),
                Part::Rect(0, 17, 2723, 90),
                Part::Rect(0, 299, 2722, 1),
                Part::Rect(1, 1, 2722, 299),
                Part::Rect(341, 3, 2040, 200),
                Part::Rect(680, 7, 2039, 133),
                Part::Rect(3, 9, 17, 211),
            ] {
                check(folder, &image, part, 12_345, threads(2));
            }
        }
        // A row larger than a span, and rows that are each many huge pages away from the next.
        for part in [
            Part::Rect(1, 0, 699_999, 2),
            Part::Rect(350_000, 1, 3, 3),
            Part::Rect(0, 2, 600_000, 2),
        ] {
            let (width, height) = (700_000, 4);
            let image = Image {
                format: "rgba:u16be",
                data_offset: 7,
                width,
                height,
            };
            check(folder, &image, part, -77, threads(2));
        }
    });
}

#[test]
fn amounts_at_the_edges() {
    let folder = folder();
    for format in ["rgba:u16be", "4band:i16le"] {
        for amount in [0, 1, -1, 255, 256, -256, 32_767, 32_768, -32_768, 65_535, -65_535] {
            check(folder.path(), &row(format, 1, 33_000), Part::Whole, amount, threads(2));
        }
    }
}

/// Edits an image through the program, and compares all of the file, and the count of clipped samples, with the
/// oracle's.
#[track_caller]
fn check_program(folder: &Path, image: &Image, part: Part, by: &str, amount: i64, more: &[&str]) {
    let path = folder.join("image.raw");
    fs::write(&path, file_bytes(image)).expect("written");
    let mut words = vec![
        "brighten".to_owned(),
        word(&path).to_owned(),
        format!("--by={by}"),
        "--json".to_owned(),
    ];
    words.extend(part.words());
    words.extend(image.words());
    words.extend(more.iter().map(|&word| word.to_owned()));
    let output = pagelight(&words).output().expect("the program runs");
    assert!(
        output.status.success(),
        "{words:?} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (want, want_clipped) = oracle(image, part, amount);
    assert_eq!(
        difference(&fs::read(&path).expect("read"), &want),
        None,
        "first difference: {words:?}"
    );
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(summary["clipped_samples"], want_clipped, "{words:?}");
}

#[test]
fn the_program_does_what_the_oracle_does() {
    on_disk_and_in_memory(|folder| {
        for (format, data_offset) in [
            ("rgba:u16le", 0),
            ("rgb:u16be", 1),
            ("graya:i16be", 4097),
            ("gray:i16le", 13),
        ] {
            let (width, height) = (1009, 67);
            let image = Image {
                format,
                data_offset,
                width,
                height,
            };
            let pixel = image.pixel_bytes();
            check_program(folder, &image, Part::Whole, "2000", 2000, &[]);
            check_program(
                folder,
                &image,
                Part::Run(40 * pixel, 3001 * pixel),
                "-300",
                -300,
                &["--threads=3"],
            );
            check_program(
                folder,
                &image,
                Part::Rect(10, 20, 512, 33),
                "+65535",
                65_535,
                &["--memory=1", "--no-sync"],
            );
            let five_percent = if format.contains("u16") { -3277 } else { -1638 };
            check_program(folder, &image, Part::Whole, "-5%", five_percent, &["--threads=8"]);
        }
    });
}

#[test]
fn channels_are_edited_as_asked_for() {
    let folder = folder();
    let path = folder.path().join("image.raw");
    // Alpha too is what a 4band edits of itself, and only alpha what `--channels alpha` does.
    let (rgba, all) = (row("rgba:u16le", 0, 5000), row("4band:u16le", 0, 5000));
    check_program(folder.path(), &rgba, Part::Whole, "7", 7, &["--channels=r,g,b"]);
    check_program(folder.path(), &all, Part::Whole, "7", 7, &["--channels=all"]);
    fs::write(&path, pattern(0..40_000)).expect("written");
    for channels in ["alpha", "1,green,B"] {
        pagelight([
            "brighten",
            word(&path),
            "--by=7",
            "--pixel=rgba16",
            "--channels",
            channels,
        ])
        .assert()
        .success();
    }
    let mut want = pattern(0..40_000);
    all.brighten(0, &mut want, Part::Whole, 7);
    assert_eq!(difference(&fs::read(&path).expect("read"), &want), None);
}

#[test]
fn a_second_window_leaves_everything_else_alone() {
    let folder = folder();
    let path = folder.path().join("image.raw");
    let (width, height) = (1500, 200);
    let image = Image {
        format: "rgba:u16le",
        data_offset: 0,
        width,
        height,
    };
    let mut want = pattern(0..image.data().end);
    fs::write(&path, &want).expect("written");
    // The second window of Microsoft's sample, then others that touch it, overlap it, and lie beside it.
    for part in [
        Part::Whole,
        Part::Run(400_000, 1_500_000),
        Part::Run(1_900_000, 8),
        Part::Rect(700, 30, 512, 100),
        Part::Rect(1212, 30, 1, 100),
    ] {
        let mut words = vec!["brighten".to_owned(), word(&path).to_owned(), "--by=20".to_owned()];
        words.extend(part.words());
        words.push("--size=1500x200".to_owned());
        pagelight(&words).assert().success();
        image.brighten(0, &mut want, part, 20);
        assert_eq!(difference(&fs::read(&path).expect("read"), &want), None, "{part:?}");
    }
}

#[test]
fn headers_say_what_the_pixels_are() {
    let folder = folder();
    let path = folder.path().join("image.raw");
    let cases = [
        ("12", "0", "band names = {Red, Green, Blue, Alpha}", "rgba:u16le"),
        (
            "12",
            "1",
            "band names = {Red, Green, Blue, Near Infrared}",
            "4band:u16be",
        ),
        ("2", "0", "", "4band:i16le"),
    ];
    for (data_type, byte_order, names, format) in cases {
        let image = Image {
            format,
            data_offset: 13,
            width: 61,
            height: 47,
        };
        let mut want = pattern(0..image.data().end);
        fs::write(&path, &want).expect("written");
        let header = format!(
            "ENVI\r\nSamples = 61\r\nlines=47\r\nbands = 4\r\nheader offset = 13\r\ndata type = {data_type}\r\n\
             interleave = BIP\r\nbyte order = {byte_order}\r\n{names}\r\n"
        );
        fs::write(path.with_extension("hdr"), header).expect("written");
        pagelight(["brighten", word(&path), "--by=999", "--rect=3,4,50,40"])
            .assert()
            .success();
        image.brighten(0, &mut want[13..], Part::Rect(3, 4, 50, 40), 999);
        assert_eq!(difference(&fs::read(&path).expect("read"), &want), None, "{format}");
    }
}

/// The struct and the loop of Microsoft's sample, as its page shows them (signed shorts, clamped at the top only).
struct MyColor {
    red: i16,
    green: i16,
    blue: i16,
    alpha: i16,
}

impl MyColor {
    fn brighten(&mut self, value: i16) {
        let clamp = |channel: i16| i16::try_from((i32::from(channel) + i32::from(value)).min(32_767)).expect("short");
        self.red = clamp(self.red);
        self.green = clamp(self.green);
        self.blue = clamp(self.blue);
        self.alpha = clamp(self.alpha);
    }
}

#[test]
fn mycolor_is_brightened_as_microsofts_sample_does() {
    let folder = folder();
    let path = folder.path().join("ExtremelyLargeImage.data");
    pagelight([
        "create",
        word(&path),
        "--size=499x401",
        "--pattern=noise",
        "--pixel=mycolor",
    ])
    .assert()
    .success();
    for (value, offset, length) in [(10, 0, 499 * 401 * 8), (20, 400_000, 150_000), (32_767, 8, 80_000)] {
        let mut want = fs::read(&path).expect("read");
        for i in (offset..offset + length).step_by(8) {
            let short = |at: usize| i16::from_le_bytes([want[at], want[at + 1]]);
            let (red, green, blue, alpha) = (short(i), short(i + 2), short(i + 4), short(i + 6));
            let mut color = MyColor {
                red,
                green,
                blue,
                alpha,
            };
            color.brighten(value);
            for (at, short) in (i..).step_by(2).zip([color.red, color.green, color.blue, color.alpha]) {
                want[at..at + 2].copy_from_slice(&short.to_le_bytes());
            }
        }
        let words = [
            format!("--by={value}"),
            format!("--offset={offset}"),
            format!("--length={length}"),
        ];
        pagelight(["brighten", word(&path)]).args(words).assert().success();
        assert_eq!(difference(&fs::read(&path).expect("read"), &want), None, "{value}");
    }
}

/// Pixels that the long test looks at together.
const STEP_PIXELS: u64 = 1 << 20;

fn write_large(path: &Path, image: &Image) {
    let mut file = BufWriter::new(File::create(path).expect("created"));
    let step_bytes = STEP_PIXELS * image.pixel_bytes();
    for at in (0..image.data().end).step_by(index(step_bytes)) {
        file.write_all(&pattern(at..image.data().end.min(at + step_bytes)))
            .expect("written");
    }
    file.flush().expect("written");
}

/// Compares the file with the pattern after all of `edits`, a step at a time.
fn compare_large(path: &Path, image: &Image, edits: &[(Part, i64)]) {
    let mut file = File::open(path).expect("opened");
    assert_eq!(file.metadata().expect("metadata").len(), image.data().end);
    let mut lead = vec![0; index(image.data_offset)];
    file.read_exact(&mut lead).expect("read");
    assert_eq!(lead, pattern(0..image.data_offset));
    let pixels = image.width * image.height;
    for first in (0..pixels).step_by(index(STEP_PIXELS)) {
        let start = image.data_offset + first * image.pixel_bytes();
        let end = start + STEP_PIXELS.min(pixels - first) * image.pixel_bytes();
        let mut want = pattern(start..end);
        for &(part, amount) in edits {
            image.brighten(first, &mut want, part, amount);
        }
        let mut got = vec![0; want.len()];
        file.seek(SeekFrom::Start(start)).expect("sought");
        file.read_exact(&mut got).expect("read");
        assert_eq!(difference(&got, &want), None, "pixels from {first} on");
    }
}

#[test]
fn more_than_a_gibibyte() {
    if !long() {
        return;
    }
    on_disk_and_in_memory(|folder| {
        let path = folder.join("large.raw");
        // 1.2 GB, in rows that are no multiple of anything.
        let image = Image {
            format: "rgba:u16le",
            data_offset: 3,
            width: 12_347,
            height: 12_149,
        };
        write_large(&path, &image);
        let mut edits = Vec::new();
        for (part, amount) in [
            (Part::Whole, 2000),
            (Part::Run(400_000_000, 150_000_000), 20),
            (Part::Rect(1000, 2000, 5120, 5121), -3000),
            (Part::Rect(5, 0, 1, 12_149), 77),
        ] {
            let mut words = vec!["brighten".to_owned(), word(&path).to_owned(), format!("--by={amount}")];
            words.extend(part.words());
            words.extend(image.words());
            pagelight(&words).assert().success();
            edits.push((part, amount));
            compare_large(&path, &image, &edits);
        }
    });
}
