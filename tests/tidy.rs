//! Holds the architecture: floors, doors, module headers, file lengths, where unsafe code may stand, and that the pages
//! name files that are there.
//!
//! The tables below are the house's plan. A new module or dependency fails the test until it has its place here. The
//! check reads the text of the files in the simplest way that works, and is itself tested on houses that are not tidy.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The floors, lowest first. A file imports only from floors below its own; a folder is one floor.
const FLOORS: &[&str] = &[
    // Values: no file, no thread.
    "error",
    "exit",
    "pixel",
    "window",
    "layout",
    "chunk_plan",
    "counts",
    "digest",
    "op",
    "kernel",
    "mend",
    "job", //
    // The operating system.
    "os",
    "map",
    "ipc", //
    // Many threads; files that mean something.
    "threads",
    "format",
    "identity",
    "journal",
    "claim", //
    // The work.
    "engine",
    "coordinator",
    "run",
    "worker",
    "edit",
    "estimate",
    "synth",
    "convert",
    "stats",
    "bench",
    "plot",
];

/// The program, which may import everything.
const PROGRAM: &[&str] = &["main.rs", "cli/"];

/// Which files may name a dependency. A path that ends with a slash stands for all files below it.
const DOORS: &[(&str, &[&str])] = &[
    ("anstream", PROGRAM),
    ("anstyle", PROGRAM),
    ("bytemuck", &["map.rs", "map/", "kernel/", "os/", "ipc/", "journal/"]),
    ("clap", PROGRAM),
    ("clap_complete", PROGRAM),
    ("clap_mangen", PROGRAM),
    ("crc32fast", &["journal/", "identity/"]),
    ("file_format", &["format/"]),
    ("fitsio_pure", &["format/fits/", "mend/"]),
    ("humansize", PROGRAM),
    ("humantime", PROGRAM),
    ("image", &["convert/", "format/pnm.rs"]),
    ("indicatif", PROGRAM),
    ("libc", &["os/", "ipc/"]),
    ("memmap2", &["map.rs", "map/"]),
    ("nix", &["os/"]),
    ("parse_size", PROGRAM),
    ("plotters", &["plot/"]),
    ("png", &["convert/"]),
    ("rayon", &["threads.rs"]),
    // In map.rs for the flags of open and the names of errors.
    ("rustix", &["os/", "ipc/", "map.rs", "map/"]),
    ("serde_json", PROGRAM),
    ("signal_hook", &["os/interrupt.rs", "os/forward.rs", "os/suspend.rs"]),
    (
        "tempfile",
        &["os/unnamed.rs", "cli/bench/", "cli/demo.rs", "cli/shm/demo.rs"],
    ),
    ("thiserror", &["error/", "claim/refusal.rs", "identity/folder.rs"]),
    ("tiff", &["convert/"]),
];

/// Where unsafe code may stand.
const UNSAFE: &[&str] = &["map.rs", "map/", "os/", "ipc/"];

/// What only the program does: print, read the environment, exit.
const PROGRAM_ONLY: &[&str] = &[
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "dbg!",
    "std::env",
    "process::exit",
    "io::stdout",
    "io::stderr",
    "io::stdin",
];

/// Texts of the library that name an option all the same; what clap shows of a value that it cannot read.
const OPTIONS_NAMED: &[(&str, &str)] = &[("op/adjust.rs", "--gamma"), ("op/step.rs", "--invert")];

const MAX_LINES: usize = 400;

/// What fits a screen.
const MAX_FUNCTION_LINES: usize = 70;

const MAX_COLUMNS: usize = 120;

/// Files that are longer for a reason, and how long they may be.
const LONGER: &[(&str, usize)] = &[
    // Half of it is documentation.
    ("map.rs", 470),
];

/// Where our files are, as the pages name them from the root on.
const FOLDERS: &[&str] = &["src/", "tests/", "benches/", "examples/", "fuzz/", "docs/", ".ci/"];

/// The files of the house: path below src, with forward slashes, and text.
type House = BTreeMap<String, String>;

fn read(folder: &Path, prefix: &str, house: &mut House) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        if path.is_dir() {
            read(&path, &format!("{prefix}{name}/"), house);
        } else if name.ends_with(".rs") {
            house.insert(format!("{prefix}{name}"), fs::read_to_string(&path).expect("text"));
        }
    }
}

fn is_below(path: &str, places: &[&str]) -> bool {
    places
        .iter()
        .any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
}

