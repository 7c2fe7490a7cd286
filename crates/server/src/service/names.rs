//! GetActiveNames.

use porthole_api::{
    Error, page_token,
    types::{GetActiveNamesRequest, GetActiveNamesResult},
};

use super::{PAGE_ROWS, account, page_context, page_limit, region, unavailable};
use crate::dispatch::Request;

/// GetActiveNames: every name in use, in alphabetical order.
pub async fn active(cx: Request<'_>, input: GetActiveNamesRequest) -> Result<GetActiveNamesResult, Error> {
    let (key, context) = (cx.app.page_key(), page_context(cx, "GetActiveNames"));
    let after = match input.page_token.as_deref() {
        Some(token) => page_token::decode(&key, &context, token)?,
        None => String::new(),
    };
    let found = cx.app.store.names(&account(cx), region(cx.app), &after, page_limit()).await;
    let mut names = found.map_err(|error| unavailable(&error))?;
    let more = names.len() > PAGE_ROWS;
    names.truncate(PAGE_ROWS);
    let next_page_token = names.last().filter(|_| more).map(|last| page_token::encode(&key, &context, last));
    Ok(GetActiveNamesResult { active_names: Some(names), next_page_token })
}
