//! Projects that several sessions build, each with a builder of its own.

use testbed::stack::Store;

use super::project::Project;

const SERVICES: &str = "\
name: shop
services:
  api:
    build: ./api
    network_mode: none
  own:
    build:
      context: ./api
      args: {WHO: own}
      cache_from: [\"type=local,src=./nothing\"]
    network_mode: none
";

/// A session whose builds share a cache.
fn sharing(mut project: Project, cache: &str) -> Project {
    project.set("CACHECORE_BUILD_CACHE", cache);
    project
}

#[test]
fn a_session_has_what_another_one_s_compose_has_built() {
    let project = Project::with(Store::Classic, SERVICES);
    project.context("api", "words");
    let cache = project.stack.fresh("cache");
    std::fs::create_dir(&cache).unwrap();
    let first = sharing(project, cache.as_str());
    let cold = first.runs("docker compose build");
    assert!(!cold.out.contains("CACHED"), "{cold:?}");
    let keys = std::fs::read_dir(cache.join("keys")).unwrap().count();
    assert_eq!(keys, 1, "what has a cache of its own is not in this one");

    let second = sharing(first.elsewhere(Store::Classic), cache.as_str());
    let warm = second.runs("docker-compose build api");
    assert_eq!(warm.out.matches(" CACHED").count(), 2, "{warm:?}");
    assert_eq!(first.ids(&["shop-api"]), second.ids(&["shop-api"]));

    second.forget(&["shop-api"]);
    second
        .real()
        .docker(&["buildx", "prune", "--all", "--force"]);
    let started = second.runs("docker compose up --build api");
    assert_eq!(started.out.matches(" CACHED").count(), 2, "{started:?}");
    assert!(started.out.contains("| words"), "{started:?}");

    // A daemon that builds itself, and can export.
    let mut alone = sharing(first.elsewhere(Store::Containerd), cache.as_str());
    alone.set("BUILDX_BUILDER", "default");
    let warm = alone.runs("docker compose build api");
    assert_eq!(warm.out.matches(" CACHED").count(), 2, "{warm:?}");
    let left = std::fs::read_dir(cache.join("exports")).unwrap().count();
    assert_eq!(left, 0, "exports that are over");
    assert_eq!(second.left(), [""; 0]);
}
