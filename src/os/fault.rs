//! SIGBUS as an error: what happens when a map's page cannot be had, because the file was truncated, the disk is full
//! or broken.
//!
//! The copies in [`super::copy`], `copy_add` and `copy_lookup` beside it are the only code that touches the pages of an
//! image, and they and the routines of `word` the only code that touches those of a journal. Each has an exception
//! entry: a short range of instructions that may fault, and a fixup after it, from which it returns what was not
//! copied. The handler below sends a thread that faulted in such a range to its fixup. Every other SIGBUS goes to
//! whoever handled the signal before.
#![allow(
    unsafe_code,
    reason = "a signal handler that moves the program counter cannot be written without"
)]

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use libc::{c_int, c_void, siginfo_t};

use crate::error::{Error, Result};

/// Who handled SIGBUS before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// From now on a file that is truncated while it is mapped, a full disk behind a hole and a page that cannot be read
/// are errors of whoever meets them in an edit or in a [`View`](crate::map::View), and no longer a SIGBUS that ends the
/// process. To be called once; handlers that were there before hear of every other SIGBUS.
///
/// # Errors
/// `Io`: whatever the system says.
pub fn guard_signals() -> Result<()> {
    install().map_err(|error| Error::io("watch", Path::new("signals"), error))
}

/// From now on a fault in a copy is an error of that copy. A program asks for this; a library never does by itself.
///
/// # Errors
/// Whatever the system says.
pub fn install() -> io::Result<()> {
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = on_bus_error;
    // SAFETY: a `sigaction` of zeros is a valid one: no flags, an empty mask, the default handler.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    let mut before = action;
    // SAFETY: both pointers are to live `sigaction`s; the handler has the form that SA_SIGINFO asks for and does only
    // what a handler may do.
    let installed = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) };
    if installed != 0 {
        return Err(io::Error::last_os_error());
    }
    // A second call must not make the handler its own predecessor.
    if before.sa_sigaction != handler as usize {
        let _ = BEFORE.set(before);
    }
    Ok(())
}

extern "C" fn on_bus_error(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    if fix_up(context) {
        return;
    }
    match BEFORE
        .get()
        .map(|before| (before.sa_sigaction, before.sa_flags & libc::SA_SIGINFO != 0))
    {
        Some((address, true)) if address > libc::SIG_IGN => {
            // SAFETY: the system gave us this address as that of a handler of this form.
            let handler =
                unsafe { std::mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(address) };
            handler(signal, info, context);
        }
        Some((address, false)) if address > libc::SIG_IGN => {
            // SAFETY: the system gave us this address as that of a handler of this form.
            let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(address) };
            handler(signal);
        }
        _ => {
            // SAFETY: sets the default action, which is always allowed; the instruction then faults again and ends us.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

/// Sends the interrupted thread to the fixup of the copy that it faulted in, if it did.
#[cfg(target_arch = "x86_64")]
fn fix_up(context: *mut c_void) -> bool {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the system hands a handler that was installed with SA_SIGINFO a pointer to the thread's `ucontext_t`,
    // which is the handler's alone until it returns.
    let registers = unsafe { &mut (*context).uc_mcontext.gregs };
    let counter = &mut registers[libc::REG_RIP as usize];
    let exception_entries = [super::copy::exception_entry(), super::copy_lookup::exception_entry()].into_iter();
    for exception_entry in exception_entries
        .chain(super::copy_add::exception_entries())
        .chain(super::word::exception_entries())
    {
        if usize::try_from(*counter).is_ok_and(|at| exception_entry.may_fault.contains(&at)) {
            *counter = exception_entry.fixup as i64;
            return true;
        }
    }
    false
}

/// The copies for this kind of machine have no fixups.
#[cfg(not(target_arch = "x86_64"))]
fn fix_up(_: *mut c_void) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::digest::Key;
    use crate::kernel::Kernel;
    use crate::map::{Access, CopyEdit, MappedFile, View};
    use crate::op::{Op, Table};
    use crate::pixel::{ByteOrder, ChannelSet, Sample};

    #[test]
    fn a_truncated_file_is_an_error_of_every_kind_of_copy() {
        install().expect("installed");
        install().expect("installed twice");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("image.raw");
        std::fs::write(&path, vec![7; 20_000]).expect("written");
        let file = MappedFile::open(&path, Access::ReadWrite).expect("opened");
        let view = file.view(1..20_000).expect("mapped");
        let slot = View::anonymous(20_000).expect("mapped");
        file.file().set_len(5000).expect("truncated");

        let sample = Sample::U16;
        let lanes = ChannelSet::of(4, |lane| lane < 3);
        let edit = |op| {
            let kernel = Kernel::new(&op, sample, ByteOrder::Little, &lanes);
            CopyEdit::new(kernel, Arc::new(Key::new(1)))
        };
        let brighten = edit(Op::Brighten { amount: 1 });
        let halve = Table::from_values("halve".to_owned(), sample, |value| f64::from(value) / 2.0, None);
        let table = edit(Op::Table(Arc::new(halve)));
        let mut bytes = [0; 100];
        let at_word = 15_007;
        for error in [
            view.load_word(at_word).map(drop).expect_err("gone"),
            view.store_word(at_word, 1).expect_err("gone"),
            view.replace_word(at_word, 0, 1).map(drop).expect_err("gone"),
            view.add_to_word(at_word, 1).map(drop).expect_err("gone"),
            view.copy_out(15_000, &mut bytes).expect_err("gone"),
            view.copy_out(8150, &mut bytes).expect_err("partly gone"),
            view.copy_in(15_000, &bytes).expect_err("gone"),
            view.copy_from(8150, &slot, 0, 8000).expect_err("gone"),
            view.copy_edited(7, &slot, 0, 16_000, &brighten, 0, &mut 0)
                .map(drop)
                .expect_err("gone"),
            view.copy_edited(7, &slot, 0, 16_000, &table, 0, &mut 0)
                .map(drop)
                .expect_err("gone"),
        ] {
            let words = error.to_string();
            assert!(words.contains("truncated to 5000 bytes"), "{words}");
        }
        view.copy_out(100, &mut bytes).expect("still there");
        assert_eq!(bytes, [7; 100]);
        for edit in [&brighten, &table] {
            view.copy_edited(7, &slot, 0, 4800, edit, 0, &mut 0)
                .map(drop)
                .expect("still there");
        }
    }
}
