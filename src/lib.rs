//! Pagelight.
#![warn(missing_docs)]
pub mod error;
pub mod layout;
pub mod op;
pub mod pixel;
pub mod window;
