//! Unit tests of errors: one for each kind, in the words of the library.

use std::error::Error as _;

use super::*;

const PATH: &str = "/data/scan.raw";

fn job() -> UnfinishedJob {
    UnfinishedJob {
        image: PATH.into(),
        journal: "/data/scan.raw.0000002a.pagelight/7.journal".into(),
    }
}

/// What an error of each kind is told by: its kind, its text, and the kind it has among those of `std::io`.
#[track_caller]
fn check(error: Error, kind: ErrorKind, text: &str, io_kind: io::ErrorKind) {
    assert_eq!(error.kind(), kind);
    assert_eq!(error.to_string(), text);
    assert!(!text.contains('\n') && !text.contains("pagelight ") && !text.contains("--"));
    let is_in_io = io::Error::from(error);
    assert_eq!(is_in_io.kind(), io_kind, "{text}");
    let inner = is_in_io.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    assert_eq!(inner.map(Error::kind), Some(kind), "the error itself is inside");
    assert_eq!(is_in_io.to_string(), text);
}

fn path() -> &'static Path {
    Path::new(PATH)
}

#[test]
fn it_is_small() {
    assert!(size_of::<Error>() <= 88, "{} bytes", size_of::<Error>());
}

#[test]
fn what_was_asked_for_and_what_was_found() {
    check(
        Error::request(path(), "there are no planes 3..4"),
        ErrorKind::Request,
        "/data/scan.raw: there are no planes 3..4",
        io::ErrorKind::InvalidInput,
    );
    check(
        Error::request(Subject::Nothing, "0 threads do nothing"),
        ErrorKind::Request,
        "0 threads do nothing",
        io::ErrorKind::InvalidInput,
    );
    check(
        Error::unfit(path(), "has 3 bytes").with_hint(Hint::Abandon),
        ErrorKind::Unfit,
        "/data/scan.raw: has 3 bytes; abandon the job to give it up",
        io::ErrorKind::InvalidData,
    );
    check(
        Error::NoObject {
            name: "name:testmap".to_owned(),
        },
        ErrorKind::NoObject,
        "name:testmap: no such object, or all its users are gone; list those that there are",
        io::ErrorKind::NotFound,
    );
    check(
        Error::Lacking {
            what: "there is no /proc",
        },
        ErrorKind::Lacking,
        "there is no /proc",
        io::ErrorKind::Unsupported,
    );
}

#[test]
fn what_the_operating_system_says() {
    let raw = io::Error::from_raw_os_error;
    check(
        Error::io("open", path(), raw(2)),
        ErrorKind::NotFound,
        "/data/scan.raw: no such file; check the name",
        io::ErrorKind::NotFound,
    );
    check(
        Error::create(path(), raw(2)),
        ErrorKind::NoFolder,
        "cannot create /data/scan.raw: its folder does not exist; make it first, or choose another",
        io::ErrorKind::NotFound,
    );
    check(
        Error::io("make", Subject::Object("name:a".to_owned()), raw(17)),
        ErrorKind::Exists,
        "name:a: exists already and is not overwritten; choose another name or remove it first",
        io::ErrorKind::AlreadyExists,
    );
    check(
        Error::io("open", path(), raw(13)),
        ErrorKind::Permission,
        "cannot open /data/scan.raw: permission denied; check the rights of the file and of its folder",
        io::ErrorKind::PermissionDenied,
    );
    check(
        Error::io("write", path(), raw(28)).with_job(job()),
        ErrorKind::Io,
        "cannot write /data/scan.raw: free some space and try again; the job can then be resumed exactly",
        io::ErrorKind::StorageFull,
    );
    check(
        Error::io("map", Subject::Thing("memory"), raw(12)),
        ErrorKind::Io,
        "cannot map memory: close other programs, or allow less memory",
        io::ErrorKind::OutOfMemory,
    );
    let failed = Error::io("read", path(), raw(5));
    let source = failed.source().and_then(|source| source.downcast_ref::<io::Error>());
    assert_eq!(source.and_then(io::Error::raw_os_error), Some(5));
    // Whoever reads tries again on this one, and would for ever.
    let interrupted = io::Error::from(Error::io("read", path(), raw(4)));
    assert_eq!(interrupted.kind(), io::ErrorKind::Other);
}

#[test]
fn who_is_busy_and_where() {
    let busy = || Error::Busy {
        subject: path().into(),
        reason: "process 7 is at work there".into(),
        process: Some(7),
        window: Some(100..200),
    };
    check(
        busy(),
        ErrorKind::Busy,
        "/data/scan.raw: process 7 is at work there",
        io::ErrorKind::ResourceBusy,
    );
    assert_eq!(busy().path(), Some(path()));
    assert_eq!(busy().unfinished_job(), None);
}

#[test]
fn what_can_be_resumed() {
    let in_the_way = || {
        Error::unfinished(path(), "an unfinished job is in the way")
            .with_hint(Hint::ResumeOrAbandon)
            .with_job(job())
    };
    check(
        in_the_way(),
        ErrorKind::Unfinished,
        "/data/scan.raw: an unfinished job is in the way; resume it to finish it, or abandon it to give it up",
        io::ErrorKind::Other,
    );
    let paused = || {
        Error::interrupted_and("40 % of the job is done")
            .with_hint(Hint::Resume)
            .with_job(job())
    };
    check(
        paused(),
        ErrorKind::Interrupted,
        "interrupted; 40 % of the job is done: it can be resumed",
        io::ErrorKind::Other,
    );
    check(
        Error::interrupted(),
        ErrorKind::Interrupted,
        "interrupted",
        io::ErrorKind::Other,
    );
    for error in [
        in_the_way(),
        paused(),
        Error::io("read", path(), io::Error::other("x")).with_job(job()),
    ] {
        assert_eq!(error.unfinished_job(), Some(&job()));
    }
}

#[test]
fn a_worker_tells_its_kind() {
    let worker = |kind| Error::Worker {
        kind,
        message: "cannot write /data/scan.raw: free some space".to_owned(),
        job: Some(Box::new(job())),
    };
    let text = "cannot write /data/scan.raw: free some space; the job can then be resumed exactly";
    check(worker(ErrorKind::Io), ErrorKind::Io, text, io::ErrorKind::Other);
    check(
        worker(ErrorKind::Permission),
        ErrorKind::Permission,
        text,
        io::ErrorKind::PermissionDenied,
    );
    check(worker(ErrorKind::Untold), ErrorKind::Untold, text, io::ErrorKind::Other);
    assert_eq!(worker(ErrorKind::Panicked).unfinished_job(), Some(&job()));
}

#[test]
fn a_program_has_words_of_its_own() {
    struct Typed;
    impl Wording for Typed {
        fn reason(&self, reason: &(dyn std::error::Error + 'static)) -> Option<String> {
            reason.is::<std::num::ParseIntError>().then(|| "no number".to_owned())
        }

        fn hint(&self, hint: &Hint, image: Option<&Path>) -> Option<String> {
            (*hint == Hint::Resume).then(|| format!("type resume {}", image.expect("of a job").display()))
        }
    }
    let parsed = "x".parse::<u8>().expect_err("no number");
    let error = Error::unfit(path(), parsed).with_hint(Hint::words("look at it"));
    assert_eq!(error.text(&Typed), "/data/scan.raw: no number; look at it");
    assert!(
        error
            .reason()
            .is_some_and(|reason| reason.is::<std::num::ParseIntError>())
    );
    let paused = Error::interrupted().with_hint(Hint::Resume).with_job(job());
    assert_eq!(paused.text(&Typed), "interrupted: type resume /data/scan.raw");
}
