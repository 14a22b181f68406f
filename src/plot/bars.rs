//! What was measured beside its limit, as bars in groups.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const HEIGHT_PIXELS: u32 = 480;
const MIN_WIDTH_PIXELS: u32 = 940;
const BAR_PIXELS: u32 = 76;
/// For the title and the note.
const HEAD_PIXELS: u32 = 48;
/// For the names of bars and groups.
const FOOT_PIXELS: u32 = 64;
/// Room at the left, for the scale.
const MARGIN_PIXELS: u32 = 100;
const LIMIT_COLOR: RGBColor = RGBColor(208, 48, 48);

/// One figure in GB/s, with how far it spread.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Bars of the same group that follow each other stand together, with its name below.
    pub group: String,
    /// What it is, in a word.
    pub label: String,
    /// How high.
    pub rate: f64,
    /// The smallest that was measured.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// What could be reached at most.
    pub limit: f64,
}

/// A drawing of the bars, with a title and a note below it; each bar is drawn in per cent of its limit, which is a line
/// across all of them.
///
/// # Errors
/// What the drawing library says; it writes to memory, so nothing is expected.
pub fn bars(title: &str, note: &str, bars: &[Bar]) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, title, note, bars).map_err(|error| error.to_string())?;
    Ok(svg)
}

/// Where each bar begins, in widths of a bar: there is half a bar between groups.
fn places(bars: &[Bar]) -> Vec<f64> {
    let mut place = 0.5;
    let mut places = Vec::new();
    for (number, bar) in bars.iter().enumerate() {
        if number > 0 && bars[number - 1].group != bar.group {
            place += 0.5;
        }
        places.push(place);
        place += 1.0;
    }
    places
}

fn draw(svg: &mut String, title: &str, note: &str, bars: &[Bar]) -> Result<(), Box<dyn std::error::Error>> {
    let places = places(bars);
    let end = places.last().map_or(1.0, |place| place + 1.5);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few bars, each counted"
    )]
    let width = ((end * f64::from(BAR_PIXELS)) as u32 + MARGIN_PIXELS).max(MIN_WIDTH_PIXELS);
    let percent = |rate: f64, bar: &Bar| rate / bar.limit.max(f64::MIN_POSITIVE) * 100.0;
    let highest = bars.iter().map(|bar| percent(bar.max, bar)).fold(100.0, f64::max);

    let root = SVGBackend::with_string(svg, (width, HEIGHT_PIXELS)).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, rest) = root.split_vertically(HEAD_PIXELS);
    let (body, foot) = rest.split_vertically(HEIGHT_PIXELS - HEAD_PIXELS - FOOT_PIXELS);
    let middle = i32::try_from(width / 2).unwrap_or(0);
    head.draw_text(title, &below(17), (middle, 10))?;
    head.draw_text(note, &below(13), (middle, 32))?;
    let mut chart = ChartBuilder::on(&body)
        .margin(12)
        .margin_bottom(0)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, 0.0..highest * 1.12)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_desc("% of the limit")
        .y_label_formatter(&|percent| format!("{percent:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    let centered =
        |size: u32| TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(HPos::Center, VPos::Bottom));
    for (bar, &left) in bars.iter().zip(&places) {
        let height = percent(bar.rate, bar);
        let (middle, color) = (left + 0.5, color(&bar.label, bars));
        chart.draw_series([Rectangle::new(
            [(left + 0.1, 0.0), (left + 0.9, height)],
            color.filled(),
        )])?;
        let spread = [(middle, percent(bar.min, bar)), (middle, percent(bar.max, bar))];
        chart.draw_series([PathElement::new(spread, BLACK.stroke_width(2))])?;
        let above = percent(bar.max, bar) + highest * 0.015;
        let words = Text::new(format!("{} GB/s", digits(bar.rate)), (middle, above), centered(13));
        chart.draw_series([words])?;
    }
    chart.draw_series([PathElement::new(
        [(0.0, 100.0), (end, 100.0)],
        LIMIT_COLOR.stroke_width(2),
    )])?;
    let words = ("sans-serif", 13).into_font().color(&LIMIT_COLOR);
    let words = words.pos(Pos::new(HPos::Left, VPos::Bottom));
    chart.draw_series([Text::new("limit", (0.06, 100.0 + highest * 0.01), words)])?;
    let at_pixel = |place: f64| chart.backend_coord(&(place, 0.0)).0;
    label(&foot, bars, &places, &at_pixel)?;
    root.present()?;
    Ok(())
}

