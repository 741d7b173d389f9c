//! From an older environment file to a spec.
//!
//! The older files are JSON. Their switches and scripts, by all the names that they had:
//!
//! | of the file | of the spec |
//! |---|---|
//! | `preflight_script`, where `preflight_enabled` is not off | the run script |
//! | `run_preflight_script` | the run script; where caching is on it goes before the other |
//! | `cached_preflight_script` | the stage `environment`; where caching is off with `cache: false` |
//! | `cache_container_build`, `container_caching_enabled`, `container_cache_enabled` | whether that stage is cached |
//! | `env_vars` | the environment |
//! | `env_id`, else `name` | the name |
//!
//! Everything else is kept beside the spec, with the reason. Nothing is lost, and no script is changed.

mod error;
mod older;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::conversion::{Conversion, Kept, Warning, project};
use super::spec::{
    Limits, Network, Run, Script, Spec, Stage, StageName, VERSION, is_value, is_variable,
};
use crate::id::ProjectId;
pub use error::MigrationError;
use older::{Fields, Switch};

/// Largest file that is read, in bytes.
pub const MAX_FILE: usize = 1 << 20;

/// The image that the older program started from. Its files name none.
pub const OLDER_IMAGE: &str = "lunamidori5/pixelarch:emerald";

/// The stage that the cached script becomes.
const STAGE: &str = "environment";

/// What is known about a file beside its text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// The image to use. The older files name none.
    pub image: Option<&'a str>,
    /// Which environment, of a file that holds several.
    pub environment: Option<&'a str>,
    /// What the spec is called if the file does not say it, such as the file's own name.
    pub name: Option<&'a str>,
}

/// Makes a spec of the text of an older environment file.
///
/// ```
/// use cachecore::environment::migration::{Choice, migrate};
/// use cachecore::environment::spec::Script;
///
/// let old = r#"{"env_id": "web", "preflight_enabled": true, "preflight_script": "make\r\n"}"#;
/// let made = migrate(old, Choice::default()).unwrap();
/// assert_eq!(made.spec.run.unwrap().script, Script::Inline("make\r\n".to_owned()));
/// ```
///
/// # Errors
/// [`MigrationError`] says why it is none.
pub fn migrate(text: &str, choice: Choice<'_>) -> Result<Conversion, MigrationError> {
    let fields = older::read(text, choice.environment)?;
    Migration {
        fields,
        warnings: Vec::new(),
        kept: Vec::new(),
    }
    .spec(choice)
}

/// A file on its way to a spec.
struct Migration {
    fields: Fields,
    warnings: Vec<Warning>,
    kept: Vec<Kept>,
}

impl Migration {
    fn spec(mut self, choice: Choice<'_>) -> Result<Conversion, MigrationError> {
        self.fields.version()?;
        let name = self.name(choice.name)?;
        let image = self.image(choice.image)?;
        let caching = self.caching()?;
        let cached = self.fields.script("cached_preflight_script")?;
        let run = self.run_script(caching == Switch::On)?;
        let stages = match cached {
            Some(script) => self.stage(script, caching).into_iter().collect(),
            None => Vec::new(),
        };
        if caching == Switch::On && stages.is_empty() {
            self.warn(
                "cached_preflight_script",
                "caching is on, and there is nothing to cache: the whole script runs at every start",
                "let `envimage split` halve the run script, and make the first half a stage",
            );
        }
        self.windows(&stages, run.as_deref());
        let environment = self.environment()?;
        self.desktop()?;
        self.keep_the_rest();
        let spec = Spec {
            version: VERSION,
            name,
            image,
            platform: None,
            user: None,
            network: Network::Default,
            args: BTreeMap::new(),
            secrets: BTreeMap::new(),
            stages,
            run: run.map(|script| Run {
                script: Script::Inline(script),
                sources: Vec::new(),
            }),
            environment,
            limits: Limits::default(),
        };
        Conversion::new(spec, self.warnings, self.kept).map_err(MigrationError::Unusable)
    }

