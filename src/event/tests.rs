use super::*;

const MAIN: &str = "main";

/// Asks with inputs `mode`, and else the defaults.
fn decided(event: &Event, mode: ModeInput) -> Result<Decision, EventError> {
    event.decide(EventContext {
        mode,
        scope: ScopeInput::Auto,
        reach: Reach::Repository,
        default_branch: &BranchName::new(MAIN),
        full_ref: Some("refs/heads/main"),
        sha: Some(A),
    })
}

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const ZERO: &str = "0000000000000000000000000000000000000000";

fn push_event(full_ref: &str, before: &str, after: &str) -> Event {
    let payload = serde_json::json!({
        "ref": full_ref, "before": before, "after": after,
        "repository": {"default_branch": "main", "something": "else"},
    });
    let event = Event::parse("push", &payload.to_string()).unwrap();
    assert_eq!(event.default_branch().unwrap().as_str(), MAIN);
    event
}

fn push(full_ref: &str, before: &str, after: &str, mode: ModeInput) -> Decision {
    decided(&push_event(full_ref, before, after), mode).unwrap()
}

fn run(decision: Decision) -> (Mode, Scope, String) {
    match decision {
        Decision::Run(run) => (run.mode, run.scope, run.commit.to_string()),
        Decision::Nothing(reason) => panic!("nothing to do: {reason}"),
    }
}

fn state() -> Scope {
    Scope::Changed(Base::State)
}

fn merge_base(with: &str) -> Scope {
    Scope::Changed(Base::MergeBaseWith(with.to_owned()))
}

#[test]
fn a_push_to_the_default_branch_is_applied() {
    let decision = push("refs/heads/main", A, B, ModeInput::Auto);
    assert_eq!(run(decision), (Mode::Apply, state(), B.to_owned()));
    let decision = push("refs/heads/main", ZERO, B, ModeInput::Auto);
    assert_eq!(run(decision), (Mode::Apply, state(), B.to_owned()));
    let decision = push("refs/heads/main", A, B, ModeInput::Plan);
    assert_eq!(run(decision), (Mode::Plan, state(), B.to_owned()));
}

#[test]
fn a_push_to_another_branch_is_planned() {
    let decision = push("refs/heads/topic", ZERO, B, ModeInput::Auto);
    assert_eq!(run(decision), (Mode::Plan, merge_base(MAIN), B.to_owned()));
    let decision = push("refs/heads/topic", A, B, ModeInput::Apply);
    assert_eq!(run(decision), (Mode::Apply, state(), B.to_owned()));
}

#[test]
fn explicit_inputs_win() {
    let scope = |scope, full_ref: &str| {
        let context = EventContext {
            mode: ModeInput::Auto,
            scope,
            reach: Reach::Repository,
            default_branch: &BranchName::new(MAIN),
            full_ref: None,
            sha: None,
        };
        run(push_event(full_ref, A, B).decide(context).unwrap()).1
    };
    let (main, topic) = ("refs/heads/main", "refs/heads/topic");
    assert_eq!(scope(ScopeInput::All, main), Scope::All);
    assert_eq!(scope(ScopeInput::Changed, main), state());
    assert_eq!(scope(ScopeInput::All, topic), Scope::All);
    assert_eq!(scope(ScopeInput::Changed, topic), merge_base(MAIN));
}

#[test]
fn a_branch_that_is_applied_is_a_source_of_its_own() {
    let role = |full_ref, mode| match push(full_ref, A, B, mode) {
        Decision::Run(run) => run.role,
        Decision::Nothing(reason) => panic!("nothing to do: {reason}"),
    };
    let (main, topic) = ("refs/heads/main", "refs/heads/topic");
    assert_eq!(role(main, ModeInput::Auto), BranchRole::Default);
    assert_eq!(role(topic, ModeInput::Auto), BranchRole::Default);
    assert_eq!(role(topic, ModeInput::Apply), BranchRole::Other);
}

#[test]
fn dispatched_runs_read_all_files() {
    let decide = |name: &str, mode, full_ref, sha| {
        Event::parse(name, "{}").unwrap().decide(EventContext {
            mode,
            scope: ScopeInput::Auto,
            reach: Reach::Repository,
            default_branch: &BranchName::new(MAIN),
            full_ref: Some(full_ref),
            sha,
        })
    };
    for name in ["workflow_dispatch", "schedule", "repository_dispatch"] {
        let decision = decide(name, ModeInput::Auto, "refs/heads/main", Some(A)).unwrap();
        assert_eq!(run(decision), (Mode::Apply, Scope::All, A.to_owned()));
    }
    let decision = decide("schedule", ModeInput::Auto, "refs/heads/topic", Some(A)).unwrap();
    assert_eq!(run(decision), (Mode::Plan, Scope::All, A.to_owned()));
    let decision = decide("release", ModeInput::Plan, "refs/tags/v1", Some(A)).unwrap();
    assert_eq!(run(decision), (Mode::Plan, Scope::All, A.to_owned()));
    let decision = decide("release", ModeInput::Apply, "refs/tags/v1", Some(A)).unwrap();
    assert!(matches!(decision, Decision::Nothing(_)), "{decision:?}");
    let error = decide("schedule", ModeInput::Auto, "refs/heads/main", None).unwrap_err();
    assert!(error.to_string().contains("GITHUB_SHA"), "{error}");
}

