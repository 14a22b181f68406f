//! Pictures in and out: every sample is where it was, whatever way it went.

mod common;
#[path = "common/pictures.rs"]
mod make;

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Image, Part, folder, pagelight, word};
use make::{big, decode_png, exr_bytes, interlaced_png, little, png_bytes, samples, tiled_tiff};
use png::{BitDepth, ColorType};
use tempfile::TempDir;

/// Runs the program, which must succeed; what it says on stdout and stderr.
#[track_caller]
fn runs(words: &[&str]) -> (String, String) {
    let output = pagelight(words).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{words:?}: {err}");
    (out, err)
}

struct House {
    folder: TempDir,
}

impl House {
    fn new() -> House {
        House { folder: folder() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Imports a picture of these bytes; the image's path.
    #[track_caller]
    fn import(&self, picture: &[u8], words: &[&str]) -> PathBuf {
        let (from, to) = (self.path("picture"), self.path("imported.raw"));
        for old in [&to, &to.with_extension("hdr")] {
            let _ = fs::remove_file(old);
        }
        fs::write(&from, picture).expect("written");
        runs(&[&["import", word(&from), word(&to)], words].concat());
        to
    }

    /// The picture becomes an image of these samples and this format.
    #[track_caller]
    fn becomes(&self, picture: &[u8], want: &[u16], format: &str) {
        let image = self.import(picture, &[]);
        assert!(fs::read(&image).expect("read") == little(want), "other samples");
        let (out, _) = runs(&["info", word(&image)]);
        assert!(out.contains(format), "{format} is not in {out}");
    }

    /// An image of these bytes and its words.
    fn image(&self, image: &Image, bytes: &[u8]) -> (PathBuf, Vec<String>) {
        let path = self.path("image.raw");
        fs::write(&path, bytes).expect("written");
        (path, image.words())
    }
}

#[test]
fn sixteen_bits_go_in_and_out_bit_for_bit() {
    let house = House::new();
    let kinds = [
        (ColorType::Grayscale, 1, "gray:u16le"),
        (ColorType::GrayscaleAlpha, 2, "graya:u16le"),
        (ColorType::Rgb, 3, "rgb:u16le"),
        (ColorType::Rgba, 4, "rgba:u16le"),
    ];
    for (color, channels, format) in kinds {
        let want = samples(61 * 47 * channels, 7);
        let picture = png_bytes((61, 47), color, BitDepth::Sixteen, &big(&want));
        house.becomes(&picture, &want, format);
        let image = house.path("imported.raw");
        for name in ["out.png", "out.tif", "out.TIFF"] {
            let out = house.path(name);
            runs(&["export", word(&image), word(&out)]);
            house.becomes(&fs::read(&out).expect("read"), &want, format);
            let sound = ((61, 47), color, BitDepth::Sixteen, big(&want));
            assert!(name != "out.png" || decode_png(&out) == sound, "{format}");
            fs::remove_file(out).expect("removed");
        }
    }
}

#[test]
fn every_format_survives_a_tiff() {
    for channels in ["gray", "graya", "rgb", "rgba", "2band", "4band"] {
        for sample in ["u16le", "u16be", "i16le", "i16be"] {
            let house = House::new();
            let format: &'static str = format!("{channels}:{sample}").leak();
            let image = Image {
                format,
                data_offset: 3,
                width: 31,
                height: 17,
            };
            let values = samples(usize::try_from(31 * 17 * image.channels()).expect("small"), 99);
            let bytes = if sample.ends_with("be") {
                big(&values)
            } else {
                little(&values)
            };
            let (path, words) = house.image(&image, &[&b"abc"[..], &bytes].concat());
            let out = house.path("out.tif");
            let mut all = vec!["export", word(&path), word(&out)];
            all.extend(words.iter().map(String::as_str));
            runs(&all);
            let now: &str = &format!("{channels}:{}le", &sample[..3]);
            let now = if now == "4band:i16le" { "mycolor" } else { now };
            house.becomes(&fs::read(&out).expect("read"), &values, now);
        }
    }
}

#[test]
fn a_rectangle_is_that_rectangle() {
    let house = House::new();
    let values = samples(40 * 30 * 4, 1);
    let image = house.import(
        &png_bytes((40, 30), ColorType::Rgba, BitDepth::Sixteen, &big(&values)),
        &[],
    );
    for (x, y, w, h) in [(0, 0, 1, 1), (5, 7, 11, 13), (39, 29, 1, 1), (0, 3, 40, 2)] {
        let want: Vec<u16> = (y..y + h)
            .flat_map(|y| &values[(y * 40 + x) * 4..][..w * 4])
            .copied()
            .collect();
        for name in ["cut.png", "cut.tif"] {
            let cut = house.path(name);
            runs(&["export", word(&image), word(&cut), &format!("--rect={x},{y},{w},{h}")]);
            let again = house.path("again.raw");
            runs(&["import", word(&cut), word(&again)]);
            assert!(
                fs::read(&again).expect("read") == little(&want),
                "{name} {x},{y},{w},{h}"
            );
            for old in [cut, again.clone(), again.with_extension("hdr")] {
                fs::remove_file(old).expect("removed");
            }
        }
    }
}

#[test]
fn brighten_equals_the_same_on_the_decoded_picture() {
    for (color, format) in [(ColorType::Rgba, "rgba:u16le"), (ColorType::Rgb, "rgb:u16le")] {
        let house = House::new();
        let oracle = Image {
            format,
            data_offset: 0,
            width: 61,
            height: 47,
        };
        let mut want = little(&samples(
            usize::try_from(61 * 47 * oracle.channels()).expect("small"),
            3,
        ));
        let in_png = want.chunks_exact(2).flat_map(|v| [v[1], v[0]]).collect::<Vec<_>>();
        let image = house.import(&png_bytes((61, 47), color, BitDepth::Sixteen, &in_png), &[]);
        runs(&["brighten", word(&image), "--by=20000"]);
        let out = house.path("out.png");
        runs(&["export", word(&image), word(&out)]);
        oracle.brighten(0, &mut want, Part::Whole, 20_000);
        want.chunks_exact_mut(2).for_each(|v| v.swap(0, 1));
        assert!(decode_png(&out).3 == want, "{format}");
    }
}

#[test]
fn tiles_are_mirrored() {
    let house = House::new();
    let (w, h) = (5, 3);
    for (columns, rows) in [(1, 1), (2, 1), (1, 2), (3, 4), (4, 3)] {
        let values = samples(w * h * 3, 5);
        let picture = png_bytes((5, 3), ColorType::Rgb, BitDepth::Sixteen, &big(&values));
        let image = house.import(&picture, &[&format!("--tile={columns}x{rows}")]);
        let fold = |at: usize, side: usize| match at / side % 2 {
            0 => at % side,
            _ => side - 1 - at % side,
        };
        let pixel = |x: usize, y: usize| &values[(fold(y, h) * w + fold(x, w)) * 3..][..3];
        let want: Vec<u16> = (0..h * rows)
            .flat_map(|y| (0..w * columns).flat_map(move |x| pixel(x, y)))
            .copied()
            .collect();
        assert!(fs::read(&image).expect("read") == little(&want), "{columns}x{rows}");
    }
}

#[test]
fn eight_bits_are_scaled_by_257() {
    let house = House::new();
    let bytes: Vec<u8> = (0..=255).chain(0..=255).chain(0..=255).collect();
    let want: Vec<u16> = bytes.iter().map(|&v| u16::from(v) * 257).collect();
    let (rgb, gray) = ((ColorType::Rgb, 16, 16), (ColorType::Grayscale, 48, 16));
    for (color, width, height) in [rgb, gray] {
        house.becomes(
            &png_bytes((width, height), color, BitDepth::Eight, &bytes),
            &want,
            "u16le",
        );
    }
    house.becomes(&[&b"P6 16 16 255\n"[..], &bytes].concat(), &want, "rgb:u16le");
    house.becomes(&[&b"P5 48 16 255\n"[..], &bytes].concat(), &want, "gray:u16le");
    let palette = [257, 514, 771, 64_250, 64_507, 64_764];
    house.becomes(
        &png_bytes((2, 1), ColorType::Indexed, BitDepth::One, &[0b0100_0000]),
        &palette,
        "rgb:u16le",
    );
    let mut tiff = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut tiff).expect("begun");
    encoder
        .write_image::<tiff::encoder::colortype::RGB8>(16, 16, &bytes)
        .expect("encoded");
    house.becomes(&tiff.into_inner(), &want, "rgb:u16le");
}

#[test]
fn other_kinds_of_pictures() {
    let house = House::new();
    let values = samples(20 * 9 * 4, 11);
    let head = [&b"farbfeld"[..], &20u32.to_be_bytes(), &9u32.to_be_bytes()].concat();
    house.becomes(&[head, big(&values)].concat(), &values, "rgba:u16le");
    house.becomes(
        &[&b"P5\n40 18\n65535\n"[..], &big(&values)].concat(),
        &values,
        "gray:u16le",
    );
    house.becomes(&interlaced_png((20, 36), &values), &values, "gray:u16le");
    house.becomes(&interlaced_png((1, 720), &values), &values, "gray:u16le");
    let rgb = samples(37 * 19 * 3, 12);
    house.becomes(&tiled_tiff((37, 19), &rgb), &rgb, "rgb:u16le");
    let floats = vec![-1.0, 0.0, 0.25, 0.5, 1.0, 2.0];
    house.becomes(
        &exr_bytes((2, 1), floats),
        &[0, 0, 16_384, 32_768, 65_535, 65_535],
        "rgb:u16le",
    );
}

#[test]
fn a_preview_shows_what_is_there() {
    let house = House::new();
    // Left half black, right half 3/4 of white, 400 x 200.
    let row: Vec<u16> = (0..400).flat_map(|x| [if x < 200 { 0 } else { 49_152 }; 3]).collect();
    let picture = png_bytes((400, 200), ColorType::Rgb, BitDepth::Sixteen, &big(&row.repeat(200)));
    let image = house.import(&picture, &[]);
    let look = house.path("look.png");
    runs(&["preview", word(&image), word(&look), "--max=100"]);
    let (sides, color, bits, bytes) = decode_png(&look);
    assert_eq!((sides, color, bits), ((100, 50), ColorType::Rgb, BitDepth::Eight));
    let want: Vec<u8> = (0..100).flat_map(|x| [if x < 50 { 0 } else { 191 }; 3]).collect();
    assert!(bytes == want.repeat(50), "{:?}", &bytes[..300]);
    // A part, and not enlarged.
    let part = house.path("part.png");
    runs(&["preview", word(&image), word(&part), "--rect=199,0,2,3"]);
    assert_eq!(decode_png(&part).3, [0, 0, 0, 191, 191, 191].repeat(3));
}

#[test]
fn a_preview_averages_light() {
    let house = House::new();
    // A fine checkerboard of black and white is half the light of white, which sRGB writes as 188.
    let board: Vec<u16> = (0..64 * 64)
        .map(|at| if (at + at / 64) % 2 == 0 { 0 } else { 65_535 })
        .collect();
    let image = house.import(
        &png_bytes((64, 64), ColorType::Grayscale, BitDepth::Sixteen, &big(&board)),
        &[],
    );
    let look = house.path("look.png");
    runs(&["preview", word(&image), word(&look), "--max=8"]);
    assert!(decode_png(&look).3 == [188; 64], "{:?}", decode_png(&look).3);
}

#[test]
fn a_preview_of_100_gigabytes_takes_no_time() {
    let house = House::new();
    let image = house.path("huge.raw");
    File::create(&image)
        .and_then(|file| file.set_len(100_000_000_000))
        .expect("a sparse file");
    for size in ["125000x100000", "12500000x1000", "1000x12500000"] {
        let look = house.path(&format!("{size}.png"));
        let begun = Instant::now();
        runs(&["preview", word(&image), word(&look), &format!("--size={size}")]);
        // Two seconds for people; tests run beside others, and not optimised.
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{size}: {:?}",
            begun.elapsed()
        );
        let (sides, ..) = decode_png(&look);
        assert_eq!(sides.0.max(sides.1), 1024);
    }
}

