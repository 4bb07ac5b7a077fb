//! Sound documents with known faults in them, and what a reader has to say of each.

use proptest::prelude::*;
use proptest::sample::select;

use super::faults::{self, Change, Fault, UNKNOWN};
use super::job::{Form, job, spelling};
use super::tree::{Node, Spelling};

/// A document before and after it was broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The document without its faults.
    pub sound: String,
    /// The document with them.
    pub body: String,
    /// The rules that it breaks in strict reading, in contract order, and where.
    pub faults: Vec<(&'static str, Option<String>)>,
}

/// A strictly valid job in which one member was broken: body, rule and target.
pub fn broken_job() -> impl Strategy<Value = (String, &'static str, Option<String>)> {
    broken().prop_map(single)
}

/// A strictly valid patch in which one member was broken: body, rule and target.
pub fn broken_patch() -> impl Strategy<Value = (String, &'static str, Option<String>)> {
    let one = select(faults::of_patch()).prop_map(|fault| vec![fault]);
    let broken = documents(super::patch::with_settings(Form::Strict), one).prop_map(single);
    let empty = spelling().prop_map(|s| (Node::Object(Vec::new()).write(s), "patch-empty", None));
    prop_oneof![1 => empty, 30 => broken]
}

/// A strictly valid job in which one member was broken, with what it was before.
pub fn broken() -> impl Strategy<Value = Broken> {
    documents(job(Form::Strict), select(faults::of_job()).prop_map(|fault| vec![fault]))
}

/// A strictly valid job in which five members were broken that have nothing to do with each other.
pub fn five_faults() -> impl Strategy<Value = (String, Vec<(&'static str, Option<String>)>)> {
    let order = (0..faults::of_job().len()).collect::<Vec<_>>();
    let five = Just(order).prop_shuffle().prop_map(|order| {
        let all = faults::of_job();
        let mut chosen: Vec<(usize, Fault)> = Vec::new();
        for place in order {
            let Some(fault) = all.get(place) else { continue };
            if chosen.len() < 5 && chosen.iter().all(|(_, other)| fault.is_independent_of(other)) {
                chosen.push((place, fault.clone()));
            }
        }
        // The table of faults is in contract order.
        chosen.sort_by_key(|(place, _)| *place);
        chosen.into_iter().map(|(_, fault)| fault).collect()
    });
    documents(job(Form::Strict), five)
        .prop_filter("five faults", |broken| broken.faults.len() == 5)
        .prop_map(|broken| (broken.body, broken.faults))
}

/// The tree of a job in which one member was broken.
pub(super) fn tree() -> impl Strategy<Value = Node> {
    let changed = select(faults::of_job()).prop_flat_map(|fault| {
        let change = fault.change.clone();
        (Just(fault), change)
    });
    (job(Form::Strict), changed, any::<usize>()).prop_map(|(mut tree, (fault, change), element)| {
        apply(&mut tree, &fault, change, element);
        tree
    })
}

fn single(broken: Broken) -> (String, &'static str, Option<String>) {
    let (rule, target) = broken.faults.into_iter().next().unwrap_or_default();
    (broken.body, rule, target)
}

fn documents(
    sound: impl Strategy<Value = Node>,
    faults: impl Strategy<Value = Vec<Fault>>,
) -> impl Strategy<Value = Broken> {
    let changed = faults.prop_flat_map(|faults| {
        let changes = faults.iter().map(|fault| fault.change.clone()).collect::<Vec<_>>();
        (Just(faults), changes)
    });
    (sound, changed, any::<usize>(), spelling()).prop_map(|(sound, (faults, changes), element, spelling)| {
        make(sound, faults, changes, element, spelling)
    })
}

fn make(
    mut sound: Node,
    faults: Vec<Fault>,
    changes: Vec<Change>,
    element: usize,
    spelling: Spelling,
) -> Broken {
    // A fault may need an object that the document had left out; that is no fault of its own.
    for fault in &faults {
        let object = if fault.rule == UNKNOWN { fault.path } else { super::tree::split(fault.path).0 };
        let _ = sound.at(object, element);
    }
    let mut tree = sound.clone();
    let mut expected = Vec::new();
    for (fault, change) in faults.into_iter().zip(changes) {
        expected.push((fault.rule, target(&mut sound, &fault, &change, element)));
        apply(&mut tree, &fault, change, element);
    }
    Broken { sound: sound.write(spelling), body: tree.write(spelling), faults: expected }
}

fn apply(tree: &mut Node, fault: &Fault, change: Change, element: usize) {
    match (change, tree.at(fault.path, element)) {
        (Change::Set(value), Some(node)) => *node = value,
        (Change::Add(name, value), Some(Node::Object(members))) => members.push((name, value)),
        (Change::Remove, _) => tree.remove(fault.path, element),
        (Change::Set(_) | Change::Add(..), _) => {}
    }
}

/// The path of the member, the chosen element's index in it.
fn target(sound: &mut Node, fault: &Fault, change: &Change, element: usize) -> Option<String> {
    let mut path = fault.path.to_owned();
    if let Some((list, rest)) = fault.path.split_once("[]") {
        let index = element.checked_rem(sound.length(list)).unwrap_or(0);
        path = format!("{list}[{index}]{rest}");
    }
    if let Change::Add(name, _) = change {
        let shown = (1..=64).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.' | '-'));
        if shown && !path.is_empty() {
            path.push('.');
        }
        if shown {
            path.push_str(name);
        }
    }
    Some(path).filter(|path| !path.is_empty())
}
