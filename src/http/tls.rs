//! Which certificates are trusted: Mozilla's roots, which the program carries along because its
//! image has no files, and those that the user adds.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why extra certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCertificates {
    /// There is no certificate in the text.
    #[error(
        "holds no certificate; give PEM text, one or more blocks from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`"
    )]
    None,
    /// The text of a block is broken.
    #[error("certificate {number} is not PEM: {reason}")]
    Pem {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A block is no certificate.
    #[error("certificate {number} cannot be used: {reason}")]
    Certificate {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refuses its own defaults; this is not known to happen.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
}

pub(super) fn config(extra: Option<&str>) -> Result<ClientConfig, InvalidCertificates> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(pem) = extra {
        add(&mut roots, pem)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(InvalidCertificates::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add(roots: &mut RootCertStore, pem: &str) -> Result<(), InvalidCertificates> {
    let mut number = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        number += 1;
        let certificate = certificate.map_err(|error| InvalidCertificates::Pem {
            number,
            reason: error.to_string(),
        })?;
        roots
            .add(certificate)
            .map_err(|error| InvalidCertificates::Certificate {
                number,
                reason: error.to_string(),
            })?;
    }
    if number == 0 {
        Err(InvalidCertificates::None)
    } else {
        Ok(())
    }
}
