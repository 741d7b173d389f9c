//! `docker-compose` 1.29, which builds by calling docker.

use testbed::engines::compose_1;
use testbed::stack::Store;

use super::project::Project;

/// A session with that compose.
fn with(mut project: Project, compose: &camino::Utf8Path, cache: &str) -> Project {
    project
        .client
        .path
        .insert(1, compose.parent().unwrap().to_owned());
    project.set("CACHECORE_BUILD_CACHE", cache);
    project
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn the_first_compose_builds_through_the_shim_and_shares_its_cache() {
    let compose = match compose_1() {
        Ok(compose) => compose,
        Err(why) => {
            eprintln!("not tested with docker-compose 1.29: {why}");
            return;
        }
    };
    let services = "version: '3'\nservices: {api: {build: ./api, network_mode: none}}\n";
    let project = Project::with(Store::Classic, services);
    project.write("docker-compose.yml", services);
    std::fs::remove_file(project.folder.join("compose.yaml")).unwrap();
    let image = format!("{}_api", project.folder.file_name().unwrap());
    project.context("api", "words");
    let cache = project.stack.fresh("cache");
    std::fs::create_dir(&cache).unwrap();
    let mut first = with(project, &compose, cache.as_str());
    let cold = first.runs("docker-compose build");
    assert!(
        cold.err.contains(&format!("{image}: 2 of 2 layers loaded")),
        "{cold:?}"
    );
    let again = first.runs("docker-compose build");
    assert!(
        again.err.contains(&format!("{image}: unchanged")),
        "{again:?}"
    );

    let second = with(first.elsewhere(Store::Classic), &compose, cache.as_str());
    let warm = second.runs("docker-compose up --build");
    assert_eq!(warm.err.matches(" CACHED").count(), 2, "{warm:?}");
    assert!(warm.out.contains("words"), "{warm:?}");
    assert_eq!(first.ids(&[&image]), second.ids(&[&image]));

    first.set("CACHECORE_PROJECT_NAME", "session");
    let named = first.runs("docker-compose build");
    assert!(named.err.contains("session_api: "), "{named:?}");
    first.write(".env", "COMPOSE_PROJECT_NAME=own\n");
    let named = first.runs("docker-compose build");
    assert!(named.err.contains("own_api: "), "{named:?}");
    assert_eq!(first.left(), [""; 0]);
}
