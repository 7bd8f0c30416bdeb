//! The socket: whole requests, junk, too much, and many at once.

use std::io::{Read, Write};

use vault::keys::holder::DeviceFiles;
use vault::vault::agent::{Answer, Problem, Request};

use super::{HOUR, Served, handover, id};
use crate::support::ANN;

fn frame(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn answer(stream: &mut impl Read) -> Answer {
    let mut len = [0; 4];
    stream.read_exact(&mut len).unwrap();
    let mut bytes = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut bytes).unwrap();
    Answer::decode(&bytes).unwrap()
}

fn refused(answer: Answer, says: &str) {
    let Answer::Problem(Problem::Refused, text) = answer else { panic!("it was answered") };
    assert!(text.contains(says), "{text}");
}

#[test]
fn junk_is_refused_and_harms_nobody() {
    let served = Served::new();
    let remote = served.ann();
    let key = Request::KeyOfFiles(id(ANN), DeviceFiles::Marks).encode();
    let mut stream = served.stream();
    let mut ask = |bytes: &[u8]| {
        stream.write_all(&frame(bytes)).unwrap();
        answer(&mut stream)
    };
    for junk in [&b""[..], &[1], &[1, 200], &[1, 255, 0, 0], &key.bytes()[..key.len() - 1]] {
        refused(ask(junk), "does not understand");
    }
    // Something behind a good request, a length that points outside, another version.
    refused(ask(&[key.bytes(), b"x"].concat()), "does not understand");
    refused(ask(&[1, 1, 255, 255, 255, 255, 0]), "does not understand");
    refused(ask(&[2, 0]), "another version");
    // On the same connection, and on others.
    assert!(matches!(ask(key.bytes()), Answer::Key(_)));
    drop(remote);
    assert_eq!(served.client().status().unwrap().held.len(), 1);
}

#[test]
fn an_oversized_frame_ends_the_connection() {
    let served = Served::new();
    for len in [u32::MAX, 2 * 1024 * 1024] {
        let mut stream = served.stream();
        stream.write_all(&len.to_be_bytes()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
    }
    assert!(served.client().status().is_ok());
}

/// Half a request, and a client that goes away, leave nothing behind.
#[test]
fn a_cut_request_is_none() {
    let served = Served::new();
    let lock = frame(Request::Lock(None).encode().bytes());
    served.client().hold(handover(ANN), HOUR).unwrap();
    for cut in 0..lock.len() {
        served.stream().write_all(&lock[..cut]).unwrap();
    }
    assert_eq!(served.client().status().unwrap().held.len(), 1);
    let mut stream = served.stream();
    stream.write_all(&lock).unwrap();
    assert!(matches!(answer(&mut stream), Answer::Done));
    assert!(served.client().status().unwrap().held.is_empty());
}

/// A request that somebody recorded says no more than when it was made: locked stays locked.
#[test]
fn replayed_requests_open_nothing() {
    let served = Served::new();
    served.client().hold(handover(ANN), HOUR).unwrap();
    let find = frame(Request::Find([ANN; 32]).encode().bytes());
    let key = frame(Request::KeyOfFiles(id(ANN), DeviceFiles::Cache).encode().bytes());
    let mut stream = served.stream();
    for request in [&find, &key] {
        stream.write_all(request).unwrap();
        assert!(!matches!(answer(&mut stream), Answer::Problem(..)));
    }
    served.client().lock(id(ANN)).unwrap();
    for request in [&find, &key] {
        stream.write_all(request).unwrap();
        assert!(matches!(answer(&mut stream), Answer::Problem(Problem::NotHeld, _)));
    }
}

#[test]
fn many_clients_at_once_each_get_their_answers() {
    const CLIENTS: usize = 32;
    const REQUESTS: usize = 1000;
    let served = Served::new();
    let people: Vec<u8> = (1..=8).collect();
    for seed in &people {
        served.client().hold(handover(*seed), HOUR).unwrap();
    }
    let start = std::sync::Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (served, start, people) = (&served, &start, &people);
            scope.spawn(move || {
                let mut stream = served.stream();
                start.wait();
                let whose = people[client % people.len()];
                let right = crate::support::identity(whose).device_key("vault/v1/marks");
                let request = Request::KeyOfFiles(id(whose), DeviceFiles::Marks);
                let request = frame(request.encode().bytes());
                for _ in 0..REQUESTS {
                    stream.write_all(&request).unwrap();
                    let Answer::Key(key) = answer(&mut stream) else { panic!("{client}") };
                    assert_eq!(key.bytes(), right.bytes());
                }
            });
        }
    });
    println!("agent: {} requests by {CLIENTS} clients", CLIENTS * REQUESTS);
}

/// More clients than are served at once: whose connection made room for another one comes back, and
/// no request is lost.
#[test]
fn clients_whose_connection_was_closed_come_back() {
    let served = Served::new();
    let clients: Vec<_> = (0..150).map(|_| served.client()).collect();
    for client in &clients {
        assert!(client.status().is_ok());
    }
}
