//! What formats and channel lists mean, and what they are not.

use super::*;

fn channels(text: &str) -> Channels {
    text.parse().expect(text)
}

#[test]
fn every_format_reads_back_as_written() {
    for channels in [
        "gray",
        "graya",
        "rgb",
        "rgba",
        "2band",
        "3band",
        "4band",
        "5banda",
        "224band",
        "65535band",
    ] {
        for sample in ["u16le", "u16be", "i16le", "i16be", "u16flippedbe"] {
            let text = format!("{channels}:{sample}");
            let format: PixelFormat = text.parse().expect("a format");
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(format.names().len(), format.channels.count());
            let is_mycolor = text == "4band:i16le";
            assert_eq!(format.to_string(), if is_mycolor { "mycolor" } else { text.as_str() });
        }
    }
}

#[test]
fn short_names_mean_what_the_design_says() {
    let check = |short: &str, full: &str| assert_eq!(short.parse::<PixelFormat>(), full.parse(), "{short}");
    check("rgba16", "rgba:u16le");
    check("rgba16be", "rgba:u16be");
    check("rgb16", "rgb:u16le");
    check("gray16", "gray:u16le");
    check("mycolor", "4band:i16le");
    for wrong in [
        "",
        "rgba",
        "rgba8",
        "rgba:u8",
        "rgba:u16",
        "16",
        "be",
        "RGBA16",
        "0band:u16le",
        "1band:u16le",
        "2banda:u16le",
        "65536band:u16le",
        "-3band:u16le",
        "band:u16le",
        "3bandb:u16le",
    ] {
        assert!(wrong.parse::<PixelFormat>().is_err(), "{wrong}");
    }
}

#[test]
fn values_and_bits_are_each_others_inverse() {
    for sample in Sample::ALL {
        for bits in 0..=u16::MAX {
            let value = sample.value(bits);
            assert!(sample.range().contains(&value));
            assert_eq!(sample.bits(value), Some(bits));
        }
        assert_eq!(sample.bits(sample.range().start() - 1), None);
        assert_eq!(sample.bits(sample.range().end() + 1), None);
    }
}

#[test]
fn alpha_is_kept_only_where_it_is_alpha() {
    let color = |text| channels(text).color().describe(&channels(text).names());
    assert_eq!(color("rgba"), "red,green,blue");
    assert_eq!(color("4band"), "band1,band2,band3,band4");
    assert_eq!(color("graya"), "gray");
    assert_eq!(color("5banda"), "band1,band2,band3,band4");
    assert_eq!(color("9band"), "all");
    assert_eq!(color("10banda"), "1-9");
}

#[test]
fn channel_lists() {
    let check = |list, format: &str, want: &[usize]| {
        let names = channels(format).names();
        let set = ChannelSet::parse(list, &names).expect(list);
        assert_eq!(set.iter().collect::<Vec<_>>(), want, "{list}");
        assert_eq!(
            (0..names.len()).filter(|&c| set.contains(c)).collect::<Vec<_>>(),
            want,
            "{list}"
        );
        assert_eq!(ChannelSet::parse(&set.describe(&names), &names), Ok(set), "{list}");
    };
    check("r,Blue", "rgb", &[0, 2]);
    check("4", "4band", &[3]);
    check("band4,1", "4band", &[0, 3]);
    check("all", "rgba", &[0, 1, 2, 3]);
    check("alpha", "graya", &[1]);
    check("2-4,70", "80band", &[1, 2, 3, 69]);
    check(
        "1-30,32-80",
        "80band",
        &(0..80).filter(|&c| c != 30).collect::<Vec<_>>(),
    );
    for wrong in ["", "x", "0", "5", "r,r", "r,,g", "1-5", "3-2", "1-2,2"] {
        assert!(ChannelSet::parse(wrong, &Channels::RGBA.names()).is_err(), "{wrong}");
    }
    assert!(ChannelSet::parse("a", &Channels::RGB.names()).is_err());
    assert!(
        ChannelSet::parse("b", &channels("3band").names()).is_err(),
        "three begin with it"
    );
    let names = ["nir", "red", "nir"].map(str::to_owned);
    assert!(ChannelSet::parse("nir", &names).is_err());
    assert_eq!(
        ChannelSet::parse("red", &names).map(|set| set.describe(&names)),
        Ok("red".to_owned())
    );
}
