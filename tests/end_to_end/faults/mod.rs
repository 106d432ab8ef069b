//! Every kind of fault on every kind of request. A run gets over each, and loses nothing.

mod lasting;
mod passing;

use std::time::Duration;

use port_gitops_sandbox::{Answer, Fault, Matcher, Sandbox, Step};
use serde_json::json;

use crate::world::{World, pruning, succeed};

/// A kind of request, of those that one push can need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Auth,
    Blueprint,
    Single,
    Bulk,
    Search,
    Delete,
    Compare,
    GraphQl,
    Tip,
    Load,
    Save,
}

impl Request {
    /// How many such requests the push needs.
    fn usual(self) -> usize {
        match self {
            // Before the run writes, and afterwards.
            Self::Tip | Self::Load | Self::Save => 2,
            // What Port holds of two blueprints, and who owns what is new or deleted.
            Self::Search => 3,
            _ => 1,
        }
    }

    fn matcher(self) -> Matcher {
        match self {
            Self::Auth => Matcher::new("POST", "/v1/auth/access_token"),
            Self::Blueprint => Matcher::new("GET", "/v1/blueprints/domain"),
            Self::Single => Matcher::new("POST", "/v1/blueprints/domain/entities"),
            Self::Bulk => Matcher::new("POST", "/v1/blueprints/microservice/entities/bulk"),
            Self::Search => Matcher::new("POST", "*/entities/search"),
            Self::Delete => Matcher::new("POST", "*/bulk/entities/delete"),
            Self::Compare => Matcher::new("GET", "*/compare/*"),
            Self::GraphQl => Matcher::new("POST", "/graphql"),
            Self::Tip => Matcher::new("GET", "*/git/ref/*"),
            Self::Load => Matcher::new("GET", "*/gitops_source/entities/*"),
            Self::Save => Matcher::new("POST", "*/gitops_source/entities"),
        }
    }

    fn api(self, world: &World) -> &dyn Sandbox {
        match self {
            Self::Compare | Self::GraphQl | Self::Tip => &world.github,
            _ => &world.port,
        }
    }

    fn inject(self, world: &World, fault: Fault) {
        self.api(world).inject(fault.when(self.matcher()));
    }

    /// How many such requests the sandbox got.
    fn count(self, world: &World) -> usize {
        self.api(world).requests(&self.matcher()).len()
    }
}

const BEFORE: &str = "\
- {identifier: sales, blueprint: domain, title: Sales, properties: {owner: ann}}
- {identifier: old, blueprint: domain}
- {identifier: shop, blueprint: microservice, relations: {domain: sales}}
";
const AFTER: &str = "\
- {identifier: sales, blueprint: domain, title: All sales}
- {identifier: shop, blueprint: microservice, title: Shop, relations: {domain: sales}}
- {identifier: mail, blueprint: microservice, relations: {dependsOn: [shop]}}
- {identifier: cart, blueprint: microservice}
";

/// A world with a push that needs every kind of request: it changes, takes a property away, adds and
/// deletes.
fn world() -> (World, Step) {
    let world = World::fresh();
    world.let_nulls_clear();
    succeed(&pruning(world.push_file("port.yml", BEFORE)));
    let step = pruning(world.push_file("port.yml", AFTER));
    world.clear_journals();
    (world, step)
}

/// The catalog is as the last push declares it.
fn assert_applied(world: &World) {
    assert_eq!(world.state_property("status"), "synced");
    assert_eq!(world.state_property("entity_count"), 4);
    let entities = world.entities();
    let titles: Vec<_> = entities
        .iter()
        .map(|(_, name, entity)| format!("{name} {}", entity["title"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(titles, ["sales All sales", "cart -", "mail -", "shop Shop"]);
    assert_eq!(entities[0].2["properties"]["owner"], json!(null));
}

/// A service that is busy for so many seconds.
fn limited(seconds: &str) -> Fault {
    let body = json!({"ok": false, "error": "too_many_requests", "message": "slow down"});
    let answer = Answer::json(429, &body);
    Fault::answer(answer.with_header("retry-after", seconds))
}

fn unavailable() -> Fault {
    Fault::status(503)
}

/// Struck once by `fault`, the run goes on as if nothing had happened, with one request more.
fn gets_over(request: Request, fault: Fault) {
    struck(request, fault, request.usual() + 1);
}

fn struck(request: Request, fault: Fault, expected: usize) {
    let (world, step) = world();
    request.inject(&world, fault);
    check(request, &world, &step, expected);
}

fn check(request: Request, world: &World, step: &Step, expected: usize) {
    succeed(step);
    let pending = request.api(world).pending_faults();
    assert_eq!(pending, 0, "the fault did not strike");
    assert_applied(world);
    assert_eq!(request.count(world), expected, "{request:?}");
}

#[test]
fn one_push_needs_every_kind_of_request() {
    let (world, step) = world();
    succeed(&step);
    assert_applied(&world);
    use Request::{
        Auth, Blueprint, Bulk, Compare, Delete, GraphQl, Load, Save, Search, Single, Tip,
    };
    for request in [
        Auth, Blueprint, Bulk, Compare, Delete, GraphQl, Load, Save, Search, Single, Tip,
    ] {
        assert_eq!(request.count(&world), request.usual(), "{request:?}");
    }
}

/// A new state is created and not merged, so a lost answer is told apart from another run's state.
#[test]
fn lost_answers_do_not_matter_where_the_state_begins() {
    for path in ["/v1/blueprints", "*/gitops_source/entities"] {
        for fault in [Fault::reset(), Fault::cut_short(), Fault::invalid_json()] {
            let (world, step) = World::fresh().with_change();
            world.port.inject(fault.after_effect().on("POST", path));
            let result = succeed(&step);
            assert_eq!(world.port.pending_faults(), 0, "{path}");
            assert_eq!(result.output("created"), "1");
            assert_eq!(world.state_property("status"), "synced");
            assert!(!result.log.contains("another run"));
        }
    }
}
