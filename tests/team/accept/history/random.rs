//! Random histories. The model knows who was honest: each version of the honest history counts,
//! and nothing that somebody who may not write signs after the fact does.

use std::ops::Range;

use vault::core::header::{GroupGen, Header, Op};
use vault::team::accept::Verdict;

use super::{History, id, name, path, sign};

/// SplitMix64: a schedule is its number.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

struct Team {
    history: History,
    random: Random,
    /// Who may write under the newest state.
    writers: Vec<u8>,
    /// Who was removed, or lost the right.
    gone: Vec<u8>,
    /// Lost races: signed by honest writers for a number that another one got.
    losers: Vec<Header>,
}

/// Runs schedules with these numbers.
pub fn run(schedules: Range<u64>) {
    let mut forged = 0;
    // Keys cost time to make: each team is founded once.
    let founded: Vec<History> = (2..5).map(|n| History::new(&[2, 3, 4, 5][..n])).collect();
    for number in schedules {
        let mut random = Random(number);
        let members = random.below(3) as usize;
        let history = founded[members].clone();
        let mut writers = vec![2, 3, 4, 5];
        writers.truncate(2 + members);
        writers.push(1);
        let mut team = Team { history, random, writers, gone: vec![9], losers: vec![] };
        for _ in 0..3 + team.random.below(6) {
            team.step();
            assert_eq!(team.newest(), Verdict::Yes, "schedule {number}");
        }
        team.check_honest(number);
        forged += team.check_forged(number);
    }
    assert!(forged > 0);
}

impl Team {
    fn newest(&self) -> Verdict {
        match self.history.top() {
            0 => Verdict::Yes,
            top => self.history.judge(top),
        }
    }

    fn step(&mut self) {
        match self.random.below(10) {
            0..5 => self.write(),
            5 => self.purge(),
            6 => self.delete(),
            7 => self.lose(),
            8 => self.shift(),
            _ => self.widen(),
        }
    }

    fn write(&mut self) {
        let (who, other) = (self.random.pick(&self.writers), self.random.pick(&self.writers));
        let loser = self.history.header(other);
        if self.random.below(4) == 0 {
            self.losers.push(loser);
        }
        self.history.write(who);
    }

    fn delete(&mut self) {
        let header = self.history.header(self.random.pick(&self.writers));
        let op = self.random.pick(&[Op::Delete, Op::Reseal]);
        self.history.push(&Header { op, ..header });
    }

    fn purge(&mut self) {
        let who = self.random.pick(&self.writers);
        self.history.purge(who);
    }

    /// Somebody loses the right to write: removed, or their right taken. Between the cut and the
    /// note others still write under the old generation; so does whoever goes, in vain.
    fn lose(&mut self) {
        let others: Vec<u8> = self.writers.iter().copied().filter(|who| *who != 1).collect();
        let Some(&who) = others.first() else { return };
        let old = self.history.state().current(&path()).unwrap();
        self.history.cut_at(self.history.top());
        let group = old.group.clone();
        let mut lines = Vec::new();
        if self.random.below(2) == 0 {
            lines.push(format!("member-remove {}", name(who)));
        } else {
            lines.push(format!("role {} -write \"\"", name(who)));
        }
        for group in self.history.state().groups.keys() {
            let next = self.history.state().groups[group].generation() + 1;
            lines.push(format!("keyring {group} {next} {{h9}}"));
            lines.push(format!("cut {group} {{h9}}"));
        }
        assert!(self.history.state().groups.contains_key(&group));
        self.change(&lines);
        self.writers.retain(|w| *w != who);
        self.gone.push(who);
        self.stragglers(&old);
    }

    /// The folder moves to another group; all writers can read both.
    fn shift(&mut self) {
        let old = self.history.state().current(&path()).unwrap();
        self.history.cut_at(self.history.top());
        let generation =
            |group: &str| self.history.state().groups.get(group).map_or(0, |g| g.generation());
        let lines = if old.group == "pay" {
            let next = generation("main") + 1;
            let keyring = format!("keyring main {next} {{h8}}");
            vec!["group-set pay local []".to_owned(), keyring, "cut main {h8}".to_owned()]
        } else {
            let next = generation("pay") + 1;
            let keyring = format!("keyring pay {next} {{h8}}");
            let set = "group-set pay local [\"p\"]".to_owned();
            let mut lines = vec![set, keyring, "cut pay {h8}".to_owned()];
            if next == 1 {
                let readers = self.writers.iter().filter(|who| **who != 1);
                lines.extend(readers.map(|who| format!("role {} +read pay", name(*who))));
            }
            lines
        };
        self.change(&lines);
        self.stragglers(&old);
    }

