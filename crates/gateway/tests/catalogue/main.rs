//! The catalogue of attacks, accidents and outages, tried on a running gate: one test for each line of the table in SECURITY.md,
//! named after it, with its cases counted. `cargo xtask catalogue` runs it and prints the table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_for_each,
    clippy::type_complexity,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, tells its figures, and may be asked by the environment for larger ones"
)]

#[path = "../support/mod.rs"]
mod support;

mod a_codings;
mod a_framing;
mod a_messages;
mod a_upstream;
mod after;
mod b_crowds;
mod b_http2;
mod b_resources;
mod c_content;
mod d_documents;
mod d_values;
mod e_fields;
mod e_routing;
mod f_conformance;
mod f_crowds;
mod f_http2;
mod frames;
mod g_records;
mod judge;
mod k_certificates;
mod k_lifecycle;
mod l_arithmetic;
mod scene;
