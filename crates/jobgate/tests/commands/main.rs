//! The commands that need no gateway, run as a user runs them: exit codes, data on stdout, talk on stderr.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod books;
mod estimate;
mod ledgers;
mod lines;
mod lint;
mod roots;
mod rules;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A job of which there is nothing to say.
const GOOD: &str = r#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;

/// A directory of its own for a test, in which the commands run.
struct Place(PathBuf);

/// What came of a command.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Place {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands").join(test);
        // What an earlier run left behind.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(self, file: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.0.join(file), content).unwrap();
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobgate"));
        command.args(args).current_dir(&self.0).stdin(Stdio::null());
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&mut self.command(args))
    }

    fn run_on(&self, args: &[&str], stdin: &str) -> Ran {
        let mut command = self.command(args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    }
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// One value a line.
    fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// All of it, for a snapshot.
    fn shown(&self) -> String {
        let Self { code, stdout, stderr } = self;
        format!("exit {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The ids of the rules in a document's findings.
fn rules_of(document: &Value) -> Vec<&str> {
    let violations = document["violations"].as_array().unwrap();
    violations.iter().map(|violation| violation["rule"].as_str().unwrap()).collect()
}

#[test]
fn every_help_has_an_example() {
    let place = Place::new("help");
    for command in
        ["demo", "serve", "sandbox", "check-config", "lint", "estimate", "rules", "ledger", "holds", "usage"]
    {
        let ran = place.run(&[command, "--help"]);
        assert_eq!(ran.code, Some(0), "{command}");
        assert!(ran.stdout.contains("Example") && ran.stdout.contains(&format!("jobgate {command}")));
        assert_eq!(ran.stderr, "", "{command}");
    }
}

/// What the exit codes mean where the help is looked at, and what lint knows nothing of.
#[test]
fn help_says_how_commands_end_and_what_is_not_checked() {
    let place = Place::new("endings");
    let words = |args: &[&str]| place.run(args).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let endings = words(&["--help"]);
    assert!(endings.contains("2 wrong usage, or a job or rate card that cannot be read"), "{endings}");
    for args in [&["lint", "nowhere"][..], &["estimate", "nowhere", "--rate-card", "builtin:illustrative"]] {
        assert_eq!(place.run(args).code, Some(2), "{args:?}");
    }
    let lint = words(&["lint", "--help"]);
    assert!(lint.contains("413") && lint.contains("limits.body_bytes"), "{lint}");
}

#[test]
fn words_that_nobody_knows_are_wrong_usage() {
    let place = Place::new("usage");
    for args in [&[][..], &["lnt"], &["lint", "--format", "xml"], &["estimate"], &["rules", "a", "b"]] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}
