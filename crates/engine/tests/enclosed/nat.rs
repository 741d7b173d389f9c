//! The way out, to a second network namespace that plays the outside.

use std::sync::atomic::{AtomicU32, Ordering};

use engine::{Network, PrivateDaemon};

use crate::holder::Holder;
use crate::kit::{Kit, ample, eventually, host, host_interfaces, run};

crate::on_each_engine!(
    commands_and_containers_get_out_and_nothing_is_left,
    enclosures_do_not_reach_each_other,
    a_killed_process_leaves_rules_that_are_swept,
);

/// A network namespace with an address out of 203.0.113.0/24 that serves the word `outside` on
/// port 80. It has no route but to its own wire: it can answer only what was masqueraded.
struct Outside {
    name: String,
    address: String,
    server: std::process::Child,
}

impl Outside {
    fn new(kit: &Kit) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id() * 8 + NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("outside{}", number % 100_000);
        let wire = format!("w{}", number % 100_000);
        let first = number % 64 * 4;
        let (ours, theirs) = (
            format!("203.0.113.{}", first + 1),
            format!("203.0.113.{}", first + 2),
        );
        let ip = |words: &str| host("ip", &words.split(' ').collect::<Vec<_>>());
        ip(&format!("netns add {name}"));
        ip(&format!(
            "link add {wire} type veth peer name wire netns {name}"
        ));
        ip(&format!("addr add {ours}/30 dev {wire}"));
        ip(&format!("link set {wire} up"));
        ip(&format!("-n {name} addr add {theirs}/30 dev wire"));
        ip(&format!("-n {name} link set wire up"));
        let server = std::process::Command::new("ip")
            .args(["netns", "exec", &name, kit.busybox.as_str()])
            .args(["nc", "-ll", "-p", "80", "-e", "echo", "outside"])
            .spawn()
            .unwrap();
        let outside = Self {
            name,
            address: theirs,
            server,
        };
        eventually("the outside serves", || {
            std::net::TcpStream::connect((outside.address.as_str(), 80)).is_ok()
        });
        outside
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        host("ip", &["netns", "del", &self.name]);
    }
}

fn start(kit: &Kit, name: &str) -> PrivateDaemon {
    let mut options = kit.options(name);
    options.network = Network::Nat;
    PrivateDaemon::start(options, &ample()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// All firewall rules of the host that name an interface.
fn rules_for(interface: &str) -> Vec<String> {
    ["nat", "filter"]
        .map(|table| host("iptables", &["-w", "-t", table, "-S"]))
        .iter()
        .flat_map(|list| list.lines())
        .filter(|line| line.contains(interface))
        .map(str::to_owned)
        .collect()
}

/// The host's end of the wire of the enclosure that has this address.
fn interface_towards(address: &str) -> String {
    let route = host("ip", &["route", "get", address]);
    route
        .split(" dev ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

const OWN_ADDRESS: &str = "ip -o -4 addr show eth0 | grep -o '198[^/]*'";

fn commands_and_containers_get_out_and_nothing_is_left(kit: Kit) {
    let outside = Outside::new(&kit);
    let mut daemon = start(&kit, "a");
    let ask = format!("cat < /dev/tcp/{}/80", outside.address);
    assert_eq!(run(&mut daemon, &format!("bash -c '{ask}'")), "outside");
    run(&mut daemon, &kit.import_script());
    let ask = format!("docker run --rm box nc {} 80", outside.address);
    assert_eq!(run(&mut daemon, &ask), "outside");

    let interface = interface_towards(&run(&mut daemon, OWN_ADDRESS));
    assert!(interface.starts_with("cc"), "{interface}");
    assert_eq!(rules_for(&interface).len(), 4);
    assert!(host_interfaces().contains(&interface));
    daemon.stop(&ample()).unwrap();
    assert_eq!(rules_for(&interface), Vec::<String>::new());
    assert!(!host_interfaces().contains(&interface));
}

fn enclosures_do_not_reach_each_other(kit: Kit) {
    let outside = Outside::new(&kit);
    let (mut one, mut two) = (start(&kit, "1"), start(&kit, "2"));
    let serve = format!("{} nc -ll -p 7071 -e echo two & echo", kit.busybox);
    run(&mut two, &serve);
    let ask =
        |address: &str| format!("timeout 2 bash -c 'cat < /dev/tcp/{address}/7071' 2>&1; true");
    eventually("two serves itself", || {
        run(&mut two, &ask("127.0.0.1")) == "two"
    });
    let (first, second) = (run(&mut one, OWN_ADDRESS), run(&mut two, OWN_ADDRESS));
    assert_ne!(first, second);
    assert_ne!(run(&mut one, &ask(&second)), "two");
    // But both have a way out.
    let ask = format!("bash -c 'cat < /dev/tcp/{}/80'", outside.address);
    assert_eq!(
        (run(&mut one, &ask), run(&mut two, &ask)),
        ("outside".into(), "outside".into())
    );
}

fn a_killed_process_leaves_rules_that_are_swept(kit: Kit) {
    let file = kit.path("address");
    let holder = Holder::start(&kit, "nat", &format!("{OWN_ADDRESS} >{file}"));
    let address = std::fs::read_to_string(file).unwrap();
    let interface = interface_towards(address.trim());
    assert_eq!(rules_for(&interface).len(), 4);
    engine::sweep_networks().unwrap();
    assert_eq!(rules_for(&interface).len(), 4, "in use");
    drop(holder);
    eventually("the interface goes with its namespace", || {
        !host_interfaces().contains(&interface)
    });
    engine::sweep_networks().unwrap();
    assert_eq!(rules_for(&interface), Vec::<String>::new());
}
