//! Probes of a store: the real ones pass, and for every lie there is a double that is caught.

use std::sync::Mutex;

use async_trait::async_trait;
use vault::store::probe::{Capability, PROBES, Report, Verdict, probe};
use vault::store::{
    Condition, Etag, Head, Listing, MemoryStore, Metadata, Object, Page, Result, SingleWriter,
    Store, StoreError, list_all,
};

use super::s3::{fresh_prefix, store, store_at};
use super::{dir, fill, memory, wait};
use crate::support::doubles::{Act, Double, error};
use crate::support::servers;
use Capability::*;

/// One thing that a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lie {
    ConditionsIgnored,
    CreateOnlyIgnored,
    RefusesButWrites,
    RefusesEveryEtag,
    NoCreateOnly,
    StaleEtagTaken,
    MissingEtagTaken,
    OneEtagForAll,
    EtagsOfOthers,
    MetadataCut,
    MetadataRenamed,
    MetadataInCapitals,
    ValuesInLowerCase,
    OldReads,
    LostWrites,
    LateListing,
    DeleteIgnored,
    ConditionalDeleteIgnored,
    EverybodyCreates,
    EverybodyReplaces,
    NobodyWins,
    MayNotWrite,
    MayNotList,
    MayNotDelete,
}

/// A store that tells one lie.
struct Liar {
    inner: MemoryStore,
    lie: Lie,
    /// The bodies and listings of before the last change.
    old: Mutex<Vec<(String, Vec<u8>)>>,
}

fn liar(lie: Lie) -> Liar {
    Liar { inner: MemoryStore::new(), lie, old: Mutex::default() }
}

fn denied<T>(action: &'static str) -> Result<T> {
    let reason = "said so".to_owned();
    let resource = "arn:aws:s3:::b".to_owned();
    Err(StoreError::Refused { action, resource, condition: None, reason })
}

fn conflict<T>(key: &str) -> Result<T> {
    Err(StoreError::Conflict { key: key.to_owned() })
}

impl Liar {
    /// Looks first, lets the others go ahead, and writes then.
    async fn looks_first(
        &self,
        key: &str,
        meta: &Metadata,
        body: &[u8],
        on: &Condition,
    ) -> Result<Etag> {
        let there = self.inner.head(key).await.ok().map(|head| head.etag);
        let holds = match on {
            Condition::Absent => there.is_none(),
            Condition::Matches(etag) => there.as_ref() == Some(etag),
            Condition::None => true,
        };
        tokio::task::yield_now().await;
        if holds { self.inner.put(key, meta, body, &Condition::None).await } else { conflict(key) }
    }

    async fn write(&self, key: &str, meta: &Metadata, body: &[u8], on: &Condition) -> Result<Etag> {
        let always = &Condition::None;
        let there = self.inner.head(key).await.is_ok();
        let race = key.contains("-race-");
        let on = match (self.lie, on) {
            (Lie::ConditionsIgnored, _) | (Lie::CreateOnlyIgnored, Condition::Absent) => always,
            (Lie::RefusesButWrites, Condition::Absent) if there => {
                self.inner.put(key, meta, body, always).await?;
                return conflict(key);
            }
            (Lie::StaleEtagTaken, Condition::Matches(_)) if there => always,
            (Lie::MissingEtagTaken, Condition::Matches(_)) if !there => always,
            (Lie::RefusesEveryEtag, Condition::Matches(_)) => return conflict(key),
            (Lie::NobodyWins, Condition::Absent | Condition::Matches(_)) if race => {
                return conflict(key);
            }
            (Lie::NoCreateOnly, Condition::Absent) => {
                let reason = "NotImplemented".to_owned();
                return Err(StoreError::Unsupported { action: "s3:PutObject", reason });
            }
            (Lie::EverybodyCreates, Condition::Absent)
            | (Lie::EverybodyReplaces, Condition::Matches(_)) => {
                return self.looks_first(key, meta, body, on).await;
            }
            (Lie::MayNotWrite, _) => return denied("s3:PutObject"),
            (Lie::LostWrites, _) => {
                return Ok(Etag("lost".to_owned()));
            }
            (_, on) => on,
        };
        self.inner.put(key, meta, body, on).await
    }
}

#[async_trait]
impl Store for Liar {
    async fn get(&self, key: &str, limit: u64) -> Result<Object> {
        let mut object = self.inner.get(key, limit).await?;
        match self.lie {
            Lie::MetadataCut => object.metadata.iter_mut().for_each(|(_, v)| v.truncate(1024)),
            Lie::MetadataRenamed => {
                object.metadata.iter_mut().for_each(|(n, _)| *n = n.replace('-', "_"));
            }
            Lie::MetadataInCapitals => {
                object.metadata.iter_mut().for_each(|(n, _)| n.make_ascii_uppercase());
            }
            Lie::ValuesInLowerCase => {
                object.metadata.iter_mut().for_each(|(_, v)| v.make_ascii_lowercase());
            }
            Lie::OneEtagForAll => object.etag = Etag("always".to_owned()),
            Lie::EtagsOfOthers => object.etag = Etag(format!("{}0", object.etag.0)),
            Lie::OldReads => {
                let old = self.old.lock().unwrap();
                if let Some((_, body)) = old.iter().rev().find(|(k, _)| k == key) {
                    object.body.clone_from(body);
                }
            }
            _ => {}
        }
        Ok(object)
    }

