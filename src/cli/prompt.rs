//! Questions to a person, on the controlling terminal, whatever stdin and stdout are.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};

use crate::vault::{Ask, Error, Late, Result, Secret, generate::strength_bits};

/// Longest line that is read as a passphrase.
const MAX_LINE: usize = 64 * 1024;
/// Clears the terminal's other screen and goes back to the first one.
const LEAVE_SCREEN: &str = "\x1b[2J\x1b[H\x1b[?1049l";

/// How questions are answered.
#[derive(Clone)]
pub struct Prompt {
    no_input: bool,
    passphrase_fd: Option<u32>,
}

impl Prompt {
    /// `passphrase_fd` answers questions for the identity's passphrase.
    pub fn new(no_input: bool, passphrase_fd: Option<u32>) -> Self {
        Self { no_input, passphrase_fd }
    }

    /// What gave the passphrase is not for programs that take our place, or that we start.
    pub fn close_on_exec(&self) {
        if let Some(fd) = self.passphrase_fd {
            super::inherited::close_on_exec(fd);
        }
    }

    /// The same for a program that is handed our descriptors: in the place of stdin it has an empty
    /// one, or the next file that it opens would be its stdin.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn keep_from_program(&self) -> Result<()> {
        if self.passphrase_fd != Some(0) {
            self.close_on_exec();
            return Ok(());
        }
        let failed = |e| Error::general("cannot open /dev/null").because(e);
        let null = File::open("/dev/null").map_err(failed)?;
        rustix::stdio::dup2_stdin(&null).map_err(|e| failed(e.into()))
    }

    /// The controlling terminal, unless questions are forbidden.
    fn terminal(&self) -> Option<File> {
        if self.no_input {
            return None;
        }
        File::options().read(true).write(true).open("/dev/tty").ok().filter(|tty| tty.is_terminal())
    }

    /// The terminal, or a usage error that names the flag that answers the question.
    ///
    /// # Errors
    /// Usage.
    pub fn need_terminal(&self, question: &str, flag: &str) -> Result<File> {
        self.terminal()
            .ok_or_else(|| Error::usage(format!("{question}, and {}", self.unasked())).hint(flag))
    }

    /// Why nobody is asked.
    fn unasked(&self) -> &'static str {
        match self.no_input {
            true => "--no-input asks nothing",
            false => "there is no terminal to ask on",
        }
    }

    /// A passphrase for a new identity, typed twice.
    ///
    /// # Errors
    /// Usage if there is no way to ask, it is empty, or the two differ.
    pub async fn new_passphrase(&self) -> Result<Secret> {
        if let Some(fd) = self.passphrase_fd {
            let passphrase = from_fd(fd)?;
            if passphrase.is_empty() {
                return Err(empty());
            }
            return Ok(passphrase);
        }
        let mut tty = self.need_terminal(
            "a new identity needs a passphrase",
            "give one with --passphrase-fd N, or --no-passphrase on a machine",
        )?;
        loop {
            let first = hidden("Passphrase for the new identity: ")?;
            if first.is_empty() {
                return Err(empty());
            }
            let bits = first.text().map_or(64, strength_bits);
            if bits < 60 {
                say(
                    &mut tty,
                    &format!(
                        "That is weak (about {bits} bits); four or more random words are better: \
                     `vault gen passphrase`.\n"
                    ),
                )?;
            }
            let second = hidden("Once more: ")?;
            if first.same(&second) {
                return Ok(first);
            }
            say(&mut tty, "They differ. Again, please.\n")?;
        }
    }

    /// A value typed twice without echo.
    ///
    /// # Errors
    /// Usage if there is no terminal, or the two differ.
    pub async fn value(&self, name: &str) -> Result<Secret> {
        self.need_terminal(
            &format!("the value of {name} is asked for"),
            "pipe it in, or use FIELD=@file",
        )?;
        let first = hidden(&format!("{name}: "))?;
        let second = hidden(&format!("{name} once more: "))?;
        if !first.same(&second) {
            return Err(Error::usage("the two values differ").hint("nothing was written"));
        }
        Ok(first)
    }

    /// Something that nobody should see, asked for once. `flag` is what answers it elsewhere.
    ///
    /// # Errors
    /// Usage if there is no terminal.
    pub async fn unseen(&self, question: &str, flag: &str) -> Result<Secret> {
        self.need_terminal(&asked(question), flag)?;
        hidden(&format!("{question} "))
    }

    /// The passphrase of something that is not ours. `flag` is what gives it elsewhere.
    ///
    /// # Errors
    /// Usage if there is no terminal.
    pub async fn passphrase_of(&self, what: &str, flag: &str) -> Result<Secret> {
        self.need_terminal(&format!("the passphrase of {what} is asked for"), flag)?;
        hidden(&format!("Passphrase of {what}: "))
    }

    /// A line of a file descriptor that was given for it.
    ///
    /// # Errors
    /// Usage if it cannot be read.
    pub fn line_of(fd: u32) -> Result<Secret> {
        from_fd(fd)
    }

    /// Makes the person type a name before something that cannot be undone.
    ///
    /// # Errors
    /// Usage if there is no terminal, or something else was typed.
    pub async fn confirm_name(&self, warning: &str, name: &str) -> Result<()> {
        let mut tty = self.need_terminal(warning, "--yes answers it")?;
        say(&mut tty, &format!("{warning}.\nType {name} to go on: "))?;
        if read_line(tty, "\n").await?.bytes() == name.as_bytes() {
            return Ok(());
        }
        Err(Error::usage("that is not the name; nothing was done"))
    }

    /// The 24 recovery words, typed without echo.
    ///
    /// # Errors
    /// Usage if there is no terminal.
    pub async fn words(&self) -> Result<Secret> {
        self.need_terminal("the recovery words are asked for", "give them with --words-file FILE")?;
        hidden("The 24 recovery words, in one line: ")
    }

    /// What becomes of something; `None` if there is nobody to ask, or they do not say.
    ///
    /// # Errors
    /// If the terminal goes away.
    pub async fn adopt_or_drop(&self, what: &str) -> Result<Option<Late>> {
        let Some(mut tty) = self.terminal() else { return Ok(None) };
        say(
            &mut tty,
            &format!("{what}.\nType adopt to keep its value, drop for the one before: "),
        )?;
        Ok(match read_line(tty, "\n").await?.bytes() {
            b"adopt" => Some(Late::Adopt),
            b"drop" => Some(Late::Drop),
            _ => None,
        })
    }

    /// Whether an editor is to be opened again after something failed; false if there is nobody to ask.
    ///
    /// # Errors
    /// If the terminal goes away.
    pub async fn once_more(&self, what: &str) -> Result<bool> {
        let Some(mut tty) = self.terminal() else { return Ok(false) };
        say(&mut tty, &format!("{what}: Enter opens the editor again, q gives it up. "))?;
        // Not `read_line`, which ends the program at once at Ctrl-C: somebody has to clean up.
        let answer = tokio::task::spawn_blocking(move || read_file_line(tty));
        let answer = answer.await.map_err(|_| Error::general("the question failed"))??;
        Ok(!answer.bytes().eq_ignore_ascii_case(b"q"))
    }

    /// True if there is a way to get the identity's passphrase.
    pub fn gives_passphrase(&self) -> bool {
        self.passphrase_fd.is_some() || self.is_possible()
    }

    /// True if there is somebody to ask.
    pub fn is_possible(&self) -> bool {
        self.terminal().is_some()
    }

    /// The terminal that recovery words are shown on.
    ///
    /// # Errors
    /// Usage if there is none.
    pub fn terminal_for_words(&self) -> Result<File> {
        self.need_terminal(
            "the recovery words are shown once",
            "write them to a file with --recovery-out FILE",
        )
    }

    /// Shows secret words on the terminal's other screen, which keeps no scroll-back, until the
    /// person has written them down.
    ///
    /// # Errors
    /// Usage if there is no terminal.
    pub async fn show_words(&self, words: &Secret) -> Result<()> {
        let mut tty = self.terminal_for_words()?;
        say(&mut tty, "\x1b[?1049h\x1b[2J\x1b[H")?;
        let shown = self.words_screen(&mut tty, words).await;
        say(&mut tty, LEAVE_SCREEN)?;
        shown
    }

    async fn words_screen(&self, tty: &mut File, words: &Secret) -> Result<()> {
        say(
            tty,
            "Recovery words\n\n\
            Whoever has these 24 words can read everything in this vault. They are the\n\
            only way back if every identity is lost. Write them on paper, and keep it\n\
            where you keep keys. They are not stored and not shown again.\n\n",
        )?;
        let text = words.text().expect("words are ASCII");
        for (i, word) in text.split(' ').enumerate() {
            say(tty, &format!("  {:2}. ", i + 1))?;
            say(tty, word)?;
            say(tty, if i % 4 == 3 { "\n" } else { "\t" })?;
        }
        say(tty, "\nPress Enter when they are written down. ")?;
        let answer = tty.try_clone().map_err(|e| no_tty(&e))?;
        read_line(answer, LEAVE_SCREEN).await.map(drop)
    }
}

