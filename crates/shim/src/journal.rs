//! What the shim says of itself, on stderr: nothing, unless `CACHECORE_LOG` is set or nothing else can
//! be done.

use std::io::Write;

use crate::Environment;

/// Says something if anybody asked for it.
pub(crate) fn say(environment: &Environment, line: &str) {
    if environment.speaks {
        fail(line);
    }
}

/// Says something in any case. A closed stderr is no reason to end.
pub(crate) fn fail(line: &str) {
    let _ = writeln!(std::io::stderr(), "docker-shim: {line}");
}
