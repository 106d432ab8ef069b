//! The blueprints that a command is about.

use serde_json::Value;

use crate::catalog::blueprint::Blueprint;
use crate::catalog::entity::BlueprintId;
use crate::inputs::Inputs;
use crate::port::{self, Port};

/// A blueprint, and what Port says of it.
#[derive(Debug)]
pub(crate) struct Described {
    /// What entity files call it.
    pub(crate) id: BlueprintId,
    /// What Port says, with titles and descriptions.
    pub(crate) json: Value,
    /// The same, as `check` reads it.
    pub(crate) blueprint: Blueprint,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoBlueprints {
    #[error(transparent)]
    Port(#[from] port::Error),
    /// The rules let none in.
    #[error(
        "no blueprint is selected; there {}. Port's own, whose names begin with `_`, are selected only by name; the one that holds the action's state never is", names(.0)
    )]
    NoneSelected(Vec<String>),
}

fn names(all: &[String]) -> String {
    let names: Vec<_> = all.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "is none that the credentials may read".to_owned(),
        [one] => format!("is {one}"),
        all => format!("are {}", all.join(", ")),
    }
}

/// The blueprints that the input `blueprints` selects, in the order of their names. One request, and one
/// for a token.
///
/// # Errors
/// If Port does not give them, or none is selected.
pub(crate) async fn described(
    port: &Port,
    inputs: &Inputs,
) -> Result<Vec<Described>, NoBlueprints> {
    let all = port.all_blueprints().await?;
    let names: Vec<_> = all.keys().cloned().collect();
    let mut described = Vec::new();
    for (name, json) in all {
        // What no entity file can name is left out.
        let Some(id) = BlueprintId::parse(&name).ok() else {
            continue;
        };
        if !inputs.blueprints.allow(&id) {
            continue;
        }
        let blueprint =
            Blueprint::from_json(json.clone()).map_err(|reason| port::Error::UnknownForm {
                what: format!("the request for all blueprints, in `{name}`,"),
                reason: reason.to_string(),
            })?;
        described.push(Described {
            id,
            json,
            blueprint,
        });
    }
    match described.is_empty() {
        true => Err(NoBlueprints::NoneSelected(names)),
        false => Ok(described),
    }
}
