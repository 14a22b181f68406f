//! An edit with progress that Ctrl-C pauses, and that is finished when it is started again.
//!
//! `cargo run --release --example edit -- IMAGE AMOUNT`

use std::error::Error;
use std::ops::ControlFlow;

use pagelight::{Image, Interrupt, Op};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, amount] = words.as_slice() else {
        return Err("say which image, and by how much".into());
    };
    let amount = amount.parse()?;

    // A file that somebody truncates meanwhile is an error then, and not the end of this program.
    pagelight::guard_signals()?;
    let interrupt = Interrupt::install()?;

    let image = Image::open(path)?;
    let cut_short = image.pending()?;
    if !cut_short.is_empty() {
        for job in cut_short {
            println!("finishing {} of {}", job.job.op, job.job.target.description.part);
            println!("{:?}", image.resume(job)?);
        }
        return Ok(());
    }
    let all_bytes = image.described().layout.data_bytes();
    let ended = image
        .edit(Op::brighten(amount))
        .on_progress(|done_bytes| {
            if done_bytes > 0 {
                eprint!("\r{} of {} MB", done_bytes / 1_000_000, all_bytes / 1_000_000);
            }
            if interrupt.asked() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .run()?;
    eprintln!();
    println!("{ended:?}");
    Ok(())
}
