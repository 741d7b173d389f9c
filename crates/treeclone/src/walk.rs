//! What copying and removing a tree have in common: folders that are worked on by several threads,
//! the threads, and their pace.

pub(crate) mod crew;
pub(crate) mod folder;
pub(crate) mod pace;
mod queue;
