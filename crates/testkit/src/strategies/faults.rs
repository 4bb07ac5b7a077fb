//! Every way to break one member of a job or a patch, with the one rule that each breaks, in contract order.

use proptest::prelude::*;
use proptest::sample::select;

use super::job::{junk, word};
use super::tree::Node;
use super::{ENGINES, INPUTS, NAME_CHARS};

/// What is done to the member or object at a path.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It becomes this.
    Set(Node),
    /// It goes.
    Remove,
    /// It, an object, gets one more member.
    Add(String, Node),
}

/// A way to break a member.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The rule that it breaks.
    pub(super) rule: &'static str,
    /// The member, or the object that gets a member; `[]` stands for any one element.
    pub(super) path: &'static str,
    /// How.
    pub(super) change: BoxedStrategy<Change>,
}

impl Fault {
    /// Whether each of two faults is still there, and reported, when both are made. Two unknown members would be
    /// reported as they stand in the text, and so are not taken together.
    pub(super) fn is_independent_of(&self, other: &Self) -> bool {
        let below = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        match (self.rule == UNKNOWN, other.rule == UNKNOWN) {
            (true, true) => false,
            (true, false) => !below(other.path, self.path),
            (false, true) => !below(self.path, other.path),
            (false, false) => !below(self.path, other.path) && !below(other.path, self.path),
        }
    }
}

/// The rule about members that the contract does not name.
pub(super) const UNKNOWN: &str = "unknown-member";

const NO_TEXT: [&str; 5] = ["1", "true", "[]", "{}", "[\"Full\"]"];
const NO_OBJECT: [&str; 5] = ["1", "false", "[]", "\"\"", "[{}]"];
const NO_ARRAY: [&str; 5] = ["1", "true", "{}", "\"OBJ\"", "{\"id\":null}"];
const NO_GUID: [&str; 8] = [
    "00000000-0000-0000-0000-000000000000",
    "{6881117d-9fd2-4900-870b-9b721dc90f25}",
    "6881117d9fd24900870b9b721dc90f25",
    "6881117d-9fd2-4900-870b-9b721dc90f2",
    "6881117g-9fd2-4900-870b-9b721dc90f25",
    " 6881117d-9fd2-4900-870b-9b721dc90f25",
    "urn:uuid:6881117d-9fd2-4900-870b-9b721dc90f25",
    "6881117d-9fd2-4900-870b-9b721dc90f２",
];
const NO_QUANTITY: [&str; 12] = [
    "-0",
    "-1.5",
    "-0e5",
    "1e8",
    "10000000.01",
    "10000000.00000000000000000000000000000001",
    "1E+30",
    "true",
    "[1]",
    "{}",
    "\"10000001\"",
    "\"\"",
];
const NO_QUOTED_QUANTITY: [&str; 11] = [
    "1e3",
    "01",
    "-1",
    "1.",
    ".5",
    "+1",
    " 1",
    "1 ",
    "NaN",
    "٣",
    "0.0000000000000000000000000000000000000000",
];
const QUOTED_QUANTITY: [&str; 5] =
    ["0", "2.5", "0.0", "10000000", "9999999.999999999999999999999999999999999"];
const NO_QUALITY: [&str; 5] = ["draft", "EXTRA", "", "High", "Medium "];

