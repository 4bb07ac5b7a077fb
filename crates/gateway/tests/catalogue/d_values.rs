//! D, its second half: strings, depth, what stands behind a value, shapes, ids, words and decimals.

use job_model::{JobRequest, Policy};

use crate::judge::Judge;
use crate::support::JOB;

const INPUT: &str = r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photos"}"#;
const WORKSPACE: &str = "6881117d-9fd2-4900-870b-9b721dc90f25";

#[test]
fn d10_surrogates() {
    let mut judge = Judge::new("d10");
    for text in [
        "\\ud800",
        "\\udc00",
        "\\udc00\\ud800",
        "\\ud800x",
        "\\ud800\\u0041",
        "\\ud800\\ud800",
        "\\uD83D",
        "x\\uDE00",
        "\\ud83d\\u005cude00",
        "\\ud83d\\",
        "\\u12",
        "\\uxyzw",
        "\\ud83d \\ude00",
    ] {
        judge.replaced("My first job", &[text]);
        judge.replaced("photos", &[text]);
        judge.replaced("{", &[&format!("{{\"{text}\":1,"), &format!("{{\"x\":\"{text}\",")]);
    }
    judge.yes(&JOB.replace("My first job", "\\ud83c\\udfd7"), |job| job.name().as_str() == "\u{1f3d7}");
    judge.done();
}

#[test]
fn d11_control_characters() {
    let mut judge = Judge::new("d11");
    for text in ["\\u0000", "a\\r\\nb", "\\u0007", "\\u001b[2J", "\\u007f", "\\u0085", "\0", "\u{1}"] {
        judge.replaced("My first job", &[text]);
    }
    for text in ["\\u0000", "\0", "\\n"] {
        judge.replaced(WORKSPACE, &[&format!("{WORKSPACE}{text}"), &format!("{text}{WORKSPACE}")]);
        judge.replaced(
            "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4",
            &[&format!("58e0c0ca-f730-4e5b-808d-1c8cacacb4d4{text}")],
        );
        judge.replaced("\"Full\"", &[&format!("\"Full{text}\"")]);
        judge.replaced("\"OBJ\"", &[&format!("\"OBJ{text}\"")]);
    }
    // What turns the direction of a text, or cannot be seen: no part of an id or a word, and in a name it is what somebody called a job.
    for letter in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202d}\u{202e}\u{2066}\u{2069}\u{200b}\u{feff}".chars() {
        for text in [letter.to_string(), format!("\\u{:04x}", u32::from(letter))] {
            judge.replaced(WORKSPACE, &[&format!("{WORKSPACE}{text}"), &format!("{text}{WORKSPACE}")]);
            judge.replaced("\"Full\"", &[&format!("\"Full{text}\""), &format!("\"{text}Full\"")]);
            judge.replaced("\"OBJ\"", &[&format!("\"OBJ{text}\"")]);
            judge.replaced("\"type\"", &[&format!("\"type{text}\"")]);
            let named = JOB.replacen("My first job", &format!("My {text}first job"), 1);
            judge.yes(&named, |job| job.name().to_string().contains(letter));
        }
    }
    judge.done();
}

#[test]
fn d12_depth() {
    let mut judge = Judge::new("d12");
    for depth in [33, 64, 65, 120, 1_000, 20_000, 100_000] {
        let lists = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        judge.no(JOB.replacen('{', &format!("{{\"x\":{lists},"), 1));
        judge.no(JOB.replacen(INPUT, &lists, 1));
        judge.no(&lists);
    }
    for depth in [33, 1_000, 30_000] {
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        judge.no(JOB.replacen('{', &format!("{{\"x\":{objects},"), 1));
        judge.no(JOB.replacen("\"photos\"", &objects, 1));
    }
    judge.no("[".repeat(200_000));
    judge.no("{\"x\":".repeat(40_000));
    judge.done();
}

#[test]
fn d13_more_behind_the_value() {
    let mut judge = Judge::new("d13");
    for more in [
        "\0", "}", "{}", JOB, ",", "x", "null", "[]", "\u{1a}", "\\", "/**/", "//", "\u{feff}", "1", "\"",
        ";",
    ] {
        judge.no(format!("{JOB}{more}"));
        judge.no(format!("{JOB}\n{more}"));
    }
    for blanks in [" ", "\n", "\t\r\n  "] {
        judge.yes(&format!("{blanks}{JOB}{blanks}"), |job| job.name().as_str() == "My first job");
    }
    judge.done();
}

#[test]
fn d14_members_that_mean_something_elsewhere() {
    let mut judge = Judge::new("d14");
    for value in ["\"1\"", "{}", "{\"gigaPixels\":9999}"] {
        for name in ["$ref", "$id", "$type", "$values", "__proto__", "\\u0024ref"] {
            judge.replaced("{", &[&format!("{{\"{name}\":{value},")]);
            judge.replaced("\"gigaPixels\"", &[&format!("\"{name}\":{value},\"gigaPixels\"")]);
        }
        for name in ["constructor", "__type", "@class", "prototype", "ref"] {
            judge.unknown(&JOB.replacen('{', &format!("{{\"{name}\":{value},"), 1));
            judge.unknown(&JOB.replacen("\"gigaPixels\"", &format!("\"{name}\":{value},\"gigaPixels\""), 1));
        }
    }
    judge.done();
}

