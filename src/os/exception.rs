//! The exception table: which instructions may fault, and where the thread goes on then. See `fault`.

/// An entry of the exception table: the instructions of a copy that touch the pages, and where it goes on after a fault
/// in one of them.
pub(super) struct ExceptionEntry {
    /// Addresses of the instructions.
    pub(super) may_fault: std::ops::Range<usize>,
    /// The address to go on at.
    pub(super) fixup: usize,
}

impl ExceptionEntry {
    /// From the address of its first instruction to that of its fixup.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn new(begin: *const u8, fixup: *const u8) -> ExceptionEntry {
        ExceptionEntry {
            may_fault: begin.addr()..fixup.addr(),
            fixup: fixup.addr(),
        }
    }
}
