//! Golden builds on request: nothing that was asked for is lost, and nothing is built for nothing.

use std::os::unix::fs::PermissionsExt;

use camino::Utf8PathBuf;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testbed::engines::remains::processes_with;
use testbed::engines::{Done, Release, Workplace, eventually};

crate::on_each_engine!(
    enabling_builds_at_once_and_what_is_built_already_is_skipped,
    a_killed_builder_loses_no_request,
);

/// A project with a startup file that notes each run, and waits while its gate is closed.
struct Shop {
    work: Workplace,
}

impl Shop {
    /// Enabled, with the golden of revision `r1`.
    fn new() -> Self {
        Self::with(Release::V26_1)
    }

    fn with(release: Release) -> Self {
        let shop = Self {
            work: Workplace::new(release),
        };
        shop.write_startup("");
        shop.open_gate();
        shop.enable(&["--revision=r1", "--wait"]).ok();
        shop
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        self.work.path(name)
    }

    fn write_startup(&self, more: &str) {
        let (runs, begun, gate) = (self.path("runs"), self.path("begun"), self.path("gate"));
        let import = self.work.project.import_box();
        let script = format!(
            "#!/bin/sh -e\n\
             echo \"$CACHECORE_REVISION in $PWD\" >> {runs}\n\
             touch {begun}\n\
             until test -e {gate}; do sleep 0.02; done\n\
             docker image inspect box > /dev/null 2>&1 || {import}\n\
             {more}\n"
        );
        let file = self.path("startup");
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn open_gate(&self) {
        std::fs::write(self.path("gate"), "").unwrap();
    }

    fn close_gate(&self) {
        std::fs::remove_file(self.path("gate")).unwrap();
        let _ = std::fs::remove_file(self.path("begun"));
    }

    fn a_build_begins(&self) {
        eventually("a build has begun", || self.path("begun").exists());
        std::fs::remove_file(self.path("begun")).unwrap();
    }

    fn enable(&self, options: &[&str]) -> Done {
        let startup = self.path("startup");
        let mut words = vec!["enable", "shop", "--startup", startup.as_str()];
        words.push("--network=isolated");
        words.extend(options);
        let mut command = self.work.command(words);
        command.current_dir(self.work.project.folder());
        self.work.spawn(command).wait()
    }

    fn trigger(&self, revision: &str, options: &[&str]) -> Done {
        let mut words = vec!["trigger", "shop", "--revision", revision];
        words.extend(options);
        self.work.goldenctl(words)
    }

    /// The revisions of all runs of the startup file, in order.
    fn runs(&self) -> Vec<String> {
        let folder = format!(" in {}", self.work.project.folder());
        let runs = std::fs::read_to_string(self.path("runs")).unwrap();
        runs.lines()
            .map(|run| run.strip_suffix(&folder).unwrap().to_owned())
            .collect()
    }

    fn state(&self) -> Value {
        self.work.status("shop")["state"].clone()
    }

    fn settles(&self) {
        eventually("no request is left", || {
            let state = self.state();
            state["pending"].is_null() && state["building"].is_null()
        });
        eventually("nothing is left of the builds", || {
            self.work.left().is_empty()
        });
    }

    /// Generation `number` serves, and is of this revision.
    #[track_caller]
    fn assert_serves(&self, number: u64, revision: &str) {
        let status = self.work.status("shop");
        assert_eq!(status["generation"], number, "{status}");
        assert_eq!(status["golden"]["revision"], revision, "{status}");
        assert_eq!(status["state"]["status"], "ready", "{status}");
    }

    fn builder(&self) -> u32 {
        let builders = processes_with(&["builder shop", self.work.root().as_str()]);
        assert_eq!(builders.len(), 1, "one builder");
        builders[0]
    }
}

fn enabling_builds_at_once_and_what_is_built_already_is_skipped(release: Release) {
    let shop = Shop::with(release);
    shop.assert_serves(1, "r1");
    let summary = shop.work.status("shop")["summary"].clone();
    let summary = summary.as_str().unwrap();
    assert!(
        summary.starts_with("Ready · ") && summary.contains(" · Updated "),
        "{summary}"
    );

    let skipped = shop.trigger("r1", &["--wait"]).ok().stdout;
    let says = "no build of shop of revision r1 is needed: generation 1 is of revision r1";
    assert!(skipped.starts_with(says), "{skipped}");
    shop.trigger("r2", &["--wait"]).ok();
    shop.assert_serves(2, "r2");
    assert_eq!(shop.runs(), ["r1", "r2"]);

    // Another startup file is another golden.
    shop.write_startup("docker volume create more");
    let explained = shop.work.goldenctl(["explain", "shop"]).ok().stdout;
    assert!(explained.contains("changed since"), "{explained}");
    shop.trigger("r2", &["--wait"]).ok();
    shop.assert_serves(3, "r2");
    let explained = shop
        .work
        .goldenctl(["explain", "shop", "--json"])
        .ok()
        .json();
    assert_eq!(explained["changes"]["volumes_added"][0], "more");
    assert_eq!(explained["changes"]["startup_changed"], true);
    assert_eq!(
        explained["next_trigger"]["same_revision"]["verdict"],
        "skipped"
    );
    assert_eq!(
        explained["next_trigger"]["another_revision"]["verdict"],
        "start-now"
    );

    shop.work.goldenctl(["disable", "shop"]).ok();
    let said = shop.trigger("r3", &[]).ok().stdout;
    assert!(said.contains("the project is disabled"), "{said}");
    shop.trigger("r3", &["--wait"])
        .ended_with(1)
        .says("the project is disabled")
        .says("goldenctl enable shop --startup");
    shop.assert_serves(3, "r2");
    // Enabling builds also what is built.
    shop.enable(&["--revision=r2", "--wait"]).ok();
    shop.assert_serves(4, "r2");
    shop.settles();
}

#[test]
fn ten_triggers_during_a_build_are_one_further_build_of_the_newest() {
    let shop = Shop::new();
    shop.close_gate();
    let first = shop.trigger("r2", &[]).ok().stdout;
    assert!(first.contains("revision r2 starts"), "{first}");
    shop.a_build_begins();
    let builder = shop.builder();
    for n in 3..=12 {
        let said = shop.trigger(&format!("r{n}"), &[]).ok().stdout;
        assert!(said.contains(&format!("revision r{n} waits")), "{said}");
    }
    assert_eq!(shop.builder(), builder, "no trigger has started another");
    let state = shop.state();
    assert_eq!(state["pending"]["coalesced"], 9, "{state}");
    let said = shop.work.goldenctl(["status", "shop"]).ok().stdout;
    assert!(said.starts_with("shop: Building... Started "), "{said}");
    shop.open_gate();
    shop.settles();
    assert_eq!(shop.runs(), ["r1", "r2", "r12"]);
    shop.assert_serves(3, "r12");
}

#[test]
fn cancelling_ends_the_build_and_leaves_nothing_pending() {
    let shop = Shop::new();
    shop.close_gate();
    shop.trigger("r2", &[]).ok();
    shop.a_build_begins();
    shop.trigger("r3", &[]).ok();
    let said = shop.work.goldenctl(["cancel", "shop"]).ok().stdout;
    assert!(
        said.contains(" was cancelled; generation 1 serves on"),
        "{said}"
    );
    assert!(said.contains("the pending request is dropped"), "{said}");
    shop.settles();
    shop.assert_serves(1, "r1");
    let state = shop.state();
    assert_eq!(state["unbuilt"]["revision"], "r3", "{state}");
    assert_eq!(state["last_builds"][0]["cut_short"], "cancelled", "{state}");
    assert_eq!(shop.runs(), ["r1", "r2"]);

    // What was cancelled can be had all the same.
    shop.open_gate();
    shop.work.goldenctl(["retry", "shop", "--wait"]).ok();
    shop.assert_serves(2, "r3");

    // A build by hand hears it too.
    shop.close_gate();
    let script = format!("exec {}", shop.path("startup"));
    let by_hand = shop
        .work
        .spawn(shop.work.build_command("shop", &[], &script));
    shop.a_build_begins();
    shop.work.goldenctl(["cancel", "shop"]).ok();
    by_hand
        .wait()
        .ended_with(1)
        .says("was cancelled; generation 2 serves on");
    shop.settles();
    shop.assert_serves(2, "r3");
    let said = shop.work.goldenctl(["cancel", "shop"]).ok().stdout;
    assert!(said.contains("there was nothing to cancel"), "{said}");
}

#[test]
fn a_failed_build_is_built_again_by_retry() {
    let shop = Shop::new();
    let broken = shop.path("broken");
    shop.write_startup(&format!(
        "if test -e {broken}; then echo no luck; exit 3; fi"
    ));
    std::fs::write(&broken, "").unwrap();
    let reason = "the startup command ended with exit code 3 (last line: no luck)";
    shop.trigger("r2", &["--wait"])
        .ended_with(1)
        .says(reason)
        .says("goldenctl retry shop");
    let status = shop.work.goldenctl(["status", "shop"]).ok().stdout;
    assert!(
        status.starts_with(&format!("shop: Failed: {reason}")),
        "{status}"
    );
    std::fs::remove_file(&broken).unwrap();
    shop.work.goldenctl(["retry", "shop", "--wait"]).ok();
    shop.assert_serves(2, "r2");
    shop.work
        .goldenctl(["retry", "shop"])
        .ended_with(1)
        .says("no request has failed");
    shop.settles();
}

fn a_killed_builder_loses_no_request(release: Release) {
    let shop = Shop::with(release);
    shop.close_gate();
    shop.trigger("r2", &[]).ok();
    shop.a_build_begins();
    shop.trigger("r3", &[]).ok();
    let end = |signal| {
        let pid = i32::try_from(shop.builder()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    };
    end(Signal::KILL);
    eventually("the next command finds out", || {
        shop.state()["status"] == "failed"
    });
    let state = shop.state();
    assert_eq!(state["pending"]["revision"], "r3", "{state}");
    // And the one that is being built is wanted still, if nothing newer is: at a shutdown, say.
    shop.work.goldenctl(["trigger", "--all"]).ok();
    shop.a_build_begins();
    end(Signal::TERM);
    eventually("the next command finds out", || {
        shop.state()["status"] == "failed"
    });
    let state = shop.state();
    assert_eq!(state["pending"]["revision"], "r3", "{state}");
    shop.open_gate();
    let said = shop.trigger("r4", &["--wait"]).ok().stdout;
    assert!(
        said.contains("a request waited that nobody builds"),
        "{said}"
    );
    shop.assert_serves(2, "r4");
    assert_eq!(shop.runs(), ["r1", "r2", "r3", "r4"]);
    shop.settles();
}

#[test]
fn a_build_by_hand_hands_over_what_was_triggered_meanwhile() {
    let shop = Shop::new();
    shop.close_gate();
    let script = format!("exec {}", shop.path("startup"));
    let by_hand = shop
        .work
        .spawn(shop.work.build_command("shop", &["--revision=r2"], &script));
    shop.a_build_begins();
    let said = shop.trigger("r3", &[]).ok().stdout;
    assert!(said.contains("revision r3 waits"), "{said}");
    shop.open_gate();
    assert_eq!(by_hand.wait().ok().json()["generation"], 2);
    shop.settles();
    shop.assert_serves(3, "r3");
}
