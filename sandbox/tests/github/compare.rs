//! `compare/{base}...{head}`

use serde_json::Value;

use crate::client::World;

fn paths(body: &Value) -> Vec<&str> {
    let files = body["files"].as_array().unwrap();
    files
        .iter()
        .map(|file| file["filename"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_comparison_is_three_dot() {
    let world = World::new();
    let git = &world.repository;
    let root = git
        .write("a", "1")
        .write("gone", "1")
        .commit("root")
        .unwrap();
    git.create_branch("feature/one").unwrap();
    git.write("b", "1").commit("b").unwrap();
    let head = git.write("c", "1").commit("c").unwrap();
    git.checkout("main").unwrap();
    git.remove("gone").commit("main moves on").unwrap();

    for range in [
        "main...feature/one",
        "main...feature%2Fone",
        "octo-org:main...octo-org:feature/one",
    ] {
        let body = world.get(&format!("/compare/{range}")).await.ok();
        assert_eq!(body["status"], "diverged", "{range}");
        assert_eq!(body["ahead_by"], 2);
        assert_eq!(body["behind_by"], 1);
        assert_eq!(body["total_commits"], 2);
        assert_eq!(body["merge_base_commit"]["sha"], root.as_str());
        assert_eq!(body["commits"][1]["sha"], head.as_str(), "oldest first");
        assert_eq!(paths(&body), ["b", "c"], "what only main did is not shown");
    }
    let ahead = world
        .get(&format!("/compare/{root}...feature/one"))
        .await
        .ok();
    assert_eq!(
        (&ahead["status"], &ahead["behind_by"]),
        (&"ahead".into(), &0.into())
    );
    let behind = world
        .get(&format!("/compare/feature/one...{root}"))
        .await
        .ok();
    assert_eq!(
        (&behind["status"], &behind["ahead_by"]),
        (&"behind".into(), &0.into())
    );
    assert_eq!(paths(&behind), [""; 0]);
    let same = world.get("/compare/main...main").await.ok();
    assert_eq!(same["status"], "identical");
}

#[tokio::test]
async fn every_kind_of_change_has_its_status() {
    let world = World::new();
    let git = &world.repository;
    let long = "a line\n".repeat(30);
    git.write("mode", "1")
        .write("modified", "1\n2\n")
        .write("old name", &long);
    git.write("removed", "1")
        .write("typed", "1")
        .commit("base")
        .unwrap();
    let base = git.head().unwrap();
    git.set_executable("mode")
        .write("modified", "1\n3\n4\n")
        .rename("old name", "new/näme");
    git.remove("removed")
        .symlink("typed", "mode")
        .write("added", "1\n");
    git.submodule("module", &"2".repeat(40));
    let head = git.commit("head").unwrap();
    let body = world.get(&format!("/compare/{base}...{head}")).await.ok();
    let files = body["files"].as_array().unwrap();
    let status = |path: &str| {
        let file = files.iter().find(|file| file["filename"] == path).unwrap();
        (file["status"].as_str().unwrap(), file)
    };
    assert_eq!(files.len(), 7);
    assert_eq!(status("added").0, "added");
    assert_eq!(status("mode").0, "changed");
    assert_eq!(status("typed").0, "changed");
    assert_eq!(status("module").1["sha"], "2".repeat(40));
    let modified = status("modified").1;
    assert_eq!(modified["additions"], 2);
    assert_eq!(modified["deletions"], 1);
    assert_eq!(modified["changes"], 3);
    let (renamed, file) = status("new/näme");
    assert_eq!(renamed, "renamed");
    assert_eq!(file["previous_filename"], "old name");
    assert_eq!(
        file["contents_url"]
            .as_str()
            .unwrap()
            .split("/contents/")
            .nth(1)
            .unwrap(),
        format!("new/n%C3%A4me?ref={head}")
    );

    // The blob of a removed file is the one at base, of any other the one at head.
    let blob = |sha: &Value| format!("/git/blobs/{}", sha.as_str().unwrap());
    let (removed, file) = status("removed");
    assert_eq!(removed, "removed");
    assert_eq!(
        world.get(&blob(&file["sha"])).await.ok()["content"],
        "MQ==\n"
    );
    let content = world.get(&blob(&modified["sha"])).await.ok();
    assert_eq!(content["content"], "MQozCjQK\n");
}

#[tokio::test]
async fn at_most_300_files_on_the_first_page_only() {
    let world = World::new();
    let git = &world.repository;
    let base = git.commit("empty").unwrap();
    for (count, shown) in [(299, 299), (300, 300), (301, 300)] {
        git.reset_hard(&base).unwrap();
        for number in 0..count {
            git.write(&format!("f{number:03}"), &number.to_string());
        }
        let head = git.commit("many").unwrap();
        let body = world.get(&format!("/compare/{base}...{head}")).await.ok();
        let paths = paths(&body);
        assert_eq!(paths.len(), shown);
        assert_eq!(
            (paths[0], paths[shown - 1]),
            ("f000", format!("f{:03}", shown - 1).as_str())
        );
        let second = world
            .get(&format!("/compare/{base}...{head}?page=2"))
            .await
            .ok();
        assert_eq!(second["files"], Value::Null);
        assert_eq!(second["commits"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn commits_are_paged_from_the_oldest() {
    let world = World::new();
    let git = &world.repository;
    let base = git.commit("0").unwrap();
    let mut head = base.clone();
    for number in 1..=255 {
        head = git.commit(&number.to_string()).unwrap();
    }
    let messages = |body: &Value| -> Vec<String> {
        let commits = body["commits"].as_array().unwrap();
        commits
            .iter()
            .map(|one| one["commit"]["message"].as_str().unwrap().to_owned())
            .collect()
    };
    let path = format!("/compare/{base}...{head}");
    let body = world.get(&path).await.ok();
    assert_eq!(body["total_commits"], 255);
    let all = messages(&body);
    assert_eq!(
        (all.len(), all[0].as_str(), all[249].as_str()),
        (250, "6", "255")
    );
    let reply = world.get(&format!("{path}?per_page=100&page=1")).await;
    let first = messages(&reply.ok());
    assert_eq!(
        (first.len(), first[0].as_str(), first[99].as_str()),
        (100, "1", "100")
    );
    assert!(
        reply
            .header("link")
            .unwrap()
            .contains("page=2>; rel=\"next\"")
    );
    let last = messages(&world.get(&format!("{path}?per_page=100&page=3")).await.ok());
    assert_eq!(
        (last.len(), last[0].as_str(), last[54].as_str()),
        (55, "201", "255")
    );
}

#[tokio::test]
async fn what_cannot_be_compared_is_not_found() {
    let world = World::new();
    let git = &world.repository;
    git.write("a", "1").commit("one").unwrap();
    git.checkout_orphan("other");
    git.write("a", "1").commit("two").unwrap();
    let message = world.get("/compare/main...other").await.refused(404);
    assert_eq!(message, "No common ancestor between main and other.");
    let zeros = git.zero_id();
    for range in [
        &format!("{zeros}...main"),
        &format!("main...{}", "1".repeat(40)),
        "main...none",
        "main",
        "main..other",
        "main~1...main",
        "someone:main...main",
    ] {
        assert_eq!(
            world.get(&format!("/compare/{range}")).await.refused(404),
            "Not Found"
        );
    }
}
