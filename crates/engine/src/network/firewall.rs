//! The host's iptables rules for one enclosure.
//!
//! Each carries the comment `cachecore:<instance>`, and the interface's name is made of the
//! instance as well: rules whose interface is gone belong to nobody.

use super::subnet::{POOL, Subnet};
use super::{NetworkError, tool};
use crate::instance::Instance;

const COMMENT: &str = "cachecore:";
/// Every place where our rules stand.
const CHAINS: [(&str, &str); 2] = [("nat", "POSTROUTING"), ("filter", "FORWARD")];

/// The host's end of an enclosure's veth pair: 14 bytes, one less than the kernel allows.
pub(super) fn interface(instance: &Instance) -> String {
    format!("cc{instance}")
}

/// One rule, as arguments after the chain.
struct Rule {
    table: &'static str,
    chain: &'static str,
    matches: Vec<String>,
}

/// The rules of an enclosure in the order in which they are to be inserted: the last one inserted
/// is looked at first.
fn rules(instance: &Instance, subnet: Subnet) -> Vec<Rule> {
    let interface = interface(instance);
    let subnet = subnet.to_string();
    let rule = |table, chain, words: &[&str]| {
        let comment = format!("{COMMENT}{instance}");
        let comment = ["-m", "comment", "--comment", &comment];
        let (matches, target) = words.split_at(words.len() - 1);
        let words = matches.iter().chain(&comment).chain(&["-j"]).chain(target);
        Rule {
            table,
            chain,
            matches: words.map(|word| (*word).to_owned()).collect(),
        }
    };
    vec![
        rule(
            "nat",
            "POSTROUTING",
            &["-s", &subnet, "!", "-o", &interface, "MASQUERADE"],
        ),
        rule("filter", "FORWARD", &["-i", &interface, "ACCEPT"]),
        rule(
            "filter",
            "FORWARD",
            &[
                "-o",
                &interface,
                "-m",
                "conntrack",
                "--ctstate",
                "RELATED,ESTABLISHED",
                "ACCEPT",
            ],
        ),
        // Enclosures do not reach each other.
        rule("filter", "FORWARD", &["-i", &interface, "-d", POOL, "DROP"]),
    ]
}

fn change(action: &str, rule: &Rule) -> Result<(), NetworkError> {
    let mut arguments = vec!["-w", "-t", rule.table, action, rule.chain];
    arguments.extend(rule.matches.iter().map(String::as_str));
    tool::here("iptables", &arguments).map(drop)
}

/// Lets an enclosure out, and answers in.
pub(super) fn open(instance: &Instance, subnet: Subnet) -> Result<(), NetworkError> {
    rules(instance, subnet)
        .iter()
        .try_for_each(|rule| change("-I", rule))
}

/// Takes all rules of an enclosure away, also if only some of them were made.
pub(super) fn close(instance: &Instance) -> Result<(), NetworkError> {
    remove(&mut |owner| owner == instance).map(drop)
}

/// Takes the rules of all instances away whose interface is `gone`.
pub(super) fn sweep(gone: impl Fn(&str) -> bool) -> Result<usize, NetworkError> {
    remove(&mut |owner| gone(&interface(owner)))
}

fn remove(unwanted: &mut dyn FnMut(&Instance) -> bool) -> Result<usize, NetworkError> {
    let mut removed = 0;
    for (table, chain) in CHAINS {
        let list = tool::here("iptables", &["-w", "-t", table, "-S", chain])?;
        for (owner, matches) in list.lines().filter_map(|line| parse(line, chain)) {
            if unwanted(&owner) {
                match change(
                    "-D",
                    &Rule {
                        table,
                        chain,
                        matches,
                    },
                ) {
                    Ok(()) => removed += 1,
                    // Another process may have swept it in the meantime.
                    Err(error) => tracing::debug!(%error, "a rule was not removed"),
                }
            }
        }
    }
    Ok(removed)
}

/// A line of `iptables -S`, if the rule is one of ours. None of our words contains a space, so
/// quotes can be left out.
fn parse(line: &str, chain: &str) -> Option<(Instance, Vec<String>)> {
    let words = line
        .strip_prefix("-A ")?
        .strip_prefix(chain)?
        .split_whitespace();
    let words: Vec<_> = words
        .map(|word| word.trim_matches('"').to_owned())
        .collect();
    let comment = words
        .iter()
        .skip_while(|word| *word != "--comment")
        .nth(1)?;
    let owner = Instance::parse(comment.strip_prefix(COMMENT)?)?;
    Some((owner, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_rules_are_recognised() {
        let instance = Instance::next();
        let line = format!(
            "-A FORWARD -i cc{instance} -m comment --comment \"cachecore:{instance}\" -j ACCEPT"
        );
        let (owner, words) = parse(&line, "FORWARD").unwrap();
        assert_eq!(owner, instance);
        let expected =
            format!("-i cc{instance} -m comment --comment cachecore:{instance} -j ACCEPT");
        assert_eq!(words.join(" "), expected);
        for other in [
            "-P FORWARD ACCEPT",
            "-A FORWARD -j DOCKER",
            "-A FORWARD -m comment --comment \"cachecore: my own\" -j ACCEPT",
            "-A FORWARD -m comment --comment cachecore:x -j ACCEPT",
        ] {
            assert!(parse(other, "FORWARD").is_none(), "{other}");
        }
    }

    #[test]
    fn every_rule_is_for_one_interface_and_fits_the_kernel() {
        let instance = Instance::next();
        assert!(interface(&instance).len() <= 15);
        for rule in rules(&instance, Subnet::choose(&[]).unwrap()) {
            assert!(
                rule.matches.contains(&interface(&instance)),
                "{:?}",
                rule.matches
            );
            assert!(CHAINS.contains(&(rule.table, rule.chain)));
        }
    }
}
