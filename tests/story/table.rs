//! Who does what, in this order, and what comes of it.
//!
//! *ann* is an admin; *bob* writes everything but the closed group `pay`, *dan* writes below
//! `dev` alone, *eve* reads; *ci* is a machine that is a member and reads `pay` and nothing else;
//! *cap* is one that has a capability for `dev`, *iam* one that has nothing but AWS credentials for
//! that folder and its KMS key; *mal* writes as bob does, until he is removed, and *old-mal* is
//! what he kept of the time before; *zoe* knows where the vault is, and has an identity that
//! nobody added.

use Expect::{Allow, Deny, Value};

/// Everybody but ann.
pub const PEOPLE: [&str; 8] = ["bob", "dan", "eve", "ci", "mal", "zoe", "cap", "iam"];
pub const WITHOUT_IDENTITY: [&str; 2] = ["cap", "iam"];
/// Whose vault is named by `VAULT_…`, and by which.
pub const BY_VARIABLE: [(&str, &str); 3] = [("cap", "CAPABILITY"), ("iam", "PIN"), ("zoe", "PIN")];

/// Where a row holds, by what wraps the data keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Both,
    Local,
    Kms,
}

impl On {
    pub fn includes(self, on: Self) -> bool {
        self == Self::Both || self == on
    }
}

