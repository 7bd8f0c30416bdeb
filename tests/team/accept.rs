//! Which versions count: vectors, and random histories with an honest team, removed writers who
//! go on writing, and a storage that shows what it likes.

mod history;

use vault::core::header::Op;
use vault::team::accept::{Standing, Verdict, standing};

use history::{History, PATH};

fn yes(history: &History, n: u64) {
    assert!(history.counts(n), "version {n}");
}

fn no(history: &History, n: u64) {
    assert!(!history.counts(n), "version {n}");
}

/// Ann (1) is admin, bob (2) and eve (3) write everywhere.
fn three() -> History {
    History::new(&[2, 3])
}

#[test]
fn a_writer_of_the_current_generation_counts() {
    let mut history = three();
    for author in [1, 2, 3] {
        history.write(author);
    }
    (1..=3).for_each(|n| yes(&history, n));
    assert_eq!(history.judge(4), Verdict::Need(4));
}

#[test]
fn a_stranger_does_not_count() {
    let mut history = three();
    history.write(1);
    history.write(9);
    no(&history, 2);
}

#[test]
fn a_signature_under_the_name_of_another_does_not_count() {
    let mut history = three();
    let mut header = history.header(1);
    history.push_signed(&header, 9);
    no(&history, 1);
    header.n = 2;
    assert!(matches!(history.standing(1), Standing::Unacceptable(_)));
}

#[test]
fn the_cut_keeps_what_a_removed_writer_had_written() {
    let mut history = three();
    for author in [2, 1, 2] {
        history.write(author);
    }
    history.remove(2, 3);
    assert_eq!(history.standing(3), Standing::CutEntry);
    assert_eq!(history.standing(1), Standing::Older);
    (1..=3).for_each(|n| yes(&history, n));
}

#[test]
fn what_a_removed_writer_writes_after_the_cut_does_not_count() {
    let mut history = three();
    history.write(1);
    history.remove(2, 1);
    for group in ["main.1", "main.2"] {
        let mut other = history.clone();
        let mut header = other.header(2);
        header.group = vault::core::header::GroupGen::parse(group).unwrap();
        other.push(&header);
        no(&other, 2);
        // Nor does what an honest straggler built upon it.
        let header = other.old(3, "main.1");
        other.push(&header);
        no(&other, 3);
        // An admin who adopts it says so with a version of the current generation.
        other.write(1);
        yes(&other, 4);
    }
}

#[test]
fn a_removed_writer_cannot_change_the_past() {
    let mut history = three();
    for author in [1, 2, 1, 3] {
        history.write(author);
    }
    history.remove(2, 4);
    for n in 1..=4 {
        let mut other = history.clone();
        let mut header = other.signed(n).header.clone();
        (header.by, header.body) = (history::id(2), [66; 32]);
        other.replace(n, &header);
        no(&other, n);
    }
}

#[test]
fn a_straggler_counts_down_to_the_cut() {
    let mut history = three();
    history.write(1);
    history.remove(2, 1);
    let header = history.old(3, "main.1");
    history.push(&header);
    assert_eq!(history.standing(2), Standing::Straggler);
    yes(&history, 2);
    let header = history.old(3, "main.1");
    history.push(&header);
    yes(&history, 3);
    // On top of an (a) version as well.
    history.write(1);
    let header = history.old(3, "main.1");
    history.push(&header);
    yes(&history, 5);
}

#[test]
fn a_straggler_that_goes_around_the_cut_does_not_count() {
    let mut history = three();
    history.write(1);
    history.write(2);
    history.remove(2, 2);
    let header = history.old(3, "main.1");
    let mut bypass = header.clone();
    bypass.prev = [5; 32];
    history.push(&bypass);
    no(&history, 3);
    history.drop_top();
    history.push(&header);
    yes(&history, 3);
}

