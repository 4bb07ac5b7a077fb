//! The three qualities a job can run at.

crate::word::words! {
    /// How finely a job computes: `settings.quality` and `costEstimationParameters.meshQuality`.
    ///
    /// ```
    /// use job_model::Quality;
    /// assert_eq!(Quality::Extra.as_str(), "Extra");
    /// assert_eq!(Quality::from_wire("Unknown"), None);
    /// ```
    Quality, 3 {
        /// The coarsest and cheapest.
        Draft = "Draft",
        /// In between.
        Medium = "Medium",
        /// The finest.
        Extra = "Extra",
    }
}
