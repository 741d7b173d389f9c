//! The shim in an image, put there as the document for operators says.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use camino::Utf8Path;
use testbed::engines::busybox;
use testbed::stack::{Stack, Store};

use crate::seats::program;

const DOCUMENT: &str = include_str!("../../docs/shim.md");

/// Docker as a script, and its plugin.
const REAL: [(&str, &str); 2] = [
    ("usr/bin/docker", "#!/bin/sh\necho real docker \"$@\"\n"),
    (
        "usr/libexec/docker/cli-plugins/docker-buildx",
        "#!/bin/sh\necho real buildx \"$@\"\n",
    ),
];

#[test]
fn an_image_made_by_the_document_has_the_shim_in_front() {
    let stack = Stack::new();
    let daemon = stack.daemon(Store::Classic);
    let client = stack.client(&daemon, None);
    let context = stack.fresh("image");
    root(&context.join("root"));
    std::fs::copy(program(), context.join("docker-shim")).unwrap();
    let lines = DOCUMENT.split("```dockerfile\n").nth(1).unwrap();
    let lines = lines.split("```").next().unwrap();
    let file = format!("FROM scratch\nCOPY root /\nENV PATH=/usr/bin:/bin\n{lines}");
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    client.docker(&["build", "-t", "shimmed", context.as_str()]);
    let run = |words: &[&str]| {
        let start = ["run", "--rm", "--network=none", "shimmed"];
        client.docker(&[&start, words].concat())
    };
    let said = run(&["docker", "ps"]);
    assert_eq!(said, "real docker ps");
    let plugin = "/usr/local/lib/docker/cli-plugins/docker-buildx";
    assert_eq!(run(&[plugin, "version"]), "real buildx version");
    // It says that no daemon answers, and fails.
    let doctor = "/usr/local/lib/docker-shim/docker-shim doctor || true";
    let said = run(&["sh", "-c", doctor]);
    for name in ["/usr/local/lib/docker-shim/bin/docker", plugin] {
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("the shim, {name};")), "{said}");
    }
    assert!(said.lines().all(|line| line.len() <= 80), "{said}");
}

/// A system with a shell, docker, and the libraries that the shim was built with.
fn root(root: &Utf8Path) {
    let put = |name: &str, bytes: &[u8]| {
        let path = root.join(name.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    put("bin/sh", &std::fs::read(busybox()).unwrap());
    for (name, text) in REAL {
        put(name, text.as_bytes());
    }
    // None for a static one.
    let listed = Command::new("ldd").arg(program()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for path in listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        put(path, &std::fs::read(path).unwrap());
    }
}
