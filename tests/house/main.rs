//! The house: what the workspace promises about its own shape.

mod arrows;
mod defects;
mod fences;
mod map;
mod sources;
