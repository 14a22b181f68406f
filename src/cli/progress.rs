//! Progress on stderr: a bar on a terminal, else a plain line now and then.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Global, ProgressChoice, output};

/// How often a plain line is printed; work that is done sooner prints none.
const PLAIN_INTERVAL: Duration = Duration::from_secs(2);

/// Shows how far work on a known number of bytes has come, until dropped.
pub(super) struct Meter {
    show: Show,
}

enum Show {
    Bar(ProgressBar),
    Plain {
        doing: String,
        total_bytes: u64,
        done_bytes: AtomicU64,
        begun: Instant,
        last_line: Mutex<Instant>,
    },
    Nothing,
}

impl Meter {
    /// A meter for `total_bytes` of work; `doing` is what is said before the numbers.
    pub(super) fn new(global: &Global, doing: &str, total_bytes: u64) -> Meter {
        let show = match global.progress {
            ProgressChoice::Never => Show::Nothing,
            _ if global.quiet => Show::Nothing,
            ProgressChoice::Auto if std::io::stderr().is_terminal() => Show::Bar(bar(doing, total_bytes)),
            ProgressChoice::Auto | ProgressChoice::Plain => Show::Plain {
                doing: doing.to_owned(),
                total_bytes,
                done_bytes: AtomicU64::new(0),
                begun: Instant::now(),
                last_line: Mutex::new(Instant::now()),
            },
        };
        Meter { show }
    }

    /// Counts `bytes` more as done. Fit for being called often, from any thread.
    pub(super) fn add(&self, bytes: u64) -> ControlFlow<()> {
        match &self.show {
            Show::Bar(bar) => bar.inc(bytes),
            Show::Plain {
                doing,
                total_bytes,
                done_bytes,
                begun,
                last_line,
            } => {
                let done_bytes = done_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
                // Whoever finds it locked need not print: somebody is just doing so.
                if let Ok(mut last_line) = last_line.try_lock()
                    && last_line.elapsed() >= PLAIN_INTERVAL
                {
                    *last_line = Instant::now();
                    output::to_stderr(&plain_line(doing, done_bytes, *total_bytes, begun.elapsed()));
                }
            }
            Show::Nothing => {}
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}

fn bar(doing: &str, total_bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr());
    let template = "{msg} {wide_bar} {percent:>3} %  {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  \
                    {eta} left";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(doing.to_owned());
    bar
}

fn plain_line(doing: &str, done_bytes: u64, total_bytes: u64, elapsed: Duration) -> String {
    let left = elapsed.as_secs_f64() / done_bytes.max(1) as f64 * total_bytes.saturating_sub(done_bytes) as f64;
    format!(
        "{doing}: {} of {} ({}), {:.2} GB/s, {} left",
        output::bytes(done_bytes),
        output::bytes(total_bytes),
        output::percent(done_bytes, total_bytes),
        output::gigabytes_per_second(done_bytes, elapsed),
        indicatif::HumanDuration(Duration::from_secs_f64(left)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_says_how_far_how_fast_and_how_long() {
        let line = plain_line("brighten", 1_000_000_000, 4_000_000_000, Duration::from_secs(2));
        assert_eq!(line, "brighten: 1 GB of 4 GB (25 %), 0.50 GB/s, 6 seconds left");
    }
}
