//! Faults that strike once.

/// A module for each kind of request, with a test for each fault.
macro_rules! table {
    ($($name:ident $request:ident;)*) => {
        $(mod $name {
            use super::super::*;

            const REQUEST: Request = Request::$request;

            #[test]
            fn a_429_with_seconds() {
                gets_over(REQUEST, retry_after_seconds());
            }

            #[test]
            fn a_429_with_a_date() {
                gets_over(REQUEST, retry_after_date());
            }

            #[test]
            fn a_429_with_a_reset_as_a_moment() {
                gets_over(REQUEST, reset_as_moment());
            }

            #[test]
            fn a_429_with_a_reset_in_seconds() {
                gets_over(REQUEST, reset_in_seconds());
            }

            #[test]
            fn a_503() {
                gets_over(REQUEST, unavailable());
            }

            #[test]
            fn a_connection_that_is_reset() {
                gets_over(REQUEST, Fault::reset().after_effect());
            }

            #[test]
            fn a_body_that_is_cut_short() {
                gets_over(REQUEST, Fault::cut_short().after_effect());
            }

            #[test]
            fn a_body_that_is_no_json() {
                gets_over(REQUEST, Fault::invalid_json().after_effect());
            }

            #[test]
            fn an_answer_that_never_comes() {
                gets_over_silence(REQUEST);
            }
        })*
    };
}

table! {
    auth Auth;
    blueprint Blueprint;
    single Single;
    bulk Bulk;
    search Search;
    delete Delete;
    compare Compare;
    graphql GraphQl;
    tip Tip;
    load Load;
    save Save;
}

/// What is the same for all requests to an API, on one of them.
macro_rules! each_api {
    ($($name:ident $request:ident;)*) => {
        $(mod $name {
            use super::super::*;

            const REQUEST: Request = Request::$request;

            #[test]
            fn statuses_that_pass() {
                for status in [408, 500, 502, 504] {
                    gets_over(REQUEST, Fault::status(status));
                }
            }

            #[test]
            fn a_connection_that_is_closed() {
                gets_over(REQUEST, Fault::close().after_effect());
            }

            #[test]
            fn a_wrong_content_type_does_not_matter() {
                does_not_mind(REQUEST, Fault::content_type("text/html").after_effect());
            }

            #[test]
            fn a_slow_body_does_not_matter() {
                does_not_mind(REQUEST, Fault::slow_body(Duration::from_secs(1)).after_effect());
            }
        })*
    };
}

each_api! {
    port Bulk;
    github Compare;
}
