use super::Script;
use crate::construct::{Form, Kind, RedirectKind};
use crate::error::{Position, ScriptError};

fn read(text: &str) -> Script {
    let script = Script::read(text.as_bytes()).expect("it is a script");
    assert_eq!(script.not_understood, None, "{text}");
    script
}

fn pieces(text: &str) -> Vec<String> {
    let script = read(text);
    let texts = script
        .constructs
        .iter()
        .map(|construct| script.text_of(construct));
    texts.map(str::to_owned).collect()
}

#[test]
fn a_script_is_the_sum_of_its_constructs() {
    let text = "#!/bin/bash\n# é: what it is\n\nset -e\napt-get update && \\\n  apt-get install -y jq\n\
        cat >/etc/x <<'EOF'\n# no comment\nit's $HOME \"\n\nEOF\n! grep -q a /etc/b # c\nf()\n{\n  echo\n}\n\n# the last\n";
    let parts = [
        "# é: what it is\n\nset -e\n",
        "apt-get update && \\\n  apt-get install -y jq\n",
        "cat >/etc/x <<'EOF'\n# no comment\nit's $HOME \"\n\nEOF\n",
        "! grep -q a /etc/b # c\n",
        "f()\n{\n  echo\n}\n\n# the last\n",
    ];
    assert_eq!(pieces(text), parts);
    let script = read(text);
    assert_eq!(&text[..script.shebang], "#!/bin/bash\n");
    let lines: Vec<_> = script
        .constructs
        .iter()
        .map(|one| (one.at.line, one.last_line))
        .collect();
    assert_eq!(lines, [(4, 4), (5, 6), (7, 11), (12, 12), (13, 18)]);
}

#[test]
fn each_construct_is_told_by_its_kind() {
    for (text, kind) in [
        ("a b", Kind::Command),
        ("A=1 B=2", Kind::Assignment),
        ("a | b", Kind::Pipeline),
        ("a && b", Kind::List),
        ("a; b", Kind::List),
        ("a &", Kind::List),
        ("if a; then b; fi", Kind::If),
        ("for a in b; do c; done", Kind::Loop),
        ("for ((i=0;i<3;i++)); do c; done", Kind::Loop),
        ("until a; do b; done", Kind::Loop),
        ("case a in b) c ;; esac", Kind::Case),
        ("function f { a; }", Kind::Function),
        ("{ a; }", Kind::Group),
        ("( a )", Kind::Subshell),
        ("[[ -f /a ]]", Kind::Test),
        ("(( a++ ))", Kind::Arithmetic),
    ] {
        assert_eq!(read(text).constructs[0].kind, kind, "{text}");
    }
}

#[test]
fn inner_commands_are_listed_with_where_they_stand() {
    let script = read(
        "if ! command -v jq >/dev/null; then\n  curl -o \"$(mktemp -d)/x\" https://h/x | tee /y &\nfi\n",
    );
    let commands = &script.constructs[0].commands;
    let names: Vec<_> = commands
        .iter()
        .filter_map(|command| command.name())
        .collect();
    assert_eq!(names, ["command", "mktemp", "curl", "tee"]);
    let [test, output, fetch, write] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    assert!(test.context.masked && !test.context.conditional);
    assert_eq!(test.redirects[0].kind, RedirectKind::Write);
    assert!(output.context.substitution && output.context.subshell);
    assert_eq!(fetch.at, Position { line: 2, column: 3 });
    assert!(fetch.context.conditional && fetch.context.background);
    assert!(write.context.fed && write.context.subshell);
}

#[test]
fn words_say_what_the_shell_puts_into_them() {
    let script = read("a \"x $B\"'c' ${D:-$E} *.txt ~/f \\g $(h) ${I}");
    let words = script.constructs[0]
        .commands
        .last()
        .map(|command| &command.words[..]);
    let literals: Vec<_> = words
        .into_iter()
        .flatten()
        .map(|word| word.literal.as_deref())
        .collect();
    assert_eq!(
        literals,
        [Some("a"), None, None, None, None, Some("g"), None, None]
    );
}

#[test]
fn functions_and_heads_are_commands_of_their_own() {
    let script =
        read("f() { g \"$1\"; } >/log\nfor x in a b; do echo \"$x\"; done\nexport A=1 B\n");
    let forms: Vec<_> = script.constructs[0]
        .commands
        .iter()
        .map(|one| one.form)
        .collect();
    assert_eq!(forms, [Form::Function, Form::Redirected, Form::Simple]);
    let inside = &script.constructs[0].commands[2].context;
    assert_eq!(inside.function.as_deref(), Some("f"));
    assert_eq!(script.constructs[1].commands[0].assignments[0].name, "x");
    let export = &script.constructs[2].commands[0];
    assert_eq!(export.assignments[0].name, "A");
    assert_eq!(export.words.len(), 3);
}

#[test]
fn what_never_ends_is_named_with_where_it_begins() {
    for (text, line, column, what) in [
        ("a\necho \"b\n", 2, 6, "double quote"),
        ("a\n echo 'b\n", 2, 7, "single quote"),
        ("cat <<EOF\nb\n", 1, 10, "here document"),
        ("if a; then\n", 2, 1, "inside a command"),
        ("a $(b\n", 2, 1, "expansion"),
    ] {
        match Script::read(text.as_bytes()) {
            Err(ScriptError::Unfinished { at, what: said }) => {
                assert_eq!((at.line, at.column), (line, column), "{text}");
                assert!(said.contains(what), "{text}: {said}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_text_is_an_error() {
    let refused = |bytes: &[u8]| {
        Script::read(bytes)
            .expect_err("it is no script")
            .to_string()
    };
    assert!(refused(b"a\n\xffb").starts_with("2:1: "));
    assert!(refused(b"ab\0").starts_with("1:3: "));
    assert!(refused(b"a\r\nb\r\n").contains("carriage return"));
    assert!(refused(b"\xEF\xBB\xBFa").contains("byte order mark"));
    assert!(refused(&vec![b'#'; 10 << 20]).contains("10485760 bytes"));
}

#[test]
fn what_is_not_understood_is_told_with_where() {
    for text in [
        "a\nselect x in b c; do break; done\n".to_owned(),
        "a\n)\n".to_owned(),
        format!("{}a{}\n", "f() { ".repeat(300), "; }".repeat(300)),
        format!("echo {}a{}\n", "$(".repeat(3000), ")".repeat(3000)),
        format!("{}true )\n", "case a in b) ".repeat(30)),
        "$(".repeat(300_000),
    ] {
        let script = Script::read(text.as_bytes()).expect("it may be a script");
        assert!(script.not_understood.is_some() && script.constructs.is_empty());
    }
    let script = Script::read(b"a\nb )\n").expect("it may be a script");
    let why = script.not_understood.expect("it is not understood");
    assert_eq!(why.at, Position { line: 2, column: 3 });
}

#[test]
fn an_empty_script_has_no_constructs() {
    for text in ["", "\n", "#!/bin/sh\n", "#!/bin/sh\n# only a comment\n"] {
        assert_eq!(read(text).constructs.len(), 0, "{text:?}");
    }
}
