//! Hashes of passwords: argon2id, so that each guess costs memory and time.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::{sync::Semaphore, time::timeout};

use super::problem::Problem;
use crate::app::Ids;

/// Memory in KiB, rounds and lanes of a hash: OWASP's first recommendation for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
/// Hashes computed at once; others wait, as each takes a core.
const AT_ONCE: usize = 2;
/// How long an attempt waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Longest password that is looked at, in bytes.
const MOST_BYTES: usize = 1024;

/// Computes hashes, few at a time.
pub struct Hasher {
    turns: Semaphore,
    /// Of a password nobody has: names that do not exist cost the same time.
    decoy: String,
}

impl Hasher {
    /// Makes one.
    pub fn new(ids: &dyn Ids) -> Self {
        let mut password = [0; 16];
        ids.fill(&mut password);
        Self { turns: Semaphore::new(AT_ONCE), decoy: hash(&hex::encode(password), &salt(ids)) }
    }

    /// Hashes a new password.
    pub async fn hash(&self, ids: &dyn Ids, password: &str) -> Result<String, Problem> {
        let (password, salt) = (password.to_owned(), salt(ids));
        self.work(move || hash(&password, &salt)).await
    }

    /// Says whether a password is the one of a hash; of an empty one it never is, and takes as long.
    pub async fn verify(&self, password: &str, hash: &str) -> Result<bool, Problem> {
        let exists = !hash.is_empty() && password.len() <= MOST_BYTES;
        let (password, hash) = match exists {
            true => (password.to_owned(), hash.to_owned()),
            false => (String::new(), self.decoy.clone()),
        };
        Ok(self.work(move || verify(&password, &hash)).await? && exists)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let Ok(Ok(_turn)) = timeout(LONGEST_WAIT, self.turns.acquire()).await else {
            return Err(Problem::unavailable());
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Problem::unavailable())
    }
}

/// Hashes at once, for the command line.
pub fn hash_now(ids: &dyn Ids, password: &str) -> String {
    hash(password, &salt(ids))
}

fn salt(ids: &dyn Ids) -> [u8; 16] {
    let mut salt = [0; 16];
    ids.fill(&mut salt);
    salt
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, ROUNDS, 1, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str, salt: &[u8]) -> String {
    argon2()
        .hash_password_with_salt(password.as_bytes(), salt)
        .expect("salt and password are within limits")
        .to_string()
}

fn verify(password: &str, hash: &str) -> bool {
    // The parameters are those of the hash, so that old ones stay good.
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::SystemIds;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let hasher = Hasher::new(&SystemIds);
        let hash = hasher.hash(&SystemIds, "correct horse").await.expect("is hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hash_now(&SystemIds, "correct horse"), "each has a salt of its own");
        assert_eq!(hasher.verify("correct horse", &hash).await, Ok(true));
        for (password, hash) in
            [("Correct horse", &*hash), ("", &hash), ("correct horse", ""), ("", ""), ("x", "nonsense")]
        {
            assert_eq!(hasher.verify(password, hash).await, Ok(false), "{password} {hash}");
        }
    }
}
