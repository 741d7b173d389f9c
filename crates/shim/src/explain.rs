//! What would be run instead of a command line.

use std::ffi::OsString;

use cachecore::argv::parse;
use cachecore::bake;
use cachecore::build::{self, BuildPlan};
use cachecore::builder::Builder;
use cachecore::cache::{Use, usage};
use cachecore::classify::Kind;
use cachecore::rewrite::{Facts, Plan, rewrite};
use serde::Serialize;

use crate::cache::BuildCache;
use crate::compose::{self, Explained};
use crate::load::Between;
use crate::{Environment, Seat, builder};

/// A plan, for people.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    #[serde(flatten)]
    plan: Plan,
    /// What becomes of a build.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    building: Option<Building>,
    /// What compose would leave to the shim.
    #[serde(skip_serializing_if = "Option::is_none")]
    compose: Option<Explained>,
}

/// What becomes of a build.
#[derive(Debug, Serialize)]
struct Building {
    /// Which builder it goes to; none, if nothing is known of it. Then it is run as it came.
    builder: Option<Builder>,
    /// How the image comes into the daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<BuildPlan>,
    /// Why a bake stays as it is. Of others it is decided by their definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    bake_stays: Option<String>,
    /// Whether it uses the cache that sessions share.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<Use>,
}

/// Explains a command. Of a project, compose is asked.
pub(crate) fn explained(environment: &Environment, seat: Seat, words: &[OsString]) -> Explanation {
    let plan = plan(environment, seat, words);
    let building = building(environment, seat, &plan);
    let (plan, compose) = compose::explained(environment, seat, plan);
    Explanation {
        plan,
        building,
        compose,
    }
}

/// Explains a build of one image or a bake.
fn building(environment: &Environment, seat: Seat, plan: &Plan) -> Option<Building> {
    let is_bake = match plan.kind? {
        Kind::Build => false,
        Kind::Bake => true,
        _ => return None,
    };
    let program = seat.program(&plan.argv);
    let command = parse(program, &plan.argv).ok()?;
    let builder = builder::of(environment, program, &command);
    let Some(builder) = builder else {
        return Some(Building {
            builder,
            build: None,
            bake_stays: None,
            cache: None,
        });
    };
    let between = Between {
        environment,
        program,
        passage: plan,
        command: &command,
        builder: &builder,
    };
    let build = || build::plan(&command, &plan.argv, &builder);
    Some(Building {
        build: (!is_bake).then(build),
        bake_stays: bake::refusal(&command, &plan.argv, &builder).filter(|_| is_bake),
        cache: (!is_bake).then(|| cache(between)),
        builder: Some(builder),
    })
}

/// Whether a build of one image uses the shared cache.
fn cache(between: Between<'_>) -> Use {
    let not = |why: String| Use::Not { why };
    let Some(cache) = BuildCache::open(between.environment) else {
        let path = between.environment.build_cache.display();
        return not(format!("{path} is no folder"));
    };
    let working_dir = std::env::current_dir().ok();
    let working_dir = working_dir.as_ref().map(|dir| dir.as_os_str());
    match usage(between.command, &between.passage.argv, working_dir) {
        Use::Under(_) if !cache.serves(between) => {
            not(format!("builder {} does not export", between.builder.name))
        }
        used => used,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_says_where_it_goes_and_what_becomes_of_its_image() {
        let folder = tempfile::tempdir().unwrap();
        let instances = folder.path().join("instances");
        std::fs::create_dir(&instances).unwrap();
        let node = r#"{"Name":"b0","Endpoint":"unix:///b"}"#;
        let text = format!(r#"{{"Name":"b","Driver":"remote","Nodes":[{node}]}}"#);
        std::fs::write(instances.join("b"), text).unwrap();
        let environment = Environment::from_lookup(|name| match name {
            "BUILDX_CONFIG" | "CACHECORE_BUILD_CACHE" => Some(folder.path().into()),
            "BUILDX_BUILDER" => Some("b".into()),
            _ => None,
        });
        let said = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            serde_json::to_value(explained(&environment, Seat::Docker, &words)).unwrap()
        };
        let loaded = said("build -t app .");
        assert_eq!(loaded["builder"]["endpoint"], "unix:///b");
        assert_eq!(loaded["build"]["load"]["names"][0], "app");
        assert_eq!(loaded["cache"]["under"], "app");
        let pushed = said("build --push --no-cache .");
        assert!(pushed["build"]["as-it-is"]["why"].is_string(), "{pushed}");
        assert!(pushed["cache"]["not"]["why"].is_string(), "{pushed}");
        assert!(said("buildx bake --push")["bake_stays"].is_string());
        let unknown = said("build --builder other .");
        assert!(unknown["builder"].is_null() && unknown["build"].is_null());
        assert!(said("ps").get("builder").is_none());
    }
}
