//! `compose build`.

use testbed::stack::Store;

use super::project::Project;

const SERVICES: &str = "\
services:
  api:
    build:
      context: ./api
      args: [\"WHO=a$${b}$$c\"]
      labels: {\"what\": \"100%{x} $$y\"}
      tags: [\"registry.example:5000/shop/api:1\"]
  web.site:
    image: example/web:dev
    build: ./web
    depends_on: [api]
  inline:
    build:
      context: ./api
      dockerfile_inline: |
        FROM scratch
        COPY --from=other words /words
      additional_contexts:
        other: ./web
  off:
    profiles: [never]
    build: ./missing
";
const IMAGES: [&str; 4] = [
    "shop-api",
    "registry.example:5000/shop/api:1",
    "example/web:dev",
    "shop-inline",
];

fn shop(store: Store) -> Project {
    let project = Project::with(store, &format!("name: shop\n{SERVICES}"));
    project.context("api", "api");
    project.context("web", "web");
    project
}

#[test]
fn the_images_are_those_that_compose_builds() {
    for store in [Store::Classic, Store::Containerd] {
        let project = shop(store);
        let ours = project.runs("docker compose build");
        assert!(
            ours.err.contains("shop-inline: 1 of 1 layers loaded"),
            "{ours:?}"
        );
        assert!(
            ours.out.contains("DONE"),
            "progress goes where compose has it: {ours:?}"
        );
        assert_eq!(project.left(), [""; 0]);
        let ids = project.ids(&IMAGES);
        project.forget(&IMAGES);
        let theirs = project.run_really("docker compose build");
        assert_eq!(theirs.code, Some(0), "{theirs:?}");
        if store == Store::Classic {
            // With the other store an image is its manifest, which lists layers as they were compressed.
            assert_eq!(ids, project.ids(&IMAGES));
        }
    }
}

#[test]
fn only_what_has_changed_is_loaded() {
    let project = shop(Store::Classic);
    project.runs("docker-compose build --quiet");
    let again = project.runs("docker compose build");
    assert_eq!(
        again.err.matches("unchanged, not loaded again").count(),
        3,
        "{again:?}"
    );
    project.write("web/words", "other");
    let changed = project.runs("docker-compose build");
    assert_eq!(
        changed.err.matches("unchanged, not loaded again").count(),
        1,
        "{changed:?}"
    );
    assert!(
        changed
            .err
            .contains("example/web:dev: 1 of 2 layers loaded"),
        "{changed:?}"
    );

    let quiet = project.runs("docker compose build --quiet");
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let one = project.runs("docker compose build --build-arg WHO=me api");
    assert!(!one.err.contains("example/web"), "{one:?}");
    let format = ["image", "inspect", "--format={{.Config.Env}}", "shop-api"];
    assert!(project.real().docker(&format).contains("WHO=me"));
}

#[test]
fn what_goes_wrong_ends_as_compose_ends() {
    let project = shop(Store::Classic);
    let same = |line: &str| {
        let (ours, theirs) = (project.run(line), project.run_really(line));
        assert_eq!(ours.code, theirs.code, "{line}: {ours:?}, {theirs:?}");
        assert_ne!(ours.code, Some(0), "{line}");
        (ours.err, theirs.err)
    };
    let (ours, theirs) = same("docker compose build nobody");
    assert_eq!(ours, theirs);
    let (ours, theirs) = same("docker compose build off");
    assert_eq!(ours, theirs);
    project.write("api/Dockerfile", "FROM scratch\nCOPY nothing /\n");
    for line in [
        "docker compose build api",
        "docker compose build -q api",
        "docker compose up --build api",
    ] {
        let (ours, theirs) = same(line);
        for said in [&ours, &theirs] {
            assert!(said.starts_with("failed to solve: "), "{line}: {said}");
            assert_eq!(said.lines().count(), 1, "{line}: {said}");
        }
    }
    project.write(
        "compose.yaml",
        "services: {api: {build: {context: 1}, oops: 1}}",
    );
    let (ours, theirs) = same("docker compose build");
    assert_eq!(ours, theirs);
    assert_eq!(project.left(), [""; 0]);
}

#[test]
fn secrets_reach_the_build_and_nothing_else() {
    let project = Project::with(
        Store::Classic,
        "\
name: shop
services:
  api:
    build:
      context: ./api
      args: {WHO: hidden-argument}
      secrets: [file, {source: variable, target: other}]
secrets:
  file: {file: ./secret}
  variable: {environment: HIDDEN}
",
    );
    project.context("api", "api");
    project.write("secret", "hidden-file");
    let file = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\n\
        RUN --mount=type=secret,id=file --mount=type=secret,id=other /bin/busybox sh -c \
        'case $(/bin/busybox cat /run/secrets/file /run/secrets/other) in \
        hidden-filehidden-variable) ;; *) exit 1 ;; esac'\n";
    project.write("api/Dockerfile", file);
    let mut command = Project::command(
        &project.client,
        &project.folder,
        "docker compose build --no-cache",
    );
    command
        .env("HIDDEN", "hidden-variable")
        .env("CACHECORE_LOG", "debug");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("shop-api: "), "not left to compose: {said}");
    assert!(!said.contains("hidden-"), "{said}");
}
