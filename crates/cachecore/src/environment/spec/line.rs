//! The order of stages: each is built on one other, and they are one line.

use super::{Position, Problem, Stage};
use crate::environment::nearest::nearest;

/// A stage as it stands in the file.
pub(super) struct Listed {
    pub(super) stage: Stage,
    pub(super) at: Position,
    /// The stage that it names as the one below it, and where.
    pub(super) after: Option<(String, Position)>,
}

/// The stages in the order in which they are built.
pub(super) fn line(listed: Vec<Listed>) -> Result<Vec<Stage>, (Position, Problem)> {
    let below = below(&listed)?;
    let name = |at: usize| listed[at].stage.name.as_str();
    let mut above: Vec<Option<usize>> = vec![None; listed.len()];
    let mut first: Option<usize> = None;
    for (at, below) in below.iter().enumerate() {
        let place = match below {
            Some(below) => &mut above[*below],
            None => &mut first,
        };
        if let Some(other) = place.replace(at) {
            let problem = Problem::Fork {
                one: name(other).to_owned(),
                other: name(at).to_owned(),
                on: below.map_or("the base image".to_owned(), |on| format!("{:?}", name(on))),
            };
            return Err((place_of(&listed[at]), problem));
        }
    }
    let mut order = Vec::new();
    let mut next = first;
    while let Some(at) = next {
        order.push(at);
        next = above[at];
    }
    // Nothing has two stages on it, so what the first stage does not lead to leads round.
    if let Some(start) = (0..listed.len()).find(|at| !order.contains(at)) {
        let mut stages = vec![name(start).to_owned()];
        let mut at = start;
        while let Some(on) = below[at] {
            stages.push(name(on).to_owned());
            at = on;
            if at == start {
                break;
            }
        }
        return Err((place_of(&listed[start]), Problem::Cycle { stages }));
    }
    let mut stages: Vec<Option<Stage>> = listed.into_iter().map(|it| Some(it.stage)).collect();
    Ok(order
        .into_iter()
        .filter_map(|at| stages[at].take())
        .collect())
}

/// What each stage is built on; `None` for the base image.
fn below(listed: &[Listed]) -> Result<Vec<Option<usize>>, (Position, Problem)> {
    let names = || listed.iter().map(|it| it.stage.name.as_str());
    for (at, it) in listed.iter().enumerate() {
        if let Some(first) = names()
            .take(at)
            .position(|name| name == it.stage.name.as_str())
        {
            let problem = Problem::Twice {
                what: "stage",
                name: it.stage.name.to_string(),
                first: listed[first].at.line,
            };
            return Err((it.at, problem));
        }
    }
    let mut below = Vec::new();
    for (at, it) in listed.iter().enumerate() {
        let on = match &it.after {
            None => at.checked_sub(1),
            Some((after, position)) => match names().position(|name| name == after) {
                Some(on) => Some(on),
                None => {
                    let problem = Problem::Unknown {
                        what: "stage",
                        name: after.clone(),
                        nearest: nearest(after, names()).map(str::to_owned),
                    };
                    return Err((*position, problem));
                }
            },
        };
        below.push(on);
    }
    Ok(below)
}

fn place_of(listed: &Listed) -> Position {
    listed.after.as_ref().map_or(listed.at, |(_, at)| *at)
}
