//! What a rate card is refused for: every problem at once, each with its key and what to do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use job_model::RateCard;

const HEAD: &str = "name='n'\nversion='v'\ncurrency='c'\nbasis='b'\n";
const ROUND: &str = "[rounding]\nstep='0.5'\nmode='up'\n";
const RATE: &str = "[[rate]]\nper_gigapixel='1'\n";

fn problems(text: &str) -> String {
    RateCard::from_toml(text).unwrap_err().to_string()
}

#[test]
fn everything_wrong_is_told_at_once() {
    let text = "name = ''\nversion = 3\nbasis = 'b'\ncolour = 'red'\neffective_from = 'May'\n[rounding]\nstep = 0.5\nmode = 'nearest'\n\
        [[rate]]\ntype = ['Full', 'full', 'Full']\nper_gigapixel = '-1'\nper_point = '1'\n[[rate]]\ntype = []\nper_megapoint = '10000.1'\n\
        [[surcharge]]\nflat = '0.0000000000001'\n[[surcharge]]\noutput = ['obj']";
    assert_eq!(
        problems(text).lines().collect::<Vec<_>>(),
        [
            "colour: unknown key; known are name, version, currency, basis, effective_from, effective_until, rounding, rate, surcharge",
            "name: must be a text, not empty, without control characters",
            "version: must be a text, not empty, without control characters",
            "currency: missing; a text is needed",
            "effective_from: must be a date and time with offset, as \"2026-11-01T00:00:00Z\"",
            "rounding.mode: must be \"half-even\", \"up\" or \"down\"",
            "rounding.step: must be a decimal number in quotes, as \"0.25\": a float is not exact",
            "rate[0].per_point: unknown key; known are type, quality, per_gigapixel, per_megapoint, minimum",
            "rate[0].type[1]: must be one of Full, Calibration, Reconstruction",
            "rate[0].type[2]: Full is there twice",
            "rate[0].per_gigapixel: must be a decimal number in quotes, as \"0.25\": a float is not exact",
            "rate[1].type: must be a list of words, not empty",
            "rate[1].per_megapoint: must be at most 10000",
            "surcharge[0].output: missing; a list of output formats is needed",
            "surcharge[0].flat: must have at most 12 decimal places",
            "surcharge[1].output[0]: must be one of CCOrientations, 3MX, 3SM, WebReady ScalableMesh, Cesium 3D Tiles, POD, Orthophoto/DSM, LAS, FBX, OBJ, ESRI i3s, DGN, LODTreeExport, PLY, OPC, OMR, ContextScene, GaussianSplats",
        ]
    );
}

#[test]
fn single_faults() {
    let whole = format!("{HEAD}{ROUND}{RATE}");
    RateCard::from_toml(&whole).unwrap();
    let many = "[[surcharge]]\noutput=['OBJ']\n".repeat(41);
    for (text, want) in [
        (format!("{HEAD}{ROUND}"), "rate: missing; a card needs at least one [[rate]]"),
        (format!("{HEAD}{RATE}"), "rounding: missing; step and mode are needed"),
        (format!("{HEAD}rate = 5\n{ROUND}"), "rate: must be an array of tables, written [[rate]]"),
        (whole.replace("'0.5'", "'0'"), "rounding.step: must be a multiple of 0.000001, and not 0"),
        (whole.replace("'0.5'", "'0.0000005'"), "rounding.step: must be a multiple of 0.000001, and not 0"),
        (format!("{whole}minimum='0.7'"), "rate[0].minimum: must be a multiple of rounding.step, 0.5"),
        (
            whole.replace("'1'", "'1e3'"),
            "rate[0].per_gigapixel: must be a decimal number in quotes, as \"0.25\": a float is not exact",
        ),
        (
            format!("{whole}[[rate]]\ntype=['Calibration']\nquality=['Draft','Extra']"),
            "rate[1]: prices Calibration at Draft, as rate[0] does; each pair may have one row",
        ),
        (
            format!("effective_from=2026-05-01T00:00:00Z\neffective_until='2026-05-01T00:00:00Z'\n{whole}"),
            "effective_until: must be later than effective_from",
        ),
        (format!("{whole}{many}"), "surcharge: more than 40 rows"),
        (
            format!("{whole}\nname = "),
            "line 11: not TOML: string values must be quoted, expected literal string",
        ),
    ] {
        let got = problems(&text);
        if want.starts_with("line") {
            assert!(got.starts_with("line 11: not TOML: ") && got.lines().count() == 1, "{got}");
        } else {
            assert_eq!(got, want, "{text}");
        }
    }
    assert!(RateCard::from_json("{").unwrap_err().to_string().starts_with("not JSON: "));
    assert_eq!(
        RateCard::from_json("[]").unwrap_err().to_string().lines().next(),
        Some(": must be a table").map(|_| "must be a table")
    );
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
    assert_ne!(
        RateCard::from_toml(&format!("{HEAD}{ROUND}[[rate]]\nper_gigapixel='2'")).unwrap().sha256(),
        one.sha256()
    );
}
