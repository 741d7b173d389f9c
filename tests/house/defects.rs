//! What went wrong in earlier wrappers of docker has a test, by name.

use crate::sources::{rust_files, text};

#[test]
fn each_earlier_defect_has_a_test_that_is_there() {
    let tests: String = rust_files().iter().map(text).collect();
    let documents = text("tests/shim/main.rs");
    let rows = documents
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .skip(1);
    let mut count = 0;
    for row in rows {
        let (_, held) = row.split_once(" | ").expect("two columns");
        let names: Vec<_> = held.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            assert!(tests.contains(&format!("fn {name}()")), "no test {name}");
        }
        count += 1;
    }
    assert!(count > 20, "{count} rows");
}
