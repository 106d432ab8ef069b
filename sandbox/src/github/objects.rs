//! The repository, its references and its objects: <https://docs.github.com/rest/git>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::Call;
use super::model::escaped;
use super::refusal::{Outcome, Refusal};
use crate::git::{Commit, Kind, ListedEntry, Mode, Object, ObjectId};
use crate::journal::Answer;

/// The `full-repository` schema.
pub(super) fn repository(call: &Call<'_>) -> Outcome {
    let default_branch = call.repository().default_branch()?;
    let body = call.links.full_repository(&call.hosted, &default_branch);
    Ok(Answer::json(200, &body))
}

/// The `git-tree` schema. The tree is named by its id or by a commit's. The tree
/// without entries, which Git knows but nobody stores, is not found.
pub(super) fn tree(call: &Call<'_>, name: &str) -> Outcome {
    let tree = named_tree(call, name)?;
    let mut entries = call.repository().list_recursively(&tree)?.to_vec();
    if entries.is_empty() {
        return Err(Refusal::not_found());
    }
    let mut truncated = false;
    if call.request.query("recursive").is_some() {
        truncated = entries.len() > call.settings.tree_limit;
        entries.truncate(call.settings.tree_limit);
    } else {
        entries.retain(|entry| !entry.path.contains('/'));
    }
    let body = json!({
        "sha": tree.as_str(),
        "url": call.links.api(&format!("/git/trees/{tree}")),
        "tree": entries.iter().map(|entry| tree_entry(call, entry)).collect::<Value>(),
        "truncated": truncated,
    });
    Ok(Answer::json(200, &body))
}

fn named_tree(call: &Call<'_>, name: &str) -> Result<ObjectId, Refusal> {
    let object = call.repository().object_by_id(name)?;
    let commit = object.as_ref().and_then(Commit::parse);
    match (object, commit) {
        (_, Some(commit)) => Ok(commit.tree),
        (Some(object), None) if object.kind == Kind::Tree => Ok(object.id),
        _ => Err(Refusal::not_found()),
    }
}

fn tree_entry(call: &Call<'_>, entry: &ListedEntry) -> Value {
    let kind = entry.mode.kind();
    let mut value = json!({
        "path": entry.path,
        "mode": entry.mode.octal(),
        "type": kind.name(),
        "sha": entry.id.as_str(),
    });
    if let Some(size) = entry.size {
        value["size"] = json!(size);
    }
    if entry.mode != Mode::Submodule {
        value["url"] = json!(
            call.links
                .api(&format!("/git/{}s/{}", kind.name(), entry.id))
        );
    }
    value
}

/// The `blob` schema.
pub(super) fn blob(call: &Call<'_>, sha: &str) -> Outcome {
    if !call.repository().is_full_id(sha) {
        let length = call.repository().zero_id().len();
        let message = format!(
            "The sha parameter must be exactly {length} characters and contain only [0-9a-f]."
        );
        return Err(Refusal::new(422, message));
    }
    let Some(Object {
        id,
        kind: Kind::Blob,
        data,
    }) = call.repository().object(sha)?
    else {
        return Err(Refusal::not_found());
    };
    let body = json!({
        "sha": id.as_str(),
        "node_id": format!("B_{id}"),
        "url": call.links.api(&format!("/git/blobs/{id}")),
        "size": data.len(),
        "content": base64_lines(&data),
        "encoding": "base64",
    });
    Ok(Answer::json(200, &body))
}

/// Base64 in lines of 60 characters, each with a line break at its end, as GitHub sends it.
fn base64_lines(data: &[u8]) -> String {
    data.chunks(45)
        .map(|chunk| STANDARD.encode(chunk) + "\n")
        .collect()
}

/// The `git-commit` schema.
pub(super) fn git_commit(call: &Call<'_>, sha: &str) -> Outcome {
    let object = call.repository().object_by_id(sha)?;
    let commit = object.as_ref().filter(|object| object.kind == Kind::Commit);
    let commit = commit
        .and_then(Commit::parse)
        .ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, &call.links.git_commit(&commit)))
}

/// The `git-ref` schema; `name` is `heads/<branch>` or `tags/<tag>`, whole.
pub(super) fn reference(call: &Call<'_>, name: &str) -> Outcome {
    let full_name = format!("refs/{name}");
    let object = call.repository().reference(&full_name)?;
    let object = object.ok_or_else(Refusal::not_found)?;
    let kind = object.kind.name();
    let body = json!({
        "ref": full_name,
        "node_id": format!("REF_{full_name}"),
        "url": call.links.api(&format!("/git/{}", escaped(&full_name))),
        "object": {
            "type": kind,
            "sha": object.id.as_str(),
            "url": call.links.api(&format!("/git/{kind}s/{}", object.id)),
        },
    });
    Ok(Answer::json(200, &body))
}
