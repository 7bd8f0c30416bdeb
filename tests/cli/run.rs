mod masking;
mod parent;
mod terminal;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::home::{Home, Ran};

/// `vault run` with these flags and a shell script.
pub fn sh(home: &Home, flags: &[&str], script: &str) -> Ran {
    let args = [&["run"], flags, &["--", "sh", "-c", script]].concat();
    home.run(args)
}

fn with_values() -> Home {
    let home = Home::with_vault();
    home.put("prod/db", "s3cret-db");
    home.run_with(["put", "prod/api", "password=-", "user=ann"], b"s3cret-api").ok();
    home.put("prod/stripe/api-key.v2", "s3cret-stripe");
    home.put("other", "elsewhere");
    home
}

#[test]
fn a_program_gets_what_references_name() {
    let home = with_values();
    let flags = ["--no-mask", "-e", "DB=vault://prod/db", "--env", "USER=vault://prod/api#user"];
    let ran = sh(&home, &flags, "echo \"$DB $USER $HOME\"").ok();
    assert_eq!(ran.text(), format!("s3cret-db ann {}\n", home.path().display()));
}

#[test]
fn a_folder_becomes_variables() {
    let home = with_values();
    home.put("prod/two", "x");
    home.put("prod/2nd", "z");
    home.run_with(["put", "prod/two", "extra-field=-"], b"y").ok();
    let ran =
        home.run(["run", "--no-mask", "--prefix", "prod", "--pristine", "--", "/usr/bin/env"]);
    let mut lines = ran.ok().lines();
    lines.sort();
    let expected = [
        "API_PASSWORD=s3cret-api",
        "API_USER=ann",
        "DB=s3cret-db",
        "STRIPE_API_KEY_V2=s3cret-stripe",
        "TWO=x",
        "TWO_EXTRA_FIELD=y",
        "_2ND=z",
    ];
    assert_eq!(lines, expected);
    sh(&home, &["--prefix", "none"], "echo started").fails(3, "there is no secret below it");
}

#[test]
fn names_that_collide_or_take_over_are_refused() {
    let home = Home::with_vault();
    home.put("a/x-y", "1");
    home.put("a/x.y", "2");
    sh(&home, &["--prefix", "a"], "echo started").fails(2, "becomes X_Y, too");
    home.put("b/ld/preload", "/tmp/evil.so");
    home.put("b/path", "/tmp");
    let ran = sh(&home, &["--prefix", "b"], "echo started").fails(2, "LD_PRELOAD is not taken");
    assert!(ran.stderr.contains("PATH is not taken"), "{}", ran.stderr);
    let named = ["--no-mask", "-e", "LD_X=vault://b/path"];
    assert_eq!(sh(&home, &named, "echo $LD_X").ok().text(), "/tmp\n");
}

#[test]
fn the_last_place_counts() {
    let home = with_values();
    std::fs::write(home.path().join("a.env"), "DB=plain\nSET='in file'\nEMPTY=\n").unwrap();
    std::fs::write(home.path().join("b.env"), "SET=vault://other\nDB=\n").unwrap();
    let flags = ["--no-mask", "--prefix", "prod", "--env-file", "a.env", "--env-file", "b.env"];
    let script = "echo \"$DB|$SET|${EMPTY-unset}|$API_USER\"";
    assert_eq!(sh(&home, &flags, script).ok().text(), "plain|elsewhere||ann\n");
    let flags = [&flags[..], &["-e", "DB=vault://other"]].concat();
    assert_eq!(sh(&home, &flags, script).ok().text(), "elsewhere|elsewhere||ann\n");
    // A plain value covers a reference that leads nowhere.
    std::fs::write(home.path().join("c.env"), "A=vault://none\nA=fine\n").unwrap();
    assert_eq!(sh(&home, &["--no-mask", "--env-file", "c.env"], "echo $A").ok().text(), "fine\n");
}

#[test]
fn what_is_inherited() {
    let home = with_values();
    let run = |flags: &[&str], capability: bool| {
        let args =
            [&["run", "--no-mask", "-e", "A=vault://prod/db"], flags, &["--", "/usr/bin/env"]];
        let mut command = home.command(args.concat());
        command.env("MINE", "1").env("TERM", "dumb").env("LC_ALL", "C").env("VAULT_NAME", "main");
        if capability {
            command.env("VAULT_CAPABILITY", "");
        }
        let ran = super::home::finish(command, b"").ok();
        let mut names: Vec<String> =
            ran.lines().iter().map(|l| l.split('=').next().unwrap().to_owned()).collect();
        names.retain(|name| !name.starts_with("AWS_"));
        names.sort();
        names
    };
    let all = ["A", "HOME", "LC_ALL", "MINE", "PATH", "TERM", "USER", "VAULT_NAME"];
    assert_eq!(run(&[], false), all);
    assert_eq!(run(&[], true), all, "keys of ours are not passed on");
    assert_eq!(run(&["--only"], true), ["A", "HOME", "LC_ALL", "PATH", "TERM", "USER"]);
    assert_eq!(run(&["--pristine"], true), ["A"]);
    home.run(["run", "--only", "--pristine", "--", "true"]).fails(2, "cannot be used with");
}

