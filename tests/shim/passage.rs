//! Commands that the shim is not concerned with.

use testbed::stack::{Stack, Store};

use crate::seats::seat;

#[test]
fn a_build_with_a_shared_builder_goes_through_the_shim() {
    let stack = Stack::new();
    let host = stack.daemon(Store::Containerd);
    let builder = stack.endpoint(&host);
    let daemon = stack.daemon(Store::Classic);
    let mut client = stack.client(&daemon, Some(&builder));
    client
        .path
        .insert(0, seat(&stack.fresh("bin"), &["docker"]));
    let context = stack.fresh("context");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(
        context.join("Dockerfile"),
        "FROM scratch\nCOPY Dockerfile /\n",
    )
    .unwrap();
    client.docker(&["build", "--load", "-t", "app", context.as_str()]);
    let names = client.docker(&["images", "--format={{.Repository}}"]);
    assert_eq!(names, "app");
}
