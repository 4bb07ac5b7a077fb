//! The machine as it is found: the workspace root, where programs are, who runs this; changes nothing.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian and the usual installers put programs; searched after the caller's own PATH.
const USUAL: [&str; 6] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/// What the commands need to know about this machine.
#[derive(Debug)]
pub(crate) struct Machine {
    root: PathBuf,
    path: Vec<PathBuf>,
}

impl Machine {
    /// This machine, seen from the workspace that the program was built in.
    pub(crate) fn here() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
        let given = env::var_os("PATH").unwrap_or_default();
        let path = search_path(env::split_paths(&given), &tools_of(root));
        Self { root: root.to_path_buf(), path }
    }

    /// The workspace root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Programs fetched for this clone alone; git ignores the folder.
    pub(crate) fn tools(&self) -> PathBuf {
        tools_of(&self.root)
    }

    /// Whether a program of that name can be started by the commands made here.
    pub(crate) fn has(&self, program: &str) -> bool {
        self.path.iter().any(|folder| is_program(&folder.join(program)))
    }

    /// A command that runs in the workspace root and finds every program that [`Machine::has`] finds.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", joined(&self.path));
        for (name, _) in env::vars_os().filter(|(name, _)| is_ours_alone(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command
    }

    /// The cargo that runs this program, with arguments.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = self.command(&cargo);
        command.args(arguments);
        command
    }
}

/// Whether packages can be installed without asking.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn tools_of(root: &Path) -> PathBuf {
    root.join("target/tools")
}

/// The caller's folders first and in their order: nothing that they find is shadowed.
fn search_path(given: impl Iterator<Item = PathBuf>, tools: &Path) -> Vec<PathBuf> {
    let mut path: Vec<PathBuf> = Vec::new();
    let tools = ["usr/bin", "usr/sbin"].map(|folder| tools.join(folder));
    for folder in given.chain(USUAL.iter().map(PathBuf::from)).chain(tools) {
        if !path.contains(&folder) {
            path.push(folder);
        }
    }
    path
}

/// A folder with a colon in its name cannot be in a PATH; it came from one, so only our own can have it.
fn joined(path: &[PathBuf]) -> OsString {
    env::join_paths(path).or_else(|_| env::join_paths(USUAL)).unwrap_or_default()
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// `cargo run` describes *this* package in the environment. Some build scripts ask cargo to be rerun when these
/// change, so handed on they would rebuild the tree each time somebody alternates between `cargo` and `cargo xtask`.
fn is_ours_alone(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_path_comes_first_and_nothing_twice() {
        let given = ["/opt/mine", "/usr/bin", "/opt/mine"].map(PathBuf::from);
        let path = search_path(given.into_iter(), Path::new("/clone/target/tools"));
        assert_eq!(path.first(), Some(&PathBuf::from("/opt/mine")));
        assert_eq!(path.get(1), Some(&PathBuf::from("/usr/bin")));
        assert_eq!(path.last(), Some(&PathBuf::from("/clone/target/tools/usr/sbin")));
        assert_eq!(path.iter().filter(|folder| folder.ends_with("mine")).count(), 1);
    }

    #[test]
    fn a_program_off_the_callers_path_is_found_in_the_usual_places() {
        let machine =
            Machine { root: PathBuf::new(), path: search_path(std::iter::empty(), Path::new("/x")) };
        assert!(machine.has("sh"));
        assert!(!machine.has("no-such-program-anywhere"));
        assert!(!machine.has("."), "a folder is not a program");
    }

    #[test]
    fn the_root_is_the_workspace() {
        assert!(Machine::here().root().join("crates/xtask/src/machine.rs").is_file());
    }

    #[test]
    fn what_cargo_says_of_this_package_is_not_handed_on() {
        let command = Machine::here().cargo(&["version"]);
        let removed = command.get_envs().any(|(name, value)| name == "CARGO_MANIFEST_DIR" && value.is_none());
        assert!(removed, "cargo sets it for every test");
    }
}
