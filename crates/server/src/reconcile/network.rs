//! Puts ports, public addresses, peering and metadata in force wherever they differ from what the store says.

use porthole_model::instance::State;

use crate::{
    app::App,
    network::{self, Picture},
};

/// Runs once.
pub(super) async fn network(app: &App) -> anyhow::Result<()> {
    let busy: Vec<String> =
        app.store.undone_operations().await?.into_iter().map(|operation| operation.resource_id).collect();
    let instances = app.store.all_instances().await?;
    let idle = |id: &str| !busy.iter().any(|busy| busy == id);
    for instance in instances.iter().filter(|instance| idle(instance.id.as_str())) {
        match instance.state {
            State::Running => network::lease(app, instance).await?,
            State::Stopped => {
                let mut tx = app.store.begin().await?;
                tx.delete_dynamic_ip(&instance.id).await?;
                tx.commit().await?;
            }
            State::Pending | State::Stopping | State::ShuttingDown => {}
        }
    }
    let picture = Picture::read(app).await?;
    for instance in instances.iter().filter(|instance| idle(instance.id.as_str())) {
        network::mend(app, instance, &picture).await?;
    }
    Ok(())
}
