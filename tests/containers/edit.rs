//! The edits, value by value.

use pagelight::counts::Counts;
use pagelight::op::{self, Adjust, Step};
use pagelight::pixel::Sample;
use std::sync::Arc;

use crate::array::{Array, Kind, NODATA, Part};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Brighten(i64),
    /// Levels, gamma, gain.
    Bend,
    /// Half of everything, and 100 more: half of the values have a half to be rounded.
    Halve,
}

/// An edit of samples of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    pub(crate) what: What,
    pub(crate) kind: Kind,
    /// [`NODATA`] is kept.
    pub(crate) keeps: bool,
}

/// Where levels begin and end.
fn levels(kind: Kind) -> (i64, i64) {
    match kind {
        Kind::Signed => (-20_000, 30_000),
        _ => (1000, 60_000),
    }
}

impl Edit {
    /// All there are of samples of this kind.
    pub(crate) fn all(kind: Kind) -> Vec<Edit> {
        let edit = |what, keeps| Edit { what, kind, keeps };
        vec![
            edit(What::Brighten(9999), false),
            edit(What::Bend, true),
            edit(What::Brighten(-20_000), true),
            edit(What::Bend, false),
            edit(What::Halve, false),
            edit(What::Brighten(-32_768), false),
        ]
    }

    /// The exact new number.
    fn number(self, old: i64) -> f64 {
        let (low, high) = self.kind.ends();
        let (low, high, old) = (low as f64, high as f64, old as f64);
        match self.what {
            What::Brighten(amount) => old + amount as f64,
            What::Halve => old * 0.5 + 100.0,
            What::Bend => {
                let (from, to) = levels(self.kind);
                let (from, to) = (from as f64, to as f64);
                let spread = low + (old - from) * (high - low) / (to - from);
                let bent = if (low..=high).contains(&spread) {
                    low + (high - low) * ((spread - low) / (high - low)).powf(1.0 / 1.7)
                } else {
                    spread
                };
                bent * 0.9
            }
        }
    }

    /// The new value, and whether it clips.
    fn new_value(self, old: i64) -> (i64, bool) {
        if self.keeps && old == NODATA {
            return (old, false);
        }
        let number = self.number(old);
        // To the nearest whole number, a half to the even one.
        let below = number.floor();
        let rounded = match (number - below, below.rem_euclid(2.0) == 0.0) {
            (rest, _) if rest < 0.5 => below,
            (rest, _) if rest > 0.5 => below + 1.0,
            (_, true) => below,
            (_, false) => below + 1.0,
        };
        let (low, high) = self.kind.ends();
        #[expect(clippy::cast_possible_truncation, reason = "small")]
        let rounded = rounded as i64;
        (rounded.clamp(low, high), !(low..=high).contains(&rounded))
    }

    /// True if this is done by looking values up, where merged ones are counted.
    pub(crate) fn is_table(self) -> bool {
        self.keeps || !matches!(self.what, What::Brighten(_))
    }

    /// Edits the part; what its samples lost.
    pub(crate) fn apply(self, array: &mut Array, part: &Part) -> Counts {
        let (low, high) = self.kind.ends();
        let place = |value: i64| usize::try_from(value - low).expect("in the range");
        let news: Vec<(i64, bool)> = (low..=high).map(|old| self.new_value(old)).collect();
        let mut sources = vec![0; 65_536];
        for (new, _) in &news {
            sources[place(*new)] += 1;
        }
        let mut counts = Counts::NONE;
        for at in array.places() {
            if part.has(at, array) {
                let (new, clips) = news[place(array.value(at))];
                array.set(at, new);
                counts.clipped += u64::from(clips);
                counts.merged += u64::from(self.is_table() && sources[place(new)] > 1);
            }
        }
        counts
    }

    /// The same as the library knows it.
    pub(crate) fn op(self) -> op::Op {
        let sample = match self.kind {
            Kind::Unsigned => Sample::U16,
            Kind::Signed => Sample::I16,
            Kind::Flipped => Sample::U16Flipped,
        };
        let nodata = self.keeps.then(|| i32::try_from(NODATA).expect("small"));
        let table = |steps| {
            let table = Adjust::new(steps).and_then(|steps| steps.table(sample, nodata));
            op::Op::Table(Arc::new(table.expect("a table")))
        };
        match self.what {
            What::Brighten(amount) => {
                let amount = i32::try_from(amount).expect("small");
                nodata.map_or(op::Op::Brighten { amount }, |nodata| {
                    op::Op::brighten_keeping(amount, sample, nodata)
                })
            }
            What::Bend => {
                let (from, to) = levels(self.kind);
                table(vec![
                    Step::Levels(format!("{from},{to}").parse().expect("levels")),
                    Step::Gamma("1.7".parse().expect("gamma")),
                    Step::Gain("0.9".parse().expect("gain")),
                ])
            }
            What::Halve => table(vec![
                Step::Gain("0.5".parse().expect("gain")),
                Step::Add("100".parse().expect("an amount")),
            ]),
        }
    }

    /// The program's words for it.
    pub(crate) fn words(self) -> Vec<String> {
        let mut words = match self.what {
            What::Brighten(amount) => vec!["brighten".to_owned(), format!("--by={amount}")],
            What::Bend => {
                let (from, to) = levels(self.kind);
                let levels = format!("--levels={from},{to}");
                vec![
                    "adjust".to_owned(),
                    levels,
                    "--gamma=1.7".to_owned(),
                    "--gain=0.9".to_owned(),
                ]
            }
            What::Halve => ["adjust", "--gain=0.5", "--add=100"].map(str::to_owned).to_vec(),
        };
        words.push(if self.keeps {
            format!("--nodata={NODATA}")
        } else {
            "--nodata=edit".to_owned()
        });
        words
    }
}

#[test]
fn the_oracle_rounds_and_stops() {
    let check = |what, kind, old, want| {
        let edit = Edit {
            what,
            kind,
            keeps: true,
        };
        assert_eq!(edit.new_value(old), want, "{edit:?} {old}");
    };
    check(What::Halve, Kind::Unsigned, 1, (100, false));
    check(What::Halve, Kind::Unsigned, 3, (102, false));
    check(What::Halve, Kind::Signed, -1, (100, false));
    check(What::Halve, Kind::Signed, -3, (98, false));
    check(What::Halve, Kind::Unsigned, NODATA, (NODATA, false));
    check(What::Brighten(9999), Kind::Signed, 32_000, (32_767, true));
    check(What::Brighten(-9), Kind::Flipped, 8, (0, true));
    check(What::Brighten(-9), Kind::Flipped, 9, (0, false));
}
