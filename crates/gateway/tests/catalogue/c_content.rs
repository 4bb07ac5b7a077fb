//! C: what the body is said to be, and in which characters it is.

use crate::scene::Scene;
use crate::support::{JOB, Seen, head};

fn typed(content_type: &str, body: &[u8]) -> Vec<u8> {
    let more = format!("{content_type}Content-Length: {}\r\n\r\n", body.len());
    let mut wire = head("POST", "/contextcapture/jobs", &more).into_bytes();
    wire.extend_from_slice(body);
    wire
}

fn passes(scene: &mut Scene, content_type: &str) {
    let end = scene.try_bytes(&typed(content_type, JOB.as_bytes()));
    let plain =
        |seen: &Seen| seen.header("content-type") == Some("application/json") && seen.body == JOB.as_bytes();
    let good = end.statuses() == [201] && end.seen.len() == 1 && plain(&end.seen[0]);
    scene.tally.survived(good, || format!("{content_type:?}: {end:?}"));
}

#[test]
fn c1_content_types() {
    let mut scene = Scene::new("c1", "");
    for value in [
        "text/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json;x",
        "application/json; boundary=x",
        "application/json, text/plain",
        "application/jsonp",
        "application/problem+json",
        "application/*",
        "*/*",
        "",
        "json",
        "application /json",
        "application/json/x",
        "application/xml",
        "application/vnd.bentley.itwin-platform.v2+json",
        "application/json\u{e9}",
        "\"application/json\"",
        "application/json; charset=utf-8; x=y",
        "application/json=",
    ] {
        scene.deny(&typed(&format!("Content-Type: {value}\r\n"), JOB.as_bytes()), 415);
    }
    scene.deny(&typed("", JOB.as_bytes()), 415);
    scene.deny(
        &typed("Content-Type: application/json\r\nContent-Type: application/json\r\n", JOB.as_bytes()),
        415,
    );
    scene.deny(&typed("Content-Type: application/json\r\nContent-Type: text/plain\r\n", JOB.as_bytes()), 415);
    for value in [
        "application/json",
        "Application/JSON",
        "application/json;",
        "application/vnd.bentley.itwin-platform.v1+json",
        "application/vnd.bentley.v1+json; charset=utf-8",
    ] {
        passes(&mut scene, &format!("Content-Type: {value}\r\n"));
    }
    scene.finish();
}

#[test]
fn c2_other_character_sets() {
    let mut scene = Scene::new("c2", "");
    for charset in [
        "utf-16",
        "UTF-16LE",
        "utf-16be",
        "utf-32",
        "utf-7",
        "latin1",
        "iso-8859-1",
        "windows-1252",
        "us-ascii",
        "utf8",
        "utf-8x",
        "\"utf-16\"",
        "'utf-8'",
        "utf-8, utf-16",
        "unicode-1-1-utf-7",
        "",
        "\"\"",
        "cp037",
        "utf-8\"",
        "UTF-8 utf-16",
    ] {
        scene.deny(
            &typed(&format!("Content-Type: application/json; charset={charset}\r\n"), JOB.as_bytes()),
            415,
        );
    }
    scene.deny(
        &typed("Content-Type: application/json; charset=utf-8; charset=utf-16\r\n", JOB.as_bytes()),
        415,
    );
    for charset in ["utf-8", "UTF-8", "Utf-8", "\"utf-8\""] {
        passes(&mut scene, &format!("Content-Type: application/json; charset={charset}\r\n"));
        passes(&mut scene, &format!("Content-Type: application/json;charset={charset}\r\n"));
    }
    scene.finish();
}

#[test]
fn c3_byte_order_marks() {
    let mut scene = Scene::new("c3", "");
    let wide = |little: bool| -> Vec<u8> {
        JOB.encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    };
    let marks: [&[u8]; 7] = [
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xff\xfe\0\0",
        b"\0\0\xfe\xff",
        b"+/v8-",
        b"\xef\xbb\xbf\xef\xbb\xbf",
    ];
    for mark in marks {
        for body in [JOB.as_bytes().to_vec(), wide(true), wide(false)] {
            scene.deny(&typed("Content-Type: application/json\r\n", &[mark, &body].concat()), 422);
        }
    }
    for body in [wide(true), wide(false), [JOB.as_bytes(), b"\xef\xbb\xbf"].concat()] {
        scene.deny(&typed("Content-Type: application/json\r\n", &body), 422);
    }
    scene.finish();
}

#[test]
fn c4_bytes_that_are_no_utf_8() {
    let mut scene = Scene::new("c4", "");
    let wrong: [&[u8]; 16] = [
        b"\x80",
        b"\xbf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xc3",
        b"\xc3(",
        b"\xe0\x80\x80",
        b"\xe2\x82",
        b"\xe2(\xa1",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\x80",
        b"\xf0\x9f\x92",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xff",
    ];
    for bytes in wrong {
        // In a value, in a name of a member, in a string that nobody reads, and outside of strings.
        for (from, to) in
            [("My first job", &b""[..]), ("\"name\"", b"\"na"), ("photos", b"x"), ("\"settings\"", b"")]
        {
            let at = JOB.find(from).unwrap();
            let mut body = JOB.as_bytes().to_vec();
            let quote = if from.starts_with('"') && !to.is_empty() {
                [to, bytes, b"me\""].concat()
            } else {
                [to, bytes].concat()
            };
            let end = if from == "\"settings\"" { at } else { at + from.len() };
            body.splice(at..end, quote);
            scene.deny(&typed("Content-Type: application/json\r\n", &body), 422);
        }
    }
    let end = scene.try_bytes(&typed(
        "Content-Type: application/json\r\n",
        JOB.replace("My first job", "Brücke № 7 🏗").as_bytes(),
    ));
    scene.tally.survived(end.statuses() == [201], || format!("{end:?}"));
    scene.finish();
}
