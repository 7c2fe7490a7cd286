//! People, their sessions in browsers, one-time links, and failures to sign in.

use porthole_model::{
    AccountId,
    person::{Counted, Failures, Role},
};
use sqlx::any::AnyRow;

use crate::{Store, StoreError, Tx, known, number, text};

/// Somebody who uses the console. Has no Debug, so that no hash reaches a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// A UUID.
    pub id: String,
    /// Small letters; unique on the site.
    pub name: String,
    /// Whose computers they use.
    pub account_id: AccountId,
    /// What they are on the site.
    pub role: Role,
    /// Hash of the password with its parameters; empty: none.
    pub password: String,
    /// Issuer and subject at the identity provider; empty: none.
    pub subject: String,
    /// Whether they may not sign in.
    pub disabled: bool,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    /// When they last signed in, in milliseconds since the epoch; 0: never.
    pub signed_in_ms: i64,
}

/// A person's session in one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// A UUID.
    pub id: String,
    /// Hash of the token in the cookie.
    pub token_hash: String,
    /// Whose.
    pub person_id: String,
    /// Whether it began with a one-time link.
    pub by_link: bool,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    /// Milliseconds since the epoch.
    pub expires_ms: i64,
}

macro_rules! people {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, account_id, role, password, subject, disabled, created_ms, signed_in_ms FROM person ",
            $rest
        )
    };
}

macro_rules! sessions {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.name, p.account_id, p.role, p.password, p.subject, p.disabled, p.created_ms, p.signed_in_ms, \
             s.id AS session_id, s.token_hash, s.by_link, s.created_ms AS session_ms, s.expires_ms \
             FROM sign_in s JOIN person p ON p.id = s.person_id ",
            $rest
        )
    };
}

fn person(row: &AnyRow) -> Result<Person, StoreError> {
    Ok(Person {
        id: text(row, "id")?,
        name: text(row, "name")?,
        account_id: AccountId::new(text(row, "account_id")?),
        role: known("person.role", Role::from_name(&text(row, "role")?))?,
        password: text(row, "password")?,
        subject: text(row, "subject")?,
        disabled: number(row, "disabled")? != 0,
        created_ms: number(row, "created_ms")?,
        signed_in_ms: number(row, "signed_in_ms")?,
    })
}

fn session(row: &AnyRow) -> Result<(SignIn, Person), StoreError> {
    let sign_in = SignIn {
        id: text(row, "session_id")?,
        token_hash: text(row, "token_hash")?,
        person_id: text(row, "id")?,
        by_link: number(row, "by_link")? != 0,
        created_ms: number(row, "session_ms")?,
        expires_ms: number(row, "expires_ms")?,
    };
    Ok((sign_in, person(row)?))
}

fn failures(row: &AnyRow) -> Result<Failures, StoreError> {
    Ok(Failures {
        count: number(row, "failures")?,
        last_ms: number(row, "last_ms")?,
        until_ms: number(row, "until_ms")?,
    })
}

