//! A process that is executed one instruction at a time.
//!
//! What survives a kill is what lies in the maps of files, so only an instruction that stores there can make a new
//! state. [`Pace::EveryStore`] stops at those alone: the maps are made read-only, each store faults, is allowed, is
//! executed as one step, and the maps are closed again. (`rep movsb` stores a byte a step.) A step costs 25 us in a
//! virtual machine, and one instruction in some hundred is such a store. [`Pace::EveryInstruction`] leaves nothing out.
#![allow(
    unsafe_code,
    reason = "fork without exec, so that the child shares our code and our maps; a system call in its name"
)]

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use libc::user_regs_struct;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

const BEGIN: Signal = Signal::SIGSTOP;
const ENDED: Signal = Signal::SIGUSR2;
const FAILED: Signal = Signal::SIGUSR1;

/// Where a child stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// In the middle of its work.
    Inside,
    /// Behind its work.
    Ended,
    /// Behind its work, which failed; it has said why on its standard error.
    Failed,
}

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    EveryInstruction,
    EveryStore,
}

/// A child that has stopped. It is killed (`kill -9`) when dropped, and also if we are.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    pace: Pace,
    /// Maps of files that are closed to stores, the newest last.
    closed: Vec<Range<u64>>,
    /// The one that is open, and the instruction for which.
    open: Option<(Range<u64>, u64)>,
    syscall: Option<user_regs_struct>,
}

impl Child {
    /// Forks a child that stops before the first instruction of `work`. We must have no other threads. At the pace of
    /// stores these are the ones to files in `folder` and to those that the child maps.
    pub(crate) fn before(pace: Pace, folder: &Path, work: impl FnOnce() -> Result<(), String>) -> Child {
        // SAFETY: this process has one thread, so whatever the child then does, no lock is held by a thread that it
        // does not have.
        match unsafe { fork() }.expect("forked") {
            ForkResult::Parent { child: pid } => {
                let stopped = waitpid(pid, None).expect("waited");
                assert_eq!(stopped, WaitStatus::Stopped(pid, BEGIN));
                let options = Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACESYSGOOD;
                ptrace::setoptions(pid, options).expect("tied to our life");
                let mut child = Child {
                    pid,
                    pace,
                    closed: Vec::new(),
                    open: None,
                    syscall: None,
                };
                if pace == Pace::EveryStore {
                    child.close_maps_of(folder);
                }
                child
            }
            ForkResult::Child => {
                ptrace::traceme().expect("traced");
                raise(BEGIN).expect("stopped");
                let ended = catch_unwind(AssertUnwindSafe(work));
                let signal = match ended {
                    Ok(Ok(())) => ENDED,
                    Ok(Err(why)) => {
                        eprintln!("a stepped child failed: {why}");
                        FAILED
                    }
                    Err(_) => FAILED,
                };
                raise(signal).expect("stopped");
                unreachable!("nobody goes on after the end");
            }
        }
    }

    /// Executes one instruction (of `rep movsb`: one byte), or all up to and including the next store.
    pub(crate) fn step(&mut self) -> Step {
        match self.pace {
            Pace::EveryInstruction => {
                ptrace::step(self.pid, None).expect("stepped");
                self.wait()
            }
            Pace::EveryStore => self.step_to_store(),
        }
    }

    /// Executes all the rest.
    pub(crate) fn finish(mut self) -> Step {
        self.close();
        loop {
            match self.step_to_store() {
                Step::Inside => {}
                end => return end,
            }
        }
    }

    fn wait(&self) -> Step {
        match waitpid(self.pid, None).expect("waited") {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => Step::Inside,
            WaitStatus::Stopped(_, ENDED) => Step::Ended,
            WaitStatus::Stopped(_, FAILED) => Step::Failed,
            other => panic!("a stepped child came to an unexpected end: {other:?}"),
        }
    }

    fn step_to_store(&mut self) -> Step {
        // The same instruction once more: the next byte of a `rep movsb`.
        let again = |(_, at): &(Range<u64>, u64)| *at == self.registers().rip;
        if !self.open.as_ref().is_some_and(again) {
            self.close();
            if let Some(end) = self.go_to_store() {
                return end;
            }
        }
        ptrace::step(self.pid, None).expect("stepped");
        self.wait()
    }

    /// Goes on until an instruction wants to store to a closed map, and opens that; or to the end.
    fn go_to_store(&mut self) -> Option<Step> {
        loop {
            ptrace::syscall(self.pid, None).expect("continued");
            match waitpid(self.pid, None).expect("waited") {
                WaitStatus::PtraceSyscall(_) => self.at_syscall(),
                WaitStatus::Stopped(_, ENDED) => return Some(Step::Ended),
                WaitStatus::Stopped(_, FAILED) => return Some(Step::Failed),
                WaitStatus::Stopped(_, Signal::SIGSEGV) => {
                    let info = ptrace::getsiginfo(self.pid).expect("a stopped child");
                    // SAFETY: of this signal the information holds an address.
                    let address = unsafe { info.si_addr() }.addr() as u64;
                    let map = self.closed.iter().rev().find(|map| map.contains(&address)).cloned();
                    let map = map.unwrap_or_else(|| panic!("a fault at {address:#x}, in no map of ours"));
                    self.protect(&map, libc::PROT_READ | libc::PROT_WRITE);
                    self.open = Some((map, self.registers().rip));
                    return None;
                }
                other => panic!("a stepped child came to an unexpected end: {other:?}"),
            }
        }
    }