/// The module on the ground of the house that a file belongs to: `format` for `format/envi.rs`.
fn module(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The text without its comments and without the unit tests at its end.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\n").next().unwrap_or(text);
    let lines = text.lines().map(|line| {
        if line.trim_start().starts_with("//") {
            return "";
        }
        line.split(" // ").next().unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words that follow each `prefix` in the code, where it is not the end of a longer word.
fn after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(prefix)
        .filter(|(at, _)| !ends_with_letter(&code[..*at]))
        .map(move |(at, _)| {
            let rest = &code[at + prefix.len()..];
            &rest[..rest.find(|c: char| !is_letter(c)).unwrap_or(rest.len())]
        })
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn ends_with_letter(text: &str) -> bool {
    text.ends_with(|c| is_letter(c) || c == ':')
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|&name| name == module)
}

/// Everything that is not tidy about one file.
fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("src/{path}: {what}"));
    if !text.starts_with("//!") {
        fault("does not begin with //!: what it is, and why".to_owned());
    }
    let most = LONGER
        .iter()
        .find(|(longer, _)| *longer == path)
        .map_or(MAX_LINES, |(_, most)| *most);
    if text.lines().count() > most {
        fault(format!("has {} lines, more than {most}", text.lines().count()));
    }
    for (number, line) in (1..).zip(text.lines()) {
        // Tables have the columns that they need, and what else the formatter can break it has.
        let comment = line
            .trim_start()
            .strip_prefix("//")
            .map(|rest| rest.trim_start_matches(['/', '!', ' ']));
        if comment.is_some_and(|comment| !comment.starts_with('|')) && line.chars().count() > MAX_COLUMNS {
            fault(format!("line {number}: a comment of more than {MAX_COLUMNS} columns"));
        }
    }
    let long = |(_, lines): &(&str, usize)| *lines > MAX_FUNCTION_LINES && !is_test(path);
    for (name, lines) in functions(text).filter(long) {
        fault(format!("{name} has {lines} lines, more than {MAX_FUNCTION_LINES}"));
    }
    for (number, _) in text.lines().enumerate().filter(|(_, line)| opens_unsafe(line)) {
        let above = text.lines().take(number).collect::<Vec<_>>();
        // A statement may be broken after its equals sign.
        let above = above.iter().rev().skip_while(|line| line.ends_with('='));
        let mut comment = above.take_while(|line| line.trim_start().starts_with("//"));
        if !comment.any(|line| line.trim_start().starts_with("// SAFETY:")) {
            fault(format!("line {}: unsafe without a SAFETY comment above it", number + 1));
        }
    }
    if is_test(path) {
        return faults;
    }

    let code = code(text);
    let in_program = is_below(path, PROGRAM);
    let own_floor = floor(module(path));
    if own_floor.is_none() && !in_program && path != "lib.rs" {
        fault("has no place yet; give its module one in FLOORS of tests/tidy.rs".to_owned());
    }
    let prefix = if in_program { "pagelight::" } else { "crate::" };
    for import in after(&code, prefix) {
        match (floor(import), own_floor) {
            _ if !in_program && import == module(path) => {}
            (None, _) => fault(format!(
                "imports '{prefix}{import}', which is no floor; write one module per line"
            )),
            (Some(theirs), Some(ours)) if theirs >= ours => {
                fault(format!("imports '{import}', which is not below it"));
            }
            _ => {}
        }
    }
    let is_root_of_module = !path.contains('/') || path.ends_with("/mod.rs");
    if !in_program && (code.contains("super::super::") || (is_root_of_module && code.contains("super::"))) {
        fault("goes up by super; write crate:: and the module".to_owned());
    }
    for (dependency, places) in DOORS {
        let named = [format!("{dependency}::"), format!("use {dependency};")];
        let named = named.iter().any(|name| after(&code, name).next().is_some());
        if named && !is_below(path, places) {
            fault(format!("names {dependency}, whose door is {}", places.join(", ")));
        }
    }
    if !is_below(path, UNSAFE) && code.split(|c| !is_letter(c)).any(|word| word == "unsafe") {
        fault(format!(
            "holds unsafe code, which may stand in {} only",
            UNSAFE.join(", ")
        ));
    }
    for word in commands_and_options(&code) {
        if !in_program && !OPTIONS_NAMED.contains(&(path, word)) {
            fault(format!(
                "names {word}, which the library does not know; give a Hint or a Choice, and its words in cli/hints.rs"
            ));
        }
    }
    for word in PROGRAM_ONLY {
        if !in_program && code.match_indices(word).any(|(at, _)| !code[..at].ends_with(is_letter)) {
            fault(format!("says {word}, which only the program may"));
        }
    }
    faults
}

