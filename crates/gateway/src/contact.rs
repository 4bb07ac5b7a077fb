//! A server that the gateway asks for itself and not for a client: an issuer of keys, a sink of events. Its name is looked up
//! anew each time; what is asked, and what the answer means, is its asker's business.

use std::sync::Arc;

use pingora::connectors::ConnectorOptions;

use crate::config;
use crate::courier::{Courier, Fate, Parcel};
use crate::upstream::Upstream;

/// Somebody to ask.
#[derive(Debug)]
pub(crate) struct Contact {
    courier: Arc<Courier>,
    server: Arc<Upstream>,
}

impl Contact {
    pub(crate) fn new(server: config::Upstream) -> Self {
        let deadline = server.response_timeout;
        let server = Arc::new(Upstream::new(server));
        let courier = Courier::new(ConnectorOptions::new(1), Arc::clone(&server), deadline, None);
        Self { courier, server }
    }

    /// The value of Host.
    pub(crate) fn authority(&self) -> &str {
        self.server.authority()
    }

    /// Asks once.
    ///
    /// # Errors
    /// When its name leads nowhere.
    pub(crate) async fn ask(&self, parcel: Parcel) -> Result<Fate, String> {
        let named = Arc::clone(&self.server);
        let found = tokio::task::spawn_blocking(move || named.look_up()).await;
        found.map_err(|fault| fault.to_string())??;
        Ok(self.courier.deliver(parcel, None).await.fate)
    }
}
