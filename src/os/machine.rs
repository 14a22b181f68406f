//! What machine this is, as far as it helps to judge figures: from `/proc`, which every user may read.

use std::fs::read_to_string;

use rustix::param::page_size;

/// What the system tells of itself; what it does not tell is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: String,
    /// The processor's name.
    pub processor: String,
    /// All memory.
    pub memory_bytes: u64,
    /// What programs can still have without swapping.
    pub available_bytes: u64,
    /// With more than this changed and not yet on disks, the system begins to write, whoever works meanwhile.
    pub unwritten_bytes: u64,
}

impl Machine {
    /// This machine, now.
    pub fn here() -> Machine {
        let read = |path| read_to_string(path).unwrap_or_default();
        let memory = read("/proc/meminfo");
        let processors = read("/proc/cpuinfo");
        Machine {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: field(&processors, "model name").unwrap_or_default().to_owned(),
            memory_bytes: bytes(&memory, "MemTotal"),
            available_bytes: bytes(&memory, "MemAvailable"),
            unwritten_bytes: pages(&read("/proc/vmstat"), "nr_dirty_background_threshold"),
        }
    }
}

/// The value of the first line that begins with `name` and a colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// A line of `/proc/meminfo`, which is in KiB.
fn bytes(text: &str, name: &str) -> u64 {
    let words = field(text, name).and_then(|value| value.strip_suffix(" kB"));
    words.and_then(|number| number.trim().parse().ok()).unwrap_or(0) << 10
}

/// A line of `/proc/vmstat`, which is in pages.
fn pages(text: &str, name: &str) -> u64 {
    let mut numbers = text.lines().filter_map(|line| line.split_once(' '));
    let found = numbers.find(|(key, _)| *key == name);
    let pages: u64 = found.and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
    pages * page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_are_read() {
        let memory = "MemTotal:       24000000 kB\nMemFree:  5 kB\nHugePages_Total:       0\n";
        assert_eq!(bytes(memory, "MemTotal"), 24_576_000_000);
        assert_eq!(bytes(memory, "MemFree"), 5120);
        assert_eq!(bytes(memory, "MemAvailable"), 0);
        assert_eq!(bytes(memory, "HugePages_Total"), 0);
        assert_eq!(field("model name\t: A B\n", "model name"), Some("A B"));
        assert_eq!(pages("nr_x 7\nnr_xy 3\n", "nr_xy"), 3 * page_size() as u64);
        assert_eq!(pages("", "nr_x"), 0);
        let here = Machine::here();
        assert!(
            !here.kernel.is_empty() && here.available_bytes <= here.memory_bytes,
            "{here:?}"
        );
    }
}