/// The commands and options that the texts in the code name: `'pagelight resume'`, `--size`. A string that is nothing
/// but an option is no text but a word for another program.
fn commands_and_options(code: &str) -> Vec<&str> {
    let options = code.match_indices("--").filter_map(|(at, _)| {
        let rest = &code[at + 2..];
        let letters = rest
            .find(|c: char| !c.is_ascii_lowercase() && c != '-')
            .unwrap_or(rest.len());
        let is_word = letters > 0 && !rest.starts_with('-') && !code[..at].ends_with(['-', '\'']);
        let is_alone = code[..at].ends_with('"') && rest[letters..].starts_with('"');
        (is_word && !is_alone).then(|| &code[at..at + 2 + letters])
    });
    let commands = code.match_indices("'pagelight ").map(|(_, words)| words);
    options.chain(commands).collect()
}

/// The files of one folder that import each other in a circle, in order; a file's own folder counts as the file. What
/// they take from the folder's `mod.rs` is no circle: that is where a folder keeps what all of its files need.
fn circle(house: &House, folder: &str) -> Option<String> {
    let inside = |path: &str| -> Option<String> {
        let name = path.strip_prefix(folder)?.split('/').next()?.trim_end_matches(".rs");
        (!["mod", "tests"].contains(&name)).then(|| name.to_owned())
    };
    let absolute = format!("crate::{}", folder.replace('/', "::"));
    let mut imports: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in house {
        let Some(name) = inside(path).filter(|_| !is_test(path)) else {
            continue;
        };
        let code = code(text);
        let is_direct = !path[folder.len()..].contains('/');
        let relative = after(&code, "super::").filter(|_| is_direct);
        let groups = ["use super::{".to_owned(), format!("use {absolute}{{")];
        let grouped = groups
            .iter()
            .flat_map(|start| code.split(start).skip(1))
            .flat_map(|rest| rest[..rest.find(';').unwrap_or(rest.len())].split(|c| !is_letter(c)));
        let all = relative
            .chain(after(&code, &absolute))
            .chain(grouped.filter(|_| is_direct));
        imports.entry(name).or_default().extend(all.map(str::to_owned));
    }
    let nodes: Vec<&String> = imports.keys().collect();
    // Whoever imports only what is in no circle, or is imported by that only, is in none.
    let mut left = nodes.clone();
    loop {
        let import = |from: &String, to: &String| from != to && imports[from].contains(to);
        let is_in = |name: &&String| {
            left.iter().any(|other| import(name, other)) && left.iter().any(|other| import(other, name))
        };
        let rest: Vec<&String> = left.iter().copied().filter(is_in).collect();
        if rest.len() == left.len() {
            break;
        }
        left = rest;
    }
    (!left.is_empty()).then(|| left.into_iter().cloned().collect::<Vec<_>>().join(", "))
}

/// The functions of a file, by their first lines, and how many lines each has.
fn functions(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_function = |line: &str| {
        let words = line.trim_start().split([' ', '(']);
        !line.trim_start().starts_with("//") && words.take_while(|word| *word != "=").take(5).any(|word| word == "fn")
    };
    let starts: Vec<usize> = (0..lines.len()).filter(|&at| is_function(lines[at])).collect();
    starts.into_iter().map(move |start| {
        let closes = |line: &&str| line.trim_end() == format!("{}}}", " ".repeat(indent(lines[start])));
        let is_one_line = lines[start].trim_end().ends_with(['}', ';']);
        let end = lines[start..].iter().position(closes).filter(|_| !is_one_line);
        (lines[start].trim(), end.map_or(1, |end| end + 1))
    })
}

/// The files that a page names in backticks and that are not there. A name that begins with one of [`FOLDERS`] must be
/// one of `paths`, files and folders from the root on; any other Rust file must be the end of one. Blocks of code count
/// for nothing, nor do patterns and `NAME`.
fn files_missed(page: &str, paths: &[String]) -> Vec<String> {
    let prose = page.split("```").step_by(2).collect::<String>();
    let words = prose.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
    let is_there = |word: &str| {
        if FOLDERS.iter().any(|folder| word.starts_with(folder)) {
            paths.iter().any(|path| path == word.trim_end_matches('/'))
        } else {
            paths.iter().any(|path| path.ends_with(&format!("/{word}")))
        }
    };
    words
        .filter(|word| word.ends_with(".rs") || FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['*', '{']) && !word.contains("NAME") && !is_there(word))
        .map(str::to_owned)
        .collect()
}

/// All files and folders in `folder`, which is called `name` from the root on.
fn all_paths(folder: &Path, name: &str, paths: &mut Vec<String>) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = format!("{name}/{}", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() && !name.ends_with("/target") {
            all_paths(&path, &name, paths);
        }
        paths.push(name);
    }
}

