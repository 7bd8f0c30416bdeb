//! The signals that end a program, where something has to be put in order first.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use crate::vault::{Error, Result};

/// Awaited from when it is made until it is dropped.
pub struct Signals([(Signal, Exit); 4]);

impl Signals {
    /// From now on they end nothing by themselves.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn new() -> Result<Self> {
        let on = |kind, exit| {
            let signal = signal(kind).map_err(|e| Error::general("cannot wait").because(e))?;
            Ok::<_, Error>((signal, exit))
        };
        Ok(Self([
            on(SignalKind::interrupt(), Exit::Interrupted)?,
            on(SignalKind::quit(), Exit::Quit)?,
            on(SignalKind::hangup(), Exit::HungUp)?,
            on(SignalKind::terminate(), Exit::Terminated)?,
        ]))
    }

    /// The next one, as the exit code that it means.
    pub async fn next(&mut self) -> Exit {
        let waits = self.0.iter_mut().map(|(signal, exit)| {
            Box::pin(async move {
                signal.recv().await;
                *exit
            })
        });
        futures_util::future::select_all(waits).await.0
    }
}
