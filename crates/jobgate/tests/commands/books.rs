//! `jobgate ledger`, `holds` and `usage` on a ledger in a file.

use admission::{Claim, Event, Period};
use jiff::Timestamp;
use job_model::{Amount, Workload, WorkspaceId};
use ledger::{HoldId, Ledger, NewHold, Note, Url};

use crate::Place;

const CONFIG: [&str; 2] = ["--config", "gate.toml"];

/// Two holds of 3.5 units: one submitted, the other never answered.
fn place(test: &str) -> (Place, HoldId) {
    let place = Place::new(test).with("gate.toml", "ledger.url = 'sqlite:book.db'");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let url = Url::Sqlite(place.0.join("book.db"));
    let [first, doubtful] = [HoldId::new(), HoldId::new()];
    let workload =
        serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"], "gigaPixels": "1"});
    runtime.block_on(async {
        let book = Ledger::open(&url, &[], now).unwrap();
        for id in [first, doubtful] {
            let period = Period { label: "total".to_owned(), resets: None };
            let limit = Amount::from_micros(10_000_000);
            let claim = Claim {
                budget: "all".to_owned(),
                key: String::new(),
                period,
                limit,
                soft: limit,
                enforce: true,
            };
            let hold = NewHold {
                id,
                job: None,
                workspace: WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap(),
                principal: "a,\"b\"".to_owned(),
                workload: Workload::from_json(&workload).unwrap(),
                amount: Some(Amount::from_micros(3_500_000)),
                card: "c0ffee".to_owned(),
                currency: "unit".to_owned(),
                claims: vec![claim],
            };
            book.reserve(hold, None, now).await.unwrap();
        }
        book.note(first, Note { events: vec![Event::Submit], ..Note::default() }, now).await.unwrap();
        book.note(doubtful, Note { events: vec![Event::Doubt], ..Note::default() }, now).await.unwrap();
    });
    (place, doubtful)
}

#[test]
fn a_ledger_is_added_up_listed_resolved_and_written_out() {
    let (place, doubtful) = place("books");
    let run = |args: &[&str]| place.run(&[args, &CONFIG[..]].concat());
    let verified = run(&["ledger", "verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(verified.stderr.contains("4 entries follow from one another; 1 balances and 2 holds"));
    let listed = run(&["holds", "list", "--state", "in-doubt"]);
    assert!(listed.stdout.contains(&doubtful.to_string()) && !listed.stdout.contains("submitted"));
    let id = doubtful.to_string();
    let resolved = run(&["holds", "resolve", &id, "--as", "released"]);
    assert_eq!((resolved.code, resolved.stderr), (Some(0), format!("hold {id} is released\n")));
    let again = run(&["holds", "resolve", &id, "--as", "settled"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("what has ended is not changed"), "{}", again.stderr);
    let usage = run(&["usage", "--by", "principal", "--format", "csv"]);
    assert_eq!(usage.stdout, "group,jobs,unpriced,held,settled,currency\n\"a,\"\"b\"\"\",2,0,3.5,0,unit\n");
    let usage = run(&["usage", "--by", "type", "--format", "json"]).json();
    assert_eq!((&usage["group"], &usage["held"]), (&"Full".into(), &"3.5".into()));
    let entries = run(&["ledger", "export", "--format", "json"]).json_lines();
    let changes: Vec<_> = entries.iter().map(|entry| entry["heldChange"].as_str().unwrap()).collect();
    assert_eq!(changes, ["3.5", "3.5", "0", "0", "-3.5"], "they add up to what is held");
    assert_eq!(run(&["ledger", "export"]).stdout.lines().count(), 6);
}

#[test]
fn what_is_no_ledger_is_said_in_one_line() {
    let place = Place::new("no-books")
        .with("memory.toml", "")
        .with("none.toml", "ledger.url = 'sqlite:none.db'")
        .with("text.toml", "ledger.url = 'sqlite:text.toml'");
    for (config, expected) in [
        ("memory.toml", "its gateway alone knows it"),
        ("none.toml", "there is no such file"),
        ("text.toml", "file is not a database"),
    ] {
        let ran = place.run(&["usage", "--config", config]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{config}");
        assert!(ran.stderr.contains(expected) && ran.stderr.lines().count() == 1, "{config}: {}", ran.stderr);
    }
    assert!(!place.0.join("none.db").exists(), "looking makes no ledger");
}

/// One letter of whom a hold is from: no sum of money depends on it, and it is found all the same.
#[test]
fn a_damaged_ledger_is_refused_in_one_line_and_told_of_by_verify() {
    let (place, _) = place("damaged-books");
    let place = place.with(
        "serve.toml",
        "ledger.url = 'sqlite:book.db'\nlisten.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nupstream.url = 'http://127.0.0.1:9'\n",
    );
    // It is closed by its writer's thread, which may not have come to it.
    let lock = std::fs::File::open(place.0.join("book.db.lock")).unwrap();
    while lock.try_lock().is_err() {
        std::thread::yield_now();
    }
    drop(lock);
    for end in ["", "-wal"] {
        let file = place.0.join(format!("book.db{end}"));
        let Ok(mut bytes) = std::fs::read(&file) else { continue };
        let at = |at: &usize| bytes[*at..].starts_with(b"a,\"b\"");
        for at in (0..bytes.len()).filter(at).collect::<Vec<_>>() {
            bytes[at] = b'A';
        }
        std::fs::write(file, bytes).unwrap();
    }
    let verified = place.run(&["ledger", "verify", "--config", "gate.toml"]);
    assert_eq!(verified.code, Some(1), "{}", verified.stderr);
    assert!(verified.stderr.contains("is not what was written"), "{}", verified.stderr);
    let served = place.run(&["serve", "--config", "serve.toml"]);
    let said: Vec<_> = served.stderr.lines().filter(|line| line.starts_with("jobgate: ")).collect();
    assert_eq!((served.code, said.len()), (Some(1), 1), "{}", served.stderr);
    assert!(
        said[0].contains("book.db: is damaged: hold ") && said[0].contains("restore a backup"),
        "{said:?}"
    );
}
