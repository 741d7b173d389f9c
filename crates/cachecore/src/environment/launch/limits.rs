//! Limits as they are said on a command line: `cpus=2,memory=4g,pids=1000`.

use super::super::spec::{Cpus, Limits};
use crate::size;

/// The least memory that Docker gives a container, in bytes.
const LEAST_MEMORY: u64 = 6 << 20;

/// Why limits were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{said:?} is no limit: say cpus=2, memory=4g (at least 6m) or pids=1000, several with commas"
)]
pub struct LimitsError {
    said: String,
}

/// Reads limits. Those that it does not name are as before.
///
/// ```
/// use cachecore::environment::launch::limits;
/// use cachecore::environment::spec::Limits;
///
/// let limits = limits("memory=4g,pids=100", Limits::default()).unwrap();
/// assert_eq!((limits.memory, limits.pids), (Some(4 << 30), Some(100)));
/// ```
///
/// # Errors
/// [`LimitsError`] with the word that is no limit.
pub fn limits(text: &str, before: Limits) -> Result<Limits, LimitsError> {
    let mut limits = before;
    for said in text.split(',') {
        let refused = || LimitsError {
            said: said.to_owned(),
        };
        let (name, value) = said.trim().split_once('=').ok_or_else(refused)?;
        match name {
            "cpus" => limits.cpus = Some(Cpus::parse(value).ok_or_else(refused)?),
            "memory" => {
                let bytes = size::parse(value).ok();
                let enough = bytes.filter(|bytes| *bytes >= LEAST_MEMORY);
                limits.memory = Some(enough.ok_or_else(refused)?);
            }
            "pids" => {
                let pids = value.parse().ok().filter(|pids| *pids > 0);
                limits.pids = Some(pids.ok_or_else(refused)?);
            }
            _ => return Err(refused()),
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_limit_is_named() {
        for text in ["", "cpus", "cpus=0", "memory=1m", "pids=x", "cpus=1,disk=2"] {
            let error = limits(text, Limits::default()).unwrap_err();
            let last = text.rsplit(',').next().unwrap();
            assert!(
                error.to_string().starts_with(&format!("{last:?}")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_not_said_stays() {
        let spec = limits("cpus=2,memory=1g", Limits::default()).unwrap();
        let both = limits("memory=2g", spec).unwrap();
        assert_eq!(both.cpus, Cpus::parse("2"));
        assert_eq!(both.memory, Some(2 << 30));
    }
}
