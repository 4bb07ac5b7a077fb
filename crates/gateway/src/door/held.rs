//! Holds the header of an answer back until what follows it is written too, or nothing more will be: both then leave in one write,
//! and as one packet where they fit.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// What is held back.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    written: usize,
    /// The last turn whose final header has come by.
    answered: u32,
}

impl Held {
    /// Takes what is written in a turn. Its first piece is the header of the answer, or of an interim one.
    pub(super) fn poll_write(
        &mut self,
        turn: u32,
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.answered != turn {
            if !bytes.starts_with(b"HTTP/1.1 1") {
                self.answered = turn;
            }
            self.bytes.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        while let Some(rest) = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            let (pieces, held) = ([IoSlice::new(rest), IoSlice::new(bytes)], rest.len());
            let gone = ready!(Pin::new(&mut *to).poll_write_vectored(context, &pieces))?;
            self.let_go(gone.min(held))?;
            if gone > held {
                return Poll::Ready(Ok(gone.saturating_sub(held)));
            }
        }
        Pin::new(to).poll_write(context, bytes)
    }

    /// Writes what is held.
    pub(super) fn poll_out(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            let gone = ready!(Pin::new(&mut *to).poll_write(context, rest))?;
            self.let_go(gone)?;
        }
        Poll::Ready(Ok(()))
    }

    fn let_go(&mut self, gone: usize) -> io::Result<()> {
        if gone == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.written = self.written.saturating_add(gone);
        if self.written >= self.bytes.len() {
            // Between two requests nothing is kept.
            self.bytes = Vec::new();
            self.written = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

    /// Takes so many bytes in one write, and remembers each.
    struct Taken {
        most: usize,
        writes: Vec<Vec<u8>>,
    }

    impl AsyncWrite for Taken {
        fn poll_write(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(context, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            let all: Vec<u8> =
                pieces.iter().flat_map(|piece| piece.iter().copied()).take(this.most).collect();
            let count = all.len();
            this.writes.push(all);
            Poll::Ready(Ok(count))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Writes all of each piece, and what is held in the end; returns the writes that came of it.
    fn written(most: usize, pieces: &[(u32, &[u8])]) -> Vec<Vec<u8>> {
        let mut to = Taken { most, writes: Vec::new() };
        let mut held = Held::default();
        let context = &mut Context::from_waker(Waker::noop());
        for (turn, piece) in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let Poll::Ready(Ok(gone)) = held.poll_write(*turn, &mut to, context, rest) else { panic!() };
                assert!(gone > 0, "nothing was written");
                rest = &rest[gone..];
            }
        }
        assert!(matches!(held.poll_out(&mut to, context), Poll::Ready(Ok(()))));
        to.writes
    }

    #[test]
    fn header_and_body_leave_in_one_write() {
        let both = [HEAD, b"body"].concat();
        let twice = [(1, HEAD), (1, b"body"), (3, HEAD), (3, b"body")];
        assert_eq!(written(1000, &twice), [both.clone(), both]);
        assert_eq!(written(1000, &[(1, HEAD)]), [HEAD]);
    }

    #[test]
    fn what_follows_is_not_held() {
        let pieces: [(u32, &[u8]); 4] = [(1, HEAD), (1, b"a"), (1, b"HTTP/1.1 1"), (1, b"c")];
        assert_eq!(written(1000, &pieces), [&[HEAD, b"a"].concat()[..], b"HTTP/1.1 1", b"c"]);
    }

    #[test]
    fn an_interim_header_is_not_the_last_one() {
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        let all = [&interim[..], HEAD, b"body"].concat();
        assert_eq!(written(1000, &[(1, interim), (1, HEAD), (1, b"body")]), [all]);
    }

    #[test]
    fn nothing_is_lost_or_twice_where_little_is_taken() {
        for most in 1..40 {
            let writes = written(most, &[(1, HEAD), (1, b"body"), (1, b"more")]);
            assert_eq!(writes.concat(), [HEAD, b"body", b"more"].concat(), "{most}");
        }
    }
}
