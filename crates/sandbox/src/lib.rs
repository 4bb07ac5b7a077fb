//! A small in-memory copy of the Reality Modeling API v1, with faults on request: for trying things out, and for tests.
//!
//! All ten operations answer with the documented statuses, bodies and errors, below `/contextcapture` and below `/`.
//! Any `Authorization: Bearer …` is let in. What it does where the documents are silent:
//! * every workspace and every iTwin exists, except the nil GUID and what is no GUID;
//! * a run succeeds after a set time, and its outputs get their identifiers then;
//! * the estimate is gigapixels plus megapoints to the nearest half.
//!
//! Faults come from [`Builder::fault`], from the header `x-sandbox-fault`, or from `POST /sandbox/faults` with a list of
//! texts; `DELETE /sandbox/faults` clears them and `GET /sandbox/journal` tells what came.
//!
//! ```no_run
//! use sandbox::{Fault, Sandbox};
//!
//! # fn main() -> std::io::Result<()> {
//! let running = Sandbox::builder().fault(Fault::Cut.times(1)).start_blocking(([127, 0, 0, 1], 0).into())?;
//! assert_eq!(running.journal().total(), 0);
//! # Ok(())
//! # }
//! ```

mod answer;
mod clock;
mod cost;
mod fault;
mod filter;
mod front;
mod journal;
mod life;
mod plan;
mod raw;
mod routes;
mod server;
mod shared;
mod store;
mod view;

pub use clock::{Clock, ManualClock, SystemClock};
pub use fault::{Fault, Injection, StatusFault, UnknownFault};
pub use journal::{Entry, Journal, Sent};
pub use server::{Builder, Running, Sandbox};
