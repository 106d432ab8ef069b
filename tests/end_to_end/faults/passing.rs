//! Faults that strike once.

use super::*;

/// A test for each kind of request.
macro_rules! each_request {
    ($($name:ident $request:ident,)*) => {
        $(#[test]
        fn $name() {
            gets_over_all(Request::$request);
        })*
    };
}

each_request! {
    logins Auth,
    blueprints Blueprint,
    single_upserts Single,
    bulk_upserts Bulk,
    searches Search,
    deletions Delete,
    comparisons Compare,
    contents GraphQl,
    tips Tip,
    states_that_are_loaded Load,
    states_that_are_saved Save,
}

/// A busy service, a lost answer, one that is no answer, and silence.
fn gets_over_all(request: Request) {
    for fault in [
        limited("1"),
        unavailable(),
        Fault::reset().after_effect(),
        Fault::cut_short().after_effect(),
        Fault::invalid_json().after_effect(),
    ] {
        gets_over(request, fault);
    }
    let (world, step) = world();
    request.inject(&world, Fault::hang().after_effect());
    let step = step.variable("PORT_GITOPS_TIMEOUT", "2");
    check(request, &world, &step, request.usual() + 1);
}

#[test]
fn a_wrong_content_type_and_a_slow_body_do_not_even_need_another_request() {
    for request in [Request::Bulk, Request::Compare] {
        for fault in [
            Fault::content_type("text/html"),
            Fault::slow_body(Duration::from_secs(1)),
        ] {
            struck(request, fault.after_effect(), request.usual());
        }
    }
}
