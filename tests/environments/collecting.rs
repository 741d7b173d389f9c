//! What `ls` says of images, and what `gc` removes of them.

use std::fs::File;
use std::process::Output;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use testbed::engines::envimage_program;
use testbed::stack::Store;

use crate::scene::{Scene, names};
use testbed::engines::Release;

impl Scene {
    /// `envimage` without the spec.
    fn plain(&self, words: &[&str]) -> Output {
        let mut command = self.client.command(envimage_program());
        command
            .args(words)
            .env("CACHECORE_ENVIRONMENTS", &self.state);
        command.output().unwrap()
    }

    #[track_caller]
    fn document(&self, words: &[&str]) -> Value {
        let output = self.plain(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Lets everything that is remembered be of an hour ago.
    fn age(&self) {
        let then = SystemTime::now() - Duration::from_secs(3600);
        for kind in ["used", "logs", "failures", "locks", "startup"] {
            for name in names(&self.state.join(kind)) {
                let file = File::open(self.state.join(kind).join(name)).unwrap();
                file.set_modified(then).unwrap();
            }
        }
    }
}

/// Each image with why it stays or goes, by stage.
fn fates(document: &Value) -> Vec<String> {
    let images = document["plan"]["images"].as_array().unwrap().iter();
    let all = images.map(|verdict| {
        format!(
            "{} {}",
            verdict["image"]["stage"].as_str().unwrap(),
            verdict["fate"]
        )
    });
    all.collect()
}

fn stages(scene: &Scene) -> usize {
    scene.images().len()
}

const SPEC: &str = "stages:\n- {name: system, inline: 'true'}\n- {name: desktop, inline: 'true'}\n\
    - {name: web, inline: 'true'}\nrun: {inline: 'true'}\n";

fn what_is_used_stays_with_all_below_it(store: Store) {
    let scene = Scene::with(Release::V26_1, store);
    scene.spec(SPEC);
    let all = scene.ensure();
    assert_eq!(all.verdicts(), ["built", "built", "built"]);
    // Another branch of the same environment, of which a container has ended and one runs no more.
    scene.spec(&SPEC.replace("{name: web, inline: 'true'}", "{name: web, inline: ':'}"));
    let mut run = scene.command(&["run", "--keep", "--name=task"]);
    let run = run.args(["--", "/bin/true"]).output().unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert_eq!(stages(&scene), 4);

    // Whoever was told a name a moment ago has not started it yet.
    let fresh = scene.document(&["gc", "--max-age=0s", "--json"]);
    assert_eq!(stages(&scene), 4, "{fresh}");
    scene.age();
    let planned = scene.document(&["gc", "--max-age=0s", "--dry-run", "--json"]);
    assert_eq!(stages(&scene), 4);
    let expected = [
        "system {\"keep\":{\"built_on\":\"desktop\"}}",
        "desktop {\"keep\":{\"built_on\":\"web\"}}",
        "web {\"keep\":{\"used\":\"task\"}}",
        "web {\"remove\":{\"old\":0}}",
    ];
    let sorted = |document: &Value| {
        let mut fates = fates(document);
        fates.sort_by_key(|fate| expected.iter().position(|known| known == fate));
        fates
    };
    assert_eq!(sorted(&planned), expected);
    let done = scene.document(&["gc", "--max-age=0s", "--json"]);
    assert_eq!(sorted(&done), expected);
    assert_eq!(stages(&scene), 3);
    // The folder of scripts is mounted into the container that is there.
    assert_eq!(names(&scene.state.join("startup")).len(), 1);
    scene.client.docker(&["start", "-a", "task"]);

    scene.client.docker(&["rm", "task"]);
    scene.age();
    let done = scene.document(&["gc", "--max-age=0s", "--json"]);
    assert_eq!(stages(&scene), 0, "{done}");
    assert_eq!(done["plan"]["bases"].as_array().unwrap().len(), 1);
    for kind in ["startup", "used", "logs", "locks", "builds"] {
        assert_eq!(names(&scene.state.join(kind)), [""; 0], "{kind}");
    }
    // The base image itself has its own name, and what was removed is built again.
    scene.client.docker(&["image", "inspect", "base:1"]);
    assert_eq!(scene.ensure().verdicts(), ["built", "built", "built"]);
}

#[test]
fn what_a_container_is_of_stays_with_all_that_it_is_built_on() {
    what_is_used_stays_with_all_below_it(Store::Classic);
}

#[test]
fn the_same_holds_with_containerd_s_store() {
    what_is_used_stays_with_all_below_it(Store::Containerd);
}

#[test]
fn images_and_failures_are_listed_and_images_also_by_who_remembers_nothing() {
    let scene = Scene::new();
    assert_eq!(
        scene.document(&["ls", "--json"])["images"],
        serde_json::json!([])
    );
    scene.spec(
        "stages:
- {name: good, inline: 'true'}
- {name: better, inline: 'true'}
- {name: bad, inline: 'echo the build says why; exit 3'}
",
    );
    scene.ensure();
    let listed = scene.document(&["ls", "--json"]);
    let images = listed["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    // In their order, however soon one was built after the other.
    let image = &images[1]["image"];
    assert_eq!(image["stage"], "better");
    assert!(image["last_used"].is_string(), "{listed}");
    let image = &images[0]["image"];
    assert_eq!(
        (&image["project"], &image["stage"]),
        (&"shop".into(), &"good".into())
    );
    assert_eq!(listed["failures"][0]["stage"], "bad");
    assert_eq!(listed["failures"][0]["times"], 1);
    assert_eq!(listed["failures"][0]["project"], "shop");
    let log = listed["failures"][0]["log"].as_str().unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("the build says why"), "{log}");
    let table = scene.plain(&["ls"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.contains("shop, stage bad: its build failed") && table.contains("`ensure --retry`"),
        "{table}"
    );
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{table}");

    std::fs::remove_dir_all(&scene.state).unwrap();
    let listed = scene.document(&["ls", "--json"]);
    assert_eq!(listed["images"][0]["image"]["last_used"], Value::Null);
    assert_eq!(listed["failures"], serde_json::json!([]));
}
