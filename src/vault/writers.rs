//! How many may write: as many as the store can keep apart.

use std::sync::Arc;

use super::{Location, Storage};
use crate::core::error::{Error, Result};
use crate::core::path::escape;
use crate::store::SingleWriter;
use crate::store::probe::{Verdict, probe};

impl Storage {
    /// Measures whether the store can keep writers apart, before a vault is made in it. A
    /// directory is not measured: there this program itself does, with links and locks of the
    /// system.
    ///
    /// # Errors
    /// General if the store cannot; denied, network or whatever else kept it from being measured.
    pub async fn check_writers(&self) -> Result<()> {
        if matches!(self.location, Location::Dir(_)) {
            return Ok(());
        }
        let report = probe(&*self.store).await;
        match report.against_many_writers() {
            None => Ok(()),
            Some((what, Verdict::Broken(seen))) => Err(Error::general(format!(
                "this store cannot keep two writers apart ({}: {})",
                what.name(),
                escape(&seen)
            ))
            .hint(
                "use another store; or, if only one person on one machine ever writes, give \
                 --single-writer",
            )),
            Some((_, Verdict::Unknown(error))) => Err(error.into()),
            Some((_, Verdict::Works)) => unreachable!("it is no reason against"),
        }
    }

    /// The same, for a store that cannot keep writers apart and a team in which one writes.
    #[must_use]
    pub fn for_one_writer(mut self) -> Self {
        self.store = Arc::new(SingleWriter::new(self.store));
        self.single_writer = true;
        self
    }
}
