//! The rules about members and meaning, over a parsed body.

use super::json::{Member, Node};
use super::names::{CACHE, COST, INPUT, JOB, PATCH, SETTINGS, get};
use super::numbers::{decimal, is_guid, is_plain_decimal};
use super::read::{Cache, Cost, Input, Parts, Read};
use super::written::{written_job, written_patch};
use super::{Finding, SEVERITIES, Settings, Verdict};

const TYPES: [&str; 3] = ["Full", "Calibration", "Reconstruction"];
const QUALITIES: [&str; 3] = ["Draft", "Medium", "Extra"];
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

pub(super) struct Judge<'a> {
    settings: &'a Settings,
    findings: Vec<Finding>,
    unknown: Vec<(usize, Option<String>)>,
    patch: bool,
}

pub(super) fn judge(root: &Node, settings: &Settings, patch: bool) -> Verdict {
    let mut judge = Judge { settings, findings: Vec::new(), unknown: Vec::new(), patch };
    let value = judge.root(root);
    let accepted = !judge.findings.iter().any(|finding| finding.severity == "deny");
    Verdict { accepted, findings: judge.findings, value: value.filter(|_| accepted) }
}

impl Judge<'_> {
    fn severity(&self, rule: &str) -> String {
        let default = SEVERITIES.iter().find(|(id, ..)| *id == rule).expect("a rule of the table");
        let default = if self.settings.strict { default.2 } else { default.1 };
        self.settings.severities.get(rule).cloned().unwrap_or_else(|| default.to_owned())
    }

    /// Notes a violation; true where its rule denies, shadow left aside.
    pub(super) fn add(&mut self, rule: &str, target: Option<&str>) -> bool {
        let configured = self.severity(rule);
        let denies = configured == "deny";
        let severity = if denies && self.settings.shadow { "audit".to_owned() } else { configured };
        if severity != "off" {
            let target = target.map(str::to_owned);
            self.findings.push(Finding { rule: rule.to_owned(), severity, target, position: None });
        }
        denies
    }

    fn bad<T>(&mut self, rule: &str, target: &str) -> Read<T> {
        self.add(rule, Some(target));
        Read::Bad
    }

    /// An explicit null for an optional member.
    fn null<T>(&mut self, target: &str) -> Read<T> {
        if self.add("null-member", Some(target)) { Read::Void } else { Read::Absent }
    }

    /// A required member that is not there; in a patch nothing is required.
    fn missing<T>(&mut self, node: Option<&Node>, rule: &str, target: &str) -> Read<T> {
        match (self.patch, node) {
            (true, None) => Read::Absent,
            (true, Some(_)) => self.null(target),
            (false, _) => self.bad(rule, target),
        }
    }

    fn strangers(&mut self, node: &Node, contract: &[&str], parent: &str) {
        let Node::Object(members) = node else { return };
        for Member { name, at, .. } in members {
            if contract.contains(&name.as_str()) {
                continue;
            }
            let plain = (1..=64).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$.-".contains(&byte));
            let target = match (plain, parent) {
                (true, "") => Some(name.clone()),
                (true, parent) => Some(format!("{parent}.{name}")),
                (false, "") => None,
                (false, parent) => Some(parent.to_owned()),
            };
            self.unknown.push((*at, target));
        }
    }

    fn root(&mut self, root: &Node) -> Option<String> {
        let is_empty = matches!(root, Node::Object(members) if members.is_empty());
        let state = if self.patch { self.state(get(root, "state")) } else { Read::Absent };
        let job_type = self.word(get(root, "type"), "type", "type-missing", "type-invalid", &TYPES);
        let name = if self.patch { self.fixed(root, "name") } else { self.name(get(root, "name")) };
        let cost = self.cost(get(root, "costEstimationParameters"));
        let workspace = if self.patch {
            self.fixed(root, "workspaceId")
        } else {
            self.id(get(root, "workspaceId"), "workspaceId", "workspace-id")
        };
        let inputs = if self.patch {
            self.fixed(root, "inputs");
            Read::Absent
        } else {
            self.inputs(get(root, "inputs"))
        };
        let settings = self.settings(get(root, "settings"));
        self.strangers(root, if self.patch { PATCH } else { JOB }, "");
        let mut unknown = std::mem::take(&mut self.unknown);
        unknown.sort();
        for (_, target) in unknown {
            self.add("unknown-member", target.as_deref());
        }
        if self.patch {
            if is_empty {
                self.add("patch-empty", None);
            }
            return written_patch(&state, &job_type, &cost, &settings);
        }
        self.meaning(&job_type, &cost, &inputs, &settings);
        written_job(&job_type, &name, &cost, &workspace, &inputs, &settings)
    }

    /// A member that a patch cannot change; its value is not judged.
    fn fixed(&mut self, root: &Node, name: &str) -> Read<String> {
        if get(root, name).is_some() {
            self.add("patch-member", Some(name));
        }
        Read::Absent
    }

    fn state(&mut self, node: Option<&Node>) -> Read<String> {
        let text = match node {
            None => return Read::Absent,
            Some(Node::Null) => return self.null("state"),
            Some(Node::Text(text)) => text,
            Some(_) => return self.bad("state-invalid", "state"),
        };
        match ["Active", "Cancelled"].into_iter().find(|word| word.eq_ignore_ascii_case(text)) {
            None => self.bad("state-invalid", "state"),
            Some(word) => {
                let denied = word != text && self.add("state-case", Some("state"));
                Read::Good(word.to_owned(), !denied)
            }
        }
    }

    fn word(
        &mut self,
        node: Option<&Node>,
        target: &str,
        missing: &str,
        invalid: &str,
        words: &[&str],
    ) -> Read<String> {
        match node {
            None | Some(Node::Null) => self.missing(node, missing, target),
            Some(Node::Text(text)) if words.contains(&text.as_str()) => Read::Good(text.clone(), true),
            Some(_) => self.bad(invalid, target),
        }
    }

    fn name(&mut self, node: Option<&Node>) -> Read<String> {
        match node {
            None | Some(Node::Null) => self.bad("name-missing", "name"),
            Some(Node::Text(text))
                if !text.chars().all(char::is_whitespace) && !text.chars().any(char::is_control) =>
            {
                let long = text.chars().count() > self.settings.name_chars;
                let denied = long && self.add("name-too-long", Some("name"));
                Read::Good(text.clone(), !denied)
            }
            Some(_) => self.bad("name-invalid", "name"),
        }
    }

    fn id(&mut self, node: Option<&Node>, target: &str, rule: &str) -> Read<String> {
        match node {
            None | Some(Node::Null) => self.bad(&format!("{rule}-missing"), target),
            Some(Node::Text(text)) if is_guid(text) => Read::Good(text.to_lowercase(), true),
            Some(_) => self.bad(&format!("{rule}-invalid"), target),
        }
    }

    fn cost(&mut self, node: Option<&Node>) -> Read<Cost> {
        const PATH: &str = "costEstimationParameters";
        let node = match node {
            None => return Read::Absent,
            Some(Node::Null) => return self.null(PATH),
            Some(node @ Node::Object(_)) => node,
            Some(_) => return self.bad("cost-parameters-invalid", PATH),
        };
        let cost = Cost {
            giga_pixels: self.quantity(get(node, "gigaPixels"), "gigaPixels", "giga-pixels"),
            mega_points: self.quantity(get(node, "megaPoints"), "megaPoints", "mega-points"),
            mesh_quality: self.mesh_quality(get(node, "meshQuality")),
        };
        self.strangers(node, COST, PATH);
        Read::Good(cost, true)
    }

    fn quantity(&mut self, node: Option<&Node>, name: &str, rule: &str) -> Read<String> {
        let target = format!("costEstimationParameters.{name}");
        match node {
            None => Read::Absent,
            Some(Node::Null) => self.null(&target),
            Some(Node::Number(text)) => match decimal(text) {
                Some(number) => Read::Good(number, true),
                None => self.bad(&format!("{rule}-invalid"), &target),
            },
            Some(Node::Text(text)) if is_plain_decimal(text) => match decimal(text) {
                Some(number) => {
                    let denied = self.add(&format!("{rule}-text"), Some(&target));
                    Read::Good(number, !denied)
                }
                None => self.bad(&format!("{rule}-invalid"), &target),
            },
            Some(_) => self.bad(&format!("{rule}-invalid"), &target),
        }
    }

    fn mesh_quality(&mut self, node: Option<&Node>) -> Read<String> {
        const TARGET: &str = "costEstimationParameters.meshQuality";
        match node {
            None => Read::Absent,
            Some(Node::Null) => self.null(TARGET),
            Some(Node::Text(text)) if text == "Unknown" => {
                if self.add("mesh-quality-unknown", Some(TARGET)) {
                    Read::Void
                } else {
                    Read::Absent
                }
            }
            Some(Node::Text(text)) if QUALITIES.contains(&text.as_str()) => Read::Good(text.clone(), true),
            Some(_) => self.bad("mesh-quality-invalid", TARGET),
        }
    }

    fn inputs(&mut self, node: Option<&Node>) -> Read<Vec<Input>> {
        let list = match node {
            None | Some(Node::Null) => return self.bad("inputs-missing", "inputs"),
            Some(Node::List(list)) if list.is_empty() => return self.bad("inputs-empty", "inputs"),
            Some(Node::List(list)) => list,
            Some(_) => return self.bad("inputs-invalid", "inputs"),
        };
        if list.len() > self.settings.inputs {
            return self.bad("inputs-too-many", "inputs");
        }
        let mut inputs = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let (mut good, mut sound) = (true, true);
        for (index, node) in list.iter().enumerate() {
            let path = format!("inputs[{index}]");
            if !matches!(node, Node::Object(_)) {
                self.add("input-invalid", Some(&path));
                good = false;
                continue;
            }
            let target = format!("{path}.id");
            let id = self.id(get(node, "id"), &target, "input-id");
            if let Some(id) = id.value() {
                if seen.contains(id) {
                    sound &= !self.add("input-duplicate", Some(&target));
                }
                seen.push(id.clone());
            }
            let target = format!("{path}.description");
            let description = match get(node, "description") {
                None => Read::Absent,
                Some(Node::Null) => self.null(&target),
                Some(Node::Text(text)) => Read::Good(text.clone(), true),
                Some(_) => self.bad("input-description-invalid", &target),
            };
            self.strangers(node, INPUT, &path);
            good &= id.value().is_some() && !matches!(description, Read::Bad);
            sound &= !matches!(description, Read::Void);
            inputs.push(Input { id, description });
        }
        if good { Read::Good(inputs, sound) } else { Read::Bad }
    }

    fn settings(&mut self, node: Option<&Node>) -> Read<Parts> {
        let node = match node {
            None | Some(Node::Null) => return self.missing(node, "settings-missing", "settings"),
            Some(node @ Node::Object(_)) => node,
            Some(_) => return self.bad("settings-invalid", "settings"),
        };
        let quality = self.word(
            get(node, "quality"),
            "settings.quality",
            "quality-missing",
            "quality-invalid",
            &QUALITIES,
        );
        let engines = self.engines(get(node, "processingEngines"));
        let outputs = self.outputs(get(node, "outputs"));
        let cache = self.cache(get(node, "cacheSettings"));
        self.strangers(node, SETTINGS, "settings");
        Read::Good(Parts { quality, engines, outputs, cache }, true)
    }

    fn engines(&mut self, node: Option<&Node>) -> Read<String> {
        const TARGET: &str = "settings.processingEngines";
        let text = match node {
            None => return Read::Absent,
            Some(Node::Null) => return self.null(TARGET),
            Some(Node::Number(text)) => text,
            Some(_) => return self.bad("engines-invalid", TARGET),
        };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u64>().ok().filter(|number| plain && *number <= 2_147_483_647);
        let Some(number) = number else { return self.bad("engines-invalid", TARGET) };
        let over = self.settings.engines.is_some_and(|limit| number > limit);
        let denied = over && self.add("engines-over-limit", Some(TARGET));
        Read::Good(number.to_string(), !denied)
    }

    fn outputs(&mut self, node: Option<&Node>) -> Read<Vec<String>> {
        const PATH: &str = "settings.outputs";
        let list = match node {
            None | Some(Node::Null) => return self.missing(node, "outputs-missing", PATH),
            Some(Node::List(list)) if list.is_empty() => return self.bad("outputs-empty", PATH),
            Some(Node::List(list)) => list,
            Some(_) => return self.bad("outputs-invalid", PATH),
        };
        let mut outputs: Vec<String> = Vec::new();
        let (mut good, mut sound) = (true, true);
        for (index, node) in list.iter().enumerate() {
            let target = format!("{PATH}[{index}]");
            match node {
                Node::Text(text) if FORMATS.contains(&text.as_str()) => {
                    if outputs.contains(text) {
                        sound &= !self.add("output-duplicate", Some(&target));
                    }
                    outputs.push(text.clone());
                }
                _ => {
                    self.add("output-invalid", Some(&target));
                    good = false;
                }
            }
        }
        if good { Read::Good(outputs, sound) } else { Read::Bad }
    }

    fn cache(&mut self, node: Option<&Node>) -> Read<Cache> {
        const PATH: &str = "settings.cacheSettings";
        let node = match node {
            None => return Read::Absent,
            Some(Node::Null) => return self.null(PATH),
            Some(node @ Node::Object(_)) => node,
            Some(_) => return self.bad("cache-settings-invalid", PATH),
        };
        let target = format!("{PATH}.createCache");
        let create = match get(node, "createCache") {
            None => Read::Absent,
            Some(Node::Null) => self.null(&target),
            Some(Node::Bool(word)) => Read::Good(*word, true),
            Some(Node::Text(text)) if ["True", "False", "true", "false"].contains(&text.as_str()) => {
                let denied = self.add("create-cache-text", Some(&target));
                Read::Good(text.eq_ignore_ascii_case("true"), !denied)
            }
            Some(_) => self.bad("create-cache-invalid", &target),
        };
        let target = format!("{PATH}.useCache");
        let used = match get(node, "useCache") {
            None => Read::Absent,
            Some(Node::Null) => self.null(&target),
            Some(Node::Text(text)) if text.is_empty() => {
                if self.add("use-cache-empty", Some(&target)) {
                    Read::Void
                } else {
                    Read::Absent
                }
            }
            Some(Node::Text(text)) if is_guid(text) => Read::Good(text.to_lowercase(), true),
            Some(_) => self.bad("use-cache-invalid", &target),
        };
        self.strangers(node, CACHE, PATH);
        Read::Good(Cache { create, used }, true)
    }
}
