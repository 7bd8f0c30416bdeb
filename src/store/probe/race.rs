//! The checks that take several writers at the same time.

use futures_util::future::join_all;

use super::super::{Condition, Etag, StoreError};
use super::{Bench, Flaw, seen};

/// Writers in a race.
const WRITERS: usize = 4;
/// A store without locks is not caught by every race.
const ROUNDS: usize = 4;

impl Bench<'_> {
    pub(super) async fn one_creator_wins(&self) -> Result<(), Flaw> {
        let mut winners = 0;
        for round in 0..ROUNDS {
            winners += self.race(&format!("create-race-{round}"), Condition::Absent).await?;
        }
        some_won(winners)
    }

    pub(super) async fn one_writer_wins(&self) -> Result<(), Flaw> {
        let mut winners = 0;
        for round in 0..ROUNDS {
            let name = format!("replace-race-{round}");
            let start = self.put(&name, "start", Condition::None).await?;
            winners += self.race(&name, Condition::Matches(start)).await?;
        }
        some_won(winners)
    }

    /// How many of the writers won: one, or none if the answer to the winner was lost.
    async fn race(&self, name: &str, on: Condition) -> Result<usize, Flaw> {
        let text = |writer: usize| format!("writer {writer}");
        let write = async |writer| self.put(name, &text(writer), on.clone()).await;
        let mut winners = Vec::new();
        let mut failed = None;
        for (writer, answer) in join_all((0..WRITERS).map(write)).await.into_iter().enumerate() {
            match answer {
                Ok(Etag(_)) => winners.push(writer),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => failed = Some(error),
            }
        }
        match (winners.as_slice(), failed) {
            ([_, _, ..], _) => {
                let count = winners.len();
                seen(format!("{count} of {WRITERS} writers were told that they had won a race"))
            }
            (_, Some(error)) => Err(error.into()),
            ([winner], None) if !self.holds(name, &text(*winner)).await? => seen(
                "one writer was told that it had won a race, and another one's object is there",
            ),
            (winners, None) => Ok(winners.len()),
        }
    }
}

fn some_won(winners: usize) -> Result<(), Flaw> {
    if winners > 0 { Ok(()) } else { seen(format!("no writer wins any of {ROUNDS} races")) }
}
