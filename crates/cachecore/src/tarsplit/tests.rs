use super::{Parser, Step, TarSplitError, What, header, place};

/// A header block of a file, folder or link.
pub(super) fn block(name: &str, kind: u8, size: usize, link: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0100755");
    put(108, "0001750");
    put(116, "0000012");
    put(124, &format!("{size:011o}"));
    put(148, "        ");
    put(157, link);
    put(257, "ustar\x0000");
    block[156] = kind;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut four = [0; 4];
        four[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(four);
        for place in 0..4usize {
            let value = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place > three.len() {
                '='
            } else {
                alphabet[value].into()
            });
        }
    }
    text
}

fn segment(bytes: &[u8]) -> String {
    format!(
        "{{\"type\":2,\"payload\":\"{}\",\"position\":0}}",
        base64(bytes)
    )
}

fn file(name: &str, size: usize) -> String {
    format!(
        "{{\"type\":1,\"name\":{name:?},\"size\":{size},\"payload\":\"AAAAAAAAAQI=\",\"position\":1}}"
    )
}

/// The entry that one header makes.
fn one(blocks: &[u8], line: &str) -> Result<super::Entry, TarSplitError> {
    let mut parser = Parser::default();
    parser.line(segment(blocks).as_bytes())?;
    match parser.line(line.as_bytes())? {
        Step::Entry(entry) => Ok(entry),
        Step::Raw(_) => panic!("a file is no segment"),
    }
}

#[test]
fn an_archive_is_put_together_step_by_step() {
    let mut parser = Parser::default();
    let first = block("./bin/sh", b'0', 700, "");
    let line = segment(&first);
    assert_eq!(parser.line(line.as_bytes()), Ok(Step::Raw(&first)));
    let Ok(Step::Entry(entry)) = parser.line(file("./bin/sh", 700).as_bytes()) else {
        panic!("an entry")
    };
    assert_eq!(
        (entry.path.as_slice(), &entry.what, entry.size),
        (&b"bin/sh"[..], &What::File, 700)
    );
    assert_eq!((entry.mode, entry.uid, entry.gid), (0o755, 1000, 10));
    assert_eq!(entry.checksum, Some(258));
    // Padding comes with whatever follows.
    let rest = [vec![0; header::padding(700)], block("bin/", b'5', 0, "")].concat();
    let line = segment(&rest);
    assert_eq!(parser.line(line.as_bytes()), Ok(Step::Raw(&rest)));
    assert!(matches!(
        parser.line(file("bin/", 0).as_bytes()),
        Ok(Step::Entry(_))
    ));
    let end = segment(&[0; 1024]);
    parser.line(end.as_bytes()).unwrap();
    assert_eq!((parser.entries(), parser.end()), (2, Ok(())));
}

#[test]
fn each_name_has_its_place() {
    for (name, kind, link, path, what) in [
        ("./", b'5', "", "", What::Folder),
        ("a//./b/", b'5', "", "a/b", What::Folder),
        ("/etc/passwd", b'0', "", "etc/passwd", What::File),
        ("a/.wh.b", b'0', "", "a/b", What::Whiteout),
        ("a/.wh..wh..opq", b'0', "", "a", What::Opaque),
        (".wh..wh..opq", b'0', "", "", What::Opaque),
        (".wh..wh.plnk/1.2", b'0', "", "", What::Nothing),
        ("a", b'1', "./b/c", "a", What::HardLink(b"b/c".to_vec())),
        (
            "a",
            b'2',
            "../../x",
            "a",
            What::Symlink(b"../../x".to_vec()),
        ),
        ("a", b'6', "", "a", What::Fifo),
        ("a/", 0, "", "a", What::Folder),
    ] {
        let entry = one(&block(name, kind, 0, link), &file(name, 0)).unwrap();
        assert_eq!(
            (entry.path.as_slice(), entry.what),
            (path.as_bytes(), what),
            "{name}"
        );
    }
}

#[test]
fn what_would_leave_the_folder_is_refused() {
    for (name, kind, link) in [
        ("../etc/passwd", b'0', ""),
        ("a/../../b", b'0', ""),
        ("..", b'5', ""),
        ("a", b'1', "../../etc/shadow"),
    ] {
        let refused = one(&block(name, kind, 0, link), &file(name, 0));
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("a name with `..`"), "{said}");
    }
    assert_eq!(place::MAX_PATH, 4095, "the kernel takes no longer path");
}

#[test]
fn a_line_that_contradicts_its_header_is_refused() {
    let good = block("a", b'0', 5, "");
    assert!(one(&good, &file("a", 5)).is_ok());
    assert!(one(&good, &file("b", 5)).is_err());
    assert!(one(&good, &file("a", 6)).is_err());
    let mut odd = good.clone();
    odd[0] = b'b';
    assert!(one(&odd, &file("b", 5)).is_err(), "its checksum is wrong");
    assert!(one(&good[..511], &file("a", 5)).is_err());
    assert!(one(&[good.clone(), good].concat(), &file("a", 5)).is_err());
    assert!(one(&block("a", b'S', 5, ""), &file("a", 5)).is_err());
    assert!(one(&block("a", b'5', 5, ""), &file("a", 5)).is_err());
}

#[test]
fn extended_headers_count() {
    let extended = |records: &str, name: &str, size| {
        let mut blocks = block("pax", b'x', records.len(), "");
        blocks.extend(records.as_bytes());
        blocks.resize(blocks.len().next_multiple_of(512), 0);
        blocks.extend(block("short", b'0', 0, ""));
        one(&blocks, &file(name, size))
    };
    let entry = extended("19 path=a/long/one\n", "a/long/one", 0).unwrap();
    assert_eq!(entry.path, b"a/long/one");
    let entry = extended("10 size=7\n14 uid=100000\n", "short", 7).unwrap();
    assert_eq!((entry.size, entry.uid), (7, 100_000));
    let entry = extended("42 SCHILY.xattr.security.capability=some\0\n", "short", 0);
    assert_eq!(entry.unwrap().capability, Some(b"some\0".to_vec()));
    for odd in [
        "x",
        "5 a=b",
        "99 path=a\n",
        "0 =\n",
        "6 path\n",
        "18 size=four\n",
    ] {
        assert!(extended(odd, "short", 0).is_err(), "{odd}");
    }
    assert!(extended("22 GNU.sparse.major=1\n", "short", 0).is_err());
}

#[test]
fn nothing_but_padding_may_stand_at_the_end() {
    let end = |bytes: &[u8]| {
        let mut parser = Parser::default();
        parser.line(segment(bytes).as_bytes()).unwrap();
        parser.end()
    };
    assert!(end(&[0; 1024]).is_ok());
    assert!(end(&[0, 0, 1]).is_err());
    assert!(
        Parser::default().end().is_ok(),
        "its digest is wrong in any case"
    );
    let mut cut = Parser::default();
    cut.line(segment(&block("a", b'0', 5, "")).as_bytes())
        .unwrap();
    cut.line(file("a", 5).as_bytes()).unwrap();
    assert!(cut.end().is_err(), "the padding is missing");
}
