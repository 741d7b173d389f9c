use super::super::spec::Cpus;
use super::*;

fn line(container: &Container) -> String {
    docker_run(container).line()
}

fn plain() -> Container {
    Container {
        project: "shop".to_owned(),
        image: "cachecore-env:system-00".to_owned(),
        ..Container::default()
    }
}

const BEGIN: &str = "docker run --interactive --pull=never --rm";

#[test]
fn an_image_that_has_everything_is_run_as_docker_runs_it() {
    let expected =
        format!("{BEGIN} --label=cachecore.environment.run=shop cachecore-env:system-00");
    assert_eq!(line(&plain()), expected);
    let mut container = plain();
    container.command = vec!["sh".into(), "-c".into(), "echo it's".into()];
    let expected = format!("{expected} sh -c 'echo it'\\''s'");
    assert_eq!(line(&container), expected);
}

#[test]
fn what_the_spec_says_comes_before_what_the_caller_says() {
    let mut container = plain();
    container.platform = Some("linux/amd64".to_owned());
    container.user = Some("dev".to_owned());
    container.environment = BTreeMap::from([("A".to_owned(), "1 2".to_owned())]);
    container.limits = Limits {
        cpus: Cpus::parse("1.5"),
        memory: Some(4 << 30),
        pids: Some(1000),
    };
    container.options = Options {
        name: Some("task".to_owned()),
        keep: true,
        variables: vec!["A=3".to_owned(), "TOKEN".to_owned()],
        mounts: vec![
            "/src:/work:ro".to_owned(),
            "type=volume,src=v,dst=/v".to_owned(),
            "/a=b:/c".to_owned(),
        ],
        network: Some("none".to_owned()),
        folder: Some("/work".to_owned()),
        terminal: true,
    };
    let expected = "docker run --interactive --pull=never --tty --label=cachecore.environment.run=shop \
        --name=task --network=none --workdir=/work --platform=linux/amd64 --user=dev --cpus=1.5 \
        --memory=4294967296 --pids-limit=1000 '--env=A=1 2' --env=A=3 --env=TOKEN --volume=/src:/work:ro \
        --mount=type=volume,src=v,dst=/v --volume=/a=b:/c cachecore-env:system-00";
    assert_eq!(line(&container), expected);
}

#[test]
fn scripts_are_mounted_and_run_before_the_images_own_entrypoint_and_command() {
    let mut container = plain();
    container.startup = Some(Startup {
        folder: "/state/a,b".into(),
        entrypoint: vec!["/entry".to_owned()],
        default_command: vec!["serve".to_owned()],
        secrets: vec![("/home/me/.npmrc".into(), "/run/secrets/npm".into())],
    });
    let expected = format!(
        "{BEGIN} --label=cachecore.environment.run=shop \
        --mount=type=tmpfs,destination=/dev/cachecore,tmpfs-mode=1777 \
        '--mount=type=bind,\"source=/state/a,b\",destination=/dev/cachecore/startup,readonly' \
        '--mount=type=bind,\"source=/home/me/.npmrc\",destination=/run/secrets/npm,readonly' \
        --entrypoint=/bin/sh cachecore-env:system-00 /dev/cachecore/startup/start /entry"
    );
    assert_eq!(line(&container), format!("{expected} serve"));
    container.command = vec!["make".into()];
    assert_eq!(line(&container), format!("{expected} make"));
}

#[test]
fn root_has_several_names() {
    for (one, other, same) in [
        ("", "root", true),
        ("0", "root:root", true),
        ("dev", "dev", true),
        ("dev", "", false),
        ("dev", "1000", false),
    ] {
        assert_eq!(is_same_user(one, other), same, "{one:?} {other:?}");
    }
}
