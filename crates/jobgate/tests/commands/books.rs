//! `jobgate ledger`, `holds` and `usage` on a ledger in a file.

use admission::{Claim, Event, Period};
use jiff::Timestamp;
use job_model::{Amount, Workload, WorkspaceId};
use ledger::{HoldId, Ledger, NewHold, Note, Terms, Told, Url};

use crate::Place;

const CONFIG: [&str; 2] = ["--config", "gate.toml"];

/// Two holds of 3.5 units: one submitted, the other never answered.
fn place(test: &str) -> (Place, HoldId) {
    let (place, book) = ledger(test);
    let [first, doubtful] = [HoldId::new(), HoldId::new()];
    reserve(&book, &[first, doubtful]);
    note(&book, first, Note { events: vec![Event::Submit], ..Note::default() });
    note(&book, doubtful, Note { events: vec![Event::Doubt], ..Note::default() });
    (place, doubtful)
}

/// One hold that is submitted for a job, one in doubt, one that is open.
fn holds(test: &str) -> (Place, [HoldId; 3]) {
    let (place, book) = ledger(test);
    let ids @ [submitted, doubtful, _] = [HoldId::new(), HoldId::new(), HoldId::new()];
    reserve(&book, &ids);
    let job = job_model::JobId::parse("cc3d35cc-416a-4262-9714-b359da70b419");
    let told = Told { job, ..Told::default() };
    note(&book, submitted, Note { events: vec![Event::Bind, Event::Submit], told, ..Note::default() });
    note(&book, doubtful, Note { events: vec![Event::Doubt], ..Note::default() });
    (place, ids)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

fn ledger(test: &str) -> (Place, Ledger) {
    let place = Place::new(test).with("gate.toml", "ledger.url = 'sqlite:book.db'");
    let book = Ledger::open(&Url::Sqlite(place.0.join("book.db")), &[], now()).unwrap();
    (place, book)
}

fn note(book: &Ledger, id: HoldId, note: Note) {
    wait(book.note(id, note, now())).unwrap();
}

fn reserve(book: &Ledger, ids: &[HoldId]) {
    let workload =
        serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"], "gigaPixels": "1"});
    let limit = Amount::from_micros(100_000_000);
    for id in ids {
        let claim = Claim {
            budget: "all".to_owned(),
            key: String::new(),
            period: Period { label: "total".to_owned(), next: None },
            limit,
            soft: limit,
            enforce: true,
        };
        let hold = NewHold {
            id: *id,
            job: None,
            workspace: WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap(),
            principal: "a,\"b\"".to_owned(),
            workload: Workload::from_json(&workload).unwrap(),
            amount: Some(Amount::from_micros(3_500_000)),
            terms: Terms { card: "c0ffee".to_owned(), rules: "decaf".into() },
            currency: "unit".to_owned(),
            claims: vec![claim],
        };
        wait(book.reserve(hold, None, now())).unwrap();
    }
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
    assert_eq!(usage.stdout, "group,jobs,unpriced,held,settled,currency\n\"a,\"\"b\"\"\",1,0,3.5,0,unit\n");
    let none = run(&["usage", "--until", "2020-01-01", "--format", "csv"]);
    assert_eq!(none.stdout, "group,jobs,unpriced,held,settled,currency\n");
    let wrong = run(&["usage", "--from", "November"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("--from <DAY>"), "{}", wrong.stderr);
    let usage = run(&["usage", "--by", "type", "--from", "2020-01-01", "--format", "json"]).json();
    assert_eq!((&usage["group"], &usage["held"]), (&"Full".into(), &"3.5".into()));
    let entries = run(&["ledger", "export", "--format", "json"]).json_lines();
    let changes: Vec<_> = entries.iter().map(|entry| entry["heldChange"].as_str().unwrap()).collect();
    assert_eq!(changes, ["3.5", "3.5", "0", "0", "-3.5"], "they add up to what is held");
    let first = &entries[0];
    let budget = serde_json::json!([{"name": "all", "period": "total", "key": null}]);
    assert_eq!((&first["budgets"], &first["currency"]), (&budget, &"unit".into()));
    assert_eq!((&first["rateCard"], &first["ruleSet"]), (&"c0ffee".into(), &"decaf".into()));
    let table = run(&["ledger", "export"]).stdout;
    let mut lines = table.lines();
    assert_eq!(
        lines.next().unwrap(),
        "number,time,hold,happened,state,held_change,settled_change,amount,entry,currency,job,workspace,principal,budgets,\
         rate_card,rule_set"
    );
    let first = lines.next().unwrap();
    let told = r#",unit,,6881117d-9fd2-4900-870b-9b721dc90f25,"a,""b""",all total,c0ffee,decaf"#;
    assert!(first.ends_with(told), "{first}");
    assert_eq!(lines.count(), 4);
}

/// As on a machine whose clock was set back since.
#[test]
fn what_is_resolved_is_not_written_before_what_was_written_last() {
    let (place, book) = ledger("set-back");
    let id = HoldId::new();
    reserve(&book, &[id]);
    let later = "2100-01-01T00:00:00Z";
    let doubt = Note { events: vec![Event::Doubt], ..Note::default() };
    wait(book.note(id, doubt, later.parse().unwrap())).unwrap();
    let resolved =
        place.run(&["holds", "resolve", &id.to_string(), "--as", "released", "--config", "gate.toml"]);
    assert_eq!(resolved.code, Some(0), "{}", resolved.stderr);
    let entries = place.run(&["ledger", "export", "--format", "json", "--config", "gate.toml"]).json_lines();
    let times: Vec<_> = entries.iter().map(|entry| entry["time"].as_str().unwrap()).collect();
    assert_eq!(times[1..], [later, later]);
}

/// Somebody who says what became of a hold can mistype: what cannot be is refused, and nothing is written.
#[test]
fn a_hold_is_not_resolved_as_what_cannot_be() {
    const JOB: &str = "cc3d35cc-416a-4262-9714-b359da70b419";
    let (place, [submitted, doubtful, open]) = holds("cannot-be");
    let run = |id: HoldId, more: &[&str]| {
        place.run(&[&["holds", "resolve", &id.to_string()], more, &CONFIG[..]].concat())
    };
    let entries = || place.run(&[&["ledger", "export"], &CONFIG[..]].concat()).stdout;
    let before = entries();
    for (id, more, code, said) in [
        (doubtful, &["--as", "settled", "--amount=-1"][..], 2, "it is negative"),
        (doubtful, &["--as", "released", "--amount", "1"], 2, "--amount is what was charged"),
        (doubtful, &["--as", "bound"], 2, "give it by --job"),
        (doubtful, &["--as", "submitted"], 2, "give it by --job"),
        (doubtful, &["--as", "bound", "--job", JOB], 1, "one job has one hold"),
        (
            submitted,
            &["--as", "settled", "--job", "cc3d35cc-416a-4262-9714-b359da70b410"],
            1,
            "is bound to job",
        ),
        (open, &["--as", "released"], 1, "its request is under way"),
        (HoldId::new(), &["--as", "released"], 1, "there is no hold"),
    ] {
        let ran = run(id, more);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{more:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{more:?}: {}", ran.stderr);
    }
    assert_eq!(entries(), before);
    let bound = run(doubtful, &["--as", "bound", "--job", "cc3d35cc-416a-4262-9714-b359da70b410"]);
    assert_eq!(bound.code, Some(0), "{}", bound.stderr);
    let settled = run(submitted, &["--as", "settled", "--amount", "3", "--job", JOB]);
    assert_eq!(settled.code, Some(0), "{}", settled.stderr);
}

/// What is asked for may not be what the hold can become: that must not look as if it had.
#[test]
fn a_hold_that_stays_as_it_is_was_not_resolved() {
    let (place, [submitted, ..]) = holds("stays");
    let run = |end: &str| {
        let id = submitted.to_string();
        place.run(&[&["holds", "resolve", &id, "--as", end], &CONFIG[..]].concat())
    };
    let ran = run("bound");
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("hold {submitted} is submitted")), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let ran = run("submitted");
    assert_eq!((ran.code, ran.stderr), (Some(0), format!("hold {submitted} is submitted\n")));
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

/// Changes one letter of whom a hold is from, behind the back of the ledger.
fn damage(place: &Place) {
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
}

/// No sum of money depends on that letter, and it is found all the same.
#[test]
fn a_damaged_ledger_is_refused_in_one_line_and_told_of_by_verify() {
    let (place, _) = place("damaged-books");
    let place = place.with(
        "serve.toml",
        "ledger.url = 'sqlite:book.db'\nlisten.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nupstream.url = 'http://127.0.0.1:9'\n",
    );
    damage(&place);
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

/// What somebody decides about money is decided on a ledger that adds up, or not at all.
#[test]
fn nothing_is_resolved_in_a_damaged_ledger() {
    let (place, doubtful) = place("damaged-resolve");
    damage(&place);
    let bytes =
        || ["", "-wal"].map(|end| std::fs::read(place.0.join(format!("book.db{end}"))).unwrap_or_default());
    let before = bytes();
    let id = doubtful.to_string();
    let resolved = place.run(&["holds", "resolve", &id, "--as", "released", "--config", "gate.toml"]);
    assert_eq!((resolved.code, resolved.stdout.as_str()), (Some(1), ""), "{}", resolved.stderr);
    assert_eq!(resolved.stderr.lines().count(), 1, "{}", resolved.stderr);
    assert!(
        resolved.stderr.contains("nothing was resolved") && resolved.stderr.contains("jobgate ledger verify"),
        "{}",
        resolved.stderr
    );
    assert!(before == bytes(), "a file was changed");
}
