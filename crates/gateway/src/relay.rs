//! Sends the outbox to a sink, in order, at least once: an event is gone from here only when its sink has confirmed it, or has
//! refused it for good. At the end it sends what the last requests have left.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger::{Ledger, Outgoing};
use log::{info, warn};
use parking_lot::Mutex;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;

use crate::capacity::Share;
use crate::clock;
use crate::config::EventSink;
use crate::courier::Courier;
use crate::life::Life;
use crate::server::StartError;
use crate::sink::{NotTaken, Sink};

/// Events in one batch at most.
const BATCH: u32 = 100;
/// How often the outbox is looked into when it was empty.
const LOOK: Duration = Duration::from_millis(500);
/// How long a sink is left alone after a failure: twice as long each time, up to the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// How often a stopping gateway looks whether requests have left more.
const LAST: Duration = Duration::from_millis(10);

/// One sink's sender.
pub(crate) struct Relay {
    name: String,
    sink: Sink,
    ledger: Ledger,
    life: Arc<Life>,
    requests: Arc<Courier>,
    /// Given back when there is nothing more to be sent.
    busy: Mutex<Option<Share>>,
}

/// How much is sent at once, and how long the sink is left alone when it fails next.
#[derive(Debug)]
struct Pace {
    batch: u32,
    pause: Duration,
}

impl Pace {
    /// Something was taken: whatever failed before is over, be there more that waits.
    fn goes_on(&mut self, sink: &str) {
        if self.pause > FIRST {
            info!("event sink {sink}: takes events again");
        }
        self.pause = FIRST;
    }

    /// How long it is left alone now.
    fn failed(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = pause.saturating_mul(2).min(LONGEST);
        pause
    }

    /// So many were too many, until the outbox is empty or one of them turns out to be too large by itself.
    fn halve(&mut self, sent: usize) {
        self.batch = u32::try_from(sent / 2).unwrap_or(BATCH).max(1);
    }
}

/// The senders of all sinks, by the names of these.
///
/// # Errors
/// When a sink cannot be had.
pub(crate) fn all(
    sinks: Vec<EventSink>,
    ledger: &Ledger,
    life: &Arc<Life>,
    requests: &Arc<Courier>,
) -> Result<Vec<(String, Relay)>, StartError> {
    let one = |EventSink { name, to }| match Sink::open(to) {
        Ok(sink) => {
            let relay =
                Relay::new(name.clone(), sink, ledger.clone(), Arc::clone(life), Arc::clone(requests));
            Ok((name, relay))
        }
        Err(why) => Err(StartError::Machine(format!("event sink {name}: {why}"))),
    };
    sinks.into_iter().map(one).collect()
}

impl Relay {
    fn new(name: String, sink: Sink, ledger: Ledger, life: Arc<Life>, requests: Arc<Courier>) -> Self {
        let busy = Mutex::new(life.relays.take(1));
        Self { name, sink, ledger, life, requests, busy }
    }

    /// Sends one batch. Says whether there was one.
    async fn pass(&self, pace: &mut Pace) -> Result<bool, String> {
        let text = |fault: ledger::Unavailable| fault.to_string();
        let batch = self.ledger.outgoing(self.name.clone(), pace.batch).await.map_err(text)?;
        let Some(last) = batch.last().map(|event| event.seq) else {
            pace.batch = BATCH;
            return Ok(false);
        };
        match self.sink.send(&batch).await {
            Ok(()) => {
                pace.goes_on(&self.name);
                self.ledger.sent(self.name.clone(), last).await.map_err(text)?;
            }
            Err(NotTaken::Now(why)) => return Err(why),
            Err(NotTaken::Large(_)) if batch.len() > 1 => pace.halve(batch.len()),
            Err(NotTaken::Large(why) | NotTaken::Ever(why)) if batch.len() == 1 => {
                // It was to blame, and not how many were sent with it.
                pace.batch = BATCH;
                self.bury(last, why).await?;
            }
            // One of them is to blame, and the others are not to wait for it.
            Err(NotTaken::Large(_) | NotTaken::Ever(_)) => {
                for event in batch {
                    self.send_alone(event, pace).await?;
                }
            }
        }
        Ok(true)
    }

    async fn send_alone(&self, event: Outgoing, pace: &mut Pace) -> Result<(), String> {
        let seq = event.seq;
        match self.sink.send(&[event]).await {
            Ok(()) => {
                pace.goes_on(&self.name);
                self.ledger.sent(self.name.clone(), seq).await.map_err(|fault| fault.to_string())
            }
            Err(NotTaken::Now(why)) => Err(why),
            Err(NotTaken::Large(why) | NotTaken::Ever(why)) => self.bury(seq, why).await,
        }
    }

    async fn bury(&self, seq: i64, why: String) -> Result<(), String> {
        warn!("event sink {}: refused event {seq} for good: {why}; it is kept as a dead letter", self.name);
        let buried = self.ledger.bury(self.name.clone(), seq, why, clock::date()).await;
        buried.map_err(|fault| fault.to_string())
    }

    /// Whether no request can leave another event.
    fn is_last(&self) -> bool {
        self.life.is_closed() && self.life.connections.taken() == 0 && self.requests.under_way() == 0
    }
}

#[async_trait]
impl BackgroundService for Relay {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut pace = Pace { batch: BATCH, pause: FIRST };
        loop {
            let (stopping, last) = (*shutdown.borrow(), self.is_last());
            let pause = match self.pass(&mut pace).await {
                Ok(true) => continue,
                Ok(false) if stopping && last => break,
                Ok(false) => LOOK,
                Err(why) if stopping => {
                    warn!("event sink {}: {why}; what is left is sent after the next start", self.name);
                    break;
                }
                Err(why) => {
                    warn!("event sink {}: {why}; again in {} s", self.name, pace.pause.as_secs());
                    pace.failed()
                }
            };
            tokio::select! {
                _ = shutdown.changed(), if !stopping => {}
                () = tokio::time::sleep(if stopping { LAST } else { pause }) => {}
            }
        }
        self.busy.lock().take();
    }
}
