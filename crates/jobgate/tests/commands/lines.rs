//! `jobgate lint` of files with one job a line.

use std::io::Write;
use std::process::Stdio;

use jobgate::stream::LONGEST;
use serde_json::Value;

use crate::{GOOD, Place, Ran, rules_of};

#[test]
fn a_bad_line_is_named() {
    // Empty lines count, either line end will do, and the last one needs none.
    let jobs = format!("{GOOD}\r\n\n{{\"type\":\r\n{GOOD}\n[]");
    let place = Place::new("line").with("jobs.ndjson", jobs);
    insta::assert_snapshot!(place.run(&["lint", "jobs.ndjson"]).shown());
}

#[test]
fn programs_get_the_lines_with_findings() {
    let jobs = format!("{GOOD}\n[]\n{}\n", GOOD.replace("2.1", "null"));
    let place =
        Place::new("lines").with("jobs.ndjson", &jobs).with("jobs.jsonl", &jobs).with("jobs.txt", &jobs);
    for file in ["jobs.ndjson", "jobs.jsonl"] {
        let array = place.run(&["lint", "--format", "json", file]);
        assert_eq!(array.code, Some(1));
        let array = array.json();
        assert_eq!(array.as_array().unwrap().len(), 2);
        assert_eq!((&array[0]["file"], &array[0]["line"]), (&file.into(), &2.into()));
        assert_eq!((&array[0]["accepted"], rules_of(&array[0])), (&false.into(), vec!["body-not-object"]));
        assert_eq!((&array[1]["line"], &array[1]["accepted"]), (&3.into(), &true.into()));
        assert_eq!(rules_of(&array[1]), ["null-member"]);
        let lines = place.run(&["lint", "--format", "ndjson", file]);
        assert_eq!(array.as_array().unwrap(), &lines.json_lines());
    }
    let ran = place.run(&["lint", "--ndjson", "--format", "ndjson", "jobs.txt"]);
    let numbers: Vec<Value> = ran.json_lines().iter().map(|line| line["line"].clone()).collect();
    assert_eq!(numbers, [2, 3]);
    let ran = place.run(&["lint", "--format", "json", "jobs.txt"]);
    assert_eq!(rules_of(&ran.json()[0]), ["body-syntax"], "by its name it is one document");
}

/// Where the fault is in the file is told, not where it is in its line.
#[test]
fn a_fault_of_a_line_is_on_that_line_in_words_too() {
    let place = Place::new("lines-words").with("jobs.ndjson", format!("{GOOD}\n\n{{\"type\": nil}}\n"));
    let said = "The body is not valid JSON, at line 3, column 11.";
    assert!(place.run(&["lint", "jobs.ndjson"]).stdout.contains(said));
    let found = place.run(&["lint", "--format", "ndjson", "jobs.ndjson"]).json();
    assert_eq!((&found["line"], &found["violations"][0]["message"]), (&3.into(), &said.into()));
}

#[test]
fn stdin_can_have_one_job_a_line() {
    let ran = Place::new("lines-stdin").run_on(&["lint", "--ndjson"], &format!("{GOOD}\n{GOOD}\n"));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    assert_eq!(ran.stderr, "2 checked, 0 refused, 0 accepted with notices\n");
}

#[test]
fn a_line_longer_than_any_job_is_named_and_passed_over() {
    let fits = format!("{GOOD}{}", " ".repeat(LONGEST - GOOD.len()));
    let place = Place::new("huge").with("jobs.ndjson", format!("{fits}\n{fits} \n[]\n{fits}"));
    let ran = place.run(&["lint", "--format", "ndjson", "jobs.ndjson"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr, "4 checked, 2 refused, 0 accepted with notices\n");
    let lines = ran.json_lines();
    assert_eq!((&lines[0]["line"], &lines[0]["accepted"]), (&2.into(), &false.into()));
    assert_eq!(lines[0]["violations"][0]["code"], "RequestTooLarge");
    assert_eq!((&lines[1]["line"], rules_of(&lines[1])), (&3.into(), vec!["body-not-object"]));
    assert_eq!(lines.len(), 2);
    let ran = place.run(&["lint", "jobs.ndjson"]);
    assert!(ran.stdout.contains("longer than 16777216 bytes") && ran.stdout.contains("jobs.ndjson:2\n"));
}

#[test]
fn a_document_longer_than_any_job_is_not_read() {
    let place = Place::new("huge-document").with("job.json", vec![b' '; LONGEST + 1]);
    let ran = place.run(&["lint", "job.json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.starts_with("jobgate: job.json: cannot be read: it is longer than 16777216 bytes"));
}

#[test]
fn a_missing_file_of_lines_is_one_line_of_talk() {
    let ran = Place::new("lines-missing").run(&["lint", "nowhere.ndjson"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.starts_with("jobgate: nowhere.ndjson: cannot be read: "), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 2);
}

/// The exit code and the count are those of all the documents, whoever reads how much of what is found.
#[test]
fn a_reader_that_goes_away_makes_nothing_good() {
    // Much more than a pipe holds, and so little that only the end of it is written.
    let many = format!("{}{GOOD}\n", "[]\n".repeat(5_000));
    let place = Place::new("pipe").with("jobs.ndjson", many).with("bad.json", "[]").with("good.json", GOOD);
    for (file, code, counted) in [
        ("jobs.ndjson", 1, "5002 checked, 5000 refused, 0 accepted with notices\n"),
        ("bad.json", 1, "2 checked, 1 refused, 0 accepted with notices\n"),
        ("good.json", 0, "2 checked, 0 refused, 0 accepted with notices\n"),
    ] {
        for format in ["human", "json", "ndjson"] {
            let mut command = place.command(&["lint", "--format", format, "-", file]);
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            // It waits for what is on stdin until its reader is gone.
            drop(child.stdout.take());
            child.stdin.take().unwrap().write_all(GOOD.as_bytes()).unwrap();
            let ended = Ran::from(child.wait_with_output().unwrap());
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), counted), "{file} {format}");
        }
    }
}
