//! Another service asks which images an environment is, and what is left to do for it, without a daemon:
//! for a scheduler that sends a task to a machine which has its image, or a job that builds images ahead.
//!
//! ```text
//! cargo run --example env_image_key -- environment.yaml sha256:…
//! ```
//!
//! The second word is the base image's id, as a registry or a daemon tells it: a key never depends on a name,
//! which stands for another image tomorrow.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::process::ExitCode;

use cachecore::environment::materials::Base;
use cachecore::environment::{key, plan, template};
use envimage::read;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (Some(spec), Some(id)) = (words.next(), words.next()) else {
        eprintln!("usage: env_image_key SPEC BASE-ID");
        return ExitCode::from(2);
    };
    // The spec, its scripts and the files beside them, from its folder and no further.
    let environment = match read::load(spec.as_str().into()) {
        Ok(environment) => environment,
        Err(error) => {
            eprintln!("env_image_key: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (spec, materials) = (environment.spec, environment.materials);
    let base = Base {
        name: spec.image.clone(),
        id,
        user: String::new(),
    };
    // Everything that can change an image, and the key that it makes.
    for stage in key::inputs(&spec, &materials, &base) {
        println!("{}", key::image(&stage.stage, &stage.key));
        for input in &stage.inputs {
            println!("  {}  {input}", input.hash.short());
        }
    }
    // What a machine without any of these images would do.
    let keys = key::keys(&spec, &materials, &base);
    let builds = template::builds(&spec, &materials, &base, &keys);
    let plan = plan::plan(&spec, &base, &builds, |_image| false, &BTreeMap::new());
    match serde_json::to_string_pretty(&plan) {
        Ok(plan) => {
            println!("{plan}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("env_image_key: {error}");
            ExitCode::FAILURE
        }
    }
}
