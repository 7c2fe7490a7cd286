//! CreateKeyPair, ImportKeyPair, GetKeyPair, GetKeyPairs, DeleteKeyPair, DownloadDefaultKeyPair.

use porthole_api::{
    Error, names,
    types::{
        CreateKeyPairRequest, CreateKeyPairResult, DeleteKeyPairRequest, DeleteKeyPairResult,
        DownloadDefaultKeyPairRequest, DownloadDefaultKeyPairResult, GetKeyPairRequest, GetKeyPairResult,
        GetKeyPairsRequest, GetKeyPairsResult, ImportKeyPairRequest, ImportKeyPairResult, KeyPair as WireKeyPair,
        Operation as WireOperation, RegionName, ResourceLocation, ResourceType, Timestamp,
    },
};
use porthole_model::operation::Kind;
use porthole_store::{KeyPair, StoreError};

use super::{
    NewDeed, Subject, TRIES, account, insert_operation, page_end, page_limit, page_start, region, tags, unavailable,
};
use crate::{dispatch::Request, ssh};

/// Name of every account's default key pair.
pub const DEFAULT: &str = "LightsailDefaultKeyPair";
/// Key pairs are in no zone.
const EVERYWHERE: &str = "all";

/// CreateKeyPair: the private key is in the answer and nowhere else.
pub async fn create(cx: Request<'_>, input: CreateKeyPairRequest) -> Result<CreateKeyPairResult, Error> {
    let tags = tags::checked(input.tags.as_deref())?;
    refuse_default(&input.key_pair_name)?;
    let made = ssh::generate(cx.app.ids.clone()).await;
    let public_key = made.public.line();
    let row = new_row(cx, &input.key_pair_name, public_key.clone(), made.fingerprint, tags);
    let operation = insert(cx, &row, Kind::CreateKeyPair).await?;
    Ok(CreateKeyPairResult {
        key_pair: Some(wire(&row)),
        operation: Some(operation),
        private_key_base64: Some(made.private_pem.into()),
        public_key_base64: Some(public_key),
    })
}

/// ImportKeyPair.
pub async fn import(cx: Request<'_>, input: ImportKeyPairRequest) -> Result<ImportKeyPairResult, Error> {
    refuse_default(&input.key_pair_name)?;
    let key = ssh::PublicKey::read(&input.public_key_base64).map_err(|bad| {
        Error::invalid_input(format!("publicKeyBase64 is not a public key of OpenSSH that can be used: {bad}."))
    })?;
    let row = new_row(cx, &input.key_pair_name, key.line(), key.imported_fingerprint(), tags::checked(None)?);
    let operation = insert(cx, &row, Kind::ImportKeyPair).await?;
    Ok(ImportKeyPairResult { operation: Some(operation) })
}

/// GetKeyPair.
pub async fn get(cx: Request<'_>, input: GetKeyPairRequest) -> Result<GetKeyPairResult, Error> {
    let row = find(cx, &input.key_pair_name).await?;
    Ok(GetKeyPairResult { key_pair: Some(wire(&row)) })
}

/// GetKeyPairs: in the order of creation; the default one only where asked for.
pub async fn list(cx: Request<'_>, input: GetKeyPairsRequest) -> Result<GetKeyPairsResult, Error> {
    let with_default = input.include_default_key_pair == Some(true);
    let (action, without) = if with_default { ("GetKeyPairs/all", "") } else { ("GetKeyPairs", DEFAULT) };
    let after = page_start(cx, action, input.page_token.as_deref())?;
    let found = cx.app.store.key_pairs(&account(cx), region(cx.app), without, &after, page_limit()).await;
    let mut rows = found.map_err(|error| unavailable(&error))?;
    let next_page_token = page_end(cx, action, &mut rows, |row| (row.created_ms, row.id.as_str()));
    Ok(GetKeyPairsResult { key_pairs: Some(rows.iter().map(wire).collect()), next_page_token })
}

