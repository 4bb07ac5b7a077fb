//! A process that is measured: started on the last processor, alone; asked for its CPU time; killed in the end.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::pass_through;

/// What it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Passes bytes through.
    PassThrough,
    /// The gate as it is shipped: rules, rate card, a budget, a ledger.
    Gate {
        /// Whether it writes its access log, to a file.
        log: bool,
        /// Where its ledger is, in its own folder.
        ledger: &'static str,
    },
}

/// The gate as it is measured where nothing else is said.
pub(crate) const GATE: Kind = Kind::Gate { log: true, ledger: "memory:" };

/// What a process is counted under.
pub(crate) const COUNTER: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// The process.
#[derive(Debug)]
pub(crate) struct Contestant {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
}

/// CPU time of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) kernel: Duration,
    /// Both, of the thread that writes the ledger; contained in them.
    pub(crate) ledger: Duration,
}

impl Cpu {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            kernel: self.kernel.saturating_sub(before.kernel),
            ledger: self.ledger.saturating_sub(before.ledger),
        }
    }

    pub(crate) fn both(self) -> Duration {
        self.user.saturating_add(self.kernel)
    }
}

impl Contestant {
    /// Under what comes before its command line, such as a program that counts.
    pub(crate) fn start(kind: Kind, upstream: SocketAddr, folder: &Path, under: &[&str]) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let address = free_address()?;
        let mut command = match kind {
            Kind::PassThrough => {
                let mut command = on_last_cpu(under, &std::env::current_exe()?);
                command.args([pass_through::ROLE, &address.to_string(), &upstream.to_string()]);
                command
            }
            Kind::Gate { log, ledger } => {
                let config = folder.join("gate.toml");
                fs::write(&config, gate_toml([address, free_address()?, upstream], log, ledger))?;
                let mut command = on_last_cpu(under, &gate()?);
                command.args(["serve", "--config"]).arg(config);
                command
            }
        };
        let said = File::create(folder.join("stderr"))?;
        command.stdin(Stdio::null()).stdout(File::create(folder.join("stdout"))?).stderr(said);
        let mut contestant = Self { child: command.spawn()?, address, folder: folder.to_owned() };
        contestant.wait(folder)?;
        Ok(contestant)
    }

    /// Until somebody listens.
    fn wait(&mut self, folder: &Path) -> io::Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(30) {
                let said = fs::read_to_string(folder.join("stderr")).unwrap_or_default();
                return Err(io::Error::other(format!("it did not start: {said}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Stops one that is under [`COUNTER`]: what it has executed.
    pub(crate) fn instructions(mut self) -> io::Result<u64> {
        let me = self.child.id().to_string();
        Command::new("kill").args(["-INT", &me]).status()?;
        self.child.wait()?;
        let said = fs::read_to_string(self.folder.join("stderr"))?;
        let count = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
        count.ok_or_else(|| io::Error::other(format!("it was not counted: {said}")))
    }

    /// What of it is in memory, in KiB.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        size.ok_or_else(|| io::Error::other("no resident size"))
    }

    /// What it has used so far, all threads together.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        let process = format!("/proc/{}", self.child.id());
        let (_, user, kernel) = times(&fs::read_to_string(format!("{process}/stat"))?)?;
        let mut ledger = Duration::ZERO;
        for task in fs::read_dir(format!("{process}/task"))? {
            let (name, user, kernel) = times(&fs::read_to_string(task?.path().join("stat"))?)?;
            if name == "ledger" {
                ledger = ledger.saturating_add(user).saturating_add(kernel);
            }
        }
        Ok(Cpu { user, kernel, ledger })
    }
}

/// Name, user and kernel time of a `stat` file. After the name, which is in parentheses and may have blanks in it, the
/// times are the 12th and 13th field; a tick is a hundredth of a second, whatever the kernel was built with: proc(5).
fn times(stat: &str) -> io::Result<(String, Duration, Duration)> {
    let read = || {
        let (before, after) = stat.rsplit_once(')')?;
        let mut fields = after.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok()?.checked_mul(10).map(Duration::from_millis);
        Some((before.split_once('(')?.1.to_owned(), ticks()?, ticks()?))
    };
    read().ok_or_else(|| io::Error::other(format!("no CPU times in {stat}")))
}

impl Drop for Contestant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Beside this program, where `cargo xtask bench` has built it.
fn gate() -> io::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let gate = me.ancestors().nth(2).map(|folder| folder.join("jobgate")).filter(|file| file.is_file());
    gate.ok_or_else(|| io::Error::other("build it first: cargo build --release --bin jobgate"))
}

fn gate_toml([listen, admin, upstream]: [SocketAddr; 3], log: bool, ledger: &str) -> String {
    let level = if log { "info" } else { "warn" };
    format!(
        r#"listen.address = "{listen}"
admin.address = "{admin}"
upstream.url = "http://{upstream}"
limits.threads = 1
limits.requests_per_connection = 1000000
limits.in_flight = 16384
limits.connections = 16384
upstream.pool_size = 128
pricing.rate_card = "builtin:illustrative"
ledger.url = "{ledger}"
log.level = "{level}"
[[budget]]
name = "wide"
scope = "workspace"
limit = "1000000000"
window = "day"
time_zone = "UTC"
"#
    )
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// Clients, upstream and everything else stay on the first processor, where there are two.
pub(crate) fn keep_to_first_cpu() {
    if last_cpu() > 0 {
        let me = std::process::id().to_string();
        let _ = Command::new("taskset").args(["-cp", "0", &me]).stdout(Stdio::null()).status();
    }
}

/// Alone on the last processor; what is counted, which is the same on any, wherever there is room.
fn on_last_cpu(under: &[&str], program: &Path) -> Command {
    let last = last_cpu().to_string();
    let pinned = ["taskset", "-c", &last];
    let (first, rest) = under.split_first().or(pinned.split_first()).unwrap_or((&"taskset", &[]));
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    command
}

/// Asked of /proc/cpuinfo: this process is kept to one processor itself.
fn last_cpu() -> usize {
    let all = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    all.lines().filter(|line| line.starts_with("processor")).count().saturating_sub(1)
}