/// What comes of a command.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// It works, and says this.
    Allow(&'static str),
    /// It works, and stdout is exactly this.
    Value(&'static str),
    /// It ends with this code, says this, and prints no data.
    Deny(i32, &'static str),
}

/// One command.
#[derive(Clone, Copy)]
pub struct Row {
    pub on: On,
    pub who: &'static str,
    pub does: &'static str,
    pub expect: Expect,
}

/// What happens between commands.
#[derive(Clone, Copy)]
pub enum Step {
    /// Names the join string that ann's vault has now.
    Keep(&'static str),
    /// Makes a capability, and gives it to cap.
    Capability(&'static str, &'static str),
    /// Gives a file with words to somebody.
    Words(&'static str, &'static str, &'static str),
    /// Gives a file with words of another vault to somebody.
    WrongWords(&'static str),
    /// Keeps somebody's home under another name, and a copy of the storage.
    Copy(&'static str, &'static str),
    /// The storage brings what is in the copy at a path into the vault.
    Graft(&'static str),
    /// IAM takes somebody's KMS key.
    CutIam(&'static str),
}

pub enum Part {
    Row(Row),
    Then(On, Step),
}

const fn row(who: &'static str, does: &'static str, expect: Expect) -> Part {
    Part::Row(Row { on: On::Both, who, does, expect })
}

const fn local(who: &'static str, does: &'static str, expect: Expect) -> Part {
    Part::Row(Row { on: On::Local, who, does, expect })
}

const fn kms(who: &'static str, does: &'static str, expect: Expect) -> Part {
    Part::Row(Row { on: On::Kms, who, does, expect })
}

const fn then(step: Step) -> Part {
    Part::Then(On::Both, step)
}

const ADMINS_ONLY: Expect = Deny(5, "only an admin can change the team");
const NO_KEY: Expect = Deny(5, "cannot open the group");
const IAM_SAYS_NO: Expect = Deny(5, "kms:Decrypt");
const NO_IDENTITY: Expect = Deny(4, "this takes an identity");
const MAY_NOT_WRITE: Expect = Deny(5, "may not write");

pub const STORY: &[Part] = &[
    // Ann makes a team. Names are never used twice, so a slip is not silently done.
    row("ann", "put dev/db < dev-1", Allow("")),
    row("ann", "put dev/job < job-1", Allow("")),
    row("ann", "put prod/db < prod-1", Allow("")),
    row("ann", "put prod/key < key-1", Allow("")),
    row("ann", "put pay/card < card-1", Allow("")),
    row("ann", "member add bob $bob --role write", Allow("bob may: read main; write all")),
    row("ann", "member add dan $dan --role write --path dev", Allow("write dev/")),
    row("ann", "member add eve $eve --role read", Allow("eve may: read main")),
    row("ann", "member add mal $mal --role write", Allow("vault-join1")),
    row("ann", "member add ci $ci --role read --path pay", Deny(2, "part of main")),
    row("ann", "group add pay --path pay $wrap", Allow("pay/ is of pay now; read by ann.")),
    row("ann", "group add pay --path dev", Deny(6, "there is a group pay")),
    row("ann", "member add ci $ci --role read --path pay", Allow("ci may: read pay")),
    row("ann", "member add rob $bob --role read", Deny(6, "device of bob already")),
    then(Step::Keep("pin")),
    // Everybody opens it.
    row("bob", "join $join --name main", Allow("you are bob")),
    row("dan", "join $join --name main", Allow("you are dan")),
    row("eve", "join $join --name main", Allow("you are eve")),
    row("ci", "join $join --name main", Allow("you are ci")),
    row("mal", "join $join --name main", Allow("you are mal")),
    row("zoe", "join $join --name main", Deny(5, "not a member")),
    // Get.
    row("bob", "get dev/db", Value("dev-1")),
    row("dan", "get dev/db", Value("dev-1")),
    row("dan", "get prod/db", Value("prod-1")),
    row("eve", "get dev/db", Value("dev-1")),
    row("mal", "get prod/db", Value("prod-1")),
    row("ci", "get pay/card", Value("card-1")),
    row("ann", "get pay/card", Value("card-1")),
    local("bob", "get pay/card", NO_KEY),
    local("eve", "get pay/card", NO_KEY),
    local("ci", "get dev/db", NO_KEY),
    local("zoe", "get dev/db", NO_KEY),
    kms("bob", "get pay/card", IAM_SAYS_NO),
    kms("eve", "get pay/card", IAM_SAYS_NO),
    kms("ci", "get dev/db", IAM_SAYS_NO),
    // Member or not: IAM decides who reads, and zoe has the credentials of the team.
    kms("zoe", "get dev/db", Value("dev-1")),
    kms("iam", "get dev/db", Value("dev-1")),
    kms("iam", "get prod/db", Deny(5, "s3:GetObject")),
    kms("iam", "put dev/db < x", NO_IDENTITY),
    kms("iam", "rm dev/db", NO_IDENTITY),
    kms("iam", "rotate", NO_IDENTITY),
    // Put.
    row("bob", "put prod/db < prod-2", Allow("")),
    row("dan", "put dev/db < dev-2", Allow("")),
    row("mal", "put dev/job < job-2", Allow("")),
    row("dan", "put prod/db < x", MAY_NOT_WRITE),
    row("dan", "put new < x", MAY_NOT_WRITE),
    row("eve", "put dev/db < x", MAY_NOT_WRITE),
    row("bob", "put pay/card < x", MAY_NOT_WRITE),
    row("ci", "put pay/card < x", MAY_NOT_WRITE),
    row("zoe", "put dev/db < x", MAY_NOT_WRITE),
    row("eve", "get dev/db", Value("dev-2")),
    row("eve", "get prod/db", Value("prod-2")),
    row("ci", "get pay/card", Value("card-1")),
    // What is one's own to change, what is not.
    row("dan", "mv dev/job dev/work", Allow("")),
    row("dan", "mv dev/work prod/work", MAY_NOT_WRITE),
    row("dan", "mv prod/db dev/prod", MAY_NOT_WRITE),
    row("eve", "mv dev/work dev/job", MAY_NOT_WRITE),
    row("bob", "mv dev/work pay/work", MAY_NOT_WRITE),
    row("dan", "rm dev/work", Allow("Undo")),
    row("dan", "undelete dev/work", Allow("")),
    row("dan", "rm prod/db", MAY_NOT_WRITE),
    row("eve", "rm dev/work", MAY_NOT_WRITE),
    row("ci", "rm pay/card", MAY_NOT_WRITE),
    row("dan", "rollback dev/db@1", Allow("")),
    row("dan", "rollback prod/db@1", MAY_NOT_WRITE),
    row("eve", "rollback dev/db@1", MAY_NOT_WRITE),
    row("dan", "purge dev/work --yes", Allow("versions removed")),
    row("dan", "purge prod/db --yes", MAY_NOT_WRITE),
    row("eve", "purge dev/db --yes", MAY_NOT_WRITE),
    row("ci", "purge pay/card --yes", MAY_NOT_WRITE),
    row("eve", "get dev/db", Value("dev-1")),
    // What everybody sees: names, authors, times. What is closed is locked, not hidden.
    row("eve", "ls", Value("dev/db\npay/card\nprod/db\nprod/key\n")),
    row("zoe", "ls", Value("dev/db\npay/card\nprod/db\nprod/key\n")),
    row("eve", "history dev/db", Allow("dan")),
    local("bob", "ls pay -l", Allow("pay/card\tlocked")),
    local("ci", "ls dev -l", Allow("dev/db\tlocked")),
    row("ann", "verify", Allow("all good")),
    row("dan", "verify dev", Allow("all good")),
    local("eve", "verify", Allow("Of 1 secret in groups that you do not read")),
    row("eve", "member ls", Allow("dan\tread main; write dev/\t1")),
    row("eve", "group ls", Allow("pay\t1\t")),
    row("ci", "team log", Allow("mal joined")),
    row("eve", "exposure", Allow("pay/card")),
    // A capability is made by whoever reads, and reads.
    local("eve", "capability pay/", NO_KEY),
    local("eve", "capability dev", Allow("vault-cap")),
    local("zoe", "capability dev", NO_KEY),
    kms("ann", "capability dev", Deny(2, "wrapped by KMS")),
    Part::Then(On::Local, Step::Capability("bob", "dev/")),
    local("cap", "get dev/db", Value("dev-1")),
    local("cap", "ls dev", Value("dev/db\n")),
    local("cap", "get prod/db", Deny(5, "prod/db is not below dev")),
    local("cap", "get pay/card", Deny(5, "opens nothing of the group pay")),
    local("cap", "put dev/db < x", Deny(5, "capability")),
    local("cap", "rm dev/db", Deny(5, "capability")),
    local("cap", "capability dev", Deny(5, "a capability only reads")),
    local("cap", "rotate", Deny(5, "a capability only reads")),
    // The team is for admins to change.
    row("bob", "member add zoe $zoe --role read", ADMINS_ONLY),
    row("dan", "member rm eve --yes", ADMINS_ONLY),
    row("eve", "member role eve write", ADMINS_ONLY),
    row("ci", "member role ci admin", ADMINS_ONLY),
    row("zoe", "member role zoe admin", ADMINS_ONLY),
    row("mal", "member rm ann --yes", ADMINS_ONLY),
    row("bob", "group add mine --path dev", ADMINS_ONLY),
    row("bob", "group set pay --path dev", ADMINS_ONLY),
    row("eve", "rotate", ADMINS_ONLY),
    row("bob", "rotate pay", ADMINS_ONLY),
    row("bob", "recover --replace --recovery-out mine", ADMINS_ONLY),
    row("ann", "member rm ann --yes", Deny(2, "the last admin")),
    row("ann", "member rm nobody --yes", Deny(3, "nobody is not in the team")),
    row("ann", "member role eve write --path dev", Allow("eve may: read main; write dev/")),
    row("eve", "put dev/eve < eve-1", Allow("")),
    row("ann", "member role eve read", Allow("eve may: read main")),
    row("eve", "put dev/eve < x", MAY_NOT_WRITE),
    row("dan", "get dev/eve", Value("eve-1")),
    // Keys are opened anew; what is sealed anew, and by whom.
    row("ann", "rotate main", Allow("New generation: main.")),
    row("bob", "rotate main --resume", Allow("sealed anew")),
    row("ann", "rotate none", Deny(3, "there is no group none")),
    row("bob", "get dev/db", Value("dev-1")),
    local("cap", "get dev/db", Deny(5, "made for other generations")),
    row(
        "ann",
        "group set pay --path pay --path sec",
        Allow("sec/ is of pay now; read by ann, ci."),
    ),
    row("bob", "put sec/key < x", MAY_NOT_WRITE),
    row("ann", "put sec/key < sec-1", Allow("")),
    row("ci", "get sec/key", Value("sec-1")),
    row("eve", "rotate --resume", Allow("not yours to write")),
    // Mal goes, and keeps what he had.
    then(Step::Copy("mal", "old-mal")),
    row("ann", "member rm mal --yes", Allow("mal was removed")),
    row("ann", "member rm mal --yes", Allow("Nothing to change")),
    local("mal", "get dev/db", NO_KEY),
    row("mal", "put dev/db < evil", MAY_NOT_WRITE),
    row("mal", "rm dev/db", MAY_NOT_WRITE),
    row("bob", "put dev/db < dev-3", Allow("")),
    local("mal", "get dev/db", NO_KEY),
    // IAM goes on until it is told.
    kms("mal", "get dev/db", Value("dev-3")),
    // What he kept is as it was. What he signs there is dated back, the storage brings it into the
    // vault, and it does not count.
    row("old-mal", "join $join --name old --location $kept", Allow("you are mal")),
    row("old-mal", "get dev/db --vault old", Value("dev-1")),
    row("old-mal", "put prod/db --vault old < evil", Allow("")),
    row("old-mal", "put prod/key --vault old < evil", Allow("")),
    then(Step::Graft("prod/db")),
    row("eve", "get prod/db", Value("prod-2")),
    row("ann", "history prod/db", Allow("mal")),
    row("bob", "put prod/db < prod-3", Allow("")),
    row("eve", "get prod/db", Value("prod-3")),
    // It takes the place of what bob wrote: whoever saw that is not deceived, and nobody gets it.
    row("bob", "put prod/key < key-2", Allow("")),
    then(Step::Graft("prod/key")),
    row("bob", "get prod/key", Deny(7, "was rolled back")),
    row("eve", "get prod/key", Value("key-1")),
    row("ann", "purge prod/key --yes", Allow("versions removed")),
    row("eve", "get prod/key", Deny(3, "deleted")),
    then(Step::CutIam("mal")),
    kms("mal", "get dev/db", IAM_SAYS_NO),
    // What he knew is to be changed, until it is.
    row("eve", "exposure", Allow("dev/eve")),
    row("eve", "ls dev -l", Allow("dev/eve\tchange needed")),
    row("bob", "put dev/eve < eve-2", Allow("")),
    row("eve", "exposure dev", Value("")),
    // Also what was closed later, and he read before that.
    row("eve", "exposure", Allow("pay/card")),
    row("ann", "put pay/card < card-2", Allow("")),
    row("ann", "exposure", Value("")),
    row("eve", "ls dev -l", Allow("dev/eve\t\n")),
    row("ann", "member add mal $mal --role read", Deny(6, "a removed key never returns")),
    // Recovery.
    then(Step::WrongWords("zoe")),
    then(Step::Words("ann", "words", "zoe")),
    row("zoe", "recover --words-file wrong --member zoe", Deny(5, "not the recovery words")),
    row("zoe", "recover --words-file missing --member zoe", Deny(2, "there is no file missing")),
    row("zoe", "recover --words-file words --member zoe", Allow("zoe is an admin now")),
    row("bob", "team log", Allow("recovery key made zoe an admin")),
    local("zoe", "get pay/card", Value("card-2")),
    row("zoe", "member role dan read", Allow("dan may: read main")),
    row("dan", "put dev/db < x", MAY_NOT_WRITE),
    row("ann", "recover --replace --recovery-out new-words --reseal", Allow("new-words")),
    row("ann", "member rm zoe --yes", Allow("zoe was removed")),
    row("mal", "recover --words-file missing", Deny(2, "there is no file missing")),
    then(Step::Words("ann", "words", "ci")),
    then(Step::Words("ann", "new-words", "ci")),
    row("ci", "recover --words-file words --member ops", Deny(5, "not the recovery words")),
    row("ann", "verify", Allow("all good")),
];
