//! The real docker is asked what a command line means: what it asks its daemon for is the same behind the
//! shim, but for the sources of mounts that are mapped. Whoever misread a word would change something else.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use cachecore::argv::{Flag, Program, Takes, tables};
use camino::Utf8PathBuf;
use serde_json::Value;
use testbed::engines::Release;

use crate::daemon_double::{DaemonDouble, Request};
use crate::lot::Lot;
use crate::recorder::words;
use crate::seats::seat;

/// How many command lines are put together by lot; the older docker is asked about every flag too if it is set.
const VARIABLE: &str = "CACHECORE_REQUESTS";
const USUAL: usize = 60;

/// Docker itself, and the shim in front of it, with a daemon that writes down.
struct Both {
    double: DaemonDouble,
    folder: tempfile::TempDir,
    release: Release,
}

/// How a command ended, and what was asked for.
#[derive(Debug, PartialEq)]
struct Told {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
    requests: Vec<Request>,
}

impl Both {
    fn of(release: Release) -> Self {
        let both = Self {
            double: DaemonDouble::new(),
            folder: tempfile::tempdir().unwrap(),
            release,
        };
        seat(&both.path("bin"), &["docker"]);
        for folder in ["home", "work", "work/app"] {
            std::fs::create_dir(both.path(folder)).unwrap();
        }
        std::fs::write(both.path("home/list"), "A=1\n").unwrap();
        both
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.folder.path().join(name)).unwrap()
    }

    fn told(&self, line: &[OsString], by_shim: bool) -> Told {
        // Without what the last command has left there.
        let work = self.path("work/app");
        std::fs::remove_dir_all(&work).unwrap();
        std::fs::create_dir(&work).unwrap();
        let real = self.release.dockerd().parent().unwrap().to_owned();
        let docker = if by_shim {
            self.path("bin")
        } else {
            real.clone()
        };
        let mut command = Command::new("/usr/bin/timeout");
        command
            .arg("20")
            .arg(docker.join("docker"))
            .args(line)
            .env_clear()
            .env("PATH", format!("{real}:/usr/bin:/bin"))
            .env("HOME", self.path("home"))
            .env(
                "CACHECORE_PATH_MAP",
                format!("{}=/mapped", self.path("work")),
            )
            .current_dir(work)
            .stdin(Stdio::null());
        // So that a mounted socket of the usual place is another one.
        let host = if by_shim {
            "CACHECORE_DOCKER_HOST"
        } else {
            "DOCKER_HOST"
        };
        command.env(host, self.double.host());
        let output = command.output().unwrap();
        let mut requests = self.double.asked();
        for request in &mut requests {
            // Docker has them in no order.
            if let Some(Value::Array(binds)) = request.body.pointer_mut("/HostConfig/Binds") {
                binds.sort_by_key(Value::to_string);
            }
        }
        Told {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            requests,
        }
    }

    /// What the daemon is to be asked for by the shim, when this is what docker asks for.
    fn mapped(&self, mut told: Told) -> Told {
        let work = self.path("work");
        let socket = self.double.host();
        let socket = socket.strip_prefix("unix://").unwrap();
        let map = |source: &str| -> String {
            match source.strip_prefix(work.as_str()) {
                _ if source == "/var/run/docker.sock" || source == "/run/docker.sock" => {
                    socket.to_owned()
                }
                Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/mapped{rest}"),
                _ => source.to_owned(),
            }
        };
        for request in &mut told.requests {
            let mut list = |name| {
                let list = request.body.pointer_mut(name);
                list.and_then(Value::as_array_mut).map(std::mem::take)
            };
            let (mut binds, mut mounts) = (list("/HostConfig/Binds"), list("/HostConfig/Mounts"));
            for bind in binds.iter_mut().flatten() {
                let text = bind.as_str().unwrap();
                let (source, rest) = text.split_once(':').unwrap_or((text, ""));
                *bind = Value::from(format!("{}:{rest}", map(source)));
            }
            for mount in mounts.iter_mut().flatten() {
                if mount["Type"] == "bind" {
                    mount["Source"] = map(mount["Source"].as_str().unwrap_or_default()).into();
                }
            }
            if let Some(binds) = &mut binds {
                binds.sort_by_key(Value::to_string);
            }
            for (name, list) in [("Binds", binds), ("Mounts", mounts)] {
                if let Some(list) = list {
                    request.body["HostConfig"][name] = list.into();
                }
            }
        }
        told
    }

    #[track_caller]
    fn compare(&self, line: &[OsString]) -> bool {
        let plain = self.mapped(self.told(line, false));
        let shim = self.told(line, true);
        assert_eq!(shim, plain, "{line:?}");
        plain
            .requests
            .iter()
            .any(|request| request.line.contains("create"))
    }

    /// Words with `@` for the folder that is mapped.
    fn words(&self, line: &str) -> Vec<OsString> {
        words(&line.replace('@', self.path("work").as_str()))
    }
}

