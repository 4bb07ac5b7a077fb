//! A3: a Transfer-Encoding that is not exactly `chunked`.

use crate::a_framing::{JSON, TARGETS, with};
use crate::scene::{SMUGGLED, Scene};
use crate::support::{JOB, head};

#[test]
fn a3_transfer_encoding_that_is_not_chunked() {
    let mut scene = Scene::new("a3", "");
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    let odd: Vec<u8> = (0..=b' ').chain([0x7f, b',', b';', b'"', b'x', b'_', b'=']).collect();
    let mut forms: Vec<Vec<u8>> = Vec::new();
    for byte in odd {
        for at in 0..=7 {
            let mut inserted = b"chunked".to_vec();
            inserted.insert(at, byte);
            let mut replaced = b"chunked".to_vec();
            if let Some(place) = replaced.get_mut(at) {
                *place = byte;
                forms.push(replaced);
            }
            forms.push(inserted);
        }
    }
    let blank = |form: &Vec<u8>| {
        form.trim_ascii() == b"chunked" && !form.iter().any(|byte| b"\r\n\x0c".contains(byte))
    };
    forms.retain(|form| !blank(form));
    for target in TARGETS {
        for form in &forms {
            let mut wire = head(target.0, target.1, JSON).into_bytes();
            wire.extend_from_slice(b"Transfer-Encoding: ");
            wire.extend_from_slice(form);
            wire.extend_from_slice(format!("\r\n\r\n{chunks}{SMUGGLED}").as_bytes());
            scene.refuse(&wire, &[400]);
        }
        for fields in [
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding:\r\n chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding\t: chunked\r\n",
            " Transfer-Encoding: chunked\r\n",
            "x: y\rTransfer-Encoding: chunked\r\n",
            "x: y\nTransfer-Encoding: chunked\r\n",
        ] {
            scene.refuse(&with(target, fields, chunks), &[400]);
        }
        let old = String::from_utf8(with(target, "Transfer-Encoding: chunked\r\n", chunks)).unwrap();
        scene.refuse(old.replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes(), &[400]);
    }
    scene.finish();
}

/// Every byte put into the field's name and its value, and in place of the value's first: nobody takes it for the one form that there is.
#[test]
fn a3_whatever_is_put_into_the_field() {
    let mut scene = Scene::new("a3", "");
    let mut forms: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let put = |text: &[u8], at: usize, byte: u8| [&text[..at], &[byte], &text[at..]].concat();
    let (name, value) = (b"Transfer-Encoding".to_vec(), b"chunked".to_vec());
    for byte in 0..=u8::MAX {
        forms.extend([0, 4, 7].map(|at| (name.clone(), put(&value, at, byte))));
        forms.extend([0, 8, 17].map(|at| (put(&name, at, byte), value.clone())));
        forms.push((name.clone(), [&[byte], &value[1..]].concat()));
    }
    let body = format!("{:x}\r\n{JOB}\r\n0\r\n\r\n", JOB.len());
    let mut mutated = 0;
    for (mutant, form) in forms {
        let mut wire = head("POST", "/contextcapture/jobs", JSON).into_bytes();
        wire.extend_from_slice(&[mutant.as_slice(), b": ", &form, b"\r\n\r\n"].concat());
        wire.extend_from_slice(format!("{body}{SMUGGLED}").as_bytes());
        let end = scene.try_bytes(&wire);
        let blank = |byte: &u8| b" \t".contains(byte);
        let inner = form.iter().copied().skip_while(|byte| blank(byte)).collect::<Vec<u8>>();
        let exact = inner.strip_suffix(b" ").or(inner.strip_suffix(b"\t")).unwrap_or(&inner);
        let what = || format!("{:?}\n{end:?}", String::from_utf8_lossy(&wire));
        if mutant == name && exact.eq_ignore_ascii_case(b"chunked") {
            let whole = end.statuses() == [201] && end.seen.len() == 1 && end.seen[0].body == JOB.as_bytes();
            scene.tally.survived(whole, what);
            continue;
        }
        // A name that is another one leaves a job without a body, and what follows is no request.
        let none = end.seen.is_empty() && end.statuses().iter().all(|status| *status >= 400);
        scene.tally.refused(none, what);
        mutated += 1;
    }
    assert!(mutated >= 1768, "{mutated}");
    scene.finish();
}
