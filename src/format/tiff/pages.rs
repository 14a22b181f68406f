//! All pages of a TIFF, what hangs on them, and which of them are meant.
//!
//! 1. Each directory is read once; one that is named twice, a circle above all, is an error.
//! 2. Pages are counted from 1, smaller copies and masks as well, as other programs do. A page that is only named by
//!    another one (SubIFDs) has no number, and is no picture of its own.

use std::collections::HashSet;
use std::ops::Range;

use super::directory::{Directory, Reader};
use super::page::{Page, Picture, Role};
use super::tags;
use crate::error::{Choice, Text, text};
use crate::format::found::Wrong;

/// Directories of a file at most.
const MAX_DIRECTORIES: usize = 1 << 16;
/// Fields of all directories together.
const MAX_FIELDS: usize = 1 << 20;
/// So many pages are listed for users.
const MAX_LISTED: usize = 12;

/// What lies in a part of a file that is no sample of the chosen picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Header,
    Directory,
    /// The value of this tag.
    Value(u16),
    /// The samples of another page, by its number; or of one that has none.
    Page(Option<usize>),
}

/// A part of a file that no tile may have.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) range: Range<u64>,
    pub(super) what: What,
}

/// The pages of a file.
pub(super) struct Pages {
    pub(super) pages: Vec<Page>,
    /// The pages that others name, each with the place of that one, in their order.
    pub(super) inner: Vec<(usize, Page)>,
    pub(super) regions: Vec<Region>,
}

impl Pages {
    /// Reads all directories, from the one at `first` on.
    pub(super) fn read(reader: &Reader<'_>, first: u64) -> Result<Pages, Wrong> {
        let mut seen = Seen::new(reader);
        let mut pages = Vec::new();
        let mut next = (first != 0).then_some(first);
        while let Some(at) = next {
            let directory = seen.read(at, &format!("page {}", pages.len() + 1))?;
            next = directory.next;
            pages.push(Page::read(reader, directory)?);
        }
        if pages.is_empty() {
            return Err(Wrong::file("it has no pages"));
        }
        let mut inner = Vec::new();
        let mut open: Vec<(usize, Vec<u64>)> = Vec::new();
        for (place, page) in pages.iter().enumerate() {
            open.push((place, seen.named_by(&page.directory)?));
        }
        while let Some((place, positions)) = open.pop() {
            for at in positions {
                let directory = seen.read(at, &format!("a directory of page {}", place + 1))?;
                let page = Page::read(reader, directory)?;
                open.push((place, seen.named_by(&page.directory)?));
                inner.push((place, page));
            }
        }
        inner.sort_by_key(|(place, _)| *place);
        let mut regions = seen.regions;
        regions.push(Region {
            range: 0..reader.header_bytes(),
            what: What::Header,
        });
        Ok(Pages { pages, inner, regions })
    }

    /// The places of the pages that are meant: the one of number `page`, or all pictures if they are alike.
    pub(super) fn choose(&self, page: Option<u64>) -> Result<Vec<usize>, Wrong> {
        let count = self.pages.len();
        if let Some(number) = page {
            let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let Some((place, chosen)) = place.and_then(|place| Some((place, self.pages.get(place)?))) else {
                let why = format!(" {number}: it has pages 1 to {count}");
                return Err(Wrong::Words(text![Choice::Page, why]));
            };
            return match chosen.role {
                Role::Picture => Ok(vec![place]),
                Role::Reduced => Err(Wrong::Words(text![
                    Choice::Page,
                    format!(" {number} is a smaller copy of another one; choose that")
                ])),
                Role::Mask => Err(Wrong::Words(text![
                    Choice::Page,
                    format!(" {number} is a mask, not a picture; choose another")
                ])),
            };
        }
        let places: Vec<usize> = (0..count)
            .filter(|&place| self.pages[place].role == Role::Picture)
            .collect();
        let Some((first, others)) = places.split_first() else {
            return Err(Wrong::file(
                "it has smaller copies and masks, but no picture of its own",
            ));
        };
        let first = &self.pages[*first];
        if others.iter().all(|&other| first.is_like(&self.pages[other])) {
            return Ok(places);
        }
        let listed: Vec<String> = places
            .iter()
            .take(MAX_LISTED)
            .map(|&place| self.pages[place].listed(place))
            .collect();
        let more = match places.len().saturating_sub(MAX_LISTED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Err(Wrong::Words(text![
            format!("has {} pictures that are not alike; choose one by ", places.len()),
            Choice::Page,
            format!(": {}{more}", listed.join(", ")),
        ]))
    }

    /// What is wrong with a page, as a sentence.
    pub(super) fn about(&self, place: usize, why: Text) -> Text {
        let words = why.to_string();
        let has_subject = !["is ", "has ", "does "].iter().any(|verb| words.starts_with(verb));
        let subject = match (self.pages.len(), has_subject) {
            (1, true) => return why,
            (1, false) => "it ".to_owned(),
            (_, true) => format!("page {}: ", place + 1),
            (_, false) => format!("page {} ", place + 1),
        };
        Text::from(subject).and(why)
    }

    /// The smaller copies of a page.
    pub(super) fn levels(&self, place: usize) -> impl Iterator<Item = &Page> {
        let behind = self.pages[place + 1..]
            .iter()
            .take_while(|page| page.role != Role::Picture);
        let first = self.inner.partition_point(|(of, _)| *of < place);
        let inner = self.inner[first..].iter().take_while(move |(of, _)| *of == place);
        let inner = inner.map(|(_, page)| page);
        behind.chain(inner).filter(|page| page.role == Role::Reduced)
    }
}

impl Page {
    /// True if both can be planes of one picture, or neither can be edited for the same reason.
    fn is_like(&self, other: &Page) -> bool {
        (self.width, self.height) == (other.width, other.height) && self.picture == other.picture
    }

