//! Progress on stderr: a bar on a terminal, else a plain line now and then.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pagelight::os::interrupt::Interrupt;

use super::{Global, ProgressChoice, output};

/// How often a plain line is printed; work that is done sooner prints none.
const PLAIN_INTERVAL: Duration = Duration::from_secs(2);

/// Shows how far work on a known number of bytes has come, until dropped.
pub(super) struct Meter {
    show: Show,
    begun: Instant,
    /// When the last bytes were done, in nanoseconds since.
    last_nanoseconds: AtomicU64,
    interrupt: Option<Interrupt>,
}

enum Show {
    Bar(ProgressBar),
    Plain {
        doing: String,
        total_bytes: u64,
        done_bytes: AtomicU64,
        last_line: Mutex<Instant>,
    },
    Nothing,
}

impl Meter {
    /// A meter for `total_bytes` of work, of which `done_bytes` are done; `doing` is what is said before the numbers.
    pub(super) fn new(global: &Global, doing: &str, total_bytes: u64, done_bytes: u64) -> Meter {
        let show = match global.progress {
            ProgressChoice::Never => Show::Nothing,
            _ if global.quiet => Show::Nothing,
            ProgressChoice::Auto if std::io::stderr().is_terminal() => Show::Bar(bar(doing, total_bytes, done_bytes)),
            ProgressChoice::Auto | ProgressChoice::Plain => Show::Plain {
                doing: doing.to_owned(),
                total_bytes,
                done_bytes: AtomicU64::new(done_bytes),
                last_line: Mutex::new(Instant::now()),
            },
        };
        Meter {
            show,
            begun: Instant::now(),
            last_nanoseconds: AtomicU64::new(0),
            interrupt: global.interrupt.clone(),
        }
    }

    /// From the beginning to the last bytes that were done.
    pub(super) fn work_time(&self) -> Duration {
        Duration::from_nanos(self.last_nanoseconds.load(Ordering::Relaxed))
    }

    /// Counts `bytes` more as done. Fit for being called often, from any thread. `Break` once the user asked to stop.
    pub(super) fn add(&self, bytes: u64) -> ControlFlow<()> {
        let elapsed = self.begun.elapsed();
        let nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.last_nanoseconds.fetch_max(nanoseconds, Ordering::Relaxed);
        match &self.show {
            Show::Bar(bar) => bar.inc(bytes),
            Show::Plain {
                doing,
                total_bytes,
                done_bytes,
                last_line,
            } => {
                let done_bytes = done_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
                // Whoever finds it locked need not print: somebody is just doing so.
                if let Ok(mut last_line) = last_line.try_lock()
                    && last_line.elapsed() >= PLAIN_INTERVAL
                {
                    *last_line = Instant::now();
                    output::to_stderr(&plain_line(doing, done_bytes, *total_bytes, elapsed));
                }
            }
            Show::Nothing => {}
        }
        match &self.interrupt {
            Some(interrupt) if interrupt.asked() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}

fn bar(doing: &str, total_bytes: u64, done_bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr()).with_position(done_bytes);
    let template = "{msg} {wide_bar} {percent:>3} %  {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  \
                    {eta} left";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(doing.to_owned());
    bar
}

fn plain_line(doing: &str, done_bytes: u64, total_bytes: u64, elapsed: Duration) -> String {
    if done_bytes == 0 {
        // Nobody knows how long it will take.
        return format!("{doing}: 0 B of {}", output::bytes(total_bytes));
    }
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
        let line = plain_line("brighten", 0, 4_000_000_000, Duration::from_secs(2));
        assert_eq!(line, "brighten: 0 B of 4 GB");
    }
}
