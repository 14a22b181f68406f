//! Microsoft's memory-mapped-file sample in Rust: a part of an extremely large file, pixel by pixel.
//!
//! `cargo run --release --example mycolor -- IMAGE OFFSET LENGTH AMOUNT`
//!
//! It shows what a view is. It is slow, has one thread, and knows no journal: killed half-way, it leaves a half-edited
//! file. The example `edit` does the same with all of that.

use std::error::Error;

use bytemuck::{Pod, Zeroable};
use pagelight::map::{Access, MappedFile};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct MyColor {
    red: i16,
    green: i16,
    blue: i16,
    alpha: i16,
}

impl MyColor {
    /// Makes the view brighter.
    fn brighten(&mut self, value: i16) {
        for channel in [&mut self.red, &mut self.green, &mut self.blue, &mut self.alpha] {
            *channel = channel.saturating_add(value);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, offset, length, amount] = words.as_slice() else {
        return Err("say which image, from which byte on, how many bytes, and by how much".into());
    };
    let (offset, length, amount): (u64, u64, i16) = (offset.parse()?, length.parse()?, amount.parse()?);
    // A file that somebody truncates meanwhile is an error then, and not the end of this program.
    pagelight::guard_signals()?;

    let file = MappedFile::open(path, Access::ReadWrite)?;
    let accessor = file.view(offset..offset + length)?;
    let whole_pixels = accessor.len() / size_of::<MyColor>();
    for at in (0..whole_pixels).map(|pixel| pixel * size_of::<MyColor>()) {
        let mut color: MyColor = accessor.read(at)?;
        color.brighten(amount);
        accessor.write(at, &color)?;
    }
    println!("{whole_pixels} pixels");
    Ok(())
}
