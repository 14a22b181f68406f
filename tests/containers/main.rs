//! Every container, edited and looked at, against an oracle that knows nothing of the library: an image is an array of
//! values, indexed by plane, channel, row and column; a file is that array, written by loops in the order of its
//! container; an edit is arithmetic on the array. The whole file must be equal, header, padding and what follows
//! included.

mod array;
#[path = "../common/mod.rs"]
mod common;
mod damaged;
mod detached;
mod edit;
mod files;
mod grid;
mod large;
mod looks;
mod mended;
#[path = "../common/pictures.rs"]
mod pictures;
mod program;
mod tiff;
mod tiff_damage;
mod tiff_edit;
mod tiff_looks;
mod tiff_pages;
mod tiff_refused;
mod tiles;
