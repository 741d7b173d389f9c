//! Flags of buildx, 0.10 and later. Those of its `build` are in the table of docker's.

use super::{switch, value};
use crate::argv::Flag;

/// Before the command.
pub(super) static GLOBAL: &[Flag] = &[value("builder"), switch("debug").or(b'D')];

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
    switch("print"),
    value("progress"),
    value("provenance"),
    switch("pull"),
    switch("push"),
    value("sbom"),
    value("set"),
];