/// Command lines whose mounts stand at odd places.
const LINES: [&str; 43] = [
    "create -v @/a:/b i",
    "create -v@/a:/b i",
    "create -v=@/a:/b i",
    "create --volume @/a:/b i",
    "create --volume=@/a:/b i",
    "create -itv @/a:/b i",
    "create -itv@/a:/b i",
    "create -itv=@/a:/b:ro i",
    "create -v @:/b:ro,z -v @space:/c -v name:/n -v /anonymous i",
    "create i -v @/a:/b",
    "create -- i -v @/a:/b",
    "create -e -v @/a i",
    "create -e -v -v @/a:/b i",
    "create --env=-v -v @/a:/b i",
    "create --label -v --name=-v -v @/a:/b i",
    "create -h -v -v @/a:/b i",
    "create --entrypoint= -v @/a:/b i",
    "create --entrypoint '' -v @/a:/b i ''",
    "create --init -v @/a:/b i",
    "create --init=false -v @/a:/b i",
    "create --privileged true -v @/a:/b i",
    "create --read-only=0 -P -v @/a:/b i sh -c 'echo -v @/a:/b'",
    "create --mount type=bind,source=@/a,target=/b i",
    "create --mount=type=bind,src=@/a,dst=/b,readonly i",
    "create --mount type=bind,src=@/a,destination=/b,bind-propagation=rshared i",
    "create --mount source=name,target=/b i",
    "create --mount type=volume,source=@,target=/b i",
    "create --mount type=tmpfs,target=/b,tmpfs-size=1m i",
    "create --mount 'type=bind,\"source=@/a,b\",target=/b' i",
    "create --mount type=BIND,SOURCE=@/a,TARGET=/b i",
    "create --mount type=bind,source=@/a,target=/b --mount type=bind,source=@,target=/c i",
    "create --mount type=bind,source=/var/run/docker.sock,target=/s i",
    "create -v /var/run/docker.sock:/var/run/docker.sock i",
    "create --tmpfs @/a --volumes-from c --volume-driver d i",
    "create --env-file ../../home/list -v @/a:/b i",
    "container create --name n -v @/a:/b i",
    "run -d -v @/a:/b i -d -v @/c:/d",
    "run -dv @/a:/b i",
    "container run -d --rm --sig-proxy=false --detach-keys=a -v @/a:/b i",
    "-D -l debug create -v @/a:/b i",
    "--log-level=error create -v @/a:/b i",
    "create --frobnicate -v @/a:/b i",
    "create -v",
];

/// Relative sources, which the CLI resolves itself since 23.0.
const RELATIVE: [&str; 6] = [
    "create -v ./a:/b i",
    "create -v .:/b i",
    "create -v ..:/b i",
    "create -v ../../other:/b i",
    "create -v .hidden:/b i",
    "create --volume=./a:/b i",
];

