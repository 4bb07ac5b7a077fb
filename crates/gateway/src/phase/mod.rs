//! The steps of a request, one file each, in order: route, head, collect, admit, forward, settle, meter; and `look_up`, for a
//! job that was made elsewhere, and `stream`, for an answer that is passed through.

pub(crate) mod admit;
pub(crate) mod collect;
pub(crate) mod forward;
pub(crate) mod head;
pub(crate) mod look_up;
pub(crate) mod meter;
pub(crate) mod route;
pub(crate) mod settle;
pub(crate) mod stream;
