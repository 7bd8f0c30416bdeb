//! Where variables come from, and what they become.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};

use crate::cli::put::read_file;
use crate::cli::resolve::{self, Place, Resolver};
use crate::config::{Inherit, inherited, is_our_secret, variable_of_environment};
use crate::vault::{
    Declared, Error, Kind, Masks, Opened, Path, Prefix, Reference, Result, SCHEME, Secret,
    Variable, escape, is_dangerous_variable, is_variable_name, parse_env, variables,
};

/// What the command line and the files say.
pub struct Sources {
    prefixes: Vec<Prefix>,
    files: Vec<(PathBuf, Vec<Declared>)>,
    flags: Vec<(String, Result<Reference>)>,
}

/// What a variable of the program holds.
struct Held {
    value: Secret,
    is_secret: bool,
    /// It was written down, or inherited, as it is.
    is_plain: bool,
}

/// The variables of the program by name.
#[derive(Default)]
pub struct Variables {
    all: BTreeMap<String, Held>,
}

/// The versions that the variables were made of.
pub struct Seen(BTreeMap<Place, u64>);

impl Sources {
    /// Reads the command line and the files.
    ///
    /// # Errors
    /// Usage.
    pub fn read(flags: &[String], files: &[PathBuf], prefixes: &[String]) -> Result<Self> {
        let prefixes = prefixes.iter().map(|p| Prefix::parse(p)).collect::<Result<_>>()?;
        let files = files.iter().map(|path| Ok((path.clone(), declared(path)?)));
        let files = files.collect::<Result<_>>()?;
        let flags = flags.iter().map(|flag| {
            let (name, reference) = flag.split_once('=').unwrap_or((flag, ""));
            if !is_variable_name(name) {
                // The other half may be a value after all.
                return Err(Error::usage(
                    "--env takes NAME=REF, with a NAME of letters, digits, `_`",
                ));
            }
            if !Reference::is_meant(reference) {
                return Err(Error::usage(format!("--env {name}: not a reference")).hint(
                    "it is vault://…; plain values come from an env file or the environment",
                ));
            }
            Ok((name.to_owned(), Reference::parse(reference)))
        });
        let flags = flags.collect::<Result<_>>()?;
        Ok(Self { prefixes, files, flags })
    }

    /// Reads all that is referred to, at once.
    ///
    /// # Errors
    /// One that lists everything that cannot be had.
    pub async fn resolve(
        &self,
        resolver: &mut Resolver<'_>,
        strict: bool,
    ) -> Result<(Variables, Seen)> {
        let named = self.references();
        let mut places = resolve::places(named.values().filter_map(|r| r.as_ref().ok()));
        let below = resolver.prepare(&places, &self.prefixes).await?;
        for path in below.iter().flatten() {
            places.insert((None, path.clone(), None));
        }
        let found = resolver.read(places).await;
        let (mut variables, mut failed) = (Variables::default(), Vec::new());
        for (prefix, paths) in self.prefixes.iter().zip(&below) {
            let opened = paths.iter().filter_map(|path| {
                let answer = found.get(&(None, path.clone(), None))?;
                // Deleted since it was listed.
                let gone = answer.as_ref().is_err_and(|e| e.kind == Kind::NotFound);
                (!gone).then_some((path, answer))
            });
            let opened: Vec<_> = opened.collect();
            if opened.is_empty() {
                let error = Error::not_found("there is no secret below it").hint("`vault ls`");
                failed.push((format!("--prefix {prefix}"), error));
            }
            variables.take_prefix(prefix, opened, &mut failed);
        }
        for declared in self.files.iter().flat_map(|(_, declared)| declared) {
            variables.take_declared(declared, &mut failed);
        }
        for (name, reference) in named {
            let value = reference.as_ref().map_err(resolve::again);
            match value.and_then(|reference| resolve::value(reference, &found)) {
                Ok(value) => variables.set(&name, value.value, value.is_secret),
                Err(e) => {
                    let shown =
                        reference.as_ref().map_or_else(|_| String::new(), |r| format!(" = {r}"));
                    failed.push((format!("{name}{shown}"), e));
                }
            }
        }
        variables.check(&mut failed);
        if strict {
            self.check_filled(&variables, &mut failed);
        }
        match resolve::failures(failed, "the program was not started") {
            Some(error) => Err(error),
            None => {
                let versions = found.into_iter().filter_map(|(at, got)| Some((at, got.ok()?.n)));
                Ok((variables, Seen(versions.collect())))
            }
        }
    }

    /// True if nothing shows that another version would be read now, or nobody can tell.
    pub async fn is_unchanged(&self, resolver: &mut Resolver<'_>, seen: &Seen) -> bool {
        let Ok(below) = resolver.below(&self.prefixes).await else { return true };
        let known = |path: &Path| seen.0.contains_key(&(None, path.clone(), None));
        below.iter().flatten().all(known) && resolver.are_newest(&seen.0).await
    }

    /// The references by name: of two with the same name the last one counts, and one that is
    /// covered by a plain value counts no more.
    fn references(&self) -> BTreeMap<String, Result<Reference>> {
        let mut out = BTreeMap::new();
        for declared in self.files.iter().flat_map(|(_, declared)| declared) {
            let Some(value) = &declared.value else { continue };
            match value.text().filter(|text| Reference::is_meant(text)) {
                Some(text) => out.insert(declared.name.clone(), Reference::parse(text)),
                None => out.remove(&declared.name),
            };
        }
        for (name, reference) in &self.flags {
            let reference = match reference {
                Ok(reference) => Ok(reference.clone()),
                Err(e) => Err(resolve::again(e)),
            };
            out.insert(name.clone(), reference);
        }
        out
    }

