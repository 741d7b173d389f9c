use camino::Utf8Path;
use engine::Engine;

use super::Check;

pub(super) fn checks(dockerd: Option<&Utf8Path>) -> Vec<Check> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let engine = match Engine::find(dockerd, &path) {
        Ok(engine) => engine,
        Err(e) => {
            // Import and sessions work without one.
            return vec![Check::note(
                "engine",
                format!("{e}: build and run cannot work"),
                e.help().unwrap_or_default(),
            )];
        }
    };
    vec![match engine.version() {
        Ok(version) => Check::ok("engine", format!("dockerd {version} at {}", engine.dockerd)),
        Err(e) => Check::failure("engine", e.to_string(), e.help().unwrap_or_default()),
    }]
}
