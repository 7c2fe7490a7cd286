//! Marks sessions whose time is over, and cuts viewers whose token is no longer good.

use porthole_model::{
    InstanceId,
    session::{Event, Status},
};

use crate::{app::App, operation::apply_to_session};

/// Runs once.
pub(super) async fn expire(app: &App) -> anyhow::Result<()> {
    let now_ms = app.clock.now_ms();
    for instance in app.store.expired_sessions(now_ms).await? {
        // Somebody may have renewed it between the look and the write: the event is applied to the row as it is then.
        let renewed =
            app.store.instance(&instance.id).await?.is_none_or(|now| now.session.at(now_ms).status == Status::Started);
        if !renewed {
            apply_to_session(app, instance.id.as_str(), &Event::Expire).await?;
            tracing::info!(instance = %instance.id, "Session expired");
        }
    }
    // A stop by another server, or an expiry just now: what this server still streams is compared with the store.
    for id in app.viewers.instances() {
        let session =
            app.store.instance(&InstanceId::new(id.as_str())).await?.map(|instance| instance.session.at(now_ms));
        let good = session.filter(|session| session.status == Status::Started).map(|session| session.generation);
        app.viewers.cut(&id, |stream| Some(stream.generation) != good);
        let shared = app.viewers.list(|stream| stream.instance_id == id && !stream.share.is_empty());
        if !shared.is_empty() {
            let mut good = app.store.shares(&InstanceId::new(id.as_str())).await?;
            good.retain(|share| share.expires_ms > now_ms);
            app.viewers
                .cut(&id, |stream| !stream.share.is_empty() && good.iter().all(|share| share.id != stream.share));
        }
    }
    Ok(())
}
