//! A1, A2 and A4 to A6: requests whose end two readers could see in two places.

use crate::scene::{Dice, SMUGGLED, Scene};
use crate::support::{JOB, Seen, head, post};

pub(crate) const TARGETS: [(&str, &str); 2] =
    [("POST", "/contextcapture/jobs"), ("POST", "/contextcapture/workspaces")];
pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

pub(crate) fn with(target: (&str, &str), fields: &str, body: &str) -> Vec<u8> {
    let wire = head(target.0, target.1, &format!("{JSON}{fields}\r\n"));
    format!("{wire}{body}{SMUGGLED}").into_bytes()
}

#[test]
fn a1_content_length_with_transfer_encoding() {
    let mut scene = Scene::new("a1", "");
    let codings = [
        "chunked",
        "Chunked",
        "CHUNKED",
        "\tchunked",
        "chunked ",
        "xchunked",
        "chunked, identity",
        "identity, chunked",
        "chunked;q=1",
        "\"chunked\"",
        "chunked\u{b}",
        "gzip",
        "",
    ];
    for target in TARGETS {
        for coding in codings {
            for length in ["6", "0", "29"] {
                let (length, coding) =
                    (format!("Content-Length: {length}\r\n"), format!("Transfer-Encoding: {coding}\r\n"));
                let orders = [
                    format!("{length}{coding}"),
                    format!("{coding}{length}"),
                    format!("{coding}x: y\r\n{length}{coding}"),
                ];
                for fields in orders {
                    scene.refuse(&with(target, &fields, "2\r\n{}\r\n0\r\n\r\n"), &[400]);
                }
            }
        }
    }
    scene.finish();
}

#[test]
fn a2_content_length_that_is_no_plain_number() {
    let mut scene = Scene::new("a2", "");
    let values = [
        "+2",
        "-2",
        "-0",
        "0x2",
        "2,2",
        "2, 2",
        "2,3",
        "",
        "2;",
        "2.0",
        "2e0",
        "00000000002",
        "99999999999",
        "4294967298",
        "18446744073709551618",
        "2\u{b}",
        "\u{662}",
        "2 2",
        "\"2\"",
        "_2",
        "2_0",
        "two",
        "2\0",
        "\u{c}2",
        "1 ",
        " ",
    ];
    for target in TARGETS {
        for value in values {
            // A number that is one but too large is refused as such.
            let wanted: &[u16] = if value == "4294967298" { &[413] } else { &[400] };
            if value == "1 " {
                continue; // Blanks around a value belong to the field, not to it.
            }
            scene.refuse(&with(target, &format!("Content-Length: {value}\r\n"), "{}"), wanted);
        }
        for (one, two) in [("2", "2"), ("2", "3"), ("0", "2"), ("2", "0")] {
            let fields = format!("Content-Length: {one}\r\nContent-Length: {two}\r\n");
            scene.refuse(&with(target, &fields, "{}"), &[400]);
            scene
                .refuse(&with(target, &fields.replacen("Content-Length", "content-length", 1), "{}"), &[400]);
        }
        let blanks = " ".repeat(1500);
        scene.refuse(&with(target, &format!("Content-Length:{blanks}2\r\n"), "{}"), &[400]);
    }
    for value in [JOB.len().to_string(), format!("{:010}", JOB.len()), format!(" \t{} ", JOB.len())] {
        let wire = with(TARGETS[0], &format!("Content-Length:{value}\r\n"), JOB);
        let end = scene.try_bytes(&wire[..wire.len() - SMUGGLED.len()]);
        let good = end.statuses() == [201] && end.seen[0].body == JOB.as_bytes();
        scene.tally.survived(good, || format!("{value}: {end:?}"));
    }
    scene.finish();
}

