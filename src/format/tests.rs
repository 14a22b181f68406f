//! What files are taken for: which header counts, and what their length must be.

use super::*;
use crate::map::Access;
use crate::pixel::PixelFormat;
use std::fs;
use std::os::unix::fs::symlink;

const NPY: &[u8] = b"\x93NUMPY\x01\0\x3C\0{'descr':'<u2','fortran_order':False,'shape':(10,12)}      \n";
const PGM: &[u8] = b"P5\n12 10\n65535\n";
const PAM: &[u8] = b"P7\nWIDTH 10\nHEIGHT 6\nDEPTH 2\nMAXVAL 65535\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n";
const FARBFELD: &[u8] = b"farbfeld\0\0\0\x05\0\0\0\x06";

/// A folder with the file `a.raw` of a head and 240 bytes of pixels.
struct House {
    folder: tempfile::TempDir,
    image: PathBuf,
}

impl House {
    fn new(head: &[u8]) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("a.raw");
        let house = House { folder, image };
        house.write("a.raw", &[head, &[7; 240]].concat());
        house
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).expect("written");
    }

    fn header(&self, offset: usize, sides: &str) {
        let text = format!("ENVI\n{sides}\ndata type = 2\nheader offset = {offset}\ninterleave = bsq\n");
        self.write("a.hdr", text.as_bytes());
    }

    fn describe(&self, overrides: &Overrides) -> Result<Described> {
        let image = MappedFile::open(&self.image, Access::Read).expect("opened");
        describe(&image, overrides)
    }

    fn opened(&self) -> Described {
        self.describe(&Overrides::default()).expect("described")
    }

    /// The message of an `Unfit`, or of a `Request` where these words are said.
    #[track_caller]
    fn refuses(&self, overrides: &Overrides, is_request: bool, says: &[&str]) {
        let error = self.describe(overrides).expect_err("refused");
        assert_eq!(matches!(error, Error::Request { .. }), is_request, "{error:?}");
        let why = error.to_string();
        for words in says {
            assert!(
                why.contains(words) && !why.contains('\n'),
                "{words:?} is not in {why:?}"
            );
        }
    }
}

fn part() -> Overrides {
    Overrides {
        part: true,
        ..Overrides::default()
    }
}

fn format(text: &str) -> PixelFormat {
    text.parse().expect(text)
}

#[test]
fn containers_are_opened_by_their_own_header() {
    let check = |head: &[u8], container: Container, pixel: &str, (width, height): (u64, u64), names: &[&str]| {
        let described = House::new(head).opened();
        let layout = Layout::new(head.len() as u64, width, height, format(pixel)).expect("a layout");
        assert_eq!(described.layout, layout);
        assert_eq!(described.container, container);
        assert_eq!(described.names, names);
        assert_eq!((described.header, described.nodata), (None, None));
        assert!(!described.unnamed_bands && described.stale.is_empty());
    };
    check(NPY, Container::Npy, "gray:u16le", (12, 10), &["gray"]);
    check(PGM, Container::Pgm, "gray:u16be", (12, 10), &["gray"]);
    check(PAM, Container::Pam, "graya:u16be", (10, 6), &["gray", "alpha"]);
    let ppm = b"P6 8 5 65535\n";
    check(ppm, Container::Ppm, "rgb:u16be", (8, 5), &["red", "green", "blue"]);
    check(
        FARBFELD,
        Container::Farbfeld,
        "rgba:u16be",
        (5, 6),
        &["red", "green", "blue", "alpha"],
    );
    let color = House::new(FARBFELD).opened().color();
    assert_eq!(color.iter().collect::<Vec<_>>(), [0, 1, 2]);
    // Signed and without names, four channels are no struct of red, green, blue and alpha.
    let bands = b"\x93NUMPY\x01\0\x38\0{'descr':'<i2','fortran_order':False,'shape':(5,6,4)}  \n";
    let described = House::new(bands).opened();
    assert_eq!(described.names, ["band1", "band2", "band3", "band4"]);
    assert!(described.unnamed_bands && described.color().is_all());
}

