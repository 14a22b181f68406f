//! Files that their first bytes tell, and that can be edited where they lie: their header says where the samples are.

use std::os::unix::fs::FileExt;

use super::found::{Behind, Container, Found, Source, Wrong};
use super::kind::Kind;
use super::{Described, Overrides, array, farbfeld, fits, meta_image, mrc, npy, nrrd, pnm, tiff as tiff_file};
use crate::error::{Choice, Error, Result, Text, text};
use crate::layout::Layout;
use crate::map::MappedFile;

/// How the header of a known kind is read, if it is one of those that are edited where they lie.
type Reader = fn(&Source<'_>) -> std::result::Result<Found, Wrong>;

/// The kinds whose files may have several pictures, one of which is to be chosen.
const WITH_PAGES: &[&str] = &["FITS", "TIFF"];

fn reader(kind: Kind) -> Option<Reader> {
    match kind.name() {
        "NPY" => Some(|source| npy::read(source.head, source.overrides.axes)),
        "PNM" => Some(|source| pnm::read(source.head)),
        "TIFF" => Some(tiff_file::read),
        "farbfeld" => Some(|source| farbfeld::read(source.head)),
        "FITS" => Some(fits::read),
        "MRC" => Some(|source| mrc::read(source.head)),
        "NRRD" => Some(|source| array::found(nrrd::read(source.head)?, Container::Nrrd)),
        "MetaImage" => Some(|source| array::found(meta_image::read(source.head)?, Container::MetaImage)),
        _ => None,
    }
}

/// True for the kinds whose header says where the samples lie.
pub(super) fn is_opened(kind: Kind) -> bool {
    reader(kind).is_some()
}

/// The layout of a file of a kind that is opened; it begins with `head`.
pub(super) fn describe(image: &MappedFile, overrides: &Overrides, kind: Kind, head: &[u8]) -> Result<Described> {
    let path = image.path();
    let request = |why: Text| Error::request(path, why);
    if let Some(word) = overrides.said_of_pixels() {
        return Err(request(text![
            format!("is {kind}, whose own header says what its pixels are; leave out "),
            word,
            ", or say ",
            Choice::AsRaw,
            " if these really are raw pixels",
        ]));
    }
    if overrides.axes.is_some() && kind.name() != "NPY" {
        return Err(request(text![
            format!("is {kind}, whose axes are known; leave out "),
            Choice::Axes
        ]));
    }
    if overrides.page.is_some() && !WITH_PAGES.contains(&kind.name()) {
        return Err(request(text![
            format!("is {kind}, which has no pages; leave out "),
            Choice::Page,
            " (",
            Choice::Plane,
            " chooses planes)",
        ]));
    }
    let reader = reader(kind).ok_or_else(|| super::refused(image, kind))?;
    let source = Source { image, head, overrides };
    let found = reader(&source).map_err(|wrong| match wrong {
        Wrong::Words(why) => request(why),
        Wrong::Read(error) => Error::io("read", path, error),
        Wrong::File(why) => Error::unfit(
            path,
            text![format!(
                "is {kind}, but cannot be edited in place, so nothing was changed: "
            )]
            .and(why)
            .and(super::unless_raw()),
        ),
    })?;
    if found.behind == Behind::Nothing {
        check_length(image, overrides.part, kind, &found.layout)?;
    }
    Ok(found.describe(path, None))
}

/// Refuses a file that is shorter than its header says; or longer, unless the rest is to be left alone.
fn check_length(image: &MappedFile, part: bool, kind: Kind, layout: &Layout) -> Result<()> {
    let (end, file_bytes) = (layout.data().end, image.len());
    if end == file_bytes || end < file_bytes && part {
        return Ok(());
    }
    let by_header = format!(
        "is {kind} of {file_bytes} bytes, and by its own header its {} bytes of pixels end at {end}",
        layout.data_bytes()
    );
    let what = if end > file_bytes {
        format!("{by_header}; it is cut short, so nothing was changed; get it anew").into()
    } else {
        let rest = if another_begins(image, end, kind)? {
            format!("another one begins there, and only one in {kind} can be edited")
        } else {
            format!("{} are left over", file_bytes - end)
        };
        text![
            format!("{by_header}; {rest}, so nothing was changed; say "),
            Choice::Part,
            " if the rest is to be left alone",
        ]
    };
    Err(Error::unfit(image.path(), what))
}

/// True if a second array or picture begins at byte `at`.
fn another_begins(image: &MappedFile, at: u64, kind: Kind) -> Result<bool> {
    let mut bytes = [0; 512];
    let read = image.file().read_at(&mut bytes, at);
    let read = read.map_err(|error| Error::io("read", image.path(), error))?;
    Ok(super::kind::of(image.path(), &bytes[..read]) == Some(kind))
}