    /// Sees to it that what the child maps is closed too. Called at the begin and at the end of each system call.
    fn at_syscall(&mut self) {
        let mut registers = self.registers();
        match (self.syscall.take(), registers.orig_rax.cast_signed()) {
            (None, number) => {
                self.syscall = Some(registers);
                let shared_file = registers.r10 & MAP_SHARED != 0 && registers.r8.cast_signed() >= 0;
                if number == libc::SYS_mmap && shared_file && registers.rdx & WRITE != 0 {
                    registers.rdx &= !WRITE;
                } else if number == libc::SYS_madvise && registers.rdx == libc::MADV_POPULATE_WRITE as u64 {
                    // It would refuse a closed map.
                    registers.rdx = libc::MADV_POPULATE_READ as u64;
                }
                ptrace::setregs(self.pid, registers).expect("set");
            }
            (Some(before), libc::SYS_mmap) if before.rdx & WRITE != 0 && before.r10 & MAP_SHARED != 0 => {
                self.closed.push(registers.rax..registers.rax + before.rsi);
            }
            (Some(before), libc::SYS_munmap) => self.closed.retain(|map| map.start != before.rdi),
            _ => {}
        }
    }

    fn close_maps_of(&mut self, folder: &Path) {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).expect("read");
        let folder = folder.to_str().expect("a plain name");
        for line in maps
            .lines()
            .filter(|line| line.contains(folder) && line.contains(" rw-s "))
        {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let (start, end) = range.expect("a range");
            let number = |digits| u64::from_str_radix(digits, 16).expect("an address");
            let map = number(start)..number(end);
            self.protect(&map, libc::PROT_READ);
            self.closed.push(map);
        }
    }

    fn close(&mut self) {
        if let Some((map, _)) = self.open.take() {
            self.protect(&map, libc::PROT_READ);
        }
    }

    /// `mprotect` in the child's name.
    fn protect(&self, map: &Range<u64>, protection: i32) {
        let before = self.registers();
        let call = user_regs_struct {
            rip: (syscall_instruction as *const ()).addr() as u64,
            // What stopped the child was no system call that would have to be begun again.
            orig_rax: u64::MAX,
            rax: libc::SYS_mprotect.cast_unsigned(),
            rdi: map.start,
            rsi: map.end - map.start,
            rdx: protection as u64,
            ..before
        };
        ptrace::setregs(self.pid, call).expect("set");
        for _ in ["begin", "end"] {
            ptrace::syscall(self.pid, None).expect("continued");
            let stopped = waitpid(self.pid, None).expect("waited");
            assert_eq!(stopped, WaitStatus::PtraceSyscall(self.pid));
        }
        assert_eq!(self.registers().rax, 0, "mprotect failed");
        ptrace::setregs(self.pid, before).expect("set");
    }

    fn registers(&self) -> user_regs_struct {
        ptrace::getregs(self.pid).expect("a stopped child")
    }
}

const MAP_SHARED: u64 = libc::MAP_SHARED as u64;
const WRITE: u64 = libc::PROT_WRITE as u64;

/// Where the child goes for a system call that it does not know of.
#[unsafe(naked)]
unsafe extern "C" fn syscall_instruction() {
    core::arch::naked_asm!("syscall", "ud2")
}

impl Drop for Child {
    fn drop(&mut self) {
        // Neither can fail for a child that stopped; if one did, to panic in a drop would hide why.
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}

/// True if the system lets a process be traced by its parent; says so if not.
pub(crate) fn may_trace() -> bool {
    // SAFETY: as for any other child, of which see above; this one only asks and exits.
    let may = match unsafe { fork() }.expect("forked") {
        ForkResult::Parent { child } => waitpid(child, None).expect("waited") == WaitStatus::Exited(child, 0),
        ForkResult::Child => std::process::exit(i32::from(ptrace::traceme().is_err())),
    };
    if !may {
        println!("skipped: no right to trace");
    }
    may
}

/// Keeps us and all children on one processor: they only ever take turns, and a turn is then several times cheaper.
pub(crate) fn stay_on_one_processor() {
    let here = sched_getcpu().expect("a processor");
    let mut set = CpuSet::new();
    set.set(here).expect("its number is small");
    sched_setaffinity(Pid::from_raw(0), &set).expect("moved");
}