/// The ids of the rules that [`broken_job`](super::broken_job) breaks.
pub fn rules_of_faults() -> Vec<&'static str> {
    let mut rules: Vec<_> = of_job().into_iter().map(|fault| fault.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// The faults of a job.
pub(super) fn of_job() -> Vec<Fault> {
    let mut faults = root();
    faults.extend(costs());
    faults.extend(ids("workspace-id-missing", "workspace-id-invalid", "workspaceId"));
    faults.extend(inputs());
    faults.push(missing("settings-missing", "settings"));
    faults.extend(settings());
    faults.extend(
        ["", "costEstimationParameters", "inputs[]", "settings", "settings.cacheSettings"].map(unknown),
    );
    faults
}

/// The faults of a patch that has settings with outputs: nothing is missing there, and not everything is judged.
pub(super) fn of_patch() -> Vec<Fault> {
    let mut faults = vec![
        set(
            "state-invalid",
            "state",
            prop_oneof![raw(&NO_TEXT), word(&["Paused", "", "activ", "cancelled "])],
        ),
        set("state-case", "state", word(&["active", "ACTIVE", "cancelled", "cANCELLED"])),
    ];
    faults.extend(["state", "type", "settings", "settings.quality", "settings.outputs"].map(null));
    faults.extend(root().into_iter().filter(|fault| fault.path == "type"));
    faults.extend(costs());
    faults.extend(["name", "workspaceId", "inputs"].map(|path| set("patch-member", path, junk())));
    faults.extend(settings());
    faults.retain(|fault| !fault.rule.ends_with("-missing"));
    faults.extend(["", "costEstimationParameters", "settings", "settings.cacheSettings"].map(unknown));
    faults
}

fn root() -> Vec<Fault> {
    let types = word(&["full", "FULL", "", "Full ", "Complete", "reconstruction"]);
    let names = word(&["", " ", "\u{a0}\u{2003}\t", "a\tb", "\u{85}x", "x\u{0}", "\u{7f}"]);
    let long = (1..9_usize).prop_map(|more| Node::Text("ä".repeat(NAME_CHARS.saturating_add(more))));
    vec![
        missing("type-missing", "type"),
        set("type-invalid", "type", prop_oneof![raw(&NO_TEXT), types]),
        missing("name-missing", "name"),
        set("name-invalid", "name", prop_oneof![raw(&NO_TEXT), names]),
        set("name-too-long", "name", long),
    ]
}

fn costs() -> Vec<Fault> {
    let cost = "costEstimationParameters";
    let mut faults = vec![set("cost-parameters-invalid", cost, raw(&NO_OBJECT)), null(cost)];
    for (invalid, text, path) in [
        ("giga-pixels-invalid", "giga-pixels-text", "costEstimationParameters.gigaPixels"),
        ("mega-points-invalid", "mega-points-text", "costEstimationParameters.megaPoints"),
    ] {
        faults.push(set(invalid, path, prop_oneof![raw(&NO_QUANTITY), word(&NO_QUOTED_QUANTITY)]));
        faults.push(set(text, path, word(&QUOTED_QUANTITY)));
        faults.push(null(path));
    }
    let mesh = "costEstimationParameters.meshQuality";
    faults.push(set("mesh-quality-invalid", mesh, prop_oneof![raw(&NO_TEXT), word(&NO_QUALITY)]));
    faults.push(set("mesh-quality-unknown", mesh, word(&["Unknown"])));
    faults.push(null(mesh));
    faults
}

fn ids(absent: &'static str, invalid: &'static str, path: &'static str) -> [Fault; 2] {
    let wrong = prop_oneof![raw(&NO_TEXT), word(&NO_GUID), word(&[""])];
    [missing(absent, path), set(invalid, path, wrong)]
}

fn inputs() -> Vec<Fault> {
    let more = INPUTS.saturating_add(1);
    // Elements are not judged then; only their member names are, for every reader's sake.
    let elements = raw(&["null", "1", "{}", "\"x\"", "[[]]", "{\"id\":1}", "{\"x\":{\"id\":1,\"ID\":2}}"]);
    let many = prop::collection::vec(elements, more..more.saturating_add(4)).prop_map(Node::Array);
    let mut faults = vec![
        missing("inputs-missing", "inputs"),
        set("inputs-invalid", "inputs", raw(&NO_ARRAY)),
        set("inputs-empty", "inputs", raw(&["[]"])),
        set("inputs-too-many", "inputs", many),
        set("input-invalid", "inputs[]", prop_oneof![raw(&NO_OBJECT), raw(&["null"])]),
    ];
    faults.extend(ids("input-id-missing", "input-id-invalid", "inputs[].id"));
    faults.push(set("input-description-invalid", "inputs[].description", raw(&NO_TEXT)));
    faults.push(null("inputs[].description"));
    faults
}

fn settings() -> Vec<Fault> {
    let (quality, outputs, engines) = ("settings.quality", "settings.outputs", "settings.processingEngines");
    let qualities = prop_oneof![raw(&NO_TEXT), word(&NO_QUALITY), word(&["Unknown"])];
    let formats = word(&["obj", "Cesium3DTiles", "Orthophoto", "", "OBJ ", "3mx"]);
    let counts =
        ["5.0", "-0", "-1", "\"5\"", "2147483648", "1e2", "99999999999999999999", "true", "{}", "[0]"];
    let above = (1..1_000_u32).prop_map(|more| Node::Literal(ENGINES.saturating_add(more).to_string()));
    let mut faults = vec![
        set("settings-invalid", "settings", raw(&NO_OBJECT)),
        missing("quality-missing", quality),
        set("quality-invalid", quality, qualities),
        set("engines-invalid", engines, raw(&counts)),
        set("engines-over-limit", engines, above),
        null(engines),
        missing("outputs-missing", outputs),
        set("outputs-invalid", outputs, raw(&NO_ARRAY)),
        set("outputs-empty", outputs, raw(&["[]"])),
        set("output-invalid", "settings.outputs[]", prop_oneof![raw(&NO_TEXT), raw(&["null"]), formats]),
    ];
    faults.extend(cache());
    faults
}

fn cache() -> Vec<Fault> {
    let (cache, create) = ("settings.cacheSettings", "settings.cacheSettings.createCache");
    let uses = "settings.cacheSettings.useCache";
    let no_flag = ["1", "0", "\"TRUE\"", "\"yes\"", "\"\"", "\"1\"", "\"true \"", "[]", "{}"];
    vec![
        set("cache-settings-invalid", cache, raw(&NO_OBJECT)),
        null(cache),
        set("create-cache-invalid", create, raw(&no_flag)),
        set("create-cache-text", create, word(&["True", "False", "true", "false"])),
        null(create),
        set("use-cache-invalid", uses, prop_oneof![raw(&NO_TEXT), word(&NO_GUID)]),
        set("use-cache-empty", uses, word(&[""])),
        null(uses),
    ]
}

fn set(rule: &'static str, path: &'static str, value: impl Strategy<Value = Node> + 'static) -> Fault {
    Fault { rule, path, change: value.prop_map(Change::Set).boxed() }
}

fn missing(rule: &'static str, path: &'static str) -> Fault {
    let change = prop_oneof![Just(Change::Remove), Just(Change::Set(Node::literal("null")))];
    Fault { rule, path, change: change.boxed() }
}

fn null(path: &'static str) -> Fault {
    set("null-member", path, raw(&["null"]))
}

fn unknown(path: &'static str) -> Fault {
    // No name of the contract begins with y, in whatever letter case.
    let shown = "y[A-Za-z0-9_$.-]{0,63}";
    let hidden = prop_oneof![Just(String::new()), "y[a-z]{0,3}[ é/\"\\\\]", "y[a-z]{64,70}"];
    let change = (prop_oneof![shown, hidden], junk()).prop_map(|(name, value)| Change::Add(name, value));
    Fault { rule: UNKNOWN, path, change: change.boxed() }
}

/// Any of these tokens or texts, as they stand.
fn raw(tokens: &[&'static str]) -> impl Strategy<Value = Node> + use<> {
    select(tokens.to_vec()).prop_map(Node::literal)
}