/// Leaves a job behind that did one chunk.
fn interrupt(image: &Path) {
    use pagelight::{job, layout, map, op, pixel, run};
    let file = map::MappedFile::open(image, map::Access::ReadWrite).expect("opened");
    let format = pixel::PixelFormat::RGBA16;
    let layout = layout::Layout::new(0, 600, 500, format).expect("a layout");
    let job = job::Job {
        op: op::Op::Brighten { amount: 5 },
        target: job::Target::whole(&layout).expect("a target"),
    };
    let ended = run::start(&job, &file, "", &run::Options::default_here(), &|_| {
        ControlFlow::Break(())
    });
    assert!(
        matches!(ended, Err(pagelight::error::Error::Interrupted { .. })),
        "{ended:?}"
    );
}

#[test]
fn what_looks_at_an_unfinished_job_says_so() {
    let house = House::new();
    let image = house.path("image.raw");
    runs(&["create", word(&image), "--size=600x500"]);
    let [export, preview, plot] = ["a.png", "b.png", "c.svg"].map(|name| house.path(name));
    let plot = format!("--plot={}", word(&plot));
    let commands = [
        ["export", word(&image), word(&export)],
        ["preview", word(&image), word(&preview)],
        ["stats", word(&image), &plot],
    ];
    interrupt(&image);
    for words in commands {
        let (_, said) = runs(&words);
        assert!(
            said.contains("brighten +5") && said.contains("partly old and partly new"),
            "{said}"
        );
        fs::remove_file(words[2].trim_start_matches("--plot=")).expect("made");
    }
    runs(&["resume", word(&image)]);
    for words in commands {
        assert_eq!(runs(&words).1, "");
    }
}

