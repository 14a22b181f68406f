//! Headers as programs write them, and such of which a field lies.

use super::*;

#[track_caller]
fn check(head: &[u8], container: Container, format: &str, (width, height): (u64, u64)) {
    let found = read(&[head, b"\x01\x02\x03 65535\n"].concat()).expect("a picture");
    let layout = Layout::new(head.len() as u64, width, height, format.parse().expect("a format"));
    assert_eq!(found.layout, layout.expect("a layout"));
    assert_eq!(found.container, container);
}

#[track_caller]
fn refused(head: impl AsRef<[u8]>, says: &str) {
    match read(head.as_ref()) {
        Err(Wrong::File(why)) => assert!(
            why.to_string().contains(says) && !why.to_string().contains(['\n', '\u{1b}']),
            "{why:?}"
        ),
        other => panic!("{other:?}"),
    }
}

fn pam(depth: &str, more: &str) -> String {
    format!("P7\nWIDTH 12\nHEIGHT 10\nDEPTH {depth}\nMAXVAL 65535\n{more}ENDHDR\n")
}

#[test]
fn what_programs_write() {
    check(b"P5\n12 10\n65535\n", Container::Pgm, "gray:u16be", (12, 10));
    check(
        b"P6\n# CREATOR: somebody\n12 10\n65535\n",
        Container::Ppm,
        "rgb:u16be",
        (12, 10),
    );
    check(
        b"P6 12\t10 # sides\n# more\n065535\n",
        Container::Ppm,
        "rgb:u16be",
        (12, 10),
    );
    check(b"P5\r12\r\n10 65535 ", Container::Pgm, "gray:u16be", (12, 10));
    // White space is one byte; what follows is a sample, whatever it looks like.
    check(b"P5 12 10 65535\r", Container::Pgm, "gray:u16be", (12, 10));
    let huge = b"P5 4294967295 4294967295 65535\n";
    refused(huge, "4294967295x4294967295");
    check(
        b"P5 4294967295 1000000000 65535\n",
        Container::Pgm,
        "gray:u16be",
        (4_294_967_295, 1_000_000_000),
    );
    for (depth, word, format) in [
        ("1", "TUPLTYPE GRAYSCALE\n", "gray:u16be"),
        ("2", "TUPLTYPE GRAYSCALE_ALPHA\n", "graya:u16be"),
        ("3", "# a comment\nTUPLTYPE RGB\n", "rgb:u16be"),
        ("4", "TUPLTYPE RGB_ALPHA\n", "rgba:u16be"),
        ("1", "", "gray:u16be"),
        ("2", "", "2band:u16be"),
        ("3", "", "rgb:u16be"),
        ("4", "", "4band:u16be"),
    ] {
        check(pam(depth, word).as_bytes(), Container::Pam, format, (12, 10));
    }
}

#[test]
fn samples_of_other_sizes() {
    refused(b"P4\n12 10\n\x01", "is a bitmap");
    refused(b"P1\n12 10\n1", "is a bitmap");
    refused(b"P2\n12 10\n65535\n1 2", "written out in digits");
    refused(b"P3\n12 10\n65535\n1 2", "written out in digits");
    refused(b"P5\n12 10\n255\n\x01", "samples of 8 bits (maxval 255)");
    refused(b"P6\n12 10\n1\n\x01", "samples of 8 bits (maxval 1)");
    for maxval in ["256", "1023", "4095", "65534"] {
        refused(
            format!("P5\n12 10\n{maxval}\n"),
            &format!("its samples go to {maxval} (maxval)"),
        );
        refused(format!("P6\n12 10\n{maxval}\n"), "import makes an image of it");
        refused(
            pam("1", "TUPLTYPE GRAYSCALE\n").replace("65535", maxval),
            "its samples go to",
        );
        refused(pam("3", "").replace("65535", maxval), "its samples go to");
    }
    refused(b"P5\n12 10\n0\n", "cannot be read");
    refused(b"P5\n12 10\n65536\n", "cannot be read");
    refused(b"P5\n12 10\n4294967296\n", "cannot be read");
    refused(pam("1", "").replace("65535", "70000"), "its samples go to 70000");
}

#[test]
fn sides_and_depths_that_lie() {
    for sides in ["0 10", "12 0", "0 0"] {
        refused(format!("P5\n{sides}\n65535\n"), "at least 1");
    }
    for sides in ["4294967296 1", "-1 10", "+1 10", "1.5 10", "x 10", "12", ""] {
        refused(format!("P5\n{sides}\n65535"), "");
    }
    refused(pam("0", ""), "");
    refused(pam("0", "TUPLTYPE GRAYSCALE\n"), "DEPTH is 0");
    for (depth, word) in [
        ("5", ""),
        ("3", "TUPLTYPE RGB_ALPHA\n"),
        ("4", "TUPLTYPE RGB\n"),
        ("1", "TUPLTYPE X\x1b[2J\n"),
    ] {
        refused(pam(depth, word), "");
    }
    refused(pam("1", "TUPLTYPE BLACKANDWHITE\n"), "");
    refused(pam("1", "WIDTH 13\n"), "");
    refused(pam("1", "DEPTHS 13\n"), "");
    refused(pam("1", "\n"), "");
    refused(pam("1", "  \n"), "");
    refused(pam("1", "\u{e9}\n"), "");
}

#[test]
fn headers_that_end_early() {
    let good = [
        b"P5\n12 10\n65535\n".to_vec(),
        b"P6\n# a comment\n12 10\n65535\n".to_vec(),
        pam("1", "TUPLTYPE GRAYSCALE\n").into_bytes(),
        pam("3", "").into_bytes(),
    ];
    for head in good {
        read(&head).expect("whole");
        for end in 2..head.len() {
            assert!(
                read(&head[..end]).is_err(),
                "{:?}",
                String::from_utf8_lossy(&head[..end])
            );
        }
    }
    // What is a header goes on longer than any does.
    refused([&b"P5 12 10 "[..], &[b'0'; HEADER_BYTES]].concat(), "");
    let long = [b"P5 12 10 ", &vec![b'0'; HEADER_BYTES - 14][..], b"65535\n"].concat();
    refused(&long, "cut short");
    let mut fits = long;
    fits.remove(9);
    assert_eq!(read(&fits).expect("it fits").layout.data_offset(), HEADER_BYTES as u64);
}
