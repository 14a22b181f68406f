//! What is to be done to an image: [`Job`] = [`Op`] + [`Window`] + what its pixels look like.
//!
//! A job can be written into 64 bytes and read back, so that it can be finished by somebody who knows nothing else:
//!
//! ```text
//! byte  length
//!    0       4  amount, signed
//!    4       1  channels that are edited, a bit each
//!    5       1  channels of the format, by their place in `Channels::ALL`
//!    6       1  sample: 0 unsigned, 1 signed
//!    7       1  byte order: 0 little, 1 big
//!    8      32  window: file position, bytes in a row, bytes from row to row, rows
//!   40      24  zero
//! ```

use crate::op::{MAX_AMOUNT, Op};
use crate::pixel::{ByteOrder, ChannelSet, Channels, PixelFormat, Sample};
use crate::window::Window;

/// One edit of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// What happens to every pixel of the window.
    pub op: Op,
    /// What the pixels look like.
    pub format: PixelFormat,
    /// Which pixels.
    pub window: Window,
}

impl Job {
    /// The job as bytes.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..4].copy_from_slice(&self.op.amount.to_le_bytes());
        bytes[4] = self.op.channels.bits();
        let place = Channels::ALL
            .iter()
            .position(|&channels| channels == self.format.channels);
        bytes[5] = place
            .and_then(|place| u8::try_from(place).ok())
            .expect("all channels are listed");
        bytes[6] = u8::from(self.format.sample == Sample::I16);
        bytes[7] = u8::from(self.format.order == ByteOrder::Big);
        for (number, bytes) in self.window.to_numbers().iter().zip(bytes[8..].chunks_exact_mut(8)) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The job that [`Job::to_bytes`] wrote; `None` if it could not have.
    pub fn from_bytes(bytes: &[u8; 64]) -> Option<Job> {
        let amount = i32::from_le_bytes(std::array::from_fn(|i| bytes[i]));
        let format = PixelFormat {
            channels: *Channels::ALL.get(usize::from(bytes[5]))?,
            sample: [Sample::U16, Sample::I16].get(usize::from(bytes[6])).copied()?,
            order: [ByteOrder::Little, ByteOrder::Big]
                .get(usize::from(bytes[7]))
                .copied()?,
        };
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let window = Window::from_numbers([8, 16, 24, 32].map(number), format.pixel_bytes())?;
        let channels = ChannelSet::from_bits(bytes[4], format.channels)?;
        let zero = bytes[40..].iter().all(|&byte| byte == 0);
        (zero && amount.abs() <= MAX_AMOUNT).then_some(Job {
            op: Op { amount, channels },
            format,
            window,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    #[test]
    fn a_job_reads_back_and_damage_is_noticed_or_means_another_job() {
        for name in ["rgba16", "rgb:i16be", "mycolor", "graya16"] {
            let format: PixelFormat = name.parse().expect("a format");
            let layout = Layout::new(13, 500, 400, format).expect("a layout");
            for window in [
                Window::whole(&layout),
                Window::rect(&layout, 3, 5, 70, 11).expect("inside"),
            ] {
                let channels = format.channels.color();
                let op = Op {
                    amount: -65_535,
                    channels,
                };
                let job = Job { op, format, window };
                let bytes = job.to_bytes();
                assert_eq!(Job::from_bytes(&bytes), Some(job));
                for bit in 0..bytes.len() * 8 {
                    let mut flipped = bytes;
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    assert_ne!(Job::from_bytes(&flipped), Some(job));
                }
            }
        }
    }
}
