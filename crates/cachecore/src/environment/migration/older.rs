//! The fields of an older environment file.

use serde_json::{Map, Value};

use super::{MAX_FILE, MigrationError};

/// Fields that make a file an older environment file.
const SIGNS: &[&str] = &[
    "preflight_script",
    "preflight_enabled",
    "cached_preflight_script",
    "run_preflight_script",
    "environment_preflight_script",
    "cache_container_build",
    "container_caching_enabled",
    "container_cache_enabled",
    "cache_desktop_build",
    "desktop_cache_enabled",
    "headless_desktop_enabled",
    "env_id",
    "env_vars",
];

/// Whether a switch is on, if it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    Unsaid,
    Off,
    On,
}

/// The fields that nobody took yet.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

/// Reads the file's environment, or that of several which is wanted.
pub(super) fn read(text: &str, wanted: Option<&str>) -> Result<Fields, MigrationError> {
    if text.len() > MAX_FILE {
        let length = text.len();
        return Err(MigrationError::TooLong { length });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(MigrationError::Empty);
    }
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        MigrationError::Syntax {
            line: error.line(),
            column: error.column().max(1),
            reason: reason.trim_end_matches(&place).to_owned(),
        }
    })?;
    let Value::Object(fields) = value else {
        let reason = format!("it holds {}", kind(&value));
        return Err(MigrationError::NoEnvironment { reason });
    };
    if SIGNS.iter().any(|field| fields.contains_key(*field)) {
        return named(fields, wanted);
    }
    if let Some(Value::Array(several)) = fields.get("environments") {
        return one_of(several, wanted);
    }
    let reason = if fields.contains_key("stages") || fields.contains_key("run") {
        "it looks like a spec already".to_owned()
    } else {
        let some: Vec<_> = fields.keys().take(3).map(String::as_str).collect();
        match some.len() {
            0 => "it has no fields".to_owned(),
            _ => format!("it has no field of one, but {}", some.join(", ")),
        }
    };
    Err(MigrationError::NoEnvironment { reason })
}

fn named(fields: Map<String, Value>, wanted: Option<&str>) -> Result<Fields, MigrationError> {
    let id = id(&fields);
    match wanted {
        Some(wanted) if id.as_deref() != Some(wanted) => Err(MigrationError::NoSuch {
            wanted: wanted.to_owned(),
            names: vec![id.unwrap_or_else(unnamed)],
        }),
        _ => Ok(Fields(fields)),
    }
}

/// Of the older program's state, which holds all environments.
fn one_of(several: &[Value], wanted: Option<&str>) -> Result<Fields, MigrationError> {
    let all: Vec<&Map<String, Value>> = several.iter().filter_map(Value::as_object).collect();
    let names = || all.iter().map(|f| id(f).unwrap_or_else(unnamed)).collect();
    match (wanted, all.as_slice()) {
        (None, [only]) => Ok(Fields((*only).clone())),
        (None, []) => Err(MigrationError::NoEnvironment {
            reason: "its list of environments is empty".to_owned(),
        }),
        (None, _) => Err(MigrationError::Several { names: names() }),
        (Some(wanted), _) => all
            .iter()
            .find(|fields| id(fields).as_deref() == Some(wanted))
            .map(|fields| Fields((*fields).clone()))
            .ok_or_else(|| MigrationError::NoSuch {
                wanted: wanted.to_owned(),
                names: names(),
            }),
    }
}

fn unnamed() -> String {
    "one without a name".to_owned()
}

fn id(fields: &Map<String, Value>) -> Option<String> {
    ["env_id", "id", "name"]
        .iter()
        .filter_map(|field| fields.get(*field)?.as_str())
        .find(|text| !text.trim().is_empty())
        .map(str::to_owned)
}

impl Fields {
    /// Takes the field away.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field)
    }

    /// A text that is not blank.
    pub(super) fn text(&mut self, field: &str) -> Result<Option<String>, MigrationError> {
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(field, &other, "a string")),
        }
    }

    /// A script that is not blank, every byte as it is.
    pub(super) fn script(&mut self, field: &'static str) -> Result<Option<String>, MigrationError> {
        let script = self.text(field)?;
        if let Some(at) = script.as_ref().and_then(|script| script.find('\0')) {
            let before = script.as_deref().and_then(|script| script.get(..at));
            let line = before.unwrap_or_default().matches('\n').count() + 1;
            return Err(MigrationError::Nul { field, line });
        }
        Ok(script)
    }

    /// A switch, in the ways that it was written.
    pub(super) fn switch(&mut self, field: &str) -> Result<Switch, MigrationError> {
        let Some(value) = self.take(field) else {
            return Ok(Switch::Unsaid);
        };
        let said = match &value {
            Value::Null => return Ok(Switch::Unsaid),
            Value::Bool(on) => Some(*on),
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" | "" => Some(false),
                _ => None,
            },
            _ => None,
        };
        match said {
            Some(true) => Ok(Switch::On),
            Some(false) => Ok(Switch::Off),
            None => Err(wrong(field, &value, "true or false")),
        }
    }

    /// Refuses a format that came later.
    pub(super) fn version(&mut self) -> Result<(), MigrationError> {
        match self.take("version") {
            None | Some(Value::Null) => Ok(()),
            Some(version) if version.as_i64() == Some(1) || version.as_str() == Some("1") => Ok(()),
            Some(version) => Err(MigrationError::Version {
                version: version.to_string(),
            }),
        }
    }

    /// Everything that nobody took.
    pub(super) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.0)
    }
}

/// That a field is of a kind that it cannot be.
pub(super) fn wrong(field: &str, value: &Value, needed: &'static str) -> MigrationError {
    MigrationError::Kind {
        field: field.to_owned(),
        kind: kind(value),
        needed,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Why a field has no place in a spec, and what to do instead.
pub(super) fn left(field: &str) -> (&'static str, Option<&'static str>) {
    match field {
        "extra_mounts" => (
            "mounts are given to a task, not to an image",
            Some("give each to `envimage run` with --mount"),
        ),
        "ports" => (
            "a task publishes no ports",
            Some("reach the container by its address, or through a network"),
        ),
        "host_workdir" | "workspace_type" | "workspace_target" => (
            "a spec has no workspace",
            Some("mount it: `envimage run --mount`"),
        ),
        "network_host" | "gpu_enabled" => (
            "it is said to a container when it starts",
            Some("run the image that `envimage ensure` prints with `docker run`"),
        ),
        "cache_system_preflight_enabled"
        | "cache_settings_preflight_enabled"
        | "settings_preflight_script" => (
            "the older program ran this phase for all its environments",
            Some("make its script a stage before the others"),
        ),
        _ => ("it is about the older program, not about the image", None),
    }
}
