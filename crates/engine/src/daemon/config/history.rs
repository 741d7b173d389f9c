//! What BuildKit remembers of builds: a record for each in `history.db`, and for each record a lease on
//! blobs with its log and attestations.
//!
//! It forgets a record that is neither among the last `maxEntries` nor younger than `maxAge`, and looks
//! for such ones when it starts and every two minutes (BuildKit's `solver/llbsolver/history.go`). By
//! itself it keeps 50, and all of the last 48 hours.

use serde_json::{Value, json};

use super::release;

/// The first engine that takes settings for it.
const FIRST: (u32, u32) = (24, 0);

/// The first engine whose collector works without being asked to.
const COLLECTS: (u32, u32) = (28, 2);

/// In no id of a cache record, which are lower-case letters and digits.
const NO_RECORD: &str = "NO_RECORD";

/// The settings of the builder with which an engine remembers so many builds.
pub(super) fn settings(version: Option<&str>, most: u32) -> Value {
    let release = version.and_then(release).unwrap_or(COLLECTS);
    // Older ones remember nothing, and might not understand the collector's policy.
    if release < FIRST {
        return json!({});
    }
    // Without an age, which is a number to some engines and a text to others, nothing is too young.
    let mut settings = json!({"history": {"maxEntries": most}});
    // The blobs of a forgotten build go when the collector works, a second after a daemon's start and
    // after each build. Its policy is to prune nothing: the cache is what goldens are for.
    if release < COLLECTS {
        settings["gc"] = json!({
            "enabled": true,
            "policy": [{"filter": [format!("id={NO_RECORD}")], "keepStorage": "0"}],
        });
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_gets_what_it_understands() {
        let history = json!({"maxEntries": 8});
        for (version, remembers, collector) in [
            (Some("20.10.24"), false, false),
            (Some("23.0.6"), false, false),
            (Some("24.0.0"), true, true),
            (Some("26.1.5+dfsg1"), true, true),
            (Some("28.1.1"), true, true),
            (Some("28.2.0"), true, false),
            (Some("29.0.0-rc.1"), true, false),
            (Some("dev"), true, false),
            (None, true, false),
        ] {
            let settings = settings(version, 8);
            let expected = if remembers { &history } else { &Value::Null };
            assert_eq!(&settings["history"], expected, "{version:?}");
            assert_eq!(settings["gc"].is_object(), collector, "{version:?}");
        }
    }
}
