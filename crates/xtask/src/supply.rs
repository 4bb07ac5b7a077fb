//! Puts in place what a command needs and the machine lacks: Debian packages, cargo's tools; touches nothing that is there.

use std::env;
use std::fs;
use std::process::Command;

use crate::machine::{self, Machine};
use crate::run::{self, Failure};
use crate::say;

/// A program, and the Debian package that brings it.
type Program = (&'static str, &'static str);

/// A subcommand of cargo; the version is the one that the suite was last run with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CargoTool {
    name: &'static str,
    version: &'static str,
}

/// Runs the tests, each in a process of its own.
pub(crate) const NEXTEST: CargoTool = CargoTool { name: "nextest", version: "0.9.143" };
/// Holds dependencies to `.deny.toml`.
pub(crate) const DENY: CargoTool = CargoTool { name: "deny", version: "0.20.2" };
/// Builds and runs the fuzz targets.
pub(crate) const FUZZ: CargoTool = CargoTool { name: "fuzz", version: "0.13.2" };

/// Changes the source to see whether a test notices.
pub(crate) const MUTANTS: CargoTool = CargoTool { name: "mutants", version: "27.1.0" };

/// What cargo needs to build the workspace: pingora compiles zlib-ng, whose build is cmake's and make's.
///
/// # Errors
/// The one line to run, where packages cannot be installed from here.
pub(crate) fn to_build(machine: &Machine) -> Result<(), Failure> {
    let mut wanted: Vec<Program> = Vec::new();
    if env::var_os("CMAKE").is_none() {
        wanted.push(("cmake", "cmake"));
    }
    if env::var_os("CMAKE_GENERATOR").is_none() {
        wanted.push(("make", "make"));
    }
    packages(machine, &wanted)
}

/// What the fuzz targets need beyond the workspace: libFuzzer is C++.
///
/// # Errors
/// As [`to_build`], or cargo's.
pub(crate) fn to_fuzz(machine: &Machine) -> Result<(), Failure> {
    if env::var_os("CXX").is_none() {
        packages(machine, &[("c++", "g++")])?;
    }
    cargo_tool(machine, FUZZ)
}

/// What counts instructions.
///
/// # Errors
/// As [`to_build`].
pub(crate) fn to_count(machine: &Machine) -> Result<(), Failure> {
    packages(machine, &[("valgrind", "valgrind")])
}

/// Clients of HTTP/2 that nobody here wrote. One is a library of Debian's own Python, whatever other Python is on the PATH.
///
/// # Errors
/// As [`to_build`].
pub(crate) fn for_the_catalogue(machine: &Machine) -> Result<(), Failure> {
    packages(machine, &[("h2load", "nghttp2-client")])?;
    let is_there = || {
        let mut python = machine.command("/usr/bin/python3");
        python.args(["-c", "import h2, hpack, hyperframe"]);
        run::succeeds(python)
    };
    if !is_there() && machine::is_root() && machine.has("apt-get") {
        run::step("update the package lists", apt_get(machine, &["update"]), |_| {})?;
        let install = apt_get(machine, &["install", "-y", "--no-install-recommends", "python3-h2"]);
        run::step("install packages", install, |_| {})?;
    }
    if is_there() {
        return Ok(());
    }
    Err(to_run("h2 of Python", "sudo apt-get install -y --no-install-recommends python3-h2"))
}

/// What sets the clock for one process.
///
/// # Errors
/// As [`to_build`].
pub(crate) fn to_set_clocks(machine: &Machine) -> Result<(), Failure> {
    packages(machine, &[("faketime", "faketime")])
}

/// A cargo subcommand. Built without optimisation: a fresh machine spends a minute less on it than it would win.
///
/// # Errors
/// When cargo cannot install it.
pub(crate) fn cargo_tool(machine: &Machine, tool: CargoTool) -> Result<(), Failure> {
    if run::succeeds(machine.cargo(&[tool.name, "--version"])) {
        return Ok(());
    }
    let crate_name = format!("cargo-{}", tool.name);
    let install = ["install", "--locked", "--debug", "--version", tool.version, &crate_name];
    run::step(&format!("install {crate_name}"), machine.cargo(&install), |_| {})
}

