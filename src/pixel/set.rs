//! Some of a pixel's channels, and the lists in which users name them: [`ChannelSet`].

/// Some of a format's channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChannelSet {
    count: usize,
    /// Channel `c` is bit `c % 64` of word `c / 64`.
    words: Vec<u64>,
}

/// So many chosen channels are listed by their names, more by their numbers.
const MAX_NAMED: usize = 8;

impl ChannelSet {
    /// Those of `count` channels that `is_chosen` says yes to.
    pub fn of(count: usize, is_chosen: impl Fn(usize) -> bool) -> ChannelSet {
        let mut words = vec![0; count.div_ceil(64)];
        for channel in (0..count).filter(|&channel| is_chosen(channel)) {
            words[channel / 64] |= 1 << (channel % 64);
        }
        ChannelSet { count, words }
    }

    /// All of `count` channels.
    pub fn all(count: usize) -> ChannelSet {
        ChannelSet::of(count, |_| true)
    }

    /// The channels that a user's list means, of those that are called `names`: names or their first letters (`red,g`),
    /// numbers from 1 (`2,5-7`), or `all`.
    ///
    /// # Errors
    /// A message for the user, if a word means no channel, or more than one, or one is meant twice.
    pub fn parse(list: &str, names: &[String]) -> Result<ChannelSet, String> {
        if list.trim() == "all" {
            return Ok(ChannelSet::all(names.len()));
        }
        let mut chosen = vec![false; names.len()];
        for word in list.split(',').map(str::trim) {
            for channel in channels_of(word, names)? {
                if std::mem::replace(&mut chosen[channel], true) {
                    return Err(format!("channel '{}' is named twice in '{list}'", names[channel]));
                }
            }
        }
        Ok(ChannelSet::of(names.len(), |channel| chosen[channel]))
    }

    /// The set as numbers: channel `c` is bit `c % 64` of number `c / 64`.
    pub fn to_words(&self) -> &[u64] {
        &self.words
    }

    /// The set of `count` channels that [`ChannelSet::to_words`] wrote; `None` if it could not have, or none is chosen.
    pub fn from_words(count: usize, words: Vec<u64>) -> Option<ChannelSet> {
        let fits = words.len() == count.div_ceil(64);
        let set = ChannelSet { count, words };
        let is_clean = fits && set == ChannelSet::of(count, |channel| set.contains(channel));
        (is_clean && set.chosen() > 0).then_some(set)
    }

    /// How many channels there are to choose from.
    pub fn count(&self) -> usize {
        self.count
    }

    /// True if channel `channel`, counted from 0, is one of them.
    pub fn contains(&self, channel: usize) -> bool {
        self.words[channel / 64] & (1 << (channel % 64)) != 0
    }

    /// The chosen channels, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + Clone {
        (0..self.count).filter(|&channel| self.contains(channel))
    }

    /// How many are chosen.
    pub fn chosen(&self) -> usize {
        self.iter().count()
    }

    /// True if all are chosen.
    pub fn is_all(&self) -> bool {
        self.chosen() == self.count
    }

    /// The same set as lanes: where all are chosen, it does not matter which one a sample is of, and there is one.
    #[must_use]
    pub fn as_lanes(&self) -> ChannelSet {
        if self.is_all() {
            ChannelSet::all(1)
        } else {
            self.clone()
        }
    }

    /// The chosen channels as [`ChannelSet::parse`] reads them: by `names` if they are few, else by their numbers.
    pub fn describe(&self, names: &[String]) -> String {
        let chosen: Vec<usize> = self.iter().collect();
        if chosen.len() <= MAX_NAMED {
            let names = chosen.iter().filter_map(|&channel| names.get(channel));
            return names.map(String::as_str).collect::<Vec<_>>().join(",");
        }
        if self.is_all() {
            return "all".to_owned();
        }
        let runs = chosen.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
            [one] => (one + 1).to_string(),
            [first, .., last] => format!("{}-{}", first + 1, last + 1),
            [] => String::new(),
        });
        runs.collect::<Vec<_>>().join(",")
    }
}

/// The channels that one word of a list means.
fn channels_of(word: &str, names: &[String]) -> Result<std::ops::Range<usize>, String> {
    let one = |channel: usize| Ok(channel..channel + 1);
    let is_called = |name: &String| word.eq_ignore_ascii_case(name);
    let mut called = (0..names.len()).filter(|&channel| is_called(&names[channel]));
    if let Some(channel) = called.next() {
        return match called.next() {
            None => one(channel),
            Some(_) => Err(format!(
                "more than one channel is called '{word}'; name it by its number"
            )),
        };
    }
    let number = |text: &str| text.parse::<usize>().ok().filter(|n| (1..=names.len()).contains(n));
    if let Some(n) = number(word) {
        return one(n - 1);
    }
    if let Some((first, last)) = word.split_once('-')
        && let (Some(first), Some(last)) = (number(first), number(last))
        && first <= last
    {
        return Ok(first - 1..last);
    }
    let begins = |name: &String| {
        name.chars()
            .next()
            .is_some_and(|letter| word.eq_ignore_ascii_case(letter.encode_utf8(&mut [0; 4])))
    };
    let mut lettered = (0..names.len()).filter(|&channel| begins(&names[channel]));
    match (lettered.next(), lettered.next()) {
        (Some(channel), None) => one(channel),
        _ => Err(format!(
            "no channel '{word}'; there are {} (or 1 to {}, or all)",
            listed(names),
            names.len(),
        )),
    }
}

/// The names, not too many of them.
fn listed(names: &[String]) -> String {
    match names {
        few if few.len() <= MAX_NAMED => few.join(", "),
        [first, second, .., last] => format!("{first}, {second}, ..., {last}"),
        _ => String::new(),
    }
}
