//! Which versions of a path are acceptable, and why.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vault::core::cipher::{Hash, sha256};
use vault::core::header::{Header, Kind, Op as HeaderOp, SignedHeader};
use vault::core::path::{Prefix, SecretPath};
use vault::core::text::hex;
use vault::team::accept::{self, Standing, Verdict};
use vault::team::cut::CutEntry;
use vault::team::ops::{Op, Right};
use vault::team::{Cut, State, rules};

use super::world::{
    CHAIN, bare_metadata, group_set, header, path, person, role, rotate, sign, vault,
};
use super::{Cases, Suite, array, bytes, metadata, number, text};

pub const SUITE: Suite = Suite {
    name: "accept",
    about: "Acceptable versions: the newest team state, the newest cut of the group that owns the \
            path (hex), all versions that the storage shows; is version n acceptable, by which of \
            (a) to (d)?",
    members: &["vault", "path", "state", "cut", "versions", "n", "by_rule"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let (vault, path) = (array(case, "vault"), path(text(case, "path")));
    let state = State::parse(text(case, "state")).unwrap();
    let cut = case["cut"].as_str().map(|_| bytes(case, "cut"));
    let pinned = state.owner(&path).and_then(|group| state.groups[group].cut);
    assert_eq!(pinned, cut.as_ref().map(|cut| sha256(&[cut])), "the cut that the state pins");
    let cut = cut.and_then(|cut| Cut::decode(&cut).unwrap().get(&vault, &path));
    let parse = |entry: &Value| SignedHeader::parse(&vault, &path, &metadata(entry)).unwrap();
    let mut versions: BTreeMap<u64, Option<SignedHeader>> = case["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(parse)
        .map(|s| (s.header.n, Some(s)))
        .collect();
    let n = number(case, "n");
    loop {
        match accept::judge(&state, cut, &path, &versions, n) {
            Verdict::Need(other) => drop(versions.insert(other, None)),
            Verdict::No(why) => return Err(why.to_owned()),
            Verdict::Yes => break,
        }
    }
    let rule = match accept::standing(&state, cut, &path, versions[&n].as_ref().unwrap()) {
        Standing::Current => "a",
        Standing::CutEntry => "b",
        Standing::Straggler => "c",
        Standing::Older => "d",
        Standing::Unacceptable(why) => panic!("{why}"),
    };
    assert_eq!(rule, text(case, "by_rule"));
    Ok(())
}

/// The versions of one path, each naming the one before.
struct Chain {
    path: SecretPath,
    versions: Vec<(Vec<(String, String)>, SignedHeader)>,
}

impl Chain {
    fn new(at: &str) -> Self {
        Self { path: path(at), versions: Vec::new() }
    }

    fn tip(&self) -> (u64, Hash) {
        self.versions.last().map_or((0, [0; 32]), |(_, s)| (s.header.n, s.record_hash))
    }

    fn then(self, by: &str, g: &str) -> Self {
        self.edited(by, g, |_| {})
    }

    fn edited(mut self, by: &str, g: &str, edit: impl Fn(&mut Header)) -> Self {
        let (n, prev) = self.tip();
        let by = person(by);
        let mut header = header(n + 1, g, prev, &by);
        edit(&mut header);
        let label = format!("{} {n} {}", self.path, self.versions.len());
        self.versions.push(sign(bare_metadata(&label), &self.path, &header, &by));
        self
    }

    /// Without version `n`: the storage does not show it.
    fn without(mut self, n: u64) -> Self {
        self.versions.retain(|(_, s)| s.header.n != n);
        self
    }

    /// A cut with this chain's version `n`.
    fn cut(&self, n: u64) -> Cut {
        let (_, s) = self.versions.iter().find(|(_, s)| s.header.n == n).unwrap();
        let mut cut = Cut::default();
        cut.insert(&vault(), &self.path, CutEntry { n, record: s.record_hash });
        cut
    }

    fn case(&self, name: &str, state: &State, cut: Option<&Cut>, n: u64, outcome: &str) -> Value {
        let versions: Vec<_> =
            self.versions.iter().map(|(m, _)| json!({ "metadata": m })).collect();
        let cut = cut.map(|cut| hex(&cut.encode()));
        let mut case = json!({
            "name": format!("{name}: {n}"), "vault": hex(&vault()), "path": self.path.as_str(),
            "state": state.to_string(), "cut": cut, "versions": versions, "n": n,
        });
        let member = if outcome.len() == 1 { "by_rule" } else { "reason" };
        case[member] = outcome.into();
        case
    }
}

fn hash(cut: &Cut) -> Hash {
    sha256(&[&cut.encode()])
}

fn after(state: &State, seq: u64, mut ops: Vec<Op>, rotations: &[(&str, u64, &Cut)]) -> State {
    for (group, generation, cut) in rotations {
        ops.extend(rotate(group, *generation, hash(cut)));
    }
    rules::after(state, &ops, seq).unwrap()
}

fn make() -> Cases {
    let mut cases = Vec::new();
    let team = &CHAIN[1].state;
    let remove_dave = || vec![Op::MemberRemove("dave".into())];
    let mut add =
        |chain: &Chain, name: &str, state: &State, cut: Option<&Cut>, list: &[(u64, &str)]| {
            for (n, outcome) in list {
                cases.push(chain.case(name, state, cut, *n, outcome));
            }
        };
    let no_right = "its author may not write there";

    // (a) only: nobody was ever removed.
    let plain =
        Chain::new("prod/db").then("ann", "main.1").then("bob", "main.1").then("dave", "main.1");
    add(
        &plain,
        "current generation",
        team,
        None,
        &[(1, "a"), (2, "a"), (3, "a"), (4, "it is missing")],
    );
    let carol = Chain::new("prod/db").then("ann", "main.1").then("carol", "main.1");
    add(&carol, "a reader writes", team, None, &[(1, "a"), (2, no_right)]);
    let outside = Chain::new("dev/db").then("bob", "main.1");
    add(&outside, "a writer outside his folder", team, None, &[(1, no_right)]);
    let stranger = Chain::new("prod/db").then("mallory", "main.1");
    add(&stranger, "a stranger", team, None, &[(1, "its author was never in the team")]);
    let recovery = Chain::new("prod/db").then("recovery", "main.1");
    add(&recovery, "the recovery key", team, None, &[(1, "its author was never in the team")]);
    let forged = Chain::new("prod/db")
        .then("ann", "main.1")
        .edited("bob", "main.1", |h| h.by = super::world::key_id("ann"));
    add(&forged, "signed in another name", team, None, &[(2, "its signature does not verify")]);
    let future = Chain::new("prod/db").then("ann", "main.2");
    add(
        &future,
        "a generation that is not there",
        team,
        None,
        &[(1, "it is of a group that never owned the path")],
    );

    // Dave is removed at version 3; the cut holds it.
    let three =
        Chain::new("prod/db").then("ann", "main.1").then("dave", "main.1").then("dave", "main.1");
    let cut = three.cut(3);
    let gone = after(team, 2, remove_dave(), &[("main", 2, &cut)]);
    add(
        &three,
        "the removed writer's versions",
        &gone,
        Some(&cut),
        &[(3, "b"), (2, "d"), (1, "d")],
    );
    let three = |more: &dyn Fn(Chain) -> Chain| {
        more(
            Chain::new("prod/db")
                .then("ann", "main.1")
                .then("dave", "main.1")
                .then("dave", "main.1"),
        )
    };
    let next = three(&|c| c.then("bob", "main.2"));
    add(
        &next,
        "a write after the removal",
        &gone,
        Some(&cut),
        &[(4, "a"), (3, "b"), (2, "d"), (1, "d")],
    );
    let late = three(&|c| c.then("dave", "main.1"));
    add(&late, "back-dated by the removed writer", &gone, Some(&cut), &[(4, no_right), (3, "b")]);
    let stolen = three(&|c| c.then("dave", "main.2"));
    add(
        &stolen,
        "the removed writer under the new generation",
        &gone,
        Some(&cut),
        &[(4, no_right)],
    );
    let straggler = three(&|c| c.then("bob", "main.1").then("bob", "main.1"));
    add(&straggler, "stragglers of a writer", &gone, Some(&cut), &[(4, "c"), (5, "c")]);
    let on_dave = three(&|c| c.then("dave", "main.1").then("bob", "main.1"));
    add(
        &on_dave,
        "a straggler on what the removed writer added",
        &gone,
        Some(&cut),
        &[(5, "a version before it does not count")],
    );
    let resealed =
        three(&|c| c.then("bob", "main.1").edited("ann", "main.2", |h| h.op = HeaderOp::Reseal));
    add(&resealed, "a straggler that was re-sealed", &gone, Some(&cut), &[(5, "a"), (4, "c")]);
    let by_carol = three(&|c| c.then("carol", "main.1"));
    add(&by_carol, "a straggler of a reader", &gone, Some(&cut), &[(4, no_right)]);
    let broken = three(&|c| c.edited("bob", "main.1", |h| h.prev = [7; 32]));
    let no_link = "it does not name the version before it";
    add(&broken, "a straggler with another prev", &gone, Some(&cut), &[(4, no_link)]);
    let gap = three(&|c| c.then("bob", "main.1").then("bob", "main.1")).without(4);
    add(
        &gap,
        "a straggler above a gap",
        &gone,
        Some(&cut),
        &[(5, "a version before it is missing")],
    );
    let rewritten = Chain::new("prod/db")
        .then("ann", "main.1")
        .then("dave", "main.1")
        .edited("dave", "main.1", |h| h.since = 0)
        .then("bob", "main.1");
    add(
        &rewritten,
        "a straggler that bypasses the cut",
        &gone,
        Some(&cut),
        &[(4, "it bypasses the cut"), (3, "it bypasses the cut")],
    );
    let replaced = Chain::new("prod/db")
        .then("ann", "main.1")
        .edited("dave", "main.1", |h| h.since = 0)
        .edited("dave", "main.1", |h| h.prev = [7; 32]);
    add(
        &replaced,
        "the past replaced by the removed writer",
        &gone,
        Some(&cut),
        &[(3, "no newer version vouches for it"), (2, no_link)],
    );
    let purged = three(&|c| {
        c.edited("bob", "main.1", |h| {
            (h.op, h.kind, h.from) = (HeaderOp::Purge, Kind::Raw, h.n);
        })
    })
    .without(1)
    .without(2)
    .without(3);
    add(&purged, "a straggler that purged", &gone, Some(&cut), &[(4, "c"), (3, "it is missing")]);
    let unpurged = three(&|c| {
        c.edited("bob", "main.2", |h| h.from = 4).edited("bob", "main.1", |h| h.from = 2)
    });
    let keeps = "it claims to keep versions that were purged";
    add(
        &unpurged,
        "a straggler that takes a purge back",
        &gone,
        Some(&cut),
        &[(5, keeps), (4, "a")],
    );

    // A path that the cut does not hold: it was made by a straggler.
    let fresh = Chain::new("prod/new").then("bob", "main.1").then("bob", "main.1");
    add(&fresh, "a new path of a straggler", &gone, Some(&cut), &[(1, "c"), (2, "c")]);
    let fresh_gone = Chain::new("prod/new").then("dave", "main.1").then("bob", "main.1");
    add(
        &fresh_gone,
        "a new path of the removed writer",
        &gone,
        Some(&cut),
        &[(1, no_right), (2, "a version before it does not count")],
    );

    // Bob's right is narrowed to prod/app.
    let narrow = |p: &str, grant| role("bob", grant, Right::Write(Prefix::parse(p).unwrap()));
    let bobs = Chain::new("prod/db").then("ann", "main.1").then("bob", "main.1");
    let cut = bobs.cut(1);
    let narrowed =
        after(team, 2, vec![narrow("prod", false), narrow("prod/app", true)], &[("main", 2, &cut)]);
    add(&bobs, "a writer who lost the folder", &narrowed, Some(&cut), &[(2, no_right), (1, "b")]);

    // prod/pay moves to a group of its own.
    let moved = Chain::new("prod/pay/key").then("ann", "main.1").then("bob", "main.1");
    let (cut_pay, cut_main) = (moved.cut(1), Cut::default());
    let admin_write =
        || vec![group_set("pay", &["prod/pay"]), role("bob", true, Right::Read("pay".into()))];
    let pay = after(team, 2, admin_write(), &[("pay", 1, &cut_pay)]);
    add(&moved, "written before the folder moved", &pay, Some(&cut_pay), &[(1, "b"), (2, "c")]);
    let on =
        Chain::new("prod/pay/key").then("ann", "main.1").then("bob", "pay.1").then("ann", "pay.1");
    add(&on, "written after the folder moved", &pay, Some(&cut_pay), &[(2, "a"), (3, "a")]);
    let early = Chain::new("prod/db").then("ann", "pay.1");
    add(
        &early,
        "of a group that never owned the path",
        &pay,
        None,
        &[(1, "it is of a group that never owned the path")],
    );
    let blind = after(team, 2, vec![group_set("pay", &["prod/pay"])], &[("pay", 1, &cut_pay)]);
    add(
        &moved,
        "a writer who cannot read the new group",
        &blind,
        Some(&cut_pay),
        &[(2, no_right), (1, "b")],
    );
    let back = after(&pay, 3, vec![group_set("pay", &[])], &[("main", 2, &cut_main)]);
    let stayed = Chain::new("prod/pay/key").then("bob", "pay.1");
    add(&stayed, "a straggler of a group that was retired", &back, Some(&cut_main), &[(1, "c")]);
    let never = Chain::new("prod/db").then("bob", "pay.1");
    add(
        &never,
        "a straggler elsewhere of that group",
        &back,
        Some(&cut_main),
        &[(1, "it is of a group that never owned the path")],
    );

    // The bucket came back from a backup that ends at version 2.
    let restored = Chain::new("prod/db").then("ann", "main.1").then("bob", "main.1");
    let cut = restored.cut(2);
    let state = after(team, 2, vec![Op::Restored([9; 32])], &[("main", 2, &cut)]);
    add(&restored, "restored from a backup", &state, Some(&cut), &[(2, "b"), (1, "d")]);
    let comes_back =
        Chain::new("prod/db").then("ann", "main.1").then("bob", "main.1").then("bob", "main.1");
    add(&comes_back, "a lost version comes back whole", &state, Some(&cut), &[(3, "c")]);
    let torn = Chain::new("prod/db")
        .then("ann", "main.1")
        .then("bob", "main.1")
        .then("bob", "main.1")
        .then("bob", "main.1")
        .without(3);
    add(
        &torn,
        "a lost version comes back without the one before",
        &state,
        Some(&cut),
        &[(4, "a version before it is missing")],
    );
    let forked = Chain::new("prod/db")
        .then("ann", "main.1")
        .edited("bob", "main.1", |h| h.since = 0)
        .then("bob", "main.1");
    add(
        &forked,
        "a fork of the restored history",
        &state,
        Some(&cut),
        &[(3, "it bypasses the cut"), (2, "it bypasses the cut")],
    );

    cases.into_iter().partition(|case: &Value| case["reason"].is_null())
}
