//! An agent that nobody can find, and one that many keep busy.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use vault::vault::agent::Request;

use super::{HOUR, Served, handover};
use crate::support::ANN;

#[test]
fn an_agent_that_nobody_can_find_ends_and_forgets() {
    let gone: [fn(&Served); 3] = [
        |served| fs::remove_dir_all(served.path()).unwrap(),
        |served| fs::remove_file(served.path().join("agent.sock")).unwrap(),
        |served| fs::remove_file(served.path().join("agent.lock")).unwrap(),
    ];
    for take_away in gone {
        let mut served = Served::new();
        served.client().hold(handover(ANN), HOUR).unwrap();
        take_away(&served);
        served.ends();
        assert!(served.agent.lock().unwrap().is_empty());
    }
}

/// The first one leaves the socket of the second alone.
#[test]
fn an_agent_whose_place_was_taken_ends() {
    let mut first = Served::new();
    fs::remove_file(first.path().join("agent.lock")).unwrap();
    let dir = std::mem::replace(&mut first.dir, super::private_dir());
    let second = Served::in_dir(dir);
    first.ends();
    assert!(second.client().status().is_ok());
}

/// Whoever opens connections and says nothing keeps nobody out: the one that is idle longest goes.
#[test]
fn idle_connections_make_room() {
    let served = Served::new();
    let status = Request::Status.encode();
    let frame = [&2u32.to_be_bytes(), status.bytes()].concat();
    let mut idle: Vec<_> = (0..128).map(|_| served.stream()).collect();
    // The first one says something after the others came, so the second is idle longest.
    let mut answer = [0; 64];
    for i in (1..128).chain([0]) {
        idle[i].write_all(&frame).unwrap();
        assert!(idle[i].read(&mut answer).unwrap() > 4);
    }
    let begin = std::time::Instant::now();
    assert!(served.client().status().is_ok());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(idle[1].read(&mut answer).unwrap(), 0, "it is closed");
    for open in [0, 2, 127] {
        idle[open].set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let error = idle[open].read(&mut answer).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{open}");
    }
}
