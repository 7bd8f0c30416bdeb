//! The one-shot commands: a file a command, each with its arguments (whose doc comments are the
//! help text) and one `run`.

mod agent;
mod askpass;
mod aws_context;
mod bucket;
mod cache;
mod capability;
mod clip_clear;
mod complete;
mod completions;
mod config;
mod copy;
mod cp;
mod credential_process;
mod diff;
mod docker_credential;
mod doctor;
mod edit;
mod exists;
mod exit;
mod export;
mod exposure;
mod fields;
mod find;
mod generate;
mod get;
mod git_credential;
mod group;
mod help;
mod history;
mod holder;
mod id;
mod import;
mod inherited;
mod init;
mod inject;
mod join;
mod links;
mod lock;
mod ls;
mod man;
mod member;
mod mv;
mod otp;
mod output;
pub mod process;
mod prompt;
mod purge;
mod put;
mod read;
mod recover;
mod resolve;
mod rm;
mod rollback;
mod rotate;
mod rotation;
mod run;
mod scan;
mod session;
mod signals;
mod target;
mod team;
mod tui;
mod undelete;
mod unlock;
mod vaults;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::vault::{Error, Kind, Result, escape};
use exit::Exit;
use session::Session;

/// A team's secrets in storage that the team owns, encrypted on the team's machines.
#[derive(Parser)]
#[command(
    name = "vault",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Examples:
  vault                                   on a terminal: opens the terminal UI
  vault init                              make a vault in a directory of your own
  printf %s \"$PW\" | vault put prod/db/password
  vault get prod/db/password
  vault ls prod
  vault help exit-codes                   what the exit codes mean

A program vault-NAME on PATH is run by `vault NAME`, with the arguments that follow."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags of every command.
#[derive(Args)]
pub struct Global {
    /// Use this vault of the configuration
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    vault: Option<String>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    /// Never ask; a question that would be asked is an error that names the flag to answer it
    #[arg(long, global = true, help_heading = "Global options")]
    no_input: bool,
    /// Read the identity's passphrase from this file descriptor (one line)
    #[arg(long, global = true, value_name = "N", help_heading = "Global options")]
    passphrase_fd: Option<u32>,
    /// Read what `vault cache fill` keeps on this device, and ask no storage
    #[arg(long, global = true, help_heading = "Global options")]
    offline: bool,
    /// With --offline: refuse what was verified longer ago, as in 12h
    #[arg(
        long,
        global = true,
        value_name = "AGE", value_parser = cache::age,
        requires = "offline",
        help_heading = "Global options"
    )]
    max_age: Option<Duration>,
    /// Answer yes to every question
    #[arg(short, long, global = true, help_heading = "Global options")]
    yes: bool,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Init),
    Join(join::Join),
    Put(put::Put),
    Get(get::Get),
    Read(read::Read),
    Run(run::Run),
    Inject(inject::Inject),
    Export(export::Export),
    Otp(otp::Otp),
    Copy(copy::Copy),
    Ls(ls::Ls),
    Find(find::Find),
    Scan(scan::Scan),
    Fields(fields::Fields),
    Exists(exists::Exists),
    Edit(edit::Edit),
    Rm(rm::Rm),
    Undelete(undelete::Undelete),
    Mv(mv::Mv),
    Cp(cp::Cp),
    History(history::History),
    Diff(diff::Diff),
    Rollback(rollback::Rollback),
    Purge(purge::Purge),
    Gen(generate::Gen),
    Verify(verify::Verify),
    Member(member::Member),
    Group(group::Group),
    Rotate(rotate::Rotate),
    Exposure(exposure::Exposure),
    Team(team::Team),
    Capability(capability::Capability),
    Recover(recover::Recover),
    Doctor(doctor::Doctor),
    GitCredential(git_credential::GitCredential),
    DockerCredential(docker_credential::DockerCredential),
    CredentialProcess(credential_process::CredentialProcess),
    Askpass(askpass::Askpass),
    AwsContext(aws_context::AwsContext),
    Import(Box<import::Import>),
    Vaults(vaults::Vaults),
    Config(config::Config),
    Id(id::Id),
    Cache(cache::Cache),
    Unlock(unlock::Unlock),
    Lock(lock::Lock),
    Agent(agent::Agent),
    Completions(completions::Completions),
    Man(man::Man),
    Tui(tui::Tui),
    #[command(hide = true)]
    Complete(complete::Complete),
    #[command(hide = true)]
    ClipClear(clip_clear::ClipClear),
    Help(help::Help),
}

