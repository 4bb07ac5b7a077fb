//! A thread that reads: on a connection of its own, which sees what stands and keeps no writer waiting.

use std::sync::mpsc::{Receiver, Sender};

use tokio::sync::oneshot;

use super::Book;
use super::watch::Watch;
use crate::ledger::Unavailable;
use crate::store::Read;

/// What is to be read; gives the fault that ends all reading and writing, where there was one.
pub(super) type Question = Box<dyn FnOnce(Result<&Book, Unavailable>) -> Option<Unavailable> + Send>;

/// Asks such a thread.
pub(super) async fn ask<T: Send + 'static>(
    way: &Sender<Question>,
    ask: impl Fn(&dyn Read) -> Result<T, Unavailable> + Send + 'static,
) -> Result<T, Unavailable> {
    let (question, answer) = question(ask);
    way.send(question).map_err(|_| Unavailable::ended())?;
    answer.await.unwrap_or_else(|_| Err(Unavailable::ended()))
}

/// A question, and where it is answered.
fn question<T: Send + 'static>(
    ask: impl Fn(&dyn Read) -> Result<T, Unavailable> + Send + 'static,
) -> (Question, oneshot::Receiver<Result<T, Unavailable>>) {
    let (send, receive) = oneshot::channel();
    let question: Question = Box::new(move |book| {
        let answer = book.and_then(|book| ask(book));
        let fault = answer.as_ref().err().filter(|fault| fault.is_final).cloned();
        // Whoever asked may be gone.
        let _ = send.send(answer);
        fault
    });
    (question, receive)
}

pub(super) fn answer_all(book: &Book, asked: &Receiver<Question>, watch: &Watch) {
    while let Ok(question) = asked.recv() {
        // What the disk is to blame for ends the writer, too: nothing is decided by a book that cannot be read.
        let readable = if watch.has_ended() { Err(Unavailable::ended()) } else { Ok(book) };
        if question(readable).is_some() {
            watch.end();
        }
    }
}
