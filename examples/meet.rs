//! Two programs that know nothing of each other but a name share some memory and take turns.
//!
//! Start it in two terminals: `cargo run --release --example meet`
//!
//! Each adds one to a number ten times, under a mutex. Kill one of them with -9 while it has the mutex: the other gets
//! it, and is told.

use std::error::Error;
use std::time::Duration;

use pagelight::ipc::{NamedMutex, Namespace, Persistence, SharedMemory};

fn main() -> Result<(), Box<dyn Error>> {
    let names = Namespace::of_user();
    let memory = SharedMemory::create_or_open(&names.name("pagelight-meet")?, 8, Persistence::Process)?;
    let mutex = NamedMutex::create_or_open(&names.name("pagelight-meet-turn")?, Persistence::Process)?;
    let who = if memory.was_created() { "first" } else { "second" };
    let number = memory.view(..)?;
    for _ in 0..10 {
        let guard = mutex.lock()?;
        if guard.abandoned() {
            println!("{who}: somebody died in the middle of a turn");
        }
        let old: u64 = number.read(0)?;
        std::thread::sleep(Duration::from_millis(20));
        number.write(0, &(old + 1))?;
        println!("{who}: {}", old + 1);
        drop(guard);
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
