//! How many holds a second are on the disk before their jobs are forwarded, how long does each wait, and does that change as the
//! ledger grows? Beside the disk's own flushes in the same run.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program for developers: it ends where it cannot measure, reads the clock and prints ratios"
)]

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use admission::{Balance, Budget, BudgetScope, Claim, Event, Unpriced, Window, WindowKind};
use jiff::Timestamp;
use job_model::{Amount, Decimal, JobId, Workload, WorkspaceId};
use ledger::{HoldId, Ledger, NewHold, Note, Terms, Told, Url};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Entries of the largest ledger; `JOBGATE_ENTRIES=10000000` is the longer run.
const ENTRIES: i64 = 1_000_000;
/// Holds that are measured at a time.
const HOLDS: usize = 20_000;

fn main() {
    let entries = std::env::var("JOBGATE_ENTRIES").ok().and_then(|n| n.parse().ok()).unwrap_or(ENTRIES);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    decisions();
    let all = flushes(&folder);
    let flush = all.iter().copied().nth(all.len() / 2).unwrap();
    let (rate, late) = (1.0 / flush.as_secs_f64(), in_flushes(&all, 0.99, flush));
    println!(
        "\none flush of 16 KiB: {flush:?}, {rate:.0} a second; one in a hundred takes {late:.1} times as long"
    );
    let file = folder.join("book.db");
    let book = open(&file).0;
    println!("\nclients  holds/s  times the flushes  p50 in flushes  p99 in flushes  p99 in late flushes");
    for clients in [1, 8, 64, 256, 1024] {
        let (rate, waits) = reserve(&runtime, &book, clients, HOLDS.min(clients * 400));
        let flushes = |part: f64| in_flushes(&waits, part, flush);
        let times = rate * flush.as_secs_f64();
        let (half, most) = (flushes(0.5), flushes(0.99));
        println!("{clients:7}  {rate:7.0}  {times:17.1}  {half:14.2}  {most:14.2}  {:19.2}", most / late);
    }
    println!("\noffered/s  answered/s  p50 in flushes  p99 in flushes  p99 in late flushes");
    for a_second in [2000, 5000, 10_000, 20_000] {
        let (rate, waits) = offered(&runtime, &book, a_second);
        let flushes = |part: f64| in_flushes(&waits, part, flush);
        let (half, most) = (flushes(0.5), flushes(0.99));
        println!("{a_second:9}  {rate:10.0}  {half:14.2}  {most:14.2}  {:19.2}", most / late);
    }
    drop(book);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    growth(&runtime, &file, entries);
    std::fs::remove_dir_all(folder).unwrap();
}

/// What deciding costs, once a balance is known.
fn decisions() {
    let budget = Budget {
        name: "all".to_owned(),
        scope: BudgetScope::Global,
        limit: Amount::from_micros(i64::MAX),
        window: Window::new(WindowKind::Total, "UTC").unwrap(),
        enforce: true,
        soft: Decimal::ONE,
        unpriced: Unpriced::Admit,
    };
    let claim = budget.claim(None, "", at(0)).unwrap();
    let balance = Balance { settled: Amount::from_micros(5), held: Amount::from_micros(7) };
    let check =
        each(|| black_box(&claim).check(black_box(balance), black_box(Amount::from_micros(3))).is_ok());
    let day = Budget { window: Window::new(WindowKind::Day, "Europe/Vienna").unwrap(), ..budget };
    let place = each(|| black_box(&day).claim(None, "", black_box(at(0))).is_some());
    println!("in memory: a check {check:.1} ns, the place of a claim in a day's window {place:.0} ns");
}

fn each(mut work: impl FnMut() -> bool) -> f64 {
    let begun = Instant::now();
    for _ in 0..200_000 {
        assert!(work());
    }
    begun.elapsed().as_secs_f64() * 1e9 / 200_000.0
}

/// Flushes like those of a transaction, in order of their length: 16 KiB at the end of a file, then the flush.
fn flushes(folder: &Path) -> Vec<Duration> {
    let file = File::create(folder.join("flushes")).unwrap();
    let mut all: Vec<Duration> = (0..1000_u64)
        .map(|place| {
            let begun = Instant::now();
            file.write_all_at(&[7; 16 << 10], place << 14).unwrap();
            file.sync_data().unwrap();
            begun.elapsed()
        })
        .collect();
    all.sort();
    all
}

fn open(file: &Path) -> (Ledger, Duration) {
    let url = Url::Sqlite(file.to_path_buf());
    loop {
        let begun = Instant::now();
        match Ledger::open(&url, &[], at(0)) {
            // The lock goes with the writer of the one before.
            Err(busy) if busy.to_string().contains("another gateway") => std::thread::yield_now(),
            opened => return (opened.unwrap(), begun.elapsed()),
        }
    }
}

