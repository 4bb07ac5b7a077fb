//! Bytes that were not sent in good faith, or not by a JSON library.

use proptest::prelude::*;
use proptest::sample::select;

/// Pieces of JSON, of almost JSON, and of jobs.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    " ",
    "\n",
    "\t",
    "\r",
    "\u{b}",
    "\u{a0}",
    "\u{feff}",
    "/*",
    "//",
    "#",
    "null",
    "true",
    "false",
    "nul",
    "True",
    "NaN",
    "Infinity",
    "-",
    "+",
    ".",
    "0",
    "-0",
    "00",
    "1",
    "9",
    "1.5",
    "1.",
    "1e5",
    "1e31",
    "1e-31",
    "1E+30",
    "1e",
    "0x1F",
    "10000000000000000000000000000000000000000",
    "1234567890123456789012345678901234567890",
    "1e400",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude80\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\uDe80\\uD83d\"",
    "\"\\u12\"",
    "\"\\x\"",
    "\"\u{0}\"",
    "\"é\"",
    "\"漢🚀\"",
    "\"type\"",
    "\"Type\"",
    "\"t\\u0079pe\"",
    "\"Full\"",
    "\"name\"",
    "\"ｎame\"",
    "\"settings\"",
    "\"\u{17f}ettings\"",
    "\"wor\u{212a}spaceId\"",
    "\"inputs\"",
    "\"id\"",
    "\"ID\"",
    "\"quality\"",
    "\"outputs\"",
    "\"OBJ\"",
    "\"$ref\"",
    "\"\\u0024type\"",
    "\"__proto__\"",
    "\"state\"",
    "\"active\"",
    "\"gigaPixels\"",
    "\"costEstimationParameters\"",
    "{}",
    "[]",
    "{\"a\":1}",
    "[1,2]",
    "\"a\":1",
    "\"a\":1,\"a\":2",
    "\"a\":1,\"A\":2",
    "\"type\":\"Full\"",
    "\"x\":",
    "\"inputs\":[{\"id\":\"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4\"}]",
    "\"settings\":{\"quality\":\"Extra\",\"outputs\":[\"OBJ\"]}",
];

/// Members that turn a sound job into one that readers may read in two ways, or into one that harms them.
const MEMBERS: &[&str] = &[
    "\"type\":\"Calibration\"",
    "\"Type\":\"Calibration\"",
    "\"TYPE\":\"Calibration\"",
    "\"ty\\u0070e\":\"Calibration\"",
    "\"name\":\"other\"",
    "\"Settings\":{\"quality\":\"Draft\",\"outputs\":[\"LAS\"]}",
    "\"\u{17f}ettings\":{\"quality\":\"Draft\",\"outputs\":[\"LAS\"]}",
    "\"wor\\u212aspaceId\":\"799b11bd-71cf-481a-b284-bf48f672cd9a\"",
    "\"x\":{\"$ref\":1}",
    "\"__proto__\":{\"type\":\"Calibration\"}",
    "\"x\":1e400",
    "\"x\":[{\"a\":1,\"a\":2}]",
    "\"x\":{\"a\":1,\"\\u0061\":2}",
    "\"x\":1,\"X\":2",
    "\"\":1,\"\":2",
];

/// Members that look as if they belonged elsewhere, and harm nobody.
const STRAYS: &[&str] = &["\"gigaPixels\":1", "\"outputs\":[\"LAS\"]", "\"Quality\":\"Draft\""];

/// Bytes of every kind.
pub fn hostile() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => soup(),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        4 => damaged(),
        3 => ambiguous(),
        1 => with_member(STRAYS),
        1 => nested(),
        1 => oversized(),
        2 => super::valid_job().prop_map(String::into_bytes),
        1 => super::broken_job().prop_map(|(body, _, _)| body.into_bytes()),
        1 => super::valid_patch().prop_map(String::into_bytes),
    ]
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let tokens = prop::collection::vec(select(TOKENS), 0..24);
    (any::<bool>(), tokens).prop_map(|(object, tokens)| {
        let soup = tokens.concat();
        let text = if object { ["{", &soup, "}"].concat() } else { soup };
        text.into_bytes()
    })
}

/// A job to which something happened on the way: cut off, a byte changed, a token put in, a stretch sent twice.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let place = any::<prop::sample::Index>();
    (super::valid_job(), place, any::<prop::sample::Index>(), any::<u8>(), select(TOKENS), 0..5_u8).prop_map(
        |(job, one, other, byte, token, damage)| {
            let mut body = job.into_bytes();
            let (one, other) = (one.index(body.len()), other.index(body.len()));
            match damage {
                0 => body.truncate(one),
                1 => {
                    if let Some(place) = body.get_mut(one) {
                        *place = byte;
                    }
                }
                2 => drop(body.splice(one..one, token.bytes())),
                3 => drop(body.splice(one..one.saturating_add(1), token.bytes())),
                _ => {
                    let stretch = body.get(one.min(other)..one.max(other)).unwrap_or_default().to_vec();
                    body.splice(one..one, stretch);
                }
            }
            body
        },
    )
}

/// A sound job but for one member, for which readers may read another job or none.
pub fn ambiguous() -> impl Strategy<Value = Vec<u8>> {
    with_member(MEMBERS)
}

/// A sound job with one member too many, before or after the others.
fn with_member(members: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (super::strictly_valid_job(), select(members), any::<bool>()).prop_map(|(job, member, first)| {
        let job = job.trim();
        let inner = job.strip_prefix('{').and_then(|job| job.strip_suffix('}')).unwrap_or_default();
        let body = if first { ["{", member, ",", inner, "}"] } else { ["{", inner, ",", member, "}"] };
        body.concat().into_bytes()
    })
}

/// Containers in containers, within the limit and beyond, closed or not, in a member or on their own.
fn nested() -> impl Strategy<Value = Vec<u8>> {
    let open = prop::collection::vec(any::<bool>(), 0..48);
    (open, prop_oneof![4 => Just(1_usize), 1 => 1..200_usize], any::<bool>(), any::<bool>()).prop_map(
        |(levels, times, closed, member)| {
            let mut text = String::new();
            for array in &levels {
                text.push_str(&(if *array { "[" } else { "{\"a\":" }).repeat(times));
            }
            if closed {
                text.push('1');
                for array in levels.iter().rev() {
                    text.push_str(&(if *array { "]" } else { "}" }).repeat(times));
                }
            }
            let text = if member { format!("{{\"type\":\"Full\",\"x\":{text}}}") } else { text };
            text.into_bytes()
        },
    )
}

/// Members, elements and texts about as many and as long as a reader takes, and a few more.
fn oversized() -> impl Strategy<Value = Vec<u8>> {
    let bytes = 16 * 1024_usize;
    let text = (bytes - 3..bytes + 3, select(vec!["a", "\\n"]))
        .prop_map(|(length, letter)| ["\"", &letter.repeat(length), "\""].concat());
    // The member that holds the list, and the list's own elements.
    let list = (9_997..10_003_usize).prop_map(|length| ["[", &vec!["1"; length].join(","), "]"].concat());
    let tail = prop_oneof![3 => Just("}"), 1 => select(TOKENS)];
    (prop_oneof![text, list], any::<bool>(), tail).prop_map(|(value, named, tail)| {
        let text = if named && value.starts_with('"') {
            ["{", &value, ":1", tail].concat()
        } else {
            ["{\"name\":", &value, tail].concat()
        };
        text.into_bytes()
    })
}
