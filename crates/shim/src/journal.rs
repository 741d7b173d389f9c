//! What the shim says of itself, on stderr: nothing, unless `CACHECORE_LOG` is set or nothing else can
//! be done. With `debug` in it also which program is run.

use std::io::Write;

use crate::Environment;

/// Says something if anybody asked for it.
pub(crate) fn say(environment: &Environment, line: &str) {
    if environment.speaks {
        fail(line);
    }
}

/// Says a detail if all of them are wanted. What somebody has written as a value is none: it may be a secret.
pub(crate) fn detail(environment: &Environment, line: &str) {
    if environment.tells_all {
        fail(line);
    }
}

/// Says something in any case. A closed stderr is no reason to end.
pub(crate) fn fail(line: &str) {
    let _ = writeln!(std::io::stderr(), "docker-shim: {line}");
}
