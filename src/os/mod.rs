//! Services of the operating system, one file each. This floor and `map` are the only ones with unsafe code, and the
//! only ones to change when Pagelight moves to another system.

pub mod copy;
pub(crate) mod copy_add;
pub mod disk;
pub mod fault;
pub mod identity;
pub mod interrupt;
pub mod lock;
pub mod process;
pub mod unnamed;