/// The command line as clap sees it, for the generated reference.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The exit codes with their meaning, for the generated reference.
pub fn exit_codes() -> Vec<(u8, &'static str)> {
    Exit::ALL.iter().map(|(exit, meaning)| (exit.code(), *meaning)).collect()
}

/// Runs the program.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = links::resolved(args.into_iter().collect());
    // Before parsing: an error of the command line is reported as asked for, too.
    let ours = args.iter().take_while(|arg| *arg != "--");
    let json = ours.into_iter().any(|arg| arg == "--json");
    let parsed = Cli::command().try_get_matches_from(&args);
    let code = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => match run(cli) {
            Ok(code) => code,
            Err(e) => report(&e, json).code(),
        },
        Err(e) => {
            let unknown = e.kind() == clap::error::ErrorKind::InvalidSubcommand;
            let ran = if unknown { links::extend(&args) } else { None };
            let word = e.get(ContextKind::InvalidSubcommand).filter(|_| unknown);
            let flags = match word {
                Some(ContextValue::String(word)) => links::flags_before(&args, word),
                _ => None,
            };
            match (ran, flags) {
                (Some(code), _) => code,
                (None, Some(error)) => report(&error, json).code(),
                (None, None) => report_usage(&e, json).code(),
            }
        }
    };
    ExitCode::from(code)
}

/// The exit code.
fn run(cli: Cli) -> Result<u8> {
    // Whoever waits for the caller's pipes to be closed does not wait for what stays.
    if let Some(Command::ClipClear(_) | Command::Agent(agent::Agent { background: true })) =
        cli.command
    {
        inherited::close_all();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::general("cannot start").because(e))?;
    if let Some(command) = cli.command.as_ref().filter(|_| cli.global.offline)
        && !works_offline(command)
    {
        return Err(Error::usage("--offline is for commands that read secrets or their names")
            .hint("get, read, run, inject, export, copy, otp, ls, find, scan, fields, exists, …"));
    }
    // Without settings: broken ones must not stand in the way of help.
    let command = match cli.command {
        None if !crate::tui::is_possible() || cli.global.no_input => {
            return help::overview().map(|()| 0);
        }
        None => Command::Tui(tui::Tui::default()),
        Some(Command::Help(c)) => return c.run().map(|()| 0),
        // It tells what is wrong with the settings.
        Some(Command::Doctor(c)) => return runtime.block_on(c.run(&cli.global)).map(Exit::code),
        Some(Command::Completions(c)) => return c.run().map(|()| 0),
        Some(Command::Complete(c)) => return c.run().map(|()| 0),
        Some(Command::Man(c)) => return c.run(cli.global.json).map(|()| 0),
        Some(Command::ClipClear(c)) => return c.run().map(|()| 0),
        Some(Command::Gen(c)) => return c.run(cli.global.json).map(|()| 0),
        Some(command) => command,
    };
    if is_for_programs(&command) {
        let session = Session::anywhere(&cli.global)?;
        return runtime.block_on(dispatch(command, &session)).map(Exit::code);
    }
    let session = Session::new(&cli.global)?;
    let reads = works_offline(&command);
    let ran = match command {
        Command::Tui(c) => return runtime.block_on(c.run(session)).map(Exit::code),
        Command::Run(c) => runtime.block_on(c.run(&session)),
        command => runtime.block_on(dispatch(command, &session)).map(Exit::code),
    };
    ran.map_err(|e| if reads { session.without_network(e) } else { e })
}

/// What only reads, of single secrets or their names.
fn works_offline(command: &Command) -> bool {
    matches!(
        command,
        Command::Askpass(_)
            | Command::Copy(_)
            | Command::CredentialProcess(_)
            | Command::Help(_)
            | Command::Export(_)
            | Command::Exists(_)
            | Command::Fields(_)
            | Command::Find(_)
            | Command::Get(_)
            | Command::Inject(_)
            | Command::Ls(_)
            | Command::Otp(_)
            | Command::Read(_)
            | Command::Run(_)
            | Command::Scan(_)
    )
}

/// True for what other programs run in whatever directory they are in.
fn is_for_programs(command: &Command) -> bool {
    matches!(
        command,
        Command::GitCredential(_)
            | Command::DockerCredential(_)
            | Command::CredentialProcess(_)
            | Command::Askpass(_)
    )
}

