//! Which file a header means, and which it may not mean.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::map::Access;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    /// Headers of both formats, of 3 x 2 samples in the file `name`.
    fn headers(&self, name: &str, skip: &str) -> [PathBuf; 2] {
        let nrrd = format!(
            "NRRD0004\ntype: short\ndimension: 2\nsizes: 3 2\nendian: big\nencoding: raw\nbyte skip: {skip}\n\
             data file: {name}\n"
        );
        let meta = format!(
            "ObjectType = Image\nNDims = 2\nDimSize = 3 2\nElementType = MET_SHORT\nElementByteOrderMSB = True\n\
             HeaderSize = {skip}\nElementDataFile = {name}\n"
        );
        self.write("in/a.nhdr", nrrd.as_bytes());
        self.write("in/a.mhd", meta.as_bytes());
        [self.path("in/a.nhdr"), self.path("in/a.mhd")]
    }
}

fn described(header: &Path, part: bool) -> Result<Described> {
    let detached = Detached::find(header)?.expect("a header");
    let image = MappedFile::open(detached.data(), Access::Read)?;
    let overrides = Overrides {
        part,
        ..Overrides::default()
    };
    detached.describe(&image, &overrides)
}

#[track_caller]
fn refuses(header: &Path, says: &str) {
    let why = described(header, false).expect_err("refused").to_string();
    assert!(why.contains(says) && !why.contains('\n'), "{why}");
}

#[test]
fn the_file_that_is_named() {
    let folder = Folder::new();
    for (name, skip, start) in [("a.raw", "0", 0), ("sub/b c.raw", "5", 5), ("./c.raw", "-1", 7)] {
        folder.write(
            &format!("in/{name}"),
            &vec![1; 12 + usize::try_from(start).expect("small")],
        );
        for header in folder.headers(name, skip) {
            let described = described(&header, false).expect("described");
            assert_eq!(described.layout.data(), start..start + 12);
            assert_eq!(described.layout.format().to_string(), "gray:i16be");
            assert_eq!(described.header, Some(header.clone()));
            let detached = Detached::find(&header).expect("read").expect("a header");
            assert_eq!(detached.data(), folder.path("in").join(name));
            // By a link elsewhere to the header.
            let link = folder.path("link");
            let _ = fs::remove_file(&link);
            symlink(&header, &link).expect("linked");
            let detached = Detached::find(&link).expect("read").expect("a header");
            assert_eq!(
                detached.data().canonicalize().ok(),
                folder.path("in").join(name).canonicalize().ok()
            );
        }
    }
}

#[test]
fn files_that_must_not_be_named() {
    let folder = Folder::new();
    folder.write("out.raw", &[1; 12]);
    folder.write("in/inside.raw", &[1; 12]);
    symlink("../out.raw", folder.path("in/link.raw")).expect("linked");
    symlink("..", folder.path("in/up")).expect("linked");
    let absolute = folder.path("in/inside.raw");
    let absolute = absolute.to_str().expect("plain");
    for name in [
        "../out.raw",
        "sub/../../out.raw",
        "link.raw",
        "up/out.raw",
        "/etc/passwd",
        absolute,
        "in/../inside.raw",
        "..",
    ] {
        for header in folder.headers(name, "0") {
            refuses(&header, "which is not in the header's folder");
        }
    }
    for header in folder.headers("none.raw", "0") {
        refuses(&header, "none.raw is not there");
    }
    let [nrrd, _] = folder.headers("a.nhdr", "0");
    refuses(&nrrd, "names itself");
    let [_, meta] = folder.headers("a.mhd", "0");
    refuses(&meta, "names itself");
    assert_eq!(fs::read(folder.path("out.raw")).expect("read"), [1; 12]);
}

#[test]
fn the_length_of_the_file_that_is_named() {
    let folder = Folder::new();
    for (length, skip, fits, fits_in_part) in [
        (12, "0", true, true),
        (13, "0", false, true),
        (11, "0", false, false),
        (11, "-1", false, false),
        (13, "2", false, false),
        (14, "2", true, true),
        (15, "2", false, true),
        (0, "0", false, false),
    ] {
        folder.write("in/a.raw", &vec![1; length]);
        for header in folder.headers("a.raw", skip) {
            assert_eq!(described(&header, false).is_ok(), fits, "{length} {skip}");
            assert_eq!(described(&header, true).is_ok(), fits_in_part, "{length} {skip}");
        }
    }
}

#[test]
fn a_file_of_a_known_kind_is_no_raw_samples() {
    let folder = Folder::new();
    let kind = b"SIMPLE  =    T ";
    folder.write("in/a.raw", &[&kind[..], &[7; 12]].concat());
    for header in folder.headers("a.raw", "-1") {
        refuses(&header, "is a FITS file");
    }
    // A header that accounts for all of it is believed, as one of ENVI is.
    folder.write("in/a.raw", &kind[..12]);
    for header in folder.headers("a.raw", "0") {
        described(&header, false).expect("described");
    }
}

#[test]
fn what_is_no_such_header() {
    let folder = Folder::new();
    folder.write("a.raw", &[7; 100]);
    folder.write("a.npy", b"\x93NUMPY\x01\0");
    folder.write(
        "a.nrrd",
        b"NRRD0004\ntype: short\ndimension: 1\nsizes: 3\nendian: big\nencoding: raw\n\n123456",
    );
    folder.write("a.mha", b"ObjectType = Image\nNDims = 1\n");
    for name in ["a.raw", "a.npy", "a.nrrd", "a.mha", "none", "."] {
        assert!(
            Detached::find(&folder.path(name)).expect("looked at").is_none(),
            "{name}"
        );
    }
}
