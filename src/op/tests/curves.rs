//! Curves: what is read, what is refused, and how.

use crate::op::Curve;

fn height(text: &str, x: f64) -> f64 {
    Curve::parse("c.csv", text).expect("a curve").at(x)
}

#[test]
fn straight_lines_between_points_and_level_outside() {
    let text = "0,100\n10,200\n11,-5.5\n";
    for (x, y) in [
        (-1e197, 100.0),
        (0.0, 100.0),
        (5.0, 150.0),
        (9.5, 195.0),
        (10.0, 200.0),
        (10.5, 97.25),
        (11.0, -5.5),
        (1e197, -5.5),
    ] {
        assert_eq!(height(text, x), y, "{x}");
    }
}

#[test]
fn comments_headers_and_spaces() {
    for text in [
        "\u{feff}x,y\r\n0,0\r\n10,10\r\n",
        "# a curve\n\n\"in\" , \"out\"\n# points\n 0 , 0.0 \n+10,1e1",
        "0,0\n10,10\n# the end",
    ] {
        assert_eq!(height(text, 5.0), 5.0, "{text}");
    }
}

#[test]
fn the_words_name_file_and_points() {
    let curve = Curve::parse("points.csv", "1,2\n3,4\n5,6\n").expect("a curve");
    assert_eq!(curve.to_string(), "curve points.csv (3 points)");
    let long = format!("{}\n\x1b", "x".repeat(10_000));
    let curve = Curve::parse(&long, "1,2\n3,4\n").expect("a curve");
    assert_eq!(curve.to_string(), format!("curve {} (2 points)", "x".repeat(100)));
}

#[test]
fn what_is_no_curve_is_refused_with_its_line() {
    let check = |text: &str, says: &str| {
        let error = Curve::parse("c.csv", text).expect_err(text);
        assert!(error.starts_with("c.csv: ") && error.contains(says), "{error}");
        assert!(!error.contains('\n'), "{error}");
    };
    check("", "at least 2 points, not 0");
    check("x,y\n1,1\n", "at least 2 points, not 1");
    check("1,1\n# no\n1,2\n", "lines 1 and 3 both have X = 1: not a function");
    check("5,1\n4,2\n", "X falls from 5 in line 1 to 4 in line 2: not a function");
    check("x,y\nx,y\n1,1\n2,2\n", "line 2 is no point");
    check("0;0\n1,1\n2,2\n", "line 1 is no point: '0;0'");
    check("1,1\n2\n", "line 2 is no point");
    check("1,1\n2,2,2\n", "line 2 is no point");
    check("1,1\n2,nan\n", "line 2 is no point");
    check("1,1\ninf,2\n", "line 2 is no point");
    check("nan,nan\n1,1\n2,2\n", "line 1 is no point");
    check("1,1\n2,2e9\n", "line 2 is no point");
    check("1,1\n2,\x1b[2J\n", "line 2 is no point: '2,[2J'");
    check(&"\n".repeat(65_537), "more than 65536 lines");
    let most: String = (0..65_536).map(|x| format!("{x},{x}\n")).collect();
    assert_eq!(height(&most, 65_535.0), 65_535.0);
}
