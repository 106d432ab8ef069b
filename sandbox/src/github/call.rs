//! One request with all that is needed to answer it.

use std::sync::Arc;

use super::hosted::Hosted;
use super::model::Links;
use super::refusal::{Outcome, Refusal};
use super::request::{Page, Request};
use super::state::{Access, Edition, Permission, Settings, Shared};
use crate::git::TestRepository;
use crate::journal::Answer;

pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) request: &'a Request,
    pub(super) settings: Settings,
    /// The repository that it is about.
    pub(super) hosted: Arc<Hosted>,
    pub(super) links: Links,
}

impl<'a> Call<'a> {
    pub(super) fn new(shared: &'a Shared, request: &'a Request) -> Self {
        let settings = shared.settings.lock().clone();
        let hosted = Arc::clone(settings.repositories.first());
        let links = links(shared.edition, &host(request), &hosted);
        Self {
            shared,
            request,
            settings,
            hosted,
            links,
        }
    }

    /// The same about another repository.
    pub(super) fn about(self, hosted: Arc<Hosted>) -> Self {
        Self {
            links: links(self.shared.edition, &host(self.request), &hosted),
            hosted,
            ..self
        }
    }

    pub(super) fn repository(&self) -> &TestRepository {
        &self.hosted.git
    }

    pub(super) fn need(&self, permission: Permission, access: Access) -> Result<(), Refusal> {
        if self.settings.access(permission) < access {
            Err(Refusal::forbidden(permission.accepted(access)))
        } else {
            Ok(())
        }
    }

    /// One page of a list as the answer, with its `link` header.
    pub(super) fn list(&self, items: serde_json::Value, page: Page, total: usize) -> Outcome {
        Ok(self.with_link(Answer::json(200, &items), page, total))
    }

    pub(super) fn with_link(&self, answer: Answer, page: Page, total: usize) -> Answer {
        match page.link(self.request, &host(self.request), total) {
            Some(link) => answer.with_header("link", link),
            None => answer,
        }
    }
}

/// The scheme and host that the client used.
pub(super) fn host(request: &Request) -> String {
    format!("http://{}", request.header("host").unwrap_or("localhost"))
}

/// `host` with its scheme, without a slash at its end.
pub(super) fn links(edition: Edition, host: &str, hosted: &Hosted) -> Links {
    let (api, web) = match edition {
        Edition::Cloud => (host.to_owned(), "https://github.com".to_owned()),
        Edition::EnterpriseServer => (format!("{host}/api/v3"), host.to_owned()),
    };
    Links {
        api,
        web,
        full_name: hosted.full_name.clone(),
    }
}
