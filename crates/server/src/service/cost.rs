//! GetCostEstimate.

use porthole_api::{
    Error,
    types::{
        CostEstimate, Currency, EstimateByTime, GetCostEstimateRequest, GetCostEstimateResult, PricingUnit,
        ResourceBudgetEstimate, ResourceType, TimePeriod, Timestamp,
    },
};
use porthole_model::{
    cost::{DAY_MS, Day, Priced, Use, per_day},
    snapshot::Kind,
};
use porthole_store::{Instance, StoreError};

use super::{account, region, unavailable};
use crate::dispatch::Request;

/// Longest time one estimate is for, in days.
const MOST_DAYS: i64 = 366;

/// GetCostEstimate: what a resource that exists cost so far, day by day of UTC.
pub async fn estimate(cx: Request<'_>, input: GetCostEstimateRequest) -> Result<GetCostEstimateResult, Error> {
    let name = input.resource_name.as_str();
    let (start_ms, end_ms) = (input.start_time.ms(), input.end_time.ms());
    if start_ms >= end_ms {
        return Err(Error::invalid_input("startTime must be before endTime."));
    }
    if end_ms - start_ms > MOST_DAYS * DAY_MS {
        return Err(Error::invalid_input(format!(
            "The time from startTime to endTime must be at most {MOST_DAYS} days."
        )));
    }
    let now_ms = cx.app.clock.now_ms();
    if start_ms > now_ms {
        return Err(Error::invalid_input("startTime must not be in the future."));
    }
    let range = (start_ms, end_ms.min(now_ms));
    let found = found(cx, name, range).await.map_err(|error| unavailable(&error))?;
    let Some((resource_type, cost_estimates)) = found else {
        return Err(Error::does_not_exist("Instance", name));
    };
    let estimate = ResourceBudgetEstimate {
        cost_estimates: Some(cost_estimates),
        end_time: Some(input.end_time),
        resource_name: Some(name.to_owned()),
        resource_type: Some(resource_type),
        start_time: Some(input.start_time),
    };
    Ok(GetCostEstimateResult { resources_budget_estimate: Some(vec![estimate]) })
}

/// Finds what has this name, and its costs.
async fn found(
    cx: Request<'_>,
    name: &str,
    range: (i64, i64),
) -> Result<Option<(ResourceType, Vec<CostEstimate>)>, StoreError> {
    let store = &cx.app.store;
    if let Some(instance) = store.instance_by_name(&account(cx), region(cx.app), name).await? {
        return Ok(Some((ResourceType::Instance, instance_costs(cx, &instance, range).await?)));
    }
    if let Some(disk) = store.disk_by_name(&account(cx), region(cx.app), name).await? {
        let price = cx.app.config.prices.disk_gb_month;
        return Ok(Some((ResourceType::Disk, vec![kept("DiskUsage", disk.created_ms, disk.size_gb, price, range)])));
    }
    if let Some(snapshot) = store.snapshot_by_name(&account(cx), region(cx.app), name).await? {
        let price = cx.app.config.prices.snapshot_gb_month;
        let size_gb =
            i64::from(snapshot.size_gb) + snapshot.disks.iter().map(|disk| i64::from(disk.size_gb)).sum::<i64>();
        let resource_type = match snapshot.kind {
            Kind::InstanceSnapshot => ResourceType::InstanceSnapshot,
            Kind::DiskSnapshot => ResourceType::DiskSnapshot,
        };
        return Ok(Some((resource_type, vec![kept("SnapshotUsage", snapshot.created_ms, size_gb, price, range)])));
    }
    Ok(None)
}

/// The estimate of something that costs from the moment it is there, by its size.
fn kept(usage_type: &str, created_ms: i64, size_gb: i64, price: f64, (start_ms, end_ms): (i64, i64)) -> CostEstimate {
    let size_gb = u32::try_from(size_gb).unwrap_or(0);
    let used = Use { began_ms: created_ms, ended_ms: end_ms, price_micros: (price * 1e6).round() as i64, size_gb };
    let days = per_day(&[used], start_ms.max(created_ms), end_ms, Priced::GbMonth);
    wire(usage_type.to_owned(), Priced::GbMonth, &days)
}

/// One estimate for each bundle and price that an instance ran at.
async fn instance_costs(
    cx: Request<'_>,
    instance: &Instance,
    (start_ms, end_ms): (i64, i64),
) -> Result<Vec<CostEstimate>, StoreError> {
    let now_ms = cx.app.clock.now_ms();
    let mut terms: Vec<(String, i64, Vec<Use>)> = Vec::new();
    for run in cx.app.store.runs(&instance.id, start_ms, end_ms).await? {
        let ended_ms = if run.ended_ms == 0 { now_ms } else { run.ended_ms };
        let used = Use { began_ms: run.began_ms, ended_ms, price_micros: run.price_micros, size_gb: 1 };
        match terms.iter_mut().find(|(bundle, price, _)| (bundle, *price) == (&run.bundle_id, run.price_micros)) {
            Some((_, _, uses)) => uses.push(used),
            None => terms.push((run.bundle_id, run.price_micros, vec![used])),
        }
    }
    if terms.is_empty() {
        terms.push((instance.bundle_id.clone(), 0, Vec::new()));
    }
    // Days before the resource was there are left out.
    let start_ms = start_ms.max(instance.created_ms);
    let estimate = |(bundle, _, uses): (String, i64, Vec<Use>)| {
        wire(format!("BundleUsage:{bundle}"), Priced::Hour, &per_day(&uses, start_ms, end_ms, Priced::Hour))
    };
    Ok(terms.into_iter().map(estimate).collect())
}

fn wire(usage_type: String, priced: Priced, days: &[Day]) -> CostEstimate {
    let pricing_unit = match priced {
        Priced::Hour => PricingUnit::Hrs,
        Priced::GbMonth => PricingUnit::GbMo,
    };
    let day = |day: &Day| EstimateByTime {
        currency: Some(Currency::Usd),
        pricing_unit: Some(pricing_unit),
        time_period: Some(TimePeriod { end: Some(Timestamp(day.end_ms)), start: Some(Timestamp(day.start_ms)) }),
        unit: Some(day.unit),
        usage_cost: Some(day.cost),
    };
    CostEstimate { results_by_time: Some(days.iter().map(day).collect()), usage_type: Some(usage_type) }
}
