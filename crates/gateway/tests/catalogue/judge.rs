//! A document and both ways to judge it: the reader in this process, by either profile, and a gate in front of an upstream.

use job_model::{JobRequest, Policy, Profile, Rule, Severity};

use crate::scene::Scene;
use crate::support::{JOB, post};

/// The cases of one line: each is judged here by both profiles, and goes through the gate.
pub(crate) struct Judge(pub(crate) Scene);

impl Judge {
    pub(crate) fn new(id: &'static str) -> Self {
        Self(Scene::new(id, ""))
    }

    /// No reader of ours takes it.
    pub(crate) fn no(&mut self, body: impl AsRef<[u8]>) {
        self.judge(body.as_ref(), &[Profile::Compatible, Profile::Strict]);
    }

    /// The published definition forbids it; what the official clients send is taken all the same.
    fn judge(&mut self, body: &[u8], profiles: &[Profile]) {
        let refused =
            profiles.iter().all(|profile| JobRequest::from_json(body, &Policy::new(*profile)).is_err());
        let mut wire = post("");
        wire.truncate(wire.len() - "Content-Length: 0\r\n\r\n".len());
        wire.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        wire.extend_from_slice(body);
        let end = self.0.try_bytes(&wire);
        let good = refused && end.is_refusal(&[422]) && end.replies.len() == 1;
        self.0.tally.refused(good, || format!("{}: {refused}, {end:?}", String::from_utf8_lossy(body)));
    }

    /// It is taken, arrives as it is, and means this.
    pub(crate) fn yes(&mut self, body: &str, means: impl FnOnce(&JobRequest) -> bool) {
        let accepted = JobRequest::from_json(body.as_bytes(), &Policy::new(Profile::Compatible));
        let right = accepted.is_ok_and(|accepted| accepted.value().is_some_and(means));
        let end = self.0.try_bytes(&post(body));
        let good = right && end.statuses() == [201] && end.seen[0].body == body.as_bytes();
        self.0.tally.survived(good, || format!("{body}: {right}, {end:?}"));
    }

    pub(crate) fn replaced(&mut self, from: &str, to: &[&str]) {
        for to in to {
            assert!(JOB.contains(from), "{from}");
            self.no(JOB.replacen(from, to, 1));
        }
    }

    pub(crate) fn done(self) {
        self.0.finish();
    }

    /// An unknown member changes nothing that is read; the strict profile, and whoever sets the rule to deny, refuses it.
    pub(crate) fn unknown(&mut self, body: &str) {
        let strict = JobRequest::from_json(body.as_bytes(), &Policy::new(Profile::Strict)).is_err();
        let denying =
            Policy::new(Profile::Compatible).with_severity(Rule::UnknownMember, Severity::Deny).unwrap();
        let denied = JobRequest::from_json(body.as_bytes(), &denying).is_err();
        self.0.tally.refused(strict && denied, || format!("{body}: strict {strict}, denied {denied}"));
        let known = JobRequest::from_json(JOB.as_bytes(), &Policy::default()).unwrap().into_value();
        self.yes(body, |job| Some(job) == known.as_ref());
    }
}
