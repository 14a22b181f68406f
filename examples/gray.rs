//! A function of your own over whole pixels, exactly once like every edit: colors become gray, as bright as they were.
//!
//! `cargo run --release --example gray -- IMAGE [PROCESSES]`
//!
//! The work is shared by copies of this program. If all of them are killed, the next run finishes what they had begun:
//! the journal knows the function by its name.

use std::process::ExitCode;

use pagelight::op::PixelFunction;
use pagelight::{Change, Error, Image, Op, worker};

/// The brightness of a pixel of red, green, blue, by the weights of Rec. 709 for linear light, in whole numbers.
fn gray(pixel: &mut [i32]) {
    if let [red, green, blue, ..] = pixel {
        let brightness = (2126 * *red + 7152 * *green + 722 * *blue) / 10_000;
        (*red, *green, *blue) = (brightness, brightness, brightness);
    }
}

fn main() -> ExitCode {
    let functions = [PixelFunction::new("rec709 gray, version 1", gray)];
    // The copies that share the work begin and end here.
    let ended = match worker::serve(std::env::args_os(), &functions) {
        Some(worked) => worked,
        None => edit(&functions),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            worker::exit_code(&error)
        }
    }
}

fn edit(functions: &[PixelFunction]) -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let path = words.next().unwrap_or_default();
    let processes = words.next().and_then(|word| word.parse().ok()).unwrap_or(2);
    // A file that somebody truncates meanwhile is an error then, and not the end of this program.
    pagelight::guard_signals()?;

    let image = Image::open(path)?;
    let cut_short = image.pending()?;
    if !cut_short.is_empty() {
        for job in cut_short {
            println!("finishing {} of {}", job.job.op, job.job.target.description.part);
            println!("{:?}", image.resume(job.with(functions))?);
        }
        return Ok(());
    }
    let function = Change::Op(Op::Function(functions[0].clone()));
    let outcome = image.edit(function).processes(processes).run()?;
    println!("{outcome:?}");
    Ok(())
}
