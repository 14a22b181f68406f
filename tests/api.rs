//! What the library offers, written down: `tests/api.txt` changes only on purpose.
//!
//! The listing is made of the source: of all that `lib.rs` names and does not hide, without bodies and comments. After
//! a change that is meant, `PAGELIGHT_WRITE_API=1 cargo test --test api` writes it anew; the difference belongs to the
//! commit, and to CHANGELOG.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Fields, ImplItem, Item, UseTree, Visibility};

/// The house's files, parsed.
type House = BTreeMap<PathBuf, syn::File>;

fn read(folder: &Path, house: &mut House) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, house);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            house.insert(path, syn::parse_file(&text).expect("Rust"));
        }
    }
}

/// What a file offers to those above it: its own items, what it passes on, and its modules.
struct Offer {
    /// With the module, if it is another one's.
    names: Vec<(String, Option<String>)>,
    modules: Vec<String>,
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    let is_hiding = |attribute: &Attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("doc") && list.is_ok_and(|list| list.tokens.to_string() == "hidden")
    };
    attributes.iter().any(is_hiding)
}

fn names_of(tree: &UseTree, module: Option<&str>, names: &mut Vec<(String, Option<String>)>) {
    match tree {
        UseTree::Path(path) => {
            let own = Some(path.ident.to_string()).filter(|own| own != "self");
            names_of(&path.tree, module.or(own.as_deref()), names);
        }
        UseTree::Name(name) => names.push((name.ident.to_string(), module.map(str::to_owned))),
        UseTree::Group(group) => group.items.iter().for_each(|tree| names_of(tree, module, names)),
        UseTree::Rename(_) => panic!("one noun for one thing"),
        UseTree::Glob(_) => panic!("a glob hides what is offered"),
    }
}

fn offer(file: &syn::File) -> Offer {
    let (mut names, mut modules) = (Vec::new(), Vec::new());
    for item in &file.items {
        match item {
            Item::Mod(module) if is_public(&module.vis) && !is_hidden(&module.attrs) => {
                modules.push(module.ident.to_string());
            }
            Item::Use(passed_on) if is_public(&passed_on.vis) && !is_hidden(&passed_on.attrs) => {
                names_of(&passed_on.tree, None, &mut names);
            }
            _ => names.extend(name_of(item).map(|name| (name, None))),
        }
    }
    Offer { names, modules }
}

/// The name of an item that is public.
fn name_of(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    is_public(visibility).then(|| name.to_string())
}

/// What a reader of the documentation sees of an item: nothing private, no body, no comment.
fn outline(item: &Item) -> Option<Item> {
    let mut item = item.clone();
    match &mut item {
        Item::Enum(item) => {
            strip(&mut item.attrs);
            for variant in &mut item.variants {
                strip(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| strip(&mut field.attrs));
            }
        }
        Item::Struct(item) => {
            strip(&mut item.attrs);
            if let Fields::Named(fields) = &mut item.fields {
                fields.named = fields
                    .named
                    .iter()
                    .filter(|field| is_public(&field.vis))
                    .cloned()
                    .collect();
            }
            item.fields.iter_mut().for_each(|field| strip(&mut field.attrs));
        }
        Item::Const(item) => {
            strip(&mut item.attrs);
            *item.expr = syn::parse_quote!(..);
        }
        Item::Fn(item) => {
            strip(&mut item.attrs);
            item.block.stmts.clear();
        }
        Item::Trait(item) => strip(&mut item.attrs),
        Item::Type(item) => strip(&mut item.attrs),
        Item::Impl(item) => {
            strip(&mut item.attrs);
            let is_of_trait = item.trait_.is_some();
            item.items.retain_mut(|item| match item {
                ImplItem::Fn(function) if !is_of_trait && is_public(&function.vis) && !is_hidden(&function.attrs) => {
                    strip(&mut function.attrs);
                    function.block.stmts.clear();
                    true
                }
                ImplItem::Const(constant) if !is_of_trait && is_public(&constant.vis) => {
                    strip(&mut constant.attrs);
                    constant.expr = syn::parse_quote!(..);
                    true
                }
                _ => false,
            });
            if item.items.is_empty() && !is_of_trait {
                return None;
            }
        }
        _ => return None,
    }
    Some(item)
}

