//! What clients send and get: AWS JSON 1.1 bodies, Signature Version 4, and errors.
//!
//! Pure: no I/O, no clock, no randomness; the caller hands in bytes, keys and the time.
//!
//! A request passes through in this order:
//! [`sigv4::Claim::read`] → [`sigv4::Claim::check`] → look up the key → [`sigv4::Scoped::verify`] →
//! [`protocol::action`] → [`protocol::decode`] → [`protocol::Call::input`] → [`protocol::Response::ok`] or
//! [`error::Error::to_response`].

#![forbid(unsafe_code)]

mod action;
pub mod error;
pub mod generated;
pub mod names;
pub mod page_token;
pub mod protocol;
mod shape;
pub mod sigv4;
pub mod validate;
mod wire;

/// The generated requests, results, structures and enums, and the two types they are made of.
pub mod types {
    pub use crate::{
        generated::{enums::*, inputs::*, outputs::*, structures::*},
        wire::{Sensitive, Timestamp},
    };
}

pub use error::{Error, ErrorCode};
pub use generated::actions::Action;
