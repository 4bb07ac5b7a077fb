//! The direction of the rooms: which crate may name which, read from the manifests. Who may name pingora is in `.deny.toml`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// Every crate of the workspace, with those of the others that its `[dependencies]` may name.
const MAY_NAME: [(&str, &[&str]); 8] = [
    ("job-model", &[]),
    ("admission", &["job-model"]),
    ("ledger", &["job-model", "admission"]),
    ("sandbox", &["job-model"]),
    ("testkit", &["job-model"]),
    ("gateway", &["job-model", "admission", "ledger"]),
    ("jobgate", &["job-model", "admission", "ledger", "gateway", "sandbox"]),
    ("xtask", &[]),
];

/// All that the model depends on. Others reuse it: each line here is a line in their trees.
const OF_THE_MODEL: [&str; 7] = ["serde", "serde_json", "validator", "rust_decimal", "toml", "sha2", "jiff"];

/// The names in the `[dependencies]` table of a crate's manifest.
fn dependencies(name: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("Cargo.toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
    let table = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = table.take_while(|line| !line.starts_with('['));
    let words = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    words.filter(|word| !word.is_empty() && !word.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn each_room_names_only_the_rooms_below_it() {
    for (name, allowed) in MAY_NAME {
        for dependency in dependencies(name) {
            let ours = MAY_NAME.iter().any(|(room, _)| *room == dependency);
            assert!(!ours || allowed.contains(&dependency.as_str()), "{name} must not name {dependency}");
        }
    }
}

#[test]
fn every_room_is_in_the_table() {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(MAY_NAME.iter().any(|(room, _)| *room == name), "{name} has no line in MAY_NAME");
    }
}

#[test]
fn the_model_depends_on_a_handful() {
    for dependency in dependencies("job-model") {
        assert!(OF_THE_MODEL.contains(&dependency.as_str()), "job-model must not name {dependency}");
    }
}

#[test]
fn xtask_depends_on_nothing() {
    assert_eq!(dependencies("xtask"), Vec::<String>::new());
}
