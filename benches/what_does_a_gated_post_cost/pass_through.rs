//! The yardstick: a pingora proxy with the gate's own settings that passes everything through and looks at nothing.

use std::error::Error;
use std::net::SocketAddr;

use async_trait::async_trait;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

/// The first argument of a process that is to be one.
pub(crate) const ROLE: &str = "pass-through";

struct PassThrough(SocketAddr);

#[async_trait]
impl ProxyHttp for PassThrough {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

/// Serves until it is killed.
pub(crate) fn serve(listen: &str, upstream: SocketAddr) -> Result<(), Box<dyn Error>> {
    let conf = ServerConf { threads: 1, upstream_keepalive_pool_size: 128, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut proxy = http_proxy_service(&server.configuration, PassThrough(upstream));
    proxy.add_tcp(listen);
    server.add_service(proxy);
    server.run_forever()
}
