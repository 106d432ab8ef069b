//! States as Port keeps them.

use port_gitops_contract::{Extent, check_port};
use port_gitops_sandbox::port::Permission;
use port_gitops_sandbox::{Answer, Fault, Matcher, PortSandbox, Sandbox};
use serde_json::{Map, Value, json};

use super::super::fleet::{FleetMemory, NewCommit, glimpse, save_commits};
use super::super::store::{self, Error, Facts, Save, Store, Stored, list};
use super::*;
use crate::catalog::entity::BlueprintId;
use crate::inputs::DEFAULT_STATE_BLUEPRINT;
use crate::port::testing::client;
use crate::port::{ErrorCode, Existing, Port, Reserve, WhenExhausted};

const BLUEPRINT: &str = "gitops_source";

struct World {
    sandbox: PortSandbox,
    port: Port,
}

impl World {
    fn new() -> Self {
        let sandbox = PortSandbox::start().unwrap();
        let port = client(&sandbox);
        Self { sandbox, port }
    }

    /// Where the source `github.com/ID` has its state.
    fn store(&self, repository_id: u64) -> Store<'_> {
        Store {
            port: &self.port,
            blueprint: BlueprintId::parse(BLUEPRINT).unwrap(),
            name: name(repository_id),
        }
    }

    /// Saves a state, which says `status`, over the one that is known.
    async fn save(
        &self,
        state: &State,
        status: Status,
        known: Option<&Stored>,
    ) -> Result<Stored, Error> {
        let store = self.store(1);
        let save = Save {
            store: &store,
            state,
            status,
            facts: facts(),
            known,
        };
        let mut saved = store::save(&[save]).await;
        assert_eq!(saved.len(), 1);
        saved.remove(0)
    }

    async fn load(&self) -> Option<Stored> {
        self.store(1).load(Reserve::Use).await.unwrap()
    }

    fn properties(&self, name: &str) -> Map<String, Value> {
        let entity = self.sandbox.entity(BLUEPRINT, name).unwrap();
        let mut properties = entity["properties"].as_object().unwrap().clone();
        properties.retain(|_, value| !value.is_null());
        properties
    }

    /// Changes what Port holds of a state by hand.
    fn edit(&self, name: &str, property: &str, value: Value) {
        let mut entity = self.sandbox.entity(BLUEPRINT, name).unwrap();
        entity["properties"][property] = value;
        self.sandbox.put_entity(BLUEPRINT, entity).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        check_port(&self.sandbox, Extent::Both);
    }
}

fn name(repository_id: u64) -> SourceName {
    SourceName::new(SourceParts {
        host: "github.com",
        repository_id,
        branch: None,
        owner: None,
    })
}

fn facts() -> Facts {
    Facts {
        title: "octo/shop".to_owned(),
        repository: "https://github.com/octo/shop".to_owned(),
        branch: "main".to_owned(),
        run_url: None,
        time: "2026-07-15T12:00:00Z".to_owned(),
        problems: vec!["one".to_owned(), "two".to_owned()],
    }
}

/// A state with the entities `a` and `b`, of which `b` was removed.
fn state() -> State {
    let mut state = State {
        commit: CommitSha::parse(&"c".repeat(40)),
        inputs: "digest".to_owned(),
        since: 7,
        ..State::default()
    };
    conclude(&mut state, &path(), outcome('1', "a", "", ""));
    state
        .removed
        .insert(key("b"), removed(DeletionState::Pending));
    state.waiting = keys("w");
    state
}

fn done(saved: Result<Stored, Error>) -> Stored {
    saved.unwrap()
}

#[tokio::test]
async fn what_is_saved_is_loaded() {
    let world = World::new();
    assert!(world.load().await.is_none());
    let begun = done(world.save(&State::default(), Status::Applying, None).await);
    let loaded = world.load().await.unwrap();
    assert!(loaded.is_same_save(&begun));
    assert!(begun.is_applying() && loaded.is_applying());
    let ended = done(world.save(&state(), Status::Synced, Some(&loaded)).await);
    let loaded = world.load().await.unwrap();
    assert!(loaded.is_same_save(&ended) && !loaded.is_same_save(&begun));
    assert!(!ended.is_applying() && !loaded.is_applying());
    assert_eq!((&ended.state, &loaded.state), (&state(), &state()));

    let mut shown = world.properties("github.com/1");
    assert!(shown.remove("settled").is_some() && shown.remove("open").is_some());
    let expected = json!({
        "status": "synced",
        "repository": "https://github.com/octo/shop",
        "branch": "main",
        "commit": "c".repeat(40),
        "applied_at": "2026-07-15T12:00:00Z",
        "entity_count": 1,
        "problem_count": 2,
        "problems": "- one\n- two\n",
        "inputs": "digest",
        "entities": ["service|a"],
        "waiting": ["service|w"],
        "removed": ["service|b"],
    });
    assert_eq!(Value::from(shown), expected);
    let blueprint = world.sandbox.blueprint(BLUEPRINT).unwrap();
    let definition: Value = serde_json::from_str(include_str!("../blueprint.json")).unwrap();
    assert_eq!(definition["identifier"], DEFAULT_STATE_BLUEPRINT);
    let status = &blueprint["schema"]["properties"]["status"]["enum"];
    assert_eq!(
        *status,
        json!([Status::Synced, Status::Incomplete, Status::Applying])
    );
}

