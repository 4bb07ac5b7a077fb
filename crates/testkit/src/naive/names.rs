//! Names that a reader which folds case would confuse.

use super::json::Node;

pub(super) const JOB: &[&str] =
    &["type", "name", "costEstimationParameters", "workspaceId", "inputs", "settings"];
pub(super) const PATCH: &[&str] =
    &["state", "type", "settings", "costEstimationParameters", "name", "inputs", "workspaceId"];
pub(super) const COST: &[&str] = &["gigaPixels", "megaPoints", "meshQuality"];
pub(super) const INPUT: &[&str] = &["id", "description"];
pub(super) const SETTINGS: &[&str] = &["quality", "processingEngines", "outputs", "cacheSettings"];
pub(super) const CACHE: &[&str] = &["createCache", "useCache"];

/// The first name that a reader which folds case would take for another one of its object.
pub(super) fn names_in_wrong_case(root: &Node, patch: bool) -> Option<usize> {
    let mut found: Vec<usize> = Vec::new();
    let mut look = |node: Option<&Node>, contract: &[&str]| {
        let Some(Node::Object(members)) = node else { return };
        for (index, member) in members.iter().enumerate() {
            let known = contract.contains(&member.name.as_str());
            let wrong = !known && contract.iter().any(|name| fold(name) == fold(&member.name));
            let twin = members[..index].iter().any(|other| fold(&other.name) == fold(&member.name));
            if wrong || (twin && !known) {
                found.push(member.at);
            }
        }
    };
    look(Some(root), if patch { PATCH } else { JOB });
    look(get(root, "costEstimationParameters"), COST);
    if let (Some(Node::List(inputs)), false) = (get(root, "inputs"), patch) {
        for input in inputs {
            look(Some(input), INPUT);
        }
    }
    let settings = get(root, "settings");
    look(settings, SETTINGS);
    look(settings.and_then(|settings| get(settings, "cacheSettings")), CACHE);
    found.into_iter().min()
}

/// Simple case folding, by way of the cases that are one character.
fn fold(name: &str) -> String {
    let one = |mut characters: Box<dyn Iterator<Item = char>>, c| match (characters.next(), characters.next())
    {
        (Some(one), None) => one,
        _ => c,
    };
    name.chars()
        .map(|c| match c {
            '\u{131}' => c,
            '\u{1fd3}' => '\u{390}',
            '\u{1fe3}' => '\u{3b0}',
            '\u{fb05}' => '\u{fb06}',
            _ => {
                let upper = one(Box::new(c.to_uppercase()), c);
                one(Box::new(upper.to_lowercase()), upper)
            }
        })
        .collect()
}

pub(super) fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Node::Object(members) = node else { return None };
    members.iter().find(|member| member.name == name).map(|member| &member.value)
}
