//! Projects of compose in front of a shared builder.

mod building;
mod cache;
mod first;
mod naming;
mod project;
mod starting;
