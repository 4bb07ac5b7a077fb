//! The rules of meaning.

use super::job::Judge;
use super::read::{Cost, Input, Parts, Read};

impl Judge<'_> {
    pub(super) fn meaning(
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