    /// A new member, and with the second of them somebody gets a new right beside the old one.
    fn widen(&mut self) {
        if self.writers.contains(&6) || self.gone.contains(&6) {
            return;
        }
        let mut lines = vec![
            "member-add hal".to_owned(),
            "key-add hal {k6} age1x".to_owned(),
            "role hal +write \"\"".to_owned(),
        ];
        for group in self.history.state().groups.keys() {
            lines.push(format!("role hal +read {group}"));
        }
        self.change(&lines);
        self.writers.push(6);
    }

    fn change(&mut self, lines: &[String]) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.history.change(&lines);
    }

    /// Up to two writes by people who have not heard of the newest note. Those of people who may
    /// still write count; one by somebody who may not is replaced by the next honest write.
    fn stragglers(&mut self, old: &GroupGen) {
        for _ in 0..self.random.below(3) {
            let honest = self.random.below(3) > 0;
            let who = self.random.pick(if honest { &self.writers } else { &self.gone });
            let header = self.history.old(who, &old.to_string());
            self.history.push(&header);
            let n = header.n;
            if honest {
                assert_eq!(self.history.judge(n), Verdict::Yes);
            } else {
                assert!(!self.history.counts(n));
                self.history.drop_top();
                if self.random.below(2) == 0 {
                    self.history.write(1);
                }
            }
        }
    }

    fn kept(&self) -> Range<u64> {
        match self.history.top() {
            0 => 1..1,
            top => self.history.signed(top).header.from..top + 1,
        }
    }

    fn check_honest(&self, number: u64) {
        for n in self.kept() {
            assert_eq!(self.history.judge(n), Verdict::Yes, "schedule {number}, version {n}");
        }
    }

    /// Versions that somebody who may not write signs, anywhere, with any claim; and versions of
    /// honest writers that lost a race below a cut.
    fn check_forged(&mut self, number: u64) -> usize {
        let kept = self.kept();
        let generations: Vec<GroupGen> = self
            .history
            .state()
            .groups
            .iter()
            .flat_map(|(name, group)| {
                (1..=group.generation() + 1)
                    .map(|generation| GroupGen { group: name.clone(), generation })
            })
            .collect();
        let mut tried = 0;
        for _ in 0..3 {
            let n = kept.start + self.random.below(kept.end - kept.start + 1);
            let who = self.random.pick(&self.gone);
            let group = generations[self.random.below(generations.len() as u64) as usize].clone();
            let template = self.history.header(who);
            let prev = match n.checked_sub(1).filter(|below| kept.contains(below)) {
                Some(below) => self.history.signed(below).record_hash,
                None if n == 1 => [0; 32],
                None => [8; 32],
            };
            let op = self.random.pick(&[Op::Write, Op::Delete, Op::Reseal, Op::Purge]);
            let from =
                if op == Op::Purge || self.random.below(3) == 0 { n } else { kept.start.min(n) };
            let team_seq = self.random.below(self.history.seq + 1);
            let forged = Header { n, op, from, prev, group, team_seq, ..template };
            let mut shown = self.history.clone();
            shown.push(&forged);
            assert!(
                !shown.counts(n),
                "schedule {number}: {forged} counts as {:?}",
                shown.standing(n)
            );
            // And one more on top of it, as a history of their own.
            let header = Header { from: forged.from, ..shown.old(who, &forged.group.to_string()) };
            if header.n == n + 1 {
                shown.push(&header);
                assert!(!shown.counts(n + 1), "schedule {number}: {header}");
            }
            // Under the name of somebody who may write.
            let honest = Header { by: id(1), ..forged };
            let mut shown = self.history.clone();
            shown.versions.insert(n, Some(sign(&honest, who)));
            assert!(!shown.counts(n), "schedule {number}: {honest}");
            tried += 3;
        }
        for loser in std::mem::take(&mut self.losers) {
            let n = loser.n;
            let below_cut = self.history.cut.is_some_and(|cut| n < cut.n);
            let current = self.history.state().current(&path()).as_ref() == Some(&loser.group);
            if !kept.contains(&n) || !below_cut || current || self.history.signed(n).header == loser
            {
                continue;
            }
            let mut shown = self.history.clone();
            shown.push(&loser);
            assert!(!shown.counts(n), "schedule {number}: {loser}");
            tried += 1;
        }
        tried
    }
}