#[test]
fn containers_have_the_length_that_they_say() {
    for head in [NPY, PGM, PAM, FARBFELD] {
        let house = House::new(head);
        let whole = fs::read(&house.image).expect("read");
        let end = whole.len();
        for length in [end - 1, end - 240, head.len()] {
            house.write("a.raw", &whole[..length]);
            let says = [
                &format!("file of {length} bytes"),
                "240 bytes of pixels",
                &format!("end at {end}; it is cut short"),
            ];
            house.refuses(&Overrides::default(), false, &says);
            house.refuses(&part(), false, &says);
        }
        house.write("a.raw", &[&whole[..], b"\n"].concat());
        let says = [
            &format!("file of {} bytes", end + 1),
            &format!("end at {end}; 1 are left over"),
            "'part'",
        ];
        house.refuses(&Overrides::default(), false, &says);
        assert_eq!(house.describe(&part()).expect("a part").layout.data().end, end as u64);
        house.write("a.raw", &[&whole[..], &whole[..]].concat());
        house.refuses(&Overrides::default(), false, &["another one begins there", "'part'"]);
        house.describe(&part()).expect("the first one");
    }
}

#[test]
fn words_that_contradict_a_file_s_own_header() {
    let words = [
        (
            "pixel format",
            Overrides {
                format: Some(PixelFormat::RGBA16),
                ..part()
            },
        ),
        (
            "size",
            Overrides {
                size: Some((1, 1)),
                ..part()
            },
        ),
        (
            "data offset",
            Overrides {
                data_offset: Some(0),
                ..part()
            },
        ),
    ];
    for head in [NPY, PGM, FARBFELD] {
        let house = House::new(head);
        for (word, overrides) in &words {
            house.refuses(
                overrides,
                true,
                &["whose own header says", &format!("leave out {word}"), "'as raw'"],
            );
        }
        let raw = Overrides {
            as_raw: true,
            format: Some(format("gray16")),
            ..part()
        };
        let described = house.describe(&raw).expect("raw");
        assert_eq!(
            (described.container, described.layout.data_offset()),
            (Container::Raw, 0)
        );
    }
    let axes = Overrides {
        axes: "xy".parse().ok(),
        ..Overrides::default()
    };
    let turned = House::new(NPY).describe(&axes).expect("turned").layout;
    assert_eq!((turned.width(), turned.height()), (Some(10), Some(12)));
    House::new(PGM).refuses(&axes, true, &["a PNM file", "leave out axes"]);
    House::new(b"").refuses(&axes, true, &["axes says", "NPY", "leave it out"]);
    let wrong = Overrides {
        axes: "yxc".parse().ok(),
        ..Overrides::default()
    };
    House::new(NPY).refuses(&wrong, true, &["a.raw: its array has 2 axes, 10x12; axes yxc means 3"]);
}

#[test]
fn what_their_header_refuses_says_why() {
    let float = String::from_utf8_lossy(&NPY[10..]).replace("<u2", "<f2").into_bytes();
    House::new(&[&NPY[..10], &float].concat()).refuses(
        &Overrides::default(),
        false,
        &[
            "is an NPY file, but cannot be edited",
            "nothing was changed",
            "'<f2'",
            "'as raw'",
        ],
    );
    let eight = b"P5 24 10 255\n";
    House::new(eight).refuses(
        &Overrides::default(),
        false,
        &["is a PNM file", "8 bits", "import makes", "'as raw'"],
    );
    let foreign = |head: &[u8]| {
        let house = House::new(head);
        let image = MappedFile::open(&house.image, Access::Read).expect("opened");
        foreign(&image, &Overrides::default())
            .expect("looked at")
            .map(Kind::name)
    };
    assert_eq!(foreign(eight), None);
    assert_eq!(foreign(NPY), None);
    assert_eq!(foreign(b"Pf\n12 5\n-1.0\n"), Some("PFM"));
    assert_eq!(foreign(b"CDF\x01"), Some("NetCDF"));
}

