//! Law 1 for space: what the reader allocates is bounded by its input and grows no faster.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;

use job_model::{JobPatch, JobRequest, Policy, Profile, Rule, Severity};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The largest body that a gate reads.
const LARGE: usize = 256 * 1024;
const GUID: &str = "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4";

/// A kind of body, and one of about so many bytes.
type Shape = (&'static str, fn(usize) -> String);

/// What it is meant to provoke, and how it is made.
const SHAPES: &[Shape] = &[
    ("unknown members", |size| of_members(size, |index| format!("\"x{index}\":1"))),
    ("shortest members", |size| of_members(size, |index| format!("\"{index}\":1"))),
    ("nulls and case variants", |size| of_members(size, |index| format!("\"type{index}\":null"))),
    ("escaped names", |size| of_members(size, |index| format!("\"\\u0078{index}\":\"\\u0078\""))),
    ("folded names", |size| of_members(size, |index| format!("\"\u{212a}{index}\":\"\u{17f}\""))),
    ("the same member again and again", |size| of_members(size, |_| "\"a\":1".to_owned())),
    ("the shortest names", |size| of_members(size, |index| format!("\"{}\":1", two_letters(index)))),
    ("members twice", |size| of_members(size, |index| format!("\"a{}\":1", index / 2))),
    ("inputs", |size| {
        of_inputs(size, |index| format!("{{\"id\":\"{index:08x}-0000-0000-0000-000000000001\"}}"))
    }),
    ("equal inputs", |size| of_inputs(size, |_| format!("{{\"id\":\"{GUID}\"}}"))),
    ("described inputs", |size| {
        of_inputs(size, |index| {
            format!("{{\"id\":\"{index:08x}-0000-0000-0000-000000000001\",\"description\":\"\\u00e9\"}}")
        })
    }),
    ("wrong inputs", |size| of_inputs(size, |_| "1".to_owned())),
    ("empty inputs", |size| of_inputs(size, |_| "{}".to_owned())),
    ("unknown members of inputs", |size| of_inputs(size, |index| format!("{{\"x{index}\":1,\"y\":2}}"))),
    ("wrong outputs", |size| of_outputs(size, |_| "\"obj\"".to_owned())),
    ("short wrong outputs", |size| of_outputs(size, |_| "0".to_owned())),
    ("equal outputs", |size| of_outputs(size, |_| "\"OBJ\"".to_owned())),
    ("brackets", |size| "[".repeat(size)),
    ("deep arrays", |size| format!("{{\"x\":{}{}}}", "[".repeat(size / 2), "]".repeat(size / 2))),
    ("deep objects", |size| format!("{{\"x\":{}", "{\"a\":".repeat(size / 5))),
    ("one text", |size| format!("{{\"name\":\"{}\"}}", "a".repeat(size))),
    ("one escaped text", |size| format!("{{\"name\":\"{}\"}}", "\\u00e9".repeat(size / 6))),
    ("one name", |size| format!("{{\"{}\":1}}", "a".repeat(size))),
    ("one number", |size| format!("{{\"x\":{}}}", "1".repeat(size))),
    ("texts", |size| of_members(size, |index| format!("\"x{index}\":\"{}\"", "\\u00e9".repeat(2_000)))),
    ("white space", |size| format!("{{{}}}", " ".repeat(size))),
    ("no JSON", |size| "}".repeat(size)),
];

fn list(size: usize, before: &str, item: impl Fn(usize) -> String, after: &str) -> String {
    let mut body = String::from(before);
    for index in 0.. {
        let item = item(index);
        if body.len() + item.len() + after.len() > size {
            break;
        }
        let separator = if index == 0 { "" } else { "," };
        write!(body, "{separator}{item}").unwrap();
    }
    body + after
}

fn two_letters(index: usize) -> String {
    // Enough different names for a body of the largest size that is not refused for their number.
    let visible: Vec<char> = ('!'..='~').filter(|c| !matches!(c, '"' | '\\')).collect();
    [visible[index / visible.len() % visible.len()], visible[index % visible.len()]].iter().collect()
}

fn of_members(size: usize, member: impl Fn(usize) -> String) -> String {
    list(size, "{", member, "}")
}

fn of_inputs(size: usize, input: impl Fn(usize) -> String) -> String {
    list(size, "{\"inputs\":[", input, "]}")
}

fn of_outputs(size: usize, output: impl Fn(usize) -> String) -> String {
    list(size, "{\"type\":\"Calibration\",\"settings\":{\"quality\":\"Extra\",\"outputs\":[", output, "]}}")
}

/// The most bytes that were in use at once while a body was judged, above what was in use before.
fn peak<T>(judge: impl FnOnce() -> T) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let verdict = judge();
    let peak = ALLOCATOR.peak_usage();
    drop(verdict);
    peak.saturating_sub(before)
}

fn peaks(body: &str, policy: &Policy) -> [usize; 2] {
    [
        peak(|| JobRequest::from_json(body.as_bytes(), policy)),
        peak(|| JobPatch::from_json(body.as_bytes(), policy)),
    ]
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn memory_is_bounded_by_the_input_and_grows_no_faster() {
    // With every limit lifted that a policy can lift, and with each rule listening.
    let mut open = Policy::new(Profile::Strict);
    let mut limits = *open.limits();
    (limits.string_bytes, limits.inputs) = (usize::MAX, usize::MAX);
    open = open.with_limits(limits).with_severity(Rule::NameTooLong, Severity::Deny).unwrap();
    for policy in [Policy::default(), Policy::new(Profile::Strict), open] {
        for (name, shape) in SHAPES {
            let bodies = [LARGE / 4, LARGE / 2, LARGE].map(shape);
            let peaks = bodies.each_ref().map(|body| peaks(body, &policy));
            for (body, peaks) in bodies.iter().zip(peaks) {
                let most = 10 * body.len();
                assert!(peaks.iter().all(|peak| *peak <= most), "{name}: {} {peaks:?}", body.len());
            }
            for pair in peaks.windows(2) {
                for (half, whole) in pair[0].iter().zip(pair[1]) {
                    // Lists double when they are full, so twice the input may need a little more than twice.
                    assert!(whole <= 3 * half + 4_096, "{name}: {peaks:?}");
                }
            }
        }
    }
}
