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
    async fn pass(&self) -> Result<bool, String> {
        let text = |fault: ledger::Unavailable| fault.to_string();
        let batch = self.ledger.outgoing(self.name.clone(), BATCH).await.map_err(text)?;
        let Some(last) = batch.last().map(|event| event.seq) else { return Ok(false) };
        match self.sink.send(&batch).await {
            Ok(()) => self.ledger.sent(self.name.clone(), last).await.map_err(text)?,
            Err(NotTaken::Now(why)) => return Err(why),
            // One of them is to blame, and the others are not to wait for it.
            Err(NotTaken::Ever(_)) => {
                for event in batch {
                    self.send_alone(event).await?;
                }
            }
        }
        Ok(true)
    }

    async fn send_alone(&self, event: Outgoing) -> Result<(), String> {
        let seq = event.seq;
        let noted = match self.sink.send(&[event]).await {
            Ok(()) => self.ledger.sent(self.name.clone(), seq).await,
            Err(NotTaken::Now(why)) => return Err(why),
            Err(NotTaken::Ever(why)) => {
                warn!(
                    "event sink {}: refused event {seq} for good: {why}; it is kept as a dead letter",
                    self.name
                );
                self.ledger.bury(self.name.clone(), seq, why, clock::date()).await
            }
        };
        noted.map_err(|fault| fault.to_string())
    }

    /// Whether no request can leave another event.
    fn is_last(&self) -> bool {
        self.life.is_closed() && self.life.connections.taken() == 0 && self.requests.under_way() == 0
    }
}

#[async_trait]
impl BackgroundService for Relay {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut patience = FIRST;
        loop {
            let (stopping, last) = (*shutdown.borrow(), self.is_last());
            let pause = match self.pass().await {
                Ok(sent) => {
                    if patience > FIRST {
                        info!("event sink {}: takes events again", self.name);
                    }
                    patience = FIRST;
                    if sent {
                        continue;
                    }
                    if stopping && last {
                        break;
                    }
                    LOOK
                }
                Err(why) if stopping => {
                    warn!("event sink {}: {why}; what is left is sent after the next start", self.name);
                    break;
                }
                Err(why) => {
                    warn!("event sink {}: {why}; again in {} s", self.name, patience.as_secs());
                    let pause = patience;
                    patience = patience.saturating_mul(2).min(LONGEST);
                    pause
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
