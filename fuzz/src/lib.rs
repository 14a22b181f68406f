//! A file of any bytes, described.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use pagelight::format::{Container, Overrides, describe};
use pagelight::map::{Access, MappedFile};

/// Axes that are tried, by a byte of the input.
const AXES: [&str; 8] = ["", "", "yx", "xy", "yxc", "cyx", "yxz", "tzyxc"];

/// Describes a file that begins with `magic` and the input behind its first 8 bytes. These say how long the file is
/// (the rest is a hole), and what the user says. A layout that is believed must fit the file.
pub fn open(magic: &[u8], input: &[u8]) {
    describe_file(magic, input, false);
}

/// The same of files that may have more behind the samples, whatever the user says.
pub fn open_any(magic: &[u8], input: &[u8]) {
    describe_file(magic, input, true);
}

fn describe_file(magic: &[u8], input: &[u8], has_more: bool) {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder").keep();
        folder.join("image")
    });
    let Some((&[a, b, c, d, e, axes, part, _], rest)) = input.split_first_chunk::<8>() else {
        return;
    };
    let head = [magic, rest].concat();
    let length = head.len() as u64 + u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)
        .expect("made");
    file.write_all_at(&head, 0).expect("written");
    file.set_len(length).expect("grown");
    let image = MappedFile::open(path, Access::Read).expect("opened");
    let overrides = Overrides {
        axes: AXES[usize::from(axes) % AXES.len()].parse().ok(),
        part: part % 2 == 1,
        page: Some(u64::from(part / 2)).filter(|&page| page > 0),
        ..Overrides::default()
    };
    if let Ok(described) = describe(&image, &overrides) {
        let layout = &described.layout;
        let data = layout.data();
        // The samples of a TIFF lie among its directories; of all others, in one range.
        if matches!(described.container, Container::Tiff | Container::BigTiff) {
            assert!(data.end <= length, "{data:?} {length}");
        } else {
            let may_have_more = overrides.part || has_more;
            assert!(
                data.end == length || may_have_more && data.end < length,
                "{data:?} {length}"
            );
            assert_eq!(data.end - data.start, layout.data_bytes());
        }
        assert!(described.mended.mends.iter().all(|mend| mend.end() <= data.end));
        assert_eq!(described.names.len(), layout.format().channels.count());
        if let Ok((window, _)) = layout.window(&layout.whole()) {
            assert_eq!(window.bytes(), layout.data_bytes());
        }
    }
}
