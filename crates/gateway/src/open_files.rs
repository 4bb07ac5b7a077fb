//! How many files the process may have open, a connection being one: raised as far as the limits need and the system lets, and where
//! that does not reach, fewer connections are let in, so that operators, upstream and event sinks are not cut off with the clients.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// What is open besides connections of clients and to upstream: listeners, the ledger, event sinks, operators, what threads wait with.
const OWN: usize = 64;
/// More of it for each thread.
const OF_A_THREAD: usize = 4;

/// Raises the limit, and lowers `limits.connections` to what is left where that is fewer; with the warning to tell then.
pub(crate) fn reach(config: &mut Config) -> Option<String> {
    let own = config.threads.saturating_mul(OF_A_THREAD).saturating_add(OWN);
    let limits = &mut config.limits;
    let upstream = limits.in_flight.saturating_add(config.upstream.pool_size);
    let wanted = limits.connections.saturating_add(upstream).saturating_add(own);
    let files = raised(wanted)?;
    let most = room(files.saturating_sub(own), upstream);
    if most >= limits.connections {
        return None;
    }
    let asked = std::mem::replace(&mut limits.connections, most);
    Some(format!(
        "limits.connections is {asked}, but the process may have {files} files open: {most} connections are let in, and one more is closed; raise LimitNOFILE (ulimit -n) to {wanted}"
    ))
}

/// How many files may be open now; none where there is no limit, or enough.
fn raised(wanted: usize) -> Option<usize> {
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let soft = current.filter(|soft| *soft < wanted)?;
    let raised = maximum.map_or(wanted, |hard| hard.min(wanted));
    let is_raised = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok();
    usize::try_from(if is_raised { raised } else { soft }).ok()
}

/// How many of these files clients may have; half of them, where there are not as many as upstream may be asked with: each asks with one
/// at a time.
fn room(files: usize, upstream: usize) -> usize {
    files.saturating_sub(upstream).max(files.div_euclid(2)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_have_what_the_others_leave_them() {
        assert_eq!((room(10_000, 1_200), room(1_000, 1_200), room(0, 1_200)), (8_800, 500, 1));
    }
}