/// True if the line begins a block of unsafe code, or says that a type is safe to share.
fn opens_unsafe(line: &str) -> bool {
    let is_comment = line.trim_start().starts_with("//");
    !is_comment && (line.contains("unsafe {") || line.contains("unsafe impl "))
}

#[test]
fn the_house_is_tidy() {
    let mut house = House::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut house);
    assert!(house.contains_key("lib.rs") && house.len() > 10);
    let mut faults: Vec<String> = house.iter().flat_map(|(path, text)| faults(path, text)).collect();
    let mut folders: Vec<&str> = house
        .keys()
        .flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..=at]))
        .filter(|folder| !is_below(folder, PROGRAM))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        faults.extend(circle(&house, folder).map(|files| format!("src/{folder}: a circle of imports among {files}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    // A module that lib.rs does not name would be dead wood, and unchecked by the compiler.
    for module in house
        .keys()
        .map(|path| module(path))
        .filter(|module| floor(module).is_some())
    {
        assert!(
            house["lib.rs"].contains(&format!("pub mod {module};")),
            "lib.rs does not name {module}"
        );
    }
}

#[test]
fn every_dependency_has_a_door() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("Cargo.toml");
    let dependencies: Vec<&str> = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" =").map(|(name, _)| name))
        .collect();
    assert!(dependencies.contains(&"memmap2"));
    for dependency in dependencies {
        let name = dependency.replace('-', "_");
        assert!(
            DOORS.iter().any(|(door, _)| *door == name),
            "{dependency} has no door; give it one in tests/tidy.rs"
        );
    }
}

#[test]
fn files_that_the_pages_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<String> = FOLDERS
        .iter()
        .map(|folder| folder.trim_end_matches('/').to_owned())
        .collect();
    for folder in paths.clone() {
        all_paths(&root.join(&folder), &folder, &mut paths);
    }
    let mut pages = vec![root.join("tests/README.md")];
    for folder in [root.to_owned(), root.join("docs")] {
        let entries = folder.read_dir().expect("a folder");
        let found = entries.map(|entry| entry.expect("an entry").path());
        pages.extend(found.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    assert!(pages.contains(&root.join("README.md")) && pages.contains(&root.join("docs/journal.md")));
    for page in pages {
        let text = fs::read_to_string(&page).expect("text");
        assert_eq!(files_missed(&text, &paths), [""; 0], "{}", page.display());
    }
}

#[test]
fn a_page_that_names_a_file_that_is_not_there_is_seen() {
    let paths = ["src", "src/worker.rs", "src/format", "src/format/kind.rs", "tests/door"].map(str::to_owned);
    let check = |page: &str, missed: &[&str]| assert_eq!(files_missed(page, &paths), missed, "{page}");
    check(
        "`src/worker.rs`, `worker.rs`, `src/format/`, `format/kind.rs`, `tests/door`",
        &[],
    );
    check("Add `src/format/NAME.rs` and `os/copy_*.rs` in src/attic.rs.", &[]);
    check("```\n`src/attic.rs`\n```", &[]);
    check("one `cli/worker.rs`", &["cli/worker.rs"]);
    check("`ind.rs`", &["ind.rs"]);
    check("`docs/attic.md` of\n`src/attic`", &["docs/attic.md", "src/attic"]);
    check("```\ncode\n```\n`tests/attic/run --short`", &["tests/attic/run"]);
}

#[test]
fn every_test_is_in_the_list_of_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let list = fs::read_to_string(tests.join("README.md")).expect("text");
    for entry in tests.read_dir().expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a plain name");
        let line = if entry.path().is_dir() {
            format!("| `{name}/` |")
        } else {
            format!("| `{name}` |")
        };
        assert!(
            name == "README.md" || list.contains(&line),
            "tests/README.md does not say what {name} is for"
        );
    }
}

#[track_caller]
fn untidy(path: &str, code: &str, says: &str) {
    let faults = faults(path, &format!("//! What it is.\n\n{code}\n")).join("\n");
    assert!(faults.contains(says), "{says:?} is not in {faults:?}");
}

#[track_caller]
fn tidy(path: &str, code: &str) {
    assert_eq!(faults(path, &format!("//! What it is.\n\n{code}\n")), [""; 0]);
}

