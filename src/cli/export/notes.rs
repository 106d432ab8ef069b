//! What is left out of an export, for the person who reads the log.

use std::io::{self, Write};

use crate::catalog::blueprint::{Blueprint, Computation, Ownership, Property};
use crate::catalog::difference::Field;
use crate::catalog::entity::{BlueprintId, Identifier};
use crate::cli::counted;

/// What no file has, and why.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Of all entities of a blueprint alike: nothing that anybody could write into a file.
    of_blueprints: Vec<String>,
    /// Of single entities: what Port holds and files cannot express.
    of_entities: Vec<String>,
}

impl Notes {
    /// Notes what is never exported of a blueprint's entities.
    pub(super) fn add_blueprint(&mut self, id: &BlueprintId, blueprint: &Blueprint) {
        let mut left_out = Vec::new();
        for (name, property) in blueprint.properties() {
            let why = match property {
                Property::Computed(Computation::Calculation) => "a calculation",
                Property::Computed(Computation::Mirror) => "a mirror",
                Property::Computed(Computation::Aggregation) => "an aggregation",
                Property::Stored { schema, .. } if schema.is_secret() => "a secret",
                Property::Stored { .. } => continue,
            };
            left_out.push(format!("`{name}` ({why})"));
        }
        if let Ownership::Inherited { path } = &blueprint.ownership {
            left_out.push(format!("`team` (inherited through `{path}`)"));
        }
        if !left_out.is_empty() {
            let note = format!("left out of every `{id}`: {}", left_out.join(", "));
            self.of_blueprints.push(shown(&note));
        }
    }

    /// Notes that an entity has no file.
    pub(super) fn add_entity(&mut self, blueprint: &BlueprintId, name: &Identifier, why: &str) {
        let note = format!("`{blueprint}/{name}` is left out: {why}");
        self.of_entities.push(shown(&note));
    }

    /// Notes that an entity's file does not have everything.
    pub(super) fn add_field(
        &mut self,
        blueprint: &BlueprintId,
        name: &Identifier,
        field: &Field,
        why: &str,
    ) {
        let note = format!("`{field}` of `{blueprint}/{name}` is left out: {why}");
        self.of_entities.push(shown(&note));
    }

    /// How much of single entities is left out, for the summary.
    pub(super) fn left_out(&self) -> Option<String> {
        let count = self.of_entities.len();
        (count > 0).then(|| counted(count, "warning", "warnings"))
    }

    /// Prints all of it on standard error.
    pub(super) fn print(&self) {
        let mut out = io::stderr().lock();
        let kinds = [
            ("note", &self.of_blueprints),
            ("warning", &self.of_entities),
        ];
        for (kind, notes) in kinds {
            for note in notes {
                // If standard error is closed, nobody reads this.
                let _ = writeln!(out, "{kind}: {note}");
            }
        }
    }
}

/// One line, in which nothing from Port can move a terminal's cursor.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .map(|one| match one.is_control() {
            true => '\u{fffd}',
            false => one,
        })
        .collect()
}
