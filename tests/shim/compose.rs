//! Projects of compose in front of a shared builder.

mod building;
mod project;
mod starting;
