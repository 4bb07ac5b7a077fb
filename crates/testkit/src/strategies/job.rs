//! Jobs that are accepted: strictly valid ones, and ones in every form that the official clients send.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::tree::{Node, Spelling, plain};
use super::{ENGINES, INPUTS, NAME_CHARS};

/// A member of an object that may be left out.
pub(super) type Member = BoxedStrategy<Option<(String, Node)>>;

pub(super) const TYPES: [&str; 3] = ["Full", "Calibration", "Reconstruction"];
pub(super) const QUALITIES: [&str; 3] = ["Draft", "Medium", "Extra"];
const FORMATS: [&str; 18] = [
    "CCOrientations",
    "3MX",
    "3SM",
    "WebReady ScalableMesh",
    "Cesium 3D Tiles",
    "POD",
    "Orthophoto/DSM",
    "LAS",
    "FBX",
    "OBJ",
    "ESRI i3s",
    "DGN",
    "LODTreeExport",
    "PLY",
    "OPC",
    "OMR",
    "ContextScene",
    "GaussianSplats",
];

/// Which forms are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The published definition to the letter.
    Strict,
    /// What the official clients send as well: quoted scalars, nulls, placeholders, members nobody knows.
    Tolerated,
}

/// A job that both profiles accept.
pub fn strictly_valid_job() -> impl Strategy<Value = String> {
    (job(Form::Strict), spelling()).prop_map(|(job, spelling)| job.write(spelling))
}

/// A job that the compatible profile accepts, with the forms it tolerates.
pub fn valid_job() -> impl Strategy<Value = String> {
    (job(Form::Tolerated), spelling()).prop_map(|(job, spelling)| job.write(spelling))
}

/// One job, accepted by the compatible profile or refused for one broken member, in two spellings: order of members,
/// white space, escapes and forms of numbers differ.
pub fn two_spellings() -> impl Strategy<Value = (String, String)> {
    let sound = job(Form::Tolerated).boxed();
    let broken = super::broken::tree().boxed();
    (prop_oneof![sound, broken], spelling(), spelling())
        .prop_map(|(job, one, other)| (job.write(one), job.write(other)))
}

/// The plain spelling or any other.
pub(super) fn spelling() -> impl Strategy<Value = Spelling> {
    prop_oneof![1 => Just(0), 7 => any::<u64>()].prop_map(Spelling)
}

/// The tree of a job.
pub(super) fn job(form: Form) -> BoxedStrategy<Node> {
    let inputs = prop::collection::vec(input(form), 1..=INPUTS).prop_map(Node::Array);
    object(
        form,
        vec![
            required("type", word(&TYPES)),
            required("name", name()),
            optional(form, "costEstimationParameters", cost(form)),
            required("workspaceId", guid()),
            required("inputs", inputs),
            required("settings", settings(form, required)),
        ],
        &["quality", "outputs", "jobSettings", "projectId"],
    )
}

fn input(form: Form) -> BoxedStrategy<Node> {
    let description = any::<String>().prop_map(Node::Text);
    object(form, vec![required("id", guid()), optional(form, "description", description)], &["type"])
}