    /// The spec's name. What people called it is kept where the name cannot say it.
    fn name(&mut self, file: Option<&str>) -> Result<ProjectId, MigrationError> {
        let mut name = None;
        for field in ["env_id", "id", "name"] {
            let Some(text) = self.fields.text(field)? else {
                continue;
            };
            let made = project(&text);
            let whole = made.as_ref().is_some_and(|made| made.as_str() == text);
            let used = made.is_some() && name.is_none();
            if used {
                name = made;
            }
            if !whole || name.as_ref().map(ProjectId::as_str) != Some(text.as_str()) {
                let why = "a spec has one name, of letters, digits, '.', '_' and '-'";
                self.keep(field, Value::String(text), why, None);
            }
        }
        let name = name.or_else(|| file.and_then(project));
        // A word that every rule allows.
        name.or_else(|| project(STAGE))
            .ok_or_else(|| MigrationError::NoEnvironment {
                reason: "it has no name".to_owned(),
            })
    }

    fn image(&mut self, chosen: Option<&str>) -> Result<String, MigrationError> {
        let mut of_file = None;
        for field in ["image", "base_image"] {
            let Some(text) = self.fields.text(field)? else {
                continue;
            };
            if chosen.is_some() || of_file.is_some() {
                let why = "a spec has one base image, and another is named";
                self.keep(field, Value::String(text), why, None);
            } else {
                of_file = Some(text);
            }
        }
        if let Some(image) = chosen.map(str::to_owned).or(of_file) {
            return Ok(image);
        }
        self.warn(
            "image",
            &format!("the file names no image; it is taken to be {OLDER_IMAGE}, as it was"),
            "write another into `image`, or migrate with --image",
        );
        Ok(OLDER_IMAGE.to_owned())
    }

    /// Whether scripts are cached, by all the names of the switch.
    fn caching(&mut self) -> Result<Switch, MigrationError> {
        let mut said: Vec<(&str, Switch)> = Vec::new();
        for field in [
            "cache_container_build",
            "container_caching_enabled",
            "container_cache_enabled",
        ] {
            let switch = self.fields.switch(field)?;
            if switch != Switch::Unsaid {
                said.push((field, switch));
            }
        }
        let on = said.iter().find(|(_, switch)| *switch == Switch::On);
        let off = said.iter().find(|(_, switch)| *switch == Switch::Off);
        match (on, off) {
            (Some((on, _)), Some((off, _))) => {
                let text = format!("{on} is on and {off} is off; they are one switch: on is taken");
                let fix = "set `cache: false` on the stage if it should be off";
                self.warn(on, &text, fix);
                Ok(Switch::On)
            }
            (Some(_), None) => Ok(Switch::On),
            (None, Some(_)) => Ok(Switch::Off),
            (None, None) => Ok(Switch::Unsaid),
        }
    }

    fn stage(&mut self, script: String, caching: Switch) -> Option<Stage> {
        if caching != Switch::On {
            self.warn(
                "cached_preflight_script",
                "caching is off, so this script is no image: it is a stage that runs at every start",
                "remove `cache: false` from the stage to make it one, or the stage if it is not \
                 wanted: the older program did not run it",
            );
        }
        Some(Stage {
            name: StageName::new(STAGE).ok()?,
            script: Script::Inline(script),
            sources: Vec::new(),
            user: None,
            args: BTreeMap::new(),
            secrets: Vec::new(),
            network: None,
            cached: caching == Switch::On,
        })
    }

