//! What a gateway decides by, named so that records can be tied to it.

use job_model::Rule;

use super::types::Config;

/// The rules and the prices in force: in words, and as the fingerprints that the ledger's entries carry.
#[derive(Debug)]
pub(crate) struct Running {
    /// The profile, and how many severities differ from it.
    pub(crate) rule_set: String,
    pub(crate) rule_set_sha256: String,
    /// Every card's name and version.
    pub(crate) rate_card: String,
    pub(crate) rate_card_sha256: String,
}

impl Running {
    pub(crate) fn of(config: &Config) -> Self {
        let (profile, policy) = (config.profile, &config.policy);
        let differs = |rule: &&Rule| policy.severity(**rule) != rule.default_severity(profile);
        let changed = Rule::ALL.iter().filter(differs).count();
        let more = if changed == 0 { String::new() } else { format!("+{changed}") };
        let named = config.cards.iter().map(|card| format!("{} {}", card.name(), card.version()));
        let printed = config.cards.iter().map(|card| card.sha256().to_owned());
        Self {
            rule_set: format!("{}{more}", profile.as_str()),
            rule_set_sha256: policy.sha256(),
            rate_card: listed(named),
            rate_card_sha256: listed(printed),
        }
    }
}

fn listed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
