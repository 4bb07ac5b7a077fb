//! Reads how jobs are judged: profile, mode and the severities of single rules.

use job_model::{Mode, Policy, Profile, Rule, Severity};

use super::keys::SEVERITY;
use super::limits;
use super::reader::Reader;
use super::suggest;

pub(super) fn read(reader: &mut Reader<'_>) -> (Profile, Policy) {
    let limits = limits::of_rules(reader);
    let profile = reader.word("validation.profile", &Profile::WORDS, Profile::from_wire);
    let mode = reader.word("validation.mode", &Mode::WORDS, Mode::from_wire);
    let profile = profile.unwrap_or(Profile::Compatible);
    let mut policy = Policy::new(profile).with_mode(mode.unwrap_or(Mode::Enforce)).with_limits(limits);
    let table = reader.get(SEVERITY).and_then(toml::Value::as_table);
    for id in table.into_iter().flat_map(toml::Table::keys) {
        if let Some((rule, severity)) = severity(reader, id) {
            policy = policy.clone().with_severity(rule, severity).unwrap_or(policy);
        }
    }
    (profile, policy)
}

fn severity(reader: &mut Reader<'_>, id: &str) -> Option<(Rule, Severity)> {
    let (path, shown) = (format!("{SEVERITY}.{id}"), format!("{SEVERITY}.{id:?}"));
    let Some(rule) = Rule::from_id(id) else {
        let hint = suggest::hint(id, Rule::ALL.iter().map(|rule| rule.id()));
        reader.refuse_as(&path, &shown, format!("no such rule{hint}"));
        return None;
    };
    if rule.is_fixed() {
        let reason = "a body that breaks it may be read as one job here and as another upstream";
        reader.refuse_as(&path, &shown, format!("is fixed at \"deny\": {reason}; take the line out"));
        return None;
    }
    let found = reader.word_as(&path, &shown, &Severity::WORDS, Severity::from_wire);
    found.map(|severity| (rule, severity))
}
