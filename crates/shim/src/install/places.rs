//! What is at the places where links are to be.

use std::path::{Path, PathBuf};

use cachecore::dockerconfig;
use cachecore::install::{Folder, Plugins, There};

use super::absolute;
use super::record::Record;
use crate::builder::read;
use crate::manage::options::Options;
use crate::real::plugin_dirs;
use crate::trail::place;
use crate::{Environment, Real, Seat};

/// What was found.
#[derive(Debug)]
pub(super) struct Places {
    /// The shim, to which links lead.
    pub(super) program: PathBuf,
    /// The folder of `--to`.
    pub(super) folder: Option<Folder>,
    /// Where plugins may go.
    pub(super) plugins: Option<Plugins>,
    /// Docker's `config.json`, and the shim's own folder in it.
    pub(super) listed: Option<(String, String)>,
    /// Folders that the shim has made, outermost first.
    pub(super) made: Vec<String>,
    /// What is not put in, and why.
    pub(super) left_out: Vec<String>,
}

impl Places {
    /// Looks at them.
    ///
    /// # Errors
    /// A sentence about what cannot be found out.
    pub(super) fn look(
        environment: &Environment,
        options: &Options,
        is_removal: bool,
    ) -> Result<Self, String> {
        let program = std::fs::read_link("/proc/self/exe")
            .map_err(|e| format!("cannot tell where the shim itself is: {e}"))?;
        let mut places = Self {
            program,
            folder: None,
            plugins: None,
            listed: None,
            made: Vec::new(),
            left_out: Vec::new(),
        };
        if let Some(to) = &options.to {
            let mut names = vec!["docker", "docker-compose"];
            // Who looks whether there is a docker-compose had better not find one that only says there is none.
            if !is_removal && !places.has(environment, Seat::Compose) {
                names.pop();
            }
            let folder = places.at(&absolute(to), &names)?;
            places
                .made
                .extend(Record::of(Path::new(&folder.path)).folders);
            places.folder = Some(folder);
        }
        if let Some(asked) = &options.plugin {
            places.look_for_plugins(environment, asked.as_deref(), is_removal)?;
        }
        Ok(places)
    }

    /// The folders in which links of the shim may be.
    pub(super) fn folders(&self) -> Vec<&Folder> {
        let plugins = self.plugins.iter();
        let both = plugins.flat_map(|plugins| [Some(&plugins.usual), plugins.own.as_ref()]);
        self.folder.iter().chain(both.flatten()).collect()
    }

    fn look_for_plugins(
        &mut self,
        environment: &Environment,
        asked: Option<&Path>,
        is_removal: bool,
    ) -> Result<(), String> {
        let config_dir = environment.config_dir().map(|dir| absolute(&dir));
        let Some(config_dir) = config_dir else {
            return Err("without DOCKER_CONFIG and HOME nobody has plugins".to_owned());
        };
        let config = config_dir.join("config.json");
        let own = config_dir.join("cachecore-plugins");
        let listed = match std::fs::symlink_metadata(&config) {
            Err(_) => Vec::new(),
            Ok(_) => {
                let unreadable = || format!("{} cannot be read", config.display());
                let bytes = read(&config).ok_or_else(unreadable)?;
                let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
                dockerconfig::plugin_dirs(&text)
                    .map_err(|e| format!("{}: {e}", config.display()))?
            }
        };
        let mut names = vec!["docker-buildx", "docker-compose"];
        if !is_removal {
            // A plugin with nothing behind it would be a broken one.
            let mut as_plugin = environment.clone();
            as_plugin.as_plugin = true;
            let mut seats = vec![Seat::Buildx, Seat::Compose];
            seats.retain(|seat| self.has(&as_plugin, *seat));
            names = seats.into_iter().map(Seat::name).collect();
        }
        let usual = match asked {
            Some(folder) => absolute(folder),
            None => config_dir.join("cli-plugins"),
        };
        let usual = self.at(&usual, &names)?;
        let own_text = text(&own)?;
        let is_shadowed = listed.iter().filter(|dir| **dir != own_text).any(|dir| {
            let is_other = |name: &&str| self.there(&Path::new(dir).join(name)) == There::Other;
            names.iter().any(is_other)
        });
        self.made.extend(Record::of(Path::new(&usual.path)).folders);
        let own_folder = match asked {
            Some(_) => None,
            None => Some(self.at(&own, &names)?),
        };
        if own_folder.is_some() {
            self.made.extend(Record::of(&own).folders);
            if listed.contains(&own_text) {
                self.listed = Some((text(&config)?, own_text.clone()));
            }
        }
        self.plugins = Some(Plugins {
            usual,
            own: own_folder,
            config: text(&config)?,
            is_listed: listed.first() == Some(&own_text),
            is_shadowed,
        });
        Ok(())
    }

    /// Whether there is a real one. If not, it is told why there is no link.
    fn has(&mut self, environment: &Environment, seat: Seat) -> bool {
        let name = seat.name();
        match Real::find(environment, seat) {
            Ok(real) if environment.as_plugin && !is_plugin(environment, &real.path) => {
                let problem = format!("{name} is no plugin: {} is another", real.path.display());
                self.left_out.push(problem);
                false
            }
            Ok(_) => true,
            Err(e) => {
                let note = format!("{name} is left out: {e}");
                if !self.left_out.contains(&note) {
                    self.left_out.push(note);
                }
                false
            }
        }
    }

    fn at(&self, folder: &Path, names: &[&'static str]) -> Result<Folder, String> {
        let mut missing = Vec::new();
        for above in folder.ancestors() {
            if std::fs::symlink_metadata(above).is_ok() {
                break;
            }
            missing.insert(0, text(above)?);
        }
        let names = names
            .iter()
            .map(|name| (*name, self.there(&folder.join(name))));
        Ok(Folder {
            path: text(folder)?,
            missing,
            names: names.collect(),
        })
    }

    fn there(&self, path: &Path) -> There {
        let Ok(meta) = std::fs::symlink_metadata(path) else {
            return There::Nothing;
        };
        let is_ours = meta.is_symlink()
            && (std::fs::read_link(path).is_ok_and(|target| target == self.program)
                || place(path).is_some_and(|there| Some(there) == place(&self.program)));
        if is_ours { There::Ours } else { There::Other }
    }
}

/// Whether docker would find it, or somebody has named it.
fn is_plugin(environment: &Environment, path: &Path) -> bool {
    let mut dirs = plugin_dirs(environment).into_iter();
    environment.real.iter().flatten().any(|named| named == path)
        || dirs.any(|dir| path.parent() == Some(&dir))
}

/// A path as it stands in reports and in docker's configuration.
fn text(path: &Path) -> Result<String, String> {
    let text = path.to_str().map(ToOwned::to_owned);
    text.ok_or_else(|| format!("{} is not UTF-8", path.display()))
}
