//! Whether a program that we started, to be let into a vault, has started us to open that vault.

use std::env;
use std::ffi::OsString;
use std::process;

/// The variable that tells those below us which vaults are being opened: `PID:VAULT[,VAULT]…`.
pub const NESTING: &str = "VAULT_CREDENTIAL_PROCESS";

/// Where we stand.
#[derive(Debug, PartialEq, Eq)]
pub enum Nesting {
    /// Those below us are told already.
    Here,
    /// Somebody above us is opening the same vault.
    Circle,
    /// The variable has to be this, for those below us.
    Deeper(String),
}

/// Where we stand when this vault is to be opened.
pub fn nesting(vault: &str) -> Nesting {
    let told = env::var(NESTING).unwrap_or_default();
    step(&told, process::id(), vault)
}

fn step(told: &str, us: u32, vault: &str) -> Nesting {
    let (pid, vaults) = told.split_once(':').unwrap_or_default();
    if pid.parse() == Ok(us) {
        return Nesting::Here;
    }
    match vaults.split(',').any(|above| above == vault) {
        true => Nesting::Circle,
        false if vaults.is_empty() => Nesting::Deeper(format!("{us}:{vault}")),
        false => Nesting::Deeper(format!("{us}:{vaults},{vault}")),
    }
}

/// The arguments of this process, its name first.
pub fn arguments() -> impl Iterator<Item = OsString> {
    env::args_os()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_noticed_and_a_chain_is_not_one() {
        let deeper = |value: &str| Nesting::Deeper(value.to_owned());
        assert_eq!(step("", 7, "aa"), deeper("7:aa"));
        assert_eq!(step("7:aa", 7, "aa"), Nesting::Here);
        assert_eq!(step("7:aa", 8, "aa"), Nesting::Circle);
        assert_eq!(step("7:aa", 8, "bb"), deeper("8:aa,bb"));
        assert_eq!(step("8:aa,bb", 9, "aa"), Nesting::Circle);
        assert_eq!(step("8:aa,bb", 9, "bb"), Nesting::Circle);
        assert_eq!(step("8:aa,bb", 9, "a"), deeper("9:aa,bb,a"));
        assert_eq!(step("nonsense", 9, "aa"), deeper("9:aa"));
    }
}
