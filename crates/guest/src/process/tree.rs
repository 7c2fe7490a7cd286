//! Finds and ends everything that descends from a process, orphans included.
//!
//! The caller adopts orphans ([`adopt_orphans`](super::adopt_orphans)), so nothing that was started below it can
//! leave its tree: neither by a double fork nor by a session of its own.

use std::collections::HashMap;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, timeout_at};

use super::Reaper;

/// Parents and children of all processes at one moment.
struct Tree {
    children: HashMap<i32, Vec<i32>>,
}

impl Tree {
    /// Reads the process list.
    fn read() -> Self {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        for entry in entries {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            if let Some(parent) = parent_of(&stat) {
                children.entry(parent).or_default().push(pid);
            }
        }
        Self { children }
    }

    /// Everything below `root` but what is below one of `spared` or is one of them.
    fn below(&self, root: i32, spared: &[i32]) -> Vec<i32> {
        let mut found = Vec::new();
        let mut open = vec![root];
        while let Some(pid) = open.pop() {
            for child in self.children.get(&pid).into_iter().flatten().filter(|c| !spared.contains(c)) {
                found.push(*child);
                open.push(*child);
            }
        }
        found
    }
}

/// The parent's number from the text of /proc/PID/stat; the name before it may hold anything, brackets too.
fn parent_of(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    // A zombie has ended already and only waits to be collected.
    if fields.next()? == "Z" {
        return None;
    }
    fields.next()?.parse().ok()
}

/// Everything that descends from this process now, apart from `spared` and what is below those.
fn descendants(spared: &[i32]) -> Vec<i32> {
    Tree::read().below(own_pid(), spared)
}

fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

fn send(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|p| Pid::from_raw(*p)) {
        // Gone already is as good.
        let _ = kill_process(pid, signal);
    }
}

/// Time the last ones have to end by themselves once nobody needs them any more.
const LAST_GRACE: Duration = Duration::from_millis(25);

/// Asks every descendant but `last` to end (TERM), waits up to `grace`, then asks `last`, then kills all that is left.
/// Returns when nothing but `spared` is left. Without grace everything is killed at once.
pub(crate) async fn end_tree(reaper: &Reaper, grace: Duration, last: &[i32], spared: &dyn Fn() -> Vec<i32>) {
    if !grace.is_zero() {
        let keep = || last.iter().copied().chain(spared()).collect();
        if ask_to_end(reaper, grace, &keep).await {
            ask_to_end(reaper, LAST_GRACE, spared).await;
        }
    }
    kill_tree(reaper, spared).await;
}

/// Sends TERM to every descendant but `spared` and waits; returns whether all have ended in time.
async fn ask_to_end(reaper: &Reaper, grace: Duration, spared: &dyn Fn() -> Vec<i32>) -> bool {
    let mut ends = reaper.ends();
    let until = Instant::now() + grace;
    send(&descendants(&spared()), Signal::TERM);
    loop {
        ends.borrow_and_update();
        reaper.reap();
        let left = descendants(&spared());
        if left.is_empty() {
            return true;
        }
        // A stopped process cannot hear TERM.
        send(&left, Signal::CONT);
        if timeout_at(until, ends.changed()).await.is_err() {
            return false;
        }
    }
}

/// Kills every descendant but `spared`, again and again until none is left.
pub(crate) async fn kill_tree(reaper: &Reaper, spared: &dyn Fn() -> Vec<i32>) {
    let mut ends = reaper.ends();
    for round in 0u32.. {
        ends.borrow_and_update();
        reaper.reap();
        let left = descendants(&spared());
        if left.is_empty() {
            return;
        }
        if round >= 2 {
            // Something starts processes faster than they are listed: stop all of it before killing.
            freeze(left.len(), spared);
        }
        send(&descendants(&spared()), Signal::KILL);
        let pause = Duration::from_millis(if round < 8 { 4 } else { 50 });
        let _ = tokio::time::timeout(pause, ends.changed()).await;
    }
}

/// Stops all descendants until two looks find the same number of them.
fn freeze(mut known: usize, spared: &dyn Fn() -> Vec<i32>) {
    for _ in 0..16 {
        let now = descendants(&spared());
        send(&now, Signal::STOP);
        if now.len() == known {
            return;
        }
        known = now.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_of("12 (bash) S 7 12 12 0"), Some(7));
        assert_eq!(parent_of("12 (a) R 1 (b) S 9 12"), Some(9));
        assert_eq!(parent_of("12 (gone) Z 7 12"), None);
        assert_eq!(parent_of("nonsense"), None);
    }

    #[test]
    fn spared_branches_are_left_out() {
        let children = [(1, vec![2, 3]), (2, vec![4]), (3, vec![5, 6]), (6, vec![7])].into_iter().collect();
        let mut found = Tree { children }.below(1, &[3]);
        found.sort_unstable();
        assert_eq!(found, [2, 4]);
    }
}
