//! Work that is done to its end whoever waits for it: by the one who waits, and by a task of its own once that one has left.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;

/// A future that outlives whoever waits for it. It becomes a task only then: one for each exchange, with a channel back, would cost
/// more than the exchange's own code. Where the work panics there is nothing to return, and whoever waits goes on.
pub(super) struct ToTheEnd<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> ToTheEnd<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(work) = &mut self.0 else { return Poll::Ready(None) };
        // Of what has panicked nothing is looked at again: it is only dropped.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let done = match polled {
            Ok(polled) => Some(ready!(polled)),
            Err(_) => None,
        };
        self.0 = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        // Without a runtime the process ends; what the work leaves then is its own destructors' business.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn whoever_waits_gets_what_came_of_it() {
        assert_eq!(ToTheEnd::new(async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_done_all_the_same() {
        for polls in 0..2 {
            let (go, (send, receive)) = (Arc::new(Notify::new()), oneshot::channel());
            let gate = Arc::clone(&go);
            let mut work = Box::pin(ToTheEnd::new(async move {
                gate.notified().await;
                let _ = send.send(());
            }));
            for _ in 0..polls {
                assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            drop(work);
            go.notify_one();
            assert!(receive.await.is_ok(), "{polls}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_survives_a_panic() {
        let work = ToTheEnd::new(async { assert_eq!(std::hint::black_box(1), 2) });
        assert_eq!(work.await, None);
    }
}
