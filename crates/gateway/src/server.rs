//! Starts and stops the gateway: binds first, so that a taken port is one clear line; drains on a signal, ends on the second.

mod bound;

use std::fmt;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use ledger::Ledger;
use log::{info, warn};
use pingora::connectors::ConnectorOptions;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch};
use pingora::services::background::background_service;
use pingora::services::listening::Service;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use self::bound::{Bound, For, PreBound};
use crate::access_log::AccessLog;
use crate::admin::Admin;
use crate::anchor;
use crate::calendar::Calendar;
use crate::chores::{Lapse, LookUp, Refresh};
use crate::clock;
use crate::config::{self, Config, Running};
use crate::connections;
use crate::courier::Courier;
use crate::currency;
use crate::door::{Door, secured};
use crate::gate::Gate;
use crate::identity::Identity;
use crate::life::Life;
use crate::metrics::Metrics;
use crate::money::{Money, Notices};
use crate::open_files;
use crate::phase::admit::Desk;
use crate::proxy::Proxy;
use crate::rates::Rates;
use crate::relay;
use crate::threads;
use crate::upstream::Upstream;

/// How often a stopping gateway looks whether it is empty.
const LOOK: Duration = Duration::from_millis(10);

/// Why the gateway does not start: one line, what and where.
#[derive(Debug)]
pub enum StartError {
    /// The configuration asks for what cannot be; starting again will not help.
    Configuration(String),
    /// The machine has not what is needed now.
    Machine(String),
}

impl StartError {
    /// Whether the configuration has to change.
    pub const fn is_configuration(&self) -> bool {
        matches!(self, Self::Configuration(_))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(what) | Self::Machine(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StartError {}

/// The server ended by a panic, not because somebody asked for it.
#[derive(Debug)]
pub struct Panicked;

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the server ended by a panic, which is told above; nothing is served any more: start it again, where \"Too many open files\" is told with more of them (LimitNOFILE, ulimit -n), and report any other",
        )
    }
}

impl std::error::Error for Panicked {}

/// A gateway whose listeners are bound.
pub struct Gateway {
    server: Server,
    life: Arc<Life>,
    log: Arc<AccessLog>,
    courier: Arc<Courier>,
    stop: StopHandle,
    /// The operators' word: nothing is under way any more.
    over: watch::Sender<bool>,
    shutdown: config::Shutdown,
    address: SocketAddr,
    admin: SocketAddr,
}

/// Stops a gateway as SIGTERM does.
#[derive(Clone, Debug, Default)]
pub struct StopHandle(Arc<Notify>);

impl StopHandle {
    /// Asks for a graceful end; asked twice, for one at once.
    pub fn stop(&self) {
        self.0.notify_one();
    }
}

