//! Which certificates are trusted: Mozilla's roots, which the program carries along because its
//! image has no files, and those that the user adds.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::{ClientConfig, RootCertStore};

/// Why extra certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// What the input holds is of no use.
    #[error("input `ca-certificates`: {0}")]
    Input(InvalidCertificates),
    /// What the file holds is of no use.
    #[error("the file {} (SSL_CERT_FILE): {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: InvalidCertificates,
    },
    /// The file is there, but cannot be read.
    #[error(
        "the file {} (SSL_CERT_FILE) cannot be read: {error}; unset the variable or give the certificates in the input `ca-certificates`",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The TLS library refuses its own defaults; this is not known to happen.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
}

/// What is wrong with a text of certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificates {
    /// There is no certificate in the text.
    #[error(
        "holds no certificate; give PEM text, one or more blocks from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`"
    )]
    None,
    /// Something secret that has no use here.
    #[error("holds a private key, which must stay on its server; give certificates only")]
    PrivateKey,
    /// A block has no end.
    #[error("block {number} is cut short: its line `-----END …-----` is missing")]
    CutShort {
        /// Which one, from 1.
        number: usize,
    },
    /// The lines of a block are run together.
    #[error(
        "block {number} does not begin with a line of its own; in YAML, put the text below `ca-certificates: |`, which keeps line breaks"
    )]
    NoLines {
        /// Which one, from 1.
        number: usize,
    },
    /// The text between a block's lines is broken, or is no certificate.
    #[error("block {number} is damaged or cut short: it is no certificate")]
    Damaged {
        /// Which one, from 1.
        number: usize,
    },
}

/// What to do about a block that is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    Refuse,
    Skip,
}

/// The client's side of TLS. `input` is PEM text that the user gave for this program alone; `file`
/// is what other programs use too. A file that is not there is passed over with a warning, as the
/// variable may come from a runner whose files a container does not have.
pub(super) fn config(
    input: Option<&str>,
    file: Option<&Path>,
) -> Result<ClientConfig, CertificatesError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(text) = input {
        add(&mut roots, text.as_bytes(), Unusable::Refuse).map_err(CertificatesError::Input)?;
    }
    if let Some(path) = file {
        add_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(CertificatesError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), CertificatesError> {
    match std::fs::read(path) {
        // A system's bundle may hold certificates that are too odd for the TLS library.
        Ok(text) => add(roots, &text, Unusable::Skip).map_err(|problem| CertificatesError::File {
            path: path.to_owned(),
            problem,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = path.display();
            tracing::warn!(
                "SSL_CERT_FILE names {path}, which is not there (a container has files of its own), so it has no effect; certificates can be given in the input `ca-certificates`"
            );
            Ok(())
        }
        Err(error) => Err(CertificatesError::Unreadable {
            path: path.to_owned(),
            error,
        }),
    }
}

fn add(
    roots: &mut RootCertStore,
    text: &[u8],
    unusable: Unusable,
) -> Result<(), InvalidCertificates> {
    let before = roots.len();
    for (block, number) in <(SectionKind, Vec<u8>)>::pem_slice_iter(text).zip(1..) {
        let (kind, content) = block.map_err(|error| broken(&error, number))?;
        match kind {
            SectionKind::Certificate => {
                let added = roots.add(CertificateDer::from(content));
                if added.is_err() && unusable == Unusable::Refuse {
                    return Err(InvalidCertificates::Damaged { number });
                }
            }
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey
                if unusable == Unusable::Refuse =>
            {
                return Err(InvalidCertificates::PrivateKey);
            }
            _ => {}
        }
    }
    if roots.len() == before {
        Err(InvalidCertificates::None)
    } else {
        Ok(())
    }
}

fn broken(error: &pem::Error, number: usize) -> InvalidCertificates {
    match error {
        // A text that is all in one line is read as the name of its block.
        pem::Error::MissingSectionEnd { end_marker } if end_marker.contains(&b'-') => {
            InvalidCertificates::NoLines { number }
        }
        pem::Error::MissingSectionEnd { .. } => InvalidCertificates::CutShort { number },
        pem::Error::IllegalSectionStart { .. } => InvalidCertificates::NoLines { number },
        _ => InvalidCertificates::Damaged { number },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use port_gitops_sandbox::Authority;

    fn problem(text: &str) -> InvalidCertificates {
        match config(Some(text), None) {
            Err(CertificatesError::Input(problem)) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn certificates_are_read_with_text_around_them() {
        let (one, two) = (
            Authority::new("One").unwrap(),
            Authority::new("Two").unwrap(),
        );
        let text = format!("# One\r\n{}\nTwo\n{}", one.pem(), two.pem());
        config(Some(&text), None).unwrap();
    }

    #[test]
    fn what_is_no_certificate_is_told_apart() {
        let authority = Authority::new("A").unwrap();
        let pem = authority.pem();
        assert_eq!(problem("/etc/ssl/ca.pem"), InvalidCertificates::None);
        let with_key = format!("{pem}{}", authority.key_pem());
        assert_eq!(problem(&with_key), InvalidCertificates::PrivateKey);
        let number = 1;
        let cut = &pem[..pem.len() / 2];
        assert_eq!(problem(cut), InvalidCertificates::CutShort { number });
        let folded = pem.replace('\n', " ");
        assert_eq!(problem(&folded), InvalidCertificates::NoLines { number });
        let lines: Vec<_> = pem.lines().collect();
        let gap = [&lines[..2], &lines[lines.len() - 1..]].concat().join("\n");
        let second = format!("{pem}{gap}");
        assert_eq!(problem(&second), InvalidCertificates::Damaged { number: 2 });
    }

    #[test]
    fn a_bundle_may_hold_what_cannot_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(
            &path,
            format!("{odd}{}", Authority::new("A").unwrap().pem()),
        )
        .unwrap();
        config(None, Some(&path)).unwrap();
        std::fs::write(&path, odd).unwrap();
        let error = config(None, Some(&path)).unwrap_err().to_string();
        assert!(error.contains("holds no certificate"), "{error}");
    }
}
