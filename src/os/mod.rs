//! Services of the operating system, one file each. This floor, `map` and `ipc` are the only ones with unsafe code.
//! What else would have to change for another system is in CONTRIBUTING.md, "Another system".

#[macro_use]
mod symbol;

pub mod attribute;
pub(crate) mod copied;
pub mod copy;
mod copy_add;
pub(crate) mod copy_edited;
mod copy_lookup;
pub mod direct;
pub mod disk;
mod exception;
pub mod fault;
#[cfg(feature = "ipc")]
pub(crate) mod file_users;
#[cfg(feature = "ipc")]
pub(crate) mod flock;
pub(crate) mod fork;
pub mod forward;
#[cfg(feature = "ipc")]
pub(crate) mod futex;
pub mod identity;
pub mod interrupt;
pub(crate) mod listing;
pub mod lock;
pub mod machine;
pub mod process;
#[cfg(feature = "ipc")]
pub(crate) mod range_lock;
pub mod regular;
#[cfg(feature = "ipc")]
pub(crate) mod robust_mutex;
pub mod suspend;
pub mod unnamed;
pub mod usage;
pub(crate) mod word;
