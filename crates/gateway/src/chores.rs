//! What is done again and again while the gateway serves: looking upstream's name up, asking for the issuer's keys, giving
//! back what was not submitted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log::warn;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;

use crate::identity::Identity;
use crate::money::Money;
use crate::upstream::Upstream;

/// How often upstream's name is looked up again.
const LOOK_UP_EVERY: Duration = Duration::from_secs(30);
/// How often holds are looked through for jobs that were not submitted in time.
const LAPSE_EVERY: Duration = Duration::from_secs(60);
/// From how many seconds on a clock that has gone away from elapsed time is told of.
const FAR: i64 = 60;

/// Looks upstream's name up, again and again.
pub(crate) struct LookUp(pub(crate) Arc<Upstream>);

#[async_trait]
impl BackgroundService for LookUp {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        loop {
            tokio::select! {
                _ = shutdown.changed() => return,
                () = tokio::time::sleep(LOOK_UP_EVERY) => {}
            }
            let upstream = Arc::clone(&self.0);
            match tokio::task::spawn_blocking(move || upstream.look_up()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!("upstream's name: {error}; its last addresses stay in use"),
                Err(error) => warn!("upstream's name: {error}"),
            }
        }
    }
}

/// Asks for the issuer's keys, again and again: new ones are then known before they are needed, and withdrawn ones forgotten.
pub(crate) struct Refresh(pub(crate) Arc<Identity>);

#[async_trait]
impl BackgroundService for Refresh {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        loop {
            let pause = self.0.refresh().await;
            tokio::select! {
                _ = shutdown.changed() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Gives back, again and again, what was not submitted in time.
pub(crate) struct Lapse(pub(crate) Arc<Money>);

#[async_trait]
impl BackgroundService for Lapse {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        loop {
            self.0.lapse(self.0.now()).await;
            let skew = self.0.skew().as_secs();
            if skew.abs() > FAR {
                warn!(
                    "this machine's clock is {skew} s from the one that budgets are counted by, which follows elapsed time; set the clock right; where it is right now, stop the gateway, remove the ledger's .clock file and start again"
                );
            }
            tokio::select! {
                _ = shutdown.changed() => return,
                () = tokio::time::sleep(LAPSE_EVERY) => {}
            }
        }
    }
}
