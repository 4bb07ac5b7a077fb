//! What must hold of any bytes that a ledger's files have been overwritten with: it is refused in one line that names it, or it says
//! exactly what it said. Run by a fuzz target and, on the seeds, by a test.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fault is found by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use admission::{Claim, Event, Period};
use jiff::Timestamp;
use job_model::{Amount, JobId, Workload, WorkspaceId};
use ledger::{BudgetRow, EntryRow, HoldId, HoldRow, Ledger, NewHold, Note, Terms, Told, Url};

const FILES: [&str; 3] = ["", "-wal", ".mark"];

/// Everything that a ledger says.
type Said = (Vec<EntryRow>, Vec<HoldRow>, Vec<BudgetRow>);

/// A ledger as a killed gateway leaves it, and one that was closed; and what each says.
struct Whole {
    ledgers: [(Vec<Vec<u8>>, Said); 2],
}

/// Which ledger, and then six bytes each for what is overwritten: the file, the place, and the byte.
pub fn book(input: &[u8]) {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let whole = WHOLE.get_or_init(Whole::new);
    let Some((which, changes)) = input.split_first() else { return };
    let (files, said_whole) = &whole.ledgers[usize::from(which % 2)];
    let mut files = files.clone();
    // A mark proves that an end is lost; what has lost both its end and the mark of it looks like what it was before.
    let mark = changes.first().is_some_and(|kind| kind % 3 == 2);
    for change in changes.chunks_exact(6) {
        let file = &mut files[if mark { 2 } else { usize::from(change[0] % 2) }];
        let place = u32::from_be_bytes([change[1], change[2], change[3], change[4]]);
        let place = usize::try_from(place).unwrap();
        if place < file.len() {
            file[place] = change[5];
        }
    }
    let folder = folder(COUNT.fetch_add(1, Ordering::Relaxed));
    let file = folder.join("book.db");
    for (end, bytes) in FILES.iter().zip(&files) {
        if !bytes.is_empty() {
            fs::write(folder.join(format!("book.db{end}")), bytes).unwrap();
        }
    }
    // Looked at by somebody beside first, who changes nothing.
    let verified = Ledger::verify_file(&Url::Sqlite(file.clone()));
    match Ledger::open(&Url::Sqlite(file.clone()), &[], at(0)) {
        Ok(book) => {
            assert!(said(&book) == *said_whole, "served, and not what was written");
            assert!(matches!(verified, Ok(Ok(_))), "opened, but not found sound: {verified:?}");
        }
        Err(refused) => {
            let refused = refused.to_string();
            assert!(!changes.is_empty(), "{refused}");
            let named = refused.contains(&file.display().to_string());
            assert!(named && refused.lines().count() == 1, "{refused}");
        }
    }
    // The writer's thread may still be closing it.
    let _ = fs::remove_dir_all(folder);
}

/// In memory where the machine has that: none of these meets a power cut.
fn folder(number: usize) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = root.join(format!("jobgate-fuzz-book-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

fn said(book: &Ledger) -> Said {
    (
        wait(book.entries(0, u32::MAX)).unwrap(),
        wait(book.holds(None, None, u32::MAX)).unwrap(),
        wait(book.balances()).unwrap(),
    )
}

impl Whole {
    fn new() -> Self {
        let folder = folder(usize::MAX);
        let file = folder.join("book.db");
        let files =
            || FILES.map(|end| fs::read(folder.join(format!("book.db{end}"))).unwrap_or_default()).to_vec();
        let book = opened(&file);
        (0..4).for_each(|number| hold(&book, number));
        drop(book);
        let book = opened(&file);
        let mut closed = (files(), said(&book));
        closed.0[1].clear();
        (4..6).for_each(|number| hold(&book, number));
        let killed = (files(), said(&book));
        assert!(!killed.0[1].is_empty() && killed.1 != closed.1);
        drop(book);
        let _ = fs::remove_dir_all(&folder);
        Self { ledgers: [killed, closed] }
    }
}

/// The lock goes with the writer's thread, which ends soon after the last one who could ask.
fn opened(file: &Path) -> Ledger {
    loop {
        match Ledger::open(&Url::Sqlite(file.to_owned()), &[], at(0)) {
            Err(busy) if busy.to_string().contains("another gateway") => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

/// A hold, which is not left open: opening the file anew would change it.
fn hold(book: &Ledger, number: i64) {
    let id = HoldId::new();
    let claim = Claim {
        budget: "all".to_owned(),
        key: String::new(),
        period: Period { label: "total".to_owned(), next: None },
        limit: Amount::from_micros(1_000_000_000),
        soft: Amount::from_micros(1_000_000_000),
        enforce: true,
    };
    let workload =
        serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"], "gigaPixels": "2"});
    let new = NewHold {
        id,
        job: None,
        workspace: WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap(),
        principal: format!("somebody {number}"),
        workload: Workload::from_json(&workload).unwrap(),
        amount: Some(Amount::from_micros(1000 + number)),
        terms: Terms { card: "c0ffee".to_owned(), rules: "strict".into() },
        currency: "unit".to_owned(),
        claims: vec![claim],
    };
    wait(book.reserve(new, None, at(number))).unwrap();
    let job = JobId::parse(&format!("cc3d35cc-416a-4262-9714-{number:012x}"));
    let events = vec![Event::Bind];
    let told = Told { job, ..Told::default() };
    wait(book.note(id, Note { seen: None, events, told, amend: None, kept: None }, at(number))).unwrap();
    let events = vec![if number % 2 == 0 { Event::Settle(Amount::from_micros(7)) } else { Event::Release }];
    let told = Told::default();
    wait(book.note(id, Note { seen: None, events, told, amend: None, kept: None }, at(number))).unwrap();
}
