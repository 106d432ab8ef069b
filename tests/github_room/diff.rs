//! Two revisions and where they differ.

use port_gitops::git::FileMode;
use port_gitops::github::{Ancestry, BlobContent, Error, Side};
use port_gitops_sandbox::{Answer, Fault, Sandbox};
use serde_json::json;

use crate::world::{World, gone, not_found, paths, text, too_long, wanted};

#[tokio::test]
async fn up_to_299_files_are_compared_and_more_are_looked_up_in_trees() {
    for (count, cost) in [(299, 1), (300, 3), (1_200, 3)] {
        let world = World::new();
        world.git.write("same.yml", "same");
        world.write_many(3, "old");
        let base = world.commit("base");
        world.write_many(count, "new");
        let head = world.commit("head");
        let changed = world.room.changed_since(&base, &head).await.unwrap();
        assert_eq!(changed.files().is_some(), count < 300);
        assert_eq!(world.cost(), 1);
        let diff = world.diff(&base, &head).await;
        assert_eq!(diff.files.len(), count);
        assert_eq!(diff.relation, Ancestry::Ahead);
        assert_eq!(diff.base.as_ref(), Some(&base));
        assert!(diff.files.is_sorted_by_key(|file| &file.path));
        assert_eq!(world.cost(), cost, "{count}");

        let is_new = |content: &BlobContent| matches!(content, BlobContent::Text(text) if text.starts_with("new "));
        assert!(world.heads(&diff, &head).await.iter().all(is_new));
        assert_eq!(world.cost(), count.div_ceil(100));
    }
}

#[tokio::test]
async fn relations_are_told_and_files_only_where_base_came_first() {
    let world = World::new();
    let base = world.commit("base");
    world.git.write("a", "1");
    let ahead = world.commit("ahead");
    world.git.create_branch("topic").unwrap();
    world.git.reset_hard(base.as_str()).unwrap();
    world.git.write("b", "1");
    let diverged = world.commit("diverged");
    world.git.checkout_orphan("orphan");
    world.git.write("c", "1");
    let unrelated = world.commit("unrelated");
    let room = &world.room;
    let gone = gone();
    let cases = [
        (&base, &ahead, Some(Ancestry::Ahead), Some(vec!["a"])),
        (&ahead, &base, Some(Ancestry::Behind), None),
        (&ahead, &diverged, Some(Ancestry::Diverged), None),
        (&ahead, &ahead, Some(Ancestry::Identical), Some(vec![])),
        (&ahead, &unrelated, Some(Ancestry::Unrelated), None),
        (&gone, &ahead, None, None),
        (&ahead, &gone, None, None),
    ];
    for (from, to, relation, expected) in cases {
        assert_eq!(room.relation(from, to).await.unwrap(), relation);
        let changed = room.changed_since(from, to).await.unwrap();
        let paths = changed.files().map(|files| {
            let paths = files.into_iter().map(|file| file.path.to_string());
            paths.collect::<Vec<_>>()
        });
        let wanted = expected.map(|paths| paths.into_iter().map(str::to_owned).collect());
        assert_eq!(paths, wanted);
    }
    world.cost();
    room.changed_since(&gone, &ahead).await.unwrap();
    assert_eq!(world.cost(), 1, "what is gone is not waited for");
    room.changed_since(&ahead, &ahead).await.unwrap();
    assert_eq!(world.cost(), 0);

    let diff = room.diff_from_merge_base("topic", &ahead).await.unwrap();
    assert_eq!((diff.base.as_ref(), paths(&diff)), (Some(&base), vec!["a"]));
    let diff = world.diff(&ahead, &diverged).await;
    assert_eq!((diff.base.as_ref(), paths(&diff)), (Some(&base), vec!["b"]));
    let diff = room.diff_from_merge_base("main", &unrelated).await.unwrap();
    assert_eq!((diff.base.as_ref(), paths(&diff)), (None, vec!["c"]));
    assert_eq!(diff.relation, Ancestry::Unrelated);
}

#[tokio::test]
async fn three_changes_among_5_000_files_are_cheap() {
    let world = World::new();
    let path = |n: usize| format!("services/{}/{n}/port.yml", n % 50);
    for n in 0..5_000 {
        world.git.write(&path(n), "identifier: a\n");
    }
    let base = world.commit("base");
    for n in [7, 1_007, 4_999] {
        world.git.write(&path(n), "identifier: b\n");
    }
    let head = world.commit("head");
    let diff = world.diff(&base, &head).await;
    assert_eq!((diff.files.len(), world.cost()), (3, 1));
    // Where the comparison does not help, the trees do.
    let diff = world.diff_of_trees(&base, &head).await;
    assert_eq!((diff.files.len(), world.cost()), (3, 2 + 2));
    let bases = diff.files.iter();
    let bases: Vec<_> = bases
        .map(|file| wanted(&base, file.path.as_str(), file.base.clone()))
        .collect();
    assert_eq!(world.read(&bases).await, vec![text("identifier: a\n"); 3]);
    // The same content three times is requested once.
    assert_eq!(world.cost(), 1);
    // 5,000 files and 5,050 folders are too many at once here: only what differs is looked into.
    world.github.set_tree_limit(2_500);
    let world = reopened(world);
    let diff = world.diff_of_trees(&base, &head).await;
    assert_eq!(diff.files.len(), 3);
    // The comparison, two revisions, `services`, three folders.
    assert!(world.cost() <= 2 + 14);
}

