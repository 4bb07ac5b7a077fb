//! The exact wire form of what was read.

use std::fmt::Write as _;

use super::read::{Cost, Input, Parts, Read};

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

pub(super) fn written_job(
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

pub(super) fn written_patch(
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
