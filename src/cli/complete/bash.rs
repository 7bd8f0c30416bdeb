//! A line as bash reads it, and names as they can be typed into it. Bash puts what it is given into
//! the line as it is, in the place of what stands after the last character that it takes for a break.

use std::mem::take;

/// A command line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// The words, without their quotes; the last one is being typed.
    pub words: Vec<String>,
    /// What of the last word is not replaced.
    kept: String,
    /// The quote in which the cursor is.
    quote: Option<char>,
}

impl Line {
    /// `breaks` are those of the shell (`COMP_WORDBREAKS`).
    pub fn parse(line: &str, breaks: &str) -> Self {
        let (mut words, mut word, mut kept) = (Vec::new(), String::new(), String::new());
        let (mut quote, mut any) = (None, false);
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match (quote, c) {
                (None, ' ' | '\t' | '\n') => {
                    if take(&mut any) {
                        words.push(take(&mut word));
                    }
                    kept.clear();
                    continue;
                }
                (None, '\'' | '"') => {
                    quote = Some(c);
                    // Where it stays open, what is inside is replaced.
                    kept.clone_from(&word);
                }
                (Some(open), c) if c == open => {
                    quote = None;
                    kept.clear();
                }
                (None, '\\') => word.extend(chars.next()),
                (Some('"'), '\\') => match chars.next() {
                    Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                    Some(c) => word.extend(['\\', c]),
                    None => {}
                },
                (None, c) => {
                    word.push(c);
                    if breaks.contains(c) {
                        kept.clone_from(&word);
                    }
                }
                (Some(_), c) => word.push(c),
            }
            any = true;
        }
        words.push(word);
        Self { words, kept, quote }
    }

    /// What bash is to insert for this word; `None` if it does not begin as what is kept.
    pub fn inserted(&self, word: &str) -> Option<String> {
        let rest = word.strip_prefix(self.kept.as_str())?;
        let mut out = String::new();
        for c in rest.chars() {
            let plain = !c.is_ascii() || c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
            match self.quote {
                Some('\'') if c == '\'' => out.push_str(r"'\''"),
                Some('\'') => out.push(c),
                // History is expanded there, and a backslash would stay.
                Some(_) if c == '!' => out.push_str("\"'!'\""),
                Some(_) if "\\\"$`".contains(c) => out.extend(['\\', c]),
                Some(_) => out.push(c),
                None if plain => out.push(c),
                None => out.extend(['\\', c]),
            }
        }
        // Readline closes the quote, unless it thinks that the last character does.
        if let Some(quote) = self.quote.filter(|quote| out.ends_with(*quote)) {
            out.push(quote);
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'><=;|&(:";

    fn inserted(line: &str, word: &str) -> Option<String> {
        Line::parse(line, BREAKS).inserted(word)
    }

    #[test]
    fn a_line_has_words() {
        let words = |line: &str| Line::parse(line, BREAKS).words;
        assert_eq!(words("vault get "), ["vault", "get", ""]);
        assert_eq!(words("vault  get pr"), ["vault", "get", "pr"]);
        assert_eq!(words(r"vault get a\ b/c"), ["vault", "get", "a b/c"]);
        assert_eq!(words(r#"vault get "a \"b"/'c d"#), ["vault", "get", "a \"b/c d"]);
        assert_eq!(words(r"vault get '' x\"), ["vault", "get", "", "x"]);
        assert_eq!(words("vault read vault://a"), ["vault", "read", "vault://a"]);
        assert_eq!(words(r#"vault "a\b"#), ["vault", r"a\b"]);
    }

    #[test]
    fn what_is_inserted_means_the_name() {
        for (line, word, expected) in [
            ("vault get pr", "prod/", "prod/"),
            ("vault get ", "a b$(x)'", r"a\ b\$\(x\)\'"),
            ("vault get ", "~ann", r"\~ann"),
            ("vault get ", "\u{fc}x", "\u{fc}x"),
            ("vault get '", "it's", r"it'\''s"),
            ("vault get '", "it'", r"it'\'''"),
            ("vault get \"", "a$`\"\\!b", r#"a\$\`\"\\"'!'"b"#),
            ("vault get \"", "a!", r#"a"'!'"""#),
            ("vault read vault://pr", "vault://prod/", "//prod/"),
            ("vault run -e A=vault://pr", "A=vault://prod/", "//prod/"),
            ("vault run -e A=", "A=vault://", "vault://"),
            ("vault get git/h:8", "git/h:8443/", "8443/"),
            ("vault read 'vault://pr", "vault://prod/", "vault://prod/"),
            ("vault get a/'b ", "a/b c", "b c"),
            ("vault get 'a b'/c", "a b/cd", r"a\ b/cd"),
        ] {
            assert_eq!(inserted(line, word).as_deref(), Some(expected), "{line} + {word}");
        }
        assert_eq!(inserted("vault read vault:x", "other"), None);
    }
}
