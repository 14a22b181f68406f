//! `pagelight adjust`: any operation on one sample at a time, as one table.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use pagelight::error::{Error, Result, Subject};
use pagelight::op::{Adjust as Adjustment, Clamp, Curve, Gain, Gamma, Levels, MAX_CURVE_BYTES, Shift, Step};
use pagelight::os::regular;

use super::Global;
use super::edit::EditArgs;

/// Change the samples of an image or of a part of it by levels, gamma, gain, curves and the like, in place
///
/// Steps are done in the order in which they are given, in double precision; only the result is rounded (a half to the
/// even number) and stops at the ends of the samples' type. Alpha is kept, unless --channels names it.
#[derive(Args)]
pub(super) struct Adjust {
    #[command(flatten)]
    steps: Steps,
    #[command(flatten)]
    edit: EditArgs,
}

impl Adjust {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        let steps = self.steps.read()?;
        self.edit.run(global, "adjust", |_| Ok(Adjustment::new(steps)?.into()))
    }
}

/// The steps in the order in which the user gave them, which clap's derived structs do not keep.
struct Steps(Vec<Word>);

#[derive(Clone)]
enum Word {
    Step(Step),
    /// To be read from this file.
    Curve(PathBuf),
}

impl Steps {
    fn read(&self) -> Result<Vec<Step>> {
        let read = |word: &Word| match word {
            Word::Step(step) => Ok(step.clone()),
            Word::Curve(path) => read_curve(path).map(Step::Curve),
        };
        self.0.iter().map(read).collect()
    }
}

fn read_curve(path: &Path) -> Result<Curve> {
    let file = regular::open(path).map_err(|error| Error::io("open", path, error))?;
    let file =
        file.ok_or_else(|| Error::unfit(path, "is no regular file; a curve is read from a file of points X,Y"))?;
    let mut bytes = Vec::new();
    file.take(MAX_CURVE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("read", path, error))?;
    if bytes.len() as u64 > MAX_CURVE_BYTES {
        return Err(Error::unfit(
            path,
            format!("is larger than {MAX_CURVE_BYTES} bytes, so no curve of at most 65,536 points"),
        ));
    }
    let text = String::from_utf8_lossy(&bytes);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The curve's own messages begin with its name.
    Curve::parse(&name, &text).map_err(|why| Error::request(Subject::Nothing, why))
}

const HEADING: &str = "The steps, in the order given";

fn arg(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .help(help)
        .help_heading(HEADING)
        .action(ArgAction::Append)
        .allow_hyphen_values(true)
}

impl Args for Steps {
    fn augment_args(command: Command) -> Command {
        command.args([
            arg(
                "levels",
                "LO,HI",
                "What becomes the smallest and the largest value; what lies between is spread",
            )
            .value_parser(value_parser!(Levels)),
            arg(
                "gamma",
                "G",
                "Bend the middle: above 1 brightens, below 1 darkens; both ends stay",
            )
            .value_parser(value_parser!(Gamma)),
            arg("gain", "F", "Multiply").value_parser(value_parser!(Gain)),
            arg(
                "add",
                "N",
                "Add, in units of the samples or with % of the type's largest value",
            )
            .value_parser(value_parser!(Shift)),
            arg("clamp", "LO,HI", "Stop at these values").value_parser(value_parser!(Clamp)),
            arg(
                "curve",
                "FILE",
                "Follow the straight lines through the points X,Y, one a line, of a CSV file",
            )
            .value_parser(value_parser!(PathBuf))
            .allow_hyphen_values(false),
            Arg::new("invert")
                .long("invert")
                .help("Turn the image into its negative")
                .help_heading(HEADING)
                .action(ArgAction::Append)
                .num_args(0)
                .default_missing_value("true")
                .value_parser(value_parser!(bool)),
        ])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Steps::augment_args(command)
    }
}

impl FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Steps, clap::Error> {
        let mut words = Vec::new();
        given(matches, "levels", Step::Levels, &mut words);
        given(matches, "gamma", Step::Gamma, &mut words);
        given(matches, "gain", Step::Gain, &mut words);
        given(matches, "add", Step::Add, &mut words);
        given(matches, "clamp", Step::Clamp, &mut words);
        given(matches, "invert", |_: bool| Step::Invert, &mut words);
        let curves = matches.get_many::<PathBuf>("curve").into_iter().flatten();
        let places = matches.indices_of("curve").into_iter().flatten();
        words.extend(places.zip(curves.cloned().map(Word::Curve)));
        words.sort_by_key(|(place, _)| *place);
        Ok(Steps(words.into_iter().map(|(_, word)| word).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Steps::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The steps of one kind, with their places on the command line.
fn given<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    name: &str,
    step: impl Fn(T) -> Step,
    words: &mut Vec<(usize, Word)>,
) {
    let values = matches.get_many::<T>(name).into_iter().flatten();
    let places = matches.indices_of(name).into_iter().flatten();
    words.extend(places.zip(values.cloned().map(|value| Word::Step(step(value)))));
}
