//! What a question asks for, by its words: git's, ssh's and sudo's, in the languages that they speak.

/// Words for a password or passphrase, in small letters. What contains one is one.
const PASSWORDS: [&str; 77] = [
    "pass phrase",
    "l\u{f6}senfras",
    "tunnuslause",
    "tunnussana",
    "wachtzin",
    "jelmondat",
    "frase de paso",
    "frase de pas",
    "parool",
    "fjal\u{eb}kalim",
    "kata laluan",
    "cyfrinair",
    "ger-tremen",
    "facal-faire",
    "\u{6af}\u{630}\u{631}\u{648}\u{627}\u{698}\u{647}",
    "\u{631}\u{645}\u{632} \u{639}\u{628}\u{648}\u{631}",
    "\u{643}\u{644}\u{645}\u{629} \u{627}\u{644}\u{633}\u{631}",
    "\u{67e}\u{627}\u{633} \u{648}\u{631}\u{688}",
    "\u{92a}\u{93e}\u{938}\u{935}\u{930}\u{94d}\u{921}",
    "\u{e23}\u{e2b}\u{e31}\u{e2a}\u{e1c}\u{e48}\u{e32}\u{e19}",
    "\u{10de}\u{10d0}\u{10e0}\u{10dd}\u{10da}",
    "\u{563}\u{561}\u{572}\u{57f}\u{576}\u{561}\u{562}\u{561}\u{57c}",
    "\u{49b}\u{4b1}\u{43f}\u{438}\u{44f}",
    "\u{43d}\u{443}\u{443}\u{446} \u{4af}\u{433}",
    "\u{5e1}\u{5d9}\u{5de}\u{5d4}",
    "\u{901a}\u{884c}\u{78bc}",
    "password",
    "passphrase",
    "passwd",
    "passwort",
    "kennwort",
    "mot de passe",
    "phrase de passe",
    "phrase secr\u{e8}te",
    "contrase\u{f1}a",
    "contrasenya",
    "contrasinal",
    "clave de acceso",
    "senha",
    "palavra-passe",
    "palavra passe",
    "parol",
    "wachtwoord",
    "l\u{f6}senord",
    "passord",
    "adgangskode",
    "kodeord",
    "adgangsord",
    "salasana",
    "has\u{142}o",
    "heslo",
    "geslo",
    "lozink",
    "zapork",
    "\u{3bb}\u{3bf}\u{3b6}\u{3b9}\u{3bd}",
    "jelsz\u{f3}",
    "\u{15f}ifre",
    "kata sandi",
    "m\u{1ead}t kh\u{1ea9}u",
    "pasfhocal",
    "pasvorto",
    "slapta\u{17e}od",
    "pasahitz",
    "lykilor\u{f0}",
    "\u{43f}\u{430}\u{440}\u{43e}\u{43b}",
    "\u{43b}\u{43e}\u{437}\u{438}\u{43d}\u{43a}",
    "\u{3c3}\u{3c5}\u{3bd}\u{3b8}\u{3b7}\u{3bc}\u{3b1}\u{3c4}\u{3b9}\u{3ba}\u{3cc}",
    "\u{3ba}\u{3c9}\u{3b4}\u{3b9}\u{3ba}\u{3cc}\u{3c2}",
    "\u{5bc6}\u{7801}",
    "\u{5bc6}\u{78bc}",
    "\u{53e3}\u{4ee4}",
    "\u{30d1}\u{30b9}\u{30ef}\u{30fc}\u{30c9}",
    "\u{30d1}\u{30b9}\u{30d5}\u{30ec}\u{30fc}\u{30ba}",
    "\u{c554}\u{d638}",
    "\u{be44}\u{bc00}\u{bc88}\u{d638}",
    "\u{5e1}\u{5d9}\u{5e1}\u{5de}\u{5d4}",
    "\u{643}\u{644}\u{645}\u{629} \u{627}\u{644}\u{645}\u{631}\u{648}\u{631}",
];
/// Words for what is no password, though it is as secret: it is good once, or for few tries, or is
/// to be thought of.
const OTHERS: [&str; 20] = [
    "pin",
    "pin1",
    "pin2",
    "puk",
    "otp",
    "totp",
    "hotp",
    "tan",
    "2fa",
    "mfa",
    "code",
    "codes",
    "passcode",
    "verification",
    "authenticator",
    "one",
    "onetime",
    "new",
    "neues",
    "nouveau",
];
/// A yes with the no that follows it.
const AGREE: [(&str, &str); 10] = [
    ("yes", "no"),
    ("y", "n"),
    ("yes", "n"),
    ("y", "no"),
    ("ja", "nein"),
    ("j", "n"),
    ("oui", "non"),
    ("o", "n"),
    ("s", "n"),
    ("s\u{ed}", "no"),
];

