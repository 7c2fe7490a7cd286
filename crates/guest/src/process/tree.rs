//! Finds and ends everything that descends from a process, orphans included.
//!
//! The caller adopts orphans ([`adopt_orphans`](super::adopt_orphans)), so nothing that was started below it can
//! leave its tree: neither by a double fork nor by a session of its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
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
        // More than the fields that are looked at ever take.
        let mut stat = [0; 512];
        for entry in entries {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
            let read = File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut stat));
            let Ok(length) = read else { continue };
            if let Some(parent) = parent_of(&stat[..length]) {
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

/// The parent's number from the text of /proc/PID/stat (proc_pid_stat(5)); `None` for what has ended and only waits to
/// be collected. The name before it may hold any bytes, brackets and halves of characters too.
fn parent_of(stat: &[u8]) -> Option<i32> {
    let end = stat.iter().rposition(|b| *b == b')')?;
    let fields: Vec<&str> = std::str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace().collect();
    // Counted from the state: 1 is the parent, 17 the number of threads. Others may run when the first has ended.
    let ended = *fields.first()? == "Z" && fields.get(17)?.parse::<u32>().ok()? <= 1;
    if ended { None } else { fields.get(1)?.parse().ok() }
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
        ask_to_end(reaper, grace, last, spared).await;
    }
    kill_tree(reaper, spared).await;
}

/// Sends TERM to every descendant but `last`, then to those, and waits while there is time.
async fn ask_to_end(reaper: &Reaper, grace: Duration, last: &[i32], spared: &dyn Fn() -> Vec<i32>) {
    let mut ends = reaper.ends();
    let mut asked = [false; 2];
    let mut until = Instant::now();
    loop {
        ends.borrow_and_update();
        if !reaper.reap() {
            return;
        }
        // To list all processes is what takes longest here.
        let tree = Tree::read();
        let spared = spared();
        let keep: Vec<i32> = last.iter().copied().chain(spared.iter().copied()).collect();
        let others = tree.below(own_pid(), &keep);
        let (left, turn) = if others.is_empty() { (tree.below(own_pid(), &spared), 1) } else { (others, 0) };
        if left.is_empty() {
            return;
        }
        if !std::mem::replace(&mut asked[turn], true) {
            send(&left, Signal::TERM);
            until = Instant::now() + [grace, LAST_GRACE][turn];
        }
        // A stopped process cannot hear TERM.
        send(&left, Signal::CONT);
        if timeout_at(until, ends.changed()).await.is_err() {
            return;
        }
    }
}

/// Kills every descendant but `spared`, again and again until none is left.
pub(crate) async fn kill_tree(reaper: &Reaper, spared: &dyn Fn() -> Vec<i32>) {
    let mut ends = reaper.ends();
    for round in 0u32.. {
        ends.borrow_and_update();
        if !reaper.reap() {
            return;
        }
        let mut left = descendants(&spared());
        if left.is_empty() {
            return;
        }
        if round >= 2 {
            // Something starts processes faster than they are listed: stop all of it before killing.
            freeze(left.len(), spared);
            left = descendants(&spared());
        }
        send(&left, Signal::KILL);
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

    fn stat(head: &[u8], threads: u32) -> Vec<u8> {
        let tail = format!(" 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 99");
        [head, tail.as_bytes()].concat()
    }

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_of(&stat(b"12 (bash) S 7", 1)), Some(7));
        assert_eq!(parent_of(&stat(b"12 (a) R 1 (b) S 9", 3)), Some(9));
        assert_eq!(parent_of(&stat(b"12 (half of \xc3) S 7", 1)), Some(7));
        assert_eq!(parent_of(&stat(b"12 (gone) Z 7", 1)), None);
        assert_eq!(parent_of(&stat(b"12 (only the first thread is gone) Z 7", 2)), Some(7));
        assert_eq!(parent_of(b"nonsense"), None);
        // This very process, as the kernel says it.
        let own = std::fs::read("/proc/self/stat").expect("readable");
        assert_eq!(parent_of(&own), Some(std::os::unix::process::parent_id() as i32));
    }

    #[test]
    fn spared_branches_are_left_out() {
        let children = [(1, vec![2, 3]), (2, vec![4]), (3, vec![5, 6]), (6, vec![7])].into_iter().collect();
        let mut found = Tree { children }.below(1, &[3]);
        found.sort_unstable();
        assert_eq!(found, [2, 4]);
    }
}
