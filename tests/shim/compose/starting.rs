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
    assert!(
        run.err.contains("shop-api: "),
        "not left to compose: {run:?}"
    );
    project.runs("docker compose run -d --name=open api /bin/busybox sleep 60");
    let exec = project.runs("docker exec open /bin/busybox echo build --no-cache");
    assert_eq!(exec.out, "build --no-cache\n");
    assert!(!exec.err.contains("docker-shim"), "{exec:?}");
    project.runs("docker rm --force open");
}

#[test]
fn services_mount_what_the_daemon_has() {
    let mut project = Project::with(
        Store::Classic,
        "\
name: shop
services:
  api:
    extends: {file: base/base.yaml, service: base}
    volumes: [\"${HERE}/long:/long:ro\", \"named:/named\", \"/var/run/docker.sock:/sock\"]
  side:
    profiles: [side]
    image: shop-api
    network_mode: none
    volumes: [\"./short:/short\"]
    command: [/bin/busybox, cat, /short/words]
volumes: {named: {}}
",
    );
    project.context("api", "words");
    let base =
        "services: {base: {build: ../api, network_mode: none, volumes: [\"../short:/short\"]}}";
    project.write("base/base.yaml", base);
    let show = "/bin/busybox cat /short/words /long/words /over/words /added/words";
    let over = format!(
        "services: {{api: {{command: {show}, volumes: [{{type: bind, source: ./over, target: /over}}]}}}}"
    );
    project.write("compose.override.yaml", &over);
    project.write(".env", "HERE=./here\n");
    for name in ["short", "here/long", "over", "added"] {
        project.write(&format!("{name}/words"), "client's\n");
    }
    let there = project.stack.fresh("there");
    for name in ["short", "here/long", "over", "added"] {
        let dir = there.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("words"), format!("{name}\n")).unwrap();
    }
    let folder = project.folder.clone();
    project.set("CACHECORE_PATH_MAP", &format!("{folder}={there}"));
    let socket = project.daemon.socket().to_owned();
    let host = project.daemon.host().to_owned();
    project.set("DOCKER_HOST", "");
    project.set("CACHECORE_DOCKER_HOST", &host);

    let added = format!("docker compose run --rm -T -v {folder}/added:/added api");
    let run = project.runs(&added);
    assert_eq!(
        run.out
            .lines()
            .skip_while(|line| *line != "short")
            .collect::<Vec<_>>(),
        ["short", "here/long", "over", "added"],
        "{run:?}"
    );
    let up = project.runs("docker compose up -d --build api");
    assert!(up.err.contains("Container shop-api-1  Started"), "{up:?}");
    let inspect =
        "docker inspect shop-api-1 --format={{range.Mounts}}{{.Source}}:{{.Destination}},{{end}}";
    let mounts = project.runs(inspect).out;
    for mount in [
        format!("{there}/short:/short,"),
        format!("{there}/over:/over,"),
        format!("{there}/here/long:/long,"),
        format!("{socket}:/sock,"),
        "volumes/shop_named/_data:/named,".to_owned(),
    ] {
        assert!(mounts.contains(&mount), "{mount} is not in {mounts}");
    }
    let label = "docker inspect shop-api-1 --format={{.Config.Labels}}";
    let labels = project.runs(label).out;
    let place = format!("com.docker.compose.project.working_dir:{folder} ");
    assert!(labels.contains(&place), "{labels}");

    let named = project.runs("docker-compose -f compose.yaml up side");
    assert!(named.out.contains("| short"), "{named:?}");
    project.set("COMPOSE_FILE", "compose.yaml:compose.override.yaml");
    let listed = project.runs("docker compose up --force-recreate side");
    assert!(listed.out.contains("| short"), "{listed:?}");
    assert_eq!(project.left(), [""; 0]);
}
