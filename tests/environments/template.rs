//! What a cached script finds when it runs in a build, and what of that is in the image.

use testbed::engines::Release;
use testbed::stack::Store;

use crate::scene::{BASE, Scene};

const SPEC: &str = r#"stages:
- name: tools
  script: setup/tools.sh
  sources: [setup/lib.sh, setup/run]
  user: root
  network: none
  args: {ODD: "a \"b\" $HOME \\\n<<EOF # ü", PLAIN: 22}
- {name: more, inline: 'id -u > /tmp/more'}
"#;

/// Ends with an error if anything is not as it should be.
const SCRIPT: &str = r#"#!/bin/sh -eu
. "${0%/*}/lib.sh"
{
  id -u
  echo "$PLAIN $sourced $("${0%/*}/run")"
  echo "$ODD"
} > /made
if touch /dev/cachecore/new 2>/dev/null; then echo 'it can be written to' >&2; exit 1; fi
"#;

fn a_script_finds_what_the_spec_says(release: Release, store: Store) {
    let scene = Scene::with(release, store);
    // An image with a user, and with a variable that an argument has the name of.
    let container = scene.client.docker(&["create", BASE, "/bin/true"]);
    let changes = ["--change=USER dev", "--change=ENV PLAIN=image"];
    let words = [&["commit"], &changes[..], &[container.as_str(), BASE]].concat();
    scene.client.docker(&words);
    std::fs::create_dir(scene.folder.join("setup")).unwrap();
    scene.write("setup/tools.sh", SCRIPT);
    scene.write("setup/lib.sh", "sourced=sourced\n");
    scene.write("setup/run", "#!/bin/sh\necho ran\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(scene.folder.join("setup/run"), mode).unwrap();
    scene.spec(SPEC);

    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built", "built"], "{}", answer.said);
    let image = answer.image();
    assert_eq!(
        scene.cat(image, "/made"),
        "0\n22 sourced ran\na \"b\" $HOME \\\n<<EOF # ü"
    );
    assert_eq!(
        scene.cat(image, "/tmp/more"),
        "1000",
        "the image's own user"
    );
    let user = ["image", "inspect", "--format={{.Config.User}}", image];
    assert_eq!(scene.client.docker(&user), "dev");
    let archive = scene.stack.fresh("image.tar");
    let container = scene.client.docker(&["create", image, "/bin/true"]);
    scene
        .client
        .docker(&["export", "--output", archive.as_str(), &container]);
    let bytes = std::fs::read(&archive).unwrap();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|found| found == text);
    assert!(
        has(b"22 sourced ran"),
        "what the script made is in the image"
    );
    assert!(!has(b"dev/cachecore"), "where it lay is not");
    assert!(!has(b"sourced=sourced"), "what it sourced is not");
}

#[test]
fn a_script_finds_what_the_spec_says_in_the_older_engine() {
    a_script_finds_what_the_spec_says(Release::V20_10, Store::Classic);
}

#[test]
fn a_script_finds_what_the_spec_says_in_the_classic_store() {
    a_script_finds_what_the_spec_says(Release::V26_1, Store::Classic);
}

#[test]
fn a_script_finds_what_the_spec_says_in_containerd_s_store() {
    a_script_finds_what_the_spec_says(Release::V26_1, Store::Containerd);
}
