//! Command lines that nobody has written: those of the corpus, cut up and put together by lot.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use cachecore::argv::Program;
use cachecore::rewrite::{Facts, rewrite};

use crate::lot::Lot;
use crate::recorder::words;

/// How many are tried.
const VARIABLE: &str = "CACHECORE_MUTATIONS";
const USUAL: u64 = 100_000;

/// Another command line, made of these.
fn mutation(lot: &mut Lot, corpus: &[Vec<OsString>]) -> Vec<OsString> {
    let mut line = corpus[lot.below(corpus.len())].clone();
    for _ in 0..=lot.below(4) {
        let at = lot.below(line.len() + 1);
        let other = &corpus[lot.below(corpus.len())];
        let word = other[lot.below(other.len())].clone();
        match lot.below(6) {
            0 => line.insert(at, word),
            1 if at < line.len() => drop(line.remove(at)),
            2 if at < line.len() => line[at] = word,
            3 if at < line.len() => {
                // A byte of a word, or a piece of it.
                let mut bytes = line[at].as_bytes().to_vec();
                if bytes.is_empty() {
                    continue;
                }
                let place = lot.below(bytes.len());
                match lot.below(3) {
                    0 => bytes[place] = lot.below(256) as u8,
                    1 => bytes.truncate(place),
                    _ => bytes.insert(place, b"-=:,/"[lot.below(5)]),
                }
                // No word has a zero in it.
                bytes.retain(|byte| *byte != 0);
                line[at] = OsString::from_vec(bytes);
            }
            4 if at < line.len() => {
                let joined = [line[at].as_bytes(), b"=", word.as_bytes()].concat();
                line[at] = OsString::from_vec(joined);
            }
            _ => line.truncate(at),
        }
    }
    line
}

#[test]
fn no_rewriting_changes_what_it_does_not_name() {
    let count: u64 = std::env::var(VARIABLE).map_or(USUAL, |count| count.parse().unwrap());
    let corpus: Vec<Vec<OsString>> = include_str!("corpus")
        .lines()
        .map(words)
        .map(|mut words| words.split_off(1))
        .filter(|words| !words.is_empty())
        .collect();
    let facts = Facts {
        docker_host: Some("unix:///session.sock".into()),
        path_map: Some("/=/elsewhere".into()),
        working_dir: Some("/work".into()),
        ..Facts::default()
    };
    let mut lot = Lot::new(1);
    let mut changed = 0;
    for _ in 0..count {
        let line = mutation(&mut lot, &corpus);
        for program in [Program::Docker, Program::Compose, Program::Buildx] {
            let untouched = rewrite(&Facts::default(), program, &line);
            assert_eq!(untouched.argv, line);
            let plan = rewrite(&facts, program, &line);
            assert_eq!(plan.argv.len(), line.len(), "{line:?}");
            for (came, goes) in line.iter().zip(&plan.argv) {
                if came != goes {
                    changed += 1;
                    let text = String::from_utf8_lossy(goes.as_bytes()).into_owned();
                    let told = text.contains("/elsewhere") || text.contains("/session.sock");
                    assert!(told, "{came:?} became {goes:?} in {line:?}");
                }
            }
        }
    }
    assert!(changed > 0, "nothing was ever rewritten");
}
