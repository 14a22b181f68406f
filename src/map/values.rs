//! Values in a view: those of which not every pattern of bits is one, many at once, and their address.

use bytemuck::checked::CheckedBitPattern;
use bytemuck::{AnyBitPattern, NoUninit};

use super::View;
use crate::error::{Error, Result};

impl View {
    /// Reads the value at byte `at`, which needs no alignment, of a type of which not every pattern of bits is a value:
    /// `bool`, `char`, an enum.
    ///
    /// In .NET: `ReadBoolean(position)`, `ReadChar(position)`, which take any bits.
    ///
    /// # Errors
    /// `Request` if it reaches past the end of the view, or the bytes there are no such value.
    pub fn read_checked<T: CheckedBitPattern>(&self, at: usize) -> Result<T> {
        let mut bytes = vec![0; size_of::<T>()];
        self.copy_out(at, &mut bytes)?;
        bytemuck::checked::try_pod_read_unaligned(&bytes).map_err(|_| {
            let (length, name) = (bytes.len(), std::any::type_name::<T>());
            Error::request(
                self.path(),
                format!("the {length} bytes at byte {at} of the view are no {name}"),
            )
        })
    }

    /// Fills `values` with those that lie at byte `at` and behind it, without gaps.
    ///
    /// In .NET: `ReadArray(position, array, 0, array.Length)`, which reads fewer where the view ends.
    ///
    /// # Errors
    /// `Request` if they reach past the end of the view; then none is read.
    pub fn read_slice<T: AnyBitPattern + NoUninit>(&self, at: usize, values: &mut [T]) -> Result<()> {
        self.copy_out(at, bytemuck::cast_slice_mut(values))
    }

    /// Writes all `values` at byte `at` and behind it, without gaps.
    ///
    /// In .NET: `WriteArray(position, array, 0, array.Length)`.
    ///
    /// # Errors
    /// As for [`View::write`]; then none is written.
    pub fn write_slice<T: NoUninit>(&self, at: usize, values: &[T]) -> Result<()> {
        self.copy_in(at, bytemuck::cast_slice(values))
    }

    /// The address of the view's first byte, for those who know what they do with it; of an empty view it leads
    /// nowhere.
    ///
    /// It is good as long as the view, for [`View::len`] bytes, and for writing only if the view may be written. Others
    /// may change the bytes at any moment: to make a reference of it is wrong if anybody does, in any process. If
    /// somebody truncates the file, to reach what is gone is a signal (SIGBUS) whether or not the guard of
    /// [`crate::os::fault`] is installed.
    ///
    /// In .NET: `SafeMemoryMappedViewHandle.AcquirePointer`.
    pub fn as_ptr(&self) -> *mut u8 {
        self.pointer(0, 0).expect("nothing is always inside")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_are_read() {
        let view = View::anonymous(16).expect("mapped");
        view.write_slice(1, &[1u8, 0, 2, 0]).expect("inside");
        assert!(view.read_checked::<bool>(1).expect("true"));
        assert!(!view.read_checked::<bool>(2).expect("false"));
        let error = view.read_checked::<bool>(3).expect_err("neither").to_string();
        assert_eq!(error, "memory: the 1 bytes at byte 3 of the view are no bool");
        view.write(5, &0x1F600u32).expect("inside");
        assert_eq!(view.read_checked::<char>(5).expect("a face"), '\u{1F600}');
        view.write(5, &0xD800u32).expect("inside");
        assert!(view.read_checked::<char>(5).is_err());
        assert!(view.read_checked::<char>(13).is_err());
    }

    #[test]
    fn many_at_once() {
        let view = View::anonymous(9).expect("mapped");
        view.write_slice(1, &[0x0102u16, 0x0304, 0x0506, 0x0708])
            .expect("inside");
        let mut values = [0u32; 2];
        view.read_slice(1, &mut values).expect("inside");
        assert_eq!(
            values.map(u32::to_ne_bytes).concat(),
            [0x0102u16, 0x0304, 0x0506, 0x0708].map(u16::to_ne_bytes).concat()
        );
        assert!(view.read_slice(2, &mut values).is_err());
        assert!(view.write_slice(2, &values).is_err());
        assert_eq!(view.read::<u8>(0).expect("inside"), 0);
        view.read_slice::<u64>(9, &mut []).expect("nothing fits");
    }

    #[test]
    fn views_may_cross_a_caught_panic() {
        fn is_unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
        is_unwind_safe::<View>();
        is_unwind_safe::<crate::map::MappedFile>();
    }
}
