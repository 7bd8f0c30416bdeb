//! Many processes at one path.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cli::home::Home;

#[test]
fn no_acknowledged_write_of_16_processes_is_lost() {
    const WRITERS: usize = 16;
    let puts: usize = std::env::var("VAULT_TEST_PUTS").ok().map_or(6, |n| n.parse().unwrap());
    let home = Home::with_vault();
    let (written, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (home, written, refused) = (&home, &written, &refused);
            scope.spawn(move || {
                for i in 0..puts {
                    let ran = home.run_with(["put", "a"], format!("{writer}.{i}").as_bytes());
                    match ran.code {
                        0 => written.fetch_add(1, Ordering::Relaxed),
                        6 => refused.fetch_add(1, Ordering::Relaxed),
                        _ => panic!("{}", ran.stderr),
                    };
                }
            });
        }
    });
    let (written, refused) = (written.into_inner(), refused.into_inner());
    assert_eq!(written + refused, WRITERS * puts);
    let versions = home.run(["history", "a", "--json"]).ok().json();
    let numbers: Vec<_> =
        versions.as_array().unwrap().iter().map(|v| v["version"].as_u64().unwrap()).collect();
    let all: Vec<u64> = (1..=written as u64).rev().collect();
    assert_eq!(numbers, all, "one version for each acknowledged write, without a gap");
    assert_eq!(home.run(["verify"]).ok().text(), "");
    println!("race: {written} versions acknowledged, {refused} refused with 6");
}

#[test]
fn deletes_and_writes_at_once_leave_a_sound_vault() {
    let home = Home::with_vault();
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let home = &home;
            scope.spawn(move || {
                for i in 0..8 {
                    let ran = match writer % 2 {
                        0 => home.run_with(["put", "a"], format!("{writer}.{i}").as_bytes()),
                        _ => home.run(["rm", "a"]),
                    };
                    assert!([0, 3, 6].contains(&ran.code), "{}", ran.stderr);
                }
            });
        }
    });
    assert_eq!(home.run(["verify"]).ok().text(), "", "every command finished its own work");
    let newest = home.run(["history", "a", "--json"]).ok().json()[0]["op"].clone();
    let exists = home.run(["exists", "a"]).code;
    assert_eq!(exists, if newest == "delete" { 3 } else { 0 });
}
