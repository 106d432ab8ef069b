use super::*;

fn parsed(inputs: &[(&str, &str)]) -> Result<(Inputs, Vec<String>), Vec<String>> {
    let runner_variables = [
        ("GITHUB_REPOSITORY", "octo/shop"),
        ("INPUT_GITHUB-TOKEN", "t"),
    ];
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()), *value))
        .collect();
    let variables = runner_variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .chain(inputs)
        .map(|(name, value)| (name, value.to_owned()));
    let environment = Environment::new(variables);
    let (inputs, warnings) = parse(&environment);
    let inputs = inputs.map_err(|errors| errors.iter().map(ToString::to_string).collect());
    inputs.map(|inputs| (inputs, warnings))
}

#[test]
fn everything_has_a_default() {
    let (inputs, warnings) = parsed(&[]).unwrap();
    assert!(inputs.credentials.is_none());
    assert_eq!(inputs.base_url.as_str(), "https://api.port.io/");
    assert_eq!(
        inputs.github.graphql.as_str(),
        "https://api.github.com/graphql"
    );
    assert_eq!(inputs.mode, ModeInput::Auto);
    assert_eq!(inputs.scope, ScopeInput::Auto);
    assert_eq!((inputs.prune, inputs.max_deletes), (Prune::Keep, 10));
    assert_eq!(inputs.merge, Merge::Merge);
    assert_eq!(inputs.missing_targets, MissingTargets::Reject);
    assert_eq!(inputs.owner, None);
    let blueprint = BlueprintId::parse("gitops_source").unwrap();
    assert!(!inputs.blueprints.allow(&blueprint));
    assert_eq!(inputs.state_blueprint, StateBlueprint::Kept(blueprint));
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let errors = parsed(&[
        ("client-id", "id"),
        ("base-url", "ftp://x"),
        ("files", "a["),
        ("blueprint", "a b"),
        ("mode", "dry"),
        ("merge", "yes"),
        ("owner", "a\u{e9}"),
        ("report-file", "../x"),
        ("prune", "yes"),
        ("max-deletes", "-1"),
        ("scope", "some"),
    ])
    .unwrap_err();
    insta::assert_snapshot!(errors.join("\n"), @r"
    input `client-secret`: is missing or empty although `client-id` is given: set both or neither
    input `base-url`: `ftp://x` must begin with `https://`
    input `files`: line 1: `a[` is not a glob: unclosed character class; missing ']'
    input `blueprint`: `a b` is not a valid blueprint name: a space is not allowed
    input `owner`: `aé` is not allowed: use printable ASCII characters
    input `report-file`: `../x` must be a path below the workspace
    input `mode`: `dry` is not allowed; use one of `auto`, `plan`, `apply`
    input `scope`: `some` is not allowed; use one of `auto`, `changed`, `all`
    input `prune`: `yes` is not allowed; use `true` or `false`
    input `max-deletes`: `-1` is not allowed: it must be a whole number, 0 or more
    input `merge`: `yes` is not allowed; use `true` or `false`
    ");
}

#[test]
fn a_secret_is_never_sent_in_the_clear() {
    for url in [
        "http://localhost:1",
        "http://127.0.0.1:1",
        "http://172.17.0.1:80",
        "http://[::1]",
    ] {
        assert!(parsed(&[("base-url", url)]).is_ok(), "{url}");
    }
    for url in [
        "http://api.port.io",
        "http://8.8.8.8",
        "http://localhost.example.com",
    ] {
        assert!(parsed(&[("base-url", url)]).is_err(), "{url}");
    }
    let errors = parsed(&[("base-url", "https://me:hunter2@host")]).unwrap_err();
    assert!(!errors[0].contains("hunter2"));
}

#[test]
fn graphql_lies_beside_rest() {
    let graphql = |rest: &str| {
        parsed(&[("github-api-url", rest)])
            .unwrap()
            .0
            .github
            .graphql
            .to_string()
    };
    assert_eq!(
        graphql("https://ghe.example.com/api/v3/"),
        "https://ghe.example.com/api/graphql"
    );
    assert_eq!(
        graphql("https://api.octo.ghe.com"),
        "https://api.octo.ghe.com/graphql"
    );
}

#[test]
fn unknown_inputs_are_named_with_the_nearest() {
    let (_, warnings) = parsed(&[("client-idd", "x"), ("colour", "red")]).unwrap();
    assert!(
        warnings[0].contains("did you mean `client-id`?"),
        "{warnings:?}"
    );
    assert!(warnings[1].ends_with("has no effect"), "{warnings:?}");
}

#[test]
fn a_base_url_needs_no_version() {
    for (given, used, warns) in [
        ("https://api.us.port.io", "https://api.us.port.io/", false),
        ("https://api.port.io/v1", "https://api.port.io/", true),
        ("https://api.port.io/v1/", "https://api.port.io/", true),
        (
            "https://example.com/port/v1",
            "https://example.com/port",
            true,
        ),
        ("https://example.com/v10", "https://example.com/v10", false),
    ] {
        let (inputs, warnings) = parsed(&[("base-url", given)]).unwrap();
        assert_eq!(inputs.base_url.as_str(), used);
        assert_eq!(!warnings.is_empty(), warns, "{warnings:?}");
    }
}

#[test]
fn a_fleet_needs_repositories() {
    let (inputs, warnings) = parsed(&[
        ("repositories", "octo/*\n!octo/old"),
        ("shard", "2/8"),
        ("comment", "true"),
    ])
    .unwrap();
    let fleet = inputs.fleet.unwrap();
    assert_eq!(fleet.repositories.to_string(), "octo/*\n!octo/old\n");
    assert_eq!(fleet.shard.to_string(), "2/8");
    assert!(warnings[0].contains("`comment` has no effect"));
    let (inputs, _) = parsed(&[("repositories", "octo/*")]).unwrap();
    assert!(inputs.fleet.unwrap().shard.is_whole());
    assert!(parsed(&[]).unwrap().0.fleet.is_none());

    let errors = parsed(&[("repositories", "octo\n!x"), ("shard", "0/4")]).unwrap_err();
    insta::assert_snapshot!(errors.join("\n"), @r"
    input `repositories`: line 1: `octo` is not a rule for repositories; a rule is OWNER/NAME: write `octo/*` for all of an owner's repositories
    input `repositories`: line 2: `!x` is not a rule for repositories; a rule is OWNER/NAME: write `!x/*` for all of an owner's repositories
    input `shard`: `0/4` is not allowed: shards are counted from 1, so the last one is `4/4`
    ");
    let errors = parsed(&[("shard", "1/4")]).unwrap_err();
    insta::assert_snapshot!(errors.join("\n"), @"input `shard`: is given without `repositories`, and is a part of those: set that too");
}

#[test]
fn an_unknown_input_is_named_beside_invalid_ones() {
    let given = [
        ("INPUT_GITHUB-TOKEN", "t"),
        ("INPUT_MODE", "x"),
        ("INPUT_PRUN", "true"),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (inputs, warnings) = parse(&Environment::new(given));
    assert_eq!(inputs.unwrap_err().len(), 1);
    assert!(warnings[0].contains("`prune`"), "{warnings:?}");
}
