//! The gateway in front of the Reality Modeling API: judges, prices and counts jobs before they are forwarded.
//! The only crate that knows pingora.

mod access_log;
mod admin;
mod anchor;
mod back_off;
mod books;
mod calendar;
mod capacity;
mod chores;
mod clock;
pub mod config;
mod connections;
mod contact;
mod courier;
pub mod diagnostics;
mod door;
mod framing;
mod gate;
mod identity;
mod life;
mod lines;
mod metrics;
mod money;
mod outcome;
mod own_api;
mod phase;
mod proxy;
mod rates;
mod rejection;
mod relay;
mod repeat;
mod reply;
mod request_id;
mod server;
mod sink;
mod stake;
mod threads;
mod upstream;

pub use anchor::date;
pub use config::{Config, ConfigProblems};
pub use outcome::Decision;
pub use phase::admit::{Desk, Judged, Permit, decide};
pub use phase::head::{HeadLimits, scan_head};
pub use phase::route::{Route, route};
pub use rejection::{Fault, Invalid, NoBudget, Rejection, Sending, TokenFault};
pub use server::{Gateway, StartError, StopHandle};
