//! The Git repository, without the API.

#![cfg(test)]

use std::process::Command;

use port_gitops_sandbox::{GitError, TestRepository};

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
fn git_agrees_with_what_was_built() {
    let build = || {
        let repository = TestRepository::new().unwrap();
        repository
            .write_bytes("Ünï \"quoted\"\\ path", &[0, 255, 10])
            .write_executable("tool", "#!/bin/sh\n")
            .symlink("link", "tool")
            .submodule("module", &"1".repeat(40))
            .write("folder/a", "a");
        let commit = repository.commit("A subject\n\nand a body").unwrap();
        (repository, commit)
    };
    let (repository, commit) = build();
    assert_eq!(build().1, commit, "the same calls give the same ids");
    let tree = git(&repository, &["ls-tree", "-r", "-z", "main"]);
    let entry = |line: &str| format!("{} {}", &line[..6], line.split_once('\t').unwrap().1);
    let entries: Vec<_> = tree.split_terminator('\0').map(entry).collect();
    assert_eq!(
        entries,
        [
            "100644 folder/a",
            "120000 link",
            "160000 module",
            "100755 tool",
            "100644 Ünï \"quoted\"\\ path",
        ]
    );
    let log = git(
        &repository,
        &["log", "-1", "--format=%an|%ae|%aI|%B", "main"],
    );
    let person = "Sandbox|sandbox@example.com|2026-01-01T00:00:00Z";
    assert_eq!(log.trim(), format!("{person}|A subject\n\nand a body"));
    git(&repository, &["fsck", "--strict"]);
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let repository = TestRepository::new().unwrap();
    assert!(matches!(
        repository.head(),
        Err(GitError::NoSuchRevision(_))
    ));
    repository.write("a/1", "1").commit("one").unwrap();
    let stages: [fn(&TestRepository) -> &TestRepository; 2] =
        [|git| git.remove("b"), |git| git.rename("b", "c")];
    for stage in stages {
        stage(&repository);
        let missing = repository.commit("two").unwrap_err();
        assert!(missing.to_string().contains("b not in branch"));
    }
    // The failed changes are dropped.
    repository.remove("a").commit("four").unwrap();
    assert_eq!(git(&repository, &["ls-tree", "-r", "main"]), "");
    assert!(repository.checkout("none").is_err());
    assert!(repository.reset_hard("none").is_err());
}

#[test]
fn repositories_of_one_directory_do_not_see_each_other() {
    let many = TestRepository::many(3).unwrap();
    for git in &many[..2] {
        git.write("same", "same");
    }
    let first = TestRepository::commit_all(&many[..2], "same").unwrap();
    let [one, other, empty] = many.as_slice() else {
        unreachable!()
    };
    assert_ne!(first[0], first[1]);
    let head = one.write("a", "b").commit("more").unwrap();
    assert_eq!(one.head().unwrap(), head);
    assert_eq!(other.head().unwrap(), first[1]);
    assert!(other.reset_hard(&head).is_err());
    other.create_branch("topic").unwrap();
    other.set_default_branch("topic").unwrap();
    assert_eq!(other.default_branch().unwrap(), "topic");
    assert_eq!(one.default_branch().unwrap(), "main");
    assert!(one.checkout("topic").is_err());
    assert!(empty.head().is_err());
}