/// Clients who ask for a hold again as soon as they have one: holds a second, and how long each waited, in order.
fn reserve(runtime: &Runtime, book: &Ledger, clients: usize, holds: usize) -> (f64, Vec<Duration>) {
    let begun = Instant::now();
    let mut waits: Vec<Duration> = runtime.block_on(async {
        let mut all = JoinSet::new();
        for _ in 0..clients {
            let book = book.clone();
            let own = holds.div_ceil(clients);
            all.spawn(async move {
                let mut waits = Vec::with_capacity(own);
                for _ in 0..own {
                    let hold = hold();
                    let begun = Instant::now();
                    book.reserve(hold, None, at(1)).await.unwrap();
                    waits.push(begun.elapsed());
                }
                waits
            });
        }
        all.join_all().await.concat()
    });
    let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
    waits.sort();
    (rate, waits)
}

/// What so large a part of all waits does not exceed.
fn in_flushes(waits: &[Duration], part: f64, flush: Duration) -> f64 {
    let place = (waits.len() as f64 * part).floor();
    let wait = waits.iter().copied().nth(number(place)).unwrap_or_default();
    wait.as_secs_f64() / flush.as_secs_f64()
}

/// Clients who come whether those before them were answered or not, some each millisecond, for two seconds.
fn offered(runtime: &Runtime, book: &Ledger, a_second: usize) -> (f64, Vec<Duration>) {
    let begun = Instant::now();
    let mut waits: Vec<Duration> = runtime.block_on(async {
        let mut all = JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        for _ in 0..2000 {
            ticks.tick().await;
            for _ in 0..a_second / 1000 {
                let (book, hold, begun) = (book.clone(), hold(), Instant::now());
                all.spawn(async move {
                    book.reserve(hold, None, at(1)).await.unwrap();
                    begun.elapsed()
                });
            }
        }
        all.join_all().await
    });
    let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
    waits.sort();
    (rate, waits)
}

/// The same work on ledgers a thousand times as large, and how long they take to be opened.
fn growth(runtime: &Runtime, file: &Path, most: i64) {
    println!("\nentries  holds/s  p99 in ms  KiB written a hold  opened and verified in s  bytes an entry");
    let mut size = 1000;
    let mut filled = 0;
    while size <= most {
        let (book, _) = open(file);
        fill(runtime, &book, filled, size);
        filled = size;
        drop(book);
        let (book, took) = open(file);
        let bytes = std::fs::metadata(file).unwrap().len() / size.unsigned_abs();
        let before = written();
        let (rate, waits) = reserve(runtime, &book, 64, 6400);
        let written = (written() - before) as f64 / 1024.0 / 6400.0;
        let late = waits.iter().nth_back(waits.len() / 100).copied().unwrap_or_default();
        println!(
            "{size:7}  {rate:7.0}  {:9.2}  {written:18.2}  {:24.2}  {bytes:14}",
            late.as_secs_f64() * 1e3,
            took.as_secs_f64()
        );
        filled += 6400;
        size *= 10;
    }
}

/// Bytes that this process has written so far.
fn written() -> u64 {
    let all = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = all.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
    line.parse().unwrap()
}

/// Holds with three entries each: reserved, bound, settled.
fn fill(runtime: &Runtime, book: &Ledger, from: i64, to: i64) {
    runtime.block_on(async {
        let mut all = JoinSet::new();
        for client in 0..512 {
            let book = book.clone();
            let own = (to - from) / 3 / 512 + 1;
            all.spawn(async move {
                for count in 0..own {
                    let hold = hold();
                    let id = hold.id;
                    book.reserve(hold, None, at(1)).await.unwrap();
                    let job = JobId::parse(&format!("cc3d35cc-416a-4262-{client:04x}-{:012x}", from + count));
                    let told = Told { job, ..Told::default() };
                    book.note(id, Note { events: vec![Event::Bind], told, ..Note::default() }, at(2))
                        .await
                        .unwrap();
                    let end = vec![Event::Settle(Amount::from_micros(1))];
                    book.note(id, Note { events: end, ..Note::default() }, at(3)).await.unwrap();
                }
            });
        }
        all.join_all().await;
    });
}

fn hold() -> NewHold {
    let workload = r#"{"type":"Full","quality":"Extra","outputs":["OBJ"],"gigaPixels":"2.1"}"#;
    NewHold {
        id: HoldId::new(),
        job: None,
        workspace: WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap(),
        principal: "somebody".to_owned(),
        workload: Workload::from_json(&serde_json::from_str(workload).unwrap()).unwrap(),
        amount: Some(Amount::from_micros(1)),
        terms: Terms { card: "0f3c".repeat(16), rules: "7a11".repeat(16).into() },
        currency: "unit".to_owned(),
        claims: ["all", "each"].map(claim).to_vec(),
    }
}

fn claim(budget: &str) -> Claim {
    let period = admission::Period { label: "total".to_owned(), next: None };
    let limit = Amount::from_micros(i64::MAX);
    Claim { budget: budget.to_owned(), key: String::new(), period, limit, soft: limit, enforce: true }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among some thousand measurements"
)]
fn number(place: f64) -> usize {
    place as usize
}
