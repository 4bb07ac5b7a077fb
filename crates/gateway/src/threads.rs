//! The threads that the library starts once everything is prepared. Where one of them cannot be had it panics there, and the
//! process lives on without what that thread was for; so they are tried all at one time before anything is served.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread::Builder;
use std::time::Duration;

/// Threads of the services beside the gate, of the server itself, and some to spare.
const OTHERS: usize = 10;

/// Whether there is room for the threads of the gate and all others; and starts the one that keeps time for the library's timeouts,
/// which the library would start with the first of them.
///
/// # Errors
/// When there is not.
pub(crate) fn secure(of_the_gate: usize) -> io::Result<()> {
    let held = Arc::new(Mutex::new(()));
    let guard = held.lock();
    let all: io::Result<Vec<_>> = (0..of_the_gate.saturating_add(OTHERS))
        .map(|number| {
            let held = Arc::clone(&held);
            Builder::new().spawn(move || {
                // Its own memory is what a thread takes most of.
                let memory = Box::new(number);
                drop(held.lock());
                *memory
            })
        })
        .collect();
    drop(guard);
    for thread in all? {
        // None of them can have failed.
        let _ = thread.join();
    }
    let mut first = pin!(pingora::time::timeout(Duration::from_millis(1), std::future::pending::<()>()));
    let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    Ok(())
}
