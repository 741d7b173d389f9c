mod elsewhere;

use super::{Options, Split, Verdict, split};
use crate::script::Script;

fn halves(text: &str) -> Split {
    let script = Script::read(text.as_bytes()).expect("it is a script");
    assert_eq!(script.not_understood, None, "{text}");
    split(&script, &Options::default())
}

/// One letter for each construct: c, r, b.
fn letters(split: &Split) -> String {
    let letter = |verdict| match verdict {
        Verdict::Cached => 'c',
        Verdict::Run => 'r',
        Verdict::Both => 'b',
    };
    split
        .parts
        .iter()
        .map(|part| letter(part.verdict))
        .collect()
}

#[track_caller]
fn shows(lines: &[&str], expected: &str) {
    let split = halves(&lines.join("\n"));
    let reasons: Vec<_> = split
        .parts
        .iter()
        .map(|part| (part.line, part.verdict, &part.reason))
        .collect();
    assert_eq!(letters(&split), expected, "{lines:#?} {reasons:#?}");
}

#[test]
fn what_installs_is_cached_and_what_is_the_tasks_runs() {
    shows(&["apt-get update && apt-get install -y jq"], "c");
    shows(&["sudo apt-get install -y jq"], "c");
    shows(
        &["DEBIAN_FRONTEND=noninteractive apt-get -qq install -y jq"],
        "c",
    );
    shows(&["dnf install -y jq"], "c");
    shows(&["apk add --no-cache jq"], "c");
    shows(&["pacman -Syu --noconfirm jq"], "c");
    shows(&["pip install black==24.1"], "c");
    shows(&["python3 -m pip install black"], "c");
    shows(&["npm install -g typescript"], "c");
    shows(&["npm ci"], "r");
    shows(&["pip install -r requirements.txt"], "r");
    shows(&["cargo install ripgrep"], "c");
    shows(&["go install example.org/x@v1"], "c");
    shows(&["gem install bundler"], "c");
    shows(&["conda install -y numpy"], "c");
    shows(
        &["curl -fsSL https://h/x -o /usr/local/bin/x && chmod +x /usr/local/bin/x"],
        "c",
    );
    shows(&["curl -fsSL https://h/x | tar -xz -C /opt"], "c");
    shows(&["curl -fsSL https://h/x.sh | bash"], "c");
    shows(&["curl -fsSL https://h/x -o /tmp/x"], "r");
    shows(&["ln -s /opt/x/bin/x /usr/local/bin/x"], "c");
    shows(&["mkdir -p ~/.config/x"], "c");
    shows(&["echo \"$TASK_ID\" > /etc/task"], "r");
    shows(&["git clone https://h/x /opt/x"], "r");
    shows(&["redis-server --daemonize yes"], "r");
    shows(&["sleep 1000 &"], "r");
    shows(&["date > /etc/built"], "r");
    shows(&["x=$(mktemp -d)"], "r");
    shows(&["export GITHUB_TOKEN=abc", "apt-get install -y jq"], "rc");
    shows(&["./setup.sh"], "r");
}

#[test]
fn what_prepares_the_shell_is_in_both_halves_as_far_as_it_is_needed() {
    shows(
        &[
            "set -euo pipefail",
            "V=1.2",
            "curl -o /usr/local/bin/x https://h/$V/x",
            "export E=vim",
        ],
        "bbcr",
    );
    shows(&["export PATH=/opt/x/bin:$PATH", "npm i -g x"], "bc");
    shows(
        &[
            "log() { echo \"[x] $*\"; }",
            "log one",
            "apt-get install -y jq",
            "log two",
            "./x",
        ],
        "bccrr",
    );
    shows(
        &[
            "arch=$(dpkg --print-architecture)",
            "curl -o /opt/x https://h/$arch",
        ],
        "bc",
    );
    shows(
        &[
            ". /etc/os-release",
            "curl -o /opt/x https://h/$VERSION_CODENAME",
        ],
        "bc",
    );
    shows(
        &[
            "[ \"$(id -u)\" -eq 0 ] || { echo no; exit 1; }",
            "apt-get install -y jq",
        ],
        "bc",
    );
    shows(
        &["for p in jq tree; do apt-get install -y \"$p\"; done"],
        "c",
    );
    shows(
        &["pkgs=(jq tree)", "apt-get install -y \"${pkgs[@]}\""],
        "bc",
    );
    shows(
        &[
            "retry() { for i in 1 2; do \"$@\" && return 0; sleep 1; done; return 1; }",
            "retry apt-get update",
        ],
        "bc",
    );
}

