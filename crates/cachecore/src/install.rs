//! How the shim gets its places in front of the real programs, and leaves them again: links in a folder of
//! `PATH`, and links where docker looks for plugins.
//!
//! Nothing of anybody else's is replaced. Plugins go into `cli-plugins` of docker's configuration folder, or,
//! where that or an earlier folder has such a plugin already, into a folder of the shim's own, which docker's
//! `config.json` then lists first.

use serde::Serialize;

/// What stands at a place where a link is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum There {
    /// Nothing.
    Nothing,
    /// A link to the shim.
    Ours,
    /// Something that the shim has not put there.
    Other,
}

/// A folder for links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its path.
    pub path: String,
    /// What has to be made for it to be there, outermost first.
    pub missing: Vec<String>,
    /// The names that the shim is to have in it, and what is there.
    pub names: Vec<(&'static str, There)>,
}

/// Where plugins may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugins {
    /// `cli-plugins`, or the folder that was asked for.
    pub usual: Folder,
    /// The folder of the shim's own; `None` if it has to be the one that was asked for.
    pub own: Option<Folder>,
    /// Docker's `config.json`.
    pub config: String,
    /// Whether that lists the shim's own folder before any other.
    pub is_listed: bool,
    /// Whether a folder that is looked at before the usual one has one of these plugins.
    pub is_shadowed: bool,
}

/// Something that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// A folder is made.
    MakeFolder {
        /// Which.
        path: String,
    },
    /// A link to the shim is made.
    Link {
        /// Where.
        path: String,
    },
    /// A folder is listed in docker's configuration, before others.
    List {
        /// Docker's `config.json`.
        config: String,
        /// The folder.
        folder: String,
    },
    /// A link to the shim goes.
    Unlink {
        /// Where.
        path: String,
    },
    /// A folder is no longer listed in docker's configuration.
    Unlist {
        /// Docker's `config.json`.
        config: String,
        /// The folder.
        folder: String,
    },
    /// A folder that the shim has made goes, if nobody has put anything there.
    RemoveFolder {
        /// Which.
        path: String,
    },
}

/// Something is where a link would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path} is there, and not the shim's; nothing was changed. Choose a folder that comes before it"
)]
pub struct Occupied {
    /// Where.
    pub path: String,
}

/// Decides what is done so that the links are there. What is there already is not done again.
///
/// # Errors
/// [`Occupied`] if something would have to be replaced.
pub fn install(folder: Option<&Folder>, plugins: Option<&Plugins>) -> Result<Vec<Step>, Occupied> {
    let mut steps = Vec::new();
    if let Some(folder) = folder {
        links(folder, &mut steps)?;
    }
    let Some(plugins) = plugins else {
        return Ok(steps);
    };
    match &plugins.own {
        // It stays where it is.
        Some(own) if plugins.is_listed => links(own, &mut steps)?,
        Some(own) if plugins.is_shadowed || plugins.usual.occupied().is_some() => {
            links(own, &mut steps)?;
            if own.names.is_empty() {
                return Ok(steps);
            }
            steps.push(Step::List {
                config: plugins.config.clone(),
                folder: own.path.clone(),
            });
        }
        _ => links(&plugins.usual, &mut steps)?,
    }
    Ok(steps)
}

/// Decides what is done so that no link is left. `made` are the folders that the shim has made, outermost
/// first, of all of these folders.
pub fn uninstall(folders: &[&Folder], listed: Option<(&str, &str)>, made: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some((config, folder)) = listed {
        steps.push(Step::Unlist {
            config: config.to_owned(),
            folder: folder.to_owned(),
        });
    }
    for folder in folders {
        for (name, there) in &folder.names {
            if *there == There::Ours {
                steps.push(Step::Unlink {
                    path: folder.place(name),
                });
            }
        }
    }
    let made = made.iter().rev().cloned();
    steps.extend(made.map(|path| Step::RemoveFolder { path }));
    steps
}