#[test]
fn a_straggler_on_the_loser_of_a_race_at_the_cut_does_not_count() {
    let mut history = three();
    history.write(1);
    let loser = history.header(2);
    history.write(1);
    history.remove(2, 2);
    history.replace(2, &loser);
    let header = history.old(3, "main.1");
    history.push(&header);
    no(&history, 3);
    no(&history, 2);
}

#[test]
fn a_straggler_of_a_path_without_a_cut_goes_down_to_the_first_version() {
    let mut history = three();
    history.remove(2, 0);
    let header = history.old(3, "main.1");
    history.push(&header);
    let header = history.old(3, "main.1");
    history.push(&header);
    yes(&history, 2);
    history.hide(1);
    no(&history, 2);
}

#[test]
fn a_straggler_of_a_group_that_never_had_the_path_does_not_count() {
    let mut history = three();
    history.write(1);
    history.change(&["group-set pay local [\"pay\"]", "keyring pay 1 {h9}", "cut pay {h9}"]);
    let header = history.old(3, "pay.1");
    history.push(&header);
    no(&history, 2);
}

#[test]
fn a_folder_that_moved_counts_under_its_old_group_up_to_the_cut() {
    let mut history = three();
    history.change(&["group-set pay local [\"x\"]", "keyring pay 1 {h9}", "cut pay {h9}"]);
    history.change(&["role bob +read pay"]);
    history.write(1);
    history.write(2);
    history.cut_at(2);
    history.change(&["group-set pay local [\"p\",\"x\"]", "keyring pay 2 {h9}", "cut pay {h9}"]);
    (1..=2).for_each(|n| yes(&history, n));
    // Bob reads pay and may write; eve (3) does not read it.
    let mut eve = history.clone();
    let header = eve.old(3, "main.1");
    eve.push(&header);
    no(&eve, 3);
    let header = history.old(2, "main.1");
    history.push(&header);
    yes(&history, 3);
}

#[test]
fn older_versions_count_while_newer_ones_vouch_for_them() {
    let mut history = three();
    for author in [2, 2, 2, 2] {
        history.write(author);
    }
    history.remove(2, 4);
    yes(&history, 1);
    let mut hidden = history.clone();
    hidden.hide(3);
    no(&hidden, 2);
    no(&hidden, 1);
    yes(&hidden, 4);
    let mut unknown = history.clone();
    unknown.forget(3);
    assert_eq!(unknown.judge(1), Verdict::Need(3));
    assert_eq!(unknown.judge(4), Verdict::Yes);
}

#[test]
fn kept_versions_do_not_come_back_after_a_purge() {
    let mut history = three();
    history.write(1);
    history.write(1);
    history.purge(1);
    history.remove(2, 3);
    let mut header = history.header(1);
    header.from = 1;
    history.push(&header);
    let (above, below) = (history.signed(4).clone(), history.signed(3).clone());
    assert!(vault::team::accept::follows(&above, &below).is_err());
    assert_eq!(history.signed(3).header.op, Op::Purge);
    assert_eq!(PATH, "p/x");
}

#[test]
fn standing_is_of_the_newest_state() {
    let mut history = three();
    history.write(2);
    let (before, signed) = (history.state().clone(), history.signed(1).clone());
    history.remove(2, 0);
    let path = history::path();
    assert_eq!(standing(&before, None, &path, &signed), Standing::Current);
    assert!(matches!(standing(history.state(), None, &path, &signed), Standing::Unacceptable(_)));
}

/// Schedules of each of the tests below: together more than 10,000.
const SCHEDULES: u64 = 2_600;

#[test]
fn random_histories_1() {
    history::random::run(0..SCHEDULES);
}

#[test]
fn random_histories_2() {
    history::random::run(SCHEDULES..2 * SCHEDULES);
}

#[test]
fn random_histories_3() {
    history::random::run(2 * SCHEDULES..3 * SCHEDULES);
}

#[test]
fn random_histories_4() {
    history::random::run(3 * SCHEDULES..4 * SCHEDULES);
}
