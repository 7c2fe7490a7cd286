//! Connected viewers of this server, and the files on their way, so that a stop or an expiry can cut them at once.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use super::token::Role;

/// What a live stream belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The instance.
    pub instance_id: String,
    /// The session generation its token was minted for.
    pub generation: i64,
    /// Tells it from all others.
    pub id: String,
    /// Whose the instance is.
    pub account_id: String,
    /// Name of the display.
    pub display: String,
    /// What the viewer may do.
    pub role: Role,
    /// When it came, in milliseconds since the epoch.
    pub since_ms: i64,
    /// Address of the client.
    pub from: String,
    /// Who made its link.
    pub by: String,
    /// The share its link is of; empty: none.
    pub share: String,
}

/// Connected viewers of this server.
#[derive(Default)]
pub struct Viewers {
    next: AtomicU64,
    live: Mutex<HashMap<u64, Live>>,
    /// When each instance last had input, in milliseconds since the epoch.
    inputs: Mutex<HashMap<String, i64>>,
}

struct Live {
    stream: Stream,
    cut: watch::Sender<bool>,
    /// It shows no picture: cut as the others are, but no viewer.
    transfer: bool,
}

/// Keeps a stream in the registry; dropping it takes the stream out.
pub struct Registered<'a> {
    viewers: &'a Viewers,
    key: u64,
    cut: watch::Receiver<bool>,
}

impl Viewers {
    /// Enters a stream.
    pub fn register(&self, stream: Stream) -> Registered<'_> {
        self.enter(stream, false)
    }

    /// Enters a file on its way: it is cut when a viewer in its place would be, and counts as none.
    pub fn register_transfer(&self, stream: Stream) -> Registered<'_> {
        self.enter(stream, true)
    }

    fn enter(&self, stream: Stream, transfer: bool) -> Registered<'_> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, cut) = watch::channel(false);
        self.lock().insert(key, Live { stream, cut: sender, transfer });
        Registered { viewers: self, key, cut }
    }

    /// Cuts every stream of the instance for which `which` says so; gives their number.
    pub fn cut(&self, instance_id: &str, which: impl Fn(&Stream) -> bool) -> usize {
        let live = self.lock();
        let doomed = live.values().filter(|live| live.stream.instance_id == instance_id && which(&live.stream));
        doomed.fold(0, |number, live| {
            live.cut.send_replace(true);
            number + 1
        })
    }

    /// Cuts all streams: the server ends.
    pub fn cut_all(&self) {
        for live in self.lock().values() {
            live.cut.send_replace(true);
        }
    }

    /// Gives each instance that has viewers, or files on their way, once.
    pub fn instances(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.lock().values().map(|live| live.stream.instance_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Notes that a person typed, pointed or clicked.
    pub fn note_input(&self, instance_id: &str, now_ms: i64) {
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        match inputs.get_mut(instance_id) {
            Some(last_ms) => *last_ms = now_ms,
            None => drop(inputs.insert(instance_id.to_owned(), now_ms)),
        }
    }

    /// When an instance last had input, in milliseconds since the epoch; 0 when never.
    pub fn last_input_ms(&self, instance_id: &str) -> i64 {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).get(instance_id).copied().unwrap_or(0)
    }

    /// Forgets the input of other instances.
    pub fn keep_inputs(&self, which: impl Fn(&str) -> bool) {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| which(id));
    }

    /// Gives the viewers' streams for which `which` says so, the oldest first.
    pub fn list(&self, which: impl Fn(&Stream) -> bool) -> Vec<Stream> {
        let live = self.lock();
        let mut found: Vec<Stream> =
            pictures(&live).map(|live| &live.stream).filter(|stream| which(stream)).cloned().collect();
        drop(live);
        found.sort_by(|a, b| (a.since_ms, &a.id).cmp(&(b.since_ms, &b.id)));
        found
    }

    /// Gives the number of viewers.
    pub fn count(&self) -> usize {
        pictures(&self.lock()).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Live>> {
        // A panic elsewhere leaves the map whole: each entry is inserted and removed in one call.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pictures(live: &HashMap<u64, Live>) -> impl Iterator<Item = &Live> {
    live.values().filter(|live| !live.transfer)
}

impl Registered<'_> {
    /// Waits until the stream shall be cut.
    pub async fn cut(&mut self) {
        // A closed channel means that the registry is gone, which is a cut as well.
        let _ = self.cut.wait_for(|cut| *cut).await;
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.viewers.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(instance_id: &str, generation: i64) -> Stream {
        Stream {
            instance_id: instance_id.into(),
            generation,
            id: format!("{instance_id}{generation}"),
            account_id: "111122223333".into(),
            display: "desktop".into(),
            role: Role::View,
            since_ms: -generation,
            from: "127.0.0.1".into(),
            by: "ada".into(),
            share: String::new(),
        }
    }

    #[tokio::test]
    async fn cut_reaches_only_the_streams_meant() {
        let viewers = Viewers::default();
        let mut old = viewers.register(stream("a", 1));
        let _new = viewers.register(stream("a", 2));
        let _other = viewers.register(stream("b", 1));
        assert_eq!(viewers.cut("a", |stream| stream.generation < 2), 1);
        old.cut().await;
        drop(old);
        assert_eq!(viewers.count(), 2);
        assert_eq!(viewers.instances(), ["a", "b"]);
        let ids = |which: &dyn Fn(&Stream) -> bool| viewers.list(which).into_iter().map(|s| s.id).collect::<Vec<_>>();
        assert_eq!(
            (ids(&|_| true), ids(&|s| s.instance_id == "b")),
            (vec!["a2".into(), "b1".into()], vec!["b1".into()])
        );
    }

    #[tokio::test]
    async fn a_file_on_its_way_is_cut_and_is_no_viewer() {
        let viewers = Viewers::default();
        let mut transfer = viewers.register_transfer(stream("a", 1));
        assert_eq!((viewers.count(), viewers.list(|_| true).len()), (0, 0));
        assert_eq!(viewers.instances(), ["a"], "so that an expiry finds it");
        assert_eq!(viewers.cut("a", |_| true), 1);
        transfer.cut().await;
    }

    #[test]
    fn the_last_input_is_known_until_the_instance_goes() {
        let viewers = Viewers::default();
        viewers.note_input("a", 5);
        viewers.note_input("a", 7);
        assert_eq!((viewers.last_input_ms("a"), viewers.last_input_ms("b")), (7, 0));
        viewers.keep_inputs(|id| id != "a");
        assert_eq!(viewers.last_input_ms("a"), 0);
    }
}
