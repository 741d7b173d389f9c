//! What `check` says of scripts as people write them.

use setupscript::check::{Finding, Half, Occasion, Rule, check};
use setupscript::{Options, Script};

fn findings(text: &str, half: Half) -> Vec<Finding> {
    let script = Script::read(text.as_bytes()).unwrap();
    let options = Options::default();
    let occasion = Occasion {
        half,
        user: None,
        task_variables: &options.task_variables,
        args: &[],
        sources: &[],
    };
    check(&script, occasion)
}

#[test]
fn what_split_bakes_is_not_warned_of_as_something_a_build_lacks() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/environments/corpus");
    let (mut scripts, mut whole, mut left) = (0, 0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let script = Script::read(text.as_bytes()).unwrap();
        let split = setupscript::split(&script, &Options::default());
        let lacking: Vec<Finding> = findings(&split.cached, Half::Cached)
            .into_iter()
            .filter(|one| one.rule != Rule::Unpinned)
            .collect();
        assert_eq!(lacking, [], "{}:\n{}", path.display(), split.cached);
        let installs = |text: &str| {
            let all = findings(text, Half::Run).into_iter();
            all.filter(|one| one.rule == Rule::Install).count()
        };
        // What was written to break the split installs what a task brings.
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with("attack-")) {
            continue;
        }
        scripts += 1;
        whole += installs(&text);
        left += installs(&split.run);
    }
    // What is left at the start depends on something that only a task has.
    assert!(
        scripts >= 60 && whole >= 50,
        "{scripts} scripts, {whole} installs"
    );
    assert!(
        left * 2 < whole,
        "{left} of {whole} installs are left at the start"
    );
}
