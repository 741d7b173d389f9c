//! A text as one word of a shell's program.

/// In quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As it is where a shell takes it for what it is, else in quotes.
pub(super) fn spelled(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./:,@%+".contains(&byte);
    // The first word of a command may be an assignment, an option may not.
    let assigns = text.contains('=') && !text.starts_with('-');
    if !text.is_empty() && !assigns && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    quoted(text)
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn what_a_shell_would_read_otherwise_is_in_quotes() {
        for plain in ["make", "--env=A=b", "a/b-c_1.2", "user@host:/x,y%z+"] {
            assert_eq!(spelled(plain), plain);
        }
        assert_eq!(spelled("A=b"), "'A=b'");
        assert_eq!(spelled(""), "''");
        assert_eq!(spelled("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(spelled("~"), "'~'");
    }
}
