//! A project of compose, and a session that works in it.

use std::process::{Command, Output};
use std::sync::Arc;

use camino::Utf8PathBuf;
use testbed::engines::busybox;
use testbed::stack::{Client, Daemon, Endpoint, Stack, Store, said};

use crate::seats::seat;

/// A project's folder, with a session in front of a shared builder.
pub(super) struct Project {
    pub(super) client: Client,
    pub(super) folder: Utf8PathBuf,
    /// Where the session's temporary files are.
    temporary: Utf8PathBuf,
    _builder: (Endpoint, Daemon),
    pub(super) daemon: Daemon,
    // Last: what the others lie in.
    pub(super) stack: Arc<Stack>,
}

/// What a command ended with, and said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: said(&output.stderr),
        }
    }
}

impl Project {
    pub(super) fn with(store: Store, compose: &str) -> Self {
        let stack = Arc::new(Stack::new());
        let folder = stack.fresh("shop");
        std::fs::create_dir(&folder).unwrap();
        let project = Self::session(stack, store, folder);
        project.write("compose.yaml", compose);
        project
    }

    /// Another session with the same folder, whose builder is another one.
    pub(super) fn elsewhere(&self, store: Store) -> Self {
        Self::session(Arc::clone(&self.stack), store, self.folder.clone())
    }

    fn session(stack: Arc<Stack>, store: Store, folder: Utf8PathBuf) -> Self {
        let host = stack.daemon(Store::Containerd);
        let endpoint = stack.endpoint(&host);
        let daemon = stack.daemon(store);
        let mut client = stack.client(&daemon, Some(&endpoint));
        let seats = seat(&stack.fresh("bin"), &["docker", "docker-compose"]);
        client.path.insert(0, seats);
        let temporary = stack.fresh("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let mut project = Self {
            client,
            folder,
            temporary,
            _builder: (endpoint, host),
            daemon,
            stack,
        };
        let temporary = project.temporary.to_string();
        project.set("TMPDIR", &temporary);
        project.set("CACHECORE_BUILD_CACHE", "/nonexistent");
        project
    }

    /// Sets a variable of the session.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let variables = &mut self.client.variables;
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value.to_owned()));
    }

    /// Writes a file of the project.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A context whose image can run programs and has these words in `/words`.
    pub(super) fn context(&self, name: &str, words: &str) {
        let file = "FROM scratch\nARG WHO\nCOPY busybox /bin/busybox\nCOPY words /words\nENV WHO=$WHO\n\
                    CMD [\"/bin/busybox\", \"cat\", \"/words\"]\n";
        self.write(&format!("{name}/Dockerfile"), file);
        self.write(&format!("{name}/words"), words);
        std::fs::copy(busybox(), self.folder.join(name).join("busybox")).unwrap();
    }

    /// A command line in the project's folder, the program first.
    pub(super) fn command(client: &Client, folder: &Utf8PathBuf, line: &str) -> Command {
        let mut command = client.command("env");
        command.args(line.split(' ')).current_dir(folder);
        command
    }

    /// Runs a command line with the shim, whatever comes of it.
    pub(super) fn run(&self, line: &str) -> Said {
        let output = Self::command(&self.client, &self.folder, line).output();
        output.unwrap().into()
    }

    /// Runs a command line with the shim, which has to succeed.
    #[track_caller]
    pub(super) fn runs(&self, line: &str) -> Said {
        let said = self.run(line);
        assert_eq!(said.code, Some(0), "{line}: {}{}", said.out, said.err);
        said
    }

    /// Runs a command line without the shim.
    pub(super) fn run_really(&self, line: &str) -> Said {
        let output = Self::command(&self.real(), &self.folder, line).output();
        output.unwrap().into()
    }

    /// What is left in the folder for temporary files.
    pub(super) fn left(&self) -> Vec<String> {
        let left = self.temporary.read_dir_utf8().unwrap();
        left.map(|entry| entry.unwrap().file_name().to_owned())
            .collect()
    }

    /// The session's CLI without the shim.
    pub(super) fn real(&self) -> Client {
        let mut real = self.client.clone();
        real.path.remove(0);
        real
    }

    /// The ids of images.
    pub(super) fn ids(&self, images: &[&str]) -> Vec<String> {
        let inspect = ["image", "inspect", "--format={{.Id}}"];
        let words: Vec<&str> = inspect.iter().chain(images).copied().collect();
        let ids = self.real().docker(&words);
        ids.lines().map(str::to_owned).collect()
    }

    /// Makes the daemon forget images.
    pub(super) fn forget(&self, images: &[&str]) {
        let words: Vec<&str> = ["rmi", "--force"].iter().chain(images).copied().collect();
        self.real().docker(&words);
    }
}