/// Prometheus' server and promtool, which judge our metrics and alert rules. The package is unpacked, not installed:
/// installing it would start a server on port 9090, which is jobgate's own admin port.
///
/// # Errors
/// The one line to run, when the package cannot be had and promtool is not there either.
pub(crate) fn prometheus(machine: &Machine) -> Result<(), Failure> {
    let there = || ["prometheus", "promtool"].iter().all(|program| machine.has(program));
    if there() {
        return Ok(());
    }
    if machine.has("apt-get") && machine.has("dpkg") {
        unpack(machine, "prometheus")?;
    }
    if there() || machine.has("promtool") {
        return Ok(());
    }
    Err(to_run("prometheus", "sudo apt-get install -y --no-install-recommends prometheus"))
}

/// A web server to be measured beside. Unpacked, as Prometheus is: installing it would start it on port 80.
///
/// # Errors
/// The one line to run, when the package cannot be had.
pub(crate) fn nginx(machine: &Machine) -> Result<(), Failure> {
    if !machine.has("nginx") && machine.has("apt-get") && machine.has("dpkg") {
        unpack(machine, "nginx")?;
    }
    if machine.has("nginx") {
        return Ok(());
    }
    Err(to_run("nginx", "sudo apt-get install -y --no-install-recommends nginx"))
}

fn unpack(machine: &Machine, package: &str) -> Result<(), Failure> {
    let folder = machine.tools();
    fs::create_dir_all(&folder)
        .map_err(|fault| Failure::new(format!("cannot make {}: {fault}", folder.display())))?;
    let mut script = format!("apt-get download {package} && dpkg -x {package}_*.deb . && rm {package}_*.deb");
    if machine::is_root() {
        // Without package lists, as in a fresh container, the first try cannot succeed.
        script = format!("{{ {script}; }} || {{ apt-get update && {script}; }}");
    }
    let mut shell = machine.command("sh");
    shell.args(["-c", &script]).current_dir(folder);
    if let Err(failure) = run::step(&format!("fetch {package}"), shell, |_| {}) {
        say::err(&failure.to_string());
    }
    Ok(())
}

/// Installs the packages of those programs that are missing.
fn packages(machine: &Machine, wanted: &[Program]) -> Result<(), Failure> {
    let missing = || wanted.iter().filter(|(program, _)| !machine.has(program)).copied().collect::<Vec<_>>();
    if missing().is_empty() {
        return Ok(());
    }
    if machine::is_root() && machine.has("apt-get") {
        run::step("update the package lists", apt_get(machine, &["update"]), |_| {})?;
        // --reinstall: dpkg may believe that a program is there which is not.
        let mut install = apt_get(machine, &["install", "-y", "--no-install-recommends", "--reinstall"]);
        install.args(missing().iter().map(|(_, package)| package));
        run::step("install packages", install, |_| {})?;
    }
    let still = missing();
    if still.is_empty() { Ok(()) } else { Err(advice(machine, &still)) }
}

fn apt_get(machine: &Machine, arguments: &[&str]) -> Command {
    let mut command = machine.command("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "DPkg::Lock::Timeout=120"]).args(arguments);
    command
}

fn advice(machine: &Machine, missing: &[Program]) -> Failure {
    let names = |pick: fn(&Program) -> &'static str| missing.iter().map(pick).collect::<Vec<_>>().join(" ");
    let (programs, packages) = (names(|(program, _)| program), names(|(_, package)| package));
    if machine.has("apt-get") {
        to_run(&programs, &format!("sudo apt-get install -y --no-install-recommends {packages}"))
    } else {
        Failure::new(format!(
            "missing: {programs}; install it with this machine's package manager, then run this again"
        ))
    }
}

fn to_run(missing: &str, line: &str) -> Failure {
    Failure::new(format!("missing: {missing}; run this, then try again:  {line}"))
}
