//! The known name that is meant by one that nobody knows.

/// The nearest name, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(64).collect();
    let far = (name.len() / 3).clamp(1, 3);
    let distances = known
        .into_iter()
        .map(|known| (distance(&name, known), known));
    let near = distances.filter(|(distance, _)| *distance <= far);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters are added, left out, changed or exchanged with their neighbour (optimal string
/// alignment); upper and lower case are the same, and so are `_`, `-` and nothing.
fn distance(name: &[char], known: &str) -> usize {
    let plain = |c: &char| c.to_ascii_lowercase();
    let wanted = |c: &char| !matches!(c, '_' | '-');
    let a: Vec<char> = name.iter().filter(|c| wanted(c)).map(plain).collect();
    let b: Vec<char> = known.chars().filter(wanted).map(|c| plain(&c)).collect();
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (row[j - 1] + 1)
                .min(rows[i - 1][j] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_name_that_is_nearly_right_is_recognised() {
        let known = ["image", "stages", "script", "network", "environment"];
        for (written, meant) in [
            ("imgae", Some("image")),
            ("images", Some("image")),
            ("Stage", Some("stages")),
            ("scirpt", Some("script")),
            ("enviroment", Some("environment")),
            ("ports", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
    }
}
