//! What an enclosure can reach.

mod firewall;
pub(crate) mod nat;
mod subnet;
mod tool;

use std::io;

use camino::Utf8PathBuf;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// What the processes of an enclosure can reach over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Network {
    /// Themselves: there is a loopback interface and Docker's own bridges, and no way out.
    #[default]
    Isolated,
    /// What the host can reach, through address translation; and the host itself. Not other
    /// enclosures. Needs `ip` and `iptables`, and switches on IPv4 forwarding on the host.
    Nat,
}

/// Why an enclosure got no way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A tool is not installed.
    #[error("cannot run {program}")]
    Missing {
        /// `ip` or `iptables`.
        program: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A tool failed.
    #[error("`{program} {arguments}` failed: {said}")]
    Tool {
        /// `ip` or `iptables`.
        program: &'static str,
        /// Its arguments.
        arguments: String,
        /// Its message.
        said: String,
    },
    /// All of 198.18.0.0/15 is in use.
    #[error("no free addresses in 198.18.0.0/15")]
    NoSubnet,
    /// Another process is choosing addresses, for too long; or the lock cannot be opened.
    #[error("cannot lock {path}")]
    Lock {
        /// The lock's file.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The host does not forward.
    #[error("cannot switch on {path}")]
    Forwarding {
        /// The kernel's switch.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl NetworkError {
    /// The next thing to do about it.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Missing { program: "ip", .. } => "install iproute2",
            Self::Missing { program, .. } => return Some(format!("install {program}")),
            Self::Tool { said, .. } if said.contains("ermi") => "run as root",
            Self::Forwarding { .. } => "run `sysctl net.ipv4.ip_forward=1` on the host",
            _ => return None,
        };
        Some(help.to_owned())
    }
}

const RTM_NEWLINK: u16 = 16;
const NLMSG_ERROR: u16 = 2;
const REQUEST_WITH_ACK: u16 = 0x1 | 0x4;
const IFF_UP: u32 = 1;
/// `lo` is the first interface of every network namespace.
const LOOPBACK_INDEX: i32 = 1;

/// Brings up `lo` in the network namespace of the calling thread.
pub(crate) fn raise_loopback() -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    send(&socket, &up_request(LOOPBACK_INDEX), SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    acknowledged(&answer[..length])
}

/// `struct nlmsghdr` and `struct ifinfomsg`, both in the machine's byte order.
fn up_request(index: i32) -> [u8; 32] {
    let mut message = [0; 32];
    message[0..4].copy_from_slice(&32_u32.to_ne_bytes());
    message[4..6].copy_from_slice(&RTM_NEWLINK.to_ne_bytes());
    message[6..8].copy_from_slice(&REQUEST_WITH_ACK.to_ne_bytes());
    message[20..24].copy_from_slice(&index.to_ne_bytes());
    message[24..28].copy_from_slice(&IFF_UP.to_ne_bytes());
    message[28..32].copy_from_slice(&IFF_UP.to_ne_bytes());
    message
}

/// An acknowledgement is an error message with the number 0.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let kind = answer
        .get(4..6)
        .and_then(|kind| kind.try_into().ok())
        .map(u16::from_ne_bytes);
    let code = answer
        .get(16..20)
        .and_then(|code| code.try_into().ok())
        .map(i32::from_ne_bytes);
    match (kind, code) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(code)) => Err(io::Error::from_raw_os_error(-code)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_loopback_can_be_raised_again() {
        // A no-op on an interface that is up; without privileges it is refused, by number.
        match raise_loopback() {
            Ok(()) => {}
            Err(error) => assert_eq!(error.raw_os_error(), Some(1), "{error}"),
        }
    }

    #[test]
    fn reads_acknowledgements() {
        let mut answer = up_request(7);
        assert!(acknowledged(&answer).is_err());
        answer[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        answer[16..20].copy_from_slice(&(-19_i32).to_ne_bytes());
        assert_eq!(acknowledged(&answer).unwrap_err().raw_os_error(), Some(19));
        answer[16..20].copy_from_slice(&[0; 4]);
        assert!(acknowledged(&answer).is_ok());
        assert!(acknowledged(b"").is_err());
    }
}
