//! The lines of the catalogue in SECURITY.md that need a process of their own: few open files, little memory, few threads, and the
//! memory of many connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, tells its figures, and may be asked by the environment for larger ones"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use ledger::{Ledger, Url};
use sandbox::Sandbox;

const JOB: &str = r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2}}"#;

/// Bytes of memory that the gateway may take, and a connection on which nothing is complete: 8,000 of them fit into 256 MiB. Without
/// optimisation nothing shares a place with anything.
const MOST: (u64, u64) = if cfg!(debug_assertions) { (64 << 20, 48 << 10) } else { (28 << 20, 29 << 10) };

/// A gateway of its own process, with a ledger in a folder; killed when dropped.
struct Gateway {
    process: Child,
    address: SocketAddr,
    admin: SocketAddr,
    folder: PathBuf,
    _upstream: sandbox::Running,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Gateway {
    /// Started by a shell that sets a limit first; serves.
    fn start(name: &str, limit: &str, more: &str) -> Self {
        let mut gateway = Self::begin(name, limit, more);
        gateway.wait_for_a_job();
        gateway
    }

    /// The same, where it may be that it ends at once.
    fn begin(name: &str, limit: &str, more: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("jobgate-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let upstream =
            Sandbox::builder().journal_keeps(1).start_blocking(([127, 0, 0, 1], 0).into()).unwrap();
        let [address, admin] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let text = format!(
            "listen.address = '{address}'\nadmin.address = '{admin}'\nupstream.url = 'http://{}'\n\
             pricing.rate_card = 'builtin:illustrative'\nledger.url = 'sqlite:book.db'\nlog.level = 'error'\n{more}\n\
             [[budget]]\nname = 'all'\nscope = 'global'\nlimit = '1000000'\nwindow = 'total'\n",
            upstream.addr()
        );
        fs::write(folder.join("jobgate.toml"), text).unwrap();
        let process = Self::spawn(&folder, limit);
        Self { process, address, admin, folder, _upstream: upstream }
    }

    fn spawn(folder: &Path, limit: &str) -> Child {
        let script = format!("{limit}; exec \"$0\" serve --config \"$1\"");
        Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_jobgate")])
            .arg(folder.join("jobgate.toml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Ended, and started again without a limit.
    fn start_again(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.process = Self::spawn(&self.folder, ":");
        self.wait_for_a_job();
    }

    /// Asks until it serves or has ended, which is all that it may do.
    fn serves_or_ends(&mut self) -> bool {
        while self.lives() {
            if self.creates() {
                return true;
            }
        }
        false
    }

    /// Large bodies that are never whole, and many whole jobs behind them.
    fn press(&mut self) {
        let filler = "x".repeat(200 << 10);
        let begun = format!(
            "POST /contextcapture/jobs HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{filler}",
            filler.len() + 1
        );
        let held: Vec<TcpStream> = (0..200)
            .filter_map(|_| {
                let mut stream = TcpStream::connect(self.address).ok()?;
                stream.set_write_timeout(Some(Duration::from_secs(1))).ok()?;
                // Who is refused is closed.
                let _ = stream.write_all(begun.as_bytes());
                Some(stream)
            })
            .collect();
        for _ in 0..20 {
            self.creates();
        }
        drop(held);
    }

    fn lives(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Asks until a job is created.
    fn wait_for_a_job(&mut self) {
        while !self.creates() {
            assert!(self.lives(), "the gateway has ended");
            thread::yield_now();
        }
    }

    fn creates(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let request = format!(
            "POST /contextcapture/jobs HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{JOB}",
            JOB.len()
        );
        let mut answer = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 201")
    }

    /// Whether operators are answered.
    fn tells(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.admin) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = String::new();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n").is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }

    /// Bytes of memory that are its own.
    fn resident(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    fn verify(&self) -> bool {
        let book = Ledger::visit(&Url::Sqlite(self.folder.join("book.db"))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(book.verify()).is_ok_and(|verified| verified.is_ok())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(Path::new(&self.folder));
    }
}

#[test]
fn b11_few_open_files() {
    let mut cases = 0;
    for files in [48, 64, 100, 256] {
        let mut gateway = Gateway::start(&format!("files-{files}"), &format!("ulimit -n {files}"), "");
        // More than there are files for, each with a request begun. Some files are kept for everybody else, where there are any: some 50
        // are open before the first connection.
        let held: Vec<TcpStream> = (0..2 * files)
            .map(|_| {
                let mut stream = TcpStream::connect(gateway.address).unwrap();
                // Who is one too many is closed.
                let _ = stream.write_all(b"POST /contextcapture/jobs HTTP/1.1\r\nHost: g");
                stream
            })
            .collect();
        assert!(gateway.lives(), "it ends for want of files");
        assert!(files < 100 || gateway.tells(), "{files} files and none for operators");
        drop(held);
        gateway.wait_for_a_job();
        assert!(gateway.lives() && gateway.verify(), "{files} files");
        cases += 1;
    }
    println!("catalogue b11 cases={cases} refused=0 survived={cases} failed=0");
}

/// Where memory or threads are short it serves or has ended, and nothing between; the ledger is whole, and served from again.
#[test]
fn b11_little_memory_and_few_threads() {
    let shim = std::env::temp_dir().join(format!("jobgate-few-threads-{}.so", std::process::id()));
    let mut compile = Command::new("cc");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/few_threads.c");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).arg("-ldl");
    assert!(compile.status().unwrap().success(), "the compiler that the build needs, too");
    // Of addresses, of which the allocator sets aside 1 GiB, whatever of it is then memory.
    let memory = [512, 1_060, 1_100, 1_150, 1_200, 1_536]
        .map(|most| (format!("memory-{most}"), format!("ulimit -v {}", most << 10)));
    let threads = [0, 1, 2, 3, 5, 8, 12, 20].map(|most| {
        (format!("threads-{most}"), format!("export FEW_THREADS={most} LD_PRELOAD={}", shim.display()))
    });
    let (mut cases, mut served) = (0, 0);
    for (name, limit) in memory.into_iter().chain(threads) {
        let mut gateway = Gateway::begin(&name, &limit, "");
        if gateway.serves_or_ends() {
            gateway.press();
            let lived = gateway.serves_or_ends();
            println!("{name}: served, and {} under pressure", if lived { "lived" } else { "ended" });
            served += 1;
        } else {
            println!("{name}: did not start");
        }
        gateway.start_again();
        assert!(gateway.verify(), "{name}: the ledger is not whole");
        cases += 1;
    }
    let _ = fs::remove_file(shim);
    assert!(served > 0, "no limit was wide enough to serve at all");
    println!("catalogue b11 cases={cases} refused=0 survived={cases} failed=0");
}

#[test]
fn b5_the_memory_of_many_connections() {
    let wanted = std::env::var("JOBGATE_CONNECTIONS").ok().and_then(|count| count.parse().ok());
    let count: usize = wanted.unwrap_or(400);
    let more = "limits.head_timeout = '10m'\nlimits.body_timeout = '10m'\nlimits.connections = 20000\nlimits.in_flight = 20000";
    let limit = format!("ulimit -n {}", count + 500);
    let mut gateway = Gateway::start("memory", &limit, more);
    let idle = gateway.resident();
    let begun = [
        "POST /contextcapture/jobs HTTP/1.1\r\nHost: g".to_owned(),
        format!(
            "POST /contextcapture/jobs HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{JOB}",
            JOB.len() + 1
        ),
        String::new(),
    ];
    let held: Vec<TcpStream> = (0..count)
        .map(|n| {
            let mut stream = TcpStream::connect(gateway.address).unwrap();
            stream.write_all(begun[n % 3].as_bytes()).unwrap();
            stream
        })
        .collect();
    // Behind all of them in the queue: when it is served, they have been taken.
    gateway.wait_for_a_job();
    let full = gateway.resident();
    println!("memory: {} KiB at rest, {} KiB with {count} connections", idle / 1024, full / 1024);
    assert!(gateway.lives() && held.len() == count);
    assert!(idle <= 64 << 20, "{idle} bytes at rest");
    let (alone, each) = MOST;
    let most = alone + u64::try_from(count).unwrap() * each;
    assert!(full <= most, "{full} bytes with {count} connections");
    println!("catalogue b5 cases=2 refused=0 survived=2 failed=0");
}