/// The names below the bars: of each its own and its limit, and of each group.
fn label(
    foot: &DrawingArea<SVGBackend<'_>, Shift>,
    bars: &[Bar],
    places: &[f64],
    at_pixel: &dyn Fn(f64) -> i32,
) -> Result<(), Box<dyn std::error::Error>> {
    for (bar, left) in bars.iter().zip(places) {
        let middle = at_pixel(left + 0.5);
        foot.draw_text(&bar.label, &below(14), (middle, 4))?;
        foot.draw_text(&format!("of {}", digits(bar.limit)), &below(12), (middle, 22))?;
    }
    let mut first = 0;
    for group in bars.chunk_by(|one, next| one.group == next.group) {
        let middle = places[first] + group.len() as f64 / 2.0;
        first += group.len();
        foot.draw_text(&group[0].group, &below(16), (at_pixel(middle), 40))?;
    }
    Ok(())
}

/// Words that hang from the middle of their upper edge.
fn below(size: u32) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(HPos::Center, VPos::Top))
}

/// Three digits that count.
fn digits(rate: f64) -> String {
    match rate {
        rate if rate >= 10.0 => format!("{rate:.1}"),
        rate if rate >= 1.0 => format!("{rate:.2}"),
        rate => format!("{rate:.3}"),
    }
}

/// The same for the same label in every group.
fn color(label: &str, bars: &[Bar]) -> RGBColor {
    const COLORS: [RGBColor; 6] = [
        RGBColor(96, 136, 200),
        RGBColor(48, 88, 160),
        RGBColor(96, 168, 120),
        RGBColor(48, 120, 80),
        RGBColor(200, 152, 72),
        RGBColor(136, 104, 168),
    ];
    let mut labels: Vec<&str> = Vec::new();
    for bar in bars {
        if !labels.contains(&bar.label.as_str()) {
            labels.push(&bar.label);
        }
    }
    let place = labels.iter().position(|known| *known == label).unwrap_or(0);
    COLORS[place % COLORS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(group: &str, label: &str) -> Bar {
        Bar {
            group: group.to_owned(),
            label: label.to_owned(),
            rate: 5.0,
            min: 4.0,
            max: 6.0,
            limit: 10.0,
        }
    }

    #[test]
    fn groups_stand_apart() {
        let bars = [bar("warm", "1x1"), bar("warm", "1x2"), bar("cold", "1x1")];
        assert_eq!(places(&bars), [0.5, 1.5, 3.0]);
        assert_eq!(color("1x1", &bars), color(&bars[2].label, &bars));
        assert_ne!(color("1x1", &bars), color("1x2", &bars));
    }

    #[test]
    fn every_bar_is_drawn() {
        let svg = super::bars("what", "how", &[bar("warm", "1x1"), bar("cold", "2x1")]).expect("drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for words in [
            "what",
            "how",
            "warm",
            "cold",
            "1x1",
            "2x1",
            "5.00 GB/s",
            "of 10.0",
            "limit",
        ] {
            assert!(svg.contains(words), "{words} is not in {svg}");
        }
        assert!(super::bars("nothing", "at all", &[]).is_ok());
    }

    #[test]
    fn three_digits() {
        assert_eq!(
            [digits(12.345), digits(1.2345), digits(0.1234)],
            ["12.3", "1.23", "0.123"]
        );
    }
}
