//! Patches that are accepted.

use proptest::prelude::*;
use proptest::sample::select;

use super::job::{
    Form, Member, TYPES, cost, guid, name, object, optional, required, settings, spelling, tolerating, word,
};
use super::tree::Node;

/// A patch that both profiles accept.
pub fn strictly_valid_patch() -> impl Strategy<Value = String> {
    (patch(Form::Strict), spelling()).prop_map(|(patch, spelling)| patch.write(spelling))
}

/// A patch that the compatible profile accepts, with the forms it tolerates.
pub fn valid_patch() -> impl Strategy<Value = String> {
    (patch(Form::Tolerated), spelling()).prop_map(|(patch, spelling)| patch.write(spelling))
}

/// A patch in which settings are given in full.
pub(super) fn with_settings(form: Form) -> BoxedStrategy<Node> {
    let mut members = shared(form);
    members.push(required("settings", settings(form, required)));
    object(form, members, &["quality"])
}

fn patch(form: Form) -> BoxedStrategy<Node> {
    // Of the empty patch there is nothing to generate; each kind of document names at least one member.
    let least = prop_oneof![
        state(form).prop_map(|value| ("state".to_owned(), value)),
        word(&TYPES).prop_map(|value| ("type".to_owned(), value)),
        cost(form).prop_map(|value| ("costEstimationParameters".to_owned(), value)),
    ];
    let mut members = shared(form);
    let presence = match form {
        Form::Strict => |name, value| optional(Form::Strict, name, value),
        Form::Tolerated => |name, value| optional(Form::Tolerated, name, value),
    };
    members.push(optional(form, "settings", settings(form, presence)));
    if form == Form::Tolerated {
        members.extend([
            rarely("name", name().boxed()),
            rarely("workspaceId", guid().boxed()),
            rarely("inputs", select(vec!["[]", "{}", "7"]).prop_map(Node::literal).boxed()),
        ]);
    }
    (object(form, members, &["quality"]), least)
        .prop_map(|(mut patch, (name, value))| {
            if let Node::Object(members) = &mut patch
                && members.is_empty()
            {
                members.push((name, value));
            }
            patch
        })
        .boxed()
}

fn shared(form: Form) -> Vec<Member> {
    vec![
        optional(form, "state", state(form)),
        optional(form, "type", word(&TYPES)),
        optional(form, "costEstimationParameters", cost(form)),
    ]
}

fn state(form: Form) -> BoxedStrategy<Node> {
    tolerating(form, word(&["Active", "Cancelled"]), word(&["active", "CANCELLED", "cancelled", "aCTIVE"]))
}

fn rarely(name: &'static str, value: BoxedStrategy<Node>) -> Member {
    prop::option::weighted(0.1, value.prop_map(move |value| (name.to_owned(), value))).boxed()
}
