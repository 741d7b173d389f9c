//! A way out of an enclosure: a veth pair to the host, which forwards and masquerades.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::subnet::{Prefix, Subnet};
use super::{NetworkError, firewall, tool};
use crate::enclosure::Enclosure;
use crate::instance::Instance;

/// Held while addresses are chosen and taken, so that no two enclosures choose the same.
const LOCK: &str = "/run/cachecore-network.lock";
/// Choosing takes a tenth of a second; whoever holds the lock for this long is stuck.
const PATIENCE: Duration = Duration::from_secs(20);
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// What was changed on the host for one enclosure. Dropping it takes that back, except for the
/// forwarding switch, which others may rely on by then.
#[derive(Debug)]
pub(crate) struct Nat {
    instance: Instance,
}

impl Nat {
    /// Connects an enclosure that has no process yet.
    pub(crate) fn connect(
        instance: &Instance,
        enclosure: &Enclosure,
    ) -> Result<Self, NetworkError> {
        let _lock = lock()?;
        sweep_networks()?;
        let subnet = Subnet::choose(&used()?).ok_or(NetworkError::NoSubnet)?;
        // From here on, whatever fails is taken back by dropping this.
        let nat = Self {
            instance: instance.clone(),
        };
        let (outer, tid) = (firewall::interface(instance), enclosure.thread_id());
        let (host, inner) = (subnet.host(), subnet.enclosure());
        let on_host = format!(
            "link add {outer} type veth peer name eth0 netns {tid}\n\
             addr add {host}/30 dev {outer}\n\
             link set {outer} up\n"
        );
        tool::run("ip", &["-batch", "-"], &on_host, |mut command| {
            command.spawn()
        })?;
        let inside = format!(
            "addr add {inner}/30 dev eth0\n\
             link set eth0 up\n\
             route add default via {host}\n"
        );
        tool::run("ip", &["-batch", "-"], &inside, |command| {
            enclosure.spawn(command)
        })?;
        enable_forwarding()?;
        firewall::open(instance, subnet)?;
        tracing::debug!(%instance, %subnet, "the enclosure has a way out");
        Ok(nat)
    }
}

impl Drop for Nat {
    fn drop(&mut self) {
        if let Err(error) = firewall::close(&self.instance) {
            tracing::warn!(%error, "firewall rules of an enclosure are left");
        }
        let interface = firewall::interface(&self.instance);
        if is_interface(&interface)
            && let Err(error) = tool::here("ip", &["link", "del", &interface])
            && is_interface(&interface)
        {
            tracing::warn!(%error, "the network interface of an enclosure is left");
        }
    }
}

/// Removes the firewall rules of enclosures whose interface is gone because their owner was
/// killed. Returns how many.
pub fn sweep_networks() -> Result<usize, NetworkError> {
    // Rules are made after their interface and removed before it, and are listed before their
    // interface is looked for: no rule that is in use can look stale.
    firewall::sweep(|interface| !is_interface(interface))
}

/// In the network namespace of this thread, unlike /sys/class/net.
fn is_interface(name: &str) -> bool {
    std::fs::read_to_string("/proc/thread-self/net/dev").is_ok_and(|table| {
        table
            .lines()
            .any(|line| line.trim_start().split(':').next() == Some(name))
    })
}

fn lock() -> Result<File, NetworkError> {
    let failed = |source| NetworkError::Lock {
        path: LOCK.into(),
        source,
    };
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(LOCK).map_err(failed)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(errno) => return Err(failed(errno.into())),
        }
    }
}

/// All addresses and routes of the host.
fn used() -> Result<Vec<Prefix>, NetworkError> {
    let addresses = tool::here("ip", &["-j", "-4", "addr", "show"])?;
    let routes = tool::here("ip", &["-j", "-4", "route", "show", "table", "all"])?;
    Ok([addresses, routes]
        .iter()
        .flat_map(|json| prefixes(json))
        .collect())
}

/// The values of `local` and `dst` in what `ip -j` prints, at any depth.
fn prefixes(json: &str) -> Vec<Prefix> {
    fn collect(value: &Value, found: &mut Vec<Prefix>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("local" | "dst", Value::String(text)) => found.extend(Prefix::parse(text)),
                        (_, value) => collect(value, found),
                    }
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(json).unwrap_or_default(), &mut found);
    found
}

fn enable_forwarding() -> Result<(), NetworkError> {
    let failed = |source| NetworkError::Forwarding {
        path: FORWARDING.into(),
        source,
    };
    if std::fs::read_to_string(FORWARDING).map_err(failed)?.trim() == "1" {
        return Ok(());
    }
    tracing::info!("switching on {FORWARDING}");
    std::fs::write(FORWARDING, "1").map_err(failed)
}

/// If the host's resolver listens on the host's loopback only (systemd-resolved does), the file
/// that names the real servers: (what to cover, what to cover it with).
pub(crate) fn resolver() -> Option<(Utf8PathBuf, Utf8PathBuf)> {
    let file = Utf8Path::new("/etc/resolv.conf");
    let real = Utf8Path::new("/run/systemd/resolve/resolv.conf");
    let text = std::fs::read_to_string(file).ok()?;
    (only_loopback(&text) && real.is_file()).then(|| (file.to_owned(), real.to_owned()))
}

fn only_loopback(resolv_conf: &str) -> bool {
    let mut servers = resolv_conf.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next().unwrap_or_default())
    });
    servers.all(|server| server.starts_with("127.") || server == "::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ip_prints() {
        let json = r#"[{"ifname":"lo","addr_info":[{"local":"127.0.0.1","prefixlen":8}]},{},
                       {"dst":"default","gateway":"192.0.2.1"},{"dst":"198.18.0.0/30"}]"#;
        let found = prefixes(json);
        let expected = ["127.0.0.1", "198.18.0.0/30"].map(|text| Prefix::parse(text).unwrap());
        assert_eq!(found, expected);
        assert_eq!(prefixes("not json"), []);
    }

    #[test]
    fn a_resolver_on_loopback_is_of_no_use_inside() {
        assert!(only_loopback(
            "# stub\nnameserver 127.0.0.53\noptions edns0\n"
        ));
        assert!(!only_loopback(
            "nameserver 127.0.0.53\nnameserver 192.0.2.53\n"
        ));
        assert!(!only_loopback("nameserver 10.255.255.53\n"));
        assert!(only_loopback(""), "the default is a server on this host");
    }

    #[test]
    fn interfaces_are_looked_for_by_their_whole_name() {
        assert!(is_interface("lo"));
        assert!(!is_interface("l"));
    }
}
