//! Mounts of services, where the daemon has its client's folders at other places.

use cachecore::argv::Command;
use cachecore::argv::edit::{Edit, apply};
use cachecore::classify::Kind;
use cachecore::compose::{AsItIs, Last, last, overlay};
use cachecore::rewrite::Plan;

use super::ask::Answers;
use super::files;
use crate::stdin::Input;
use crate::{Environment, Real, explain};

/// The command with one more file behind the project's, if it starts services whose mounts are elsewhere.
pub(super) fn mapped(
    environment: &Environment,
    real: &Real,
    command: &Command,
    plan: Plan,
    answers: &mut Answers,
) -> Plan {
    if plan.kind != Some(Kind::ComposeStart) {
        return plan;
    }
    let mut plan = plan;
    match changed(environment, real, command, &plan, answers) {
        Ok(None) => {}
        Ok(Some((change, why))) => {
            plan.why.extend(why);
            match change {
                Last::Words(edit) => add(&mut plan, edit),
                Last::Variable(files) => plan.environment.push(("COMPOSE_FILE", files)),
            }
            // Another shim on the way has nothing to map any more.
            plan.environment.push(("CACHECORE_PATH_MAP", "".into()));
        }
        Err(why) => plan.why.push(format!("mounts stay as they are: {why}")),
    }
    plan
}

fn changed(
    environment: &Environment,
    real: &Real,
    command: &Command,
    plan: &Plan,
    answers: &mut Answers,
) -> Result<Option<(Last, Vec<String>)>, AsItIs> {
    let facts = explain::facts(environment);
    let map = facts.map().map_err(|e| AsItIs(e.to_string()))?;
    let Some(sources) = facts.sources(&map) else {
        return Ok(None);
    };
    let (_, project) = answers.project(real, plan, command)?;
    let Some(overlay) = overlay(&project.model, &sources) else {
        return Ok(None);
    };
    let problem = |e: std::io::Error| AsItIs(format!("no room for a file: {e}"));
    let file = Input::to_be_opened(overlay.file.to_string().as_bytes()).map_err(problem)?;
    let change = last(command, files::chain(environment, command), &file)?;
    Ok(Some((change, overlay.why)))
}

/// Other changes of the words have kept their number.
fn add(plan: &mut Plan, edit: Edit) {
    plan.argv = apply(&plan.argv, std::slice::from_ref(&edit));
    plan.edits.push(edit);
}