#[test]
fn an_envi_header_that_fits_to_the_byte_comes_first() {
    for head in [NPY, PGM, FARBFELD] {
        let house = House::new(head);
        house.header(head.len(), "samples = 4\nlines = 10\nbands = 3");
        let described = house.opened();
        assert_eq!(described.container, Container::Envi);
        assert_eq!(described.header, Some(house.folder.path().join("a.hdr")));
        assert_eq!(described.layout.format(), format("3band:i16le"));
        assert_eq!(described.layout.step().channel, 80);
        assert!(described.unnamed_bands);
        // One that does not fit, or is none, says nothing.
        house.header(head.len() + 1, "samples = 4\nlines = 10\nbands = 3");
        assert_ne!(house.opened().container, Container::Envi);
        house.write("a.hdr", b"no header");
        assert_ne!(house.opened().container, Container::Envi);
    }
}

#[test]
fn an_envi_header_s_names_and_nodata() {
    let house = House::new(b"");
    let more = "samples = 4\nlines = 10\nbands = 3\nband names = { nir , Red,Green}\ndata ignore value = -9999";
    house.header(0, more);
    let described = house.opened();
    assert_eq!(described.names, ["nir", "Red", "Green"]);
    assert_eq!(described.nodata, Some(-9999));
    assert!(!described.unnamed_bands);
    // Other samples of as many bands keep their names; no unsigned one is negative.
    let with = |pixel: &str| {
        house.describe(&Overrides {
            format: Some(format(pixel)),
            ..Overrides::default()
        })
    };
    let unsigned = with("3band:u16be").expect("described");
    assert_eq!((unsigned.names, unsigned.nodata), (described.names, None));
    assert_eq!(unsigned.layout.step(), described.layout.step());
    let said = with("rgb16").expect("described");
    assert_eq!(
        (&said.names[..], said.unnamed_bands),
        (&["red", "green", "blue"].map(str::to_owned)[..], false)
    );
    assert!(with("gray16").is_err());
    house.header(0, &more.replace("-9999", "40000"));
    assert_eq!(house.opened().nodata, None);
    assert_eq!(with("3band:u16be").expect("described").nodata, Some(40_000));
}

#[test]
fn files_beside_it_that_an_edit_makes_untrue() {
    let names = |house: &House| {
        let stale = house.opened().stale;
        let names = stale
            .iter()
            .filter_map(|path| path.strip_prefix(house.folder.path()).ok());
        names.map(|name| name.display().to_string()).collect::<Vec<_>>()
    };
    let house = House::new(PGM);
    assert!(names(&house).is_empty());
    for name in [
        "a.raw.aux.xml",
        "a.raw.ovr",
        "a.sta",
        "a.raw.sta",
        "a.raw.enp",
        "a.ovr",
        "b.raw.ovr",
        "a.raw.txt",
    ] {
        house.write(name, b"x");
    }
    fs::create_dir(house.folder.path().join("c.raw.ovr")).expect("made");
    assert_eq!(names(&house), ["a.raw.aux.xml", "a.raw.ovr"]);
    house.header(PGM.len(), "samples = 12\nlines = 10\nbands = 1");
    assert_eq!(
        names(&house),
        ["a.raw.aux.xml", "a.raw.ovr", "a.raw.sta", "a.sta", "a.raw.enp"]
    );
    // Through a link, those of the file too.
    fs::remove_file(house.folder.path().join("a.hdr")).expect("removed");
    symlink("a.raw", house.folder.path().join("c.raw")).expect("linked");
    house.write("c.raw.aux.xml", b"x");
    let link = House {
        image: house.folder.path().join("c.raw"),
        ..house
    };
    assert_eq!(names(&link), ["c.raw.aux.xml", "a.raw.aux.xml", "a.raw.ovr"]);
}