/// The body of a refusal by Port.
fn refusal(status: u16, error: &str) -> Fault {
    let body = json!({"ok": false, "error": error, "message": "no"});
    Fault::answer(Answer::json(status, &body))
}

fn refused(code: ErrorCode) -> String {
    format!("refused: {code:?}")
}

/// What became of a save, in a word or two.
fn word(saved: &Result<Stored, Error>) -> String {
    match saved {
        Ok(_) => "done".to_owned(),
        Err(Error::Overtaken(found)) => format!("overtaken: {}", found.state.inputs),
        Err(Error::NoBlueprint(_)) => "no blueprint".to_owned(),
        Err(Error::Refused { rejection, .. }) => refused(rejection.code),
        Err(Error::Hidden { .. }) => "hidden".to_owned(),
        Err(Error::TooLarge { .. }) => "too large".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_first_save_says_what_is_in_the_way() {
    const ENTITIES: &str = "/v1/blueprints/gitops_source/entities";
    const CREATION: &str = "/v1/blueprints";
    let denied = ErrorCode::MissingPermissions;
    type Case = (fn(&World), String);
    let cases: [Case; 10] = [
        (|_| {}, "done".to_owned()),
        // It was this run's own, and the answer was lost.
        (
            |world| {
                let lost = Fault::status(502).after_effect().on("POST", ENTITIES);
                world.sandbox.inject(lost.skip(1));
            },
            "done".to_owned(),
        ),
        // Another run creates the blueprint first.
        (
            |world| {
                let taken = refusal(409, "identifier_taken").after_effect();
                world.sandbox.inject(taken.on("POST", CREATION));
            },
            "done".to_owned(),
        ),
        (
            |world| world.sandbox.deny(Permission::CreateBlueprints),
            "no blueprint".to_owned(),
        ),
        (
            |world| {
                world
                    .sandbox
                    .inject(refusal(422, "invalid_request").on("POST", CREATION))
            },
            refused(ErrorCode::InvalidRequest),
        ),
        // A blueprint without the properties gets them, where that is allowed.
        (
            |world| {
                world
                    .sandbox
                    .add_blueprint(json!({"identifier": BLUEPRINT}))
            },
            "done".to_owned(),
        ),
        (
            |world| {
                world
                    .sandbox
                    .add_blueprint(json!({"identifier": BLUEPRINT}));
                let denied = Permission::ChangeBlueprint(BLUEPRINT.to_owned());
                world.sandbox.deny(denied);
            },
            refused(denied),
        ),
        (
            |world| {
                let denied = Permission::WriteEntities(BLUEPRINT.to_owned());
                world.sandbox.deny(denied);
            },
            refused(denied),
        ),
        // Port refuses the state, and the blueprint is not to blame.
        (
            |world| {
                let refusal = refusal(422, "invalid_request").on("POST", ENTITIES);
                world.sandbox.inject(refusal.skip(1).times(2));
            },
            refused(ErrorCode::InvalidRequest),
        ),
        // There is one that the credentials may not see.
        (
            |world| {
                world.sandbox.hide_entity(BLUEPRINT, "github.com/1");
                let taken = refusal(409, "identifier_taken");
                world.sandbox.inject(taken.on("POST", ENTITIES));
            },
            "hidden".to_owned(),
        ),
    ];
    for (index, (arrange, expected)) in cases.into_iter().enumerate() {
        let world = World::new();
        arrange(&world);
        let saved = world.save(&state(), Status::Synced, None).await;
        assert_eq!(word(&saved), expected, "case {index}");
        if expected == "done" {
            let loaded = world.load().await.unwrap();
            assert!(loaded.is_same_save(&done(saved)), "case {index}");
        }
    }
}

#[tokio::test]
async fn a_later_save_creates_nothing_and_overtakes_nobody() {
    let world = World::new();
    let mut own = state();
    let first = done(world.save(&own, Status::Synced, None).await);
    own.inputs = "other".to_owned();
    let second = world.save(&own, Status::Synced, None).await;
    assert_eq!(word(&second), "overtaken: digest", "it was not known");
    // Where it is known, it is written, whoever wrote it last.
    assert_eq!(
        word(&world.save(&own, Status::Synced, Some(&first)).await),
        "done"
    );
    let taken = refusal(409, "identifier_taken");
    world.sandbox.inject(taken.on("POST", "*/entities"));
    let third = world.save(&own, Status::Synced, Some(&first)).await;
    assert_eq!(word(&third), refused(ErrorCode::IdentifierTaken));
    let gone = refusal(404, "not_found");
    world.sandbox.inject(gone.on("POST", "*/entities"));
    let fourth = world.save(&own, Status::Synced, Some(&first)).await;
    assert_eq!(word(&fourth), refused(ErrorCode::NotFound));
}

#[tokio::test]
async fn states_are_saved_together_and_large_ones_left_out() {
    let world = World::new();
    let known = done(world.save(&state(), Status::Synced, None).await);
    let stores = [1, 2, 3, 4].map(|id| world.store(id));
    let state = state();
    let saves: Vec<_> = stores
        .iter()
        .map(|store| Save {
            store,
            state: &state,
            status: Status::Synced,
            facts: Facts {
                title: match store.name == name(3) {
                    true => "x".repeat(1024 * 1024),
                    false => store.name.to_string(),
                },
                ..facts()
            },
            known: (store.name == name(1)).then_some(&known),
        })
        .collect();
    world.sandbox.clear_journal();
    let saved = store::save(&saves).await;
    let words: Vec<_> = saved.iter().map(word).collect();
    assert_eq!(words, ["done", "done", "too large", "done"]);
    let writes = world.sandbox.requests(&Matcher::new("POST", "*"));
    assert_eq!(writes.len(), 2, "new ones and known ones");
    for (store, saved) in stores.iter().zip(saved) {
        if let Ok(saved) = saved {
            let loaded = store.load(Reserve::Use).await.unwrap().unwrap();
            assert!(loaded.is_same_save(&saved), "{}", store.name);
        }
    }
}

#[tokio::test]
async fn a_new_commit_is_seen_by_the_next_search() {
    let world = World::new();
    let saved = done(world.save(&state(), Status::Synced, None).await);
    let (commit, stores) = (
        CommitSha::parse(&"d".repeat(40)).unwrap(),
        [1, 2].map(|id| world.store(id)),
    );
    let new = |store| NewCommit {
        store,
        commit: &commit,
    };
    save_commits(&[]).await;
    save_commits(&stores.each_ref().map(new)).await;
    let loaded = world.load().await.unwrap();
    assert_eq!(loaded.state, state(), "files are compared with the old one");
    assert!(loaded.is_same_save(&saved));

    let (blueprint, names) = (BlueprintId::parse(BLUEPRINT).unwrap(), [1, 2, 3].map(name));
    let seen = async || {
        let found = glimpse(&world.port, &blueprint, names.to_vec())
            .await
            .unwrap();
        let found = found.into_iter().map(|(name, glimpse)| {
            (
                name,
                glimpse.commit == Some(commit.clone()),
                glimpse.inputs,
                glimpse.is_synced,
                glimpse.has_removed,
                glimpse.entities,
            )
        });
        found.collect::<Vec<_>>()
    };
    // The second was deleted, so it has nothing but its commit.
    let mut expected = vec![
        (name(1), true, "digest".to_owned(), true, true, 1),
        (name(2), true, String::new(), false, false, 0),
    ];
    assert_eq!(seen().await, expected);
    world.edit("github.com/1", "status", json!("applying"));
    world.edit("github.com/1", "removed", json!([]));
    world.edit("github.com/1", "commit", json!("main"));
    expected[0] = (name(1), false, "digest".to_owned(), false, false, 1);
    assert_eq!(seen().await, expected);
}

#[tokio::test]
async fn claims_are_found_in_the_lists_of_other_states() {
    let world = World::new();
    done(world.save(&state(), Status::Synced, None).await);
    let keys = |names: &str| -> BTreeSet<_> { keys(names) };
    let found = async |names: &BTreeSet<EntityKey>, except: &[&str]| {
        let claims = world.store(2).claims(names, except).await.unwrap();
        let parts = claims
            .into_iter()
            .map(|one| (one.name, one.title, one.since, one.owned, one.waiting));
        parts.collect::<Vec<_>>()
    };
    let named = |title: &str, since, owned, waiting| {
        let (name, title) = ("github.com/1".to_owned(), title.to_owned());
        vec![(name, title, since, keys(owned), keys(waiting))]
    };
    for (names, expected) in [
        ("a", named("octo/shop", 7, "a", "")),
        ("a w x", named("octo/shop", 7, "a", "w")),
        ("b x", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(found(&keys(names), &[]).await, expected, "{names}");
        assert_eq!(found(&keys(names), &["github.com/1"]).await, []);
    }
    // A state that cannot be read counts as the oldest.
    world.edit("github.com/1", "open", json!(["1:"]));
    assert_eq!(found(&keys("a"), &[]).await, named("octo/shop", 0, "a", ""));
    // What a query names is in no list.
    world.sandbox.clear_journal();
    let query = EntityKey::from_text(r#"service|{"combinator":"and","rules":[]}"#).unwrap();
    assert_eq!(found(&BTreeSet::from([query]), &[]).await, []);
    assert_eq!(world.sandbox.journal().len(), 0);
}

#[tokio::test]
async fn a_fleet_remembers_what_its_last_run_found() {
    let world = World::new();
    let store = Store {
        name: SourceName::of_fleet(&FleetParts {
            host: "github.com",
            home_id: 1,
            owner: None,
            shard: None,
        }),
        ..world.store(1)
    };
    let commit = CommitSha::parse(&"c".repeat(40)).unwrap();
    let memory = FleetMemory {
        inputs: "digest".to_owned(),
        nothing: BTreeMap::from([(5, commit.clone())]),
        failed: BTreeSet::from([6]),
    };
    for (id, commit, expected) in [
        (5, &commit, true),
        (6, &commit, false),
        (5, &CommitSha::parse(&"d".repeat(40)).unwrap(), false),
    ] {
        assert_eq!(
            memory.declares_nothing(id, commit),
            expected,
            "{id} {commit}"
        );
    }
    assert_eq!(store.load_fleet().await.unwrap(), None);
    // Another run may have been the first meanwhile.
    for (existing, problems, list, status) in [
        (Existing::Refuse, &[][..], "", "synced"),
        (Existing::Refuse, &["one"], "- one\n", "incomplete"),
        (Existing::Merge, &[], "", "synced"),
    ] {
        let facts = Facts {
            problems: problems.iter().map(ToString::to_string).collect(),
            ..facts()
        };
        let saved = store.save_fleet(&memory, 3, &facts, existing).await;
        saved.unwrap();
        assert_eq!(store.load_fleet().await.unwrap().as_ref(), Some(&memory));
        let mut shown = world.properties("github.com/fleet/1");
        assert!(shown.remove("settled").is_some());
        let expected = json!({
            "status": status,
            "repository": "https://github.com/octo/shop",
            "applied_at": "2026-07-15T12:00:00Z",
            "entity_count": 3,
            "problem_count": problems.len(),
            "problems": list,
            "inputs": "digest",
        });
        assert_eq!(Value::from(shown), expected);
    }
    world.edit("github.com/fleet/1", "settled", json!(["1:"]));
    let loaded = store.load_fleet().await.unwrap();
    assert_eq!(
        loaded,
        Some(FleetMemory::default()),
        "the run then reads every repository"
    );
    let denied = Permission::WriteEntities(BLUEPRINT.to_owned());
    world.sandbox.deny(denied);
    for existing in [Existing::Refuse, Existing::Merge] {
        let saved = store.save_fleet(&memory, 3, &facts(), existing).await;
        assert!(matches!(saved, Err(Error::Refused { .. })), "{saved:?}");
    }
}

#[tokio::test]
async fn a_budget_that_ends_is_another_error_than_an_unreadable_state() {
    let mut world = World::new();
    done(world.save(&state(), Status::Synced, None).await);
    world.edit("github.com/1", "open", json!(["1:"]));
    let error = world.store(1).load(Reserve::Keep).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }) && !error.is_end_of_budget());
    // Fewer than are kept for what a run saves in the end.
    world
        .sandbox
        .set_rate_limit(5, std::time::Duration::from_secs(600));
    world.port = client(&world.sandbox).when_exhausted(WhenExhausted::Fail);
    world.port.authenticate().await.unwrap();
    let mut load = world.store(1).load(Reserve::Keep).await;
    if matches!(load, Err(Error::Unreadable { .. })) {
        load = world.store(1).load(Reserve::Keep).await;
    }
    assert!(load.unwrap_err().is_end_of_budget());
}

/// Each line is counted without its bullet.
#[test]
fn problems_are_a_list_of_30_kib_at_most() {
    const MOST: usize = 30 * 1024;
    let problems = |lengths: &[usize]| -> Vec<_> {
        lengths.iter().map(|&length| "x".repeat(length)).collect()
    };
    for (lengths, shown, more) in [
        (&[][..], 0, None),
        (&[1000; 3], 3, None),
        (&[MOST], 1, None),
        (&[MOST + 1], 0, Some("1 more")),
        (&[MOST / 2, MOST / 2 - 3], 2, None),
        (&[MOST / 2, MOST / 2 - 2, 1, 1], 1, Some("3 more")),
    ] {
        let text = list(&problems(lengths));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines.len(),
            shown + usize::from(more.is_some()),
            "{lengths:?}"
        );
        assert!(lines[..shown].iter().all(|line| line.starts_with("- x")));
        if let Some(more) = more {
            assert_eq!(lines[shown], format!("- … and {more}"));
        }
    }
}