/// DeleteKeyPair: instances keep the key they were created with.
pub async fn delete(cx: Request<'_>, input: DeleteKeyPairRequest) -> Result<DeleteKeyPairResult, Error> {
    for _ in 0..TRIES {
        match delete_once(cx, &input).await {
            Ok(outcome) => return outcome.map(|operation| DeleteKeyPairResult { operation: Some(operation) }),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(busy())
}

async fn delete_once(
    cx: Request<'_>,
    input: &DeleteKeyPairRequest,
) -> Result<Result<WireOperation, Error>, StoreError> {
    let name = input.key_pair_name.as_str();
    let mut tx = cx.app.store.begin().await?;
    let Some(row) = tx.key_pair(&account(cx), region(cx.app), name).await? else {
        return Ok(Err(Error::does_not_exist("KeyPair", name)));
    };
    match input.expected_fingerprint.as_deref() {
        None if name == DEFAULT => {
            return Ok(Err(Error::invalid_input(
                "expectedFingerprint is required to delete the default key pair. GetKeyPair shows its fingerprint.",
            )));
        }
        Some(expected) if expected != row.fingerprint => {
            return Ok(Err(Error::invalid_input(format!("expectedFingerprint is not the fingerprint of {name}."))));
        }
        _ => {}
    }
    tx.delete_key_pair(&row.id).await?;
    let operation = insert_operation(cx, &mut tx, deed(Kind::DeleteKeyPair, &row)).await?;
    tx.commit().await?;
    Ok(Ok(super::operation::wire(&operation)))
}

/// DownloadDefaultKeyPair: makes the default pair where there is none.
pub async fn download_default(
    cx: Request<'_>,
    _input: DownloadDefaultKeyPairRequest,
) -> Result<DownloadDefaultKeyPairResult, Error> {
    let row = ensure_default(cx).await?;
    let opened = cx.app.seal.open_sealed(&seal_context(&row.id), &row.private_key_sealed);
    let Some(private) = opened.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        tracing::error!(key_pair = row.id, "the default key pair cannot be decrypted");
        return Err(Error::service("The default key pair cannot be read. Delete it, and a new one is made."));
    };
    Ok(DownloadDefaultKeyPairResult {
        created_at: Some(Timestamp(row.created_ms)),
        private_key_base64: Some(private.into()),
        public_key_base64: Some(row.public_key),
    })
}

/// Finds the pair an instance is to have, and makes the default one where it is asked for and there is none.
///
/// # Errors
/// NotFoundException for an unknown name.
pub async fn of_new_instance(cx: Request<'_>, name: Option<&str>) -> Result<KeyPair, Error> {
    match name.filter(|name| *name != DEFAULT) {
        Some(name) => find(cx, name).await,
        None => ensure_default(cx).await,
    }
}

async fn ensure_default(cx: Request<'_>) -> Result<KeyPair, Error> {
    let store = &cx.app.store;
    for _ in 0..TRIES {
        let found = store.key_pair(&account(cx), region(cx.app), DEFAULT).await;
        if let Some(row) = found.map_err(|error| unavailable(&error))? {
            return Ok(row);
        }
        let made = ssh::generate(cx.app.ids.clone()).await;
        let mut row = new_row(cx, DEFAULT, made.public.line(), made.fingerprint, tags::checked(None)?);
        let seal = &cx.app.seal;
        row.private_key_sealed = seal.seal(&*cx.app.ids, &seal_context(&row.id), made.private_pem.as_bytes());
        let insert = async {
            let mut tx = store.begin().await?;
            tx.insert_key_pair(&row).await?;
            tx.commit().await
        };
        match insert.await {
            Ok(()) => return Ok(row),
            // Somebody else made it meanwhile.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(busy())
}

fn seal_context(id: &str) -> String {
    format!("key-pair:{id}")
}

/// The default pair's name is taken in every account, whether the pair is made yet or not.
fn refuse_default(name: &str) -> Result<(), Error> {
    if name == DEFAULT { Err(Error::names_in_use([DEFAULT])) } else { Ok(()) }
}

fn busy() -> Error {
    Error::service_unavailable("Key pairs are being changed by many requests at once. Try again.")
}

fn new_row(cx: Request<'_>, name: &str, public_key: String, fingerprint: String, tags: String) -> KeyPair {
    KeyPair {
        id: cx.app.ids.uuid(),
        account_id: account(cx),
        region: region(cx.app).to_owned(),
        name: name.to_owned(),
        public_key,
        fingerprint,
        private_key_sealed: Vec::new(),
        tags,
        generation: 0,
        created_ms: cx.app.clock.now_ms(),
    }
}

/// Adds a pair with its name and an operation that has ended.
async fn insert(cx: Request<'_>, row: &KeyPair, kind: Kind) -> Result<WireOperation, Error> {
    for _ in 0..TRIES {
        match insert_once(cx, row, kind).await {
            Ok(outcome) => return outcome,
            Err(StoreError::Conflict) => {}
            Err(StoreError::NamesTaken(taken)) => return Err(Error::names_in_use(taken.iter().map(String::as_str))),
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(busy())
}

async fn insert_once(cx: Request<'_>, row: &KeyPair, kind: Kind) -> Result<Result<WireOperation, Error>, StoreError> {
    let mut tx = cx.app.store.begin().await?;
    tx.take_names(&row.account_id, &row.region, "KeyPair", &[(row.name.clone(), row.id.clone())]).await?;
    let most = i64::from(super::quota::of(cx).await?.key_pairs);
    if tx.count_key_pairs(&row.account_id, &row.region, DEFAULT).await? >= most {
        return Ok(Err(Error::invalid_input(format!(
            "Sorry, you've reached the maximum number of key pairs for your account: {most}."
        ))));
    }
    tx.insert_key_pair(row).await?;
    let operation = insert_operation(cx, &mut tx, deed(kind, row)).await?;
    tx.commit().await?;
    Ok(Ok(super::operation::wire(&operation)))
}

fn deed(kind: Kind, row: &KeyPair) -> NewDeed<'_> {
    let subject = Subject { name: &row.name, resource_type: "KeyPair", id: &row.id, zone: EVERYWHERE };
    NewDeed { kind, subject, details: "", state: "{}".to_owned(), leader: None, done: true }
}

async fn find(cx: Request<'_>, name: &str) -> Result<KeyPair, Error> {
    let found = cx.app.store.key_pair(&account(cx), region(cx.app), name).await;
    found.map_err(|error| unavailable(&error))?.ok_or_else(|| Error::does_not_exist("KeyPair", name))
}

/// Writes a key pair as clients read it.
fn wire(row: &KeyPair) -> WireKeyPair {
    WireKeyPair {
        arn: Some(names::arn(&row.region, row.account_id.as_str(), ResourceType::KeyPair, &row.id)),
        created_at: Some(Timestamp(row.created_ms)),
        fingerprint: Some(row.fingerprint.clone()),
        location: Some(ResourceLocation {
            availability_zone: Some(EVERYWHERE.to_owned()),
            region_name: RegionName::from_wire(&row.region),
        }),
        name: Some(row.name.clone()),
        resource_type: Some(ResourceType::KeyPair),
        support_code: Some(names::support_code(row.account_id.as_str(), ResourceType::KeyPair, &row.name)),
        tags: Some(tags::wire(&row.tags)),
    }
}
