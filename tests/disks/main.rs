//! The store on a disk that is full, that can only be read, or that is pulled: a small ext4, really
//! full, really mounted for reading only, really shut down under the store. Every command says so in a
//! sentence and in bounded time; the earlier golden and the live session are what they were; and when
//! the disk is well again the same command and a collection give the same store as if nothing had
//! happened.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod commands;
mod full;
#[path = "../faults/picture.rs"]
mod picture;
mod program;
mod pulled;
mod read_only;
mod scene;
mod volume;