    fn check_filled(&self, variables: &Variables, failed: &mut Vec<(String, Error)>) {
        let declared = self.files.iter().flat_map(|(_, declared)| declared);
        let names: BTreeSet<&str> = declared.map(|declared| declared.name.as_str()).collect();
        for name in names {
            let filled = variables.all.get(name).is_some_and(|v| !v.value.is_empty());
            // What failed to resolve is listed already.
            let listed = failed.iter().any(|(what, _)| what.split(' ').next() == Some(name));
            if !filled && !listed {
                failed.push((name.to_owned(), Error::not_found("declared, but without a value")));
            }
        }
    }
}

impl Variables {
    fn set(&mut self, name: &str, value: Secret, is_secret: bool) {
        self.all.insert(name.to_owned(), Held { value, is_secret, is_plain: false });
    }

    fn set_plain(&mut self, name: &str, value: Secret) {
        self.all.insert(name.to_owned(), Held { value, is_secret: false, is_plain: true });
    }

    /// A line of an env file that is no reference.
    fn take_declared(&mut self, declared: &Declared, failed: &mut Vec<(String, Error)>) {
        let name = declared.name.as_str();
        match &declared.value {
            Some(value) if value.text().is_some_and(Reference::is_meant) => {}
            // An empty one is filled by what a folder has.
            Some(value) if value.is_empty() && self.all.contains_key(name) => {}
            Some(value) => self.set_plain(name, Secret::copy_of(value.bytes())),
            None if self.all.contains_key(name) => {}
            None if is_our_secret(name) => {
                let error = Error::usage("no program gets it from the environment of the caller");
                failed.push((name.to_owned(), error.hint("remove it from the env file")));
            }
            None => {
                if let Some(value) = variable_of_environment(name) {
                    self.set_plain(name, Secret::new(value.into_encoded_bytes()));
                }
            }
        }
    }

    /// All fields of all secrets below a folder.
    fn take_prefix(
        &mut self,
        prefix: &Prefix,
        opened: Vec<(&Path, &Result<Opened>)>,
        failed: &mut Vec<(String, Error)>,
    ) {
        let mut from: BTreeMap<String, String> = BTreeMap::new();
        for (path, opened) in opened {
            let opened = match opened {
                Ok(opened) => opened,
                Err(e) => {
                    failed.push((path.to_string(), resolve::again(e)));
                    continue;
                }
            };
            for Variable { name, value, is_secret, origin } in variables(prefix, path, opened) {
                if let Some(other) = from.insert(name.clone(), origin.clone()) {
                    let error = Error::usage(format!("{other} becomes {name}, too"));
                    failed.push((origin, error));
                } else if is_dangerous_variable(&name) {
                    let error = Error::usage(format!("{name} is not taken from a folder"))
                        .hint("name it with --env if that is what you want");
                    failed.push((origin, error));
                }
                self.set(&name, Secret::copy_of(value.bytes()), is_secret);
            }
        }
    }

    /// No variable can hold a NUL byte.
    fn check(&self, failed: &mut Vec<(String, Error)>) {
        for (name, variable) in &self.all {
            if variable.value.bytes().contains(&0) {
                let error = Error::usage("a value with a NUL byte cannot be in a variable");
                failed.push((name.clone(), error));
            }
        }
    }

    /// The variables in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.all.iter().map(|(name, variable)| (name.as_str(), &variable.value))
    }

    /// The values that nobody should see.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.all.values().filter(|v| v.is_secret).map(|v| &v.value)
    }

    /// The names of secret values that are too short to be masked.
    pub fn too_short(&self) -> impl Iterator<Item = &str> {
        let short = |v: &Held| v.is_secret && !v.value.is_empty() && !Masks::can_mask(&v.value);
        self.all.iter().filter(move |(_, v)| short(v)).map(|(name, _)| name.as_str())
    }

    /// The names of variables, these and the inherited ones, in which a reference stays as it is:
    /// it is in a longer value, or nobody but the caller has set it.
    pub fn unresolved(&self, inherit: Inherit) -> BTreeSet<String> {
        let has = |value: &[u8]| value.windows(SCHEME.len()).any(|part| part == SCHEME.as_bytes());
        let plain = self.all.iter().filter(|(_, v)| v.is_plain && has(v.value.bytes()));
        let mut names: BTreeSet<String> = plain.map(|(name, _)| name.clone()).collect();
        for (name, value) in inherited(inherit) {
            let name = name.to_string_lossy().into_owned();
            if has(value.as_encoded_bytes()) && !self.all.contains_key(&name) {
                names.insert(name);
            }
        }
        names
    }

    /// True if these are the same names and values.
    pub fn same_as(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        let same = |((a, x), (b, y)): ((&str, &Secret), (&str, &Secret))| {
            a == b && bool::from(x.bytes().ct_eq(y.bytes()))
        };
        self.all.len() == other.all.len() && self.iter().zip(other.iter()).all(same)
    }
}

fn declared(path: &FilePath) -> Result<Vec<Declared>> {
    parse_env(&read_file(path)?)
        .map_err(|e| Error::usage(format!("{}: {e}", escape(&path.display().to_string()))))
}