    /// The run script: the whole script of the older form, or the half that is not cached.
    fn run_script(&mut self, caching: bool) -> Result<Option<String>, MigrationError> {
        const NAMES: [&str; 2] = ["preflight_script", "environment_preflight_script"];
        let half = self.fields.script("run_preflight_script")?;
        let enabled = self.fields.switch("preflight_enabled")?;
        let mut whole: Vec<(&'static str, String)> = Vec::new();
        for field in NAMES {
            if let Some(script) = self.fields.script(field)? {
                whole.push((field, script));
            }
        }
        let mut candidates: Vec<(&'static str, String)> = Vec::new();
        if enabled == Switch::Off {
            for (field, script) in whole.drain(..) {
                let why = "it is switched off by preflight_enabled";
                let instead = "make it the spec's `run` to have it run at every start";
                self.keep(field, Value::String(script), why, Some(instead));
                self.warn(
                    field,
                    "the script is switched off there, and is kept in a comment here",
                    instead,
                );
            }
        }
        candidates.extend(whole);
        if let Some(half) = half {
            let at = if caching { 0 } else { candidates.len() };
            candidates.insert(at, ("run_preflight_script", half));
        }
        let mut candidates = candidates.into_iter();
        let Some((taken, script)) = candidates.next() else {
            return Ok(None);
        };
        for (field, other) in candidates {
            if other == script {
                continue;
            }
            let why = format!("{taken} is the run script, and a spec has one");
            self.keep(field, Value::String(other), &why, None);
            self.warn(
                field,
                &format!("{taken} is taken for the run script; this one is kept in a comment"),
                "put both into one script if both should run",
            );
        }
        Ok(Some(script))
    }

    /// Scripts that no shell reads as they are meant. They are kept byte for byte all the same.
    fn windows(&mut self, stages: &[Stage], run: Option<&str>) {
        let of_stages = stages.iter().map(|stage| match &stage.script {
            Script::Inline(text) => ("cached_preflight_script", text.as_str()),
            Script::File(_) => ("cached_preflight_script", ""),
        });
        for (field, text) in of_stages.chain(run.map(|text| ("preflight_script", text))) {
            if text.contains("\r\n") {
                self.warn(
                    field,
                    "its lines end as on Windows; bash takes the carriage return for a part of a \
                     command",
                    "end the lines with \\n alone before the spec is used",
                );
            }
        }
    }

    fn environment(&mut self) -> Result<BTreeMap<String, String>, MigrationError> {
        let mut environment = BTreeMap::new();
        let variables = match self.fields.take("env_vars") {
            None | Some(Value::Null) => return Ok(environment),
            Some(Value::Object(variables)) => variables,
            Some(other) => return Err(older::wrong("env_vars", &other, "an object")),
        };
        let mut left = Map::new();
        for (name, value) in variables {
            let text = match &value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(yes) => Some(yes.to_string()),
                _ => None,
            };
            match text {
                Some(text) if is_variable(&name) && is_value(&text) => {
                    environment.insert(name, text);
                }
                _ => {
                    left.insert(name, value);
                }
            }
        }
        if !left.is_empty() {
            let why = "a spec cannot have such variables";
            let instead = "give them to a task with `envimage run --env`";
            self.keep("env_vars", Value::Object(left), why, Some(instead));
        }
        Ok(environment)
    }

    /// The desktop, which the older program installed by scripts of its own.
    fn desktop(&mut self) -> Result<(), MigrationError> {
        let wanted = self.fields.switch("headless_desktop_enabled")?;
        let mut cached = Switch::Unsaid;
        let mut names = vec![("headless_desktop_enabled", wanted)];
        for field in ["cache_desktop_build", "desktop_cache_enabled"] {
            let switch = self.fields.switch(field)?;
            if switch == Switch::On {
                cached = switch;
            }
            names.push((field, switch));
        }
        for (field, switch) in names {
            if switch != Switch::Unsaid {
                self.keep(
                    field,
                    Value::Bool(switch == Switch::On),
                    "the desktop is installed by scripts of the older program, which are not in \
                     the file",
                    (switch == Switch::On)
                        .then_some("make its script a stage `desktop` before the others"),
                );
            }
        }
        if wanted == Switch::On || cached == Switch::On {
            let field = if cached == Switch::On {
                "cache_desktop_build"
            } else {
                "headless_desktop_enabled"
            };
            self.warn(
                field,
                "a desktop is wanted; the script that installs it is not in the file",
                "make it a stage `desktop` before the stage `environment`",
            );
        }
        Ok(())
    }

    fn keep_the_rest(&mut self) {
        let rest = self.fields.rest();
        for (field, value) in rest {
            let (why, instead) = older::left(&field);
            self.keep(&field, value, why, instead);
        }
    }

    fn keep(&mut self, field: &str, value: Value, why: &str, instead: Option<&str>) {
        self.kept.push(Kept {
            field: field.to_owned(),
            value,
            why: why.to_owned(),
            instead: instead.map(str::to_owned),
        });
    }

    fn warn(&mut self, field: &str, text: &str, fix: &str) {
        self.warnings.push(Warning {
            field: field.to_owned(),
            text: text.to_owned(),
            fix: fix.to_owned(),
        });
    }
}
