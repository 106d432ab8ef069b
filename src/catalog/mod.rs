//! The domain: entities, what declares them, what changed, what to do. Pure: no network, no clock,
//! no environment.

pub mod blueprint;
pub mod change;
pub mod declare;
pub mod difference;
pub mod entity;
pub mod live;
pub mod mapping;
pub mod merge;
pub mod order;
pub mod plan;
pub mod query_results;
pub mod reference;
pub mod rules;
pub mod validate;

#[cfg(test)]
pub(crate) mod testing;
