//! Histograms of samples.

use plotters::prelude::*;

use crate::stats::{BINS, Channel};

const SIDES_PIXELS: (u32, u32) = (900, 480);

/// A drawing of the channels' histograms, one curve each; `names` and `range` are theirs, first to last, and the values
/// that a sample can have. The scale is that of the fullest part but for the two at the ends, where clipped samples
/// may pile up.
///
/// # Errors
/// What the drawing library says; it writes to memory, so nothing is expected.
pub fn histogram(
    title: &str,
    channels: &[Channel],
    names: &[&str],
    range: std::ops::RangeInclusive<i32>,
) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, title, channels, names, range).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn draw(
    svg: &mut String,
    title: &str,
    channels: &[Channel],
    names: &[&str],
    range: std::ops::RangeInclusive<i32>,
) -> Result<(), Box<dyn std::error::Error>> {
    let samples = channels
        .first()
        .map_or(0, |channel| channel.histogram.iter().sum())
        .max(1) as f64;
    let percent = |count: u64| count as f64 / samples * 100.0;
    let inner = channels
        .iter()
        .flat_map(|channel| &channel.histogram[1..BINS - 1])
        .max();
    let top = match inner.copied().map_or(0.0, percent) {
        inner if inner > 0.0 => inner * 1.05,
        _ => 100.0,
    };
    let (low, high) = (f64::from(*range.start()), f64::from(*range.end()));
    let step = (high - low + 1.0) / BINS as f64;

    let root = SVGBackend::with_string(svg, SIDES_PIXELS).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(low..high, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("sample value")
        .y_desc("% of the samples")
        .x_label_formatter(&|value| format!("{value:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    for (channel, name) in channels.iter().zip(names) {
        let color = color(name);
        let bins = (0..).zip(&channel.histogram);
        let points = bins.map(|(bin, &count)| (low + (f64::from(bin) + 0.5) * step, percent(count).min(top)));
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}

fn color(name: &str) -> RGBColor {
    match name {
        "red" => RGBColor(208, 48, 48),
        "green" => RGBColor(32, 144, 64),
        "blue" => RGBColor(48, 80, 208),
        "alpha" | "second" => RGBColor(160, 160, 160),
        _ => BLACK,
    }
}
