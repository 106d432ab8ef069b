//! The command line.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Where the servers listen.
    pub(crate) address: IpAddr,
    /// Where the event's file goes.
    pub(crate) folder: PathBuf,
}

impl Arguments {
    /// Reads the arguments, without the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            address: Ipv4Addr::LOCALHOST.into(),
            folder: PathBuf::from("."),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} needs a value"))?;
            match name.as_str() {
                "--address" => {
                    parsed.address = value
                        .parse()
                        .map_err(|error| format!("--address {value}: {error}"))?;
                }
                "--folder" => parsed.folder = PathBuf::from(value),
                _ => return Err(format!("{name}: there are --address and --folder")),
            }
        }
        Ok(parsed)
    }
}
