//! A disk that is full, in earnest: jobs are refused while it is, and served again, without a restart, once it is not. What was
//! under way when it became full is on it all the same.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use admission::HoldState;

use crate::rig::{Answer, Rig, job, wait};

const JOBS: &str = "/contextcapture/jobs";

/// A file system of its own, as small as wanted; gone when dropped.
struct Small<'a>(&'a Path);

impl Small<'_> {
    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.0);
        mount.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // Whoever looked at its ledger may still be closing it.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(503, body) if body["error"]["code"] == "LedgerUnavailable")
}

#[test]
fn a_full_disk_refuses_jobs_and_one_with_room_again_takes_them() {
    let mut rig = Rig::new("full");
    let place = rig.folder.join("small");
    fs::create_dir(&place).unwrap();
    let small = Small(&place);
    if !small.mount("size=2m") {
        println!("NOT RUN: a file system cannot be mounted here; `any_write_for_which_there_is_no_space` is");
        return;
    }
    rig.configure("small/book.db");
    let mut gate = rig.start(None);
    let mut created = 0;
    let refused = loop {
        match rig.post(&gate) {
            Answer::Created(_) => created += 1,
            refused => break refused,
        }
    };
    assert!(is_refused(&refused), "{refused:?}");
    assert!(created > 3, "{created}");
    let before = rig.jobs();
    for _ in 0..10 {
        let answer = rig.post(&gate);
        assert!(is_refused(&answer), "{answer:?}");
    }
    assert_eq!(rig.jobs(), before, "nothing was forwarded");
    assert!(small.mount("remount,size=32m"));
    // What is kept for outcomes is kept again before anything new is begun.
    loop {
        match rig.post(&gate) {
            Answer::Created(_) => break,
            answer => assert!(is_refused(&answer), "{answer:?}"),
        }
    }
    for _ in 0..10 {
        assert!(matches!(rig.post(&gate), Answer::Created(_)), "there is room again");
    }
    gate.killed();
    let sums = rig.recovered(false, "full");
    println!("full after {created} jobs; {} jobs in the end", sums.jobs);
}

/// An upstream that answers nobody before it is told to.
struct Patient {
    address: SocketAddr,
    heard: Receiver<()>,
    may_answer: Arc<(Mutex<bool>, Condvar)>,
}

impl Patient {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let may_answer = Arc::<(Mutex<bool>, Condvar)>::default();
        let (tells, heard) = channel();
        let may = Arc::clone(&may_answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (tells, may) = (tells.clone(), Arc::clone(&may));
                thread::spawn(move || answered(stream.unwrap(), &tells, &may));
            }
        });
        Self { address, heard, may_answer }
    }

    fn answer(&self) {
        *self.may_answer.0.lock().unwrap() = true;
        self.may_answer.1.notify_all();
    }
}

fn answered(stream: TcpStream, tells: &Sender<()>, may: &(Mutex<bool>, Condvar)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).ok()? > 2 {
        let value = line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned);
        length = value.map_or(length, |value| value.trim().parse().unwrap());
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let size =
        serde_json::from_slice::<serde_json::Value>(&body).unwrap()["costEstimationParameters"]["gigaPixels"]
            .as_u64()
            .unwrap();
    tells.send(()).ok()?;
    drop(may.1.wait_while(may.0.lock().unwrap(), |may| !*may).unwrap());
    let body = format!(r#"{{"job":{{"id":"{}"}}}}"#, name(size));
    let head = "HTTP/1.1 201 C\r\nConnection: close\r\nContent-Type: application/json";
    write!(reader.get_mut(), "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()
}

/// Takes all that is left of a disk.
fn fill(file: &Path) {
    let mut file = File::options().create(true).append(true).open(file).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

/// The id of a job of a size.
fn name(size: u64) -> String {
    format!("cc3d35cc-416a-4262-9714-{size:012}")
}

/// The disk becomes full while jobs are with upstream, and the gateway is killed before there is room again: what became of them is
/// on the disk. A gateway that is started on it refuses what spends, and says why; and all goes on once there is room.
#[test]
fn what_was_under_way_when_the_disk_became_full_outlives_the_gateway() {
    let rig = Rig::new("full-under-way");
    let place = rig.folder.join("small");
    fs::create_dir(&place).unwrap();
    let small = Small(&place);
    if !small.mount("size=8m") {
        println!("NOT RUN: a file system cannot be mounted here");
        return;
    }
    rig.configure("small/book.db");
    let upstream = Patient::start();
    let configuration = rig.folder.join("jobgate.toml");
    let text = fs::read_to_string(&configuration).unwrap();
    fs::write(&configuration, text.replace(&rig.upstream.addr().to_string(), &upstream.address.to_string()))
        .unwrap();
    let mut gate = rig.start(None);
    let other = place.join("other");
    thread::scope(|scope| {
        let post = |size: u32| gate.exchange("POST", JOBS, "", &job(size));
        let clients: Vec<_> = (1..=12).map(|size| scope.spawn(move || post(size))).collect();
        upstream.heard.iter().take(12).for_each(drop);
        fill(&other);
        let (status, body) = post(100).unwrap();
        assert_eq!((status, &body["error"]["code"]), (503, &"LedgerUnavailable".into()), "{body}");
        upstream.answer();
        for client in clients {
            assert_eq!(client.join().unwrap().unwrap().0, 201);
        }
    });
    gate.killed();
    let holds = wait(rig.ledger().holds(None, None, 99)).unwrap();
    assert_eq!(holds.len(), 12);
    for hold in &holds {
        let size = hold.workload.to_json()["gigaPixels"].as_str().unwrap().parse().unwrap();
        assert_eq!((hold.state, hold.job.unwrap().to_string()), (HoldState::Bound, name(size)));
    }
    // What was given back and not needed.
    fill(&other);
    let gate = rig.start(None);
    let (status, body) = gate.exchange("POST", JOBS, "", &job(101)).unwrap();
    assert_eq!((status, &body["error"]["code"]), (503, &"LedgerUnavailable".into()), "{body}");
    fs::remove_file(&other).unwrap();
    while gate.exchange("POST", JOBS, "", &job(102)).unwrap().0 != 201 {}
    gate.terminate();
    let (code, said) = gate.ended();
    assert!(code == Some(0) && said.contains("the ledger's disk is full"), "{code:?} {said}");
    wait(rig.ledger().verify()).unwrap().unwrap();
}