/// Not even when an env file declares it.
#[test]
fn no_program_gets_our_capability() {
    let home = with_values();
    std::fs::write(home.path().join("e"), "MINE\nVAULT_CAPABILITY\n").unwrap();
    let mut command = home.command(["run", "--env-file", "e", "--", "echo", "started"]);
    command.env("VAULT_CAPABILITY", "").env("MINE", "1");
    let ran = super::home::finish(command, b"");
    ran.fails(2, "VAULT_CAPABILITY: no program gets it from the environment");
    std::fs::write(home.path().join("e"), "MINE\n").unwrap();
    let mut command = home.command(["run", "--env-file", "e", "--", "/usr/bin/env"]);
    command.env("VAULT_CAPABILITY", "").env("MINE", "1");
    let ran = super::home::finish(command, b"").ok();
    assert!(ran.text().contains("MINE=1") && !ran.text().contains("CAPABILITY"), "{}", ran.text());
}

#[test]
fn strict_wants_every_declared_name() {
    let home = with_values();
    std::fs::write(home.path().join("e"), "DB=\nHOME\nGONE\nEMPTY=''\nA=vault://prod/db\n")
        .unwrap();
    let flags = ["--no-mask", "--prefix", "prod", "--env-file", "e"];
    assert_eq!(
        sh(&home, &flags, "echo \"$DB ${GONE-no} $A\"").ok().text(),
        "s3cret-db no s3cret-db\n"
    );
    let strict = [&flags[..], &["--strict"]].concat();
    let ran = sh(&home, &strict, "echo started").fails(3, "2 values");
    assert!(ran.stderr.contains("EMPTY: declared") && ran.stderr.contains("GONE: declared"));
    // A name alone comes from the caller, whatever is inherited.
    let pristine = ["--no-mask", "--pristine", "--env-file", "e"];
    let ran = home.run([&["run"], &pristine[..], &["--", "/usr/bin/env"]].concat()).ok();
    assert!(ran.text().contains("HOME=/"), "{}", ran.text());
}

#[test]
fn nothing_starts_unless_everything_resolves() {
    let home = with_values();
    let mark = home.path().join("started");
    std::fs::write(home.path().join("e"), "B=vault://none/b\nC=vault://prod/db#c\n").unwrap();
    for mask in ["--mask", "--no-mask"] {
        let flags = [mask, "-e", "A=vault://prod/db", "--env-file", "e", "-e", "D=vault://x?y"];
        let ran = sh(&home, &flags, "touch started").fails(3, "3 values are not to be had");
        for part in ["B = vault://none/b: there is no", "C = vault://prod/db#c", "D: not a ref"] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
        assert!(!mark.exists());
    }
    sh(&home, &["-e", "A=plain"], "touch started").fails(2, "not a reference");
    sh(&home, &["-e", "A b=vault://a"], "touch started").fails(2, "NAME=REF");
    std::fs::write(home.path().join("e"), "A=1\nB='s3cret\n").unwrap();
    let ran = sh(&home, &["--env-file", "e"], "touch started").fails(2, "line 2");
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    sh(&home, &["--env-file", "gone"], "touch started").fails(2, "cannot read gone");
    home.run_with(["put", "nul", "--raw"], b"a\0b").ok();
    sh(&home, &["-e", "A=vault://nul"], "touch started").fails(2, "NUL");
    assert!(!mark.exists());
}

#[test]
fn the_exit_code_is_the_programs() {
    let home = with_values();
    std::fs::write(home.path().join("plain"), "no program").unwrap();
    for mask in ["--mask", "--no-mask"] {
        for code in [0, 1, 3, 42, 255] {
            assert_eq!(sh(&home, &[mask], &format!("exit {code}")).code, code, "{mask}");
        }
        let run = |program| home.run(["run", mask, "--", program]);
        run("./plain").fails(126, "cannot start ./plain");
        run("./none").fails(127, "cannot start ./none");
        home.run_with(["put", "large"], &vec![b'x'; 140_000]).ok();
        home.run(["run", mask, "-e", "A=vault://large", "--", "true"]).fails(126, "see --mount");
        run("no-such-program-anywhere").fails(127, "No such file");
    }
    for (signal, code) in [("TERM", 143), ("KILL", 137), ("INT", 130), ("USR1", 138)] {
        // Whatever is ignored where the tests are run.
        let script = format!("kill -{signal} $$");
        let program = ["run", "--mask", "--", "env", "--default-signal", "sh", "-c", &script];
        assert_eq!(home.run(program).code, code, "{signal}");
    }
}

