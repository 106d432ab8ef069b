//! Networks that companies have: private certificates, proxies, an Enterprise Server.

mod enterprise;
mod proxies;
mod redirects;
mod tls;

use port_gitops_sandbox::network::Validity;
use port_gitops_sandbox::{Authority, Sandbox, StepResult, TlsFront};

/// A company's own authority.
fn authority() -> Authority {
    Authority::new("The shop's own root").unwrap()
}

/// TLS in front of a sandbox, with a certificate for `names`.
fn front(sandbox: &impl Sandbox, authority: &Authority, names: &[&str]) -> TlsFront {
    let identity = authority.issue(names, Validity::Current).unwrap();
    TlsFront::start(sandbox.server().address(), &identity).unwrap()
}

/// The one error of a step that could not go on.
fn message(result: &StepResult) -> String {
    result.commands("error")[0].data.clone()
}
