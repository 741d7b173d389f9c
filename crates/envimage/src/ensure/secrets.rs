//! Secrets of a stage: where docker finds them, and what no log may show.

use std::ffi::OsString;

use cachecore::environment::spec::SecretSource;
use cachecore::environment::template::Build;
use camino::{Utf8Path, Utf8PathBuf};

use crate::file;

/// BuildKit takes no longer one.
const LONGEST: u64 = 500 << 10;

/// The secrets of a stage.
pub(super) struct Secrets {
    /// What docker is told.
    pub(super) words: Vec<String>,
    /// What they are, to be hidden.
    pub(super) values: Vec<String>,
}

impl Secrets {
    /// Finds them. The error is a sentence.
    pub(super) fn find(
        build: &Build,
        folder: &Utf8Path,
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, String> {
        let (mut words, mut values) = (Vec::new(), Vec::new());
        for (id, source) in &build.secrets {
            let (value, place) = match source {
                SecretSource::Env(name) => {
                    let value = lookup(name).ok_or_else(|| {
                        format!("the variable {name} of secret {id:?} is not set")
                    })?;
                    (value.to_string_lossy().into_owned(), format!("env={name}"))
                }
                SecretSource::File(path) => {
                    let path = place(path, folder, &lookup);
                    let bytes = file::read(&path, LONGEST)
                        .map_err(|error| format!("the secret {id:?} cannot be read: {error}"))?;
                    let value = String::from_utf8_lossy(&bytes).into_owned();
                    (value, format!("src={path}"))
                }
            };
            values.push(value);
            words.push(format!("--secret={}", fields(&[format!("id={id}"), place])));
        }
        Ok(Self { words, values })
    }
}

/// Where a secret's file is: absolute, in the home folder, or beside the spec.
pub(crate) fn place(
    path: &Utf8Path,
    folder: &Utf8Path,
    lookup: &impl Fn(&str) -> Option<OsString>,
) -> Utf8PathBuf {
    let home = || lookup("HOME")?.into_string().ok().map(Utf8PathBuf::from);
    match path
        .strip_prefix("~")
        .ok()
        .and_then(|rest| Some(home()?.join(rest)))
    {
        Some(path) => path,
        None => {
            let path = folder.join(path);
            camino::absolute_utf8(&path).unwrap_or(path)
        }
    }
}

/// One record of CSV, which docker reads its flags as.
fn fields(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.contains([',', '"', '\n']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_home_or_from_the_spec_s_folder() {
        let lookup = |name: &str| (name == "HOME").then(|| OsString::from("/h"));
        for (path, there) in [
            ("~/.npmrc", "/h/.npmrc"),
            ("/a", "/a"),
            ("a/b", "/spec/a/b"),
        ] {
            assert_eq!(place(path.into(), "/spec".into(), &lookup), there);
        }
        assert_eq!(place("~/x".into(), "/spec".into(), &|_| None), "/spec/~/x");
    }

    #[test]
    fn a_comma_in_a_path_ends_no_field() {
        let words = ["id=a".to_owned(), "src=/b,c\"d".to_owned()];
        assert_eq!(fields(&words), "id=a,\"src=/b,c\"\"d\"");
    }
}
