//! Programs by lot: statements that depend on one another in all ways, from a seed.

/// xorshift64*, so that a seed gives the same program everywhere.
struct Lot(u64);

impl Lot {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % most
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// A program that bash accepts.
pub(super) fn program(seed: u64) -> String {
    let mut lot = Lot(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut text = "#!/bin/bash\n".to_owned();
    if lot.below(3) > 0 {
        text.push_str("set -e\n");
    }
    for _ in 0..4 + lot.below(10) {
        if lot.below(6) == 0 {
            text.push_str("\n# what follows\n");
        }
        let statement = statement(&mut lot, 2);
        text.push_str(&statement);
        text.push('\n');
    }
    text
}

fn file(lot: &mut Lot) -> String {
    let folder = lot.of(&[
        "/etc",
        "/etc",
        "/opt",
        "/usr/local/share",
        "~",
        "/tmp",
        "/workspace",
        ".",
    ]);
    format!("{folder}/{}", lot.of(&["one", "two", "three"]))
}

fn variable(lot: &mut Lot) -> &'static str {
    lot.of(&["A", "B", "C", "TASK_ID", "FROM_OUTSIDE"])
}

fn word(lot: &mut Lot) -> String {
    match lot.below(8) {
        0 => format!("\"${{{}:-x}}\"", variable(lot)),
        1 | 2 => format!("\"v$A-${{B:-b}}-{}\"", lot.below(9)),
        3 => format!("\"${{{}:-}}\"", variable(lot)),
        4 => "\"$(uname -s)\"".to_owned(),
        5 => "'it is \"quoted\"; $A'".to_owned(),
        _ => format!("text{}", lot.below(9)),
    }
}

fn statement(lot: &mut Lot, depth: usize) -> String {
    let nested = if depth > 0 { 23 } else { 15 };
    match lot.below(nested) {
        0 => format!("{}={}", lot.of(&["A", "B", "C"]), word(lot)),
        1 => format!("export {}={}", lot.of(&["A", "B", "E"]), word(lot)),
        2 | 3 => format!("echo {} >> {}", word(lot), file(lot)),
        4 => format!("echo {} > {}", word(lot), file(lot)),
        5 => format!("mkdir -p {}.d", file(lot)),
        6 => format!("cat > {} <<'EOF'\n{}\n# $A `no`\nEOF", file(lot), word(lot)),
        7 => format!(
            "cat > {} <<EOF\n${{A:-none}} {}\nEOF",
            file(lot),
            lot.below(9)
        ),
        8 => format!("pip install {}", lot.of(&["black", "ruff==1", "flask"])),
        9 => format!("npm install -g {}", lot.of(&["typescript", "eslint"])),
        10 => format!(
            "curl -fsSL https://example.org/{} -o {}",
            lot.of(&["x", "y.tar.gz"]),
            file(lot)
        ),
        11 => format!(
            "cd {}",
            lot.of(&["/opt", "/workspace", "/etc", "\"$HOME\""])
        ),
        12 => format!("cp {} {} 2>/dev/null || true", file(lot), file(lot)),
        13 => format!("rm -f {}", file(lot)),
        14 => "echo \"a message: ${A:-}\"".to_owned(),
        15 => format!(
            "if [ -n \"${{{}:-}}\" ]; then\n  {}\nelse\n  {}\nfi",
            variable(lot),
            statement(lot, depth - 1),
            statement(lot, depth - 1)
        ),
        16 => format!("for A in 1 2; do\n  {}\ndone", statement(lot, depth - 1)),
        17 => format!(
            "[ -e {} ] && {{\n  {}\n}}",
            file(lot),
            statement(lot, depth - 1)
        ),
        // Its body calls nothing: it would go on for ever.
        18 => format!("f{}() {{\n  {}\n}}", lot.below(2), statement(lot, 0)),
        19 => format!("if declare -F f0 >/dev/null; then f0 {}; fi", word(lot)),
        20 => format!(
            "(\n  {}\n  {}\n)",
            statement(lot, depth - 1),
            statement(lot, depth - 1)
        ),
        21 => {
            let variable = variable(lot);
            let inner =
                std::iter::repeat_with(|| statement(lot, 0)).find(|one| !one.contains('\n'));
            let inner = inner.unwrap_or_default();
            format!("case \"${{{variable}:-}}\" in\n  x*|'') {inner} ;;\n  *) true ;;\nesac")
        }
        _ => format!("f{} {} || true", lot.below(2), word(lot)),
    }
}
