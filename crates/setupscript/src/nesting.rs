//! How deeply a script may be nested. The parser goes down with every level, and tries more ways with every
//! `case` in a `case`: what nobody writes is not given to it.

use brush_parser::Token;

/// Openers of substitutions, groups and expansions in the whole text, at most: even if all of them were inside
/// one another, the parser's stack would hold them.
const OPENERS: usize = 4000;
/// Compound commands inside compound commands, at most.
const DEEPEST: usize = 100;
/// `case` inside `case`, at most.
const DEEPEST_CASE: usize = 6;

/// Whether the text can be cut into tokens.
pub(crate) fn bounded_text(text: &str) -> bool {
    let openers = text
        .bytes()
        .filter(|byte| matches!(byte, b'(' | b'{' | b'`'));
    openers.count() <= OPENERS
}

/// Whether the tokens can be parsed. Closers count only where a command may begin, openers everywhere: what is
/// found is hardly less than what there is.
pub(crate) fn bounded(tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    // The depth where each open `case` began. Its patterns have closing parentheses without opening ones.
    let mut cases: Vec<usize> = Vec::new();
    let mut beginning = true;
    for token in tokens {
        let text = token.to_str();
        let operator = matches!(token, Token::Operator(..));
        match text {
            "(" if operator => depth += 1,
            ")" if operator && cases.is_empty() => depth = depth.saturating_sub(1),
            "{" | "if" | "for" | "while" | "until" | "select" if !operator => depth += 1,
            "case" if !operator => {
                cases.push(depth);
                depth += 1;
            }
            "}" | "fi" | "done" if beginning => depth = depth.saturating_sub(1),
            "esac" if beginning => depth = cases.pop().unwrap_or(depth),
            _ => {}
        }
        if depth > DEEPEST || cases.len() > DEEPEST_CASE {
            return false;
        }
        beginning = operator
            || matches!(
                text,
                "then" | "do" | "else" | "{" | "}" | "fi" | "done" | "esac" | "in" | "!"
            );
    }
    true
}
