//! The texts of errors.

use std::fmt;

use super::hint::Plain;
use super::{Error, Hint, Reason, UnfinishedJob, Wording};

impl Error {
    /// The whole text, put into words by `wording`; its `Display` is that in the library's own words.
    pub fn text(&self, wording: &dyn Wording) -> String {
        let image = self.unfinished_job().map(|job| job.image.as_path()).or(self.path());
        let hint_words = |hint: &Hint| wording.hint(hint, image).unwrap_or_else(|| hint.to_string());
        let said = |subject: &dyn fmt::Display, reason: &Reason, hint: &Option<Hint>| {
            let subject = subject.to_string();
            let colon = if subject.is_empty() { "" } else { ": " };
            let words = wording.reason(&**reason).unwrap_or_else(|| reason.to_string());
            let then = hint
                .as_ref()
                .map_or_else(String::new, |hint| format!("; {}", hint_words(hint)));
            format!("{subject}{colon}{words}{then}")
        };
        let and_resume = |job: &Option<Box<UnfinishedJob>>| match job {
            Some(_) => format!("; {}", hint_words(&Hint::ResumeThen)),
            None => String::new(),
        };
        match self {
            Error::Request { subject, reason } | Error::Busy { subject, reason, .. } => said(subject, reason, &None),
            Error::Unfit { subject, reason, hint } => said(subject, reason, hint),
            Error::Unfinished {
                image, reason, hint, ..
            } => said(&image.display(), reason, hint),
            Error::NotFound { subject, .. } => format!("{subject}: no such file; check the name"),
            Error::NoFolder { path, .. } => format!(
                "cannot create {}: its folder does not exist; make it first, or choose another",
                path.display()
            ),
            Error::Exists { subject } => {
                format!("{subject}: exists already and is not overwritten; choose another name or remove it first")
            }
            Error::Permission { doing, subject, .. } => {
                format!("cannot {doing} {subject}: permission denied; check the rights of the file and of its folder")
            }
            Error::Io {
                doing,
                subject,
                hint,
                job,
                ..
            } => format!("cannot {doing} {subject}: {}{}", hint_words(hint), and_resume(job)),
            Error::Lacking { what } => (*what).to_owned(),
            Error::NoObject { name } => format!(
                "{name}: no such object, or all its users are gone; {}",
                hint_words(&Hint::ListObjects)
            ),
            Error::Worker { message, job, .. } => format!("{message}{}", and_resume(job)),
            Error::Interrupted { what, hint, .. } => {
                let semicolon = if what.is_empty() { "" } else { "; " };
                let colon = if hint.is_some() { ": " } else { "" };
                let hint = hint.as_ref().map(hint_words).unwrap_or_default();
                format!("interrupted{semicolon}{what}{colon}{hint}")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text(&Plain))
    }
}
