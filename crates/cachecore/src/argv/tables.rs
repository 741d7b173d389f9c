//! The commands that something is done with, and all flags that decide what their words are.
//!
//! A table is the union of a command's flags in all versions: none of them has changed whether it takes a
//! value. `scripts/grammar` compares with what the installed programs say about themselves.

mod buildx;
mod compose;
mod docker;

use super::{Flag, Program};

const fn switch(long: &'static str) -> Flag {
    Flag::switch(long)
}

const fn value(long: &'static str) -> Flag {
    Flag::value(long)
}

/// A command, and those below it.
#[derive(Debug)]
pub struct Node {
    /// Its name and its aliases.
    pub names: &'static [&'static str],
    tables: &'static [&'static [Flag]],
    children: &'static [&'static Node],
    order: Order,
}

/// Whether flags may follow words that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// They may.
    Mixed,
    /// The first other word ends them: of a command that has more below it, or that runs what follows.
    FlagsFirst,
}

impl Node {
    /// Its flags.
    pub fn flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.tables.iter().flat_map(|table| table.iter())
    }

    /// Its tables, each sorted by name.
    pub fn tables(&self) -> &'static [&'static [Flag]] {
        self.tables
    }

    /// The commands below it.
    pub fn children(&self) -> impl Iterator<Item = &'static Node> {
        self.children.iter().copied()
    }

    pub(super) fn child(&self, word: &[u8]) -> Option<&'static Node> {
        self.children()
            .find(|child| child.names.iter().any(|name| name.as_bytes() == word))
    }

    pub(super) fn mixes(&self) -> bool {
        self.order == Order::Mixed
    }
}

/// The commands of a program.
pub fn root(program: Program) -> &'static Node {
    match program {
        Program::Docker => &DOCKER,
        Program::Buildx => &BUILDX,
        Program::Compose => &STANDALONE_COMPOSE,
    }
}

const fn leaf(
    names: &'static [&'static str],
    tables: &'static [&'static [Flag]],
    order: Order,
) -> Node {
    Node {
        names,
        tables,
        children: &[],
        order,
    }
}

const fn branch(
    names: &'static [&'static str],
    tables: &'static [&'static [Flag]],
    children: &'static [&'static Node],
) -> Node {
    Node {
        names,
        tables,
        children,
        order: Order::FlagsFirst,
    }
}

static DOCKER: Node = branch(
    &["docker"],
    &[docker::GLOBAL],
    &[
        &BUILD, &BAKE, &RUN, &CREATE, &IMAGE, &BUILDER, &CONTAINER, &BUILDX, &COMPOSE,
    ],
);
static IMAGE: Node = branch(&["image"], &[], &[&BUILD]);
// The CLI hands `docker builder` to buildx as it is.
static BUILDER: Node = branch(
    &["builder"],
    &[buildx::GLOBAL],
    &[&BUILDX_BUILD, &BUILDX_BAKE],
);
static CONTAINER: Node = branch(&["container"], &[], &[&RUN, &CREATE]);
static BUILD: Node = leaf(&["build"], &[docker::BUILD], Order::Mixed);
static BAKE: Node = leaf(&["bake"], &[buildx::GLOBAL, buildx::BAKE], Order::Mixed);
static RUN: Node = leaf(
    &["run"],
    &[docker::CONTAINER, docker::RUN],
    Order::FlagsFirst,
);
static CREATE: Node = leaf(&["create"], &[docker::CONTAINER], Order::FlagsFirst);

static BUILDX: Node = branch(
    &["buildx"],
    &[buildx::GLOBAL],
    &[&BUILDX_BUILD, &BUILDX_BAKE],
);
static BUILDX_BUILD: Node = leaf(&["build", "b"], &[docker::BUILD], Order::Mixed);
static BUILDX_BAKE: Node = leaf(
    &["bake", "f"],
    &[buildx::GLOBAL, buildx::BAKE],
    Order::Mixed,
);

const COMPOSE_COMMANDS: &[&Node] = &[
    &COMPOSE_BUILD,
    &COMPOSE_UP,
    &COMPOSE_CREATE,
    &COMPOSE_RUN,
    &COMPOSE_WATCH,
    &COMPOSE_SCALE,
];
static COMPOSE: Node = branch(&["compose"], &[compose::GLOBAL], COMPOSE_COMMANDS);
static STANDALONE_COMPOSE: Node = branch(
    &["docker-compose"],
    &[compose::GLOBAL, compose::STANDALONE_GLOBAL],
    COMPOSE_COMMANDS,
);
static COMPOSE_BUILD: Node = leaf(&["build"], &[compose::BUILD], Order::Mixed);
static COMPOSE_UP: Node = leaf(&["up"], &[compose::UP], Order::Mixed);
static COMPOSE_CREATE: Node = leaf(&["create"], &[compose::CREATE], Order::Mixed);
static COMPOSE_RUN: Node = leaf(&["run"], &[compose::RUN], Order::FlagsFirst);
static COMPOSE_WATCH: Node = leaf(&["watch"], &[compose::WATCH], Order::Mixed);
static COMPOSE_SCALE: Node = leaf(&["scale"], &[compose::SCALE], Order::Mixed);