#[test]
fn a_house_that_is_not_tidy_is_seen() {
    tidy(
        "engine.rs",
        "use crate::map::View;\nuse crate::os::disk::{self, FileSystem};",
    );
    untidy(
        "map.rs",
        "use crate::engine::run;",
        "imports 'engine', which is not below it",
    );
    untidy(
        "os/disk.rs",
        "fn f() { crate::map::g() }",
        "imports 'map', which is not below it",
    );
    untidy("engine.rs", "use crate::{map, synth};", "one module per line");
    untidy("engine.rs", "use super::synth;", "goes up by super");
    untidy("format/envi.rs", "use super::super::synth;", "goes up by super");
    tidy("format/envi.rs", "use super::Described;\nuse crate::format::new_image;");
    untidy("attic.rs", "", "has no place yet");
    untidy("attic/mod.rs", "", "has no place yet");
    untidy("engine.rs", "use crate::attic::X;", "which is no floor");
    untidy("cli/info.rs", "use pagelight::attic::X;", "which is no floor");
    tidy(
        "cli/info.rs",
        "use clap::Args;\nuse pagelight::engine::run;\nfn f() { println!() }",
    );
    let body = |lines: usize| format!("    fn long() {{\n{}    }}", "        1;\n".repeat(lines - 2));
    tidy("engine.rs", &body(70));
    untidy("engine.rs", &body(71), "fn long() { has 71 lines");
    tidy("engine.rs", &format!("//{}", "x".repeat(118)));
    untidy(
        "engine.rs",
        &format!("//{}", "x".repeat(119)),
        "a comment of more than 120",
    );
    untidy("engine.rs", "use memmap2::Mmap;", "names memmap2, whose door is map.rs");
    untidy("engine.rs", "fn f() { rayon::join() }", "names rayon");
    untidy("synth.rs", "#[derive(thiserror::Error)]", "names thiserror");
    untidy(
        "kernel/add.rs",
        "fn f() {\n    // SAFETY: none\n    unsafe { g() }\n}",
        "holds unsafe code",
    );
    untidy(
        "map.rs",
        "fn f() {\n    unsafe { g() }\n}",
        "line 4: unsafe without a SAFETY comment",
    );
    tidy(
        "map.rs",
        "fn f() {\n    // SAFETY: because\n    // of this.\n    let x = unsafe { g() };\n}",
    );
    untidy("job.rs", "fn f() { eprintln!() }", "says eprintln!");
    untidy("job.rs", "use std::env;", "says std::env");
    untidy("job.rs", "fn f() { std::process::exit(1) }", "says process::exit");
    untidy(
        "job.rs",
        "const HINT: &str = \"give a smaller --size\";",
        "names --size",
    );
    untidy("job.rs", "fn f() { format!(\"--id {x} was done\") }", "names --id");
    untidy(
        "job.rs",
        "const HINT: &str = \"'pagelight resume' goes on\";",
        "names 'pagelight",
    );
    untidy("op/step.rs", "const HINT: &str = \"say --gamma\";", "names --gamma");
    tidy(
        "job.rs",
        "// Not --size.\nconst WORD: &str = \"--threads\";\nfn f(x: i32) -> i32 { x - -1 }",
    );
    tidy("cli/info.rs", "const HINT: &str = \"say --size\";");
    untidy("job.rs", &"\n".repeat(400), "lines, more than 400");
    tidy(
        "job.rs",
        "// println! is not for us, nor crate::engine\n\n#[cfg(test)]\nmod tests { use crate::synth::X; }",
    );
    assert!(!faults("job.rs", "use std::fs;\n").is_empty());
}

#[test]
fn a_circle_in_a_folder_is_seen() {
    let check = |files: &[(&str, &str)], wanted: Option<&str>| {
        let house: House = files
            .iter()
            .map(|(path, code)| ((*path).to_owned(), format!("//! What it is.\n\n{code}\n")))
            .collect();
        assert_eq!(circle(&house, "os/").as_deref(), wanted, "{files:?}");
    };
    check(&[("os/a.rs", "use super::b::X;"), ("os/b.rs", "use super::Y;")], None);
    check(
        &[("os/a.rs", "use super::b::X;"), ("os/b.rs", "use super::a::Y;")],
        Some("a, b"),
    );
    check(
        &[
            ("os/a.rs", "use super::{b, c};"),
            ("os/b.rs", "fn f() { crate::os::c::g() }"),
            ("os/c.rs", "use crate::os::a::X;"),
        ],
        Some("a, b, c"),
    );
    check(
        &[
            ("os/a.rs", "use super::b::X;"),
            ("os/b.rs", "mod inner;"),
            ("os/b/inner.rs", "use super::X;\nuse crate::os::a::Y;"),
        ],
        Some("a, b"),
    );
    check(
        &[("os/a.rs", "use super::b::X;"), ("os/mod.rs", "use self::a::Y;")],
        None,
    );
}
