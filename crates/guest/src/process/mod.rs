//! Starting processes, hearing of their ends, and ending whole trees of them.

mod reaper;
#[allow(unsafe_code)]
mod spawn;
mod tree;

pub(crate) use reaper::{Exit, Reaper};
pub(crate) use spawn::{Identity, Program, adopt_orphans};
pub(crate) use tree::{end_tree, kill_tree};
