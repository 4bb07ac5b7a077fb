//! `jobgate lint` of single documents: what people and programs see, and the exit codes.

use jobgate::stream::LONGEST;

use crate::{GOOD, Place, Ran, rules_of};

/// A fault of every severity, on lines of their own.
const BAD: &str = r#"{
    "type": "full",
    "name": "Ponte è",
    "colour": "red",
    "workspaceId": "6881117d-9fd2-4900-870b-9b721dc90f25",
    "inputs": [{"id": "58e0c0ca"}],
    "settings": {"quality": "Extra", "outputs": ["OBJ", "3mx"], "processingEngines": 2.5}
}
"#;

#[test]
fn of_a_good_job_there_is_nothing_to_say() {
    let ran = Place::new("good").with("job.json", GOOD).run(&["lint", "job.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    assert_eq!(ran.stderr, "1 checked, 0 refused, 0 accepted with notices\n");
}

#[test]
fn every_fault_is_shown_with_its_line_and_a_caret() {
    let ran = Place::new("bad").with("job.json", BAD).run(&["lint", "job.json"]);
    insta::assert_snapshot!(ran.shown());
}

/// As editors of Windows write it: what ends a line is no part of it.
#[test]
fn a_carriage_return_at_the_end_of_a_line_is_not_shown() {
    for text in [BAD, "{\n  \"type\": \"Fu\n}\n", "{\n  \"type\":\n", "[1,\n]"] {
        let ran = |text: &str| Place::new("crlf").with("job.json", text).run(&["lint", "job.json"]).shown();
        let shown = ran(&text.replace('\n', "\r\n"));
        assert!(!shown.contains('\u{fffd}'), "{text:?}: {shown}");
        assert_eq!(shown, ran(text));
    }
}

#[test]
fn an_empty_file_is_no_json() {
    let ran = Place::new("empty").with("job.json", "").run(&["lint", "job.json"]);
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn a_file_that_is_not_there_spoils_only_itself() {
    let place = Place::new("missing").with("bad.json", "[]").with("good.json", GOOD);
    let ran = place.run(&["lint", "bad.json", "nowhere.json", ".", "good.json"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.contains("body-not-object"), "{}", ran.stdout);
    let talk: Vec<&str> = ran.stderr.lines().collect();
    assert!(talk[0].starts_with("jobgate: nowhere.json: cannot be read: "), "{}", ran.stderr);
    assert!(talk[1].starts_with("jobgate: .: cannot be read: "), "{}", ran.stderr);
    assert_eq!(talk[2..], ["2 checked, 1 refused, 0 accepted with notices"]);
}

#[test]
fn stdin_is_read_where_no_file_is_given() {
    let place = Place::new("stdin");
    for args in [&["lint"][..], &["lint", "-"]] {
        let ran = place.run_on(args, "[]");
        assert_eq!(ran.code, Some(1));
        assert!(ran.stdout.contains("--> <stdin>:1:1"), "{}", ran.stdout);
    }
}

#[test]
fn a_long_line_is_cropped_around_the_caret() {
    // Within what the renderer crops, and beyond.
    for width in [5_000, 100_000] {
        let start = format!(r#"{{"name":"{}",{}"type":"#, "é".repeat(200), " ".repeat(width));
        let rest = GOOD.replace(r#"{"type":"Full","name":"Bridge 7""#, r#""full""#);
        let ran = Place::new(&format!("long-{width}"))
            .with("job.json", start.clone() + &rest)
            .run(&["lint", "job.json"]);
        let column = start.chars().count() + 1;
        assert!(ran.stdout.contains(&format!("--> job.json:1:{column}\n")), "{}", ran.stdout);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        let caret = lines.iter().position(|line| line.contains("^^^^^^")).unwrap();
        let indent = lines[caret].chars().position(|character| character == '^').unwrap();
        let marked: String = lines[caret - 1].chars().skip(indent).take(6).collect();
        assert_eq!(marked, r#""full""#);
        assert!(lines.iter().all(|line| line.chars().count() < 250), "{}", ran.stdout);
    }
}

#[test]
fn what_a_terminal_would_act_on_is_not_shown_to_it() {
    let place = Place::new("control").with("job.json", b"{\"type\":\"\xff\x1b]0;owned\x07\r\xc2\x9b");
    let ran = place.run(&["lint", "job.json"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stdout.chars().all(|character| character == '\n' || !character.is_control()),
        "{}",
        ran.stdout
    );
}

/// Whoever names a file writes neither to a terminal nor a line of his own to a log.
#[cfg(unix)]
#[test]
fn a_file_s_name_is_shown_as_a_name() {
    let name = "e\u{1b}[31mvil\n::error::.json";
    let lines = name.replace(".json", ".ndjson");
    let place = Place::new("names").with(name, "[]").with(&lines, vec![b' '; LONGEST + 1]);
    let absent = "not\u{1b}[31m\n::error::";
    let card = ["estimate", name, "--rate-card", absent];
    let bad = ["estimate", name, "--rate-card", "builtin:illustrative"];
    let refused = ["estimate", name, "--rate-card", name];
    for args in [&["lint", name][..], &["lint", &lines], &["lint", absent], &card, &bad, &refused] {
        let ran = place.run(args);
        assert_ne!(ran.code, Some(0), "{args:?}");
        let shown = ran.shown();
        assert!(!shown.contains('\u{1b}') && shown.contains("\u{fffd}[31m"), "{shown}");
        assert!(shown.lines().all(|line| !line.starts_with("::error::")), "{shown}");
    }
    assert_eq!(
        place.run(&["lint", name, "--format", "json"]).json()[0]["file"],
        name,
        "programs get it as it is"
    );
}

#[test]
fn a_fault_at_any_byte_can_be_shown() {
    let mut place = Place::new("anywhere");
    let (mut names, mut count) = (vec!["lint".to_owned()], 0);
    let text = BAD.as_bytes();
    for end in (0..text.len()).step_by(7) {
        // Cut there, and broken there; both split characters, too.
        let broken = [&text[..end], b"\xc3", &text[end..]].concat();
        for document in [&text[..end], &broken] {
            let name = format!("{count}.json");
            place = place.with(&name, document);
            names.push(name);
            count += 1;
        }
    }
    let ran = place.run(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr, format!("{count} checked, {count} refused, 0 accepted with notices\n"));
}

#[test]
fn strictly_judged_a_quoted_number_is_refused() {
    let place = Place::new("strict").with("job.json", GOOD.replace("2.1", "\"2.1\""));
    let compatible = place.run(&["lint", "job.json", "--format", "json"]);
    let strict = place.run(&["lint", "job.json", "--format", "json", "--profile", "strict"]);
    assert_eq!((compatible.code, strict.code), (Some(0), Some(1)));
    let (compatible, strict) = (compatible.json(), strict.json());
    assert_eq!(compatible[0]["accepted"], true);
    assert_eq!(compatible[0]["violations"][0]["severity"], "audit");
    assert_eq!(strict[0]["accepted"], false);
    assert_eq!(strict[0]["violations"][0]["severity"], "deny");
    assert_eq!(rules_of(&strict[0]), ["giga-pixels-text"]);
}

#[test]
fn patches_are_judged_as_patches() {
    let place = Place::new("patch").with("active.json", r#"{"state":"Active"}"#).with("empty.json", "{}");
    assert_eq!(place.run(&["lint", "--patch", "active.json"]).code, Some(0));
    let ran = place.run(&["lint", "--patch", "--format", "json", "empty.json"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(rules_of(&ran.json()[0]), ["patch-empty"]);
}

#[test]
fn programs_get_every_document_with_the_bytes_to_underline() {
    let place = Place::new("programs").with("bad.json", BAD).with("good.json", GOOD);
    let array = place.run(&["lint", "--format", "json", "bad.json", "good.json"]);
    let lines = place.run(&["lint", "--format", "ndjson", "bad.json", "good.json"]);
    assert_eq!((array.code, lines.code), (Some(1), Some(1)));
    let array = array.json();
    assert_eq!(array.as_array().unwrap(), &lines.json_lines());
    assert_eq!((&array[0]["file"], &array[1]["file"]), (&"bad.json".into(), &"good.json".into()));
    assert_eq!(array[1]["accepted"], true);
    assert_eq!(array[1]["violations"].as_array().unwrap().len(), 0);
    let first = &array[0]["violations"][0];
    assert_eq!((&first["rule"], &first["target"]), (&"type-invalid".into(), &"type".into()));
    assert_eq!(first["suggestion"], "Full");
    let at = |index: usize| usize::try_from(first["span"][index].as_u64().unwrap()).unwrap();
    assert_eq!(&BAD[at(0)..at(1)], r#""full""#);
}

#[test]
fn how_many_faults_are_not_listed_is_told() {
    let outputs = |count: usize| GOOD.replace(r#"["OBJ"]"#, &format!("[{}]", vec!["0"; count].join(",")));
    let place = Place::new("many");
    for (count, unlisted, told) in [
        (50, 0, None),
        (51, 1, Some("note: 1 more problem is not listed\n\n")),
        (200, 150, Some("note: 150 more problems are not listed\n\n")),
    ] {
        let job = outputs(count);
        let human = place.run_on(&["lint"], &job).stdout;
        assert_eq!(human.matches("error[output-invalid]").count(), 50);
        assert_eq!(human.find("note: ").map(|at| &human[at..]), told);
        for format in ["json", "ndjson"] {
            let ran = place.run_on(&["lint", "--format", format], &job).json();
            let document = if format == "json" { &ran[0] } else { &ran };
            assert_eq!((rules_of(document).len(), &document["unlisted"]), (50, &unlisted.into()));
        }
    }
    let good = place.run_on(&["lint", "--format", "ndjson"], GOOD).json();
    assert_eq!(good["unlisted"], 0);
}

#[test]
fn without_files_that_can_be_read_the_array_is_empty() {
    let ran = Place::new("nothing").run(&["lint", "--format", "json", "nowhere.json"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.json(), serde_json::json!([]));
}

#[test]
fn colours_are_for_terminals_and_for_those_who_want_them() {
    let place = Place::new("colours").with("job.json", BAD);
    let coloured = |wishes: &[&str]| {
        let mut command = place.command(&["lint", "job.json"]);
        command.envs(wishes.iter().map(|name| (name, "1")));
        Ran::of(&mut command).stdout.contains("\x1b[")
    };
    assert!(!coloured(&[]), "a pipe is no terminal");
    assert!(coloured(&["CLICOLOR_FORCE"]));
    assert!(!coloured(&["CLICOLOR_FORCE", "NO_COLOR"]));
}
