//! What the shim itself takes of memory while a large layer passes through it.

use std::io::Read;
use std::process::Stdio;

use testbed::stack::Store;

use crate::load::Session;

/// The layer's bytes, which cannot be compressed.
const LAYER: u64 = 320 << 20;
/// What the shim may take, in KiB.
const MOST: u64 = 32 << 10;

/// The peak of a process so far, in KiB; `None` once it has ended.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn a_layer_of_any_size_takes_less_than_32_mib_of_memory() {
    let session = Session::with(Store::Containerd);
    let context = session.context("large");
    let mut random = std::fs::File::open("/dev/urandom").unwrap().take(LAYER);
    let mut large = std::fs::File::create(context.join("middle")).unwrap();
    std::io::copy(&mut random, &mut large).unwrap();
    let shim = session.client.path[0].join("docker");
    let mut child = session
        .client
        .command(shim)
        .args(["build", "-t", "app", context.as_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The peak never sinks, so that looking often is enough: most of the time the layer passes.
    let mut most = 0;
    let status = loop {
        most = most.max(peak(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    let mut said = String::new();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success(), "{said}");
    assert!(said.contains("app: 3 of 3 layers loaded"), "{said}");
    assert!(most > 0 && most < MOST, "{most} KiB");
}