/// `stats --json` of an image in any format equals what one plain loop over the samples finds.
#[test]
fn statistics_are_those_of_a_plain_loop() {
    for format in [
        "gray:u16le",
        "graya:u16be",
        "rgb:i16le",
        "rgba:u16le",
        "4band:i16be",
        "rgba:i16le",
    ] {
        let house = House::new();
        let image = Image {
            format,
            data_offset: 5,
            width: 300,
            height: 200,
        };
        let channels = usize::try_from(image.channels()).expect("few");
        let mut values = samples(300 * 200 * channels, 17);
        // Some that are clipped in each type, and not as many of one as of the other.
        (0..40).for_each(|at| values[at * 7] = [0, 0xffff, 0xffff, 0x7fff, 0x8000, 0x8000, 0x8000][at % 7]);
        let bytes = if format.ends_with("be") {
            big(&values)
        } else {
            little(&values)
        };
        let (path, words) = house.image(&image, &[&b"lead:"[..], &bytes].concat());
        for (x, y, w, h) in [(0, 0, 300, 200), (13, 7, 201, 150), (299, 199, 1, 1)] {
            let rect = format!("--rect={x},{y},{w},{h}");
            let mut all = vec!["stats", word(&path), "--json", &rect];
            all.extend(words.iter().map(String::as_str));
            let stats: serde_json::Value = serde_json::from_str(&runs(&all).0).expect("JSON");
            assert_eq!(stats["pixels"], w * h);
            for channel in 0..channels {
                let inside = (y..y + h).flat_map(|y| (x..x + w).map(move |x| y * 300 + x));
                let inside: Vec<i64> = inside
                    .map(|pixel| values[pixel * channels + channel])
                    .map(|v| {
                        if format.contains("i16") {
                            i64::from(v.cast_signed())
                        } else {
                            i64::from(v)
                        }
                    })
                    .collect();
                let (low, high) = if format.contains("i16") {
                    (-32_768, 32_767)
                } else {
                    (0, 65_535)
                };
                let mut histogram = vec![0u64; 256];
                inside
                    .iter()
                    .for_each(|v| histogram[usize::try_from((v - low) / 256).expect("inside")] += 1);
                let got = &stats["channels"][channel];
                assert_eq!(got["min"], *inside.iter().min().expect("some"), "{format} {rect}");
                assert_eq!(got["max"], *inside.iter().max().expect("some"), "{format} {rect}");
                assert_eq!(
                    got["clipped_low"],
                    inside.iter().filter(|v| **v == low).count(),
                    "{format} {rect}"
                );
                assert_eq!(
                    got["clipped_high"],
                    inside.iter().filter(|v| **v == high).count(),
                    "{format} {rect}"
                );
                assert_eq!(got["histogram"], serde_json::json!(histogram), "{format} {rect}");
                let mean = inside.iter().sum::<i64>() as f64 / inside.len() as f64;
                assert!(
                    (got["mean"].as_f64().expect("a number") - mean).abs() < 1e-6,
                    "{format} {rect}"
                );
            }
        }
    }
}

#[test]
fn a_histogram_is_drawn() {
    let house = House::new();
    let values = samples(50 * 40 * 3, 2);
    let image = house.import(
        &png_bytes((50, 40), ColorType::Rgb, BitDepth::Sixteen, &big(&values)),
        &[],
    );
    let plot = house.path("histogram.svg");
    runs(&["stats", word(&image), &format!("--plot={}", word(&plot))]);
    let svg = fs::read_to_string(plot).expect("drawn");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for words in ["imported.raw: the whole image", "red", "green", "blue", "sample value"] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(svg.matches("<polyline").count() >= 3);
}
