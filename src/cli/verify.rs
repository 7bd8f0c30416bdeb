use clap::Args;
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{Error, Kind, Prefix, Result, Severity, escape};

/// Check everything that is stored; with --repair, finish what a crash left behind
///
/// Checks the team chain, every version's signature, links and body, that no version is missing,
/// that nothing is older than what this device has seen, and that the newest values can be
/// decrypted. Errors give exit code 7.
#[derive(Args)]
#[command(after_help = "Examples:
  vault verify
  vault verify prod --repair")]
pub struct Verify {
    /// Only this folder
    prefix: Option<String>,
    /// Mend heads, finish purges, remove left-over temporary files
    #[arg(long)]
    repair: bool,
}

impl Verify {
    pub async fn run(self, session: &Session) -> Result<()> {
        let prefix = Prefix::parse(self.prefix.as_deref().unwrap_or_default())?;
        let vault = session.vault().await?;
        let report = vault.verify(&prefix, self.repair).await;
        session.warn(&vault);
        let report = report?;
        if report.paths == 0 && !prefix.as_str().is_empty() {
            return Err(Error::not_found(format!("there is nothing below {prefix}"))
                .hint("`vault ls` lists the names"));
        }
        let word = |severity| match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Mended => "mended",
        };
        if session.json {
            let findings = report.findings.iter().map(|f| {
                let path = f.path.as_ref().map(|p| p.as_str());
                json!({ "severity": word(f.severity), "path": path, "message": f.message })
            });
            let findings: serde_json::Value = findings.collect();
            output::json(&json!({
                "paths": report.paths, "versions": report.versions, "locked": report.locked,
                "findings": findings,
            }))?;
        } else {
            for finding in &report.findings {
                let path = finding.path.as_ref().map_or("", |p| p.as_str());
                let message = escape(&finding.message);
                output::line(&format!("{}\t{path}\t{message}", word(finding.severity)))?;
            }
            output::note(&format!(
                "{}, {} checked: {}",
                output::count(report.paths, "secret"),
                output::count(report.versions, "version"),
                if report.findings.is_empty() { "all good" } else { "see above" }
            ));
            if report.locked > 0 {
                output::note(&format!(
                    "Of {} in groups that you do not read, only the signatures were checked.",
                    output::count(report.locked, "secret")
                ));
            }
        }
        if report.has_errors() {
            return Err(Error::from(&report));
        }
        match report.undecrypted {
            0 => Ok(()),
            n => Err(Error::new(
                Kind::Partial,
                format!("{} could not be decrypted", output::count(n, "secret")),
            )
            .hint("`vault doctor` looks at the KMS key and at what is allowed")),
        }
    }
}
