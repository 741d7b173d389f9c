//! Flags of compose: 1.29, and 2.0 to 5.
//!
//! From `compose/cli/main.py` of 1.29.2, and `cmd/compose/*.go` of the releases 2.0.0 to 5.5.0 of github.com/docker/compose,
//! hidden flags and older names (`normalizeRunFlags`) among them; 2.26.1 is asked by `scripts/grammar`.

use super::{switch, value};
use crate::argv::Flag;

/// Before the command.
pub(super) static GLOBAL: &[Flag] = &[
    switch("all-resources"),
    value("ansi"),
    switch("compatibility"),
    switch("dry-run"),
    value("env-file"),
    value("file").or(b'f'),
    value("insecure-registry"),
    switch("no-ansi"),
    value("parallel"),
    value("profile"),
    value("progress"),
    value("project-directory"),
    value("project-name").or(b'p'),
    switch("verbose"),
    switch("version").or(b'v'),
    value("workdir"),
];

/// Before the command, of 1.29 alone.
pub(super) static STANDALONE_GLOBAL: &[Flag] = &[
    value("context").or(b'c'),
    value("host").or(b'H'),
    value("log-level"),
    switch("skip-hostname-check"),
    switch("tls"),
    value("tlscacert"),
    value("tlscert"),
    value("tlskey"),
    switch("tlsverify"),
];

/// Of `build`.
pub(super) static BUILD: &[Flag] = &[
    value("build-arg"),
    value("builder"),
    switch("check"),
    switch("compress"),
    switch("dry-run"),
    switch("force-rm"),
    value("memory").or(b'm'),
    switch("no-cache"),
    switch("no-rm"),
    switch("parallel"),
    switch("print"),
    value("progress"),
    value("provenance"),
    switch("pull"),
    switch("push"),
    switch("quiet").or(b'q'),
    value("sbom"),
    value("ssh"),
    switch("with-dependencies"),
];

/// Of `up`.
pub(super) static UP: &[Flag] = &[
    switch("abort-on-container-exit"),
    switch("abort-on-container-failure"),
    switch("always-recreate-deps"),
    value("attach"),
    switch("attach-dependencies"),
    switch("build"),
    switch("detach").or(b'd'),
    switch("dry-run"),
    value("exit-code-from"),
    switch("force-recreate"),
    switch("menu"),
    value("no-attach"),
    switch("no-build"),
    switch("no-color"),
    switch("no-deps"),
    switch("no-log-prefix"),
    switch("no-recreate"),
    switch("no-start"),
    value("pull"),
    switch("quiet-build"),
    switch("quiet-pull"),
    switch("remove-orphans"),
    switch("renew-anon-volumes").or(b'V'),
    value("scale"),
    value("timeout").or(b't'),
    switch("timestamps"),
    switch("wait"),
    value("wait-timeout"),
    switch("watch").or(b'w'),
    switch("y"),
    switch("yes").or(b'y'),
];

/// Of `create`.
pub(super) static CREATE: &[Flag] = &[
    switch("build"),
    switch("dry-run"),
    switch("force-recreate"),
    switch("no-build"),
    switch("no-recreate"),
    value("pull"),
    switch("quiet-build"),
    switch("quiet-pull"),
    switch("remove-orphans"),
    value("scale"),
    switch("y"),
    switch("yes").or(b'y'),
];

/// Of `run`.
pub(super) static RUN: &[Flag] = &[
    switch("build"),
    value("cap-add"),
    value("cap-drop"),
    switch("detach").or(b'd'),
    switch("dry-run"),
    value("entrypoint"),
    value("env").or(b'e'),
    value("env-from-file"),
    switch("interactive").or(b'i'),
    value("label").or(b'l'),
    value("labels"),
    value("name"),
    switch("no-TTY").or(b'T'),
    switch("no-deps"),
    switch("no-tty"),
    value("publish").or(b'p'),
    value("pull"),
    switch("quiet").or(b'q'),
    switch("quiet-build"),
    switch("quiet-pull"),
    switch("remove-orphans"),
    switch("rm"),
    switch("service-ports").or(b'P'),
    switch("tty").or(b't'),
    switch("use-aliases"),
    value("user").or(b'u'),
    value("volume").or(b'v'),
    value("volumes"),
    value("workdir").or(b'w'),
];

/// Of `watch`.
pub(super) static WATCH: &[Flag] = &[
    switch("dry-run"),
    switch("no-up"),
    switch("prune"),
    switch("quiet"),
];

/// Of `scale`.
pub(super) static SCALE: &[Flag] = &[switch("dry-run"), switch("no-deps")];
