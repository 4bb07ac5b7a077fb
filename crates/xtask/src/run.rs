//! Runs child processes: watched line by line, or with a time limit; what the lines mean is judged elsewhere.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::say;

/// Why a command of this program ends early, in one line for the reader.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs a step under its heading, hands each line of output to `each`, and prints the time it took.
///
/// # Errors
/// When the command cannot be started or does not end with success.
pub(crate) fn step(title: &str, command: Command, each: impl FnMut(&str)) -> Result<(), Failure> {
    say::err(&format!("\n== {title}"));
    let begun = Instant::now();
    let status = watch(command, each).map_err(|fault| Failure::new(format!("FAILED: {title}: {fault}")))?;
    if !status.success() {
        return Err(Failure::new(format!("FAILED: {title} ({status})")));
    }
    say::err(&format!("== {title}: ok, {:.1} s", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// Passes both streams of the child on to ours, line by line, and shows each line to `each`.
fn watch(mut command: Command, mut each: impl FnMut(&str)) -> io::Result<ExitStatus> {
    // The lines are read by a program: no colour codes among them, whatever the caller's environment asks for.
    command
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let (send, lines) = mpsc::channel::<String>();
        let also = send.clone();
        scope.spawn(move || stdout.map(|stream| pass_on(stream, say::out, &send)));
        scope.spawn(move || stderr.map(|stream| pass_on(stream, say::err, &also)));
        for line in lines {
            each(&line);
        }
    });
    child.wait()
}

fn pass_on(stream: impl Read, print: fn(&str), send: &mpsc::Sender<String>) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        print(&text);
        // INVARIANT: the receiver outlives both readers, so this cannot fail.
        let _ = send.send(text);
        line.clear();
    }
}

/// Runs a command silently; true when it ended with success.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command silently and kills it when it takes longer than `limit`.
///
/// # Errors
/// The last line that the child wrote to stderr, or that it was too slow.
pub(crate) fn within(limit: Duration, mut command: Command) -> Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|fault| fault.to_string())?;
    let Some(mut stream) = child.stderr.take() else { return Err("no stderr".to_owned()) };
    let (send, talk) = mpsc::channel();
    // Not joined: when the child is killed, its own children may hold the pipe open for as long as they like.
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        let _ = send.send(String::from_utf8_lossy(&text).into_owned());
    });
    let Ok(said) = talk.recv_timeout(limit) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("no answer within {} s", limit.as_secs()));
    };
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(said
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("no reason given")
            .trim()
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn every_line_of_both_streams_is_seen() {
        let mut seen = Vec::new();
        step("speak", shell("echo one; echo two >&2; printf three"), |line| seen.push(line.to_owned()))
            .unwrap();
        seen.sort();
        assert_eq!(seen, ["one", "three", "two"]);
    }

    #[test]
    fn a_failed_step_says_its_name_and_code_in_one_line() {
        let line = step("speak", shell("exit 3"), |_| {}).unwrap_err().to_string();
        assert_eq!(line, "FAILED: speak (exit status: 3)");
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure_too() {
        let line = step("speak", Command::new("/no/such/program"), |_| {}).unwrap_err().to_string();
        assert!(line.starts_with("FAILED: speak: "), "{line}");
    }

    #[test]
    fn a_silent_child_is_cut_off() {
        let fault = within(Duration::from_millis(50), shell("exec sleep 600")).unwrap_err();
        assert_eq!(fault, "no answer within 0 s");
    }

    #[test]
    fn a_failing_child_gives_its_last_words() {
        let fault = within(Duration::from_secs(60), shell("echo first >&2; echo last >&2; echo >&2; exit 1"));
        assert_eq!(fault, Err("last".to_owned()));
        assert_eq!(within(Duration::from_secs(60), shell("echo fine >&2")), Ok(()));
    }
}
