//! The Git repository, without the API.

use std::fs;
use std::process::Command;
use std::time::Instant;

use port_gitops_sandbox::{GitError, ObjectFormat, TestRepository};

fn git(repository: &TestRepository, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(repository.path())
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_same_calls_give_the_same_ids() {
    let build = || {
        let repository = TestRepository::new().unwrap();
        repository.write("a", "1").commit("one").unwrap();
        repository.write("b", "2").commit("two").unwrap()
    };
    assert_eq!(build(), build());
    assert_eq!(build().len(), 40);
}

#[test]
fn git_agrees_with_what_was_built() {
    let repository = TestRepository::new().unwrap();
    let other = "1".repeat(40);
    repository
        .write("plain", "text\n")
        .write_bytes("Ünï \"quoted\"\\ path", &[0, 255, 10])
        .write("tool", "#!/bin/sh\n")
        .set_executable("tool")
        .symlink("link", "plain")
        .submodule("module", &other)
        .write("folder/a", "a")
        .commit("A subject\n\nand a body")
        .unwrap();
    let tree = git(
        &repository,
        &["-c", "core.quotePath=false", "ls-tree", "-r", "-z", "main"],
    );
    let entries: Vec<(&str, &str)> = tree
        .split_terminator('\0')
        .map(|line| (&line[..6], line.split_once('\t').unwrap().1))
        .collect();
    assert_eq!(
        entries,
        [
            ("100644", "folder/a"),
            ("120000", "link"),
            ("160000", "module"),
            ("100644", "plain"),
            ("100755", "tool"),
            ("100644", "Ünï \"quoted\"\\ path"),
        ]
    );
    let log = git(
        &repository,
        &["log", "-1", "--format=%an|%ae|%aI|%B", "main"],
    );
    assert_eq!(
        log.trim(),
        "Sandbox|sandbox@example.com|2026-01-01T00:00:00Z|A subject\n\nand a body"
    );
    git(&repository, &["fsck", "--strict"]);
}

#[test]
fn files_are_removed_renamed_and_made_executable_later() {
    let repository = TestRepository::new().unwrap();
    repository
        .write("a/1", "1")
        .write("a/2", "2")
        .write("b", "b")
        .commit("one")
        .unwrap();
    repository
        .remove("a/1")
        .rename("b", "c")
        .set_executable("a/2")
        .commit("two")
        .unwrap();
    let tree = git(
        &repository,
        &["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"],
    );
    assert_eq!(tree, "100755 a/2\n100644 c\n");
    repository.remove("a").commit("three").unwrap();
    assert_eq!(
        git(&repository, &["ls-tree", "-r", "--name-only", "main"]),
        "c\n"
    );
    let missing = repository.remove("a").commit("four").unwrap_err();
    assert!(matches!(missing, GitError::NoSuchPath(path) if path == "a"));
    let missing = repository.set_executable("a").commit("five").unwrap_err();
    assert!(matches!(missing, GitError::NoSuchPath(path) if path == "a"));
    assert!(repository.rename("nothing", "else").commit("six").is_err());
    assert!(
        repository.write("d", "d").commit("seven").is_ok(),
        "the failed change is dropped"
    );
}

#[test]
fn branches_merge_bases_force_pushes_and_orphans() {
    let repository = TestRepository::new().unwrap();
    assert!(matches!(
        repository.head(),
        Err(GitError::NoSuchRevision(_))
    ));
    let root = repository.write("a", "1").commit("root").unwrap();
    repository.create_branch("feature/x").unwrap();
    let feature = repository.write("b", "2").commit("feature").unwrap();
    repository.checkout("main").unwrap();
    let main = repository.write("c", "3").commit("main").unwrap();
    assert_eq!(
        repository.merge_base("feature/x", "main").unwrap(),
        Some(root.clone())
    );
    let merge = repository.merge("feature/x", "merge").unwrap();
    assert_eq!(
        git(&repository, &["rev-parse", "main^1", "main^2"]),
        format!("{main}\n{feature}\n")
    );
    repository.reset_hard(&main).unwrap();
    assert_eq!(repository.head().unwrap(), main);
    assert_ne!(merge, main);
    let next = repository
        .write("d", "4")
        .commit("after the reset")
        .unwrap();
    assert_eq!(
        git(&repository, &["rev-parse", "main^"]).trim(),
        main.as_str()
    );

    repository.checkout_orphan("pages");
    let page = repository.write("index", "").commit("no parent").unwrap();
    assert_eq!(git(&repository, &["rev-list", "--count", "pages"]), "1\n");
    assert_eq!(
        git(&repository, &["ls-tree", "--name-only", "pages"]),
        "index\n"
    );
    assert_eq!(repository.merge_base(&page, &next).unwrap(), None);
    assert!(matches!(
        repository.checkout("none"),
        Err(GitError::NoSuchRevision(_))
    ));
    repository.delete_branch("pages").unwrap();
    assert!(repository.checkout("pages").is_err());
    repository.tag("v1", &root).unwrap();
    assert_eq!(git(&repository, &["rev-parse", "v1"]).trim(), root.as_str());
}

#[test]
fn sha256_repositories_have_longer_ids() {
    let repository = TestRepository::create("trunk", ObjectFormat::Sha256).unwrap();
    let id = repository.write("a", "1").commit("one").unwrap();
    assert_eq!(id.len(), 64);
    assert_eq!(repository.zero_id().as_str(), "0".repeat(64));
    assert_eq!(repository.default_branch().unwrap(), "trunk");
}

#[test]
fn a_revision_can_be_exported() {
    let repository = TestRepository::new().unwrap();
    let first = repository.write("a/b", "1").commit("one").unwrap();
    repository.write("a/b", "2").commit("two").unwrap();
    let directory = tempfile::tempdir().unwrap();
    repository.export(&first, directory.path()).unwrap();
    assert_eq!(
        fs::read_to_string(directory.path().join("a/b")).unwrap(),
        "1"
    );
    repository.export("main", directory.path()).unwrap();
    assert_eq!(
        fs::read_to_string(directory.path().join("a/b")).unwrap(),
        "2"
    );
}

#[test]
fn the_directory_goes_with_the_last_handle() {
    let repository = TestRepository::new().unwrap();
    let path = repository.path().to_owned();
    repository.write("a", "1").commit("one").unwrap();
    let handle = repository.clone();
    drop(repository);
    assert!(path.exists());
    drop(handle);
    assert!(!path.exists());
}

#[test]
fn hundreds_of_commits_take_seconds() {
    let repository = TestRepository::new().unwrap();
    let start = Instant::now();
    for number in 0..200 {
        repository
            .write(&format!("f{number}"), "x")
            .commit("more")
            .unwrap();
    }
    let elapsed = start.elapsed();
    println!("200 commits: {elapsed:?}");
    assert!(elapsed.as_secs() < 30, "{elapsed:?}");
}

#[test]
fn repositories_of_one_directory_do_not_see_each_other() {
    let many = TestRepository::many(3).unwrap();
    let [one, other, empty] = many.as_slice() else {
        panic!("three");
    };
    for git in [one, other] {
        git.write("same", "same");
    }
    let first = TestRepository::commit_all(&[one.clone(), other.clone()], "same").unwrap();
    assert_ne!(first[0], first[1]);
    let head = one.write("a", "b").commit("more").unwrap();
    assert_eq!(one.head().unwrap(), head);
    assert_eq!(
        one.merge_base("main", &first[0]).unwrap(),
        Some(first[0].clone())
    );
    assert_eq!(other.head().unwrap(), first[1]);
    assert!(other.merge_base("main", &head).is_err());
    other.create_branch("topic").unwrap();
    other.set_default_branch("topic").unwrap();
    assert_eq!(other.default_branch().unwrap(), "topic");
    assert_eq!(one.default_branch().unwrap(), "main");
    assert!(one.checkout("topic").is_err());
    assert!(empty.head().is_err());
}
