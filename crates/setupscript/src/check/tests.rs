use super::*;

fn found(text: &str, occasion: Occasion<'_>) -> Vec<(Rule, usize)> {
    let script = Script::read(text.as_bytes()).expect("it is a script");
    let findings = check(&script, occasion);
    for finding in &findings {
        assert!(!finding.reason.is_empty() && !finding.fix.is_empty());
    }
    findings.iter().map(|one| (one.rule, one.at.line)).collect()
}

fn cached(text: &str) -> Vec<(Rule, usize)> {
    found(
        text,
        Occasion {
            half: Half::Cached,
            user: None,
            task_variables: &["TASK_*".to_owned(), "AGENTS_RUNNER_*".to_owned()],
            args: &["NPM_TOKEN"],
            sources: &["lib.sh", "requirements.txt"],
        },
    )
}

fn at_start(text: &str) -> Vec<(Rule, usize)> {
    found(
        text,
        Occasion {
            half: Half::Run,
            user: None,
            task_variables: &[],
            args: &[],
            sources: &[],
        },
    )
}

fn as_dev(text: &str) -> Vec<(Rule, usize)> {
    let occasion = Occasion {
        half: Half::Cached,
        user: Some("dev"),
        task_variables: &[],
        args: &[],
        sources: &[],
    };
    found(text, occasion)
}

#[test]
fn each_warning_comes_with_its_line() {
    let text = "set -e\nmkdir -p /opt/$TASK_ID\ncurl -fsSL https://sh.example.org | bash\n\
        redis-server &\nnpm ci\ncat /workspace/a.txt\necho $DEPLOY_TOKEN\n";
    assert_eq!(
        cached(text),
        [
            (Rule::TaskVariable, 2),
            (Rule::Unpinned, 3),
            (Rule::Background, 4),
            (Rule::Workspace, 5),
            (Rule::Workspace, 6),
            (Rule::Secret, 7),
        ]
    );
}

#[test]
fn what_is_usual_in_a_cached_script_is_no_warning() {
    for text in [
        "apt-get update && apt-get install -y --no-install-recommends git jq\nrm -rf /var/lib/apt/lists/*",
        "pip install black==24.1.0 ruff",
        "npm install -g pnpm",
        "curl -fsSL https://example.org/v1.2.3/tool.tar.gz | tar -xz -C /usr/local",
        "curl -fsSL https://example.org/install-1.20.sh | sh",
        "curl -LO https://example.org/releases/latest/tool\nsha256sum -c tool.sum",
        "TASK_NAME=build\necho $TASK_NAME",
        "GITHUB_TOKEN=$(cat /run/secrets/github)\ngit clone https://x:$GITHUB_TOKEN@github.com/a/b /opt/b",
        "read -r PASSWORD </run/secrets/a\necho \"$PASSWORD\" >/dev/null",
        "npm config set token $NPM_TOKEN",
        "echo $TOKEN_FILE",
        "PASSWORD_STORE=/opt/store\nSECRETS=1\nTOKEN=$(cat /run/secrets/a)",
        "a & b & wait",
        "service postgresql start\npsql -f a\nservice postgresql stop",
        "git clone https://github.com/a/b /opt/b\ncd /opt/b\nmake install",
        "source ./lib.sh\npip install -r requirements.txt",
        "pip install -r /opt/a.txt",
        "echo 'npm ci' > /usr/local/bin/later",
        "cat <<'EOF' >/etc/profile.d/a.sh\nexport A=$TASK_ID\nEOF",
        "systemctl enable docker",
        "make -C /opt/b",
    ] {
        assert_eq!(cached(text), [], "{text}");
    }
}

