//! `pagelight brighten`: the main job.

use clap::Args;
use pagelight::error::Result;
use pagelight::op::{Amount, Op};

use super::Global;
use super::edit::EditArgs;

/// Add an amount to every sample of an image or of a part of it, in place
///
/// Samples stop at the ends of their type. Alpha is kept, unless --channels names it or the pixels are mycolor.
#[derive(Args)]
pub(super) struct Brighten {
    /// How much: -65535 to 65535, or a percentage of the sample type's largest value, such as -5%
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    by: Amount,
    #[command(flatten)]
    edit: EditArgs,
}

impl Brighten {
    pub(super) fn run(&self, global: &Global) -> Result<()> {
        self.edit.run(global, "brighten", |sample| {
            let amount = self.by.steps(sample);
            Ok(Op::Brighten { amount }.into())
        })
    }
}
