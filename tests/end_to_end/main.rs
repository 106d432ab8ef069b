//! The real binary, started as the runner starts it, against both sandboxes.

#![cfg(test)]

mod bad_input;
mod check;
mod commands;
mod drift;
mod events;
mod export;
mod faults;
mod first_light;
mod fleet;
mod hostile;
mod interrupted;
mod mapping;
mod mock;
mod networks;
mod plans;
mod port_rules;
mod queries;
mod redaction;
mod references;
mod refusals;
mod replicas;
mod rules;
mod scenes;
mod schema;
mod scorecards;
mod size;
mod slips;
mod state;
mod state_found_by_histories;
mod validation;
mod without_docker;
mod world;
