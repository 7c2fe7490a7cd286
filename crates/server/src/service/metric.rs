//! GetInstanceMetricData.

use porthole_api::{
    Error,
    types::{
        GetInstanceMetricDataRequest, GetInstanceMetricDataResult, InstanceMetricName, MetricDatapoint,
        MetricStatistic, Timestamp,
    },
};
use porthole_model::metric::{Metric, Stat, Step, in_unit, statistics};

use super::{account, region, unavailable};
use crate::dispatch::Request;

/// Most points one call gives.
const MOST_POINTS: i64 = 1_440;

/// GetInstanceMetricData: points of the asked periods, oldest first, with the asked statistics alone.
pub async fn data(cx: Request<'_>, input: GetInstanceMetricDataRequest) -> Result<GetInstanceMetricDataResult, Error> {
    let metric = metric(input.metric_name);
    let period_s = i64::from(input.period);
    if period_s % 60 != 0 {
        return refuse(format!("period must be a multiple of 60 seconds, but is {period_s}."));
    }
    let (start_ms, end_ms) = (input.start_time.ms(), input.end_time.ms());
    if start_ms >= end_ms {
        return refuse("startTime must be before endTime.".into());
    }
    if input.statistics.is_empty() {
        return refuse("statistics must name at least one statistic.".into());
    }
    // Whole seconds, so that a point at the very end is in or out as its own second is.
    let (start_s, end_s) = (start_ms.div_euclid(1000), (end_ms + 999).div_euclid(1000));
    let asked = (end_s - start_s + period_s - 1) / period_s;
    if asked > MOST_POINTS {
        return refuse(format!(
            "You have requested up to {asked} datapoints, which exceeds the limit of {MOST_POINTS}. You may reduce the \
             datapoints requested by increasing Period, or decreasing the time range."
        ));
    }
    let units = metric.quantity().units();
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == input.unit.as_str()) else {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        return refuse(format!(
            "unit {} does not fit {}: it must be {}.",
            input.unit.as_str(),
            input.metric_name.as_str(),
            names.join(", ")
        ));
    };
    let store = &cx.app.store;
    let found = store.instance_by_name(&account(cx), region(cx.app), &input.instance_name).await;
    let instance = found
        .map_err(|error| unavailable(&error))?
        .ok_or_else(|| Error::does_not_exist("Instance", &input.instance_name))?;
    let mut points = Vec::new();
    for step in Step::ALL {
        // A row that begins before the range, or before its first period, may reach into it.
        let from_s = start_s - period_s - step.row_seconds();
        let rows = store.metrics(&instance.id, step, from_s, end_s).await.map_err(|error| unavailable(&error))?;
        points.extend(rows.iter().flat_map(|row| row.points().collect::<Vec<_>>()));
    }
    let periods = statistics(points, metric, (start_s, end_s), period_s);
    let asks = |statistic| input.statistics.contains(&statistic);
    let point = |(at_s, stat): (i64, Stat)| {
        let stat = in_unit(stat, *factor);
        MetricDatapoint {
            average: asks(MetricStatistic::Average).then(|| stat.sum / stat.count),
            maximum: asks(MetricStatistic::Maximum).then_some(stat.max),
            minimum: asks(MetricStatistic::Minimum).then_some(stat.min),
            sample_count: asks(MetricStatistic::SampleCount).then_some(stat.count),
            sum: asks(MetricStatistic::Sum).then_some(stat.sum),
            timestamp: Some(Timestamp(at_s * 1000)),
            unit: Some(input.unit),
        }
    };
    Ok(GetInstanceMetricDataResult {
        metric_data: Some(periods.into_iter().map(point).collect()),
        metric_name: Some(input.metric_name),
    })
}

fn refuse<T>(message: String) -> Result<T, Error> {
    Err(Error::invalid_input(message))
}

const fn metric(name: InstanceMetricName) -> Metric {
    use InstanceMetricName as N;
    match name {
        N::CpuUtilization => Metric::CpuUtilization,
        N::NetworkIn => Metric::NetworkIn,
        N::NetworkOut => Metric::NetworkOut,
        N::StatusCheckFailed => Metric::StatusCheckFailed,
        N::StatusCheckFailedInstance => Metric::StatusCheckFailedInstance,
        N::StatusCheckFailedSystem => Metric::StatusCheckFailedSystem,
        N::BurstCapacityTime => Metric::BurstCapacityTime,
        N::BurstCapacityPercentage => Metric::BurstCapacityPercentage,
        N::MetadataNoToken => Metric::MetadataNoToken,
        N::DiskReadOps => Metric::DiskReadOps,
        N::DiskWriteOps => Metric::DiskWriteOps,
        N::DiskReadBytes => Metric::DiskReadBytes,
        N::DiskWriteBytes => Metric::DiskWriteBytes,
        N::DiskTotalReadTime => Metric::DiskTotalReadTime,
        N::DiskTotalWriteTime => Metric::DiskTotalWriteTime,
        N::DiskQueueLength => Metric::DiskQueueLength,
    }
}