/// What is to be answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The user's name.
    User,
    /// The value.
    Password,
    /// Nothing: it is only shown.
    Nothing,
    /// Nothing, which means no.
    No,
    /// Nothing: it is another secret than the password, or a new one.
    Other,
    /// Nothing: what was answered before was wrong.
    Wrong,
    /// Nothing: no word in it is known for a password.
    Unclear,
}

impl Answer {
    /// `kind` is what ssh says of its question.
    pub fn to(question: &str, kind: Option<&str>) -> Self {
        match kind {
            Some("none") => return Self::Nothing,
            // Also what a later version of ssh may want agreed to.
            Some(kind) if !kind.is_empty() => return Self::No,
            _ => {}
        }
        let question = question.to_lowercase();
        if is_to_be_agreed(&question) {
            return Self::No;
        }
        // What it is for may be called anything, and the other side may have named it.
        let (text, has_url) = match without_url(&question) {
            Some(text) => (text, true),
            None => (without_names(&question), false),
        };
        let words: Vec<&str> = words(&text).collect();
        if words.contains(&"again") || matches!(words.first(), Some(&("bad" | "wrong"))) {
            return Self::Wrong;
        }
        if words.first() == Some(&"username") && (has_url || words.len() == 1) {
            return Self::User;
        }
        let password = PASSWORDS.iter().filter_map(|word| text.find(word)).min();
        let other = OTHERS.iter().filter_map(|word| find_word(&text, word)).min();
        match (password, other) {
            (Some(password), Some(other)) if other < password => Self::Other,
            (Some(_), _) => Self::Password,
            (None, Some(_)) => Self::Other,
            (None, None) => Self::Unclear,
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Where a whole word is.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let found = words(text).find(|found| *found == word)?;
    Some(found.as_ptr().addr() - text.as_ptr().addr())
}

/// True for questions of yes or no.
fn is_to_be_agreed(question: &str) -> bool {
    let plain: String = question.chars().filter(|c| !"()[]{}<>".contains(*c)).collect();
    [question, &plain].into_iter().any(|text| {
        let words: Vec<&str> = words(text).filter(|word| *word != "or").collect();
        words.windows(2).any(|two| AGREE.contains(&(two[0], two[1])))
    })
}

/// Git's form, `… 'https://…': `, without the address. It reaches to the last quotation mark: in the
/// path of a repository there may be others.
fn without_url(question: &str) -> Option<String> {
    let at = question.find("://")?;
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let before = question[..at].trim_end_matches(is_scheme);
    let rest = &question[at..];
    let is_mark = |c: char| "'\"`\u{2019}\u{2018}\u{201d}\u{201c}\u{bb}\u{ab}\u{300d}".contains(c);
    let end = rest.rfind(is_mark).or_else(|| rest.find(char::is_whitespace));
    Some(format!("{before} {}", end.map_or("", |end| &rest[end..])))
}

/// Without what stands in quotation marks, users at hosts, and files.
fn without_names(question: &str) -> String {
    let mut out = String::new();
    let mut rest = question;
    while let Some(at) = rest.find(['\'', '"']) {
        let mark = &rest[at..=at];
        let opens = !rest[..at].ends_with(char::is_alphanumeric);
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.find(mark).filter(|_| opens) {
            Some(end) => rest = &rest[end + 1..],
            None => out.push_str(mark),
        }
    }
    out.push_str(rest);
    let is_name = |word: &&str| word.contains('@') || word.starts_with(['/', '~']);
    let words = out.split_whitespace().map(|word| if is_name(&word) { "-" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn all(answer: &Answer, questions: &[&str]) {
        for question in questions {
            assert_eq!(Answer::to(question, None), *answer, "{question}");
            assert_eq!(Answer::to(question, Some("")), *answer, "{question}");
        }
    }

    #[test]
    fn a_password_is_for_questions_for_one() {
        all(
            &Answer::Password,
            &[
                "Password for 'https://ann@github.com': ",
                "Password for 'http://ann@h/pin/new': ",
                "Password for 'ssh://ann@h': ",
                "Password for 'cert:///home/ann/key.pem': ",
                "Password for \"https://ann@h\": ",
                "Passwort f\u{fc}r 'https://ann@github.com': ",
                "Mot de passe pour 'https://ann@github.com' : ",
                "Contrase\u{f1}a para 'https://ann@github.com': ",
                "Senha para 'https://ann@github.com': ",
                "'https://ann@github.com' \u{7684}\u{5bc6}\u{7801}\u{ff1a}",
                "'https://ann@h' \u{306e}\u{30d1}\u{30b9}\u{30ef}\u{30fc}\u{30c9}: ",
                "\u{41f}\u{430}\u{440}\u{43e}\u{43b}\u{44c} \u{434}\u{43b}\u{44f} \u{ab}https://ann@h\u{bb}: ",
                "Enter passphrase for key '/home/ann/.ssh/id_ed25519': ",
                "Enter passphrase for key '/home/again/new/pin': ",
                "Enter passphrase for /home/ann/pin (will confirm each use): ",
                "(ann@host) Password: ",
                "new@new-pin.example's password: ",
                "[sudo] password for ann: ",
                "[sudo] password for pin: ",
                "[sudo] Passwort f\u{fc}r new: ",
                "Login password: ",
                "User password for x:",
                "Username and password: ",
                "Current password: ",
                "Enter pass phrase for key.pem:",
                "L\u{f6}senfras: ",
                "[sudo] \u{645}\u{627} \u{643}\u{644}\u{645}\u{629} \u{627}\u{644}\u{633}\u{631}: ",
            ],
        );
    }

    #[test]
    fn a_user_is_for_git_s_question_alone() {
        all(
            &Answer::User,
            &[
                "Username for 'https://github.com': ",
                "Username for 'https://h/passwords/new': ",
                "Username for 'https://h/x' Password '': ",
                "Username for \"https://h\"",
                "username: ",
            ],
        );
        all(
            &Answer::Unclear,
            &["Username for h: ", "User: ", "login: ", "(ann@host) Login: ", "Benutzername: "],
        );
        all(
            &Answer::Unclear,
            &["", "anything else", "What colour is the sky? ", "Say it: ", "(ann@host) 'password'"],
        );
    }

    #[test]
    fn git_in_another_language_gets_no_password_for_a_user() {
        all(
            &Answer::Unclear,
            &[
                "Benutzername f\u{fc}r 'https://github.com': ",
                "Nom d'utilisateur pour 'https://github.com' : ",
                "Nombre de usuario para 'https://github.com': ",
                "Benutzername f\u{fc}r 'http://h/Passwort': ",
                "Benutzername f\u{fc}r 'https://h/x' Passwort y': ",
                "'https://github.com' \u{7684}\u{7528}\u{6237}\u{540d}\u{ff1a}",
                "\u{418}\u{43c}\u{44f} \u{434}\u{43b}\u{44f} \u{ab}https://h\u{bb}: ",
                "Anything for 'ssh://h': ",
                "Anything for https://h/password",
            ],
        );
    }

    #[test]
    fn only_a_person_agrees() {
        all(
            &Answer::No,
            &[
                "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
                "Are you sure (yes/no)? ",
                "Please type 'yes', 'no' or the fingerprint: ",
                "Please type 'yes' or 'no': ",
                "Overwrite (y/n)? ",
                "Password is weak, go on (Y/n)",
                "Send the password? [y/N]",
                "Really[Y/n]?",
                "(y)es/(n)o",
                "Weiter? [j/N]",
                "yes / no",
            ],
        );
        assert_eq!(Answer::to("Allow use of key /x?", Some("confirm")), Answer::No);
        assert_eq!(Answer::to("anything", Some("later")), Answer::No);
        assert_eq!(Answer::to("Confirm user presence for key", Some("none")), Answer::Nothing);
    }

    #[test]
    fn other_secrets_are_not_the_password() {
        all(
            &Answer::Other,
            &[
                "Enter PIN for 'token': ",
                "Enter PIN for ED25519-SK key /home/ann/password: ",
                "User ann's PIN",
                "Enter PIN or password: ",
                "(ann@host) Verification code: ",
                "One-time password (OATH) for ann: ",
                "OTP for 'https://h': ",
                "Passcode or option (1-3): ",
                "Enter new passphrase (empty for no passphrase): ",
                "(ann@host) New password: ",
            ],
        );
        all(
            &Answer::Wrong,
            &[
                "Bad passphrase, try again for /home/ann/.ssh/id_ed25519: ",
                "Enter same passphrase again: ",
            ],
        );
    }
}