#[test]
fn d15_one_shape_for_another() {
    let mut judge = Judge::new("d15");
    for body in ["[]", "null", "1", "\"x\"", "true", "", " ", "[{}]", "{}", "{{}}"] {
        judge.no(body);
    }
    judge.no(format!("[{JOB}]"));
    judge.replaced(
        r#"{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"}"#,
        &["[2.1,1.5,\"Extra\"]", "[]", "\"x\"", "1", "[{\"gigaPixels\":2.1}]"],
    );
    judge.replaced(
        r#"{"quality":"Extra","processingEngines":5,"outputs":["OBJ","3MX"]}"#,
        &["[\"Extra\",5,[\"OBJ\"]]", "[]", "null", "\"Extra\"", "[{}]"],
    );
    judge.replaced(
        r#"["OBJ","3MX"]"#,
        &["\"OBJ\"", "{\"0\":\"OBJ\"}", "[[\"OBJ\"]]", "null", "{}", "\"OBJ,3MX\""],
    );
    judge.replaced(
        &format!("[{INPUT}]"),
        &[INPUT, "{}", "null", "[[]]", "[null]", "\"x\"", "[\"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4\"]"],
    );
    judge.done();
}

#[test]
fn d16_ids() {
    let mut judge = Judge::new("d16");
    let bare = WORKSPACE.replace('-', "");
    for id in [
        &format!("{{{WORKSPACE}}}"),
        &format!("({WORKSPACE})"),
        &bare,
        &format!(" {WORKSPACE}"),
        &format!("{WORKSPACE} "),
        &format!("urn:uuid:{WORKSPACE}"),
        &WORKSPACE.replace('-', "_"),
        &WORKSPACE.replace('6', "\u{ff16}"),
        &WORKSPACE[1..],
        &format!("{WORKSPACE}0"),
        &WORKSPACE.replacen('-', "", 1),
        &WORKSPACE.replace('d', "g"),
        "",
        "0",
        "{0x6881117d,0x9fd2,0x4900,{0x87,0x0b,0x9b,0x72,0x1d,0xc9,0x0f,0x25}}",
    ] {
        judge.replaced(WORKSPACE, &[id]);
        judge.replaced("58e0c0ca-f730-4e5b-808d-1c8cacacb4d4", &[id]);
    }
    // One workspace, however it is written.
    let known = JobRequest::from_json(JOB.as_bytes(), &Policy::default())
        .unwrap()
        .into_value()
        .unwrap()
        .workspace_id();
    for id in [WORKSPACE.to_owned(), WORKSPACE.to_uppercase()] {
        judge.yes(&JOB.replace(WORKSPACE, &id), |job| job.workspace_id() == known);
    }
    judge.done();
}

#[test]
fn d17_words() {
    let mut judge = Judge::new("d17");
    for word in [
        "full",
        "FULL",
        " Full",
        "Full ",
        "Full,Calibration",
        "Full, Calibration",
        "0",
        "7",
        "",
        "Ful",
        "Fu\u{13c}l",
        "\u{ff26}ull",
        "Full\u{200b}",
        "Fullx",
        "F\\u0075ll\\u0000",
        "Full|Calibration",
    ] {
        judge.replaced("\"Full\"", &[&format!("\"{word}\"")]);
    }
    judge.replaced("\"Full\"", &["0", "7"]);
    for word in ["extra", "EXTRA", " Extra", "Extra,Draft", "\u{415}xtra", "0", ""] {
        judge.replaced("\"quality\":\"Extra\"", &[&format!("\"quality\":\"{word}\"")]);
    }
    for word in ["obj", "Obj", " OBJ", "OBJ,3MX", "\u{41e}BJ", "0", "", "3mx", "3M\u{425}"] {
        judge.replaced("\"OBJ\"", &[&format!("\"{word}\"")]);
    }
    judge.yes(&JOB.replace("\"Full\"", "\"F\\u0075ll\""), |job| job.job_type().as_str() == "Full");
    judge.done();
}

#[test]
fn d18_decimals() {
    let mut judge = Judge::new("d18");
    // Each would be another number as a float of 64 bits.
    for (text, number) in [
        ("0.1", "0.1"),
        ("2.675", "2.675"),
        ("1.005", "1.005"),
        ("0.300000000000000004", "0.300000000000000004"),
        ("123456.123456789012345", "123456.123456789012345"),
        ("4.35", "4.35"),
        ("2.1e1", "21"),
        ("0.1e-2", "0.001"),
        ("9007.199254740993", "9007.199254740993"),
    ] {
        judge.yes(&JOB.replace("2.1", text), |job| {
            job.workload().gigapixels.is_some_and(|size| size.get().normalize().to_string() == number)
        });
    }
    judge.done();
}
