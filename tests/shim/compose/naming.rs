//! The session's name for projects, in every way in which the user may have said another one.

use super::project::Project;
use crate::recorder::Recorder;
use testbed::engines::Release;

/// What the real compose is told of the name of a project in this folder.
fn told(recorder: &Recorder, words: &str, variables: &[(&str, &str)]) -> String {
    let _ = std::fs::remove_file(recorder.path("record"));
    let mut command = recorder.command("docker");
    command
        .args(words.split(' '))
        .current_dir(recorder.path("folder"))
        .env("CACHECORE_PROJECT_NAME", "session")
        .envs(variables.iter().copied());
    let status = command.status().unwrap();
    assert!(status.success(), "{words}");
    std::fs::read_to_string(recorder.path("record")).unwrap()
}

#[test]
fn only_a_project_without_a_name_gets_the_session_s() {
    // Asked for a project, it is the real compose; else it writes down the name that it is told.
    let compose = Release::V26_1.plugin("docker-compose");
    let line = format!(
        "shift; case \" $* \" in *' config --format '*) exec {compose} \"$@\" ;; esac\n\
         printf '%s' \"$COMPOSE_PROJECT_NAME\" > \"$RECORD\""
    );
    let recorder = Recorder::of(&line);
    let folder = recorder.path("folder");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let services = "services: {a: {image: a}}\n";
    write("compose.yaml", services);
    write("named.yaml", &format!("name: own\n{services}"));
    write("sub/compose.yaml", services);
    write("with/compose.yaml", services);
    write("with/.env", "COMPOSE_PROJECT_NAME=own\n");
    for (words, name) in [
        ("compose up", "session"),
        ("compose down --volumes", "session"),
        ("compose exec a build", "session"),
        ("compose -f sub/compose.yaml ps", "session"),
        ("compose --project-directory sub logs", "session"),
        ("compose -p own up", ""),
        ("compose -f compose.yaml -f named.yaml up", ""),
        ("compose -f named.yaml -f compose.yaml down", ""),
        ("compose --project-directory with ps", ""),
        ("compose --env-file with/.env ps", ""),
        ("compose -f with/compose.yaml ps", ""),
        ("compose -f missing.yaml ps", ""),
        ("compose ls", ""),
        ("compose version", ""),
        ("ps", ""),
    ] {
        assert_eq!(told(&recorder, words, &[]), name, "{words}");
    }
    let own = [("COMPOSE_PROJECT_NAME", "own")];
    assert_eq!(told(&recorder, "compose up", &own), "own");
    let odd = [("CACHECORE_PROJECT_NAME", "No Name")];
    assert_eq!(told(&recorder, "compose up", &odd), "");
    let file = [("COMPOSE_FILE", "named.yaml")];
    assert_eq!(told(&recorder, "compose up", &file), "");
    let file = [("COMPOSE_FILE", "sub/compose.yaml:compose.yaml")];
    assert_eq!(told(&recorder, "compose up", &file), "session");
}

#[test]
fn what_is_built_and_started_has_the_session_s_name() {
    let services = "services: {api: {build: ./api, network_mode: none}}";
    let mut project = Project::with(testbed::stack::Store::Classic, services);
    project.context("api", "words");
    project.set("CACHECORE_PROJECT_NAME", "session");
    project.runs("docker compose build");
    assert_eq!(project.ids(&["session-api"]).len(), 1);
    let up = project.runs("docker compose up --build");
    assert!(up.err.contains("Container session-api-1"), "{up:?}");
    let down = project.runs("docker-compose down");
    assert!(down.err.contains("Container session-api-1"), "{down:?}");
    assert_eq!(project.left(), [""; 0]);
}
