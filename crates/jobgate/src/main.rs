//! The jobgate command line.
fn main() {}