    async fn head(&self, key: &str) -> Result<Head> {
        let Object { metadata, body, etag } = self.get(key, 1 << 20).await?;
        Ok(Head { metadata, size: body.len() as u64, etag })
    }

    async fn put(&self, key: &str, meta: &Metadata, body: &[u8], on: &Condition) -> Result<Etag> {
        if let Ok(object) = self.inner.get(key, 1 << 20).await {
            self.old.lock().unwrap().push((key.to_owned(), object.body));
        }
        let always = Etag("always".to_owned());
        match (self.lie, on) {
            // What it tells is what it takes.
            (Lie::OneEtagForAll, Condition::Matches(etag)) => {
                let there = self.inner.head(key).await.is_ok();
                if !there || *etag != always {
                    return conflict(key);
                }
                self.inner.put(key, meta, body, &Condition::None).await?;
                Ok(always)
            }
            (Lie::OneEtagForAll, _) => self.write(key, meta, body, on).await.map(|_| always),
            _ => self.write(key, meta, body, on).await,
        }
    }

    async fn delete(&self, key: &str, etag: Option<&Etag>) -> Result<()> {
        match self.lie {
            Lie::ConditionalDeleteIgnored => self.inner.delete(key, None).await,
            Lie::DeleteIgnored => Ok(()),
            Lie::MayNotDelete => denied("s3:DeleteObject"),
            _ => self.inner.delete(key, etag).await,
        }
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<Page> {
        let mut page = self.inner.list(listing).await?;
        match self.lie {
            Lie::LateListing => drop(page.keys.pop()),
            Lie::MayNotList => return denied("s3:ListBucket"),
            _ => {}
        }
        Ok(page)
    }
}

/// Those that do not work, with what was seen.
fn flaws(report: &Report) -> Vec<(Capability, &Verdict)> {
    let bad = report.verdicts.iter().filter(|(_, verdict)| !matches!(verdict, Verdict::Works));
    bad.map(|(capability, verdict)| (*capability, verdict)).collect()
}

#[track_caller]
fn passes(report: &Report) {
    assert!(flaws(report).is_empty(), "{report:?}");
    assert!(report.safe_for_many_writers() && report.left.is_empty(), "{report:?}");
    assert_eq!(report.verdicts.len(), Capability::ALL.len());
}

#[test]
fn every_lie_is_caught_where_it_is_told() {
    // Each with the capabilities that must be found broken, and no other one.
    let lies: &[(Lie, &[Capability], &str)] = &[
        (Lie::ConditionsIgnored, &[CreateOnly, Replace, CreateRace, ReplaceRace], "accepted"),
        (Lie::CreateOnlyIgnored, &[CreateOnly, CreateRace], "accepted"),
        (Lie::RefusesButWrites, &[CreateOnly, CreateRace], "all the same"),
        (Lie::RefusesEveryEtag, &[Replace, ReplaceRace], "the right etag is refused"),
        (Lie::NoCreateOnly, &[CreateOnly, CreateRace], "NotImplemented"),
        (Lie::StaleEtagTaken, &[Replace, ReplaceRace], "earlier version is accepted"),
        (Lie::MissingEtagTaken, &[Replace], "where nothing is is accepted"),
        (Lie::MetadataCut, &[Metadata], "1024 bytes long"),
        (Lie::MetadataRenamed, &[Metadata], "under no name"),
        (Lie::ValuesInLowerCase, &[Metadata], "changed"),
        (Lie::LostWrites, &Capability::ALL, ""),
        (Lie::OneEtagForAll, &[ReadAfterWrite, Replace, Delete, ReplaceRace], ""),
        (Lie::OldReads, &[ReadAfterWrite, Replace, Delete], "what was there before"),
        (Lie::LateListing, &[Listing], "just written"),
        (Lie::DeleteIgnored, &[ReadAfterWrite, Listing, Delete], "still there"),
        (Lie::ConditionalDeleteIgnored, &[Delete], "earlier version is accepted"),
        (Lie::EverybodyCreates, &[CreateRace], "4 of 4 writers"),
        (Lie::EverybodyReplaces, &[ReplaceRace], "4 of 4 writers"),
        (Lie::NobodyWins, &[CreateRace, ReplaceRace], "no writer wins"),
        (Lie::EtagsOfOthers, &[ReadAfterWrite], "not that of the newest"),
    ];
    for (lie, broken, says) in lies {
        let report = wait(probe(&liar(*lie)));
        let flaws = flaws(&report);
        let found: Vec<Capability> = flaws.iter().map(|(capability, _)| *capability).collect();
        assert_eq!(found, *broken, "{lie:?}: {report:?}");
        assert!(flaws.iter().all(|(_, v)| matches!(v, Verdict::Broken(_))), "{lie:?}: {report:?}");
        assert!(format!("{flaws:?}").contains(says), "{lie:?}: {report:?}");
        let apart = broken.iter().any(|capability| capability.keeps_writers_apart());
        assert_eq!(report.safe_for_many_writers(), !apart, "{lie:?}");
    }
}

#[test]
fn honest_stores_pass() {
    passes(&wait(probe(&memory().store)));
    passes(&wait(probe(&dir().store)));
    // As readers must: names in whatever case.
    passes(&wait(probe(&liar(Lie::MetadataInCapitals))));
    for server in [servers::ministack(), servers::seaweedfs()] {
        passes(&wait(probe(&store(server, "conformance", &fresh_prefix()))));
    }
}

/// It looks and writes in two steps, without a lock: a race may show it or not.
#[test]
fn a_server_without_locks_passes_but_for_races() {
    let report = wait(probe(&store(servers::moto(), "conformance", &fresh_prefix())));
    let races = [CreateRace, ReplaceRace];
    assert!(flaws(&report).iter().all(|(c, _)| races.contains(c)), "{report:?}");
}

#[test]
fn what_is_not_allowed_is_not_known() {
    for (lie, unknown, says) in [
        (Lie::MayNotWrite, &Capability::ALL[..], "s3:PutObject"),
        (Lie::MayNotList, &[Listing], "s3:ListBucket"),
        (Lie::MayNotDelete, &[ReadAfterWrite, Listing, Delete], "s3:DeleteObject"),
    ] {
        let report = wait(probe(&liar(lie)));
        let flaws = flaws(&report);
        let found: Vec<Capability> = flaws.iter().map(|(capability, _)| *capability).collect();
        assert_eq!(found, unknown, "{lie:?}: {report:?}");
        for (_, verdict) in flaws {
            let Verdict::Unknown(why) = verdict else { panic!("{lie:?}: {verdict:?}") };
            assert!(why.to_string().contains(says), "{lie:?}: {why}");
        }
        let apart = unknown.iter().any(|capability| capability.keeps_writers_apart());
        assert_eq!(report.safe_for_many_writers(), !apart, "{lie:?}");
        assert_eq!(report.left.is_empty(), lie != Lie::MayNotDelete, "{lie:?}: {report:?}");
    }
}

#[test]
fn nothing_is_left_whatever_is_found() {
    use Lie::*;
    for lie in [ConditionsIgnored, RefusesButWrites, StaleEtagTaken, LateListing, EverybodyCreates]
    {
        let store = liar(lie);
        wait(async {
            fill(&store.inner, &["other"]).await;
            assert!(probe(&store).await.left.is_empty(), "{lie:?}");
            assert_eq!(list_all(&store.inner, "").await.unwrap(), ["other"], "{lie:?}");
        });
    }
    let store = liar(MayNotDelete);
    wait(async {
        let left = probe(&store).await.left;
        assert!(!left.is_empty() && left.iter().all(|key| key.starts_with(PROBES)), "{left:?}");
        assert_eq!(list_all(&store.inner, "").await.unwrap(), left);
    });
}

/// Through a server that changes what reaches a real one.
fn through(act: impl Fn(&str) -> Act + Send + Sync + 'static) -> Report {
    // It checks no signatures, so headers can be taken away.
    let server = servers::moto();
    let double = Double::new(server.port, move |_, request| act(&request.head));
    wait(probe(&store_at(server, double.endpoint.clone(), "conformance", &fresh_prefix())))
}

#[test]
fn a_server_that_ignores_preconditions_is_caught() {
    let report = through(|head| match head {
        head if head.contains("\nif-none-match: ") => Act::Without("if-none-match"),
        head if head.contains("\nif-match: ") => Act::Without("if-match"),
        _ => Act::Forward,
    });
    let found: Vec<Capability> = flaws(&report).iter().map(|(c, _)| *c).collect();
    assert_eq!(found, [CreateOnly, Replace, Delete, CreateRace, ReplaceRace], "{report:?}");
    assert!(!report.safe_for_many_writers() && report.left.is_empty(), "{report:?}");
}

#[test]
fn a_server_that_knows_etags_only_without_quotes_is_caught() {
    let report = through(|head| match head.contains("\nif-match: \"") {
        true => Act::Answer(error(412, "PreconditionFailed")),
        false => Act::Forward,
    });
    let found = flaws(&report);
    assert!(found.iter().any(|(c, _)| *c == Replace), "{report:?}");
    assert!(format!("{found:?}").contains("the right etag is refused"), "{report:?}");
    assert!(!report.safe_for_many_writers(), "{report:?}");
}

/// Alone, a writer is safe on any of them.
#[test]
fn one_writer_needs_no_conditions_of_the_store() {
    for lie in [Lie::ConditionsIgnored, Lie::NoCreateOnly, Lie::RefusesEveryEtag] {
        let store = SingleWriter::new(std::sync::Arc::new(liar(lie)));
        passes(&wait(probe(&store)));
    }
    // It looks first: what happens between the look and the write, it cannot know.
    let store = SingleWriter::new(std::sync::Arc::new(liar(Lie::LostWrites)));
    assert!(!wait(probe(&store)).safe_for_many_writers());
}