impl Ask for Prompt {
    fn passphrase(&self, what: &str) -> Result<Secret> {
        if let Some(fd) = self.passphrase_fd {
            return from_fd(fd);
        }
        // Not an answer that is missing, but an identity that is locked: what runs by itself tells
        // the two apart by the exit code.
        self.terminal().ok_or_else(|| {
            Error::credentials(format!("{what} has a passphrase, and {}", self.unasked()))
            .hint("`vault unlock` at a terminal has the agent hold it; or give it with --passphrase-fd N")
        })?;
        hidden(&match what {
            "the identity" => "Passphrase: ".to_owned(),
            what => format!("Passphrase of {what}: "),
        })
    }

    fn tell(&self, message: &str) {
        super::output::note(message);
    }

    fn hidden(&self, question: &str) -> Result<Secret> {
        if let Some(fd) = self.passphrase_fd {
            return from_fd(fd);
        }
        self.need_terminal(&asked(question), "give the answer with --passphrase-fd N")?;
        hidden(&format!("{question} "))
    }

    fn line(&self, question: &str) -> Result<String> {
        let mut tty = self.need_terminal(&asked(question), "run it at a terminal")?;
        say(&mut tty, &format!("{question} "))?;
        let line = read_file_line(tty)?;
        let text = line.text().ok_or_else(|| Error::usage("the answer is not text"))?;
        Ok(text.to_owned())
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool> {
        let mut tty = self.need_terminal(&asked(question), "run it at a terminal")?;
        let no = no.unwrap_or("no");
        say(&mut tty, &format!("{question}\ny: {yes}, anything else: {no} "))?;
        Ok(read_file_line(tty)?.bytes().eq_ignore_ascii_case(b"y"))
    }
}

fn asked(question: &str) -> String {
    format!("an age plugin asks `{question}`")
}

fn empty() -> Error {
    Error::usage("the passphrase is empty")
        .hint("a machine that nobody types at can use --no-passphrase")
}

fn no_tty(e: &std::io::Error) -> Error {
    Error::general(format!("the terminal went away: {e}"))
}

fn say(tty: &mut File, text: &str) -> Result<()> {
    tty.write_all(text.as_bytes()).map_err(|e| no_tty(&e))
}

/// A line without its end, from an inherited file descriptor.
fn from_fd(fd: u32) -> Result<Secret> {
    let file = super::inherited::open(fd)
        .map_err(|e| Error::usage(format!("the file descriptor {fd} cannot be read")).because(e))?;
    read_file_line(file)
}

/// Reads byte by byte: what comes behind the line belongs to somebody else.
fn read_file_line(mut file: File) -> Result<Secret> {
    let mut out = Secret::with_capacity(256);
    let mut byte = zeroize::Zeroizing::new([0u8; 1]);
    loop {
        match file.read(&mut *byte) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => out.push(byte[0]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::general("cannot read the answer").because(e)),
        }
        if out.len() > MAX_LINE {
            return Err(Error::usage("the line is too long"));
        }
    }
    if out.bytes().last() == Some(&b'\r') {
        out.truncate(out.len() - 1);
    }
    Ok(out)
}

