//! Pagelight.
#![warn(missing_docs)]
pub mod engine;
pub mod error;
pub mod job;
pub mod layout;
pub mod map;
pub mod op;
pub mod os;
pub mod pixel;
pub mod window;
