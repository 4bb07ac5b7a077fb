//! The three kinds of job.

crate::word::words! {
    /// What a job does: `type` on the wire.
    ///
    /// ```
    /// use job_model::JobType;
    /// assert_eq!(JobType::from_wire("Full"), Some(JobType::Full));
    /// assert_eq!(JobType::from_wire("full"), None);
    /// ```
    JobType, 3 {
        /// Calibration, then reconstruction.
        Full = "Full",
        /// Aerotriangulation alone: where the photographs were taken.
        Calibration = "Calibration",
        /// Production from inputs that are already calibrated.
        Reconstruction = "Reconstruction",
    }
}
