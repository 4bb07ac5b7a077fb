//! What a rate card is refused for: every problem at once, each with its key and what to do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use job_model::{CardProblem, JobType, OutputFormat, Quality, RateCard};

const HEAD: &str = "name='n'\nversion='v'\ncurrency='c'\nbasis='b'\n";
const ROUND: &str = "[rounding]\nstep='0.5'\nmode='up'\n";
const RATE: &str = "[[rate]]\nper_gigapixel='1'\n";

fn problems(text: &str) -> Vec<String> {
    RateCard::from_toml(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn everything_wrong_is_told_at_once() {
    let text = "name = ''\nversion = 3\nbasis = 'b'\ncolour = 'red'\neffective_from = 'May'\n[rounding]\nstep = 0.5\nmode = 'nearest'\n\
        [[rate]]\ntype = ['Full', 'full', 'Full']\nper_gigapixel = '-1'\nper_gigapixels = '1'\nminimum = '0.0000001'\n[[rate]]\ntype = []\nper_megapoint = '10000.1'\n\
        [[surcharge]]\nflat = '0.0000000000001'\n[[surcharge]]\noutput = ['Cesium3DTiles', 7]";
    let formats = "CCOrientations, 3MX, 3SM, WebReady ScalableMesh, Cesium 3D Tiles, POD, Orthophoto/DSM, LAS, FBX, OBJ, ESRI i3s, DGN, LODTreeExport, PLY, OPC, OMR, ContextScene, GaussianSplats";
    assert_eq!(
        problems(text),
        [
            "colour: unknown key; known are name, version, currency, basis, effective_from, effective_until, rounding, rate, surcharge",
            "name: must be a text, not empty, without control characters",
            "version: must be a text, not empty, without control characters",
            "currency: missing; a text is needed",
            "effective_from: must be a date and time with offset, as \"2026-11-01T00:00:00Z\"",
            "rounding.mode: must be \"half-even\", \"up\" or \"down\"",
            "rounding.step: is a float, which is not exact; write it in quotes: \"0.5\"",
            "rate[0].per_gigapixels: unknown key; known are type, quality, per_gigapixel, per_megapoint, minimum; did you mean per_gigapixel?",
            "rate[0].type[1]: must be one of Full, Calibration, Reconstruction; did you mean Full?",
            "rate[0].type[2]: Full is there twice",
            "rate[0].per_gigapixel: must not be negative",
            "rate[1].type: must be a list of words, not empty",
            "rate[1].per_megapoint: must be at most 10000",
            "surcharge[0].output: missing; a list of output formats is needed",
            "surcharge[0].flat: must have at most 12 decimal places",
            &format!("surcharge[1].output[0]: must be one of {formats}; did you mean Cesium 3D Tiles?"),
            &format!("surcharge[1].output[1]: must be one of {formats}"),
        ]
    );
    let refused = RateCard::from_toml(text).unwrap_err();
    assert_eq!(refused.to_string().lines().count(), 17, "one line each");
    let keys: Vec<_> = refused.iter().map(CardProblem::key).take(2).collect();
    assert_eq!(keys, ["colour", "name"]);
}

#[test]
fn every_fault_of_the_whole_or_of_a_row_is_told_alone() {
    let whole = format!("{HEAD}{ROUND}{RATE}");
    RateCard::from_toml(&whole).unwrap();
    let many = "[[surcharge]]\noutput=['OBJ']\n".repeat(41);
    let cases = [
        (format!("{HEAD}{ROUND}"), "rate: missing; a card needs at least one [[rate]]"),
        (format!("{HEAD}rate = []\n{ROUND}"), "rate: missing; a card needs at least one [[rate]]"),
        (format!("{HEAD}rate = 5\n{ROUND}"), "rate: must be an array of tables, written [[rate]]"),
        (format!("{HEAD}rate = [{{}}, 5]\n{ROUND}"), "rate[1]: must be a table"),
        (format!("surcharge = [true]\n{whole}"), "surcharge[0]: must be a table"),
        (format!("{HEAD}{RATE}"), "rounding: missing; step and mode are needed"),
        (format!("{HEAD}rounding='up'\n{RATE}"), "rounding: must be a table"),
        (whole.replace("step='0.5'\n", ""), "rounding.step: missing; a number in quotes is needed"),
        (whole.replace("'0.5'", "'0'"), "rounding.step: must be a multiple of 0.000001, and not 0"),
        (whole.replace("'0.5'", "'0.0000005'"), "rounding.step: must be a multiple of 0.000001, and not 0"),
        (
            whole.replace("step", "stop = '1'\nstep"),
            "rounding.stop: unknown key; known are step, mode; did you mean step?",
        ),
        (format!("{whole}minimum='0.7'"), "rate[0].minimum: must be a multiple of rounding.step, 0.5"),
        (
            format!("{whole}[[rate]]\ntype=['Calibration']\nquality=['Draft','Extra']"),
            "rate[1]: prices Calibration at Draft, as rate[0] does; each pair may have one row",
        ),
        (
            format!("effective_from=2026-05-01T00:00:00Z\neffective_until='2026-05-01T00:00:00Z'\n{whole}"),
            "effective_until: must be later than effective_from",
        ),
        (
            format!("effective_until=2026-05-01\n{whole}"),
            "effective_until: must be a date and time with offset, as \"2026-11-01T00:00:00Z\"",
        ),
        (
            whole.replace("'c'", "'€'"),
            "currency: must be printable ASCII, as \"EUR\": it is sent in a header",
        ),
        (format!("{whole}{many}"), "surcharge: has more than 40 rows; put formats of one price in one row"),
    ];
    for (text, want) in cases {
        assert_eq!(problems(&text), [want], "{text}");
    }
}

#[test]
fn a_row_that_overlaps_two_others_is_told_twice() {
    let rows = "[[rate]]\ntype=['Full']\n[[rate]]\ntype=['Calibration']\n[[rate]]\nquality=['Extra']";
    assert_eq!(
        problems(&format!("{HEAD}{ROUND}{rows}")),
        [
            "rate[2]: prices Full at Extra, as rate[0] does; each pair may have one row",
            "rate[2]: prices Calibration at Extra, as rate[1] does; each pair may have one row",
        ]
    );
}

#[test]
fn prices_are_plain_decimals_in_quotes_or_whole_numbers() {
    let with = |price: &str| RateCard::from_toml(&format!("{HEAD}{ROUND}[[rate]]\nper_gigapixel={price}\n"));
    for price in
        ["'0.25'", "10000", "'10000.000'", "'000000000.100000000000000000000000000000000000000000'", "0"]
    {
        with(price).unwrap();
    }
    let places = "must have at most 12 decimal places";
    let plain = "must be a decimal number in quotes, as \"0.25\"";
    for (price, want) in [
        ("1.5", "is a float, which is not exact; write it in quotes: \"1.5\""),
        ("-1", "must not be negative"),
        ("'-0.5'", "must not be negative"),
        ("10001", "must be at most 10000"),
        ("'10000.000000000001'", "must be at most 10000"),
        ("'123456789012345678901234567890'", "must be at most 10000"),
        ("'0.0000000000001'", places),
        ("'0.0000000000000000000000000000000000000001'", places),
        ("'1e3'", plain),
        ("'.5'", plain),
        ("'5.'", plain),
        ("'1_000'", plain),
        ("'1,5'", plain),
        ("'+1'", plain),
        ("' 1'", plain),
        ("''", plain),
        ("nan", plain),
        ("true", plain),
        ("['1']", plain),
    ] {
        let told = with(price).unwrap_err().to_string();
        assert_eq!(told, format!("rate[0].per_gigapixel: {want}"), "{price}");
    }
}

/// The library reads more than RFC 3339 has: what is most often a slip is refused, as any other text is.
#[test]
fn a_date_is_one_of_rfc_3339() {
    let from = |date: &str| RateCard::from_toml(&format!("effective_from='{date}'\n{HEAD}{ROUND}{RATE}"));
    for date in [
        "2026-01-01T00:00:00Z",
        "2026-01-01t00:00:00z",
        "2026-01-01 00:00:00.000000001+05:30",
        "2026-01-01T23:59:60-23:59",
    ] {
        from(date).unwrap_or_else(|problems| panic!("{date}: {problems}"));
    }
    for date in [
        "2026-01-01T00:00:00+25:00",
        "2026-01-01T00:00:00+05:60",
        "2026-01-01T00:00:00+05",
        "2026-01-01T00:00:00+0530",
        "2026-01-01T00:00:00+05:30:00",
        "20260101T000000Z",
        "2026-01-01T00Z",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00Z[Europe/Berlin]",
        "+002026-01-01T00:00:00Z",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
    ] {
        let told = from(date).map(|_| date).unwrap_err().to_string();
        let want = "effective_from: must be a date and time with offset, as \"2026-11-01T00:00:00Z\"";
        assert_eq!(told, want, "{date}");
    }
}

/// What operators write their own card by.
#[test]
fn the_example_loads_and_names_every_key_and_word() {
    let example = include_str!("../../../deploy/rate-card.example.toml");
    RateCard::from_toml(example).unwrap_or_else(|problems| panic!("{problems}"));
    let (keys, comments): (Vec<_>, Vec<_>) = example.lines().partition(|line| !line.starts_with('#'));
    let unknown = "x=1\n[rounding]\nx=1\n[[rate]]\nx=1\n[[surcharge]]\nx=1";
    let known = problems(unknown);
    let mut known = known.iter().filter_map(|problem| problem.split_once("unknown key; known are "));
    for _ in ["", "rounding", "rate", "surcharge"] {
        for key in known.next().unwrap().1.split(", ") {
            let set = [format!("{key} = "), format!("[{key}]"), format!("[[{key}]]")];
            assert!(keys.iter().any(|line| set.iter().any(|set| line.starts_with(set))), "{key}");
        }
    }
    let comments = comments.join(" ");
    let words = [&JobType::WORDS[..], &Quality::WORDS, &OutputFormat::WORDS].concat();
    for word in words {
        assert!(comments.contains(word), "{word}");
    }
}

#[test]
fn what_is_no_document_is_told_with_its_line() {
    let told = problems(&format!("{HEAD}{ROUND}{RATE}\nname = "));
    assert!(matches!(told.as_slice(), [told] if told.starts_with("line 11: not TOML: ")), "{told:?}");
    let told = problems(&format!("{HEAD}name = 'again'\n"));
    assert!(
        matches!(told.as_slice(), [told] if told.starts_with("line 5: not TOML: duplicate key")),
        "{told:?}"
    );
    for (text, want) in [
        ("{\n\"name\" 1}", "not JSON: expected `:` at line 2 column 8"),
        ("{\"name\":\"n\",\n\"name\":\"m\"}", "not JSON: the key \"name\" is there twice at line 2 column 6"),
        ("[]", "must be a table"),
    ] {
        assert_eq!(RateCard::from_json(text).unwrap_err().to_string(), want, "{text}");
    }
    RateCard::from_json(&"[".repeat(100_000)).unwrap_err();
    RateCard::from_toml(&format!("a={}", "[".repeat(100_000))).unwrap_err();
}

#[test]
fn notation_does_not_change_what_a_card_is() {
    let one = RateCard::from_toml(&format!("{HEAD}{ROUND}{RATE}")).unwrap();
    let other = RateCard::from_toml(
        "basis='b'\ncurrency='c'\nversion='v'\nname='n'\nrate=[{quality=['Extra','Draft','Medium'],minimum='0.0',per_gigapixel=1,type=['Reconstruction','Full','Calibration']}]\nrounding={mode='up',step='0.50'}",
    )
    .unwrap();
    assert_eq!((one.sha256(), one.to_json()), (other.sha256(), other.to_json()));
    let third = RateCard::from_json(&one.to_json().to_string()).unwrap();
    assert_eq!(one, third);
    let dearer = RateCard::from_toml(&format!("{HEAD}{ROUND}[[rate]]\nper_gigapixel='2'")).unwrap();
    assert_ne!(dearer.sha256(), one.sha256());
    assert_eq!(
        one.to_json().to_string(),
        r#"{"basis":"b","currency":"c","name":"n","rate":[{"minimum":"0","per_gigapixel":"1","per_megapoint":"0","quality":["Draft","Medium","Extra"],"type":["Full","Calibration","Reconstruction"]}],"rounding":{"mode":"up","step":"0.5"},"surcharge":[],"version":"v"}"#
    );
}

#[test]
fn an_instant_is_the_same_however_its_offset_is_written() {
    let from =
        |date: &str| RateCard::from_toml(&format!("effective_from={date}\n{HEAD}{ROUND}{RATE}")).unwrap();
    let one = from("2026-05-01T00:00:00Z");
    for date in ["'2026-05-01T02:00:00+02:00'", "2026-05-01 00:00:00Z", "2026-04-30T19:00:00-05:00"] {
        assert_eq!(from(date), one, "{date}");
    }
    assert_eq!(one.effective_from().map(|from| from.to_string()).as_deref(), Some("2026-05-01T00:00:00Z"));
    assert_eq!(one.effective_until(), None);
}

/// Who means "for ever" writes that year's last second, which the library has no instant for.
#[test]
fn the_year_9999_may_be_named_to_its_end() {
    let until = |date: &str| RateCard::from_toml(&format!("effective_until={date}\n{HEAD}{ROUND}{RATE}"));
    for date in ["'9999-12-31T23:59:59Z'", "9999-12-31 23:59:59.999Z", "'9999-12-31T23:59:59-12:00'"] {
        let card = until(date).unwrap();
        assert_eq!(card.effective_until(), Some(jiff::Timestamp::MAX), "{date}");
        assert_eq!(RateCard::from_json(&card.to_json().to_string()), Ok(card), "{date}");
    }
    for date in ["'9999-12-31'", "'9999-12-31T23:59:59'", "'9999-12-32T00:00:00Z'", "'10000-01-01T00:00:00Z'"]
    {
        until(date).unwrap_err();
    }
}
