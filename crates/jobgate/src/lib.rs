//! The part of the command line that can be called: lint's engine, which judges job after job in constant memory.

pub mod judge;
pub mod stream;
