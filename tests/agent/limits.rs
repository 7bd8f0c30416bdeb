//! When the agent forgets.

use std::time::Duration;

use vault::vault::agent::{Answer, Limits, Problem, Request, Status};

use super::{HOUR, TestClock, agent, hold, id, problem};
use crate::support::ANN;

const BOB: u8 = 2;

fn limits(idle: u64, most: u64) -> Limits {
    Limits { idle: Some(Duration::from_secs(idle)), most: Duration::from_secs(most) }
}

fn key(seed: u8) -> Request {
    Request::KeyOfFiles(id(seed), vault::keys::holder::DeviceFiles::Marks)
}

#[test]
fn what_nobody_uses_is_forgotten() {
    let clock = TestClock::default();
    let mut agent = agent(&clock);
    agent.answer(hold(ANN, limits(60, 1000)));
    agent.answer(hold(BOB, limits(60, 1000)));
    for _ in 0..5 {
        clock.pass(59);
        assert!(matches!(agent.answer(key(ANN)), Answer::Key(_)));
        // Asking about it is no use of it.
        assert!(matches!(agent.answer(Request::Status), Answer::Status(_)));
        let _ = agent.answer(Request::Find([BOB; 32]));
    }
    assert_eq!(problem(agent.answer(key(BOB))), Problem::NotHeld);
    clock.pass(60);
    assert_eq!(problem(agent.answer(key(ANN))), Problem::NotHeld);
    assert!(agent.is_empty());
}

#[test]
fn nothing_is_held_longer_than_was_said() {
    let clock = TestClock::default();
    let mut agent = agent(&clock);
    agent.answer(hold(ANN, limits(60, 100)));
    clock.pass(59);
    assert!(matches!(agent.answer(key(ANN)), Answer::Key(_)));
    clock.pass(40);
    assert!(matches!(agent.answer(key(ANN)), Answer::Key(_)));
    clock.pass(1);
    assert_eq!(problem(agent.answer(key(ANN))), Problem::NotHeld);
    // Without a limit on idling, and never for more than 7 days.
    agent.answer(hold(ANN, Limits { idle: None, most: Duration::from_secs(u64::MAX) }));
    clock.pass(7 * 24 * 3600 - 1);
    assert!(matches!(agent.answer(key(ANN)), Answer::Key(_)));
    clock.pass(1);
    agent.tick();
    assert!(agent.is_empty(), "without a request, too");
}

#[test]
fn a_computer_that_slept_is_locked() {
    let clock = TestClock::default();
    let mut agent = agent(&clock);
    agent.answer(hold(ANN, HOUR));
    clock.sleep(2);
    clock.pass(30);
    assert!(matches!(agent.answer(key(ANN)), Answer::Key(_)), "clocks may differ a little");
    clock.sleep(3);
    assert_eq!(problem(agent.answer(key(ANN))), Problem::NotHeld);
}

#[test]
fn holding_again_sets_new_limits() {
    let clock = TestClock::default();
    let mut agent = agent(&clock);
    agent.answer(hold(ANN, limits(60, 100)));
    clock.pass(50);
    agent.answer(hold(ANN, limits(0, 500)));
    let Answer::Status(Status { held, locked }) = agent.answer(Request::Status) else { panic!() };
    assert_eq!((held.len(), held[0].left, held[0].idle, locked), (1, 500, 0, 1));
}

#[test]
fn locking_forgets_one_or_all() {
    let clock = TestClock::default();
    let mut agent = agent(&clock);
    agent.answer(hold(ANN, HOUR));
    agent.answer(hold(BOB, HOUR));
    assert!(matches!(agent.answer(Request::Lock(Some(id(ANN)))), Answer::Done));
    assert_eq!(problem(agent.answer(Request::Lock(Some(id(ANN))))), Problem::NotHeld);
    assert_eq!(problem(agent.answer(key(ANN))), Problem::NotHeld);
    assert!(matches!(agent.answer(key(BOB)), Answer::Key(_)));
    assert!(matches!(agent.answer(Request::Lock(None)), Answer::Done));
    assert!(agent.is_empty());
}

#[test]
fn memory_that_cannot_be_locked_is_told() {
    let clock = TestClock::default();
    let now = clock.clone();
    let read = move || *now.0.lock().unwrap();
    let nothing = vault::vault::agent::Locked::Nothing;
    let mut agent = vault::vault::agent::Agent::new(Box::new(read), nothing, |_| false);
    agent.answer(hold(ANN, HOUR));
    let Answer::Status(status) = agent.answer(Request::Status) else { panic!() };
    assert_eq!(status.locked, 0);
}
