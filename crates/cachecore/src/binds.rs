//! The sources of bind mounts in `-v`, `--volume` and `--mount`, rewritten.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::pathmap::PathMap;

/// What is known for rewriting the source of a mount.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Where the daemon has its client's folders.
    pub map: &'a PathMap,
    /// The client's working folder, absolute: what `./x` is meant from.
    pub working_dir: &'a OsStr,
    /// The daemon's socket, where that is another than `/var/run/docker.sock`.
    pub socket: Option<&'a OsStr>,
}

/// The places of the usual socket.
const SOCKETS: [&[u8]; 2] = [b"/var/run/docker.sock", b"/run/docker.sock"];

impl Sources<'_> {
    /// The value of `-v` with another source; `None` if it stays as it is. Named and anonymous volumes
    /// do.
    pub fn volume(&self, value: &OsStr) -> Option<OsString> {
        let value = value.as_bytes();
        let end = value.iter().position(|byte| *byte == b':')?;
        let source = self.source(&value[..end])?;
        Some(joined(source, &value[end..]))
    }

    /// The value of `--mount` with another source; `None` if it stays as it is. The value is a line of
    /// comma separated values, as Go's `encoding/csv` reads it.
    pub fn mount(&self, value: &OsStr) -> Option<OsString> {
        let fields = fields(value.as_bytes())?;
        let named = |field: &[u8], names: &[&str]| {
            let at = field.iter().position(|byte| *byte == b'=')?;
            let name = String::from_utf8_lossy(&field[..at]).to_lowercase();
            names
                .contains(&name.trim())
                .then(|| (at + 1, field[at + 1..].to_vec()))
        };
        let is_bind = fields
            .iter()
            .filter_map(|field| named(field, &["type"]))
            .next_back()
            .is_some_and(|(_, kind)| kind.eq_ignore_ascii_case(b"bind"));
        if !is_bind {
            return None;
        }
        let mut changed = false;
        let fields: Vec<Vec<u8>> = fields
            .into_iter()
            .map(|field| {
                let source = named(&field, &["source", "src"])
                    .and_then(|(at, source)| Some((at, self.source(&source)?)));
                match source {
                    Some((at, source)) => {
                        changed = true;
                        [&field[..at], source.as_bytes()].concat()
                    }
                    None => field,
                }
            })
            .map(quoted)
            .collect();
        changed.then(|| OsString::from_vec(fields.join(&b',')))
    }

    /// Another source for this one.
    pub fn source(&self, source: &[u8]) -> Option<OsString> {
        let absolute = match source {
            [b'/', ..] => OsString::from_vec(source.to_vec()),
            // Of what would be a volume's name, docker takes nothing else for a path: `..` is an error.
            b"." | [b'.', b'/', ..] => {
                let dir = self.working_dir.as_bytes();
                OsString::from_vec([dir, b"/", source].concat())
            }
            _ => return None,
        };
        if let Some(socket) = self.socket
            && SOCKETS.contains(&source)
        {
            return Some(socket.to_owned());
        }
        self.map.map(&absolute)
    }
}

fn joined(mut source: OsString, rest: &[u8]) -> OsString {
    source.push(OsStr::from_bytes(rest));
    source
}

/// The fields of a line; `None` if its quotes are wrong, or if it is more than a line.
fn fields(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = vec![Vec::new()];
    let mut bytes = line.iter().copied().peekable();
    let mut at_start = true;
    while let Some(byte) = bytes.next() {
        let field = fields.last_mut()?;
        match byte {
            b'\n' | b'\r' => return None,
            b',' => {
                fields.push(Vec::new());
                at_start = true;
                continue;
            }
            b'"' if at_start => {
                loop {
                    match bytes.next()? {
                        b'"' if bytes.peek() == Some(&b'"') => {
                            bytes.next();
                            field.push(b'"');
                        }
                        b'"' => break,
                        other => field.push(other),
                    }
                }
                if !matches!(bytes.peek(), None | Some(b',')) {
                    return None;
                }
            }
            b'"' => return None,
            other => field.push(other),
        }
        at_start = false;
    }
    Some(fields)
}

fn quoted(field: Vec<u8>) -> Vec<u8> {
    let plain = !field
        .iter()
        .any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'))
        && field.first() != Some(&b' ');
    if plain {
        return field;
    }
    let mut out = vec![b'"'];
    for byte in field {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(socket: Option<&str>, what: impl FnOnce(Sources<'_>) -> T) -> T {
        let map = PathMap::parse("/work=/data/w".as_ref()).unwrap();
        what(Sources {
            map: &map,
            working_dir: "/work/app".as_ref(),
            socket: socket.map(OsStr::new),
        })
    }

    #[test]
    fn only_the_source_of_a_bind_changes() {
        for (value, mapped) in [
            ("/work/x:/x", Some("/data/w/x:/x")),
            ("/work:/x:ro,z", Some("/data/w:/x:ro,z")),
            ("./x:/x", Some("/data/w/app/x:/x")),
            (".:/x", Some("/data/w/app:/x")),
            ("./../other:/x", Some("/data/w/other:/x")),
            ("../other:/x", None),
            (".other:/x", None),
            ("./../../etc:/x", None),
            ("/workspace:/work", None),
            ("work:/work", None),
            ("/work", None),
            ("", None),
            (":/x", None),
        ] {
            let got = with(None, |sources| sources.volume(value.as_ref()));
            assert_eq!(got.as_deref(), mapped.map(OsStr::new), "{value}");
        }
    }

    #[test]
    fn a_mount_is_read_as_comma_separated_values() {
        for (value, mapped) in [
            (
                "type=bind,source=/work/x,target=/x,readonly",
                Some("type=bind,source=/data/w/x,target=/x,readonly"),
            ),
            (
                "TYPE=bind,Src=/work,dst=/x",
                Some("TYPE=bind,Src=/data/w,dst=/x"),
            ),
            (
                "type=bind,\"src=/work/a,b\",dst=/x",
                Some("type=bind,\"src=/data/w/a,b\",dst=/x"),
            ),
            ("type=volume,src=/work,dst=/x", None),
            ("src=/work,dst=/x", None),
            ("type=bind,src=/etc,dst=/work", None),
            ("type=bind,\"src=/work,dst=/x", None),
            ("type=bind,src=\"/work\",dst=/x", None),
        ] {
            let got = with(None, |sources| sources.mount(value.as_ref()));
            assert_eq!(got.as_deref(), mapped.map(OsStr::new), "{value}");
        }
    }

    #[test]
    fn the_usual_socket_is_the_one_that_the_session_has() {
        for (value, mapped) in [
            (
                "/var/run/docker.sock:/var/run/docker.sock",
                Some("/s/d.sock:/var/run/docker.sock"),
            ),
            ("/run/docker.sock:/x:ro", Some("/s/d.sock:/x:ro")),
            ("/run/docker.socket:/x", None),
        ] {
            let got = with(Some("/s/d.sock"), |sources| sources.volume(value.as_ref()));
            assert_eq!(got.as_deref(), mapped.map(OsStr::new), "{value}");
            let got = with(None, |sources| sources.volume(value.as_ref()));
            assert_eq!(got, None, "{value}");
        }
    }
}
