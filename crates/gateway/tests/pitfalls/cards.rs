//! Prices and sums: exact, of one unit, and not off by powers of ten.

use std::fs;
use std::path::Path;

use gateway::Config;

use crate::support::folder::Folder;
use crate::support::money::{budget, states, sum, sums};
use crate::support::{Act, JOB, Recorder, Running, answer, get, post, request};

fn card(name: &str, price: &str, when: &str) -> String {
    format!(
        "name = '{name}'\nversion = '1'\ncurrency = 'EUR'\nbasis = 'For a test.'\n{when}\n[rounding]\nstep = '0.000001'\nmode = 'half-even'\n\
         [[rate]]\nper_gigapixel = '{price}'\nper_megapoint = '0'\nminimum = '0'\n"
    )
}

/// In floats the tenth one would not fit: 0.1 ten times is 0.9999999999999999, and three times 0.30000000000000004.
#[test]
fn ten_times_a_tenth_is_exactly_one() {
    let folder = Folder::new("tenth");
    let file = folder.0.join("card.toml");
    fs::write(&file, card("tenth", "0.1", "")).unwrap();
    let text = budget("1", "").replace("builtin:illustrative", &file.display().to_string());
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &text);
    let job = JOB.replace("2.1", "1");
    for count in 1..=10 {
        assert_eq!(gateway.send(&post(&job)).status, 201, "{count}");
        let expected = if count == 10 { "1".to_owned() } else { format!("0.{count}") };
        assert_eq!(sums(&gateway), sum("0", &expected));
    }
    let refused = gateway.send(&post(&job)).json()["error"]["details"][0].clone();
    assert_eq!((&refused["held"], &refused["missing"]), (&"1".into(), &"0.1".into()));
}

/// Sums are decimals or whole micro-units; only metrics are floats, where they leave.
#[test]
fn no_room_of_money_knows_floats() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for room in ["job-model", "admission", "ledger"] {
        let lib = fs::read_to_string(crates.join(room).join("src/lib.rs")).unwrap();
        assert!(lib.contains("clippy::float_arithmetic"), "{room}");
    }
    let mut money = String::new();
    for folder in ["admission/src", "ledger/src", "gateway/src/money"] {
        crate::sources(&crates.join(folder), &mut money);
    }
    for file in ["money.rs", "stake.rs", "books.rs"] {
        money += &fs::read_to_string(crates.join("gateway/src").join(file)).unwrap();
    }
    assert!(!money.contains("f64") && !money.contains("f32"));
}

#[test]
fn a_card_of_another_unit_than_the_budget_is_refused() {
    let folder = Folder::new("unit");
    fs::write(folder.0.join("card.toml"), card("euros", "1", "")).unwrap();
    let text = |unit: &str| {
        budget("1", "").replace("builtin:illustrative", "card.toml") + &format!("currency = '{unit}'\n")
    };
    assert!(Config::parse(&text("EUR"), &folder.0, []).is_ok());
    let refused = Config::parse(&text("cent"), &folder.0, []).unwrap_err().to_string();
    assert_eq!(refused, "budget[0].currency: is \"cent\", and the rate card euros prices in \"EUR\"");
}

/// Why a gateway does not start, or nothing where it does.
fn refusal(text: &str) -> Option<String> {
    let text = format!("listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\n{text}");
    let config = Config::parse(&text, Path::new("."), []).unwrap();
    loop {
        match gateway::Gateway::bind(config.clone(), None) {
            // The lock goes with the last task of the gateway before that holds the ledger.
            Err(error) if error.to_string().contains("another gateway") => std::thread::yield_now(),
            Ok(_) => return None,
            Err(error) => {
                assert!(error.is_configuration(), "starting again helps nobody: {error}");
                return Some(error.to_string());
            }
        }
    }
}

