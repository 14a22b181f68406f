//! The text of an ENVI header: what is read of it, written anew, means the same.
#![no_main]

use pagelight::format::envi::EnviHeader;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(header) = EnviHeader::parse(text) else {
        return;
    };
    assert!(header.band_names.is_empty() || header.band_names.len() == header.format.channels.count());
    if let Ok(layout) = header.layout() {
        assert_eq!(layout.data().start, header.data_offset);
        assert_eq!(layout.data().end - header.data_offset, layout.data_bytes());
    }
    // Braces end a list; a name with one cannot be written again.
    if header.band_names.iter().any(|name| name.contains('{')) {
        return;
    }
    let mut again = EnviHeader::parse(&header.to_text()).expect("it was written");
    again.nodata = header.nodata;
    assert_eq!(again, header);
});
