//! scratch
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use testbed::stack::{Stack, Store};
fn main() {
    let stack = Stack::new();
    let hosts: Vec<_> = (0..3).map(|_| stack.daemon(Store::Containerd)).collect();
    let eps: Vec<_> = hosts.iter().map(|h| stack.endpoint(h)).collect();
    let classic = stack.daemon(Store::Classic);
    let mut out = String::new();
    for (i, e) in eps.iter().enumerate() {
        let c = stack.client(&classic, Some(e));
        out += &format!("export DC{i}={}\n", c.config());
    }
    for (i, h) in hosts.iter().enumerate() {
        let c = stack.client(h, None);
        out += &format!("export H{i}={} HC{i}={}\n", h.host(), c.config());
    }
    out += &format!(
        "export DOCKER_HOST={}\nexport GROUND={}\n",
        classic.host(),
        stack.fresh("x")
    );
    std::fs::write("/tmp/wtcache.env", out).unwrap();
    println!("up");
    let mut s = String::new();
    std::io::stdin().read_line(&mut s).unwrap();
}
