//! A hit costs one question to the daemon.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};

use crate::scene::Scene;

/// The first lines of all requests that come to a socket, which leads to another.
fn overheard(daemon: &Utf8Path, socket: Utf8PathBuf) -> Arc<Mutex<Vec<String>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (listener, daemon) = (UnixListener::bind(socket).unwrap(), daemon.to_owned());
    let told = Arc::clone(&heard);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && (&client).read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let line = text.lines().next().unwrap_or_default().to_owned();
            told.lock().unwrap().push(line);
            let server = UnixStream::connect(&daemon).unwrap();
            (&server).write_all(&request).unwrap();
            let _ = std::io::copy(&mut &server, &mut &client);
        }
    });
    heard
}

#[test]
fn a_hit_is_decided_by_one_question_and_no_docker_runs() {
    let mut scene = Scene::new();
    scene.spec("stages:\n- {name: one, inline: 'true'}\n- {name: two, inline: 'true'}\n");
    assert_eq!(scene.ensure().verdicts(), ["built", "built"]);
    let folder = tempfile::tempdir_in("/run").unwrap();
    let socket = Utf8Path::from_path(folder.path()).unwrap().join("s");
    let heard = overheard(scene.daemon.socket(), socket.clone());
    // Any docker that ran now would be this one, and fail.
    let bin = scene.stack.fresh("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/false", bin.join("docker")).unwrap();
    scene.client.path.insert(0, bin);
    let host = ("DOCKER_HOST".to_owned(), format!("unix://{socket}"));
    scene.client.variables.push(host);
    assert_eq!(scene.ensure().verdicts(), ["hit", "hit"]);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].starts_with("GET /images/json?"), "{heard:?}");
}