#[test]
fn a4_chunks_that_are_not_strictly_framed() {
    let mut scene = Scene::new("a4", "");
    let long = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "a".repeat(1200));
    let named = format!("2;a={}\r\n{{}}\r\n0\r\n\r\n", "b".repeat(1200));
    let tiny = format!("{}0\r\n\r\n", "1\r\n \r\n".repeat(2000));
    for chunks in [
        "2 \r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "2\t\r\n{}\r\n0\r\n\r\n",
        "2;\r\n{}\r\n0\r\n\r\n",
        "2;a b\r\n{}\r\n0\r\n\r\n",
        "2 ;a\r\n{}\r\n0\r\n\r\n",
        "2;\n\r\n{}\r\n0\r\n\r\n",
        "2;\0\r\n{}\r\n0\r\n\r\n",
        "2;a\r\r\n{}\r\n0\r\n\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
        "2;a=\"\r\n{}\r\n0\r\n\r\n",
        "2;a=\"\"b\r\n{}\r\n0\r\n\r\n",
        "2;\u{e9}\r\n{}\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
        "2\r{}\r0\r\r",
        "\r\n{}\r\n0\r\n\r\n",
        ";a\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "2_\r\n{}\r\n0\r\n\r\n",
        "2,\r\n{}\r\n0\r\n\r\n",
        "00000000000000002\r\n{}\r\n0\r\n\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "2\r\n{}\r0\r\n\r\n",
        "2\r\n{}xx0\r\n\r\n",
        "2\r\n{} \r\n0\r\n\r\n",
        "2\r\n{}\r\n\r\n\r\n",
        "2\r\n{}\r\n;x\r\n\r\n",
        "2\r\n{}\r\n0\r\n\n",
        "2\r\n{}\r\n0\n\n",
        "2\r\n{}\r\n0\r\nno field\r\n\r\n",
        "2\r\n{}\r\n0\r\n folded: x\r\n\r\n",
        "2\r\n{}\r\n0\r\na: \0\r\n\r\n",
        "1\r\n{\r\n1;\n\r\n}\r\n0\r\n\r\n",
        &long,
        &named,
        &tiny,
    ] {
        for target in TARGETS {
            let wire = with(target, "Transfer-Encoding: chunked\r\n", chunks);
            let split = wire.len() - SMUGGLED.len() - chunks.len();
            let bytes: Vec<&[u8]> = wire.chunks(1).collect();
            let mut ways: Vec<Vec<&[u8]>> = vec![vec![&wire], vec![&wire[..split], &wire[split..]]];
            if wire.len() < 600 {
                ways.push(bytes);
            }
            for pieces in ways {
                let end = scene.try_pieces(&pieces);
                // A size that can only be too large may be told as that.
                let wanted: &[u16] = if chunks.starts_with("ffff") { &[400, 413] } else { &[400] };
                let good = end.is_closing_refusal(wanted);
                scene.tally.refused(good, || format!("{target:?} {chunks:?} in {}: {end:?}", pieces.len()));
            }
        }
    }
    for chunks in [
        "2\r\n{}\r\n0\r\n\r\n",
        "02\r\n{}\r\n00\r\n\r\n",
        "0000000000000002\r\n{}\r\n0\r\n\r\n",
        "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        "2;a\r\n{}\r\n0;b\r\n\r\n",
        "2;a=b;c=\"d e\\\"\"\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\r\na: b\r\n\r\n",
    ] {
        let wire = with(TARGETS[1], "Transfer-Encoding: chunked\r\n", chunks);
        let pieces: Vec<&[u8]> = wire.chunks(1).collect();
        for pieces in [vec![&wire[..]], pieces] {
            let end = scene.try_pieces(&pieces);
            let exact = |seen: &Seen| seen.body == b"{}" && seen.header("content-length") == Some("2");
            let good = end.statuses() == [201]
                && end.replies[0].closes()
                && end.seen.len() == 1
                && exact(&end.seen[0]);
            scene.tally.survived(good, || format!("{chunks:?}: {end:?}"));
        }
    }
    scene.finish();
}

#[test]
fn a5_an_early_answer_never_makes_a_body_a_request() {
    let mut scene = Scene::new("a5", "");
    let jobs = ("POST", "/contextcapture/jobs");
    let no_token = |text: String| text.replacen("Authorization: Bearer t0k-en\r\n", "", 1);
    for size in [SMUGGLED.len(), 4_000, 70_000, 200_000] {
        let body = SMUGGLED.repeat(size.div_ceil(SMUGGLED.len()));
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        let wire = |target: (&str, &str), more: &str| {
            format!("{}{body}", head(target.0, target.1, &format!("{more}{length}")))
        };
        for (text, status) in [
            (no_token(wire(jobs, JSON)), 401),
            (wire(jobs, "Content-Type: text/plain\r\n"), 415),
            (wire(jobs, &format!("{JSON}Expect: wonders\r\n")), 417),
            (wire(("POST", "/contextcapture/nothing"), JSON), 404),
            (wire(("PUT", "/contextcapture/jobs"), JSON), 405),
            (wire(("POST", "/contextcapture/jobs?a=b"), JSON), 400),
            (wire(("GET", "/contextcapture/jobs"), ""), 400),
            (wire(("DELETE", "/contextcapture/jobs/1"), ""), 400),
            (wire(jobs, &format!("{JSON}Content-Encoding: gzip\r\n")), 415),
        ] {
            // Whole, and with the rest never sent.
            for sent in [text.len(), text.len() - size / 2] {
                let end = scene.try_bytes(&text.as_bytes()[..sent]);
                let good = end.is_refusal(&[status]);
                scene.tally.refused(good, || format!("{status} of {size}, {sent} sent: {end:?}"));
            }
        }
    }
    scene.finish();
}