/// Else what was held and charged by the card before would be shown in the unit of the card that is in force, and added to it.
#[test]
fn sums_in_another_unit_than_the_card_s_are_not_taken_over() {
    let folder = Folder::new("units");
    fs::write(folder.0.join("euros.toml"), card("euros", "1", "")).unwrap();
    let dollars = |from| card("dollars", "1", from).replace("EUR", "USD");
    fs::write(folder.0.join("dollars.toml"), dollars("")).unwrap();
    fs::write(folder.0.join("later.toml"), dollars("effective_from = 2099-01-01T00:00:00Z")).unwrap();
    let text = |card: &str| {
        budget("10", &folder.ledger()).replace("builtin:illustrative", &folder.at(&format!("{card}.toml")))
    };
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &text("euros"));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    gateway.stop();
    for card in ["dollars", "later"] {
        let held = refusal(&text(card)).unwrap();
        let words = ["book.db: holds that are not over are in EUR", "\"dollars\"", "USD"];
        assert!(words.iter().all(|word| held.contains(word)), "{held}");
        assert_eq!(held.lines().count(), 1);
    }
    assert_eq!(refusal(&folder.ledger()), None, "without prices nothing is added up");
    let gateway = Running::start_patiently(upstream.address, &text("euros"));
    let over = r#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","state":"success"}}"#;
    upstream.script([Act::Answer(answer(200, over))]);
    gateway.send(&get("/contextcapture/jobs/cc3d35cc-416a-4262-9714-b359da70b419"));
    while states(&gateway) != ["settled"] {
        std::thread::yield_now();
    }
    gateway.stop();
    for card in ["dollars", "later"] {
        let settled = refusal(&text(card)).unwrap();
        assert!(settled.contains("budget \"all\", window total") && settled.contains("in EUR"), "{settled}");
    }
    assert_eq!(refusal(&text("dollars").replace("'all'", "'new'")), None, "it counts nowhere any more");
    assert_eq!(refusal(&text("dollars").replace("'total'", "'day'\ntime_zone = 'UTC'")), None);
    assert_eq!(refusal(&text("euros")), None);
}

/// A card that ends without another one leaves jobs without a price, and so budgets without anything to count.
#[test]
fn a_time_without_prices_is_told_where_budgets_count() {
    let folder = Folder::new("gap");
    let (until, from) = ("effective_until = 2027-01-01T00:00:00Z", "effective_from = 2027-01-02T00:00:00Z");
    fs::write(folder.0.join("now.toml"), card("now", "1", until)).unwrap();
    fs::write(folder.0.join("late.toml"), card("late", "1", from)).unwrap();
    fs::write(folder.0.join("next.toml"), card("next", "1", &from.replace("-02T", "-01T"))).unwrap();
    let warnings = |cards: &str, limits: &str| {
        let text = format!("pricing.rate_card = {cards}\nledger.url = 'sqlite:book.db'\n{limits}");
        Config::parse(&text, &folder.0, []).unwrap().warnings()
    };
    let limits = "[[budget]]\nname = 'all'\nscope = 'global'\nlimit = '1'\nwindow = 'total'\n";
    assert_eq!(warnings("['now.toml', 'next.toml']", limits), Vec::<String>::new());
    assert_eq!(warnings("'now.toml'", ""), Vec::<String>::new());
    for cards in ["'now.toml'", "['now.toml', 'late.toml']"] {
        let said = warnings(cards, limits);
        assert!(
            said.len() == 1 && said[0].contains("\"now\" version \"1\" ends at 2027-01-01T00:00:00Z"),
            "{said:?}"
        );
    }
}

