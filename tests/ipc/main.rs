//! Named objects between real processes: every promise of `pagelight::ipc`, kept while processes are killed, stopped
//! and raced against each other. Each test has a namespace of its own, on tmpfs, and leaves nothing behind.
#![allow(unsafe_code, reason = "forking a puppet is a C call")]

mod abandoned;
mod chaos;
#[path = "../common/mod.rs"]
mod common;
mod damaged;
mod hostile;
mod lifetime;
mod locking;
mod many;
mod play;
mod play_talk;
mod puppet;
mod semantics;
mod surroundings;
mod talk;
mod talk_chaos;