async fn dispatch(command: Command, session: &Session) -> Result<Exit> {
    match command {
        Command::Init(c) => c.run(session).await?,
        Command::Join(c) => c.run(session).await?,
        Command::Put(c) => c.run(session).await?,
        Command::Get(c) => c.run(session).await?,
        Command::Read(c) => c.run(session).await?,
        Command::Inject(c) => c.run(session).await?,
        Command::Export(c) => c.run(session).await?,
        Command::Otp(c) => c.run(session).await?,
        Command::Copy(c) => c.run(session).await?,
        Command::Ls(c) => c.run(session).await?,
        Command::Find(c) => c.run(session).await?,
        Command::Scan(c) => return c.run(session).await,
        Command::Fields(c) => c.run(session).await?,
        Command::Exists(c) => return c.run(session).await,
        Command::Edit(c) => return c.run(session).await,
        Command::Rm(c) => c.run(session).await?,
        Command::Undelete(c) => c.run(session).await?,
        Command::Mv(c) => c.run(session).await?,
        Command::Cp(c) => c.run(session).await?,
        Command::History(c) => c.run(session).await?,
        Command::Diff(c) => return c.run(session).await,
        Command::Rollback(c) => c.run(session).await?,
        Command::Purge(c) => c.run(session).await?,
        Command::Doctor(_)
        | Command::Gen(_)
        | Command::Complete(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::ClipClear(_)
        | Command::Tui(_)
        | Command::Run(_)
        | Command::Help(_) => {
            unreachable!("they are run elsewhere")
        }
        Command::Verify(c) => c.run(session).await?,
        Command::Member(c) => c.run(session).await?,
        Command::Group(c) => c.run(session).await?,
        Command::Rotate(c) => c.run(session).await?,
        Command::Exposure(c) => c.run(session).await?,
        Command::Team(c) => c.run(session).await?,
        Command::Capability(c) => c.run(session).await?,
        Command::Recover(c) => c.run(session).await?,
        Command::GitCredential(c) => c.run(session).await?,
        Command::DockerCredential(c) => return Ok(c.run(session).await),
        Command::CredentialProcess(c) => c.run(session).await?,
        Command::Askpass(c) => c.run(session).await?,
        Command::AwsContext(c) => c.run(session).await?,
        Command::Import(c) => return c.run(session).await,
        Command::Vaults(c) => c.run(session)?,
        Command::Config(c) => c.run(session)?,
        Command::Id(c) => c.run(session).await?,
        Command::Cache(c) => return c.run(session).await,
        Command::Unlock(c) => c.run(session).await?,
        Command::Lock(c) => c.run(session).await?,
        Command::Agent(c) => c.run(session).await?,
    }
    Ok(Exit::Ok)
}

/// Line 1 what failed, then the causes, then what to do about it.
fn report(error: &Error, json: bool) -> Exit {
    if json {
        let body = serde_json::json!({ "error": {
            "kind": error.kind.name(), "message": error.in_full(), "hint": error.hint,
        }});
        output::note(&body.to_string());
        return error.kind.into();
    }
    tell(error);
    error.kind.into()
}

/// An error for people.
fn tell(error: &Error) {
    output::note(&format!("error: {}", escape_lines(&error.message)));
    for cause in error.causes() {
        output::note(&format!("  because: {}", escape_lines(&cause)));
    }
    if let Some(hint) = &error.hint {
        output::note(&format!("hint: {}", escape_lines(hint)));
    }
}

/// clap's own errors, help and version.
fn report_usage(error: &clap::Error, json: bool) -> Exit {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = output::data(error.render().to_string().as_bytes());
        return Exit::Ok;
    }
    if json {
        let text = error.render().to_string();
        let lines = text.trim_start_matches("error: ").lines().map(str::trim);
        let message: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        let mut error = Error::new(Kind::Usage, message.join(" "));
        error.hint =
            text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(str::to_owned);
        return report(&error, true);
    }
    output::note(escape_lines(&error.render().to_string()).trim_end());
    Exit::Usage
}

/// Escapes what could drive the terminal, but keeps lines and backslashes of our own texts.
fn escape_lines(text: &str) -> String {
    text.split('\n').map(|line| escape(line).replace("\\\\", "\\")).collect::<Vec<_>>().join("\n")
}
