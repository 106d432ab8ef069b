use serde_json::json;

use super::*;
use crate::catalog::difference::Field;

fn delta(from: Option<Value>, to: Option<Value>) -> Delta {
    of(&ShownDifference {
        field: Field::Property("p".to_owned()),
        from: from.map(Shown::Value),
        to: to.map(Shown::Value),
    })
}

fn step(from: Option<&str>, to: Option<&str>) -> ValueChange {
    ValueChange {
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    }
}

#[test]
fn short_values_stand_side_by_side() {
    let expected = Delta::Value(step(Some("1"), Some("\"x\"")));
    assert_eq!(delta(Some(json!(1)), Some(json!("x"))), expected);
    assert_eq!(
        delta(None, Some(json!([1]))),
        Delta::Value(step(None, Some("[1]")))
    );
}

#[test]
fn long_values_are_cut_with_their_length() {
    let Delta::Value(ValueChange { to: Some(to), .. }) = delta(None, Some(json!("ä".repeat(300))))
    else {
        panic!("it is a value");
    };
    assert!(to.ends_with("ä… (300 characters)"), "{to}");
    assert_eq!(
        to.chars().filter(|letter| *letter == 'ä').count(),
        WIDTH - 1
    );
}

#[test]
fn objects_are_compared_by_key() {
    let from = json!({"a": {"x": 1, "y": 2}, "b": [1], "c": 1});
    let to = json!({"a": {"x": 1, "y": 3}, "b": [1], "d": null});
    let expected = Delta::Keys(vec![
        (".a.y".to_owned(), step(Some("2"), Some("3"))),
        (".c".to_owned(), step(Some("1"), None)),
        (".d".to_owned(), step(None, Some("null"))),
    ]);
    assert_eq!(delta(Some(from), Some(to)), expected);
}

#[test]
fn texts_are_compared_by_line() {
    let from = "one\ntwo\nthree\nfour\nfive\n";
    let to = "one\ntwo\n3\nfour\nfive\nsix\n";
    let expected = Delta::Text(vec![
        DiffLine::Skipped(1),
        DiffLine::Kept("two".to_owned()),
        DiffLine::Removed("three".to_owned()),
        DiffLine::Added("3".to_owned()),
        DiffLine::Kept("four".to_owned()),
        DiffLine::Kept("five".to_owned()),
        DiffLine::Added("six".to_owned()),
    ]);
    assert_eq!(delta(Some(json!(from)), Some(json!(to))), expected);
}

#[test]
fn what_port_does_not_keep_apart_is_not_shown_of_an_object() {
    let delta = delta(
        Some(json!({"a": 1, "b": 1})),
        Some(json!({"a": 1.0, "b": 2})),
    );
    let expected = vec![(".b".to_owned(), step(Some("1"), Some("2")))];
    assert_eq!(delta, Delta::Keys(expected));
}

/// Both are cut, and still it is seen what changes.
#[test]
fn long_values_are_shown_where_they_differ() {
    let long = |end: &str| json!(format!("{}{end}", "ä".repeat(200)));
    let sides = |delta| match delta {
        Delta::Value(ValueChange { from, to }) => (from.unwrap(), to.unwrap()),
        Delta::Keys(keys) => (
            keys[0].1.from.clone().unwrap(),
            keys[0].1.to.clone().unwrap(),
        ),
        Delta::Text(lines) => match lines.as_slice() {
            [DiffLine::Removed(from), DiffLine::Added(to)] => (from.clone(), to.clone()),
            other => panic!("{other:?}"),
        },
        Delta::Hidden => panic!("nothing is hidden"),
    };
    let lines = |end: &str| json!(format!("{}\n", long(end).as_str().unwrap()));
    let object = |end: &str| json!({"a": long(end)});
    for (from, to) in [
        (long("old"), long("new")),
        (lines("old"), lines("new")),
        (object("old"), object("new")),
        (json!([long("old")]), json!([long("new")])),
    ] {
        let (from, to) = sides(delta(Some(from), Some(to)));
        for (side, word) in [(from, "old"), (to, "new")] {
            assert!(side.starts_with('…') && side.contains(word), "{side}");
            assert!(side.ends_with(" characters)"), "{side}");
        }
    }
}

#[test]
fn a_line_is_held_against_the_one_whose_place_it_takes() {
    let line = |name: &str| format!("{}{name}\n", "x".repeat(100));
    let text = |names: [&str; 2]| json!(names.map(line).concat());
    let Delta::Text(lines) = delta(Some(text(["a1", "b1"])), Some(text(["a2", "b2"]))) else {
        panic!("they are lines");
    };
    let texts: Vec<_> = lines
        .iter()
        .map(|line| match line {
            DiffLine::Removed(text) | DiffLine::Added(text) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    for (text, name) in texts.iter().zip(["a1", "b1", "a2", "b2"]) {
        assert!(text.contains(name), "{text} is not {name}");
    }
}

#[test]
fn of_long_lists_it_is_shown_what_comes_and_goes() {
    let names = |numbers: &[u8]| -> Value {
        numbers
            .iter()
            .map(|number| format!("service-{number:02}"))
            .collect()
    };
    let of_field = |field, from: &[u8], to: &[u8]| {
        of(&ShownDifference {
            field,
            from: Some(Shown::Value(names(from))),
            to: Some(Shown::Value(names(to))),
        })
    };
    let relation = || Field::Relation("r".to_owned());
    let many: Vec<u8> = (1..=12).collect();
    let others: Vec<u8> = many.iter().copied().filter(|one| *one != 6).collect();
    let removed = DiffLine::Removed("\"service-06\"".to_owned());
    let property = Field::Property("p".to_owned());
    let expected = Delta::Text(vec![
        DiffLine::Skipped(4),
        DiffLine::Kept("\"service-05\"".to_owned()),
        removed.clone(),
        DiffLine::Kept("\"service-07\"".to_owned()),
        DiffLine::Skipped(5),
    ]);
    assert_eq!(of_field(property, &many, &others), expected);
    let mut others: Vec<u8> = others.into_iter().rev().collect();
    others.push(13);
    let added = DiffLine::Added("\"service-13\"".to_owned());
    let expected = Delta::Text(vec![removed, added]);
    assert_eq!(of_field(relation(), &many, &others), expected);
    let short = of_field(relation(), &[1], &[1, 2]);
    assert!(matches!(short, Delta::Value(_)), "{short:?}");
}

#[test]
fn endless_texts_are_not_compared() {
    let long = "line\n".repeat(COMPARED + 1);
    assert!(matches!(
        delta(Some(json!("a\nb")), Some(json!(long))),
        Delta::Value(_)
    ));
    let Delta::Text(lines) = delta(None, Some(json!("line\n".repeat(100)))) else {
        panic!("it is compared");
    };
    assert_eq!(lines.len(), LINES + 1);
    assert_eq!(lines.last(), Some(&DiffLine::CutOff(100 - LINES)));
}

#[test]
fn of_a_long_value_the_part_is_shown_that_changed() {
    let long = |word: &str| json!(format!("{}{word}{}", "a".repeat(200), "b".repeat(200)));
    let around = |word: &str, length: usize| {
        let (before, after) = ("a".repeat(LEAD), "b".repeat(LEAD));
        Some(format!("…{before}{word}{after}… ({length} characters)"))
    };
    let expected = ValueChange {
        from: around("old", 403),
        to: around("newer", 405),
    };
    assert_eq!(
        delta(Some(long("old")), Some(long("newer"))),
        Delta::Value(expected)
    );
}
