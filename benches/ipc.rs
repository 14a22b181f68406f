//! Named objects beside what people use instead: `flock`, and Python's `multiprocessing.shared_memory`.
//!
//! `cargo bench --bench ipc`. The processes that wait, own and are killed are this program itself, started anew with a
//! part to play. Times between processes are read off the one monotonic clock.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use criterion::{Criterion, criterion_group};
use pagelight::ipc::{NamedMutex, Namespace, Persistence, SharedMemory};
use rustix::time::{ClockId, clock_gettime};

/// The environment variable that gives a process its part.
const PART: &str = "PAGELIGHT_BENCH_PART";
const FOLDER: &str = "PAGELIGHT_BENCH_FOLDER";

/// The two ways to exclude each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Mutex,
    Flock,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Way::Mutex => "named mutex",
            Way::Flock => "flock",
        }
    }
}

/// A folder on tmpfs with a namespace in it.
struct World(tempfile::TempDir);

impl World {
    fn new() -> World {
        let folder = tempfile::Builder::new()
            .prefix("pagelight-bench-")
            .tempdir_in("/dev/shm");
        World(folder.expect("a folder"))
    }

    fn names(&self) -> Namespace {
        names(self.0.path())
    }

    fn actor(&self, part: &str, way: Way) -> Actor {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(PART, format!("{part} {}", way.word()))
            .env(FOLDER, self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut actor = Actor {
            stdin: child.stdin.take().expect("piped"),
            lines: BufReader::new(child.stdout.take().expect("piped")),
            child,
        };
        actor.line();
        actor
    }
}

fn names(folder: &Path) -> Namespace {
    Namespace::at(&folder.join("live"), &folder.join("kept"))
}

fn lock_file(folder: &Path) -> PathBuf {
    folder.join("flock")
}

/// A process with a part.
struct Actor {
    child: Child,
    stdin: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Actor {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Tells it to go on, and gives it time to get as far as it can.
    fn go(&mut self) {
        writeln!(self.stdin).expect("it lives");
        std::thread::sleep(Duration::from_millis(2));
    }

    fn nanoseconds(&mut self) -> u64 {
        self.line().parse().expect("a time")
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// The life of a process that has a part: `owner` locks at once and keeps the lock, `waiter` locks whenever it is told
/// and says when it had it.
fn play(part: &str) {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    let names = names(&folder);
    let mutex = NamedMutex::create_or_open(&names.name("m").expect("a name"), Persistence::Process).expect("opened");
    let file = File::create(lock_file(&folder)).expect("opened");
    let say = |what: u64| {
        let mut out = std::io::stdout();
        writeln!(out, "{what}")
            .and_then(|()| out.flush())
            .expect("somebody listens");
    };
    let (part, way) = part.split_once(' ').expect("two words");
    let locked = || match way {
        "flock" => {
            file.lock().expect("locked");
            None
        }
        _ => Some(mutex.lock().expect("locked")),
    };
    if part == "owner" {
        let _guard = locked();
        say(0);
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    say(0);
    for line in std::io::stdin().lines() {
        line.expect("a command");
        let guard = locked();
        let had = now();
        drop(guard);
        file.unlock().expect("unlocked");
        say(had);
    }
}

fn uncontended(criterion: &mut Criterion) {
    let world = World::new();
    let mut group = criterion.benchmark_group("lock and unlock");
    let mutex = NamedMutex::create_new(&world.names().name("m").expect("a name"), Persistence::Process);
    let mutex = mutex.expect("made");
    group.bench_function("named mutex", |bench| {
        bench.iter(|| drop(mutex.lock().expect("locked")))
    });
    let minute = Duration::from_secs(60);
    group.bench_function("named mutex, with a time limit", |bench| {
        bench.iter(|| drop(mutex.lock_timeout(minute).expect("locked")))
    });
    let outer = mutex.lock().expect("locked");
    group.bench_function("named mutex, again by its owner", |bench| {
        bench.iter(|| drop(mutex.lock().expect("locked")))
    });
    drop(outer);
    let file = File::create(lock_file(world.0.path())).expect("a file");
    group.bench_function("flock", |bench| {
        bench.iter(|| {
            file.lock().expect("locked");
            file.unlock().expect("unlocked");
        })
    });
}

/// From the owner's release, or its death, until a process that waits has the lock.
fn waiting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("until a waiter has it");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(100));
    for way in [Way::Mutex, Way::Flock] {
        let world = World::new();
        let mut waiter = world.actor("waiter", way);
        let mutex = NamedMutex::open(&world.names().name("m").expect("a name")).expect("opened");
        let file = File::create(lock_file(world.0.path())).expect("a file");
        group.bench_function(format!("after a release, {}", way.word()), |bench| {
            bench.iter_custom(|rounds| {
                let mut sum = 0;
                for _ in 0..rounds {
                    let guard = match way {
                        Way::Mutex => Some(mutex.lock().expect("locked")),
                        Way::Flock => {
                            file.lock().expect("locked");
                            None
                        }
                    };
                    waiter.go();
                    let released = now();
                    drop(guard);
                    file.unlock().expect("unlocked");
                    sum += waiter.nanoseconds() - released;
                }
                Duration::from_nanos(sum)
            })
        });
        group.bench_function(format!("after kill -9, {}", way.word()), |bench| {
            bench.iter_custom(|rounds| {
                let mut sum = 0;
                for _ in 0..rounds {
                    let mut owner = world.actor("owner", way);
                    waiter.go();
                    let killed = now();
                    owner.child.kill().expect("killed");
                    sum += waiter.nanoseconds() - killed;
                }
                Duration::from_nanos(sum)
            })
        });
    }
}

fn coming_and_going(criterion: &mut Criterion) {
    let world = World::new();
    let names = world.names();
    let name = |text: &str| names.name(text).expect("a name");
    let mut group = criterion.benchmark_group("10,000 bytes");
    group
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(300));
    let fresh = name("fresh");
    group.bench_function("create, map, close", |bench| {
        bench.iter(|| {
            let memory = SharedMemory::create_new(&fresh, 10_000, Persistence::Process).expect("made");
            memory.view(..).expect("mapped")
        })
    });
    let there = name("there");
    let memory = SharedMemory::create_new(&there, 10_000, Persistence::Process).expect("made");
    group.bench_function("open, close", |bench| {
        bench.iter(|| SharedMemory::open(&there).expect("opened"))
    });
    group.bench_function("open, map, close", |bench| {
        bench.iter(|| SharedMemory::open(&there).expect("opened").view(..).expect("mapped"))
    });
    drop(memory);
    let path = world.0.path().join("plain");
    group.bench_function("a plain file: create, set length, remove", |bench| {
        bench.iter(|| {
            let file = File::create_new(&path).expect("made");
            file.set_len(10_000).expect("set");
            std::fs::remove_file(&path).expect("removed");
        })
    });
    for (what, setup, statement) in [
        (
            "Python: create, map, close, unlink",
            "pass",
            "m = S(create=True, size=10000); m.close(); m.unlink()",
        ),
        (
            "Python: open, map, close",
            "k = S(create=True, size=10000)",
            "S(name=k.name).close()",
        ),
    ] {
        if python(setup, statement, 1).is_none() {
            eprintln!("{what}: no python3 with multiprocessing.shared_memory here");
            continue;
        }
        group.sample_size(10).bench_function(what, |bench| {
            bench.iter_custom(|rounds| python(setup, statement, rounds).expect("as before"))
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("a mutex");
    group
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(300));
    let fresh = name("fresh mutex");
    group.bench_function("create, close", |bench| {
        bench.iter(|| NamedMutex::create_new(&fresh, Persistence::Process).expect("made"))
    });
    let path = lock_file(world.0.path());
    group.bench_function("flock: open, lock, close", |bench| {
        bench.iter(|| File::create(&path).expect("opened").lock().expect("locked"))
    });
}

/// How long Python needs for `rounds` times `statement`.
fn python(setup: &str, statement: &str, rounds: u64) -> Option<Duration> {
    let program = format!(
        "import timeit\nfrom multiprocessing.shared_memory import SharedMemory as S\n{setup}\n\
         print(timeit.timeit('''{statement}''', number={rounds}, globals=globals()))\n\
         if 'k' in globals(): k.close(); k.unlink()\n"
    );
    let output = Command::new("python3").arg("-c").arg(program).output().ok()?;
    let seconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().ok()?;
    Some(Duration::from_secs_f64(seconds))
}

criterion_group!(benches, uncontended, waiting, coming_and_going);

fn main() {
    match std::env::var(PART) {
        Ok(part) => play(&part),
        Err(_) => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
