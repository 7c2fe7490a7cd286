//! Made by `cargo xtask codegen`; names, members and values are the wire's own, so they carry no docs here.

#![allow(missing_docs)]

#[rustfmt::skip]
pub mod actions;
#[rustfmt::skip]
pub mod enums;
#[rustfmt::skip]
pub mod inputs;
#[rustfmt::skip]
pub mod outputs;
#[rustfmt::skip]
pub(crate) mod shapes;
#[rustfmt::skip]
pub mod structures;