impl Store {
    /// Lists all people by name.
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        let rows = sqlx::query(people!("ORDER BY name")).fetch_all(&self.reads).await?;
        rows.iter().map(person).collect()
    }

    /// Finds a person by name or id.
    pub async fn person(&self, name_or_id: &str) -> Result<Option<Person>, StoreError> {
        let row = sqlx::query(people!("WHERE name = $1 OR id = $1 ORDER BY id"))
            .bind(name_or_id)
            .fetch_optional(&self.reads)
            .await?;
        row.as_ref().map(person).transpose()
    }

    /// Finds the person the identity provider knows by this.
    pub async fn person_of_subject(&self, subject: &str) -> Result<Option<Person>, StoreError> {
        if subject.is_empty() {
            return Ok(None);
        }
        let row = sqlx::query(people!("WHERE subject = $1")).bind(subject).fetch_optional(&self.reads).await?;
        row.as_ref().map(person).transpose()
    }

    /// Finds a session by the hash of its token, with its person. Whether it is over is for the caller.
    pub async fn sign_in_of_token(&self, token_hash: &str) -> Result<Option<(SignIn, Person)>, StoreError> {
        let row =
            sqlx::query(sessions!("WHERE s.token_hash = $1")).bind(token_hash).fetch_optional(&self.reads).await?;
        row.as_ref().map(session).transpose()
    }

    /// Finds a session by its id, with its person. Whether it is over is for the caller.
    pub async fn sign_in(&self, id: &str) -> Result<Option<(SignIn, Person)>, StoreError> {
        let row = sqlx::query(sessions!("WHERE s.id = $1")).bind(id).fetch_optional(&self.reads).await?;
        row.as_ref().map(session).transpose()
    }

    /// Removes sessions, links and failures whose time was over before `now_ms`; gives the number of sessions.
    pub async fn prune_sign_ins(&self, now_ms: i64, failures_before_ms: i64) -> Result<u64, StoreError> {
        let ended =
            sqlx::query("DELETE FROM sign_in WHERE expires_ms <= $1").bind(now_ms).execute(&self.writes).await?;
        sqlx::query("DELETE FROM sign_in_link WHERE expires_ms <= $1").bind(now_ms).execute(&self.writes).await?;
        sqlx::query("DELETE FROM sign_in_failure WHERE last_ms < $1 AND until_ms < $2")
            .bind(failures_before_ms)
            .bind(now_ms)
            .execute(&self.writes)
            .await?;
        Ok(ended.rows_affected())
    }
}

