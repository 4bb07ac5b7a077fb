//! Listeners that are bound before the server starts, and what each is for: the clients' one tells when it is open, the operators'
//! one has a word of its own to end at.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service as PingoraService;

use super::StartError;
use crate::life::Life;

/// A listener that is bound: pingora would try for half a minute and then panic in a thread.
pub(super) struct Bound {
    pub(super) address: SocketAddr,
    listener: TcpListener,
}

impl Bound {
    /// # Errors
    /// One line that names the key and its address.
    pub(super) fn to(key: &str, address: SocketAddr) -> Result<Self, StartError> {
        let bound = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Self { address: listener.local_addr()?, listener })
        };
        bound().map_err(|error: std::io::Error| {
            let next = match error.kind() {
                ErrorKind::PermissionDenied => {
                    "ports below 1024 are for who may (CAP_NET_BIND_SERVICE): configure another one"
                }
                ErrorKind::AddrNotAvailable => "this machine has no such address: configure another one",
                _ => "free that address or configure another one",
            };
            StartError::Machine(format!("{key}: cannot listen on {address}: {error}; {next}"))
        })
    }

    /// What pingora finds the listener by.
    pub(super) fn key(&self) -> String {
        self.address.to_string()
    }
}

/// Whom a listener is for.
pub(super) enum For {
    /// Clients: that it is open is told, and it closes with the server's own word.
    Clients(Arc<Life>),
    /// Operators: it closes with this word, which comes when nothing is under way any more.
    Operators(ShutdownWatch),
}

/// Hands a bound listener to the service that asks for it by its address.
pub(super) struct PreBound<S> {
    service: S,
    bound: Option<Bound>,
    whose: For,
}

impl<S> PreBound<S> {
    pub(super) const fn new(service: S, bound: Bound, whose: For) -> Self {
        Self { service, bound: Some(bound), whose }
    }
}

#[async_trait]
impl<S: PingoraService + 'static> PingoraService for PreBound<S> {
    async fn start_service(&mut self, fds: Option<ListenFds>, shutdown: ShutdownWatch, tasks: usize) {
        if let (Some(table), Some(bound)) = (&fds, self.bound.take()) {
            table.lock().add(bound.key(), bound.listener.into_raw_fd());
        }
        let shutdown = match &self.whose {
            For::Clients(life) => {
                life.serve();
                shutdown
            }
            For::Operators(over) => over.clone(),
        };
        self.service.start_service(fds, shutdown, tasks).await;
    }

    fn name(&self) -> &str {
        self.service.name()
    }

    fn threads(&self) -> Option<usize> {
        self.service.threads()
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        self.service.listen_addresses()
    }
}
