//! How a request ends before its answer was passed on.

use pingora::Error;

use crate::phase::collect::Uncollected;
use crate::rejection::Rejection;

/// Why a request ends early.
pub(crate) enum Ending {
    /// With a no.
    Refused(Rejection),
    /// Without an answer: the client is gone.
    Broken(Box<Error>),
    /// In the midst of an answer: upstream has cut off its own.
    Torn(Box<Error>),
}

impl From<Rejection> for Ending {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<Box<Error>> for Ending {
    fn from(error: Box<Error>) -> Self {
        Self::Broken(error)
    }
}

impl From<Uncollected> for Ending {
    fn from(why: Uncollected) -> Self {
        match why {
            Uncollected::Refused(rejection) => Self::Refused(rejection),
            Uncollected::Gone(error) => Self::Broken(error),
        }
    }
}