#[test]
fn a_fleet_is_compared_with_its_states() {
    let topic = "refs/heads/topic";
    for (mode, scope, full_ref, expected) in [
        (
            ModeInput::Auto,
            ScopeInput::Auto,
            "refs/heads/main",
            (Mode::Apply, state()),
        ),
        (
            ModeInput::Plan,
            ScopeInput::Auto,
            "refs/heads/main",
            (Mode::Plan, state()),
        ),
        (
            ModeInput::Auto,
            ScopeInput::All,
            "refs/heads/main",
            (Mode::Apply, Scope::All),
        ),
        (
            ModeInput::Auto,
            ScopeInput::Auto,
            topic,
            (Mode::Plan, state()),
        ),
        (
            ModeInput::Auto,
            ScopeInput::Changed,
            topic,
            (Mode::Plan, state()),
        ),
        (
            ModeInput::Apply,
            ScopeInput::Auto,
            topic,
            (Mode::Apply, state()),
        ),
        (
            ModeInput::Auto,
            ScopeInput::Auto,
            "refs/tags/v1",
            (Mode::Plan, state()),
        ),
    ] {
        let context = EventContext {
            mode,
            scope,
            reach: Reach::Fleet,
            default_branch: &BranchName::new(MAIN),
            full_ref: Some(full_ref),
            sha: Some(A),
        };
        for name in ["workflow_dispatch", "schedule", "repository_dispatch"] {
            match Event::parse(name, "{}").unwrap().decide(context).unwrap() {
                Decision::Run(run) => {
                    assert_eq!(run.role, BranchRole::Default);
                    assert_eq!(
                        (run.mode, run.scope),
                        expected,
                        "{mode:?} {scope:?} {full_ref}"
                    );
                }
                Decision::Nothing(reason) => panic!("nothing to do: {reason}"),
            }
        }
        for event in [
            push_event(full_ref, A, B),
            Event::parse("issues", "{}").unwrap(),
        ] {
            let error = event.decide(context).unwrap_err().to_string();
            let advice = format!("take `{}` out of the workflow's `on:`", event.name);
            assert!(error.contains(&advice), "{error}");
        }
    }
}

#[test]
fn what_a_pull_request_brings_along_does_not_reach_the_catalog() {
    for name in ["pull_request_review", "pull_request_review_comment"] {
        let event = Event::parse(name, "{}").unwrap();
        let decide = |mode| {
            event.decide(EventContext {
                mode,
                scope: ScopeInput::Auto,
                reach: Reach::Repository,
                default_branch: &BranchName::new(MAIN),
                full_ref: Some("refs/pull/7/merge"),
                sha: Some(A),
            })
        };
        match decide(ModeInput::Plan).unwrap() {
            Decision::Run(run) => assert_eq!(run.catalog, CatalogAccess::Never),
            Decision::Nothing(reason) => panic!("nothing to do: {reason}"),
        }
        let decision = decide(ModeInput::Auto).unwrap();
        assert!(matches!(decision, Decision::Nothing(_)), "{decision:?}");
        let refused = decide(ModeInput::Apply);
        assert!(
            matches!(&refused, Err(EventError::ApplyUnmerged(event)) if event == name),
            "{refused:?}"
        );
    }
}

#[test]
fn deleted_branches_and_tags_need_nothing() {
    for (full_ref, after) in [("refs/heads/main", ZERO), ("refs/tags/v1", B)] {
        let decision = push(full_ref, A, after, ModeInput::Apply);
        assert!(matches!(decision, Decision::Nothing(_)), "{decision:?}");
    }
}

#[test]
fn a_pull_request_is_planned_and_never_applied() {
    let payload = serde_json::json!({"pull_request": {
        "number": 7,
        "base": {"ref": "release/1", "sha": A},
        "head": {"ref": "topic", "sha": B},
    }});
    let event = Event::parse("pull_request", &payload.to_string()).unwrap();
    let decision = decided(&event, ModeInput::Auto).unwrap();
    let base = Base::PullRequest {
        into: BranchName::new("release/1"),
        opened_on: CommitSha::parse(A).unwrap(),
    };
    let scope = Scope::Changed(base);
    assert_eq!(run(decision), (Mode::Plan, scope, B.to_owned()));
    assert!(decided(&event, ModeInput::Apply).is_err());
}

#[test]
fn a_fork_does_not_reach_the_catalog() {
    let catalog = |head: serde_json::Value| {
        let side = |repo| serde_json::json!({"ref": "x", "sha": A, "repo": repo});
        let own = serde_json::json!({"full_name": "octo/shop"});
        let payload = serde_json::json!({"pull_request": {"number": 7, "base": side(own), "head": side(head)}});
        let event = Event::parse("pull_request_target", &payload.to_string()).unwrap();
        match decided(&event, ModeInput::Auto).unwrap() {
            Decision::Run(run) => run.catalog,
            Decision::Nothing(reason) => panic!("nothing to do: {reason}"),
        }
    };
    let own = serde_json::json!({"full_name": "octo/shop"});
    assert_eq!(catalog(own), CatalogAccess::WithCredentials);
    let fork = serde_json::json!({"full_name": "mallory/shop"});
    assert_eq!(catalog(fork), CatalogAccess::Never);
    assert_eq!(catalog(serde_json::Value::Null), CatalogAccess::Never);
}

#[test]
fn bad_payloads_say_what_is_missing() {
    let error = |text| Event::parse("push", text).unwrap_err().to_string();
    assert!(error("nonsense").contains("`push`"));
    assert!(error("{}").contains("missing field `ref`"));
    let not_a_sha = r#"{"ref": "refs/heads/main", "before": "main", "after": ""}"#;
    assert!(
        error(not_a_sha).contains("`before` is `main`"),
        "{}",
        error(not_a_sha)
    );
}

#[test]
fn unknown_events_say_what_would_help() {
    let event = Event::parse("issues", "{}").unwrap();
    let decision = decided(&event, ModeInput::Auto).unwrap();
    assert!(matches!(decision, Decision::Nothing(reason) if reason.contains("`push`")));
}
