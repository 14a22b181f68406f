//! Named objects between real processes: every promise of `pagelight::ipc`, kept while processes are killed, stopped
//! and raced against each other. Each test has a namespace of its own, on tmpfs, and leaves nothing behind.
#![allow(unsafe_code, reason = "forking a puppet is a C call")]

mod chaos;
#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod lifetime;
mod locking;
mod play;
mod puppet;
mod semantics;
mod surroundings;
