//! What only the job tells that a change is made to: the rules of meaning of the job as it will be, and that it was submitted.

use crate::patch::JobPatch;
use crate::policy::Policy;
use crate::report::{Findings, Report};
use crate::rules::Rule;
use crate::target::Target;
use crate::verdict::Rejected;
use crate::wire::odd;
use crate::workload::Workload;
use crate::{Gigapixels, JobType, Megapoints};

/// It is the job that is underlined, of which the body may say nothing.
const OPENING: (u32, u32) = (0, 1);

impl JobPatch {
    /// Judges the change by the job that it is made to, behind what was found in its body. Of that job only what has a price is known:
    /// its inputs, which cannot be changed, are not, nor is a `meshQuality` that the change does not name itself.
    ///
    /// # Errors
    /// [`Rejected`], with every violation, where a rule denies.
    ///
    /// ```
    /// use job_model::{JobPatch, Policy, Rule, Workload};
    /// let job = serde_json::json!({"type":"Full","quality":"Extra","outputs":["OBJ"],"gigaPixels":"2.1"});
    /// let (job, policy) = (Workload::from_json(&job).unwrap(), Policy::default());
    /// let found = JobPatch::from_json(br#"{"costEstimationParameters":{"gigaPixels":0}}"#, &policy).unwrap();
    /// let patch = found.value().unwrap();
    /// let report = patch.judge_on(&job, false, found.report(), &policy).unwrap();
    /// assert_eq!(report.rules().collect::<Vec<_>>(), [Rule::CostParametersZero]);
    /// ```
    pub fn judge_on(
        &self,
        job: &Workload,
        is_submitted: bool,
        found: &Report,
        policy: &Policy,
    ) -> Result<Report, Rejected> {
        let mut findings = Findings::behind(found);
        let mut add = |rule, target, suggestion| {
            findings.add(policy, rule, target, OPENING, suggestion, 0);
        };
        let merged = self.merge_workload(job);
        if is_submitted {
            self.after_submit(&mut add);
        } else {
            self.meaning(&merged, &mut add);
        }
        let report = findings.into_report();
        if report.denies() { Err(Rejected { workload: Some(merged), report }) } else { Ok(report) }
    }

    fn after_submit(&self, add: &mut impl FnMut(Rule, Target, Option<&'static str>)) {
        let named = [
            (self.submits(), Target::State),
            (self.job_type.is_some(), Target::Type),
            (self.settings.is_some(), Target::Settings),
        ];
        for (_, target) in named.into_iter().filter(|(is_named, _)| *is_named) {
            add(Rule::ChangeAfterSubmit, target, None);
        }
    }

    fn meaning(&self, merged: &Workload, add: &mut impl FnMut(Rule, Target, Option<&'static str>)) {
        let estimated = self.cost_estimation_parameters.and_then(|cost| cost.mesh_quality);
        if estimated.is_some_and(|estimated| estimated != merged.quality) {
            add(Rule::MeshQualityMismatch, Target::MeshQuality, Some(merged.quality.as_str()));
        }
        match self.settings.as_ref().and_then(|settings| settings.outputs.as_ref()) {
            Some(outputs) => {
                for (index, format) in (0_u32..).zip(outputs) {
                    if let Some(rule) = odd(merged.job_type, *format) {
                        add(rule, Target::Output(index), None);
                    }
                }
            }
            // In which place they stand is not known.
            None => {
                if let Some(rule) = merged.outputs.iter().find_map(|format| odd(merged.job_type, format)) {
                    add(rule, Target::Outputs, None);
                }
            }
        }
        let pixels = merged.gigapixels.map(Gigapixels::is_zero);
        let points = merged.megapoints.map(Megapoints::is_zero);
        match (pixels, points) {
            (None, None) => add(Rule::CostParametersMissing, Target::Cost, None),
            (Some(true) | None, Some(true) | None) => add(Rule::CostParametersZero, Target::Cost, None),
            _ => {}
        }
        if merged.job_type == JobType::Calibration && points == Some(false) {
            add(Rule::MegaPointsInCalibration, Target::MegaPoints, None);
        }
    }
}
