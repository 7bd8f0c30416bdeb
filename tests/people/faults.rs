//! A removal, a rotation, a move and a recovery that fail at each request, before or after its
//! effect: the team is as before or as wanted, and running it again ends where it was meant to.

use std::sync::Arc;

use vault::vault::{GroupChange, Kind, Prefix, Reseal, Result, Role, Vault};

use crate::support::faulty::Faulty;
use crate::support::{RECOVERY, World, add, get, identity, put};

const BOB: u8 = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    Add,
    Remove,
    Group,
    Recover,
    Purge,
}

impl Step {
    async fn run(self, vault: &Vault) -> Result<()> {
        let reseal = async |purge| {
            let done = vault
                .reseal(&Reseal { purge_history: purge, ..Reseal::default() }, &mut |_, _| {})
                .await?;
            done.failed.into_iter().next().map_or(Ok(()), |(_, e)| Err(e))
        };
        match self {
            Self::Add => {
                let grant = vault::vault::Grant { role: Role::Read, path: None };
                vault.add_member("eve", identity(3).public(), Some(&grant)).await
            }
            Self::Remove => {
                vault.remove_members(&["bob"]).await?;
                reseal(false).await
            }
            Self::Purge => {
                vault.remove_members(&["bob"]).await?;
                reseal(true).await
            }
            Self::Group => {
                let prefixes = Some([Prefix::parse("p").unwrap()].into());
                let change = GroupChange { prefixes, ..GroupChange::default() };
                match vault.add_group("pay", &change).await {
                    // It was made by the run that was cut off.
                    Err(e) if e.kind == Kind::Conflict => {}
                    other => drop(other?),
                }
                reseal(false).await
            }
            Self::Recover => vault.recover(&identity(RECOVERY), "zed").await,
        }
    }

    fn actor(self) -> u8 {
        if matches!(self, Self::Recover) { 9 } else { 1 }
    }
}

/// True if the step did not get as far as request `at`.
async fn one(step: Step, at: usize, after: bool) -> bool {
    let what = format!("{step:?}, request {at}, after: {after}");
    let world = World::new().await;
    let ann = world.device("setup").await;
    add(&ann, "bob", BOB, Role::Write, None).await;
    for name in ["a", "b", "p/c"] {
        put(&ann, name, name).await.unwrap();
    }
    let store = Faulty::new(&world.store, at, after);
    let actor = world.open(store.clone(), "one", step.actor()).await.unwrap();
    let outcome = step.run(&actor).await;
    let values = async |vault: &Vault| {
        for name in ["a", "b", "p/c"] {
            assert_eq!(get(vault, name).await.as_deref(), Ok(name), "{what}");
        }
    };
    values(&world.device("between").await).await;
    let again = world.open(Arc::new(world.store.clone()), "one", step.actor()).await.unwrap();
    if outcome.is_err() {
        step.run(&again).await.unwrap_or_else(|e| panic!("{what}: again: {e}"));
    }
    for device in ["one", "new"] {
        let seed = step.actor();
        let vault = world.open(Arc::new(world.store.clone()), device, seed).await.unwrap();
        values(&vault).await;
        let names: Vec<_> =
            vault.members().await.unwrap().into_iter().map(|member| member.name).collect();
        let wanted: &[&str] = match step {
            Step::Add => &["ann", "bob", "eve"],
            Step::Remove | Step::Purge => &["ann"],
            Step::Group => &["ann", "bob"],
            Step::Recover => &["ann", "bob", "zed"],
        };
        assert_eq!(names, wanted, "{what}");
        let report = vault.verify(&Prefix::default(), true).await.unwrap();
        assert!(!report.has_errors(), "{what}: {:?}", report.findings);
        let report = vault.verify(&Prefix::default(), false).await.unwrap();
        assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
    }
    let bob = world.open(Arc::new(world.store.clone()), "bob", BOB).await.unwrap();
    let lost = matches!(step, Step::Remove | Step::Purge);
    assert_eq!(get(&bob, "a").await.is_err(), lost, "{what}");
    assert_eq!(get(&bob, "p/c").await.is_err(), lost || matches!(step, Step::Group), "{what}");
    !store.reached()
}

async fn all(step: Step) {
    let mut faults = 0;
    for at in 1.. {
        assert!(at < 200, "{step:?} never ends");
        if one(step, at, false).await {
            break;
        }
        one(step, at, true).await;
        faults += 2;
    }
    eprintln!("{step:?}: {faults} faults");
    assert!(faults > 2, "{step:?} was tried");
}

#[tokio::test]
async fn faults_of_an_addition() {
    all(Step::Add).await;
}

#[tokio::test]
async fn faults_of_a_removal() {
    all(Step::Remove).await;
}

#[tokio::test]
async fn faults_of_a_removal_with_its_history() {
    all(Step::Purge).await;
}

#[tokio::test]
async fn faults_of_a_move() {
    all(Step::Group).await;
}

#[tokio::test]
async fn faults_of_a_recovery() {
    all(Step::Recover).await;
}
