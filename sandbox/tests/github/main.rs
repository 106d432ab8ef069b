//! The GitHub sandbox, asked over HTTP.

mod client;
mod compare;
mod contents;
mod event;
mod gate;
mod graphql;
mod records;
mod repository;
mod routes;