/// A line typed with echo. Ctrl-C ends the program after `leave` was written to the terminal.
async fn read_line(tty: File, leave: &'static str) -> Result<Secret> {
    let mut screen = tty.try_clone().map_err(|e| no_tty(&e))?;
    let answer = tokio::task::spawn_blocking(move || read_file_line(tty));
    tokio::select! {
        answer = answer => answer.map_err(|_| Error::general("the question failed"))?,
        _ = tokio::signal::ctrl_c() => {
            let _ = say(&mut screen, leave);
            interrupted()
        }
    }
}

/// A line typed without echo. While it is typed Ctrl-C is a character, and comes back as an error.
fn hidden(question: &str) -> Result<Secret> {
    // Before the question is seen: who types, or pastes, at once is not to be echoed either.
    let quiet = Quiet::new()?;
    let answer = rpassword::prompt_password(question);
    drop(quiet);
    match answer {
        Ok(text) => Ok(Secret::new(text.into_bytes())),
        Err(e) if e.kind() == std::io::ErrorKind::Interrupted => interrupted(),
        Err(e) => Err(no_tty(&e)),
    }
}

/// A terminal that echoes nothing until this is dropped.
struct Quiet(File, rustix::termios::Termios);

impl Quiet {
    fn new() -> Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let tty =
            File::options().read(true).write(true).open("/dev/tty").map_err(|e| no_tty(&e))?;
        let before = tcgetattr(&tty).map_err(|e| no_tty(&e.into()))?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&tty, OptionalActions::Now, &modes).map_err(|e| no_tty(&e.into()))?;
        Ok(Self(tty, before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(&self.0, OptionalActions::Now, &self.1);
    }
}

fn interrupted() -> ! {
    std::process::exit(i32::from(super::exit::Exit::Interrupted.code()))
}
