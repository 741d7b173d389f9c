//! A daemon with a base image, a spec in a folder, and `envimage` working on both.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use testbed::engines::{Release, busybox, envimage_program};
use testbed::stack::{Client, Daemon, Stack, Store};

/// The base image's name.
pub(crate) const BASE: &str = "base:1";

/// A place to work in.
pub(crate) struct Scene {
    pub(crate) client: Client,
    pub(crate) daemon: Daemon,
    /// Where the spec is.
    pub(crate) folder: Utf8PathBuf,
    /// Where envimage remembers.
    pub(crate) state: Utf8PathBuf,
    // Last: what the others lie in.
    pub(crate) stack: Stack,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(Release::V26_1, Store::Classic)
    }

    pub(crate) fn with(release: Release, store: Store) -> Self {
        let stack = Stack::new();
        let data_root = stack.fresh("data");
        Self::at(stack, release, store, data_root)
    }

    pub(crate) fn at(stack: Stack, release: Release, store: Store, data_root: Utf8PathBuf) -> Self {
        let daemon = stack.daemon_at(release, store, data_root);
        Self::of(stack, daemon)
    }

    pub(crate) fn of(stack: Stack, daemon: Daemon) -> Self {
        let client = stack.client(&daemon, None);
        let (folder, state) = (stack.fresh("spec"), stack.fresh("state"));
        std::fs::create_dir(&folder).unwrap();
        let scene = Self {
            client,
            daemon,
            folder,
            state,
            stack,
        };
        scene.import(BASE, "1");
        scene
    }

    /// Makes a base image of bash and busybox, with a text in `/version`.
    pub(crate) fn import(&self, name: &str, version: &str) {
        self.import_with(name, version, &[]);
    }

    /// The same with more words for `docker import`; without bash if the text is `no bash`.
    pub(crate) fn import_with(&self, name: &str, version: &str, words: &[&str]) {
        let root = self.stack.fresh("root");
        for folder in ["bin", "tmp", "etc", "root"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let for_all = std::fs::Permissions::from_mode(0o1777);
        std::fs::set_permissions(root.join("tmp"), for_all).unwrap();
        std::fs::write(root.join("version"), version).unwrap();
        let users = "root:x:0:0::/root:/bin/sh\ndev:x:1000:1000::/:/bin/sh\n";
        std::fs::write(root.join("etc/passwd"), users).unwrap();
        std::fs::write(root.join("etc/group"), "root:x:0:\ndev:x:1000:\n").unwrap();
        std::fs::copy(busybox(), root.join("bin/busybox")).unwrap();
        for program in [
            "sh", "su", "dirname", "cat", "env", "sleep", "id", "touch", "ls", "dd", "true",
        ] {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(program)).unwrap();
        }
        let needs = Command::new("ldd").arg("/bin/bash").output().unwrap();
        let needs = String::from_utf8(needs.stdout).unwrap();
        let files = needs
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        let bash = ["/bin/bash"].into_iter().filter(|_| version != "no bash");
        for file in files.chain(bash) {
            let to = root.join(file.trim_start_matches('/'));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(file, to).unwrap();
        }
        let archive = self.stack.fresh("root.tar");
        let packed = Command::new("tar")
            .args(["-C", root.as_str(), "-cf", archive.as_str(), "."])
            .status();
        assert!(packed.unwrap().success());
        let words = [&["import"], words, &[archive.as_str(), name]].concat();
        self.client.docker(&words);
        std::fs::remove_dir_all(root).unwrap();
        std::fs::remove_file(archive).unwrap();
    }

    /// Writes a file beside the spec.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the spec, `shop.yaml`, with these lines after its first ones.
    pub(crate) fn spec(&self, lines: &str) {
        let text = format!("version: 1\nimage: {BASE}\n{lines}");
        self.write("shop.yaml", &text);
    }

    /// `envimage` with the spec behind the words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.client.command(envimage_program());
        command
            .args(words)
            .arg(self.folder.join("shop.yaml"))
            .env("CACHECORE_ENVIRONMENTS", &self.state);
        command
    }

    /// Runs `envimage` to its end, whatever that is.
    pub(crate) fn envimage(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Starts `envimage`, and lets it run.
    pub(crate) fn spawn(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// What `ensure` answers.
    #[track_caller]
    pub(crate) fn ensure(&self) -> Answer {
        Answer::of(self.envimage(&["ensure", "--json"]))
    }

    /// What a file of an image says.
    #[track_caller]
    pub(crate) fn cat(&self, image: &str, file: &str) -> String {
        self.client
            .docker(&["run", "--rm", "--network=none", image, "/bin/cat", file])
    }

    /// The layers of an image.
    pub(crate) fn layers(&self, image: &str) -> Vec<String> {
        let format = "--format={{join .RootFS.Layers \" \"}}";
        let layers = self.client.docker(&["image", "inspect", format, image]);
        layers.split(' ').map(str::to_owned).collect()
    }

    /// The images of stages that the daemon has.
    pub(crate) fn images(&self) -> Vec<String> {
        let words = [
            "images",
            "--format={{.Repository}}:{{.Tag}}",
            "cachecore-env",
        ];
        let images = self.client.docker(&words);
        images.lines().map(str::to_owned).collect()
    }
}

/// What `ensure --json` has answered.
pub(crate) struct Answer {
    pub(crate) said: String,
    pub(crate) document: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn of(output: Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", output.status);
        let document = serde_json::from_slice(&output.stdout).unwrap();
        Self { said, document }
    }

    pub(crate) fn image(&self) -> &str {
        self.document["image"].as_str().unwrap()
    }

    /// The verdict of each stage.
    pub(crate) fn verdicts(&self) -> Vec<&str> {
        let stages = self.document["stages"].as_array().unwrap().iter();
        stages
            .map(|stage| stage["verdict"].as_str().unwrap())
            .collect()
    }

    /// Why a stage is no image.
    pub(crate) fn reason(&self, at: usize) -> &str {
        self.document["stages"][at]["reason"]
            .as_str()
            .unwrap_or_default()
    }
}

/// The names in a folder that may not be there.
pub(crate) fn names(folder: &Utf8Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}
