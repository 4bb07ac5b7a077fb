//! How servers and proxies of many kinds read the path of a request, written naively and apart from one another: whatever one of
//! them takes for a documented path, and is not that path byte by byte, another reader may act on.

/// A reader of paths.
pub type Reader = fn(&str) -> String;

/// All of them, each with a name for what it does.
pub const READERS: [(&str, Reader); 8] = [
    ("decodes once and removes dots", |path| without_dots(&decoded(path))),
    ("removes dots and then decodes", |path| decoded(&without_dots(path))),
    ("decodes, merges slashes, removes dots", |path| without_dots(&merged(&decoded(path)))),
    ("decodes twice", |path| without_dots(&merged(&decoded(&decoded(path))))),
    ("folds case and takes backslashes for slashes", |path| {
        without_dots(&merged(&decoded(path).replace('\\', "/").to_ascii_lowercase()))
    }),
    ("cuts parameters off each part", |path| {
        let parts = path.split('/').map(|part| part.split(';').next().unwrap_or_default());
        without_dots(&decoded(&parts.collect::<Vec<_>>().join("/")))
    }),
    ("cuts at the first character that ends a string or a line", |path| {
        let path = decoded(path);
        path.split(['\0', '\r', '\n', '#', '?']).next().unwrap_or_default().to_owned()
    }),
    ("trims blanks, dots and slashes off the end", |path| {
        decoded(path).trim_end_matches(['/', '.', ' ', '\t']).to_owned()
    }),
];

/// Without percent escapes; what is none stays.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let escaped = if *first == b'%' { more.get(..2) } else { None };
        let byte = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { more.get(2..).unwrap_or_default() } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Slashes in a row are one.
fn merged(path: &str) -> String {
    let mut merged = String::new();
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

/// As RFC 3986, 5.2.4 removes them.
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_takes_something_else_for_a_path() {
        let targets = ["/a/%62", "/a/./%62", "/a//b", "/a/%2562", "\\A\\b", "/a;x/b", "/a/b%00c", "/a/b./"];
        for ((name, read), target) in READERS.iter().zip(targets) {
            assert_eq!(read(target), "/a/b", "{name}: {target}");
            assert_eq!(read("/a/b"), "/a/b", "{name}");
        }
    }
}