impl Folder {
    /// Where a name is.
    pub fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.path.trim_end_matches('/'))
    }

    fn occupied(&self) -> Option<String> {
        let mut names = self.names.iter();
        let other = names.find(|(_, there)| *there == There::Other);
        other.map(|(name, _)| self.place(name))
    }
}

fn links(folder: &Folder, steps: &mut Vec<Step>) -> Result<(), Occupied> {
    if let Some(path) = folder.occupied() {
        return Err(Occupied { path });
    }
    let to_do: Vec<_> = folder
        .names
        .iter()
        .filter(|(_, there)| *there == There::Nothing)
        .collect();
    if to_do.is_empty() {
        return Ok(());
    }
    let missing = folder.missing.iter().cloned();
    steps.extend(missing.map(|path| Step::MakeFolder { path }));
    steps.extend(to_do.iter().map(|(name, _)| Step::Link {
        path: folder.place(name),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str, names: &[(&'static str, There)]) -> Folder {
        Folder {
            path: path.to_owned(),
            missing: Vec::new(),
            names: names.to_vec(),
        }
    }

    fn plugins(there: There) -> Plugins {
        Plugins {
            usual: folder("/d/cli-plugins", &[("docker-buildx", there)]),
            own: Some(folder("/d/own", &[("docker-buildx", There::Nothing)])),
            config: "/d/config.json".to_owned(),
            is_listed: false,
            is_shadowed: false,
        }
    }

    fn link(path: &str) -> Step {
        Step::Link {
            path: path.to_owned(),
        }
    }

    #[test]
    fn only_what_is_missing_is_put_in() {
        let mut to = folder(
            "/bin/",
            &[("docker", There::Nothing), ("docker-compose", There::Ours)],
        );
        to.missing = vec!["/bin".to_owned()];
        let made = Step::MakeFolder {
            path: "/bin".to_owned(),
        };
        assert_eq!(
            install(Some(&to), None),
            Ok(vec![made, link("/bin/docker")])
        );
        let there = folder("/bin", &[("docker", There::Ours)]);
        assert_eq!(install(Some(&there), None), Ok(vec![]));
    }

    #[test]
    fn nothing_of_anybody_else_s_is_replaced() {
        let to = folder(
            "/bin",
            &[("docker-compose", There::Nothing), ("docker", There::Other)],
        );
        let error = install(Some(&to), Some(&plugins(There::Nothing))).unwrap_err();
        assert_eq!(error.path, "/bin/docker");
        let mut asked = plugins(There::Other);
        asked.own = None;
        let error = install(None, Some(&asked)).unwrap_err();
        assert_eq!(error.path, "/d/cli-plugins/docker-buildx");
    }

    #[test]
    fn plugins_go_where_docker_finds_them_first() {
        let usual = [link("/d/cli-plugins/docker-buildx")];
        assert_eq!(
            install(None, Some(&plugins(There::Nothing))).unwrap(),
            usual
        );
        let listed = [
            link("/d/own/docker-buildx"),
            Step::List {
                config: "/d/config.json".to_owned(),
                folder: "/d/own".to_owned(),
            },
        ];
        assert_eq!(install(None, Some(&plugins(There::Other))).unwrap(), listed);
        let mut shadowed = plugins(There::Nothing);
        shadowed.is_shadowed = true;
        assert_eq!(install(None, Some(&shadowed)).unwrap(), listed);
        shadowed.is_listed = true;
        assert_eq!(install(None, Some(&shadowed)).unwrap(), listed[..1]);
    }

    #[test]
    fn what_was_put_in_is_taken_out_in_the_other_order() {
        let own = folder(
            "/a/b",
            &[("docker", There::Ours), ("docker-compose", There::Other)],
        );
        let made = ["/a".to_owned(), "/a/b".to_owned()];
        let remove = |path: &str| Step::RemoveFolder {
            path: path.to_owned(),
        };
        let unlink = Step::Unlink {
            path: "/a/b/docker".to_owned(),
        };
        assert_eq!(
            uninstall(&[&own], None, &made),
            [unlink, remove("/a/b"), remove("/a")]
        );
    }
}
