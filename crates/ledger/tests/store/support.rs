//! A ledger with something of everything in it, and all that can be read of it.

use std::path::{Path, PathBuf};

use admission::{Claim, Event, Period};
use jiff::Timestamp;
use job_model::{Amount, JobId, Workload, WorkspaceId};
use ledger::{
    Amend, BudgetRow, Earlier, EntryRow, HoldId, HoldRow, Kept, Key, Ledger, NewHold, Note, Outgoing, Raise,
    Terms, Told, Url,
};

pub(crate) fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A folder of its own for a test; in memory where the machine has that, since many thousand ledgers are opened there and
/// none of them meets a power cut.
pub(crate) fn folder(name: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
    let folder = root.join(format!("jobgate-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn workload(size: i64) -> Workload {
    let size = size.to_string();
    Workload::from_json(
        &serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"], "gigaPixels": size}),
    )
    .unwrap()
}

pub(crate) fn hold(number: i64) -> NewHold {
    let claim = |budget: &str, key: &str| Claim {
        budget: budget.to_owned(),
        key: key.to_owned(),
        period: Period { label: "total".to_owned(), next: None },
        limit: Amount::from_micros(1_000_000_000),
        soft: Amount::from_micros(1_000_000_000),
        enforce: true,
    };
    NewHold {
        id: HoldId::new(),
        job: None,
        workspace: WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap(),
        principal: format!("somebody {}", number % 7),
        workload: workload(number + 1),
        amount: (number % 5 != 0).then(|| Amount::from_micros(number)),
        terms: terms("c0ffee"),
        currency: "unit".to_owned(),
        claims: vec![claim("all", ""), claim("each", &format!("somebody {}", number % 7))],
    }
}

/// A price by this card.
pub(crate) fn terms(card: &str) -> Terms {
    Terms { card: card.to_owned(), rules: "strict".into() }
}

/// A change that makes a job cost so much, by another card.
pub(crate) fn raise(to: i64, claims: Vec<Claim>) -> Raise {
    Raise { to: Amount::from_micros(to), terms: Some(terms("decaf")), currency: "unit".to_owned(), claims }
}

/// Holds, none of them open, which came to every kind of end.
pub(crate) fn fill(book: &Ledger, from: i64, to: i64) {
    for number in from..to {
        let hold = hold(number);
        let id = hold.id;
        let key = (number < 60 && number % 6 == 0).then(|| key(number));
        wait(book.reserve(hold, key, at(number))).unwrap();
        let answer = Kept::Answer { status: 201, headers: "[]".to_owned(), body: vec![0xff; 40] };
        let mut kept = key.map(|key| (key, answer));
        let job = JobId::parse(&format!("cc3d35cc-416a-4262-9714-{number:012x}"));
        let mut note = |events: Vec<Event>, told: Told, amend: Option<Amend>| {
            let kept = kept.take();
            wait(book.note(id, Note { seen: None, events, told, amend, kept }, at(number + 1))).unwrap();
        };
        note(vec![Event::Bind], Told { job, ..Told::default() }, None);
        match number % 6 {
            0 => note(vec![Event::Submit], Told::default(), None),
            1 => note(vec![Event::Settle(Amount::from_micros(number + 3))], Told::default(), None),
            2 => note(vec![Event::Release], Told::default(), None),
            3 => note(vec![Event::Doubt], Told::default(), None),
            4 => note(
                vec![Event::Adjust(Amount::from_micros(number * 2))],
                Told::default(),
                Some(Amend { workload: workload(number), terms: Some(terms("decaf")) }),
            ),
            // What no entry tells of.
            _ => note(
                Vec::new(),
                Told { estimate: Some("2.5".parse().unwrap()), units: Some("3".parse().unwrap()), job: None },
                None,
            ),
        }
    }
}

fn key(number: i64) -> Key {
    let byte = u8::try_from(number).unwrap();
    Key { name: [byte; 32], request: [byte + 1; 32] }
}

/// Whom events are kept for.
pub(crate) fn sinks() -> [String; 1] {
    ["sink".to_owned()]
}

/// Everything that a ledger says.
pub(crate) type Said = (Vec<EntryRow>, Vec<HoldRow>, Vec<BudgetRow>, Vec<Option<Earlier>>, Vec<Outgoing>);

pub(crate) fn said(book: &Ledger) -> Said {
    (
        wait(book.entries(0, u32::MAX)).unwrap(),
        wait(book.holds(None, None, u32::MAX)).unwrap(),
        wait(book.balances()).unwrap(),
        (0..60).step_by(6).map(|number| wait(book.recall(key(number), at(number))).unwrap()).collect(),
        wait(book.outgoing(sinks()[0].clone(), u32::MAX)).unwrap(),
    )
}

/// The files of a ledger: what follows its name, and what is in it.
#[derive(Clone)]
pub(crate) struct Files(pub(crate) Vec<(&'static str, Vec<u8>)>);

impl Files {
    /// As a killed process leaves them; nobody may be writing.
    pub(crate) fn of(ledger: &Path) -> Self {
        let read = |end| Some((end, std::fs::read(beside(ledger, end)).ok()?));
        Self(["", "-wal", ".mark"].into_iter().filter_map(read).collect())
    }

    pub(crate) fn get(&mut self, end: &str) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(name, _)| *name == end).unwrap().1
    }

    pub(crate) fn without(mut self, end: &str) -> Self {
        self.0.retain(|(name, _)| *name != end);
        self
    }

    pub(crate) fn put(&self, ledger: &Path) {
        for (end, bytes) in &self.0 {
            std::fs::write(beside(ledger, end), bytes).unwrap();
        }
    }
}

fn beside(ledger: &Path, end: &str) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The lock goes with the writer's thread, which ends soon after the last one who could ask.
pub(crate) fn opened(ledger: &Path) -> Ledger {
    loop {
        match Ledger::open(&Url::Sqlite(ledger.to_owned()), &sinks(), at(0)) {
            Err(busy) if busy.to_string().contains("another gateway") => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}
