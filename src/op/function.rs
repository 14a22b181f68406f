//! A function of the program that uses the library: [`PixelFunction`].

use std::fmt;
use std::sync::Arc;

/// Bytes of a function's name at most.
const MAX_NAME_BYTES: usize = 64;

/// Changes the samples of whole pixels, so many of them a pixel.
type Change = dyn Fn(&mut [i32], usize) + Send + Sync;

/// What a program does to whole pixels, under a name by which it is known again.
///
/// A journal keeps the name, not the function: a job that is cut short can be finished by a program that has a function
/// of this name, and by no other. So a name stands for one function for ever; another version has another name.
///
/// The function works on a private copy of some pixels, in any order and on any thread. It must make the same of the
/// same pixel each time, from nothing but that pixel.
#[derive(Clone)]
pub struct PixelFunction {
    name: String,
    nodata: Option<i32>,
    /// `None` if it was read from a journal.
    change: Option<Arc<Change>>,
}

impl PixelFunction {
    /// A function that is given one pixel after the other: the values of its channels, of which those that are edited
    /// keep what it leaves in them, as near as their type allows.
    ///
    /// # Panics
    /// If the name is empty, longer than 64 bytes, or holds control characters.
    pub fn new(name: &str, function: impl Fn(&mut [i32]) + Send + Sync + 'static) -> PixelFunction {
        PixelFunction::of_many(name, move |samples, channels| {
            samples.chunks_exact_mut(channels).for_each(&function);
        })
    }

    /// The same for a function that is given many pixels at once, one after the other, and how many channels each has.
    ///
    /// # Panics
    /// As for [`PixelFunction::new`].
    pub fn of_many(name: &str, function: impl Fn(&mut [i32], usize) + Send + Sync + 'static) -> PixelFunction {
        assert!(name_fits(name), "name of a function: {name:?}");
        PixelFunction {
            name: name.to_owned(),
            nodata: None,
            change: Some(Arc::new(function)),
        }
    }

    /// One of which only the name is known; `None` if that is none.
    pub(super) fn unknown(name: &str, nodata: Option<i32>) -> Option<PixelFunction> {
        name_fits(name).then(|| PixelFunction {
            name: name.to_owned(),
            nodata,
            change: None,
        })
    }

    /// The same, but samples of this value stay as they are.
    #[must_use]
    pub fn keeping(self, nodata: Option<i32>) -> PixelFunction {
        PixelFunction { nodata, ..self }
    }

    /// By which it is known again.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Samples of which value stay as they are.
    pub fn nodata(&self) -> Option<i32> {
        self.nodata
    }

    /// False if only the name is known, so that nothing can be done by it.
    pub fn is_known(&self) -> bool {
        self.change.is_some()
    }

    /// Takes what is to be done from a function of the same name, if it is one; false if not.
    pub(crate) fn learn(&mut self, known: &PixelFunction) -> bool {
        let is_it = self.name == known.name && known.is_known();
        if is_it {
            self.change.clone_from(&known.change);
        }
        is_it
    }

    /// Changes the values of whole pixels.
    ///
    /// # Panics
    /// If the function is not known.
    pub(crate) fn call(&self, samples: &mut [i32], channels: usize) {
        let change = self.change.as_ref().expect("a job of an unknown function is refused");
        change(samples, channels);
    }
}

fn name_fits(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control)
}

/// Functions are what their names say.
impl PartialEq for PixelFunction {
    fn eq(&self, other: &PixelFunction) -> bool {
        (&self.name, self.nodata) == (&other.name, other.nodata)
    }
}

impl fmt::Debug for PixelFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PixelFunction")
            .field("name", &self.name)
            .field("nodata", &self.nodata)
            .field("is_known", &self.is_known())
            .finish()
    }
}

/// What it does, for users.
impl fmt::Display for PixelFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.name)?;
        match self.nodata {
            Some(nodata) => write!(f, " (nodata {nodata} kept)"),
            None => Ok(()),
        }
    }
}
