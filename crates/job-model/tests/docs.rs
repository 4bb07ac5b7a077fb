//! Every public type and function of the crate has an example, in its own documentation or in its macro's.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn every_public_type_and_function_has_an_example() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut counted = 0;
    let mut without = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let item = ["pub struct ", "pub enum ", "pub fn ", "pub const fn "]
                .iter()
                .any(|kind| line.starts_with(kind));
            let words = line.contains("word::words! {");
            if !item && !words {
                continue;
            }
            counted += 1;
            let is_doc =
                |line: &&&str| line.trim_start().starts_with("///") || line.trim_start().starts_with("#[");
            let above = lines[..index].iter().rev().take_while(is_doc);
            let below = lines[index + 1..].iter().take_while(is_doc);
            let docs: Vec<&&str> = if words { below.collect() } else { above.collect() };
            if !docs.iter().any(|line| line.contains("```")) {
                without.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert!(counted > 70, "{counted}");
    assert!(without.is_empty(), "{}", without.join("\n"));
}
