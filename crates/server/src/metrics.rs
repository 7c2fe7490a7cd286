//! Counters in the Prometheus text format.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Labels of one kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The action's name, or `unknown`.
    pub action: &'static str,
    /// The error code, or `ok`.
    pub code: &'static str,
}

/// Labels of one kind of operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OperationLabels {
    /// The operation's type.
    pub kind: &'static str,
    /// `succeeded` or `failed`.
    pub outcome: &'static str,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    /// Requests by action and code.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds a request took.
    pub request_seconds: Histogram,
    /// Operations that ended.
    pub operations: Family<OperationLabels, Counter>,
    /// Operations whose undo does not succeed.
    pub stuck: Gauge,
    /// Viewers connected now.
    pub viewers: Gauge,
    /// Viewers ever connected.
    pub viewers_total: Counter,
    /// Bytes sent to viewers, counted when a stream ends.
    pub stream_bytes_down: Counter,
    /// Bytes received from viewers, counted when a stream ends.
    pub stream_bytes_up: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("porthole");
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register("requests", "API requests by action and code", requests.clone());
        let buckets = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0];
        let request_seconds = Histogram::new(buckets);
        registry.register("request_seconds", "Time to answer an API request", request_seconds.clone());
        let operations = Family::<OperationLabels, Counter>::default();
        registry.register("operations", "Operations that ended", operations.clone());
        let stuck = Gauge::default();
        registry.register("operations_stuck", "Operations whose undo does not succeed", stuck.clone());
        let viewers = Gauge::default();
        registry.register("viewers", "Viewers connected now", viewers.clone());
        let viewers_total = Counter::default();
        registry.register("viewers_connected", "Viewers ever connected", viewers_total.clone());
        let stream_bytes_down = Counter::default();
        registry.register("stream_bytes_down", "Bytes sent to viewers", stream_bytes_down.clone());
        let stream_bytes_up = Counter::default();
        registry.register("stream_bytes_up", "Bytes received from viewers", stream_bytes_up.clone());
        Self {
            registry,
            requests,
            request_seconds,
            operations,
            stuck,
            viewers,
            viewers_total,
            stream_bytes_down,
            stream_bytes_up,
        }
    }
}

impl Metrics {
    /// Writes all in the text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
