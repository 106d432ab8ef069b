//! Lines of the input `files` that match no file.

use port_gitops_sandbox::{Step, StepResult};

use crate::world::{World, succeed};

const FILES: &str = "**/port.yml\nservices/*.yml => domain\n# nothing yet\nteam/** => domain\n";

const EXPECTED: [&str; 2] = [
    "input `files`, line 2: `services/*.yml => domain` matches no file; `*` does not go into folders: write `services/**/*.yml`",
    "input `files`, line 4: `team/** => domain` matches no file; there is no folder `team`: did you mean `teams/**`?",
];

fn world() -> (World, Step) {
    let world = World::fresh();
    world.write_domain("port.yml", "shop", "Shop");
    world.write_domain("services/shop/cart.yml", "cart", "Cart");
    world.write_domain("teams/blue.json", "blue", "Blue");
    let step = world.push("Declare entities");
    (world, step)
}

fn warnings(result: &StepResult) -> Vec<&str> {
    let warnings = result.commands("warning").into_iter();
    warnings.map(|warning| warning.data.as_str()).collect()
}

#[test]
fn a_line_that_matches_no_file_is_a_warning_with_a_hint() {
    let (world, step) = world();
    let result = succeed(&step.input("files", FILES));
    assert_eq!(warnings(&result), EXPECTED);
    for expected in EXPECTED {
        assert!(result.output("report").contains(&expected[..30]));
        assert!(result.summary.contains("matches no file"));
    }
    // The next push looks at what it changes, so it does not know of the other files.
    world.write_domain("port.yml", "shop", "The shop");
    let result = succeed(&world.push("Rename the shop").input("files", FILES));
    assert_eq!(warnings(&result), [""; 0]);
    // A look at everything lists them again.
    let result = succeed(&world.nightly().input("files", FILES));
    assert_eq!(warnings(&result), EXPECTED);
}

#[test]
fn the_default_lines_need_not_match() {
    let (_world, step) = world();
    assert_eq!(warnings(&succeed(&step)), [""; 0]);
}

#[test]
fn ten_warnings_are_shown_with_those_about_inputs_and_the_last_counts_the_others() {
    let (_world, step) = world();
    let lines: Vec<_> = (0..12).map(|number| format!("none/{number}.yml")).collect();
    let files = format!("**/port.yml\n{}", lines.join("\n"));
    let result = succeed(&step.input("files", files).input("file", "x"));
    let warnings = warnings(&result);
    assert_eq!(warnings.len(), 10);
    assert!(warnings[0].contains("`file`"));
    assert!(warnings[9].ends_with("(3 more in the log and in the job summary)"));
    // Those that have no annotation are in the log all the same.
    let others = result.log.matches("\nwarning: input `files`").count();
    assert_eq!(others, 3);
}