impl Gateway {
    /// Binds the listeners and prepares everything; requests are served by [`Gateway::run`].
    ///
    /// # Errors
    /// A line that says what cannot be had: an address, a certificate, an authority.
    pub fn bind(mut config: Config, access_log: Option<Box<dyn Write + Send>>) -> Result<Self, StartError> {
        if let Some(warning) = open_files::reach(&mut config) {
            warn!("{warning}");
        }
        let public = Bound::to("listen.address", config.listen.address)?;
        let operators = Bound::to("admin.address", config.admin)?;
        let (address, admin) = (public.address, operators.address);
        let (life, effective) = (Life::new(&config.limits), config.effective());
        let metrics = Metrics::new(&Running::of(&config));
        let metrics = Arc::new(metrics.map_err(|error| StartError::Machine(format!("metrics: {error}")))?);
        let no_thread = |error| StartError::Machine(format!("no thread is to be had: {error}"));
        let log = Arc::new(AccessLog::start(access_log, &metrics).map_err(no_thread)?);
        let mut server = Server::new_with_opt_and_conf(None, server_conf(&config));
        server.bootstrap();
        secured::check(&config).map_err(StartError::Configuration)?;
        let upstream = Arc::new(Upstream::new(config.upstream.clone()));
        if let Err(error) = upstream.look_up() {
            warn!("upstream {}: {error}; the gateway is not ready until that changes", config.upstream.host);
        }
        let courier = Courier::new(
            ConnectorOptions::from_server_conf(&server.configuration),
            Arc::clone(&upstream),
            config.upstream.response_timeout,
            Some(Arc::clone(&metrics)),
        );
        let money = open_ledger(&config, &metrics)?;
        for (name, relay) in relay::all(config.event_sinks, &money.ledger, &life, &courier)? {
            server.add_service(background_service(&format!("event sink {name}"), relay));
        }
        let tls = config.listen.tls.as_ref().map(secured::acceptor).transpose();
        let tls = tls.map_err(StartError::Configuration)?;
        let (limits, h2c, shutdown) = (config.limits, config.listen.h2c, config.shutdown);
        let identity = Arc::new(Identity::new(config.identity));
        let gate = Gate {
            limits,
            identity: Arc::clone(&identity),
            rates: Rates::new(&config.rate_limits, config.upstream.back_off),
            money: Arc::clone(&money),
            estimate_desk: Desk { policy: config.policy.clone().for_estimate(), cards: config.cards.clone() },
            desk: Desk { policy: config.policy, cards: config.cards },
            courier: Arc::clone(&courier),
            upstream: Arc::clone(&upstream),
            metrics: Arc::clone(&metrics),
            log: Arc::clone(&log),
            life: Arc::clone(&life),
        };
        let (options, http2) = (connections::options(h2c, &limits), connections::http2(&limits));
        let door = Door {
            proxy: Arc::new(Proxy { gate, options, http2 }),
            tls,
            life: Arc::clone(&life),
            metrics: Arc::clone(&metrics),
            log: Arc::clone(&log),
            limits,
        };
        let mut gateway = Service::new("gateway".to_owned(), door);
        gateway.add_listener(connections::listener(&public.key()));
        let door = Admin {
            metrics,
            life: Arc::clone(&life),
            upstream: Arc::clone(&upstream),
            identity: Arc::clone(&identity),
            money: Arc::clone(&money),
            effective,
        };
        let mut operations = Service::new("admin".to_owned(), door);
        operations.threads = Some(1);
        operations.add_tcp(&operators.key());
        let (over, is_over) = watch::channel(false);
        server.add_service(PreBound::new(gateway, public, For::Clients(Arc::clone(&life))));
        server.add_service(PreBound::new(operations, operators, For::Operators(is_over)));
        server.add_service(background_service("look-up", LookUp(upstream)));
        server.add_service(background_service("lapse", Lapse(money)));
        server.add_service(background_service("refresh", Refresh(identity)));
        threads::secure(config.threads).map_err(no_thread)?;
        let stop = StopHandle::default();
        Ok(Self { server, life, log, courier, stop, over, shutdown, address, admin })
    }

