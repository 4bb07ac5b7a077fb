//! The formats a job can be asked to produce, and sets of them.

crate::word::words! {
    /// An output format: an element of `settings.outputs`.
    ///
    /// ```
    /// use job_model::OutputFormat;
    /// assert_eq!(OutputFormat::OrthophotoDsm.as_str(), "Orthophoto/DSM");
    /// assert_eq!(OutputFormat::from_wire("Cesium3DTiles"), None);
    /// ```
    OutputFormat, 18 {
        /// Photograph positions and orientations.
        CcOrientations = "CCOrientations",
        /// Open mesh, for the web and the desktop.
        ThreeMx = "3MX",
        /// Scalable mesh file.
        ThreeSm = "3SM",
        /// Web-streamable form of the scalable mesh.
        WebReadyScalableMesh = "WebReady ScalableMesh",
        /// A Cesium 3D tileset.
        Cesium3dTiles = "Cesium 3D Tiles",
        /// Pointools point cloud.
        Pod = "POD",
        /// Orthophoto with its elevation model.
        OrthophotoDsm = "Orthophoto/DSM",
        /// LAS point cloud.
        Las = "LAS",
        /// Autodesk FBX mesh.
        Fbx = "FBX",
        /// Wavefront OBJ mesh.
        Obj = "OBJ",
        /// ESRI scene layer.
        EsriI3s = "ESRI i3s",
        /// DGN mesh.
        Dgn = "DGN",
        /// Multi-level mesh tree.
        LodTreeExport = "LODTreeExport",
        /// PLY point cloud.
        Ply = "PLY",
        /// Orbit point cloud.
        Opc = "OPC",
        /// Orbit mapping run.
        Omr = "OMR",
        /// A context scene.
        ContextScene = "ContextScene",
        /// Gaussian splats.
        GaussianSplats = "GaussianSplats",
    }
}

impl OutputFormat {
    const fn bit(self) -> u32 {
        match self {
            Self::CcOrientations => 1,
            Self::ThreeMx => 1 << 1,
            Self::ThreeSm => 1 << 2,
            Self::WebReadyScalableMesh => 1 << 3,
            Self::Cesium3dTiles => 1 << 4,
            Self::Pod => 1 << 5,
            Self::OrthophotoDsm => 1 << 6,
            Self::Las => 1 << 7,
            Self::Fbx => 1 << 8,
            Self::Obj => 1 << 9,
            Self::EsriI3s => 1 << 10,
            Self::Dgn => 1 << 11,
            Self::LodTreeExport => 1 << 12,
            Self::Ply => 1 << 13,
            Self::Opc => 1 << 14,
            Self::Omr => 1 << 15,
            Self::ContextScene => 1 << 16,
            Self::GaussianSplats => 1 << 17,
        }
    }
}

/// A set of output formats.
///
/// ```
/// use job_model::{OutputFormat, OutputSet};
/// let mut set = OutputSet::default();
/// assert!(set.insert(OutputFormat::Obj));
/// assert!(!set.insert(OutputFormat::Obj), "already in it");
/// assert_eq!(set.iter().collect::<Vec<_>>(), [OutputFormat::Obj]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OutputSet(u32);

impl OutputSet {
    /// Adds a format; false if it was there already.
    pub const fn insert(&mut self, format: OutputFormat) -> bool {
        let new = !self.contains(format);
        self.0 |= format.bit();
        new
    }

    /// Whether the format is in the set.
    pub const fn contains(self, format: OutputFormat) -> bool {
        self.0 & format.bit() != 0
    }

    /// Whether any format is in both sets.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The formats that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The formats in published order.
    pub fn iter(self) -> impl Iterator<Item = OutputFormat> {
        OutputFormat::ALL.into_iter().filter(move |format| self.contains(*format))
    }
}

impl FromIterator<OutputFormat> for OutputSet {
    fn from_iter<I: IntoIterator<Item = OutputFormat>>(formats: I) -> Self {
        let mut set = Self::default();
        for format in formats {
            set.insert(format);
        }
        set
    }
}
