//! <https://docs.github.com/rest/repos/contents#get-repository-content>

use serde_json::{Value, json};

use super::call::Call;
use super::model::escaped;
use super::objects::{base64_lines, raw};
use super::refusal::{Outcome, Refusal};
use crate::git::{Kind, Mode, TreeEntry};
use crate::journal::Answer;

/// "Between 1-100 MB: the content field will be an empty string and the encoding none."
const INLINE_LIMIT: usize = 1024 * 1024;
/// How many symbolic links are followed on the way to a file.
const LINK_LIMIT: usize = 10;

/// A file, a folder, a symbolic link or a submodule at a path of `ref`.
///
/// "If the requested path points to a symlink, and the symlink's target is a normal file in the
/// repository, then the API responds with the content of the file."
pub(super) fn get(call: &Call<'_>, path: &str) -> Outcome {
    let name = call.request.query("ref").unwrap_or("HEAD");
    let commit = call.repository().named_commit(name)?.ok_or_else(|| {
        Refusal::new(404, format!("No commit found for the ref {name}")).at("v3/repos/contents/")
    })?;
    let place = Place {
        call,
        commit: &commit.id,
        name,
    };
    let path = path.trim_matches('/');
    if path.is_empty() {
        return place.folder(&commit.tree, "");
    }
    let Some(entry) = place.entry(path)? else {
        return Err(Refusal::not_found().at("rest/repos/contents#get-repository-content"));
    };
    match entry.mode {
        Mode::Folder => place.folder(&entry.id, path),
        Mode::Submodule => place.submodule(&entry, path),
        Mode::File | Mode::Executable => place.file(&entry, path),
        Mode::Symlink => match place.target(path)? {
            Some(target) => place.file(&target, path),
            None => place.symlink(&entry, path),
        },
    }
}

/// The commit whose contents are asked for.
struct Place<'a> {
    call: &'a Call<'a>,
    commit: &'a str,
    /// As the client wrote it.
    name: &'a str,
}

impl Place<'_> {
    fn entry(&self, path: &str) -> Result<Option<TreeEntry>, Refusal> {
        Ok(self.call.repository().entry_at(self.commit, path)?)
    }

    fn data(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        Ok(self
            .call
            .repository()
            .object(id)?
            .map(|object| object.data)
            .unwrap_or_default())
    }

    /// The normal file that a symbolic link leads to.
    fn target(&self, link: &str) -> Result<Option<TreeEntry>, Refusal> {
        let mut path = link.to_owned();
        for _ in 0..LINK_LIMIT {
            let Some(entry) = self.entry(&path)? else {
                return Ok(None);
            };
            match entry.mode {
                Mode::File | Mode::Executable => return Ok(Some(entry)),
                Mode::Folder | Mode::Submodule => return Ok(None),
                Mode::Symlink => {}
            }
            let text = String::from_utf8_lossy(&self.data(&entry.id)?).into_owned();
            match resolved(&path, &text) {
                Some(next) => path = next,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// What all kinds of content have in common.
    fn head(&self, kind: &str, entry: &TreeEntry, path: &str) -> Value {
        let links = &self.call.links;
        let url = links.api(&format!("/contents/{}?ref={}", escaped(path), self.name));
        let objects = if entry.mode == Mode::Folder {
            "trees"
        } else {
            "blobs"
        };
        let git = links.api(&format!("/git/{objects}/{}", entry.id));
        let view = if entry.mode == Mode::Folder {
            "tree"
        } else {
            "blob"
        };
        let html = links.web(&format!("/{view}/{}/{}", self.name, escaped(path)));
        let name = path.rsplit('/').next().unwrap_or(path);
        json!({
            "type": kind,
            "name": name,
            "path": path,
            "sha": entry.id.as_str(),
            "size": 0,
            "url": url,
            "git_url": git,
            "html_url": html,
            "download_url": null,
            "_links": {"self": url, "git": git, "html": html},
        })
    }

    fn file(&self, entry: &TreeEntry, path: &str) -> Outcome {
        let data = self.data(&entry.id)?;
        if self.call.request.accepts("raw") {
            return Ok(raw(data));
        }
        let mut body = self.head("file", entry, path);
        body["size"] = json!(data.len());
        body["download_url"] = json!(self.call.links.web(&format!(
            "/raw/{}/{}",
            self.name,
            escaped(path)
        )));
        let (content, encoding) = if data.len() > INLINE_LIMIT {
            (String::new(), "none")
        } else {
            (base64_lines(&data), "base64")
        };
        body["content"] = json!(content);
        body["encoding"] = json!(encoding);
        Ok(Answer::json(200, &body))
    }

    fn symlink(&self, entry: &TreeEntry, path: &str) -> Outcome {
        let data = self.data(&entry.id)?;
        let mut body = self.head("symlink", entry, path);
        body["size"] = json!(data.len());
        body["target"] = json!(String::from_utf8_lossy(&data));
        Ok(Answer::json(200, &body))
    }

    fn submodule(&self, entry: &TreeEntry, path: &str) -> Outcome {
        let mut body = self.head("submodule", entry, path);
        for key in ["git_url", "html_url"] {
            body[key] = Value::Null;
        }
        body["_links"]["git"] = Value::Null;
        body["_links"]["html"] = Value::Null;
        body["submodule_git_url"] = json!(format!("{}/sandbox/submodule.git", self.call.links.web));
        Ok(Answer::json(200, &body))
    }

    /// The `content-directory` schema. "The value of `type` is `file` for submodules", it says.
    fn folder(&self, tree: &str, path: &str) -> Outcome {
        let mut items = Vec::new();
        for entry in self.call.repository().tree(tree)? {
            let kind = match entry.mode {
                Mode::Folder => "dir",
                Mode::Symlink => "symlink",
                Mode::File | Mode::Executable | Mode::Submodule => "file",
            };
            let path = [path, &entry.name].join("/");
            let mut item = self.head(kind, &entry, path.trim_start_matches('/'));
            if entry.mode.kind() == Kind::Blob {
                item["size"] = json!(self.data(&entry.id)?.len());
            }
            items.push(item);
        }
        Ok(Answer::json(200, &Value::Array(items)))
    }
}

/// Where a link at `path` leads; `None` if that is outside of the repository.
fn resolved(path: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