    /// Where clients connect; the true port where the configuration asked for any.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators connect.
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Stops it from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Serves until SIGTERM, SIGINT or the stop handle; ends when nothing is under way, when the grace is over, or on
    /// the second signal. Returns how many requests were cut off.
    ///
    /// # Errors
    /// When it ended for another reason.
    pub fn run(self) -> Result<usize, Panicked> {
        let Self { server, life, log, courier, stop, over, shutdown, .. } = self;
        let watch = DrainFirst { life: Arc::clone(&life), stop, lead: shutdown.lead, grace: shutdown.grace };
        // The server waits even when nothing is left to wait for; so it runs beside, and this thread decides.
        let runtime = thread::spawn(move || server.run(RunArgs { shutdown_signal: Box::new(watch) }));
        let is_empty = || {
            life.is_closed()
                && life.connections.taken() == 0
                // A stream of HTTP/2 goes on where its connection has gone, also before it is handed over.
                && life.in_flight.taken() == 0
                && courier.under_way() == 0
                && life.relays.taken() == 0
        };
        while !runtime.is_finished() && !life.is_forced() && !is_empty() {
            thread::park_timeout(LOOK);
        }
        over.send_replace(true);
        log.flush();
        if runtime.is_finished() {
            runtime.join().map_err(|_| Panicked)?;
        }
        let busy = life.relays.taken();
        if busy > 0 {
            warn!("{busy} event sinks were not done; what they have not confirmed waits in the ledger");
        }
        let cut = life.in_flight.taken().max(courier.under_way());
        if cut == 0 {
            info!("stopped, nothing was under way");
        } else {
            warn!("stopped with {cut} requests under way; whether upstream acted on them is unknown");
        }
        Ok(cut)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("address", &self.address)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

/// Opens the ledger, and takes its time for the one that budgets are counted by.
///
/// # Errors
/// A line that says why it cannot be served from.
fn open_ledger(config: &Config, metrics: &Arc<Metrics>) -> Result<Arc<Money>, StartError> {
    let sinks: Vec<String> = config.event_sinks.iter().map(|sink| sink.name.clone()).collect();
    let date = anchor::date(&config.ledger);
    let ledger =
        Ledger::open(&config.ledger, &sinks, date).map_err(|error| StartError::Machine(error.to_string()))?;
    if ledger.is_short() {
        warn!("the ledger's disk is full: nothing is admitted that spends until there is room on it");
    }
    let calendar = Calendar::new(date, ledger.last_written(), clock::now());
    anchor::keep(&config.ledger, calendar.at(clock::now()));
    currency::check(config, &ledger, calendar.at(clock::now()))?;
    let (counted, faults) = (Arc::clone(metrics), Arc::clone(metrics));
    let failed = move |why: &str| {
        warn!("{why}");
        faults.ledger_failed();
    };
    ledger.watch(move |orders, took| counted.committed(orders, took), failed);
    Ok(Arc::new(Money {
        ledger,
        calendar,
        budgets: config.budgets.clone(),
        holds: config.holds,
        cards: config.cards.clone(),
        rules: config.policy.sha256().into(),
        notices: Notices::default(),
    }))
}

fn server_conf(config: &Config) -> ServerConf {
    ServerConf {
        threads: config.threads,
        ca_file: config.upstream.ca_file.as_ref().map(|path| path.to_string_lossy().into_owned()),
        upstream_keepalive_pool_size: config.upstream.pool_size,
        grace_period_seconds: Some(config.shutdown.grace.as_secs().saturating_add(2)),
        graceful_shutdown_timeout_seconds: Some(1),
        max_retries: 1,
        ..ServerConf::default()
    }
}

/// What asks for a reload or for logs to be opened anew ends nothing: there is neither, and who asks does not mean the requests under way.
///
/// On the first signal to stop says so on /readyz and in every answer, and gives load balancers the lead to notice; then the clients'
/// listener closes. The second signal, or the end of the grace, ends everything: before the runtime does, for what that drops is not counted.
struct DrainFirst {
    life: Arc<Life>,
    stop: StopHandle,
    lead: Duration,
    grace: Duration,
}

impl DrainFirst {
    async fn signalled(stop: &StopHandle) {
        let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::quit()];
        let others = [SignalKind::hangup(), SignalKind::user_defined1(), SignalKind::user_defined2()];
        let (
            [Ok(mut terminate), Ok(mut interrupt), Ok(mut quit)],
            [Ok(mut hangup), Ok(mut one), Ok(mut two)],
        ) = (kinds.map(signal), others.map(signal))
        else {
            warn!("signals cannot be watched");
            return stop.0.notified().await;
        };
        loop {
            let asked = tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = quit.recv() => return,
                () = stop.0.notified() => return,
                _ = hangup.recv() => "SIGHUP",
                _ = one.recv() => "SIGUSR1",
                _ = two.recv() => "SIGUSR2",
            };
            warn!(
                "{asked}: there is no reload and no file of a log to open anew; a restart takes what was changed"
            );
        }
    }
}

#[async_trait]
impl ShutdownSignalWatch for DrainFirst {
    async fn recv(&self) -> ShutdownSignal {
        Self::signalled(&self.stop).await;
        self.life.drain();
        info!("stopping: {} s for what is under way; a second signal ends it at once", self.grace.as_secs());
        let (life, stop) = (Arc::clone(&self.life), self.stop.clone());
        let grace = self.lead.saturating_add(self.grace);
        tokio::spawn(async move {
            let _ = tokio::time::timeout(grace, Self::signalled(&stop)).await;
            life.force();
        });
        tokio::time::sleep(self.lead).await;
        ShutdownSignal::GracefulTerminate
    }
}
