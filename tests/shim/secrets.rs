//! What is nobody's business: in no log, no explanation beyond the words that the user has typed, no file, and
//! no command line but the one that it was typed in.

use std::process::Command;

use crate::recorder::Recorder;

/// What must not be told.
const MARK: &str = "hunter2";

/// Command lines with a secret in one of their words.
const LINES: [&str; 22] = [
    "docker build -t app --build-arg TOKEN=hunter2 .",
    "docker build -t app --build-arg=TOKEN=hunter2 --secret id=x,src=/hunter2 .",
    "docker buildx build -t app --secret id=x,env=hunter2 --output type=registry,password=hunter2 .",
    "docker build -t app --cache-to type=s3,secret_access_key=hunter2 --cache-from type=gha,token=hunter2 .",
    "docker build -t app --label key=hunter2 --add-host hunter2:1.2.3.4 --ssh default=/hunter2 .",
    "docker build -t app https://user:hunter2@host/repository.git",
    "docker build -t app --frobnicate=hunter2 --build-arg TOKEN=hunter2 .",
    "docker build --build-arg TOKEN=hunter2 -t",
    "docker build -t app -Xhunter2 .",
    "docker run -e TOKEN=hunter2 --env=TOKEN=hunter2 -v /work/a:/a image",
    "docker run --env-file /hunter2 --label l=hunter2 -v /work/a:/a image --password hunter2",
    "docker run -eTOKEN=hunter2 -v./a:/a image sh -c 'echo hunter2'",
    "docker create --health-cmd 'curl hunter2' --entrypoint hunter2 image",
    "docker login -u me -p hunter2 registry",
    "docker login --password=hunter2 --username me",
    "docker buildx bake --set *.args.TOKEN=hunter2 --set=*.secrets=hunter2",
    "docker buildx create --driver-opt env.TOKEN=hunter2",
    "docker compose build --build-arg TOKEN=hunter2",
    "docker compose run -e TOKEN=hunter2 api echo hunter2",
    "docker compose --env-file /hunter2 up --build",
    "docker-compose build --build-arg TOKEN=hunter2 api",
    "docker-buildx bake --set *.args.TOKEN=hunter2",
];

/// Variables with a secret in them.
const VARIABLES: [(&str, &str); 6] = [
    ("HTTP_PROXY", "http://me:hunter2@proxy:3128"),
    ("https_proxy", "http://me:hunter2@proxy:3128"),
    ("TOKEN", "hunter2"),
    (
        "DOCKER_AUTH_CONFIG",
        "{\"auths\":{\"r\":{\"auth\":\"hunter2\"}}}",
    ),
    ("GITHUB_TOKEN", "hunter2"),
    ("BUILDKIT_HOST", "tcp://me:hunter2@host:1"),
];

/// Writes down each command line, and the files of the shim in which the secret is.
const REAL: &str = "printf '%s\\n' \"$*\" >> \"$RECORD\"
    grep -rl hunter2 \"$TMPDIR\" \"$CACHECORE_BUILD_CACHE\" >> \"$RECORD\"-files
    exit 0";

fn surrounded(recorder: &Recorder, command: &mut Command) {
    for folder in ["tmp", "cache"] {
        std::fs::create_dir_all(recorder.path(folder)).unwrap();
    }
    command
        .envs(VARIABLES)
        .env("BUILDX_BUILDER", recorder.remote_builder())
        .env("TMPDIR", recorder.path("tmp"))
        .env("CACHECORE_BUILD_CACHE", recorder.path("cache"))
        .env("CACHECORE_PATH_MAP", "/work=/data")
        .env("CACHECORE_LOG", "debug")
        .current_dir(recorder.path("home"));
}

#[test]
fn secrets_are_where_they_were_typed_and_nowhere_else() {
    let recorder = Recorder::of(REAL);
    for line in LINES {
        let _ = std::fs::remove_file(recorder.path("record"));
        let mut words = crate::recorder::words(line);
        let name = words.remove(0).into_string().unwrap();
        let mut command = recorder.command(&name);
        surrounded(&recorder, &mut command);
        let output = command.args(&words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains(MARK), "{line}: {said}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains(MARK));
        let typed = line.matches(MARK).count();
        let called = std::fs::read_to_string(recorder.path("record")).unwrap();
        for call in called.lines() {
            assert!(call.matches(MARK).count() <= typed, "{line}: {call}");
        }
        let leaked = std::fs::read_to_string(recorder.path("record-files")).unwrap();
        assert_eq!(leaked, "", "{line}");
        for folder in ["tmp", "cache"] {
            let found = Command::new("grep")
                .args(["-rl", MARK])
                .arg(recorder.path(folder))
                .output()
                .unwrap();
            assert_eq!(found.stdout, b"", "{line}: {folder}");
        }
    }
}

#[test]
fn an_explanation_has_secrets_only_in_the_words_that_were_typed() {
    let recorder = Recorder::of(REAL);
    for line in LINES {
        let mut command = Command::new(crate::seats::program());
        for (name, value) in recorder.command("docker").get_envs() {
            command.env(name, value.unwrap());
        }
        surrounded(&recorder, &mut command);
        let words = crate::recorder::words(line);
        let output = command.args(["explain", "--"]).args(words).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains(MARK), "{line}: {said}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut plan: serde_json::Value = serde_json::from_str(&text).unwrap();
        let argv = plan["argv"].take().to_string();
        assert!(argv.matches(MARK).count() <= line.matches(MARK).count());
        assert!(!plan.to_string().contains(MARK), "{line}: {plan:#}");
    }
}
