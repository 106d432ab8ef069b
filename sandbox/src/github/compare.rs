//! <https://docs.github.com/rest/commits/commits#compare-two-commits>

use serde_json::{Value, json};

use super::call::Call;
use super::model::escaped;
use super::refusal::{Outcome, Refusal};
use super::request::Page;
use crate::git::{Commit, ObjectId};
use crate::journal::Answer;

/// "It includes up to 300 changed files for the entire comparison."
const MOST_FILES: usize = 300;

/// `base...head`: what head has that its merge base with base has not.
pub(super) fn compare(call: &Call<'_>, range: &str) -> Outcome {
    let (base_name, head_name) = range.split_once("...").ok_or_else(Refusal::not_found)?;
    let base = named(call, base_name)?;
    let head = named(call, head_name)?;
    let Some(merge_base) = call.repository().merge_base(&base.id, &head.id)? else {
        let message = format!("No common ancestor between {base_name} and {head_name}.");
        return Err(Refusal::new(404, message));
    };
    let merge_base = call.repository().commit_at(&merge_base)?;
    let merge_base = merge_base.ok_or_else(Refusal::not_found)?;
    Comparison {
        call,
        range,
        base,
        head,
        merge_base,
    }
    .answer()
}

fn named(call: &Call<'_>, name: &str) -> Result<Commit, Refusal> {
    call.repository()
        .named_commit(name)?
        .ok_or_else(Refusal::not_found)
}

struct Comparison<'a> {
    call: &'a Call<'a>,
    range: &'a str,
    base: Commit,
    head: Commit,
    merge_base: Commit,
}

impl Comparison<'_> {
    /// The `commit-comparison` schema.
    fn answer(&self) -> Outcome {
        let (base, head) = (self.base.id.as_str(), self.head.id.as_str());
        let repository = self.call.repository();
        let new = repository.history(head, Some(base))?;
        let (ahead, behind) = (new.len(), repository.history(base, Some(head))?.len());
        let page = self.call.request.page();
        let links = &self.call.links;
        let range = escaped(self.range);
        let web = links.web(&format!("/compare/{range}"));
        let mut body = json!({
            "url": links.api(&format!("/compare/{range}")),
            "html_url": web,
            "permalink_url": links.web(&format!("/compare/{base}...{head}")),
            "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"),
            "base_commit": links.commit(&self.base),
            "merge_base_commit": links.commit(&self.merge_base),
            "status": status(ahead, behind),
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": self.commits(&new, page)?,
        });
        if page.number == 1 {
            body["files"] = self.files()?;
        }
        Ok(Answer::json(200, &body))
    }

    /// A page of the commits, oldest first; `new` is newest first.
    fn commits(&self, new: &[ObjectId], page: Page) -> Result<Vec<Value>, Refusal> {
        let shown = new.iter().rev().skip(page.skip()).take(page.size);
        let mut commits = Vec::new();
        for id in shown {
            let commit = self.call.repository().commit_at(id)?;
            commits.extend(commit.map(|commit| self.call.links.commit(&commit)));
        }
        Ok(commits)
    }

    fn files(&self) -> Result<Value, Refusal> {
        let head = &self.head.id;
        let repository = self.call.repository();
        let changes = repository.changed_files(&self.merge_base.id, head)?;
        let files = changes.iter().take(MOST_FILES);
        Ok(files
            .map(|change| self.call.links.file(change, head))
            .collect())
    }
}

fn status(ahead: usize, behind: usize) -> &'static str {
    match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    }
}
