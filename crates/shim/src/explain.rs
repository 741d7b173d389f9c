//! What would be run instead of a command line.

use std::ffi::OsString;

use cachecore::rewrite::{Facts, Plan, rewrite};

use crate::{Environment, Seat};

/// Decides, from the environment and the words after the program's name.
pub(crate) fn plan(environment: &Environment, seat: Seat, words: &[OsString]) -> Plan {
    if environment.disabled {
        return Plan::unchanged(words, "CACHECORE_DISABLE is set".to_owned());
    }
    if environment.trail().settled {
        let why = "a shim above has taken care of it".to_owned();
        return Plan::unchanged(words, why);
    }
    rewrite(&facts(environment), seat.program(words), words)
}

fn facts(environment: &Environment) -> Facts {
    Facts {
        docker_host: environment.docker_host.clone(),
        endpoint_chosen: environment.chosen_host.is_some() || environment.chosen_context.is_some(),
        path_map: environment.path_map.clone(),
        working_dir: std::env::current_dir().ok().map(Into::into),
    }
}
