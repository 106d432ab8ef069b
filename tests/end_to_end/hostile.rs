//! Files that were made to harm: each is an error of its own, and the others of the run are written.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::world::{World, binary, errors_at, fails, run, shown, stage};

/// An entity with nine times nine times nine …, in a few lines.
fn billion_laughs() -> String {
    let mut text = "identifier: a\nblueprint: domain\na0: &a0 lol\n".to_owned();
    for level in 1..12 {
        let items = format!("*a{}, ", level - 1).repeat(9);
        writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
    }
    text
}

/// A world whose repository holds `hostile` files and two that are well.
fn world(hostile: &[(&str, String)]) -> World {
    let world = World::new();
    for (path, text) in hostile {
        world.write(path, text);
    }
    stage(&world.repository, "first=First last=Last");
    world
}

#[test]
fn each_is_an_error_and_the_others_are_written() {
    let hostile = [
        ("h2/port.json", "[".repeat(10_000), "too-deep"),
        ("h3/port.yml", "[".repeat(10_000), "too-deep"),
        ("h4/port.yml", "? ".repeat(8 * 1024), "too-deep"),
        ("h5/port.yml", "- ".repeat(60 * 1024), "too-deep"),
        ("h6/port.yml", "a: b\n".repeat(1024 * 1024), "too-large"),
        ("h7/port.json", "\0".repeat(100 * 1024), "syntax"),
        ("h8/port.yml", "\0".repeat(100 * 1024), "syntax"),
        // Last, since it has more than one error, and GitHub shows ten in all.
        ("h9/port.yml", billion_laughs(), "too-large"),
    ];
    let files = hostile
        .each_ref()
        .map(|(path, text, _)| (*path, text.clone()));
    let world = world(&files);
    let result = fails(&world.push("Add"));
    let mut found = errors_at(&result, &["file"]);
    found.dedup();
    assert_eq!(
        found,
        hostile.map(|(path, _, code)| format!("{path} {code}"))
    );
    assert_eq!(world.entities().len(), 2);
}

#[test]
fn a_file_of_mistakes_alone_costs_little() {
    let same = "- {identifier: a, blueprint: domain}\n".repeat(5_000);
    let (long, aliases) = ("k".repeat(400_000), "- *a\n".repeat(20_000));
    let aliases = format!("- &a {{{long}: 1}}\n{aliases}");
    let members = format!("{{{}\"z\": 1}}", "\"a\": 1, ".repeat(100_000));
    let hostile = [
        ("h1/port.json", format!("[{}1]", "1,".repeat(500_000))),
        ("h2/port.yml", same),
        ("h3/port.yml", aliases),
        ("h4/port.json", members),
        ("h5/port.yml", "\0".repeat(1024 * 1024)),
    ];
    let world = world(&hostile);
    let step = world.push("Add");
    // So many seconds of work, unoptimised, however busy the machine is. What this keeps out took minutes.
    let mut limited = step.command(Path::new("/usr/bin/prlimit"));
    limited.arg("--cpu=40").arg(binary());
    let output = limited.output().unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    let status = output.status.code().unwrap_or(-1);
    let result = shown(step.result(status, log, String::new()).unwrap());
    assert_eq!(result.status, 1);
    assert!(result.log.len() < 10_000_000, "{}", result.log.len());
    for (path, _) in hostile {
        assert!(result.log.contains(path), "{path}");
    }
    assert_eq!(world.entities().len(), 2);
}

#[test]
fn the_report_is_not_written_through_a_link() {
    let world = world(&[]);
    let step = world.push("Add").input("report-file", "out/report.json");
    let outside = step.workspace().with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    symlink("../outside", step.workspace().join("out")).unwrap();
    let result = run(&step);
    assert_eq!(result.status, 2);
    let message = "cannot write out/report.json: `out` is a symbolic link";
    assert!(result.log.contains(message));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // What the report says was done all the same.
    assert_eq!(result.output("created"), "2");
}
