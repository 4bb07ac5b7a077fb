//! A disk that is full, in earnest: jobs are refused while it is, and served again, without a restart, once it is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::rig::{Answer, Rig};

/// A file system of its own, as small as wanted; gone when dropped.
struct Small<'a>(&'a Path);

impl Small<'_> {
    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.0);
        mount.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_jobs_and_one_with_room_again_takes_them() {
    let mut rig = Rig::new("full");
    let place = rig.folder.join("small");
    fs::create_dir(&place).unwrap();
    let small = Small(&place);
    if !small.mount("size=1m") {
        println!("NOT RUN: a file system cannot be mounted here; `any_write_for_which_there_is_no_space` is");
        return;
    }
    rig.configure("small/book.db");
    let mut gate = rig.start(None);
    let mut created = 0;
    let refused = loop {
        match rig.post(&gate) {
            Answer::Created(_) => created += 1,
            Answer::Refused(status, body) => break (status, body),
            Answer::Nothing => panic!("no answer"),
        }
    };
    assert_eq!((refused.0, &refused.1["error"]["code"]), (503, &"LedgerUnavailable".into()), "{refused:?}");
    assert!(created > 3, "{created}");
    let before = rig.jobs();
    for _ in 0..10 {
        assert!(matches!(rig.post(&gate), Answer::Refused(503, _)));
    }
    assert_eq!(rig.jobs(), before, "nothing was forwarded");
    assert!(small.mount("remount,size=32m"));
    for _ in 0..10 {
        assert!(matches!(rig.post(&gate), Answer::Created(_)), "there is room again");
    }
    gate.killed();
    let sums = rig.recovered(false, "full");
    println!("full after {created} jobs; {} jobs in the end", sums.jobs);
}