#[test]
fn what_differs_or_is_not_there_in_a_build_is_found_however_it_is_called() {
    for (text, rule) in [
        ("cat >/etc/a <<EOF\n$TASK_ID\nEOF", Rule::TaskVariable),
        ("echo ${AGENTS_RUNNER_HOME:-/x}", Rule::TaskVariable),
        ("f() { echo \"$TASK_ID\"; }", Rule::TaskVariable),
        ("X=$(echo $TASK_ID)", Rule::TaskVariable),
        ("bash <(curl -s https://example.org/x)", Rule::Unpinned),
        (
            "sh -c \"$(curl -fsSL https://example.org/x)\"",
            Rule::Unpinned,
        ),
        (
            "wget -qO- https://example.org/x | sudo -E bash -s -- --yes",
            Rule::Unpinned,
        ),
        ("curl https://example.org/x | python3 -", Rule::Unpinned),
        (
            "curl -o /x https://github.com/a/b/releases/latest/download/b",
            Rule::Unpinned,
        ),
        (
            "wget https://raw.githubusercontent.com/a/b/main/c",
            Rule::Unpinned,
        ),
        ("npm install -g pnpm@latest", Rule::Unpinned),
        ("nohup sleep 100 >/dev/null 2>&1 &", Rule::Background),
        ("systemctl start docker", Rule::Background),
        ("sudo service ssh start", Rule::Background),
        ("(cd /x && ./server) &", Rule::Background),
        ("/etc/init.d/cron start", Rule::Background),
        ("cd /workspaces/shop && npm ci", Rule::Workspace),
        ("bash -c 'npm ci'", Rule::Workspace),
        ("./setup.sh", Rule::Workspace),
        ("bash .devcontainer/a.sh", Rule::Workspace),
        ("python3 -m pip install -r dev.txt", Rule::Workspace),
        ("cp $GITHUB_WORKSPACE/a /b", Rule::Workspace),
        (
            "echo ghp_0123456789abcdefghijklmnopqrstuvwxyz",
            Rule::Secret,
        ),
        ("export API_TOKEN=literal-secret", Rule::Secret),
        ("DB_PASSWORD='hunter2hunter2' server --now", Rule::Secret),
        ("# old: https://me:hunter2@example.org/x", Rule::Secret),
        (
            "curl -H \"Authorization: $API_KEY\" https://example.org/x",
            Rule::Secret,
        ),
    ] {
        let rules: Vec<Rule> = cached(text).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, [rule], "{text}");
    }
}

#[test]
fn installs_at_every_start_are_found_and_those_of_a_project_are_not() {
    for text in [
        "sudo apt-get install -y jq",
        "command -v jq || apt install -y jq",
        "if ! which node; then dnf -y install nodejs; fi",
        "DEBIAN_FRONTEND=noninteractive apt-get -y install jq",
        "apk add --no-cache git",
        "yay -S --noconfirm nodejs",
        "pacman -Syu --noconfirm git",
        "pip install black",
        "python3 -m pip install --user black",
        "npm i -g pnpm",
        "cargo install ripgrep",
        "go install example.org/x@v1",
        "uv tool install ruff",
        "conda install -y numpy",
        "env A=1 timeout 60 gem install rake",
        "bash -lc 'pipx install poetry'",
        "curl https://sh.example.org/1.2.3 | sh",
    ] {
        assert_eq!(at_start(text), [(Rule::Install, 1)], "{text}");
    }
    for text in [
        "npm ci",
        "npm install",
        "pip install -r requirements.txt",
        "pip install -e .",
        "pip install -e . -r dev.txt --index-url https://example.org",
        "uv sync",
        "cargo build",
        "apt-get update",
        "pacman -Qs git",
        "yay -Ss git",
        "echo apt-get install jq",
        "export TOKEN=$TASK_ID",
        "server &",
        "curl https://example.org/x | jq .",
        "curl https://example.org/x | bash ./a.sh",
    ] {
        assert_eq!(at_start(text), [], "{text}");
    }
}

#[test]
fn who_is_not_root_is_told_what_needs_root() {
    for text in [
        "apt-get update",
        "apk add git",
        "mkdir -p /opt/tool",
        "cp a /usr/local/bin/",
        "echo a > /etc/profile.d/a.sh",
        "sudo echo a >> /etc/hosts",
        "tar -xzf a.tgz -C /usr/local",
        "curl -fsSLo /usr/local/bin/x https://example.org/1.2.3/x",
        "useradd x",
        "sed -i s/a/b/ /etc/x",
    ] {
        assert_eq!(as_dev(text), [(Rule::Sudo, 1)], "{text}");
    }
    for text in [
        "sudo apt-get update && sudo -E apt-get install -y jq",
        "echo a | sudo tee /etc/a >/dev/null",
        "mkdir -p ~/bin /tmp/x \"$HOME/y\"",
        "cp /etc/a ~/b",
        "$SUDO apt-get update",
        "if [ \"$(id -u)\" != 0 ]; then exit 1; fi\napt-get update",
        "apt list --installed",
        "echo a > /dev/null",
        "sudo bash -c 'echo a > /tmp/b; apt-get update'",
    ] {
        assert_eq!(as_dev(text), [], "{text}");
    }
    assert!(is_root("root") && is_root("0:0") && is_root("root:root") && !is_root("1000:0"));
}

#[test]
fn a_script_that_is_not_understood_is_said_to_be_so() {
    let text = format!("{}echo{}\n", "(".repeat(500), ")".repeat(500));
    assert_eq!(cached(&text), [(Rule::NotUnderstood, 1)]);
}
