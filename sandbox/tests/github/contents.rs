//! Trees, blobs and contents.

use serde_json::{Value, json};

use crate::client::World;

fn entries(body: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tree = body["tree"].as_array().unwrap();
    tree.iter()
        .map(|one| (text(&one["mode"]), text(&one["type"]), text(&one["path"])))
        .collect()
}

fn entry(mode: &str, kind: &str, path: &str) -> (String, String, String) {
    (mode.to_owned(), kind.to_owned(), path.to_owned())
}

fn world() -> World {
    let world = World::new();
    let git = &world.repository;
    git.write("a/b/c.yml", "c: 1\n")
        .write("a/d.yml", "d: 1\n")
        .write("run", "x");
    git.set_executable("run")
        .symlink("link", "a/d.yml")
        .submodule("module", &"1".repeat(40));
    git.commit("one").unwrap();
    world
}

#[tokio::test]
async fn trees_with_and_without_what_is_below() {
    let world = world();
    let body = world.get("/git/trees/main").await.ok();
    let top = [
        entry("040000", "tree", "a"),
        entry("120000", "blob", "link"),
        entry("160000", "commit", "module"),
        entry("100755", "blob", "run"),
    ];
    assert_eq!(entries(&body), top);
    assert_eq!(
        body["tree"][2].get("url"),
        None,
        "a submodule's commit is elsewhere"
    );
    assert_eq!(body["tree"][1]["size"], 7);

    let recursive = world.get("/git/trees/main?recursive=1").await.ok();
    assert_eq!(recursive["truncated"], false);
    let paths: Vec<String> = entries(&recursive)
        .into_iter()
        .map(|(_, _, path)| path)
        .collect();
    assert_eq!(
        paths,
        ["a", "a/b", "a/b/c.yml", "a/d.yml", "link", "module", "run"]
    );

    let below = body["tree"][0]["sha"].as_str().unwrap();
    let body = world.get(&format!("/git/trees/{below}")).await.ok();
    assert_eq!(body["sha"], below);
    assert_eq!(
        entries(&body),
        [
            entry("040000", "tree", "b"),
            entry("100644", "blob", "d.yml")
        ]
    );

    assert_eq!(
        world
            .get(&format!("/git/trees/{}", "1".repeat(40)))
            .await
            .refused(404),
        "Not Found"
    );
    let blob = recursive["tree"][3]["sha"].as_str().unwrap();
    world.get(&format!("/git/trees/{blob}")).await.refused(404);
}

#[tokio::test]
async fn the_tree_without_entries_is_known_by_its_commit_alone() {
    let world = World::new();
    let empty = world.repository.commit("empty").unwrap();
    world.get(&format!("/git/trees/{empty}")).await.refused(404);
    let commit = world.get(&format!("/git/commits/{empty}")).await.ok();
    assert_eq!(
        commit["tree"]["sha"],
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    );
}

#[tokio::test]
async fn large_trees_are_truncated() {
    let world = world();
    world.github.set_tree_limit(3);
    let body = world.get("/git/trees/main?recursive=1").await.ok();
    assert_eq!(
        (body["truncated"].as_bool(), entries(&body).len()),
        (Some(true), 3)
    );
    let body = world.get("/git/trees/main").await.ok();
    assert_eq!(
        (body["truncated"].as_bool(), entries(&body).len()),
        (Some(false), 4)
    );
    world.github.set_tree_limit(7);
    assert_eq!(
        world.get("/git/trees/main?recursive=1").await.ok()["truncated"],
        false
    );
}

