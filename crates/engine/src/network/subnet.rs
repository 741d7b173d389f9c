//! Chooses the addresses of a veth pair.

use std::fmt;
use std::net::Ipv4Addr;

/// 198.18.0.0/15, set aside for measuring network devices: no private network uses it, so that it
/// collides with no office, no VPN and none of Docker's own pools.
pub(super) const POOL: &str = "198.18.0.0/15";
const POOL_START: u32 = u32::from_be_bytes([198, 18, 0, 0]);
const POOL_BITS: u8 = 15;
const SIZE: u32 = 4;

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    start: u32,
    bits: u8,
}

impl Prefix {
    /// Reads `10.0.0.0/8`, or a single address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let address: Ipv4Addr = address.parse().ok()?;
        Some(Self {
            start: address.to_bits() & mask(bits),
            bits,
        })
    }

    fn overlaps(self, other: Self) -> bool {
        let mask = mask(self.bits.min(other.bits));
        self.start & mask == other.start & mask
    }
}

fn mask(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

/// Four addresses: the host has the first usable one, the enclosure the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subnet {
    start: u32,
}

impl Subnet {
    /// The first in the pool that overlaps with nothing that is in use.
    pub(super) fn choose(used: &[Prefix]) -> Option<Self> {
        let pool = Prefix {
            start: POOL_START,
            bits: POOL_BITS,
        };
        // A default route, or one for half of the world, does not claim the pool.
        let used: Vec<_> = used
            .iter()
            .filter(|prefix| prefix.overlaps(pool) && prefix.bits > 8)
            .collect();
        (POOL_START..POOL_START + (1 << (32 - POOL_BITS)))
            .step_by(SIZE as usize)
            .find(|start| {
                let candidate = Prefix {
                    start: *start,
                    bits: 30,
                };
                !used.iter().any(|prefix| prefix.overlaps(candidate))
            })
            .map(|start| Self { start })
    }

    pub(super) fn host(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.start + 1)
    }

    pub(super) fn enclosure(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.start + 2)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/30", Ipv4Addr::from_bits(self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(used: &[&str]) -> Option<String> {
        let used: Vec<_> = used
            .iter()
            .map(|text| Prefix::parse(text).unwrap())
            .collect();
        Subnet::choose(&used).map(|subnet| subnet.to_string())
    }

    #[test]
    fn the_first_free_one_is_taken() {
        assert_eq!(choose(&[]).unwrap(), "198.18.0.0/30");
        assert_eq!(
            choose(&["0.0.0.0/0", "192.0.2.0/24"]).unwrap(),
            "198.18.0.0/30"
        );
        assert_eq!(
            choose(&["198.18.0.1", "198.18.0.4/30"]).unwrap(),
            "198.18.0.8/30"
        );
        assert_eq!(choose(&["198.18.0.0/16"]).unwrap(), "198.19.0.0/30");
        assert_eq!(choose(&["198.16.0.0/12"]), None);
    }

    #[test]
    fn addresses_are_the_usable_ones() {
        let subnet = Subnet::choose(&[Prefix::parse("198.18.0.0/24").unwrap()]).unwrap();
        assert_eq!(subnet.host().to_string(), "198.18.1.1");
        assert_eq!(subnet.enclosure().to_string(), "198.18.1.2");
        assert_eq!(Prefix::parse("default"), None);
        assert_eq!(Prefix::parse("10.0.0.0/33"), None);
    }
}
