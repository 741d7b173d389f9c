use super::{halves, letters, shows};

#[test]
fn the_folder_is_followed_and_where_it_is_lost_nothing_goes_ahead() {
    shows(&["cd /opt", "touch a", "cd -", "touch b"], "bcrr");
    shows(&["cd /opt", "cd /etc", "cd -", "touch x"], "bbbc");
    shows(
        &["pushd /opt", "touch a", "popd", "apt-get install -y jq"],
        "bcrc",
    );
    shows(
        &["pushd \"$X\"", "echo a > sources.list", "apt-get update"],
        "rrr",
    );
    shows(
        &["cd web", "touch a", "cd ..", "apt-get install -y jq"],
        "rrrc",
    );
    shows(&["cd ..", "touch a", "apt-get install -y jq"], "rrr");
    shows(&["( (cd /opt && touch a); touch b )"], "r");
    shows(&["( cd /opt; touch a )"], "c");
    shows(&["(cd /opt | true; touch a)"], "r");
    shows(&["cd /none || cd /opt", "touch a"], "rr");
    shows(
        &[
            "cd /opt",
            "git clone https://h/x",
            "cp x/y /usr/local/bin/y",
        ],
        "rrr",
    );
    shows(
        &[
            "git clone https://h/x /opt/x --depth 1",
            "cp /opt/x/y /opt/z",
        ],
        "rr",
    );
    shows(
        &[
            "cd /opt",
            "curl -O https://h/$TASK_ID/x.tgz",
            "tar xzf x.tgz",
        ],
        "rrr",
    );
    shows(
        &[
            "echo $TASK_ID > /opt/x.gz",
            "gunzip /opt/x.gz",
            "chmod +x /opt/x",
        ],
        "rrr",
    );
}

#[test]
fn what_an_installer_takes_from_elsewhere_keeps_it_at_the_start() {
    for script in [
        "pip install '.[dev]'",
        "pip install .[dev]",
        "pip install -e.",
        "pip install libs/core",
        "pip install dist/*.whl",
        "pip install --requirement=dev.in",
        "A='-e .'\npip install $A",
        "a=(-r requirements.txt)\npip install \"${a[@]}\"",
        "dpkg -i x.deb",
        "D=x_$(arch).deb\napt-get install -y ./$D",
        "go install",
        "go install example.org/x",
        "npm install -g",
        "corepack prepare --activate",
        "apt-key add key.gpg",
        "export GOBIN=/workspace/bin\ngo install example.org/x@v1",
        "export PATH=/workspace/.venv/bin:$PATH\npip install black",
        "CARGO_HOME=/workspace/c cargo install x",
        "curl https://h/x | sh -s -- -b ./bin",
        "curl https://h/x | BINDIR=./bin sh",
        "apt-get install -y linux-headers-$(uname -r)",
    ] {
        let split = halves(script);
        assert!(
            !letters(&split).contains('c'),
            "{script} {:#?}",
            split.parts
        );
    }
    shows(
        &["add-apt-repository -y ppa:x/y", "apt-get install -y jq"],
        "cc",
    );
    shows(&["useradd -m -d /home/dev dev"], "c");
    shows(&["curl https://h/x | sh -s -- -b /usr/local/bin"], "c");
    shows(
        &["while IFS= read -r p; do apt-get install -y \"$p\"; done <<< jq"],
        "c",
    );
    shows(
        &[
            "retry() { local n=$1; shift; \"$@\"; }",
            "retry 3 apt-get update",
        ],
        "bc",
    );
    shows(
        &["echo \"deb https://h $(. /etc/os-release && echo \"$VERSION_CODENAME\")\" > /etc/apt/x"],
        "c",
    );
    shows(&["yes | apt-get install jq"], "c");
}

#[test]
fn what_looks_at_the_image_runs_before_what_changes_it() {
    for (first, then) in [
        ("hash jq && echo yes > ~/had", "apt-get install -y jq"),
        ("du -s /opt > ~/size", "touch /opt/x"),
        ("locale -a > ~/l", "locale-gen"),
        ("id dev && echo yes > ~/had", "useradd dev"),
        ("useradd -m $NAME", "mkdir -p /home/x/y"),
        ("echo $TASK_ID > /bin/x", "cp /usr/bin/x /opt/x"),
        ("echo $TASK_ID > /opt/a", "ln /opt/a /opt/b"),
        ("env -i ./x", "touch /opt/x"),
        ("command -p ./x", "touch /opt/x"),
        (
            "trap 'echo $p > ~/last' EXIT",
            "for p in jq; do apt-get install -y $p; done",
        ),
        ("shopt -s lastpipe", "apt-get install -y jq"),
    ] {
        shows(&[first, then], "rr");
    }
    shows(
        &[
            "trap 'rm -rf /tmp/x' EXIT",
            "for p in jq; do apt-get install -y $p; done",
        ],
        "rc",
    );
    shows(
        &["apt-get install -y jq", "[ -d /none ] && touch /opt/x"],
        "cr",
    );
    shows(&["command -v jq || apt-get install -y jq"], "c");
    shows(
        &["command -v jq || { apt-get update && apt-get install -y jq; }"],
        "c",
    );
    shows(&["[[ -d /none ]] && touch /opt/x && touch /opt/y"], "r");
}

#[test]
fn a_credential_that_is_written_out_is_not_put_into_the_image() {
    for script in [
        "echo '//h/:_authToken=abc' > /etc/npmrc",
        "cat > /etc/app.env <<'EOF'\nDB_PASSWORD=hunter2\nEOF",
        "printf '%s' '-----BEGIN RSA PRIVATE KEY-----' | tee /etc/key",
        "curl -H 'X-Api-Key: 1' -o /opt/x https://h/x",
        "curl -H \"Authorization: Bearer $(cat /etc/t)\" -o /opt/x https://h/x",
        "export -p > /etc/all",
        "declare -p > /etc/all",
    ] {
        shows(&[script], "r");
    }
}

#[test]
fn a_reason_says_what_two_lines_have_in_common() {
    for (lines, expected) in [
        (
            ["pip install -r requirements.txt", "npm install -g x"],
            "line 1 runs before it, and installs, too",
        ),
        (
            ["echo $TASK_ID > /etc/x", "echo b >> /etc/x"],
            "line 1 runs before it, and both have to do with /etc/x",
        ),
        (
            ["rm -rf \"$X\"", "touch /etc/x"],
            "line 1 runs before it, and may write anywhere",
        ),
        (
            ["git config --global a b", "apt-get update"],
            "line 1 runs before it, and may use what this installs; after `set -e` that would end the script",
        ),
    ] {
        assert_eq!(halves(&lines.join("\n")).parts[1].reason, expected);
    }
}