/// Settings of a job, whose quality and outputs are required, or of a patch.
pub(super) fn settings(
    form: Form,
    presence: fn(&'static str, BoxedStrategy<Node>) -> Member,
) -> BoxedStrategy<Node> {
    let engines = prop_oneof![Just(0), 0..=ENGINES].prop_map(|count| Node::Literal(count.to_string()));
    let outputs = prop::collection::vec(word(&FORMATS), 1..6).prop_map(Node::Array);
    object(
        form,
        vec![
            presence("quality", word(&QUALITIES).boxed()),
            optional(form, "processingEngines", engines),
            presence("outputs", outputs.boxed()),
            optional(form, "cacheSettings", cache(form)),
        ],
        &["meshQuality"],
    )
}

fn cache(form: Form) -> BoxedStrategy<Node> {
    let create = tolerating(
        form,
        select(vec!["true", "false"]).prop_map(Node::literal),
        word(&["True", "False", "true", "false"]),
    );
    let uses = tolerating(form, guid(), word(&[""]));
    object(form, vec![optional(form, "createCache", create), optional(form, "useCache", uses)], &["id"])
}

/// Cost parameters.
pub(super) fn cost(form: Form) -> BoxedStrategy<Node> {
    let mesh = tolerating(form, word(&QUALITIES), word(&["Unknown"]));
    object(
        form,
        vec![
            optional(form, "gigaPixels", quantity(form)),
            optional(form, "megaPoints", quantity(form)),
            optional(form, "meshQuality", mesh),
        ],
        &["quality"],
    )
}

fn quantity(form: Form) -> impl Strategy<Value = Node> {
    let quoted = amount().prop_map(|(mantissa, scale)| Node::Text(plain(mantissa, scale)));
    tolerating(form, prop_oneof![9 => number(), 1 => long_number()], quoted)
}

/// At most ten million, to twelve decimals.
fn amount() -> impl Strategy<Value = (u64, u32)> {
    (0_u32..=12).prop_flat_map(|scale| {
        let largest = 10_000_000 * 10_u64.saturating_pow(scale);
        (prop_oneof![1 => Just(0), 1 => Just(largest), 8 => 0..=largest], Just(scale))
    })
}

fn number() -> impl Strategy<Value = Node> {
    amount().prop_map(|(mantissa, scale)| Node::Number { mantissa, scale })
}

/// Fractions as binary floats have them when they are written out, and longer than any decimal is kept.
fn long_number() -> impl Strategy<Value = Node> {
    select(vec![
        "2.0999999999999996",
        "0.1000000000000000055511151231257827021",
        "9999999.999999999999999999999999999999999",
        "1e-30",
        "1234567890123456789e-19",
        "1E+7",
        "0e30",
    ])
    .prop_map(Node::literal)
}

/// Names with every kind of character that is allowed, at least one of them visible.
pub(super) fn name() -> impl Strategy<Value = Node> {
    let most = NAME_CHARS.saturating_sub(1);
    let characters = prop::collection::vec(
        prop_oneof![
            4 => prop::char::range('!', '~'),
            1 => prop::char::range('\u{a1}', '\u{24f}'),
            1 => select(vec![' ', '\u{a0}', '漢', '🚀', '\u{2028}', '\u{301}', '\u{feff}', '"', '\\', '/']),
        ],
        0..=most,
    );
    (prop::char::range('0', 'z'), characters).prop_map(|(first, rest)| {
        let mut name = String::from(first);
        name.extend(rest);
        Node::Text(name)
    })
}

/// A GUID of any letter case, rarely one that stands elsewhere, too.
pub(super) fn guid() -> impl Strategy<Value = Node> {
    let any = (1_u128.., any::<bool>()).prop_map(|(bits, upper)| {
        let hex = format!("{bits:032x}");
        let hex = if upper { hex.to_uppercase() } else { hex };
        let mut text = String::new();
        for (place, digit) in hex.chars().enumerate() {
            if matches!(place, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(digit);
        }
        Node::Text(text)
    });
    let known = word(&["6881117d-9fd2-4900-870b-9b721dc90f25", "6881117D-9FD2-4900-870B-9B721DC90F25"]);
    prop_oneof![4 => any, 1 => known]
}

pub(super) fn word(words: &[&'static str]) -> impl Strategy<Value = Node> + use<> {
    select(words.to_vec()).prop_map(Node::text)
}

/// The strict form, or where it is asked for also the tolerated one.
pub(super) fn tolerating(
    form: Form,
    strict: impl Strategy<Value = Node> + 'static,
    tolerated: impl Strategy<Value = Node> + 'static,
) -> BoxedStrategy<Node> {
    match form {
        Form::Strict => strict.boxed(),
        Form::Tolerated => prop_oneof![2 => strict, 1 => tolerated].boxed(),
    }
}

/// A member that is always there.
pub(super) fn required(name: &'static str, value: impl Strategy<Value = Node> + 'static) -> Member {
    value.prop_map(move |value| Some((name.to_owned(), value))).boxed()
}

/// A member that may be left out, or null where that is tolerated.
pub(super) fn optional(
    form: Form,
    name: &'static str,
    value: impl Strategy<Value = Node> + 'static,
) -> Member {
    let value = match form {
        Form::Strict => value.boxed(),
        Form::Tolerated => prop_oneof![4 => value, 1 => Just(Node::literal("null"))].boxed(),
    };
    option::weighted(0.7, value.prop_map(move |value| (name.to_owned(), value))).boxed()
}

/// An object of these members; where it is tolerated, with members that nobody knows. `strays` are names that belong
/// elsewhere.
pub(super) fn object(form: Form, members: Vec<Member>, strays: &[&'static str]) -> BoxedStrategy<Node> {
    let members = members.prop_map(|members| members.into_iter().flatten().collect::<Vec<_>>());
    if form == Form::Strict {
        return members.prop_map(Node::Object).boxed();
    }
    let named = ("[a-z_$.é 😀-]{0,6}", junk()).prop_map(|(name, value)| (format!("x{name}"), value));
    let stray = (select(strays.to_vec()), junk()).prop_map(|(name, value)| (name.to_owned(), value));
    let unknown = (option::weighted(0.15, named), option::weighted(0.1, stray));
    (members, unknown)
        .prop_map(|(mut members, (named, stray))| {
            members.extend(named);
            members.extend(stray);
            Node::Object(members)
        })
        .boxed()
}

/// A value that nobody reads: of any kind, with names of the contract in any letter case below.
pub(super) fn junk() -> impl Strategy<Value = Node> {
    let scalar = prop_oneof![
        select(vec!["null", "true", "false", "-0", "1e30", "-1.5E-30"]).prop_map(Node::literal),
        any::<String>().prop_map(Node::Text),
        number(),
    ];
    scalar.prop_recursive(4, 12, 3, |inner| {
        let names = prop::sample::subsequence(vec!["type", "Type", "id", "", "é", "\u{0}", "name"], 0..4);
        let names_of_three = (names, inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Node::Array),
            names_of_three.prop_map(|(names, one, two, three)| {
                let names = names.into_iter().map(str::to_owned);
                Node::Object(names.zip([one, two, three]).collect())
            }),
        ]
    })
}
