//! Contents, and where they come from.

use std::fs;
use std::os::unix::fs::symlink;

use port_gitops::git::checkout::Checkout;
use port_gitops::git::{BlobId, CommitSha, FileMode};
use port_gitops::github::{BlobContent, Error, Side, WantedFile};
use port_gitops_sandbox::{Answer, Fault, Matcher, Sandbox};
use serde_json::json;

use crate::world::{World, gone, paths, text, wanted};

fn by_path(commit: &CommitSha, path: &str) -> WantedFile {
    wanted(commit, path, Side::Unknown)
}

#[tokio::test]
async fn what_is_known_costs_nothing() {
    let world = World::new();
    world
        .git
        .symlink("link", "a")
        .submodule("module", &"1".repeat(40));
    world.git.write("large.yml", &"x".repeat(1024 * 1024 + 1));
    let head = world.commit("head");
    let all = world.all_of(&head).await;
    assert_eq!(world.cost(), 1);
    let contents = world.read(&all).await;
    let paths: Vec<_> = all.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["large.yml", "link", "module"]);
    let expected = [
        BlobContent::TooLarge,
        BlobContent::Symlink,
        BlobContent::Absent,
    ];
    assert_eq!(contents, expected);
    let absent = wanted(&head, "x", Side::Absent);
    assert_eq!(world.read(&[absent]).await, [BlobContent::Absent]);
    assert_eq!(world.cost(), 0);
}

#[tokio::test]
async fn what_graphql_cannot_hold_is_read_by_itself() {
    let world = World::new();
    let long = "é".repeat(300_000);
    world
        .git
        .write("long.yml", &long)
        .write_bytes("latin.yml", b"caf\xe9")
        .write_bytes("binary.yml", b"a\0b\xff")
        .write("mark.yml", "a \u{fffd}")
        .write("large.yml", &"x".repeat(1024 * 1024 + 1))
        .write("empty.yml", "");
    let head = world.commit("head");
    let expected = [
        ("binary.yml", BlobContent::Binary),
        ("empty.yml", text("")),
        ("large.yml", BlobContent::TooLarge),
        ("latin.yml", BlobContent::Binary),
        ("long.yml", text(&long)),
        ("mark.yml", text("a \u{fffd}")),
        ("none.yml", BlobContent::Absent),
    ];
    let unknown = expected.clone().map(|(path, _)| by_path(&head, path));
    let contents = world.read(&unknown).await;
    assert_eq!(contents, expected.clone().map(|(_, content)| content));
    assert_eq!(world.cost(), 1 + 4);
    // With the sizes known, the long one is not asked for in vain.
    let all = world.all_of(&head).await;
    world.cost();
    let expected = expected.map(|(_, content)| content);
    assert_eq!(world.read(&all).await, expected[..6]);
    assert_eq!(world.cost(), 1 + 4);
    let blobs = world.github.whole_journal();
    assert!(blobs.iter().all(|one| !one.path.contains("/contents/")));
}

#[tokio::test]
async fn known_sizes_make_queries_smaller() {
    let world = World::new();
    for n in 0..30 {
        let content = format!("{n} {}", "x".repeat(200_000));
        world.git.write(&format!("{n:02}.yml"), &content);
    }
    let head = world.commit("head");
    let all = world.all_of(&head).await;
    world.cost();
    let is_whole =
        |content: &BlobContent| matches!(content, BlobContent::Text(text) if text.len() > 200_000);
    assert!(world.read(&all).await.iter().all(is_whole));
    assert_eq!(world.cost(), 3, "ten files of 200 KB in each");
}

#[tokio::test]
async fn a_query_that_is_too_heavy_is_halved() {
    let answer = |body| Answer::json(200, &body);
    let wrong = "Something went wrong while executing your query.";
    let bug = "This may be the result of a timeout, or it could be a GitHub bug.";
    let limits = json!({
        "type": "RESOURCE_LIMITS_EXCEEDED", "path": ["repository", "c0"],
        "message": "Resource limits for this query exceeded.",
    });
    let heavy = [
        Answer::status(502),
        Answer::status(504),
        answer(json!({"data": null, "errors": [{"message": format!("{wrong} {bug}")}]})),
        answer(json!({"data": {"repository": null}, "errors": [limits]})),
    ];
    let world = World::new();
    for n in 0..8 {
        world.git.write(&format!("{n}.yml"), &n.to_string());
    }
    let head = world.commit("head");
    let files: Vec<_> = (0..8)
        .map(|n| by_path(&head, &format!("{n}.yml")))
        .collect();
    let expected: Vec<_> = (0..8).map(|n| text(&n.to_string())).collect();
    for heavy in heavy {
        // Eight files, then four, then two and two, then the other four.
        world.inject(Fault::answer(heavy).on("POST", "/graphql").times(2));
        let contents = world.read(&files).await;
        assert_eq!(contents, expected);
        assert_eq!(world.cost(), 5);
    }
    let always = answer(json!({"errors": [{"message": wrong}]}));
    world.inject(Fault::answer(always).on("POST", "/graphql").always());
    // In the end without GraphQL: queries for 8, 4, 2 and 1, the tree, and the blobs.
    assert_eq!(world.read(&files).await, expected);
    assert_eq!(world.cost(), 4 + 1 + 8);
    world.github.clear_faults();
}