    fn listed(&self, place: usize) -> String {
        let (number, width, height) = (place + 1, self.width, self.height);
        match &self.picture {
            Ok(Picture { format, .. }) => format!("{number} ({width}x{height} {format})"),
            Err(why) => {
                // Without what to do about it.
                let why = why.to_string();
                let cause = why.split(';').next().unwrap_or(&why);
                format!("{number} ({width}x{height}, not edited: {cause})")
            }
        }
    }
}

/// The directories that were read.
struct Seen<'a> {
    reader: &'a Reader<'a>,
    places: HashSet<u64>,
    fields: usize,
    regions: Vec<Region>,
}

impl<'a> Seen<'a> {
    fn new(reader: &'a Reader<'a>) -> Seen<'a> {
        Seen {
            reader,
            places: HashSet::new(),
            fields: 0,
            regions: Vec::new(),
        }
    }

    fn read(&mut self, at: u64, whose: &str) -> Result<Directory, Wrong> {
        if !self.places.insert(at) {
            return Err(Wrong::file(format!(
                "{whose} is the directory at byte {at}, which is another one's as well"
            )));
        }
        if self.places.len() > MAX_DIRECTORIES {
            return Err(Wrong::file(format!("has more than {MAX_DIRECTORIES} directories")));
        }
        let directory = self.reader.directory(at).map_err(|wrong| match wrong {
            Wrong::File(why) => Wrong::File(text![format!("{whose}: ")].and(why)),
            other => other,
        })?;
        self.fields += directory.entries.len();
        if self.fields > MAX_FIELDS {
            return Err(Wrong::file(format!("has more than {MAX_FIELDS} fields")));
        }
        self.regions.push(Region {
            range: directory.at..directory.end,
            what: What::Directory,
        });
        // Those that lie in the directory are of it already.
        let values = directory
            .entries
            .iter()
            .filter(|entry| !(directory.at..directory.end).contains(&entry.at));
        self.regions.extend(values.map(|entry| Region {
            range: entry.at..entry.at.saturating_add(entry.bytes().unwrap_or(0)),
            what: What::Value(entry.tag),
        }));
        Ok(directory)
    }

    /// Where the directories begin that another one names as pages; those that have no pixels are read.
    fn named_by(&mut self, directory: &Directory) -> Result<Vec<u64>, Wrong> {
        for tag in [tags::EXIF, tags::GPS, tags::INTEROPERABILITY] {
            if let Some(at) = self.reader.number(directory, tag)? {
                let inner = self.read(at, &format!("tag {tag}"))?;
                if inner.entry(tags::INTEROPERABILITY).is_some() {
                    self.named_by(&inner)?;
                }
            }
        }
        let inner = directory.entry(tags::SUB_DIRECTORIES);
        inner.map_or(Ok(Vec::new()), |entry| {
            self.reader.numbers(entry, MAX_DIRECTORIES as u64)
        })
    }
}
