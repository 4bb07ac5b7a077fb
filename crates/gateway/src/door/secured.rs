//! TLS on a connection that is counted already and whose time runs. A listener of the library underneath would hold whoever does not
//! finish the handshake for a minute before anybody hears of the connection.

use std::time::Duration;

use log::debug;
use pingora::listeners::tls::{Acceptor, TlsSettings};
use pingora::protocols::l4::stream::Stream as Tcp;
use pingora::protocols::tls::server::handshake;
use pingora::protocols::{IO, Stream};
use pingora::time::timeout;

use crate::config::{Config, Tls, pem};

/// Looks once more at the files that the configuration was checked with: where one has changed since, the library would panic.
///
/// # Errors
/// What is wrong with which.
pub(crate) fn check(config: &Config) -> Result<(), String> {
    if let Some(Err(unfit)) = config.listen.tls.as_ref().map(|tls| pem::pair(&tls.certificate, &tls.key)) {
        return Err(unfit.to_string());
    }
    match config.upstream.ca_file.as_ref().map(|file| (file, pem::authorities(file))) {
        Some((file, Err(fault))) => Err(format!("upstream.ca_file: {} {fault}", file.display())),
        _ => Ok(()),
    }
}

/// The end of TLS with a certificate that was checked.
///
/// # Errors
/// When there is none any more.
pub(crate) fn acceptor(tls: &Tls) -> Result<Acceptor, String> {
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let settings = TlsSettings::intermediate(&path(&tls.certificate), &path(&tls.key));
    let mut settings = settings.map_err(|fault| format!("listen.tls: {fault}"))?;
    settings.enable_h2();
    Ok(settings.build())
}

/// The connection under TLS; none where the client does not get that far in time.
pub(super) async fn secured(acceptor: &Acceptor, stream: Stream, within: Duration) -> Option<Stream> {
    // INVARIANT: the listener is a plain one, so what it gives is a connection of TCP.
    let tcp = IO::into_any(stream).downcast::<Tcp>().ok()?;
    match timeout(within, handshake(acceptor, *tcp)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            debug!("a client's TLS: {error}");
            None
        }
        Err(_) => None,
    }
}
