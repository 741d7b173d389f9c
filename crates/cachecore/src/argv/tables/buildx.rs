//! Flags of buildx, 0.5 and later. Those of its `build` are in the table of docker's.
//!
//! From `commands/{root,bake}.go` of the releases 0.5 to 0.36 of github.com/docker/buildx; 0.13.1 is asked by
//! `scripts/grammar`.

use super::{switch, value};
use crate::argv::Flag;

/// Before the command.
pub(super) static GLOBAL: &[Flag] = &[value("builder"), switch("debug").or(b'D'), value("timeout")];

/// Of `bake`.
pub(super) static BAKE: &[Flag] = &[
    value("allow"),
    value("call"),
    switch("check"),
    value("file").or(b'f'),
    value("list"),
    switch("list-targets"),
    switch("list-variables"),
    switch("load"),
    value("metadata-file"),
    switch("no-cache"),
    value("policy"),
    switch("print"),
    value("progress"),
    value("provenance"),
    switch("pull"),
    switch("push"),
    value("sbom"),
    value("set"),
    value("var"),
];