#[tokio::test]
async fn without_graphql_files_are_found_in_trees() {
    let world = World::new();
    world
        .git
        .write("a.yml", "a")
        .symlink("link", "a.yml")
        .submodule("module", &"1".repeat(40));
    let base = world.commit("base");
    world.git.write("a.yml", "b");
    let head = world.commit("head");
    for status in [403, 404] {
        world.inject(Fault::status(status).on("POST", "/graphql"));
        let names = ["a.yml", "link", "module", "none"];
        let files = [&base, &head]
            .into_iter()
            .flat_map(|at| names.map(|name| by_path(at, name)));
        let files: Vec<_> = files.collect();
        let contents = world.read(&files).await;
        let (link, absent) = (BlobContent::Symlink, BlobContent::Absent);
        let others = [link, absent.clone(), absent];
        let expected = [&[text("a")][..], &others, &[text("b")], &others].concat();
        assert_eq!(contents, expected);
    }
}

/// Such as one that no branch and no tag reaches.
#[tokio::test]
async fn a_commit_that_graphql_does_not_show_is_read_without_it() {
    let world = World::new();
    world.git.write("a.yml", "a");
    let head = world.commit("head");
    let hidden = Answer::json(200, &json!({"data": {"repository": {"c0": null}}}));
    world.inject(Fault::answer(hidden).on("POST", "/graphql"));
    let files = ["a.yml", "none.yml"].map(|path| by_path(&head, path));
    let contents = world.read(&files).await;
    assert_eq!(contents, [text("a"), BlobContent::Absent]);
}

#[tokio::test]
async fn a_revision_that_is_gone_is_no_empty_revision() {
    let world = World::new();
    let head = world.commit("head");
    let gone = gone();
    let files = [by_path(&head, "a"), by_path(&gone, "a")];
    let error = world.room.contents(&files, None).await.unwrap_err();
    assert!(
        matches!(&error, Error::NoSuchCommit { commit } if commit == gone.as_str()),
        "{error}"
    );
    let side = Side::File {
        mode: Some(FileMode::Regular),
        blob: BlobId::parse(&"2".repeat(40)).unwrap(),
    };
    let missing = world.read(&[wanted(&head, "a", side)]).await;
    assert_eq!(missing, [BlobContent::Missing]);
}

#[tokio::test]
async fn a_checkout_saves_requests_and_is_believed_by_ids_only() {
    for world in [World::new(), World::sha256()] {
        let commit = |what: &str| {
            for name in ["a", "dir/b", "crlf", "forged", "linked", "gone"] {
                let path = format!("{name}.yml");
                world.git.write(&path, &format!("{path}\n{what}\n"));
            }
            world.commit(what)
        };
        let (base, head) = (commit("old"), commit("new"));
        let workspace = tempfile::tempdir().unwrap();
        let at = |name: &str| workspace.path().join(name);
        world.git.export(head.as_str(), workspace.path()).unwrap();
        assert!(Checkout::open(workspace.path()).is_none());
        fs::create_dir(at(".git")).unwrap();
        let checkout = Checkout::open(workspace.path()).unwrap();
        let diff = world.diff(&base, &head).await;
        let heads = diff.files.iter();
        let heads = heads.map(|file| wanted(&head, file.path.as_str(), file.head.clone()));
        let heads: Vec<_> = heads.collect();
        let expected: Vec<_> = paths(&diff)
            .iter()
            .map(|path| text(&format!("{path}\nnew\n")))
            .collect();
        world.cost();
        let contents = world.read_beside(&heads, Some(&checkout)).await;
        assert_eq!((&contents, world.cost()), (&expected, 0));

        fs::write(at("crlf.yml"), "crlf.yml\r\nnew\r\n").unwrap();
        fs::write(at("forged.yml"), "false").unwrap();
        fs::rename(at("linked.yml"), at("elsewhere")).unwrap();
        symlink("elsewhere", at("linked.yml")).unwrap();
        fs::remove_file(at("gone.yml")).unwrap();
        let contents = world.read_beside(&heads, Some(&checkout)).await;
        assert_eq!((&contents, world.cost()), (&expected, 1));
        let asked = world.github.whole_journal().pop().unwrap();
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        assert!(Matcher::new("POST", "/graphql").matches(&asked));
        assert!(body.contains("forged.yml") && !body.contains("a.yml"));
    }
}