#[tokio::test]
async fn blobs_come_as_base64_in_lines_or_raw() {
    let world = World::new();
    let data: Vec<u8> = (0..100).map(|number| number * 2).collect();
    world
        .repository
        .write_bytes("data", &data)
        .commit("one")
        .unwrap();
    let tree = world.get("/git/trees/main").await.ok();
    let sha = tree["tree"][0]["sha"].as_str().unwrap();
    let body = world.get(&format!("/git/blobs/{sha}")).await.ok();
    assert_eq!(
        (&body["encoding"], &body["size"]),
        (&json!("base64"), &json!(100))
    );
    let content = body["content"].as_str().unwrap();
    let lines: Vec<usize> = content.lines().map(str::len).collect();
    assert_eq!(lines, [60, 60, 16]);
    assert!(content.ends_with('\n'));
    let reply = world
        .get_as(
            &format!("/git/blobs/{sha}"),
            "application/vnd.github.raw+json",
        )
        .await;
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("application/vnd.github.raw")
    );
    assert_eq!(reply.text.chars().next(), Some('\0'));

    world
        .get(&format!("/git/blobs/{}", "1".repeat(40)))
        .await
        .refused(404);
    let tree = tree["sha"].as_str().unwrap();
    world.get(&format!("/git/blobs/{tree}")).await.refused(404);
    assert!(
        world
            .get("/git/blobs/main")
            .await
            .refused(422)
            .contains("exactly 40 characters")
    );
}

#[tokio::test]
async fn contents_follow_symbolic_links() {
    let world = world();
    let git = &world.repository;
    git.symlink("a/b/up", "../d.yml")
        .symlink("twice", "a/b/up")
        .symlink("folder", "a");
    git.symlink("broken", "nothing")
        .symlink("outside", "../../etc/passwd")
        .symlink("loop", "loop");
    git.symlink("absolute", "/etc/passwd")
        .commit("links")
        .unwrap();
    for path in ["a/d.yml", "link", "a/b/up", "twice"] {
        let body = world.get(&format!("/contents/{path}")).await.ok();
        assert_eq!(body["type"], "file", "{path}");
        assert_eq!(body["path"], path);
        assert_eq!(
            (&body["content"], &body["size"]),
            (&json!("ZDogMQo=\n"), &json!(5))
        );
    }
    for path in ["folder", "broken", "outside", "loop", "absolute"] {
        let body = world.get(&format!("/contents/{path}")).await.ok();
        assert_eq!(body["type"], "symlink", "{path}");
    }
    assert_eq!(world.get("/contents/folder").await.ok()["target"], "a");
    world.get("/contents/link/x").await.refused(404);
}

#[tokio::test]
async fn contents_of_folders_submodules_and_other_revisions() {
    let world = world();
    let git = &world.repository;
    git.create_branch("next").unwrap();
    git.write("ä b/#?.yml", "x")
        .write("big", &"x".repeat(1024 * 1024 + 1))
        .commit("two")
        .unwrap();
    let names = |body: &Value| -> Vec<String> {
        let items = body.as_array().unwrap().iter();
        items
            .map(|item| {
                format!(
                    "{} {}",
                    item["type"].as_str().unwrap(),
                    item["path"].as_str().unwrap()
                )
            })
            .collect()
    };
    let root = world.get("/contents/").await.ok();
    assert_eq!(
        names(&root),
        ["dir a", "symlink link", "file module", "file run"]
    );
    assert_eq!(
        names(&world.get("/contents/a").await.ok()),
        ["dir a/b", "file a/d.yml"]
    );
    assert_eq!(
        world.get("/contents/module").await.ok()["type"],
        "submodule"
    );
    let odd = "/contents/%C3%A4%20b/%23%3F.yml";
    world.get(odd).await.refused(404);
    assert_eq!(
        world.get(&format!("{odd}?ref=next")).await.ok()["path"],
        "ä b/#?.yml"
    );
    let raw = world
        .get_as(&format!("{odd}?ref=next"), "application/vnd.github.raw")
        .await;
    assert_eq!(raw.text, "x");
    let big = world.get("/contents/big?ref=next").await.ok();
    assert_eq!(
        (&big["encoding"], &big["content"]),
        (&json!("none"), &json!(""))
    );
    let message = world.get("/contents/a?ref=none").await.refused(404);
    assert_eq!(message, "No commit found for the ref none");
}
