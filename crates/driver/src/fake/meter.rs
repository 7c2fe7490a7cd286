//! What instances use.

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Deed, FakeDriver};
use crate::{Counters, DriverError, Meter};

/// What a fake instance uses from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// CPUs kept busy.
    pub cpus: f64,
    /// Bytes a second received and sent, read and written, each.
    pub bytes_per_second: u64,
}

impl Default for Load {
    /// A tenth of a CPU, and a little of everything else.
    fn default() -> Self {
        Self { cpus: 0.1, bytes_per_second: 1000 }
    }
}

/// Counters up to an instant, and what is used since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    at: Instant,
    until: Counters,
    load: Load,
}

impl Used {
    /// Begins at 0, as at a boot.
    pub(super) fn new(load: Load) -> Self {
        Self { at: Instant::now(), until: Counters::default(), load }
    }

    /// Gives the counters now.
    fn counters(&self) -> Counters {
        let elapsed = self.at.elapsed();
        let bytes = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX) * self.load.bytes_per_second / 1000;
        let until = &self.until;
        Counters {
            cpu_ns: until.cpu_ns + (elapsed.as_nanos() as f64 * self.load.cpus) as u64,
            received_bytes: until.received_bytes + bytes,
            sent_bytes: until.sent_bytes + bytes,
            // A thousand bytes, and a millisecond, each.
            read_ops: until.read_ops + bytes / 1000,
            write_ops: until.write_ops + bytes / 1000,
            read_bytes: until.read_bytes + bytes,
            write_bytes: until.write_bytes + bytes,
            read_ms: until.read_ms + bytes / 1000,
            write_ms: until.write_ms + bytes / 1000,
            memory_bytes: 256 << 20,
        }
    }
}

impl FakeDriver {
    /// Sets what an instance uses from now on, also after its next boots.
    pub fn set_load(&self, id: &str, load: Load) {
        let mut world = self.shared.lock();
        world.loads.insert(id.to_owned(), load);
        if let Some(agent) = world.agent_mut(id) {
            agent.used = Used { at: Instant::now(), until: agent.used.counters(), load };
        }
    }
}

#[async_trait]
impl Meter for FakeDriver {
    async fn sample(&self, id: &str) -> Result<Option<Counters>, DriverError> {
        self.perform(Deed::Sample, id, None).await?;
        Ok(self.shared.lock().agent(id).map(|agent| agent.used.counters()))
    }
}