/// Keeps what changes how a thing may be used.
fn strip(attributes: &mut Vec<Attribute>) {
    let kept = ["derive", "must_use", "non_exhaustive", "repr"];
    attributes.retain(|attribute| kept.iter().any(|name| attribute.path().is_ident(name)));
}

/// The type that an `impl` is of.
fn implementer(item: &syn::ItemImpl) -> Option<String> {
    match &*item.self_ty {
        syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// The outlines of what has one of these names, in the files below `root`.
fn outlines(house: &House, root: &Path, names: &[(String, Option<String>)], listing: &mut Vec<String>) {
    let mut found = Vec::new();
    for (path, file) in house.iter().filter(|(path, _)| path.starts_with(root)) {
        let module = path.strip_prefix(root).ok().and_then(|path| path.iter().next());
        let module = module.and_then(|name| Path::new(name).file_stem()?.to_str());
        for item in &file.items {
            let name = match item {
                Item::Impl(item) => implementer(item),
                _ => name_of(item),
            };
            let is_it = |name: &String| {
                let mut homes = names.iter().filter(|(known, _)| known == name).map(|(_, home)| home);
                homes.any(|home| home.is_none() || home.as_deref() == module)
            };
            let Some(name) = name.filter(is_it) else {
                continue;
            };
            if let Some(outline) = outline(item) {
                let file = syn::File {
                    shebang: None,
                    attrs: vec![],
                    items: vec![outline],
                };
                found.push((name, matches!(item, Item::Impl(_)), prettyplease::unparse(&file)));
            }
        }
    }
    found.sort();
    found.dedup();
    listing.extend(found.into_iter().map(|(_, _, text)| text));
}

fn list_module(house: &House, source: &Path, name: &str, listing: &mut Vec<String>) {
    let folder = source.join(name);
    let file = [folder.join("mod.rs"), folder.with_extension("rs")]
        .into_iter()
        .find(|path| house.contains_key(path))
        .expect("a module's file");
    let offer = offer(&house[&file]);
    listing.push(format!("// {name}\n"));
    if !file.starts_with(&folder) {
        let own = House::from([(file.clone(), house[&file].clone())]);
        outlines(&own, &file, &offer.names, listing);
    }
    outlines(house, &folder, &offer.names, listing);
    for module in &offer.modules {
        list_module(house, &folder, module, listing);
    }
}

fn listing() -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut house = House::new();
    read(&source, &mut house);
    house.retain(|path, _| !path.starts_with(source.join("cli")) && !path.ends_with("tests.rs"));
    let offer = offer(&house[&source.join("lib.rs")]);
    let mut listing = Vec::new();
    outlines(&house, &source, &offer.names, &mut listing);
    for module in &offer.modules {
        list_module(&house, &source, module, &mut listing);
    }
    listing.join("\n")
}

#[test]
fn what_the_library_offers_changes_only_on_purpose() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api.txt");
    let listing = listing();
    if std::env::var_os("PAGELIGHT_WRITE_API").is_some() {
        fs::write(&path, &listing).expect("written");
    }
    let written = fs::read_to_string(&path).expect("tests/api.txt");
    let changed: Vec<String> = written
        .lines()
        .filter(|line| !listing.lines().any(|now| now == *line))
        .map(|line| format!("- {line}"))
        .chain(
            listing
                .lines()
                .filter(|line| !written.lines().any(|then| then == *line))
                .map(|line| format!("+ {line}")),
        )
        .collect();
    assert!(
        listing == written,
        "the library offers something else than tests/api.txt says (the head of api.rs says what to do):\n{}",
        changed.join("\n")
    );
}
