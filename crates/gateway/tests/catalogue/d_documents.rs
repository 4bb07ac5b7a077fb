//! D: bodies that two readers of JSON read in two ways. The judge says no to every one of them, by both profiles; the gate with it.

use job_model::{JobRequest, Policy, Profile};

use crate::judge::Judge;
use crate::support::JOB;

#[test]
fn d1_members_twice() {
    let mut judge = Judge::new("d1");
    judge.replaced(
        "{",
        &[
            r#"{"type":"Full","#,
            r#"{"\u0074ype":"Full","#,
            r#"{"name":"x","#,
            r#"{"settings":{},"#,
            r#"{"x":1,"x":2,"#,
            r#"{"x":1,"\u0078":1,"#,
        ],
    );
    judge.replaced(
        r#""gigaPixels":2.1"#,
        &[r#""gigaPixels":0.1,"gigaPixels":2.1"#, r#""gigaPixels":2.1,"gigaPixel\u0073":99"#],
    );
    judge.replaced(r#"{"id":"58e"#, &[r#"{"id":"x","id":"58e"#, r#"{"description":"a","id":"58e"#]);
    judge.replaced(r#""quality":"Extra","proc"#, &[r#""quality":"Draft","quality":"Extra","proc"#]);
    judge.replaced("{", &[r#"{"deep":[{"a":{"b":1,"b":2}}],"#]);
    judge.done();
}

#[test]
fn d2_members_in_another_case() {
    let mut judge = Judge::new("d2");
    for name in [
        "Type",
        "TYPE",
        "Name",
        "WorkspaceId",
        "workspaceID",
        "Inputs",
        "Settings",
        "CostEstimationParameters",
        "costestimationparameters",
    ] {
        judge.replaced("{", &[&format!(r#"{{"{name}":null,"#), &format!(r#"{{"{name}":"x","#)]);
    }
    judge.replaced(
        r#""gigaPixels":2.1"#,
        &[
            r#""GigaPixels":2.1"#,
            r#""gigaPixels":0.1,"GigaPixels":9999"#,
            r#""gigapixels":9999,"gigaPixels":0.1"#,
        ],
    );
    judge.replaced(
        r#""costEstimationParameters""#,
        &[r#""CostEstimationParameters""#, r#""costEstimationparameters""#],
    );
    judge.replaced(r#""workspaceId""#, &[r#""WorkspaceId""#, r#""workspaceid""#]);
    // At every level: in place of the member, before it and behind it.
    for (member, value) in [
        ("gigaPixels", "2.1"),
        ("megaPoints", "1.5"),
        ("meshQuality", "\"Extra\""),
        ("id", "\"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4\""),
        ("description", "\"photos\""),
        ("quality", "\"Extra\""),
        ("processingEngines", "5"),
        ("outputs", r#"["OBJ","3MX"]"#),
    ] {
        let found = format!("\"{member}\":{value}");
        let first = member[..1].to_uppercase() + &member[1..];
        for name in [first, member.to_uppercase(), member.to_lowercase()] {
            if name == member {
                continue;
            }
            let other = format!("\"{name}\":{value}");
            let both = [other.clone(), format!("{other},{found}"), format!("{found},{other}")];
            judge.replaced(&found, &both.each_ref().map(String::as_str));
        }
    }
    judge.replaced(
        "{",
        &[r#"{"x":1,"X":2,"#, r#"{"\u0078":1,"X":2,"#, "{\"k\":1,\"\u{212a}\":2,", "{\"s\":1,\"\u{17f}\":2,"],
    );
    judge.done();
}

#[test]
fn d3_objects_lists_and_nulls_twice() {
    let mut judge = Judge::new("d3");
    for more in [
        r#""settings":null"#,
        r#""inputs":[]"#,
        r#""inputs":null"#,
        r#""costEstimationParameters":null"#,
        r#""costEstimationParameters":{}"#,
    ] {
        judge.no(JOB.replacen('{', &format!("{{{more},"), 1));
        judge.no(format!("{},{more}}}", &JOB[..JOB.len() - 1]));
    }
    judge.replaced(r#""outputs":["OBJ","3MX"]"#, &[r#""outputs":["OBJ"],"outputs":["3MX"]"#]);
    judge.done();
}

#[test]
fn d4_what_only_loose_readers_take() {
    let mut judge = Judge::new("d4");
    for body in [
        format!("/* x */{JOB}"),
        format!("{JOB}// x"),
        format!("# x\n{JOB}"),
        JOB.replacen('{', "{/**/", 1),
        JOB.replace('"', "'"),
        JOB.replacen("\"type\"", "type", 1),
        JOB.replace("\"3MX\"]", "\"3MX\",]"),
        JOB.replace("[\"OBJ\"", "[,\"OBJ\""),
        JOB.replace("\"OBJ\",", "\"OBJ\",,"),
        format!("{},}}", &JOB[..JOB.len() - 1]),
        JOB.replacen(':', "=", 1),
        JOB.replacen(',', ";", 1),
        JOB.replacen("\"Full\"", "Full", 1),
        JOB.replacen("\"Full\"", "\"Fu\\\nll\"", 1),
        JOB.replacen("\"Full\"", "\"\\x46ull\"", 1),
        JOB.replacen("\"Full\"", "\"Fu\" \"ll\"", 1),
        JOB.replacen("photos", "pho\ttos", 1),
        JOB.replacen("photos", "pho\ntos", 1),
        JOB.replacen('{', "{\u{a0}", 1),
        JOB.replacen('{', "{\u{feff}", 1),
        JOB.replacen('{', "{\u{c}", 1),
        JOB.replacen('{', "{\u{b}", 1),
        JOB.replacen("\"Full\"", "\"\\u{46}ull\"", 1),
        JOB.replacen("\"Full\"", "\"\\U0046ull\"", 1),
        JOB.replacen("2.1", "2_1", 1),
        "undefined".to_owned(),
    ] {
        judge.no(body);
    }
    judge.done();
}

#[test]
fn d5_numbers_that_are_none() {
    let mut judge = Judge::new("d5");
    for number in [
        "NaN",
        "Infinity",
        "-Infinity",
        "+Infinity",
        "nan",
        "0x10",
        "010",
        "00",
        "0o7",
        "0b1",
        ".5",
        "5.",
        "+1",
        "--1",
        "1e",
        "1e+",
        "1.e1",
        "1.5.1",
        "1,5",
        "\u{661}",
        "1f",
        "1d",
        "1n",
        "1L",
        "- 1",
        "0e0x",
        "True",
        "None",
        "2.1e-999999999999999999999",
    ] {
        judge.replaced("2.1", &[number]);
        judge.replaced("\"processingEngines\":5", &[&format!("\"processingEngines\":{number}")]);
        judge.replaced("{", &[&format!("{{\"x\":{number},")]);
    }
    judge.done();
}

#[test]
fn d6_numbers_beyond_bounds() {
    let mut judge = Judge::new("d6");
    let (nines, zeros) = ("9".repeat(400), "0".repeat(400));
    for number in [
        "1e400",
        "1e31",
        "1e99999999999999999999",
        "-1e400",
        "1e-400",
        &nines,
        &format!("0.{nines}"),
        &format!("1{zeros}"),
        &format!("0.{zeros}1"),
        &format!("1e{nines}"),
        "9223372036854775808000000000",
        "1000001000000000000000",
    ] {
        judge.replaced("2.1", &[number]);
        judge.replaced("\"processingEngines\":5", &[&format!("\"processingEngines\":{number}")]);
    }
    judge.replaced("{", &[&format!("{{\"x\":{nines},"), "{\"x\":1e400,"]);
    judge.done();
}

#[test]
fn d7_numbers_in_quotes() {
    let mut judge = Judge::new("d7");
    for number in [
        "2,5",
        "1,000",
        " 2.5",
        "2.5 ",
        " 2.5 ",
        "+2.5",
        "2.5e1",
        "1e400",
        "",
        " ",
        "NaN",
        "Infinity",
        "0x10",
        "010",
        ".5",
        "5.",
        "2.5\\u0000",
        "\u{662}",
        "2.5m",
        "-2.5",
    ] {
        judge.replaced("2.1", &[&format!("\"{number}\"")]);
    }
    for number in ["2.5", "0.1", "25"] {
        let quoted = JOB.replace("2.1", &format!("\"{number}\""));
        judge.yes(&quoted, |job| {
            job.workload().gigapixels.is_some_and(|size| size.get().to_string() == number)
        });
        let strict = JobRequest::from_json(quoted.as_bytes(), &Policy::new(Profile::Strict)).is_err();
        judge.0.tally.refused(strict, || format!("{number} by the strict profile"));
    }
    judge.done();
}

#[test]
fn d8_one_kind_for_another() {
    let mut judge = Judge::new("d8");
    for (from, to) in [
        ("2.1", &["true", "[2.1]", "{}", "\"two\""][..]),
        (
            "\"processingEngines\":5",
            &["\"processingEngines\":true", "\"processingEngines\":[5]", "\"processingEngines\":\"five\""],
        ),
        ("\"Full\"", &["1", "true", "null", "[\"Full\"]", "{}"]),
        ("\"My first job\"", &["1", "true", "null", "[]", "{}", "1.5"]),
        ("\"OBJ\"", &["1", "true", "null", "{}"]),
        ("\"6881117d-9fd2-4900-870b-9b721dc90f25\"", &["1", "true", "null", "[]"]),
        ("\"photos\"", &["1", "true", "[]", "{}"]),
    ] {
        judge.replaced(from, to);
    }
    judge.done();
}

#[test]
fn d9_engines() {
    let mut judge = Judge::new("d9");
    for number in [
        "-1",
        "5.0",
        "5e0",
        "0.5",
        "-0",
        "-0.0",
        "2147483648",
        "4294967296",
        "9223372036854775807",
        "5.5",
        "1e1",
        "05",
    ] {
        judge.replaced("\"processingEngines\":5", &[&format!("\"processingEngines\":{number}")]);
    }
    for number in ["0", "1", "5", "2147483647"] {
        judge.yes(
            &JOB.replace("\"processingEngines\":5", &format!("\"processingEngines\":{number}")),
            |job| job.settings().engines().is_some(),
        );
    }
    judge.done();
}