fn reopened(mut world: World) -> World {
    world.reopen("octo-org/catalog");
    world
}

#[tokio::test]
async fn trees_that_are_cut_short_are_walked_at_any_depth() {
    let world = World::new();
    for n in 0..40 {
        world.git.write(&format!("big/{}/{n}.yml", n % 4), "x");
        world.git.write(&format!("small/{n}.yml"), "x");
    }
    world.git.write("top.yml", "x");
    let base = world.commit("base");
    world
        .git
        .write("big/1/1.yml", "y")
        .remove("big/2")
        .write("big/2", "a file now");
    world
        .git
        .rename("top.yml", "TOP.yml")
        .write("new/deep/er.yml", "z");
    let head = world.commit("head");
    let whole = world.diff_of_trees(&base, &head).await;
    assert_eq!(world.cost(), 2 + 2);
    let tree = world.room.tree(&head).await.unwrap();
    assert_eq!((tree.len(), world.cost()), (73, 0));

    // All of `big` is too much as well, `small` and the folders in `big` are not.
    world.github.set_tree_limit(30);
    let world = reopened(world);
    let walked = world.diff_of_trees(&base, &head).await;
    assert_eq!(walked, whole);
    assert!(walked.files.is_sorted_by_key(|file| &file.path));
    let journal = world.github.journal();
    assert!(journal.iter().all(|one| !one.path.contains("small")));
    assert_eq!(world.room.tree(&head).await.unwrap(), tree);
    let journal = world.github.journal();
    let mut asked: Vec<_> = journal.iter().map(|one| (&one.path, &one.query)).collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), journal.len(), "nothing is listed twice");
}

#[tokio::test]
async fn every_kind_of_entry_and_its_change_is_seen() {
    const ABSENT: BlobContent = BlobContent::Absent;
    const LINK: BlobContent = BlobContent::Symlink;
    // Long enough to be found again after a move.
    let [case, moved] = ["a text with another case\n", "a text that is moved away\n"];
    let world = World::new();
    world
        .git
        .write("to-link", "a")
        .write("to-folder", "a")
        .write("folder/to-file", "a")
        .write("mode", "a")
        .write("case.yml", case)
        .symlink("link", "to")
        .submodule("module", &"1".repeat(40))
        .symlink("to-text", "mode")
        .write("moved.yml", moved);
    let base = world.commit("base");
    world
        .git
        .remove("to-link")
        .symlink("to-link", "mode")
        .remove("to-folder")
        .write("to-folder/file", "b")
        .remove("folder")
        .write("folder", "b")
        .write_executable("mode", "a")
        .rename("case.yml", "Case.yml")
        .symlink("link", "elsewhere")
        .submodule("module", &"2".repeat(40))
        .remove("to-text")
        .write("to-text", "text")
        .rename("moved.yml", "x/moved.yml");
    let head = world.commit("head");
    let expected = [
        ("Case.yml", text(case), ABSENT),
        ("case.yml", ABSENT, text(case)),
        ("folder", text("b"), ABSENT),
        ("folder/to-file", ABSENT, text("a")),
        ("link", LINK, LINK),
        ("mode", text("a"), text("a")),
        ("module", ABSENT, ABSENT),
        ("moved.yml", ABSENT, text(moved)),
        ("to-folder", ABSENT, text("a")),
        ("to-folder/file", text("b"), ABSENT),
        ("to-link", LINK, text("a")),
        ("to-text", text("text"), LINK),
        ("x/moved.yml", text(moved), ABSENT),
    ];
    let compared = world.diff(&base, &head).await;
    assert_eq!(world.cost(), 1);
    let walked = world.diff_of_trees(&base, &head).await;
    for diff in [&compared, &walked] {
        assert_eq!(paths(diff), expected.each_ref().map(|row| row.0));
        for (file, (path, at_head, at_base)) in diff.files.iter().zip(&expected) {
            let sides = [
                wanted(&head, path, file.head.clone()),
                wanted(&base, path, file.base.clone()),
            ];
            let contents = world.read(&sides).await;
            assert_eq!(contents, [at_head.clone(), at_base.clone()], "{path}");
        }
    }
    let has_mode = |wanted: FileMode| {
        let is_so = |side: &Side| matches!(side, Side::File { mode, .. } if *mode == Some(wanted));
        walked.files.iter().any(|file| is_so(&file.head))
    };
    assert!(has_mode(FileMode::Executable) && has_mode(FileMode::Submodule));
}

