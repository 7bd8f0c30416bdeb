//! A program that has a parent: until it ends, or again and again when values change.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::child::Program;
use super::mount::Mount;
use super::signals::Signals;
use super::sources::{Seen, Sources, Variables};
use super::supervisor::{End, Supervisor};
use super::{Run, failed, warn_of_short};
use crate::cli::output;
use crate::cli::resolve::{Resolver, again};
use crate::config::Inherit;
use crate::vault::{Masks, Result, escape};

/// What every start of the program has in common.
pub struct Watched<'r> {
    pub run: &'r Run,
    pub inherit: Inherit,
    pub mask: bool,
    pub sources: &'r Sources,
}

impl Watched<'_> {
    /// The exit code of the program.
    ///
    /// # Errors
    /// Usage if the values cannot be masked or mounted; whatever the system says.
    pub async fn run(
        &self,
        resolver: &mut Resolver<'_>,
        mut variables: Variables,
        mut seen: Seen,
    ) -> Result<u8> {
        let mut signals = Signals::new().map_err(|e| failed("cannot catch signals", e))?;
        loop {
            let masks = match self.mask {
                true => Some(Arc::new(Masks::new(variables.secrets())?)),
                false => None,
            };
            if self.mask {
                warn_of_short(&variables);
            }
            let mount = self.run.mount.as_deref();
            let file = mount.map(|path| Mount::new(path, &variables, self.run.mount_reads));
            let _file = file.transpose()?;
            let program = Program { command: &self.run.command, inherit: self.inherit, mount };
            let (stop, stopped) =
                UnixStream::pair().map_err(|e| failed("cannot start the program", e))?;
            let command = program.command(&variables);
            let again = self.run.watch.is_some();
            let started = Supervisor::start(command, masks.as_ref(), signals, stopped, again);
            let supervisor = match started {
                Ok(supervisor) => supervisor,
                Err(e) => return Ok(program.not_started(&e)),
            };
            let (tell, mut end) = oneshot::channel();
            thread::spawn(move || drop(tell.send(supervisor.run())));
            let next = tokio::select! {
                end = &mut end => return Ok(ended(end)?.code),
                next = self.change(resolver, &variables, &seen) => next,
            };
            output::note("A value has changed: the program is started again.");
            drop(stop);
            signals = ended(end.await)?.signals;
            (variables, seen) = next;
        }
    }

    /// Until there are other values than these.
    async fn change(
        &self,
        resolver: &mut Resolver<'_>,
        variables: &Variables,
        seen: &Seen,
    ) -> (Variables, Seen) {
        let Some(seconds) = self.run.watch else { return std::future::pending().await };
        let mut last: Option<Seen> = None;
        let mut warned = false;
        loop {
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
            if self.sources.is_unchanged(resolver, last.as_ref().unwrap_or(seen)).await {
                continue;
            }
            match self.sources.resolve(resolver, self.run.strict).await {
                Ok((next, now)) if next.same_as(variables) => {
                    (last, warned) = (Some(now), false);
                }
                Ok(next) => return next,
                Err(e) if !warned => {
                    let text = again(&e).to_string();
                    let text = text.replace("the program was not started", "the program goes on");
                    let lines: Vec<String> = text.lines().map(escape).collect();
                    output::note(&format!("warning: {}", lines.join("\n")));
                    warned = true;
                }
                Err(_) => {}
            }
        }
    }
}

fn ended(end: std::result::Result<std::io::Result<End>, oneshot::error::RecvError>) -> Result<End> {
    let end = end.unwrap_or_else(|_| Err(std::io::Error::other("its supervisor failed")));
    end.map_err(|e| failed("lost the program", e))
}
