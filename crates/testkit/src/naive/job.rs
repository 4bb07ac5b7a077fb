//! The rules about members and meaning, over a parsed body.

use std::fmt::Write as _;

use super::json::{Member, Node};
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
const JOB: &[&str] = &["type", "name", "costEstimationParameters", "workspaceId", "inputs", "settings"];
const PATCH: &[&str] =
    &["state", "type", "settings", "costEstimationParameters", "name", "inputs", "workspaceId"];
const COST: &[&str] = &["gigaPixels", "megaPoints", "meshQuality"];
const INPUT: &[&str] = &["id", "description"];
const SETTINGS: &[&str] = &["quality", "processingEngines", "outputs", "cacheSettings"];
const CACHE: &[&str] = &["createCache", "useCache"];

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

fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Node::Object(members) = node else { return None };
    members.iter().find(|member| member.name == name).map(|member| &member.value)
}

/// How a member came out.
#[derive(Clone, Debug, PartialEq)]
enum Read<T> {
    /// Not there, or as good as not there.
    Absent,
    /// Read as if it were not there, though a rule denies that.
    Void,
    /// Right; false where a rule denies it all the same.
    Good(T, bool),
    /// Nothing can be made of it.
    Bad,
}

impl<T> Read<T> {
    /// What rules of meaning may rely on.
    fn sound(&self) -> Option<&T> {
        match self {
            Self::Good(value, true) => Some(value),
            _ => None,
        }
    }

    fn value(&self) -> Option<&T> {
        match self {
            Self::Good(value, _) => Some(value),
            _ => None,
        }
    }
}