#[tokio::test]
async fn any_path_that_git_allows_is_found_and_read() {
    let names = [
        "a b.yml",
        "#.yml",
        "?.yml",
        "%41.yml",
        "'\".yml",
        "new\nline.yml",
        "\\n.yml",
        "tab\t.yml",
        "ü/日本.yml",
        "-x.yml",
        "{a}/[b]/*.yml",
        "a:b.yml",
        "$p0.yml",
        "\u{1}.yml",
        "...yml",
        "a\\b.yml",
    ];
    let world = World::new();
    let base = world.commit("base");
    for name in names {
        world.git.write(name, name);
    }
    let head = world.commit("head");
    let compared = world.diff(&base, &head).await;
    let walked = world.diff_of_trees(&base, &head).await;
    let mut sorted = names;
    sorted.sort_unstable();
    for diff in [compared, walked] {
        assert_eq!(paths(&diff), sorted);
        assert_eq!(world.heads(&diff, &head).await, sorted.map(text));
    }
}

#[tokio::test]
async fn a_path_that_is_no_utf_8_is_shown_in_other_letters_and_read_all_the_same() {
    let world = World::new();
    world.git.write("a.yml", "a");
    let base = world.commit("base");
    let [head, changed] = ["new", "newer"].map(|content| {
        world.git.write_bytes(b"caf\xe9.yml", content.as_bytes());
        world.commit(content)
    });
    let diff = world.diff(&base, &head).await;
    assert_eq!(paths(&diff), ["caf\u{fffd}.yml"]);
    assert_eq!(world.heads(&diff, &head).await, [text("new")]);
    let diff = world.diff(&head, &changed).await;
    assert_eq!(world.heads(&diff, &changed).await, [text("newer")]);
    let before = wanted(&head, "?", diff.files[0].base.clone());
    assert_eq!(world.read(&[before]).await, [text("new")]);
    // Also where only its content is known.
    let Side::File { blob, .. } = diff.files[0].head.clone() else {
        panic!("{diff:?}");
    };
    let listed = wanted(&changed, "?", Side::File { mode: None, blob });
    assert_eq!(world.read(&[listed]).await, [text("newer")]);
}

#[tokio::test]
async fn a_comparison_that_takes_too_long_is_made_without_it() {
    let world = World::new();
    let base = world.commit("base");
    world.git.write("a.yml", "a");
    let head = world.commit("head");
    let diff = world.diff_of_trees(&base, &head).await;
    assert_eq!(paths(&diff), ["a.yml"]);
    assert_eq!(diff.relation, Ancestry::Ahead);
    world.inject(too_long());
    let diff = world.room.diff_from_merge_base("main", &head).await;
    assert_eq!(diff.unwrap().base, Some(head.clone()));
    world.inject(too_long());
    let changed = world.room.changed_since(&base, &head).await.unwrap();
    // An empty list would say that nothing changed.
    assert_eq!(changed.files(), None);
}

#[tokio::test]
async fn a_comparison_that_does_not_know_new_commits_yet_is_requested_again() {
    let unknown = || Fault::answer(not_found()).on("GET", "*/compare/*");
    let world = World::new();
    world.git.write("a.yml", "a");
    let base = world.commit("base");
    world.git.write("b.yml", "b");
    let head = world.commit("head");
    world.inject(unknown());
    let diff = world.diff(&base, &head).await;
    assert_eq!(paths(&diff), ["b.yml"]);
    assert_eq!(diff.relation, Ancestry::Ahead);
    assert_eq!(world.cost(), 2);
    let gone = gone();
    for (from, to) in [(&base, &gone), (&gone, &head)] {
        let diff = world.room.diff_from_merge_base(from.as_str(), to).await;
        let error = diff.unwrap_err();
        assert!(matches!(&error, Error::NoSuchCommit { .. }), "{error}");
        assert_eq!(world.cost(), 4, "not for ever");
    }
}

#[tokio::test]
async fn a_revision_without_files_is_an_empty_one() {
    for mut world in [World::new(), World::sha256()] {
        let empty = world.commit("empty");
        world.git.write("a.yml", "a");
        let head = world.commit("head");
        assert!(world.room.tree(&empty).await.unwrap().is_empty());
        assert_eq!(world.cost(), 2, "the tree and the commit");
        world.reopen("octo-org/catalog");
        let diff = world.diff_of_trees(&empty, &head).await;
        assert_eq!(paths(&diff), ["a.yml"]);
        assert_eq!(diff.files[0].base, Side::Absent);
    }
}

#[tokio::test]
async fn a_folder_that_is_too_large_by_itself_is_an_error() {
    let world = World::new();
    world.write_many(10, "x");
    let head = world.commit("head");
    let cut = Answer::json(200, &json!({"sha": "0", "tree": [], "truncated": true}));
    world.inject(Fault::answer(cut).on("GET", "*/git/trees/*").times(2));
    let error = world.room.tree(&head).await.unwrap_err().to_string();
    assert!(error.contains("too many files"), "{error}");
}
