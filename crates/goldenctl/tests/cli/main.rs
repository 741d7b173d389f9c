//! The command line, as a person and as a program meet it. These tests need root, and no engine.

mod answers;
mod collecting;
mod ground;
mod machine;
mod refusals;