/// Who has sent all that has a price is not told to send it.
#[test]
fn a_job_without_a_price_is_told_what_helps() {
    let folder = Folder::new("helps");
    fs::write(folder.0.join("over.toml"), card("over", "1", "effective_until = 2026-01-01T00:00:00Z"))
        .unwrap();
    let few = card("few", "1", "").replace("[[rate]]", "[[rate]]\ntype = ['Calibration']");
    fs::write(folder.0.join("few.toml"), few).unwrap();
    let unsized_job = JOB.replace(r#""gigaPixels":2.1,"megaPoints":1.5,"#, "");
    for (file, job, helps, reason) in [
        ("over", JOB, "No rate card is in force now: that is the operator's to change.", "no-rate-card"),
        ("few", JOB, "The rate card has none for its type and quality", "no-rate"),
        ("few", &unsized_job, "Send sizes above 0 in costEstimationParameters.", "no-quantities"),
    ] {
        let strict = budget("5", "").replace("window", "unpriced = 'refuse'\nwindow");
        let text = strict.replace("builtin:illustrative", &folder.at(&format!("{file}.toml")));
        let gateway = Running::start(Recorder::start().address, &text);
        let refused = gateway.send(&post(job));
        assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
        let detail = refused.json()["error"]["details"][0].clone();
        assert!(detail["message"].as_str().unwrap().contains(helps), "{detail}");
        assert_eq!(detail["reason"], reason, "{detail}");
    }
}

/// The next card prices the same job at ten times as much, or at a tenth: that may be meant, and is said before it holds.
#[test]
fn a_slip_of_the_decimal_point_in_the_next_card_is_told() {
    let folder = Folder::new("slip");
    let (until, from) = ("effective_until = 2027-01-01T00:00:00Z", "effective_from = 2027-01-01T00:00:00Z");
    fs::write(folder.0.join("now.toml"), card("now", "1.25", until)).unwrap();
    let warnings = |price: &str| {
        fs::write(folder.0.join("next.toml"), card("next", price, from)).unwrap();
        let config = Config::parse("pricing.rate_card = ['now.toml', 'next.toml']", &folder.0, []).unwrap();
        config.warnings().into_iter().filter(|warning| warning.contains("next")).collect::<Vec<_>>()
    };
    assert_eq!(warnings("1.5"), Vec::<String>::new());
    assert_eq!(warnings("12.4"), Vec::<String>::new());
    for slip in ["12.5", "125", "0.125", "0.0000125", "0"] {
        let said = warnings(slip);
        assert!(said.len() == 1 && said[0].contains("pricing.rate_card"), "{slip}: {said:?}");
    }
}

/// Prices in two units cannot be compared, nor sums in them be added: the gateway is not started again behind such a change.
#[test]
fn a_next_card_of_another_unit_is_told_before_it_holds() {
    let folder = Folder::new("next-unit");
    let (until, from) = ("effective_until = 2027-01-01T00:00:00Z", "effective_from = 2027-01-01T00:00:00Z");
    fs::write(folder.0.join("now.toml"), card("now", "1", until)).unwrap();
    fs::write(folder.0.join("next.toml"), card("next", "10", from).replace("EUR", "USD")).unwrap();
    let config = Config::parse("pricing.rate_card = ['now.toml', 'next.toml']", &folder.0, []).unwrap();
    let said: Vec<_> = config.warnings().into_iter().filter(|warning| warning.contains("next")).collect();
    assert!(said.len() == 1 && said[0].contains("in EUR and \"next\" version \"1\" in USD"), "{said:?}");
}

/// Who changes nothing about a job is not told that it was made dearer: it is another card that prices it.
#[test]
fn a_job_that_another_card_makes_dearer_is_told_with_that_card() {
    let folder = Folder::new("dearer");
    fs::write(folder.0.join("old.toml"), card("old", "1", "")).unwrap();
    fs::write(folder.0.join("new.toml"), card("new", "2", "")).unwrap();
    let text = |card: &str| {
        budget("4", &folder.ledger()).replace("builtin:illustrative", &folder.at(&format!("{card}.toml")))
    };
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &text("old"));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    gateway.stop();
    let gateway = Running::start_patiently(upstream.address, &text("new"));
    let by_card = "By rate card 'new' version '1' the job costs 4.2 now, 2.1 more than is held for it";
    let by_change = "The change makes the job 3.9 dearer";
    for (body, said) in [
        (r#"{"state":"Active"}"#, by_card),
        (r#"{"settings":{"processingEngines":2}}"#, by_card),
        (r#"{"costEstimationParameters":{"gigaPixels":3}}"#, by_change),
    ] {
        let target = "/contextcapture/jobs/cc3d35cc-416a-4262-9714-b359da70b419";
        let refused = gateway.send(&request("PATCH", target, body));
        assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        let missing = if said == by_card { "0.2" } else { "2" };
        let sum =
            format!(", which is {missing} more than budget 'all' has left: of 4 are 0 settled and 2.1 held.");
        assert_eq!(message, format!("{said}{sum}"));
    }
}
