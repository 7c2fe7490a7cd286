//! Encrypts secrets at rest with the state folder's key, and derives keys for other uses from it.

use std::{
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, ensure};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
};

use crate::app::Ids;

/// Seals and opens with one 32-byte key. Has no Debug, so that it cannot reach a log.
pub struct Seal {
    aead: LessSafeKey,
    master: [u8; 32],
}

impl Seal {
    /// Reads the key file, or makes it (mode 0600) on first use.
    pub fn open(path: &Path, ids: &dyn Ids) -> anyhow::Result<Self> {
        match std::fs::File::open(path) {
            Ok(mut file) => {
                let mut master = Vec::new();
                file.read_to_end(&mut master)?;
                ensure!(master.len() == 32, "{} must hold 32 bytes", path.display());
                Ok(Self::new(master.try_into().expect("length was checked")))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut master = [0; 32];
                ids.fill(&mut master);
                // Written aside and linked: a crash leaves no short key, and of two first starts one wins.
                let aside = path.with_extension(format!("new-{}", std::process::id()));
                let mut file = std::fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&aside)
                    .with_context(|| format!("cannot write {}", aside.display()))?;
                file.write_all(&master)?;
                file.sync_all()?;
                let linked = std::fs::hard_link(&aside, path);
                std::fs::remove_file(&aside)?;
                match linked {
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::open(path, ids),
                    other => {
                        other?;
                        Ok(Self::new(master))
                    }
                }
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Makes one from key bytes.
    pub fn new(master: [u8; 32]) -> Self {
        let key =
            UnboundKey::new(&CHACHA20_POLY1305, &derive(&master, b"seal")).expect("the key has the algorithm's length");
        Self { aead: LessSafeKey::new(key), master }
    }

    /// Derives a key for another use; `purpose` tells uses apart.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        derive(&self.master, purpose.as_bytes())
    }

    /// Encrypts `plain`, bound to `context`. Layout: 12 bytes nonce, cipher text, 16 bytes tag.
    pub fn seal(&self, ids: &dyn Ids, context: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        ids.fill(&mut nonce);
        let mut data = plain.to_vec();
        self.aead
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context.as_bytes()), &mut data)
            .expect("the text is far below the algorithm's limit");
        [&nonce[..], &data].concat()
    }

    /// Decrypts what [`Self::seal`] made with the same context; `None` when anything was changed.
    pub fn open_sealed(&self, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, data) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut data = data.to_vec();
        let plain = self.aead.open_in_place(nonce, Aad::from(context.as_bytes()), &mut data).ok()?;
        Some(plain.to_vec())
    }
}

fn derive(master: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    struct Len;
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            32
        }
    }
    let mut out = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"porthole")
        .extract(master)
        .expand(&[purpose], Len)
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 bytes are within HKDF's limit");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::SystemIds;

    #[test]
    fn sealed_text_opens_only_unchanged_and_in_its_context() {
        let seal = Seal::new([7; 32]);
        let mut sealed = seal.seal(&SystemIds, "key:AK", b"secret");
        assert_eq!(seal.open_sealed("key:AK", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(seal.open_sealed("key:OTHER", &sealed), None);
        *sealed.last_mut().expect("not empty") ^= 1;
        assert_eq!(seal.open_sealed("key:AK", &sealed), None);
        assert_eq!(seal.open_sealed("key:AK", b"short"), None);
    }

    #[test]
    fn key_file_is_made_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secret.key");
        let first = Seal::open(&path, &SystemIds).expect("is made").derive("x");
        assert_eq!(Seal::open(&path, &SystemIds).expect("is read").derive("x"), first);
        assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 1);
    }
}
