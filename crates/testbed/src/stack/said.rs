//! What a command said on stderr.

/// What Go's HTTP/2 server writes there when a peer hangs up in a moment that it did not expect. buildx
/// has such a server for its builder; a build's end does not depend on it, nor on anybody's shim.
const HUNG_UP: &str = "http2: server connection error";

/// The lines of a command's stderr, without those about hung-up peers.
#[must_use]
pub fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !line.contains(HUNG_UP)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_about_peers_are_left_out() {
        let line = "2024/05/06 07:08:09 http2: server connection error from localhost: x\n";
        let text = format!("one\n{line}\ntwo");
        assert_eq!(said(text.as_bytes()), "one\n\ntwo");
        assert_eq!(said(line.as_bytes()), "");
        assert_eq!(
            said(b"http2: a step of the user's\n"),
            "http2: a step of the user's\n"
        );
    }
}