impl Tx {
    /// Adds a person. [`StoreError::Conflict`] when the name or subject is taken.
    pub async fn insert_person(&mut self, person: &Person) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO person (id, name, account_id, role, password, subject, disabled, created_ms, signed_in_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(person.id.as_str())
        .bind(person.name.as_str())
        .bind(person.account_id.as_str())
        .bind(person.role.name())
        .bind(person.password.as_str())
        .bind(person.subject.as_str())
        .bind(i64::from(person.disabled))
        .bind(person.created_ms)
        .bind(person.signed_in_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Finds a person by id.
    pub async fn person(&mut self, id: &str) -> Result<Option<Person>, StoreError> {
        let row = sqlx::query(people!("WHERE id = $1")).bind(id).fetch_optional(&mut *self.inner).await?;
        row.as_ref().map(person).transpose()
    }

    /// Counts the operators who may sign in, and holds them: of changes at once that would end the last one, one waits.
    pub async fn operators(&mut self) -> Result<u64, StoreError> {
        let held = sqlx::query("UPDATE person SET role = role WHERE role = $1 AND disabled = 0")
            .bind(Role::Operator.name())
            .execute(&mut *self.inner)
            .await?;
        Ok(held.rows_affected())
    }

    /// Writes what may change of a person: account, role, password, whether disabled, when signed in.
    pub async fn update_person(&mut self, person: &Person) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE person SET account_id = $1, role = $2, password = $3, disabled = $4, signed_in_ms = $5 WHERE id = $6",
        )
        .bind(person.account_id.as_str())
        .bind(person.role.name())
        .bind(person.password.as_str())
        .bind(i64::from(person.disabled))
        .bind(person.signed_in_ms)
        .bind(person.id.as_str())
        .execute(&mut *self.inner)
        .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Removes a person with their sessions and links. Says whether there was one.
    pub async fn delete_person(&mut self, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM person WHERE id = $1").bind(id).execute(&mut *self.inner).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes the access keys a person made out of use for good; gives their number.
    pub async fn revoke_keys_of(&mut self, person_id: &str) -> Result<u64, StoreError> {
        let done = sqlx::query("UPDATE access_key SET active = 0 WHERE created_by = $1 AND active = 1")
            .bind(person_id)
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected())
    }

    /// Begins a session.
    pub async fn insert_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sign_in (id, token_hash, person_id, by_link, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(sign_in.id.as_str())
        .bind(sign_in.token_hash.as_str())
        .bind(sign_in.person_id.as_str())
        .bind(i64::from(sign_in.by_link))
        .bind(sign_in.created_ms)
        .bind(sign_in.expires_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn delete_sign_in(&mut self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sign_in WHERE id = $1").bind(id).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Ends all sessions of a person but one; an empty `but` ends all. Their unused links end too.
    pub async fn delete_sign_ins(&mut self, person_id: &str, but: &str) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM sign_in WHERE person_id = $1 AND id <> $2")
            .bind(person_id)
            .bind(but)
            .execute(&mut *self.inner)
            .await?;
        sqlx::query("DELETE FROM sign_in_link WHERE person_id = $1").bind(person_id).execute(&mut *self.inner).await?;
        Ok(done.rows_affected())
    }

    /// Puts a one-time link in the place of those the person had.
    pub async fn put_link(&mut self, person_id: &str, token_hash: &str, expires_ms: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sign_in_link WHERE person_id = $1").bind(person_id).execute(&mut *self.inner).await?;
        sqlx::query("INSERT INTO sign_in_link (token_hash, person_id, expires_ms) VALUES ($1, $2, $3)")
            .bind(token_hash)
            .bind(person_id)
            .bind(expires_ms)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Uses a one-time link up: gives its person, once, while its time is not over.
    pub async fn take_link(&mut self, token_hash: &str, now_ms: i64) -> Result<Option<Person>, StoreError> {
        let rows =
            sqlx::query("DELETE FROM sign_in_link WHERE token_hash = $1 AND expires_ms > $2 RETURNING person_id")
                .bind(token_hash)
                .bind(now_ms)
                .fetch_all(&mut *self.inner)
                .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let id = text(row, "person_id")?;
        self.person(&id).await
    }

    /// Counts an attempt to sign in against a name or an address; gives how long it must wait instead, in milliseconds,
    /// and then counts nothing.
    pub async fn count_attempt(&mut self, counted: Counted, subject: &str, now_ms: i64) -> Result<i64, StoreError> {
        let subject = failure_key(counted, subject);
        // Taken first, so that attempts at once are counted one after another on either database.
        sqlx::query(
            "INSERT INTO sign_in_failure (subject, failures, last_ms, until_ms) VALUES ($1, 0, 0, 0) \
             ON CONFLICT (subject) DO UPDATE SET failures = sign_in_failure.failures",
        )
        .bind(subject.as_str())
        .execute(&mut *self.inner)
        .await?;
        let before = self.failures(&subject).await?;
        let wait_ms = before.wait_ms(now_ms);
        if wait_ms == 0 {
            self.set_failures(&subject, before.with_one_more(counted, now_ms)).await?;
        }
        Ok(wait_ms)
    }

    /// Takes an attempt back that succeeded: a name's failures are forgotten, an address has one less.
    pub async fn forgive_attempt(&mut self, counted: Counted, subject: &str) -> Result<(), StoreError> {
        let subject = failure_key(counted, subject);
        let left = match counted {
            Counted::Name => Failures::default(),
            Counted::Address => self.failures(&subject).await?.with_one_less(),
        };
        self.set_failures(&subject, left).await
    }

    async fn failures(&mut self, subject: &str) -> Result<Failures, StoreError> {
        let row = sqlx::query("SELECT failures, last_ms, until_ms FROM sign_in_failure WHERE subject = $1")
            .bind(subject)
            .fetch_optional(&mut *self.inner)
            .await?;
        row.as_ref().map_or_else(|| Ok(Failures::default()), failures)
    }

    async fn set_failures(&mut self, subject: &str, failures: Failures) -> Result<(), StoreError> {
        sqlx::query("UPDATE sign_in_failure SET failures = $1, last_ms = $2, until_ms = $3 WHERE subject = $4")
            .bind(failures.count)
            .bind(failures.last_ms)
            .bind(failures.until_ms)
            .bind(subject)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}

fn failure_key(counted: Counted, subject: &str) -> String {
    match counted {
        Counted::Name => format!("name:{subject}"),
        Counted::Address => format!("address:{subject}"),
    }
}
