//! Names of the places in assembly code that Rust code asks the addresses of.
//!
//! The linker knows one place of a name in a whole program, and a program may hold two versions of this crate. So every
//! such name has the crate's version in it.

/// The name of a place, `pagelight_0_1_0_load_begin` for `load_begin`: a literal, as `concat!` and attributes take it.
macro_rules! symbol {
    ($name:literal) => {
        concat!(
            "pagelight_",
            env!("CARGO_PKG_VERSION_MAJOR"),
            "_",
            env!("CARGO_PKG_VERSION_MINOR"),
            "_",
            env!("CARGO_PKG_VERSION_PATCH"),
            "_",
            $name
        )
    };
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Whoever writes a new routine and names its places by hand is seen here.
    #[test]
    fn every_place_has_the_version_in_its_name() {
        assert!(symbol!("x").ends_with(&format!("{}_x", env!("CARGO_PKG_VERSION").replace('.', "_"))));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/os");
        let mut places = 0;
        for entry in folder.read_dir().expect("listed") {
            let path = entry.expect("an entry").path();
            if path.ends_with("symbol.rs") || path.extension().is_none_or(|end| end != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            for (number, line) in text.lines().enumerate() {
                places += line.matches("symbol!(").count();
                let by_hand = line.contains("\".globl pagelight") || line.contains("\"pagelight_");
                assert!(!by_hand, "{}:{}: {line}", path.display(), number + 1);
            }
        }
        assert!(places > 20, "{places}");
    }
}