struct Judge<'a> {
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
    fn add(&mut self, rule: &str, target: Option<&str>) -> bool {
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

    fn meaning(
        &mut self,
        job_type: &Read<String>,
        cost: &Read<Cost>,
        inputs: &Read<Vec<Input>>,
        settings: &Read<Parts>,
    ) {
        const COST: Option<&str> = Some("costEstimationParameters");
        let job_type = job_type.sound().map(String::as_str);
        let quality = settings.sound().and_then(|settings| settings.quality.sound());
        let mesh = cost.sound().and_then(|cost| cost.mesh_quality.sound());
        if quality.is_some() && mesh.is_some() && quality != mesh {
            self.add("mesh-quality-mismatch", Some("costEstimationParameters.meshQuality"));
        }
        if let Some(outputs) = settings.sound().and_then(|settings| settings.outputs.sound()) {
            for (index, output) in outputs.iter().enumerate() {
                let target = format!("settings.outputs[{index}]");
                if job_type == Some("Calibration")
                    && !["CCOrientations", "ContextScene"].contains(&output.as_str())
                {
                    self.add("calibration-outputs", Some(&target));
                }
                if job_type == Some("Reconstruction") && output == "CCOrientations" {
                    self.add("reconstruction-orientations", Some(&target));
                }
            }
        }
        if job_type == Some("Reconstruction") && inputs.sound().is_some_and(|inputs| inputs.len() == 1) {
            self.add("single-input", Some("inputs"));
        }
        let (pixels, points) = match cost {
            Read::Absent => (Read::Absent, Read::Absent),
            Read::Good(cost, true) => (cost.giga_pixels.clone(), cost.mega_points.clone()),
            _ => (Read::Bad, Read::Bad),
        };
        let nothing = |quantity: &Read<String>| match quantity {
            Read::Absent => true,
            Read::Good(text, true) => text == "0",
            _ => false,
        };
        if pixels == Read::Absent && points == Read::Absent {
            self.add("cost-parameters-missing", COST);
        } else if nothing(&pixels) && nothing(&points) {
            self.add("cost-parameters-zero", COST);
        }
        if job_type == Some("Calibration") && points.sound().is_some_and(|points| points != "0") {
            self.add("megapoints-in-calibration", Some("costEstimationParameters.megaPoints"));
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Cost {
    giga_pixels: Read<String>,
    mega_points: Read<String>,
    mesh_quality: Read<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Input {
    id: Read<String>,
    description: Read<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    quality: Read<String>,
    engines: Read<String>,
    outputs: Read<Vec<String>>,
    cache: Read<Cache>,
}

#[derive(Clone, Debug, PartialEq)]
struct Cache {
    create: Read<bool>,
    used: Read<String>,
}

fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'-' && byte != b'0')
}

fn is_plain_decimal(text: &str) -> bool {
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.bytes().filter(u8::is_ascii_digit).count();
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(digits) && count <= 40
}

/// The plain decimal of a number without a sign up to ten million: its digits, the point moved by hand.
fn decimal(text: &str) -> Option<String> {
    if text.starts_with('-') {
        return None;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let mut point = i64::try_from(whole.len()).ok()? + exponent;
    while point < 0 {
        digits.insert(0, '0');
        point += 1;
    }
    while usize::try_from(point).ok()? > digits.len() {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let above = whole.len() > 8 || (whole.len() == 8 && (whole != "10000000" || !fraction.is_empty()));
    if above {
        return None;
    }
    Some(rounded_up(whole, fraction))
}

/// At most 28 places and a mantissa below 2^96; what is cut off rounds up.
fn rounded_up(whole: &str, fraction: &str) -> String {
    let mut places = fraction.len().min(28);
    loop {
        let kept: u128 = format!("0{whole}{}", &fraction[..places]).parse().unwrap_or(u128::MAX);
        let more = fraction[places..].bytes().any(|byte| byte != b'0');
        let mantissa = kept.saturating_add(u128::from(more));
        if mantissa >= 1 << 96 {
            places -= 1;
            continue;
        }
        let digits = format!("{mantissa:0width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let fraction = fraction.trim_end_matches('0');
        return if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    }
}

/// A JSON string with the escapes that are needed.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The members that are there, as an object; none where one of them is bad.
fn object(members: Vec<(&str, Read<String>)>) -> Option<String> {
    let mut text = String::from("{");
    for (name, value) in members {
        match value {
            Read::Absent | Read::Void => {}
            Read::Bad => return None,
            Read::Good(value, _) => {
                let comma = if text.len() == 1 { "" } else { "," };
                let _ = write!(text, "{comma}\"{name}\":{value}");
            }
        }
    }
    Some(text + "}")
}

fn map<T>(read: &Read<T>, write: impl Fn(&T) -> Option<String>) -> Read<String> {
    match read {
        Read::Absent | Read::Void => Read::Absent,
        Read::Bad => Read::Bad,
        Read::Good(value, sound) => write(value).map_or(Read::Bad, |text| Read::Good(text, *sound)),
    }
}

fn text(read: &Read<String>) -> Read<String> {
    map(read, |value| Some(quoted(value)))
}

fn written_cost(cost: &Read<Cost>) -> Read<String> {
    map(cost, |cost| {
        object(vec![
            ("gigaPixels", cost.giga_pixels.clone()),
            ("megaPoints", cost.mega_points.clone()),
            ("meshQuality", text(&cost.mesh_quality)),
        ])
    })
}

fn written_settings(settings: &Read<Parts>) -> Read<String> {
    map(settings, |settings| {
        let outputs =
            map(&settings.outputs, |outputs| Some(serde_json::Value::from(outputs.clone()).to_string()));
        let cache = map(&settings.cache, |cache| {
            let create = map(&cache.create, |create| Some(create.to_string()));
            object(vec![("createCache", create), ("useCache", text(&cache.used))])
        });
        object(vec![
            ("quality", text(&settings.quality)),
            ("processingEngines", settings.engines.clone()),
            ("outputs", outputs),
            ("cacheSettings", cache),
        ])
    })
}

fn written_job(
    job_type: &Read<String>,
    name: &Read<String>,
    cost: &Read<Cost>,
    workspace: &Read<String>,
    inputs: &Read<Vec<Input>>,
    settings: &Read<Parts>,
) -> Option<String> {
    let inputs = map(inputs, |inputs| {
        let inputs: Option<Vec<String>> = inputs
            .iter()
            .map(|input| object(vec![("id", text(&input.id)), ("description", text(&input.description))]))
            .collect();
        Some(format!("[{}]", inputs?.join(",")))
    });
    object(vec![
        ("type", text(job_type)),
        ("name", text(name)),
        ("costEstimationParameters", written_cost(cost)),
        ("workspaceId", text(workspace)),
        ("inputs", inputs),
        ("settings", written_settings(settings)),
    ])
}

fn written_patch(
    state: &Read<String>,
    job_type: &Read<String>,
    cost: &Read<Cost>,
    settings: &Read<Parts>,
) -> Option<String> {
    object(vec![
        ("state", text(state)),
        ("type", text(job_type)),
        ("costEstimationParameters", written_cost(cost)),
        ("settings", written_settings(settings)),
    ])
}