#[test]
fn the_daemon_is_asked_for_what_docker_would_ask_for() {
    for release in [Release::V26_1, Release::V20_10] {
        let both = Both::of(release);
        let mut created = 0;
        for line in LINES {
            created += usize::from(both.compare(&both.words(line)));
        }
        assert!(created > 35, "{created}");
    }
    let both = Both::of(Release::V26_1);
    for line in RELATIVE {
        assert!(both.compare(&both.words(line)), "{line}");
    }
}

#[test]
fn containers_of_the_corpus_are_asked_for_as_they_are() {
    let both = Both::of(Release::V26_1);
    let work = both.path("work");
    let mut created = 0;
    for line in include_str!("corpus").lines() {
        let line = words(line);
        let makes_one = line.iter().any(|word| word == "run" || word == "create");
        let is_compose = line
            .iter()
            .any(|word| word == "compose" || word == "buildx");
        if line[0] != "docker" || !makes_one || is_compose {
            continue;
        }
        // With one more mount, as the first word of the command's flags, and detached.
        let at = line
            .iter()
            .position(|word| word == "run" || word == "create")
            .unwrap();
        let mut line = line[1..].to_vec();
        if line[at - 1] == "run" {
            line.insert(at, "-d".into());
        }
        line.insert(at, format!("-v{work}/a:/b").into());
        created += usize::from(both.compare(&line));
    }
    assert!(created > 20, "{created}");
}

fn container_flags() -> Vec<&'static Flag> {
    let create = tables::root(Program::Docker)
        .children()
        .find(|node| node.names[0] == "create");
    create.unwrap().flags().collect()
}

#[test]
fn every_flag_takes_a_value_if_docker_s_does() {
    // The older one has no flag that the newer one has not.
    let thorough = std::env::var_os(VARIABLE).is_some();
    let releases = [Release::V26_1, Release::V20_10];
    for release in &releases[..1 + usize::from(thorough)] {
        let both = Both::of(*release);
        let mount = both.words("-v @/a:/b i");
        for flag in container_flags() {
            // If it took what follows and should not, or the other way round, the mount would be another.
            let mut spellings = vec![OsString::from(format!("--{}", flag.long))];
            if flag.short != 0 {
                spellings.push(OsStr::from_bytes(&[b'-', flag.short]).to_owned());
            }
            for spelling in spellings {
                let mut line = vec!["create".into(), spelling];
                if flag.takes == Takes::Value {
                    line.push("1".into());
                }
                line.extend(mount.iter().cloned());
                both.compare(&line);
            }
        }
    }
}

#[test]
fn command_lines_by_lot_are_asked_for_as_they_are() {
    let count = std::env::var(VARIABLE).map_or(USUAL, |count| count.parse().unwrap());
    let both = Both::of(Release::V26_1);
    let flags = container_flags();
    let mut lot = Lot::new(7);
    let values = [
        "1",
        "-v",
        "@:/x",
        "a=b",
        "",
        "=",
        "--",
        "true",
        "-",
        "@/q:/r:ro",
    ];
    let mut created = 0;
    for _ in 0..count {
        let mut line = vec![OsString::from("create")];
        for _ in 0..lot.below(5) {
            let value = both
                .words(values[lot.below(values.len())])
                .pop()
                .unwrap_or_default();
            let flag = flags[lot.below(flags.len())];
            let joined =
                |head: &[u8]| OsStr::from_bytes(&[head, value.as_bytes()].concat()).to_owned();
            match lot.below(6) {
                0 => line.push(joined(format!("--{}=", flag.long).as_bytes())),
                1 => line.push(format!("--{}", flag.long).into()),
                2 if flag.short != 0 => line.push(joined(&[b'-', b'i', flag.short])),
                3 => line.extend(both.words("-e A -l b=c")),
                4 => line.extend(both.words("--mount type=bind,src=@,dst=/m")),
                _ => line.extend([format!("--{}", flag.long).into(), value]),
            }
        }
        line.extend(both.words("-v @/a:/b i -v @/c:/d"));
        created += usize::from(both.compare(&line));
    }
    assert!(created * 20 > count, "{created} of {count}");
}
