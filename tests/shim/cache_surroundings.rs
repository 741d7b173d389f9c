//! Build caches as operators and strangers leave them, and what `docker-shim cache` does about it.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use testbed::mounted::Mounted;

use crate::cache::{Session, Site, assert_hit, assert_missed, built, files, read};
use crate::seats::program;

impl Site {
    /// Runs `docker-shim cache`. Gives its exit code and its report.
    fn cache_command(&self, words: &[&str]) -> (i32, Value) {
        let output = Command::new(program())
            .args(["cache", "--json"])
            .args(words)
            .env("CACHECORE_BUILD_CACHE", &self.cache)
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        (
            code,
            serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        )
    }

    fn blobs(&self) -> Utf8PathBuf {
        self.cache.join("blobs/sha256")
    }
}

impl Session {
    /// Has its builder forget everything.
    fn forget(&self) {
        let ids = self.client.docker(&["images", "-aq"]);
        for id in ids.lines() {
            self.client.try_docker(&["rmi", "-f", id]);
        }
        self.client.docker(&["builder", "prune", "-af"]);
    }
}

#[test]
fn what_is_in_the_cache_is_shown_verified_and_collected() {
    let site = Site::new();
    let session = site.session();
    let [a, b] = ["a", "b"].map(|name| site.context(name));
    let build = |name, context| built(&session.client, &["build", "-t", name], context);
    assert_missed(build("a", &a));
    build("b", &b);

    let (code, keys) = site.cache_command(&["ls"]);
    let names: Vec<_> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["key"].as_str().unwrap())
        .collect();
    assert_eq!((code, names), (0, vec!["a", "b"]));
    let (_, stats) = site.cache_command(&["stats"]);
    assert_eq!(
        (&stats["exports"], &stats["broken_exports"]),
        (&2.into(), &0.into())
    );
    let number = |report: &Value, name: &str| report[name].as_u64().unwrap();
    assert!(number(&stats, "bytes") < number(&stats, "bytes_if_not_shared"));
    assert_eq!(site.cache_command(&["verify"]).0, 0);

    // A blob that is not what its name says, a record that is none, and a blob that nobody needs.
    let spoilt = site.largest_blob();
    let mut bytes = std::fs::read(&spoilt).unwrap();
    bytes[0] ^= 1;
    std::fs::remove_file(&spoilt).unwrap();
    std::fs::write(&spoilt, bytes).unwrap();
    std::fs::write(site.cache.join("keys/c.json"), "{").unwrap();
    let (code, report) = site.cache_command(&["verify"]);
    assert_eq!(
        (code, report["damaged"].as_array().unwrap().len()),
        (5, 1),
        "{report}"
    );
    assert_eq!(report["senseless"], serde_json::json!(["c.json"]));
    assert!(number(&report, "dropped") > 0, "{report}");
    assert_eq!(site.cache_command(&["verify"]).0, 0);
    session.forget();
    build("a", &a);
    build("b", &b);
    session.forget();
    assert_hit(build("a", &a));

    let unneeded = site.blobs().join("0".repeat(64));
    std::fs::write(&unneeded, "x").unwrap();
    let before = files(&site.blobs());
    let (_, report) = site.cache_command(&["gc", "--dry-run", "--max-size=0"]);
    assert_eq!(report["kept_exports"], 0, "{report}");
    assert_eq!(files(&site.blobs()), before);
    let (code, report) = site.cache_command(&["gc"]);
    assert_eq!((code, &report["kept_exports"]), (0, &2.into()), "{report}");
    assert!(!unneeded.exists());
    session.forget();
    assert_hit(build("a", &a));
    let (_, report) = site.cache_command(&["gc", "--max-size", "0"]);
    assert_eq!(
        (&report["kept_exports"], &report["kept_bytes"]),
        (&0.into(), &0.into())
    );
    session.forget();
    assert_missed(build("a", &a));
    session.forget();
    assert_hit(build("a", &a));
    for words in [
        &["frobnicate"][..],
        &["ls", "--dry-run"],
        &["gc", "--max-size", "x"],
    ] {
        assert_eq!(site.cache_command(words).0, 2, "{words:?}");
    }
}

/// Mounts a folder on itself so that nothing in it can be written.
fn read_only(folder: &Utf8Path) -> ReadOnly {
    for words in [
        &["--bind", folder.as_str(), folder.as_str()][..],
        &["-o", "remount,bind,ro", folder.as_str()],
    ] {
        assert!(
            Command::new("mount")
                .args(words)
                .status()
                .unwrap()
                .success()
        );
    }
    ReadOnly(folder.to_owned())
}

struct ReadOnly(Utf8PathBuf);

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .args(["-l", self.0.as_str()])
            .status();
    }
}

