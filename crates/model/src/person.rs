//! People who use the console: their names, roles and passwords, and how long failures to sign in make one wait.

/// What a person is on the site; what it lets them do is for the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Uses the computers of their account.
    Researcher,
    /// Runs the site as well.
    Operator,
}

impl Role {
    /// Every role, the one that may less first.
    pub const ALL: [Self; 2] = [Self::Researcher, Self::Operator];

    /// The word on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Researcher => "researcher",
            Self::Operator => "operator",
        }
    }

    /// Finds a role by its word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Longest name of a person.
const MOST_NAME: usize = 64;
/// Lengths of a password, in characters.
const PASSWORD: std::ops::RangeInclusive<usize> = 10..=256;

/// Reads a person's name as it was typed: capitals are as good as small letters.
///
/// # Errors
/// The rule it breaks.
pub fn name(text: &str) -> Result<String, &'static str> {
    let name = text.trim().to_ascii_lowercase();
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_@".contains(&byte);
    if (1..=MOST_NAME).contains(&name.len()) && name.bytes().all(known) {
        Ok(name)
    } else {
        Err("A name is 1 to 64 letters, digits, . - _ and @.")
    }
}

/// Checks a new password of the person of this name.
///
/// # Errors
/// The rule it breaks.
pub fn check_password(password: &str, name: &str) -> Result<(), &'static str> {
    if !PASSWORD.contains(&password.chars().count()) {
        return Err("A password has 10 to 256 characters.");
    }
    if password.to_lowercase().contains(name) && name.len() * 2 > password.len() {
        return Err("A password must be more than the name.");
    }
    if password.chars().all(|c| password.starts_with(c)) {
        return Err("A password must have different characters.");
    }
    Ok(())
}

/// What failures are counted of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// A person's name, existing or not.
    Name,
    /// An address requests come from.
    Address,
}

/// An hour without a failure forgets them.
const FORGOTTEN_MS: i64 = 3_600_000;
/// Longest wait.
const LONGEST_MS: i64 = 900_000;

/// Failures to sign in of one name or address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many there were.
    pub count: i64,
    /// When the last was, in milliseconds since the epoch.
    pub last_ms: i64,
    /// Until when every attempt is refused, in milliseconds since the epoch.
    pub until_ms: i64,
}

impl Failures {
    /// Says how long to wait before an attempt is looked at, in milliseconds; 0: not at all.
    pub fn wait_ms(&self, now_ms: i64) -> i64 {
        // A clock that was set back does not lock anybody out for longer than the longest wait.
        (self.until_ms - now_ms).clamp(0, LONGEST_MS)
    }

    /// Counts one more, before it is known to have failed: so many attempts at once are not one.
    #[must_use]
    pub fn with_one_more(&self, counted: Counted, now_ms: i64) -> Self {
        let free = match counted {
            Counted::Name => 5,
            Counted::Address => 20,
        };
        let count = if now_ms - self.last_ms >= FORGOTTEN_MS { 1 } else { self.count + 1 };
        let wait_ms = match u32::try_from(count - free) {
            Ok(over) => (1_000_i64 << over.min(20)).min(LONGEST_MS),
            Err(_) => 0,
        };
        Self { count, last_ms: now_ms, until_ms: now_ms + wait_ms }
    }

    /// Takes one back: it succeeded.
    #[must_use]
    pub fn with_one_less(&self) -> Self {
        Self { count: (self.count - 1).max(0), last_ms: self.last_ms, until_ms: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_small() {
        assert_eq!(name(" Ada.L@lab-1 "), Ok("ada.l@lab-1".into()));
        for bad in ["", " ", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_long_and_not_the_name() {
        assert_eq!(check_password("correct horse", "ada"), Ok(()));
        for bad in ["short", "", &"x".repeat(20), "adalovelace1", &"ab".repeat(200)] {
            assert!(check_password(bad, "adalovelace").is_err(), "{bad}");
        }
    }

    #[test]
    fn waits_begin_after_the_free_failures_and_double_to_their_limit() {
        for (counted, free) in [(Counted::Name, 5), (Counted::Address, 20)] {
            let mut failures = Failures::default();
            let mut now_ms = 1_700_000_000_000;
            for attempt in 1..60 {
                failures = failures.with_one_more(counted, now_ms);
                let wait_ms = failures.wait_ms(now_ms);
                let wanted = if attempt < free { 0 } else { (1_000_i64 << (attempt - free).min(20)).min(LONGEST_MS) };
                assert_eq!(wait_ms, wanted, "{counted:?} {attempt}");
                now_ms += wait_ms;
                assert_eq!(failures.wait_ms(now_ms), 0);
            }
            let later = failures.with_one_more(counted, now_ms + FORGOTTEN_MS);
            assert_eq!((later.count, later.wait_ms(now_ms + FORGOTTEN_MS)), (1, 0));
        }
    }

    #[test]
    fn a_success_is_not_counted() {
        let failures = Failures { count: 20, last_ms: 5, until_ms: 1_005 };
        let after = failures.with_one_less();
        assert_eq!((after.count, after.wait_ms(6)), (19, 0));
    }
}