/// With nothing to do for it, the program has our place: our number, and our parent.
#[test]
fn the_program_takes_our_place() {
    let home = with_values();
    let program = super::home::program();
    let run = |flag: &str| {
        let script = format!(
            "echo $$; exec {} run {flag} -e A=vault://prod/db -- sh -c 'echo $$; umask; ulimit -c'",
            program.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask 022; {script}")]).env_clear();
        command.env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(Home::credentials());
        super::home::finish(command, b"").ok().lines()
    };
    let lines = run("--no-mask");
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[2..], ["0022", "0"], "its files are as the caller wants them; no cores");
    let lines = run("--mask");
    assert_ne!(lines[0], lines[1]);
    assert_eq!(lines[2..], ["0022", "0"]);
}

#[test]
fn a_passphrase_is_not_passed_on() {
    let home = Home::with_vault();
    home.put("a", "value");
    let file = home.path().join("pass");
    std::fs::write(&file, "correct horse battery staple\n").unwrap();
    std::fs::write(home.path().join("data"), "inherited").unwrap();
    let script = format!(
        "{} --passphrase-fd 7 run --no-mask -e A=vault://a -- \
         sh -c 'cat <&8; cat <&7' 7<pass 8<data",
        super::home::program().display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env_clear().current_dir(home.path());
    command.env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(Home::credentials());
    let ran = super::home::finish(command, b"");
    assert_eq!(ran.text(), "inherited", "{}", ran.stderr);
    assert_ne!(ran.code, 0, "the shell has no descriptor 7");
}

/// A descriptor 0 that is closed would be the next file that the program opens.
#[test]
fn a_passphrase_on_stdin_leaves_an_empty_one() {
    let home = with_values();
    let script = "readlink /proc/self/fd/0; cat";
    for mask in ["--mask", "--no-mask"] {
        let args = ["--passphrase-fd", "0", "run", mask, "--", "sh", "-c", script];
        assert_eq!(home.run_with(args, b"pass\nmore").ok().text(), "/dev/null\n", "{mask}");
    }
}

/// Where a reference is not resolved, that is told, and the value is not.
#[test]
fn a_reference_that_stays_as_it_is_is_told() {
    let home = with_values();
    std::fs::write(home.path().join("e"), "D=postgres://u:vault://prod/db@h\nP=vault://prod/db\n")
        .unwrap();
    let run = |flags: &[&str]| {
        let script = "echo \"$D $P $FOO\"";
        let args = [&["run", "--env-file", "e"], flags, &["--", "sh", "-c", script]].concat();
        let mut command = home.command(args);
        command.env("FOO", "vault://prod/api").env("P", "vault://covered");
        super::home::finish(command, b"")
    };
    let ran = run(&[]).ok();
    assert_eq!(ran.text(), "postgres://u:vault://prod/db@h *** vault://prod/api\n");
    assert_eq!(ran.stderr, "warning: a reference is passed on as text: D, FOO\n");
    let ran = run(&["--only"]).ok();
    assert_eq!(ran.stderr, "warning: a reference is passed on as text: D\n");
    run(&["--strict"]).fails(2, "a reference is passed on as text: D, FOO");
}

/// Nothing is open in the program that would not be without us.
#[test]
fn no_file_of_ours_is_passed_on() {
    let home = with_values();
    let script = "import os; print(sorted(os.listdir('/proc/self/fd')))";
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    let without_us = super::home::finish(command, b"").ok().text();
    for mask in ["--mask", "--no-mask"] {
        let args = ["run", mask, "-e", "A=vault://prod/db", "--", "python3", "-c", script];
        assert_eq!(home.run(args).ok().text(), without_us, "{mask}");
    }
}

#[test]
fn what_concerns_all_values_is_said_once() {
    let home = with_values();
    let flags = ["-e", "A=vault://prod/db", "-e", "B=vault://other"];
    let mut command = home.command([&["run"], &flags[..], &["--", "true"]].concat());
    command.env("VAULT_IDENTITY", "/dev/null");
    let ran = super::home::finish(command, b"").fails(4, "error: ");
    assert_eq!(ran.stderr.matches("identity").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_mounted_file_has_the_variables() {
    let home = with_values();
    std::fs::write(home.path().join("e"), "A=vault://prod/db\nB=\"it's\n2\"\n").unwrap();
    let flags = ["--no-mask", "--env-file", "e", "--mount", "live"];
    let script = "stat -c %a-%F live; . ./live; echo \"$A|$B\"; cat live; echo \"${X-not}\"";
    let ran = sh(&home, &flags, script).ok();
    let read = "A='s3cret-db'\nB='it'\\''s\n2'\n";
    assert_eq!(ran.text(), format!("600-fifo\ns3cret-db|it's\n2\n{read}not\n"));
    assert!(!home.path().join("live").exists());
    let ran = sh(&home, &flags, "echo \"[$A]\"").ok();
    assert_eq!(ran.text(), "[]\n", "they are in the file instead of the environment");
    let twice = [&flags[..], &["--mount-reads", "2"]].concat();
    let ran = sh(&home, &twice, "cat live live | wc -l; cat live 2>&1; exit 0").ok();
    assert!(ran.text().starts_with("6\n") && ran.text().contains("No such file"), "{}", ran.text());
    let file = home.path().join("live");
    std::fs::write(&file, "mine").unwrap();
    sh(&home, &flags, "echo started").fails(6, "is there already");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
}

/// A reader that has it open and takes its time does not hold up the next one.
#[test]
fn two_readers_of_a_mounted_file_have_all_of_it() {
    let home = with_values();
    // More than a pipe holds. Once a byte is there, the next reader has a file of its own.
    home.run_with(["put", "large"], &vec![b'x'; 70_000]).ok();
    home.run_with(["put", "large2"], &vec![b'y'; 70_000]).ok();
    let flags = ["--no-mask", "-e", "A=vault://large", "-e", "B=vault://large2", "--mount", "live"];
    let ran = sh(&home, &flags, "exec 3<live; head -c 1 <&3 >begun; wc -c <live; wc -c <&3").ok();
    let all = 2 * (70_000 + "A=''\n".len());
    assert_eq!(ran.text(), format!("{all}\n{}\n", all - 1));
}

/// Whatever is put in its place gets nothing.
#[test]
fn a_mounted_file_that_is_replaced_gets_nothing() {
    let home = with_values();
    let flags = ["--no-mask", "-e", "DB=vault://prod/db", "--mount", "live"];
    for put in ["ln -s target live", "mkfifo live", "cp target live"] {
        let script = format!(
            "echo before >target; cat live; rm -f live; {put}; timeout 0.3 cat live; cat target; \
             exit 0"
        );
        let ran = sh(&home, &flags, &script).ok();
        assert_eq!(ran.text().matches("s3cret-db").count(), 1, "{put}: {}", ran.text());
        assert!(ran.text().ends_with("before\n"), "{put}: {}", ran.text());
        std::fs::remove_file(home.path().join("live")).unwrap();
    }
}

#[test]
fn a_mounted_file_is_in_a_folder_that_others_cannot_write() {
    let home = with_values();
    let folder = home.path().join("open");
    std::fs::create_dir(&folder).unwrap();
    let flags = ["--no-mask", "-e", "DB=vault://prod/db", "--mount", "open/live"];
    let mode = |mode| std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o777);
    sh(&home, &flags, "echo started").fails(5, "others can write to open");
    mode(0o1777);
    assert_eq!(sh(&home, &flags, "cat open/live").ok().text(), "DB='s3cret-db'\n");
    // Where the next file cannot be made, this reader is the last one, and nobody waits for ever.
    mode(0o700);
    let long = format!("open/{}", "x".repeat(250));
    let flags = ["--no-mask", "-e", "DB=vault://prod/db", "--mount", &long];
    let ran = sh(&home, &flags, &format!("cat {long}; cat {long} 2>&1; exit 0")).ok();
    assert!(ran.text().starts_with("DB='s3cret-db'\n"), "{}", ran.text());
    assert!(ran.text().contains("No such file"), "{}", ran.text());
    assert!(ran.stderr.contains("goes after this reader"), "{}", ran.stderr);
}

#[test]
fn no_value_is_in_an_argument_or_a_file() {
    let home = with_values();
    let script = "echo \"$A\"; printf '%s' \"$A\" >/dev/null";
    let run = ["run", "--mask", "-e", "A=vault://prod/db", "--", "sh", "-c", script];
    let (ran, text) = super::home::traced(&home.command(run));
    assert_eq!(ran.ok().text(), "***\n");
    assert!(text.contains("/* "), "the environment is not");
    let hits: Vec<&str> = text.lines().filter(|line| line.contains("s3cret-db")).collect();
    // The program itself writes it, into our pipe and to /dev/null: the two lines that a shell in
    // our place would write as well.
    assert_eq!(hits.len(), 2, "{hits:?}");
    assert!(
        hits.iter().all(|line| line.contains("write(1<") && line.contains("\"s3cret-db")),
        "{hits:?}"
    );
    let pids: std::collections::BTreeSet<&str> =
        hits.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let ours = text.lines().next().unwrap().split(' ').next().unwrap();
    assert!(!pids.contains(ours), "never by us");
}
