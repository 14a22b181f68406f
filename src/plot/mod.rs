//! Draws figures as SVG. The only door to plotters.

mod bars;
mod histogram;

pub use bars::{Bar, bars};
pub use histogram::histogram;
