//! What the benches share: the bodies they judge, and the typed parse that is the floor they compare with.

use std::fmt::Write as _;

use serde::Deserialize;

/// The published example, as the page shows it.
pub const PUBLISHED: &str = r#"{
    "type": "Full",
    "name": "My first Reality Modeling job",
    "costEstimationParameters": {
        "gigaPixels": 2.5,
        "megaPoints": 1.5,
        "meshQuality": "Extra"
    },
    "inputs": [{
            "id": "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4",
            "description": "Drone ImageCollection"
        },
        {
            "id": "dc65ce7d-2598-422f-97a5-5ae8eb004b67",
            "description": "Drone CCOrientations"
        }
    ],
    "workspaceId": "6881117d-9fd2-4900-870b-9b721dc90f25",
    "settings": {
        "quality": "Extra",
        "processingEngines": 5,
        "outputs": [
            "OBJ", "3MX"
        ]
    }
}"#;

/// A job with so many inputs, written without white space.
pub fn with_inputs(count: usize) -> String {
    let mut inputs = String::new();
    for n in 0..count {
        let comma = if n == 0 { "" } else { "," };
        let _ =
            write!(inputs, r#"{comma}{{"id":"58e0c0ca-f730-4e5b-808d-{n:012x}","description":"part {n}"}}"#);
    }
    format!(
        r#"{{"type":"Full","name":"Large","costEstimationParameters":{{"gigaPixels":2.5,"megaPoints":1.5,"meshQuality":"Extra"}},"inputs":[{inputs}],"workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","settings":{{"quality":"Extra","processingEngines":5,"outputs":["OBJ","3MX"]}}}}"#
    )
}

/// The published example with five faults.
pub fn five_faults() -> String {
    PUBLISHED
        .replace("\"Full\"", "\"full\"")
        .replace("My first Reality Modeling job", " ")
        .replace("6881117d-9fd2-4900-870b-9b721dc90f25", "6881117d")
        .replace("\"quality\": \"Extra\"", "\"quality\": \"Best\"")
        .replace("\"3MX\"", "\"3mx\"")
}

/// So many bytes that are wrong only at their end: nested arrays and members nobody knows.
pub fn hostile(size: usize) -> String {
    let mut body = PUBLISHED.trim_end().trim_end_matches('}').to_owned();
    let mut n = 0;
    while body.len().saturating_add(600) < size {
        let _ = write!(body, r#","\u0061{n}":[{{"b":[1.5e3,"{}"]}}]"#, "é".repeat(256));
        n += 1;
    }
    body.push_str(",\"a0\":1}");
    body
}

/// The published example with so many bytes of further inputs; up to a MiB, where the items of a body run out.
pub fn of_bytes(size: usize) -> String {
    let (before, after) = PUBLISHED.split_once("[{").unwrap_or_default();
    let mut body = format!("{before}[");
    let description = "d".repeat(300);
    let mut n = 0;
    while body.len().saturating_add(after.len()) < size {
        let _ = write!(body, r#"{{"id":"58e0c0ca-f730-4e5b-908d-{n:012x}","description":"{description}"}},"#);
        n += 1;
    }
    body + "{" + after
}

/// The job as an ordinary service would read it: owned texts and enums.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, missing_docs, reason = "only what parsing it costs matters")]
pub struct Typed {
    #[serde(rename = "type")]
    pub job_type: TypedKind,
    pub name: String,
    pub cost_estimation_parameters: Option<TypedCost>,
    pub workspace_id: String,
    pub inputs: Vec<TypedInput>,
    pub settings: TypedSettings,
}

#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "see `Typed`")]
pub enum TypedKind {
    Full,
    Calibration,
    Reconstruction,
}

#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "see `Typed`")]
pub enum TypedQuality {
    Draft,
    Medium,
    Extra,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "see `Typed`")]
pub struct TypedCost {
    pub giga_pixels: Option<f64>,
    pub mega_points: Option<f64>,
    pub mesh_quality: Option<TypedQuality>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see `Typed`")]
pub struct TypedInput {
    pub id: String,
    pub description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "see `Typed`")]
pub struct TypedSettings {
    pub quality: TypedQuality,
    pub processing_engines: Option<i32>,
    pub outputs: Vec<TypedFormat>,
    pub cache_settings: Option<TypedCache>,
}

#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "see `Typed`")]
pub enum TypedFormat {
    #[serde(rename = "CCOrientations")]
    CcOrientations,
    #[serde(rename = "3MX")]
    ThreeMx,
    #[serde(rename = "3SM")]
    ThreeSm,
    #[serde(rename = "WebReady ScalableMesh")]
    WebReadyScalableMesh,
    #[serde(rename = "Cesium 3D Tiles")]
    Cesium3dTiles,
    #[serde(rename = "POD")]
    Pod,
    #[serde(rename = "Orthophoto/DSM")]
    OrthophotoDsm,
    #[serde(rename = "LAS")]
    Las,
    #[serde(rename = "FBX")]
    Fbx,
    #[serde(rename = "OBJ")]
    Obj,
    #[serde(rename = "ESRI i3s")]
    EsriI3s,
    #[serde(rename = "DGN")]
    Dgn,
    #[serde(rename = "LODTreeExport")]
    LodTreeExport,
    #[serde(rename = "PLY")]
    Ply,
    #[serde(rename = "OPC")]
    Opc,
    #[serde(rename = "OMR")]
    Omr,
    ContextScene,
    GaussianSplats,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "see `Typed`")]
pub struct TypedCache {
    pub create_cache: Option<bool>,
    pub use_cache: Option<String>,
}
