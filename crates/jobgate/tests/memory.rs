//! Lint's engine needs no more memory for many lines, or for one that has no end, than for a few.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, BufReader, Read};

use job_model::Policy;
use jobgate::judge::{Judge, Tally};
use jobgate::stream::{self, LONGEST};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What judging a stream allocates at most at one time, beside what there was before.
fn peak(input: impl Read) -> (usize, Tally) {
    let judge = Judge::of_jobs(Policy::default());
    let mut tally = Tally::default();
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    stream::lint(BufReader::with_capacity(1 << 16, input), &judge, &mut tally, |_| Ok(())).unwrap();
    (ALLOCATED.peak_usage() - before, tally)
}

/// Refused jobs, so that reports are made, one a line.
fn lines(count: u64) -> impl Read {
    let line = b"{\"type\":\"full\",\"settings\":{\"quality\":\"best\"}}\n";
    let length = u64::try_from(line.len()).unwrap();
    Cycle { line, at: 0 }.take(count * length)
}

/// A line, over and over.
struct Cycle {
    line: &'static [u8],
    at: usize,
}

impl Read for Cycle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for (byte, value) in buffer.iter_mut().zip(self.line.iter().cycle().skip(self.at)) {
            *byte = *value;
        }
        self.at = (self.at + buffer.len()) % self.line.len();
        Ok(buffer.len())
    }
}

#[test]
fn memory_is_constant() {
    let (few, tally) = peak(lines(100));
    assert_eq!((tally.documents, tally.refused), (100, 100));
    let (many, tally) = peak(lines(50_000));
    assert_eq!((tally.documents, tally.refused), (50_000, 50_000));
    // The harness has a thread of its own, which allocates a little when it likes; a line that stayed would be megabytes.
    assert!(many.abs_diff(few) < 16 << 10, "{few} bytes for few lines, {many} for many");

    let (one, tally) = peak(io::repeat(b'x').take(512 << 20));
    assert_eq!((tally.documents, tally.refused), (1, 1));
    // A buffer that grows by doubling is there twice while it moves.
    assert!(one < 4 * LONGEST, "{one} bytes");
}
