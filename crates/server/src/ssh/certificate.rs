//! Certificates that let a temporary key in (OpenSSH, PROTOCOL.certkeys).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::{PublicKey, put_number, put_string};
use crate::{app::Ids, secret::Seal};

const USER: u32 = 1;
/// What the session of the key may do: all that a session with a plain key may. In alphabetical order, as is asked for.
const EXTENSIONS: [&str; 5] =
    ["permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty", "permit-user-rc"];

/// Signs the certificates of one instance. Its key is derived from the state folder's and stored nowhere.
pub struct Authority(Ed25519KeyPair);

/// What a certificate says.
pub struct Terms<'a> {
    /// For the instance's log.
    pub key_id: &'a str,
    /// The account it lets in.
    pub principal: &'a str,
    /// Seconds since the epoch.
    pub valid_after_s: u64,
    /// Seconds since the epoch.
    pub valid_before_s: u64,
}

impl Authority {
    /// The authority an instance trusts, and no other does.
    pub fn of_instance(seal: &Seal, instance_id: &str) -> Self {
        let seed = seal.derive(&format!("ssh-ca:{instance_id}"));
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed has 32 bytes"))
    }

    /// Gives the key that the instance trusts.
    pub fn public(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.public_key().as_ref().try_into().expect("a key has 32 bytes"))
    }

    /// Signs a key; gives the certificate as a line.
    pub fn certify(&self, ids: &dyn Ids, key: &PublicKey, terms: &Terms<'_>) -> String {
        let kind = format!("{}-cert-v01@openssh.com", key.algorithm());
        let (mut nonce, mut serial) = ([0; 32], [0; 8]);
        ids.fill(&mut nonce);
        ids.fill(&mut serial);
        let (mut principals, mut extensions) = (Vec::new(), Vec::new());
        put_string(&mut principals, terms.principal.as_bytes());
        for name in EXTENSIONS {
            put_string(&mut extensions, name.as_bytes());
            put_string(&mut extensions, b"");
        }
        let mut out = Vec::new();
        put_string(&mut out, kind.as_bytes());
        put_string(&mut out, &nonce);
        match key {
            PublicKey::Rsa { e, n } => {
                put_number(&mut out, e);
                put_number(&mut out, n);
            }
            PublicKey::Ed25519(key) => put_string(&mut out, key),
        }
        out.extend_from_slice(&serial);
        out.extend_from_slice(&USER.to_be_bytes());
        put_string(&mut out, terms.key_id.as_bytes());
        put_string(&mut out, &principals);
        out.extend_from_slice(&terms.valid_after_s.to_be_bytes());
        out.extend_from_slice(&terms.valid_before_s.to_be_bytes());
        // Critical options: none.
        put_string(&mut out, b"");
        put_string(&mut out, &extensions);
        // Reserved.
        put_string(&mut out, b"");
        put_string(&mut out, &self.public().blob());
        let mut signature = Vec::new();
        put_string(&mut signature, b"ssh-ed25519");
        put_string(&mut signature, self.0.sign(&out).as_ref());
        put_string(&mut out, &signature);
        format!("{kind} {}", BASE64_STANDARD.encode(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::SystemIds;

    #[test]
    fn each_instance_trusts_an_authority_of_its_own_for_ever() {
        let seal = Seal::new([7; 32]);
        let one = Authority::of_instance(&seal, "a").public();
        assert_eq!(one, Authority::of_instance(&seal, "a").public());
        assert_ne!(one, Authority::of_instance(&seal, "b").public());
        assert_ne!(one, Authority::of_instance(&Seal::new([8; 32]), "a").public());
    }

    #[test]
    fn openssh_reads_the_certificate() {
        let authority = Authority::of_instance(&Seal::new([7; 32]), "a");
        let terms =
            Terms { key_id: "lab", principal: "me", valid_after_s: 1_000_000_000, valid_before_s: 1_000_000_060 };
        let line = authority.certify(&SystemIds, &PublicKey::Ed25519([9; 32]), &terms);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key-cert.pub");
        std::fs::write(&file, line).expect("is written");
        let Ok(output) =
            std::process::Command::new("ssh-keygen").arg("-L").arg("-f").arg(&file).env("TZ", "UTC").output()
        else {
            // Where there is no client, the conformance tests log in with one.
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for part in [
            "user certificate",
            "Key ID: \"lab\"",
            "me\n",
            "from 2001-09-09T01:46:40 to 2001-09-09T01:47:40",
            "permit-pty",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
