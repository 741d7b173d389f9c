use super::*;
use crate::environment::key::keys;
use crate::environment::materials::File;

fn built(text: &str, user: &str) -> Vec<Build> {
    let spec = Spec::parse(text, "web.yaml").unwrap();
    let read = |path: &Utf8Path| {
        Ok::<_, ()>(File {
            path: path.to_owned(),
            ..File::default()
        })
    };
    let materials = Materials::gather(&spec, read).unwrap();
    let base = Base {
        name: "debian:12".to_owned(),
        id: format!("sha256:{}", "ab".repeat(32)),
        user: user.to_owned(),
    };
    let keys = keys(&spec, &materials, &base);
    builds(&spec, &materials, &base, &keys)
}

#[test]
fn a_stage_is_built_by_this() {
    let builds = built(
        r##"
version: 1
image: debian:12
secrets: {npm: {env: TOKEN}}
stages:
  - {name: system, script: setup/system.sh, user: root, args: {A: "x \"y\"\n<<EOF"}}
  - {name: tools, inline: "#!/usr/bin/python3 -u\n", secrets: [npm]}
"##,
        "dev",
    );
    let [system, tools] = &builds[..] else {
        panic!("{builds:?}");
    };
    let base = "ab".repeat(32);
    assert_eq!(
        system.dockerfile,
        format!(
            r#"FROM cachecore-env-base:{base}
LABEL cachecore.environment.project="web" cachecore.environment.stage="system" cachecore.environment.key="{}" cachecore.environment.parent="cachecore-env-base:{base}" cachecore.environment.base="debian:12" cachecore.environment.template="1"
USER root
RUN --mount=type=bind,source=files,target=/dev/cachecore ["env", "A=x \"y\"\n\u003c\u003cEOF", "/bin/bash", "/dev/cachecore/setup/system.sh"]
USER dev
"#,
            system.key
        )
    );
    assert_eq!(tools.parent, system.image);
    let lines: Vec<&str> = tools.dockerfile.lines().collect();
    assert_eq!(lines.len(), 3, "as the image's own user: {lines:?}");
    assert_eq!(
        lines[2],
        "RUN --mount=type=bind,source=files,target=/dev/cachecore \
         --mount=type=secret,id=npm,mode=0444,required=true \
         [\"/usr/bin/python3\", \"-u\", \"/dev/cachecore/inline.sh\"]"
    );
}

#[test]
fn an_image_without_a_user_gets_root_back() {
    let builds = built(
        "{version: 1, image: a, stages: [{name: a, inline: x, user: dev}]}",
        "",
    );
    assert!(
        builds[0].dockerfile.ends_with("\nUSER 0\n"),
        "{}",
        builds[0].dockerfile
    );
}

#[test]
fn a_base_image_s_user_adds_nothing_to_a_dockerfile() {
    let text = "{version: 1, image: a, stages: [{name: a, inline: x, user: root}]}";
    for (user, line) in [
        ("dev", "USER dev"),
        ("1000:1000", "USER 1000:1000"),
        ("x\nRUN evil", "USER xRUNevil"),
        ("$HOME\\", "USER \\$HOME\\\\"),
    ] {
        let dockerfile = built(text, user).remove(0).dockerfile;
        assert_eq!(dockerfile.lines().last(), Some(line));
        assert_eq!(dockerfile.lines().count(), 5, "{dockerfile}");
    }
}

#[test]
fn the_first_line_says_what_runs_a_script() {
    for (script, words) in [
        ("", &["/bin/bash"][..]),
        ("#!/bin/sh\nls", &["/bin/sh"]),
        ("#! /bin/sh -eu \t\nls", &["/bin/sh", "-eu"]),
        ("#!/usr/bin/env bash", &["/usr/bin/env", "bash"]),
        ("#!sh\n", &["/bin/bash"]),
        ("#!\n", &["/bin/bash"]),
        (" #!/bin/sh\n", &["/bin/bash"]),
    ] {
        assert_eq!(interpreter(script.as_bytes()), words, "{script:?}");
    }
}
