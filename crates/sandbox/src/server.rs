//! Starting and stopping a sandbox: its builder, its listener and its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use job_model::{Policy, Profile};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::clock::{Clock, SystemClock};
use crate::fault::Injection;
use crate::front::{self, Line};
use crate::journal::Journal;
use crate::plan::Faults;
use crate::raw::reset;
use crate::routes;
use crate::shared::Shared;
use crate::store::Store;

/// The sandbox; where a [`Builder`] comes from.
#[derive(Clone, Copy, Debug)]
pub struct Sandbox;

/// How a sandbox will be.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    run_time: Duration,
    engines: u32,
    faults: Faults,
    clock: Arc<dyn Clock>,
    keep: usize,
}

/// A sandbox that listens. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// Dropped to stop the server.
    stop: Option<oneshot::Sender<()>>,
    /// Ends when the server has.
    done: Option<oneshot::Receiver<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Sandbox {
    /// A sandbox without faults: a run takes 20 seconds, the limit of engines is 25, the journal keeps 10,000 requests.
    pub fn builder() -> Builder {
        Builder {
            run_time: Duration::from_secs(20),
            engines: 25,
            faults: Faults::default(),
            clock: Arc::new(SystemClock),
            keep: 10_000,
        }
    }
}

impl Builder {
    /// Sets how long a submitted job runs until it succeeds.
    pub const fn run_time(mut self, run_time: Duration) -> Self {
        self.run_time = run_time;
        self
    }

    /// Sets the limit of engines.
    pub const fn engines(mut self, engines: u32) -> Self {
        self.engines = engines;
        self
    }

    /// Adds a fault.
    pub fn fault(self, fault: impl Into<Injection>) -> Self {
        self.faults.add(fault.into());
        self
    }

    /// Sets the clock that jobs live by. Latency and dripping go by real time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how many requests the journal keeps; older ones are forgotten.
    pub const fn journal_keeps(mut self, requests: usize) -> Self {
        self.keep = requests;
        self
    }

    /// Starts it on the runtime this is called from.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub async fn start(self, addr: SocketAddr) -> io::Result<Running> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(self.shared());
        let (stop, stopped) = oneshot::channel();
        let (finished, done) = oneshot::channel();
        tokio::spawn(run(listener, Arc::clone(&shared), stopped, finished));
        Ok(Running { addr, shared, stop: Some(stop), done: Some(done), thread: None })
    }

    /// Starts it on a thread and a runtime of its own.
    ///
    /// # Errors
    /// When the address cannot be listened at, or there is no thread or runtime to be had.
    pub fn start_blocking(self, addr: SocketAddr) -> io::Result<Running> {
        let (report, started) = mpsc::channel();
        let thread = thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(report.send(Err(error))),
            };
            runtime.block_on(async move {
                match self.start(addr).await {
                    Ok(mut running) => {
                        let done = running.done.take();
                        // Whoever started it may be gone; then dropping `running` stops it.
                        let _ = report.send(Ok(running));
                        if let Some(done) = done {
                            let _ = done.await;
                        }
                    }
                    Err(error) => drop(report.send(Err(error))),
                }
            });
        })?;
        let mut running = started.recv().map_err(|_| io::Error::other("the sandbox's thread ended"))??;
        running.thread = Some(thread);
        Ok(running)
    }

    fn shared(self) -> Shared {
        Shared {
            clock: self.clock,
            run_time: self.run_time,
            engines: self.engines,
            policy: Policy::new(Profile::Compatible),
            faults: self.faults,
            journal: Journal::new(self.keep),
            store: Mutex::new(Store::default()),
        }
    }
}

impl Running {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What reached it so far, and from now on.
    pub fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    /// Adds a fault.
    pub fn set_fault(&self, fault: impl Into<Injection>) {
        self.shared.faults.add(fault.into());
    }

    /// Clears all faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Stops it: it no longer listens and all its connections are closed when this returns.
    pub async fn stop(mut self) {
        self.stop = None;
        if let Some(done) = self.done.take() {
            // An error only says that the server has ended.
            let _ = done.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was shown there.
            let _ = thread.join();
        }
    }
}

async fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
    finished: oneshot::Sender<()>,
) {
    let mut connections = JoinSet::new();
    tokio::select! {
        _ = stopped => {}
        () = accept(&listener, shared, &mut connections) => {}
    }
    drop(listener);
    connections.shutdown().await;
    drop(finished);
}

async fn accept(listener: &TcpListener, shared: Arc<Shared>, connections: &mut JoinSet<()>) {
    let router = routes::router(Arc::clone(&shared));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let number = shared.journal.connected();
                    if shared.faults.refuses() {
                        shared.journal.refuse();
                        reset(&stream);
                    } else {
                        connections.spawn(connection(stream, number, Arc::clone(&shared), router.clone()));
                    }
                }
                // Out of descriptors, most likely: some connections must end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, number: u64, shared: Arc<Shared>, router: Router) {
    // Faults are seen as they happen; without this a drip comes in clumps. A socket that cannot be told is broken already.
    let _ = stream.set_nodelay(true);
    let (orders, mut taken) = tokio::sync::mpsc::unbounded_channel();
    let line = Line { number, orders };
    let service =
        service_fn(move |request| front::serve(Arc::clone(&shared), router.clone(), line.clone(), request));
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let order = tokio::select! {
        _ = &mut http => None,
        order = taken.recv() => order,
    };
    if let Some(order) = order {
        order.carry_out(http.into_parts().io.into_inner()).await;
    }
}