#[test]
fn a6_lines_and_names_that_are_none() {
    let mut scene = Scene::new("a6", "");
    let good = String::from_utf8(post(JOB)).unwrap();
    let fields = [
        "x: y\n",
        "x: y\r",
        "x: y\rz: w\r\n",
        "x: y\r\n folded\r\n",
        "x: y\r\n\tfolded\r\n",
        "x : y\r\n",
        "x\t: y\r\n",
        "x y: z\r\n",
        "no colon\r\n",
        ": no name\r\n",
        "x: \0\r\n",
        "x: \u{1}\r\n",
        "x: \u{7f}\r\n",
        "x: \u{1b}[2J\r\n",
        "x\0: y\r\n",
        "x(y): z\r\n",
        "x\u{e9}: y\r\n",
        "\"x\": y\r\n",
        "x@y: z\r\n",
        "\u{b}x: y\r\n",
        "x\r: y\r\n",
        "\r\r\n",
        " \r\n",
        "x: y\r\r\n",
    ];
    for field in fields {
        scene.refuse(good.replacen("\r\nHost", &format!("\r\n{field}Host"), 1).as_bytes(), &[400]);
        scene.refuse(good.replacen("\r\n\r\n", &format!("\r\n{field}\r\n"), 1).as_bytes(), &[400]);
    }
    let line = "POST /contextcapture/jobs HTTP/1.1\r\n";
    for other in [
        "POST  /contextcapture/jobs HTTP/1.1\r\n",
        "POST /contextcapture/jobs  HTTP/1.1\r\n",
        " POST /contextcapture/jobs HTTP/1.1\r\n",
        "POST\t/contextcapture/jobs HTTP/1.1\r\n",
        "POST /contextcapture/jobs HTTP/1.1 \r\n",
        "POST /contextcapture/jobs HTTP/1.1\n",
        "POST /contextcapture/jobs http/1.1\r\n",
        "POST /contextcapture/jobs HTTP/1.2\r\n",
        "POST /contextcapture/jobs HTTP/2.0\r\n",
        "POST /contextcapture/jobs HTTP/01.1\r\n",
        "POST /contextcapture/jobs HTTP/1.1.1\r\n",
        "POST /contextcapture/jobs\r\n",
        "POST /contextcapture/jobs HTTP /1.1\r\n",
        "PO\0ST /contextcapture/jobs HTTP/1.1\r\n",
        "/contextcapture/jobs HTTP/1.1\r\n",
        "POST /contextcapture/jo\tbs HTTP/1.1\r\n",
        "POST /contextcapture/jobs\u{b}HTTP/1.1\r\n",
        "\0POST /contextcapture/jobs HTTP/1.1\r\n",
    ] {
        scene.refuse(good.replacen(line, other, 1).as_bytes(), &[400, 404]);
    }
    flip_bits(&mut scene, good.as_bytes());
    scene.finish();
}

/// Whatever bit is wrong, upstream sees as many requests as were answered as done, and each is well formed.
fn flip_bits(scene: &mut Scene, good: &[u8]) {
    let mut dice = Dice::new(0x5eed);
    let end_of_head = good.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    for _ in 0..1500 {
        let mut wire = good.to_vec();
        for _ in 0..=dice.below(2) {
            let at = dice.below(end_of_head);
            wire[at] ^= 1 << dice.below(8);
        }
        wire.extend_from_slice(SMUGGLED.replace("smuggled", "behind").as_bytes());
        let end = scene.try_bytes(&wire);
        let done = end.statuses().iter().filter(|status| **status < 300).count();
        let known = |seen: &Seen| {
            let lines = ["POST /contextcapture/jobs HTTP/1.1", "POST /contextcapture/workspaces HTTP/1.1"];
            lines.contains(&seen.line.as_str())
                || seen.line.starts_with("GET /contextcapture/workspaces/behind ")
        };
        let after_no: Vec<_> = end.replies.iter().skip_while(|reply| reply.status != 400).collect();
        let fine = end.seen.len() == done && end.seen.iter().all(known) && after_no.len() <= 1;
        scene.tally.survived(fine, || format!("{:?}\n{end:?}", String::from_utf8_lossy(&wire)));
    }
}