#[test]
fn nothing_goes_ahead_of_what_could_have_an_influence_on_it() {
    shows(
        &[
            "V=$(curl -s https://h/latest)",
            "curl -o /opt/x https://h/$V",
        ],
        "rr",
    );
    shows(&["./x", "apt-get install -y jq"], "rr");
    shows(&["source ./env", "apt-get install -y jq"], "rr");
    shows(&["cd \"$WORKSPACE\" && ls", "cp x /etc/x"], "rr");
    shows(
        &[
            "if [ -n \"$CI\" ]; then f() { :; }; fi",
            "f",
            "apt-get install -y jq",
        ],
        "rrr",
    );
    shows(
        &["[ -f /etc/done ] && exit 0", "apt-get install -y jq"],
        "rr",
    );
    shows(&["echo \"$TASK_ID\" > /etc/x", "echo b >> /etc/x"], "rr");
    shows(&["cat /etc/x > /workspace/x", "echo b >> /etc/x"], "rr");
    shows(
        &["exec > /var/log/setup.log 2>&1", "apt-get install -y jq"],
        "rr",
    );
    shows(&["trap 'x' ERR", "apt-get install -y jq"], "rr");
    shows(&["trap 'rm -f /tmp/x' EXIT", "apt-get install -y jq"], "rc");
    shows(
        &["export PATH=\"$(x):$PATH\"", "apt-get install -y jq"],
        "rr",
    );
    shows(&["command -v jq && JQ=1", "apt-get install -y jq"], "rr");
    shows(
        &["command -v jq || echo none > ~/x", "apt-get install -y jq"],
        "rr",
    );
    shows(
        &[
            "echo \"//h/:_authToken=$NPM_TOKEN\" > ~/.npmrc",
            "npm i -g x",
            "apt-get install -y jq",
        ],
        "rrr",
    );
    shows(
        &[
            "apt-get install -y jq",
            "if [ $? -ne 0 ]; then echo no; exit 1; fi",
        ],
        "rr",
    );
    shows(
        &[
            "for p in jq; do apt-get install -y $p; done",
            "echo \"$p\" > ~/x",
        ],
        "rr",
    );
    shows(&["shopt -s expand_aliases", "apt-get install -y jq"], "rr");
    shows(&["apt-get install -y jq && export HAS=1"], "r");
    shows(&["cd /opt && curl -O https://h/x", "touch y"], "rr");
    shows(&["cd /opt", "curl -O https://h/x"], "bc");
    shows(&["npm config set x \"$X\"", "npm i -g y"], "rr");
    shows(
        &[
            "set -e",
            "git config --global user.name \"$NAME\"",
            "apt-get install -y jq",
        ],
        "brc",
    );
    shows(&["echo 'https://h' | bash", "apt-get install -y jq"], "rr");
}

#[test]
fn what_is_not_quite_usual_runs() {
    for script in [
        "printf '%(%s)T' -1 > /etc/x",
        "D='\\D{%s}'\necho \"${D@P}\" > /etc/x",
        "D='/opt/a /workspace/b'\nmkdir -p $D",
        "D='/opt/a /workspace/b'\ntouch $D/x",
        "f() { shift; touch \"$1\"; }\nf /etc/a /workspace/b",
        "declare -u N=abc\ntouch /opt/$N",
        "touch -r /workspace/x /etc/y",
        "sort -uo /workspace/x /etc/y",
        "getconf _NPROCESSORS_ONLN > /etc/x",
        "HOME=/tmp/h\nmkdir -p ~/x",
        "IFS=,\nfor x in a,b; do mkdir -p /opt/$x; done",
        "HOME=/workspace npm install -g x",
        "npm install -g --prefix=/workspace x",
        "pip install --target lib x",
        "curl -o /opt/x https://user:word@h/x",
        "curl -K /workspace/options -o /opt/x https://h",
        "curl -o /opt/x https://h/x -o /workspace/y https://h/y",
        "wget -P /opt -i /workspace/addresses",
        "tar -xf /opt/x.tar -C /opt -T /workspace/names",
        "sed 'w /workspace/out' /etc/x > /etc/y",
        "sed -i '1e date' /etc/x",
        "awk 'BEGIN { print ENVIRON[\"TASK_ID\"] }' > /etc/x",
        "grep -r a > /etc/x",
        "head -c 10 /dev/urandom > /etc/x",
        "echo a >> /etc/hosts",
        "shift\napt-get install -y $1",
        "declare -i N=TASK_ID\nmkdir /opt/$N",
        "touch {/etc/a,/workspace/b}",
        "echo a > /etc/../workspace/x",
        "date | cat > /etc/x",
        "f() { X=$1; }\nf $TASK_ID\nmkdir /opt/$X",
        "printf -v X '%s' a\nmkdir /opt/$X",
        "bash <<'EOF'\napt-get install -y jq\nEOF",
        "unset PATH\napt-get install -y jq",
        "set -u\nfor p in jq; do apt-get install -y $p; done\necho \"last: $p\"\n",
    ] {
        let split = halves(script);
        assert!(
            !letters(&split).contains('c'),
            "{script} {:#?}",
            split.parts
        );
    }
}

#[test]
fn a_split_of_a_half_is_that_half() {
    let text = "#!/bin/bash\nset -e\n# tools\napt-get update\nA=$TASK_ID\necho hi\napt-get install -y jq\n[ -n \"$A\" ] && export B=1\nexport C=2";
    let split = halves(text);
    assert_eq!(
        split.cached,
        "#!/bin/bash\nset -e\n# tools\napt-get update\necho hi\napt-get install -y jq\ntrue\n"
    );
    let cached = halves(&split.cached);
    assert_eq!(cached.cached, split.cached);
    let run = halves(&split.run);
    assert_eq!((run.cached.as_str(), &run.run), ("", &split.run));
}

#[test]
fn what_is_not_understood_runs_as_a_whole() {
    let text = "apt-get install -y jq\nselect x in a; do :; done\n";
    let script = Script::read(text.as_bytes()).expect("it may be a script");
    let split = split(&script, &Options::default());
    assert_eq!((split.cached.as_str(), split.run.as_str()), ("", text));
    assert!(split.not_understood.is_some());
}
