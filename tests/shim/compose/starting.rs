//! What builds and then starts services.

use testbed::stack::Store;

use super::project::Project;

const SERVICES: &str = "\
name: shop
services:
  api:
    build: ./api
    network_mode: none
    depends_on: [base]
  base:
    build: ./base
    network_mode: none
  eager:
    profiles: [eager]
    build: ./base
    pull_policy: build
    network_mode: none
";

#[test]
fn services_are_built_in_one_run_and_then_started() {
    let project = Project::with(Store::Classic, SERVICES);
    project.context("api", "first");
    project.context("base", "base");

    let cold = project.runs("docker compose up");
    assert_eq!(cold.err.matches("layers loaded").count(), 2, "{cold:?}");
    assert!(cold.out.contains("api-1   | first"), "{cold:?}");

    project.write("api/words", "second");
    let stale = project.runs("docker compose up");
    assert!(
        stale.out.contains("api-1   | first"),
        "it is not built unasked: {stale:?}"
    );
    assert!(!stale.err.contains("docker-shim"), "{stale:?}");
    let built = project.runs("docker-compose up --build");
    assert!(built.out.contains("api-1   | second"), "{built:?}");
    assert!(
        built.err.contains("shop-api: 1 of 2 layers loaded"),
        "{built:?}"
    );
    assert!(built.err.contains("shop-base: unchanged"), "{built:?}");

    project.write("api/words", "third");
    let run = project.runs("docker compose run --build --rm -T api /bin/busybox cat /words");
    assert!(run.out.ends_with("third"), "{run:?}");
    project.write("api/words", "fourth");
    let created = project.runs("docker compose create --build api");
    assert!(
        created.err.contains("shop-api: 1 of 2 layers loaded"),
        "{created:?}"
    );
    assert!(
        !created.err.contains("shop-base:"),
        "only what is named: {created:?}"
    );

    project.write("base/words", "other");
    let eager = project.runs("docker compose up --no-deps eager");
    assert!(eager.out.contains("| other"), "{eager:?}");
    assert!(
        !eager.out.contains("importing to docker"),
        "built once: {eager:?}"
    );
    assert_eq!(project.left(), [""; 0]);
}

#[test]
fn a_command_in_a_container_is_no_build() {
    let project = Project::with(Store::Classic, SERVICES);
    project.context("api", "words");
    project.context("base", "base");
    let run = project.runs("docker compose run --rm -T api /bin/busybox echo make build --prod");
    assert!(run.out.ends_with("make build --prod\n"), "{run:?}");
    project.runs("docker compose run -d --name=open api /bin/busybox sleep 60");
    let exec = project.runs("docker exec open /bin/busybox echo build --no-cache");
    assert_eq!(exec.out, "build --no-cache\n");
    assert!(!exec.err.contains("docker-shim"), "{exec:?}");
    project.runs("docker rm --force open");
}
