//! What would be run instead of a command line.

use std::ffi::OsString;

use cachecore::rewrite::{Facts, Plan, rewrite};

use serde::Serialize;

use crate::compose::{self, Explained};
use crate::{Environment, Seat};

/// A plan, for people.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    #[serde(flatten)]
    plan: Plan,
    /// What compose would leave to the shim.
    #[serde(skip_serializing_if = "Option::is_none")]
    compose: Option<Explained>,
}

/// Explains a command. Of a project, compose is asked.
pub(crate) fn explained(environment: &Environment, seat: Seat, words: &[OsString]) -> Explanation {
    let plan = plan(environment, seat, words);
    let (plan, compose) = compose::explained(environment, seat, plan);
    Explanation { plan, compose }
}

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

/// What is known besides the words.
pub(crate) fn facts(environment: &Environment) -> Facts {
    Facts {
        docker_host: environment.docker_host.clone(),
        endpoint_chosen: environment.chosen_host.is_some() || environment.chosen_context.is_some(),
        path_map: environment.path_map.clone(),
        working_dir: std::env::current_dir().ok().map(Into::into),
    }
}
