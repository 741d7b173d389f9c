//! ARCHITECTURE.md is a map: what it names is there.

use crate::sources::{root, text};

/// The words between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn is_path(word: &str) -> bool {
    let known = [
        "crates/",
        "tests/",
        "examples/",
        "benches/",
        "docs/",
        "scripts/",
    ];
    known.iter().any(|top| word.starts_with(top)) && !word.contains(['…', '<', ' '])
}

#[test]
fn every_place_it_names_exists() {
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let text = text(document);
        let paths: Vec<&str> = quoted(&text)
            .into_iter()
            .filter(|word| is_path(word))
            .collect();
        for path in &paths {
            assert!(
                root().join(path).exists(),
                "{document} names {path}, which is not there"
            );
        }
        assert!(
            document != "ARCHITECTURE.md" || paths.len() > 10,
            "the map names places"
        );
    }
}

/// The rows of the table whose header begins like this.
fn rows<'m>(map: &'m str, header: &str) -> Vec<&'m str> {
    map.lines()
        .skip_while(|line| !line.starts_with(header))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect()
}

#[test]
fn every_invariant_names_a_test_that_is_there() {
    let map = text("ARCHITECTURE.md");
    let rows = rows(&map, "| invariant");
    assert!(rows.len() >= 6, "{rows:?}");
    for row in rows {
        let names = quoted(row);
        assert!(!names.is_empty(), "{row}");
        for pair in names.chunks(2) {
            if let [test, file] = pair {
                assert!(
                    text(file).contains(&format!("fn {test}(")),
                    "{file} has no {test}"
                );
            }
        }
    }
}

#[test]
fn every_row_names_code_and_the_test_that_holds_it() {
    let map = text("ARCHITECTURE.md");
    let rows = rows(&map, "| to change");
    assert!(rows.len() >= 8, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 3, "{row}");
        let place = quoted(cells[1]);
        let code = text(place[0]);
        if let Some(function) = place.get(1) {
            assert!(
                code.contains(&format!("fn {function}")),
                "{} has no {function}",
                place[0]
            );
        }
        if let [test, file] = quoted(cells[2])[..]
            && !is_path(test)
        {
            assert!(
                text(file).contains(&format!("fn {test}()")),
                "{file} has no test {test}"
            );
        }
    }
}

#[test]
fn the_rule_of_immutability_is_the_first_thing_on_the_map() {
    let map = text("ARCHITECTURE.md");
    let row = map
        .lines()
        .find(|line| line.contains("how a layer is judged immutable"));
    let row = row.expect("a newcomer's first question has a row");
    assert!(
        row.contains("crates/cachecore/src/dataroot/immutable.rs"),
        "{row}"
    );
    assert!(
        row.contains("each_folder_is_judged_by_what_names_it"),
        "{row}"
    );
}

#[test]
fn every_variable_of_the_shim_is_in_its_document() {
    let environment = text("crates/shim/src/environment.rs");
    let head = environment.split("\nuse ").next().unwrap_or_default();
    let is_variable = |word: &&str| {
        let mut letters = word.bytes();
        word.len() > 3 && letters.all(|letter| letter == b'_' || letter.is_ascii_uppercase())
    };
    let variables: Vec<&str> = quoted(head).into_iter().filter(is_variable).collect();
    assert!(variables.len() > 20, "{variables:?}");
    let body = &environment[head.len()..];
    let read = body
        .split("(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    for name in read.filter(is_variable) {
        assert!(
            variables.contains(&name),
            "the table of environment.rs lacks {name}"
        );
    }
    let document = text("docs/shim.md");
    let documented = quoted(&document);
    for name in variables {
        assert!(documented.contains(&name), "docs/shim.md lacks {name}");
    }
}
