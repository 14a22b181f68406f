//! Killed at any instruction, and finished exactly: this program starts itself to edit an image, kills that half-way,
//! says what is left, finishes it, and compares every byte.
//!
//! `cargo run --release --example crash`

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};

use pagelight::{Image, Op};

const HEADER: &[u8] = b"P6 4096 1024 65535\n";
const AMOUNT: u16 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(path) = std::env::args_os().nth(1) {
        return edit_until_killed(Path::new(&path));
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("scan.ppm");
    let before: Vec<u8> = (0..4096 * 1024 * 6u32).map(|i| (i % 251) as u8).collect();
    std::fs::write(&path, [HEADER, &before].concat())?;

    let mut child = Command::new(std::env::current_exe()?)
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()?;
    // It says so once some of it is done.
    let mut said = [0; 1];
    std::io::Read::read_exact(child.stdout.as_mut().ok_or("a pipe")?, &mut said)?;
    child.kill()?;
    child.wait()?;

    let image = Image::open(&path)?;
    for job in image.pending()? {
        println!("cut short: {} of {}", job.job.op, job.job.target.description.part);
        println!("finished: {:?}", image.resume(job)?);
    }
    let brighter = |sample: &[u8]| u16::from_be_bytes([sample[0], sample[1]]).saturating_add(AMOUNT);
    let want: Vec<u8> = before
        .chunks(2)
        .flat_map(|sample| brighter(sample).to_be_bytes())
        .collect();
    let is_exact = std::fs::read(&path)? == [HEADER, &want].concat();
    println!("every sample is brighter by {AMOUNT}, once: {is_exact}");
    if is_exact { Ok(()) } else { Err("it is not".into()) }
}

/// An edit that stands still once some of it is done, as a program does that is about to be killed.
fn edit_until_killed(path: &Path) -> Result<(), Box<dyn Error>> {
    let image = Image::open(path)?;
    image
        .edit(Op::brighten(i32::from(AMOUNT)))
        .on_progress(|done_bytes| {
            if done_bytes > 4096 * 512 * 6 {
                println!("half of it");
                std::thread::park();
            }
            ControlFlow::Continue(())
        })
        .run()?;
    Ok(())
}
