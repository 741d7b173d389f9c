//! Reads what `docker build --progress=plain` prints.

use std::collections::{BTreeMap, BTreeSet};

/// The steps of a build, as their names stand in brackets in the output: `[app 2/3] RUN …`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// Those that were done now.
    pub done: BTreeSet<String>,
    /// Those that came from the cache.
    pub cached: BTreeSet<String>,
}

/// Reads the output of one build. A stage's `FROM` is no step: nothing is done for it.
pub fn steps(output: &str) -> Steps {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut cached = BTreeSet::new();
    for line in output.lines() {
        let Some((number, text)) = line.strip_prefix('#').and_then(|l| l.split_once(' ')) else {
            continue;
        };
        if text == "CACHED" {
            cached.insert(number);
        } else if is_step(text) {
            names.insert(number, text);
        }
    }
    let mut steps = Steps::default();
    for (number, name) in names {
        let name = name.to_owned();
        match cached.contains(number) {
            true => steps.cached.insert(name),
            false => steps.done.insert(name),
        };
    }
    steps
}

/// `[app 2/3] RUN …`, and neither `[internal] load …` nor `[app 1/3] FROM …`.
fn is_step(text: &str) -> bool {
    let Some((stage, instruction)) = text.strip_prefix('[').and_then(|t| t.split_once("] ")) else {
        return false;
    };
    stage.contains('/') && !instruction.starts_with("FROM ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_from_everything_else() {
        let output = "#0 building with \"default\" instance using docker driver\n\
            #1 [internal] load build definition from Dockerfile\n#1 DONE 0.0s\n\
            #4 [tools 1/2] FROM docker.io/library/box:latest\n#4 CACHED\n\
            #5 [tools 2/2] RUN one\n#5 CACHED\n\
            #6 [stage-1 2/3] COPY --from=tools /srv /srv\n#6 sha256:64073\n#6 0.2 CACHED\n#6 DONE 0.0s\n\
            #8 exporting to image\n#8 DONE 0.0s\n";
        let steps = steps(output);
        assert_eq!(steps.cached, ["[tools 2/2] RUN one".to_owned()].into());
        let copy = "[stage-1 2/3] COPY --from=tools /srv /srv".to_owned();
        assert_eq!(steps.done, [copy].into());
    }
}