#[test]
fn a_cache_that_cannot_be_used_fails_no_build() {
    let mut site = Site::new();
    let session = site.session();
    let context = site.context("words");
    let with = |cache: &Utf8Path| {
        session.forget();
        let mut client = session.client.clone();
        let variable = ("CACHECORE_BUILD_CACHE".to_owned(), cache.to_string());
        client.variables.push(variable);
        built(&client, &["build", "-t", "app"], &context)
    };
    assert_missed(with(&site.cache));
    assert_hit(with(&site.cache));

    let mounted = read_only(&site.cache);
    assert_hit(with(&site.cache));
    drop(mounted);
    // The export fails in the middle.
    std::fs::write(context.join("words"), "others").unwrap();
    let mounted = read_only(&site.cache.join("blobs"));
    let (_, _, said) = with(&site.cache);
    assert!(said.contains("not published"), "{said}");
    drop(mounted);
    assert_eq!(site.exports_in_progress(), 0);

    let missing = site.stack.fresh("missing");
    let file = site.stack.fresh("file");
    std::fs::write(&file, "x").unwrap();
    let small = site.stack.fresh("small");
    std::fs::create_dir(&small).unwrap();
    let full = Mounted::tmpfs(&small);
    for cache in [&missing, &file, &small, &"relative".into(), &"/a,b".into()] {
        assert_missed(with(cache));
    }
    drop(full);

    // What strangers put in the place of its parts.
    for (part, kind) in [
        ("keys/app.json", "pipe"),
        ("keys/app.json", "link"),
        ("keys/app.json", "words"),
        ("keys", "link"),
        ("exports", "link"),
        ("blobs", "link"),
        ("CACHEDIR.TAG", "pipe"),
    ] {
        let cache = site.stack.fresh("cache");
        std::fs::create_dir(&cache).unwrap();
        let elsewhere = site.stack.fresh("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join("f"), "theirs").unwrap();
        let at = cache.join(part);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        match kind {
            "pipe" => rustix::fs::mkfifoat(rustix::fs::CWD, at.as_str(), 0o666.into()).unwrap(),
            "words" => std::fs::write(&at, "no record").unwrap(),
            _ if part.ends_with(".json") => symlink(elsewhere.join("f"), &at).unwrap(),
            _ => symlink(&elsewhere, &at).unwrap(),
        }
        let before = files(&elsewhere);
        assert_missed(with(&cache));
        assert_eq!(files(&elsewhere), before, "{part} {kind}");
        assert_eq!(std::fs::read(elsewhere.join("f")).unwrap(), b"theirs");
    }
    site.cache = missing;
    assert_eq!(site.cache_command(&["ls"]).0, 1);
}

#[test]
fn users_of_one_group_feed_one_cache() {
    const GROUP: u32 = 54_321;
    let site = Site::new();
    chown(&site.cache, None, Some(GROUP)).unwrap();
    let mode = std::fs::Permissions::from_mode(0o2770);
    std::fs::set_permissions(&site.cache, mode).unwrap();
    let session = site.session();
    let socket = session
        .client
        .docker(&["context", "inspect", "-f", "{{.Endpoints.docker.Host}}"]);
    let socket = socket.trim_start_matches("unix://");
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let contexts = [site.context("one"), site.context("two")];
    let build = |user: u32, context: &Utf8Path| {
        session.forget();
        let config = site.stack.fresh("config");
        std::fs::create_dir(&config).unwrap();
        let settings = std::fs::read(session.client.config().join("config.json")).unwrap();
        std::fs::write(config.join("config.json"), settings).unwrap();
        for path in [&config, &config.join("config.json")] {
            chown(path, Some(user), None).unwrap();
        }
        let mut command = session.client.command("sh");
        // Where the tests are may be nobody's business: they may look everywhere, and write where they may.
        let script = format!(
            "umask 077; exec setpriv --reuid {user} --regid {user} --groups {GROUP} \
             --inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search \
             docker build -t app {context}"
        );
        command
            .args(["-c", &script])
            .env("DOCKER_CONFIG", &config)
            .env("HOME", &config);
        read(command.output().unwrap())
    };
    assert_missed(build(1001, &contexts[0]));
    assert_hit(build(1002, &contexts[0]));
    build(1002, &contexts[1]);
    assert_hit(build(1001, &contexts[1]));
    assert_eq!(site.exports_in_progress(), 0);
    for path in files(&site.cache).keys() {
        let meta = path.symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let is_record = path.starts_with(site.cache.join("keys"));
        let expected = match meta.is_dir() {
            true => 0o2770,
            false if is_record || path.ends_with("CACHEDIR.TAG") => 0o660,
            false => 0o440,
        };
        assert_eq!(format!("{mode:o}"), format!("{expected:o}"), "{path}");
    }
}
