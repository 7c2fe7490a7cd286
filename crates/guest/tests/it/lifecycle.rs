//! Starting, failing, ending: nothing is left.

use porthole_display::{DisplayMessage, Drawn, GoodbyeReason};

use crate::support::{ALL, Display, TestViewer, eventually, signal};

/// A shell script that makes itself hard to find and to end.
const STUBBORN: &str = "
trap '' TERM HUP INT
(setsid bash -c 'trap \"\" TERM; exec -a hidden sleep 1000' &)
(setsid setsid sleep 1001 &)
sh -c 'kill -STOP $$' &
nohup sleep 1002 >/dev/null 2>&1 &
sleep 1003
";

fn nothing_left(display: &Display) {
    assert_eq!(display.processes(), [] as [u32; 0]);
    // The number may belong to another display by now; nobody listening would be a leftover.
    let x = format!("/tmp/.X11-unix/X{}", display.number);
    let connected = std::os::unix::net::UnixStream::connect(&x);
    assert!(connected.is_ok() || !std::path::Path::new(&x).exists());
    for place in ["/run", "/dev/shm", "/tmp", "/run/user/0"] {
        let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
        let ours: Vec<_> = entries.filter(|e| e.file_name().to_string_lossy().contains(&display.name)).collect();
        assert!(ours.is_empty(), "{ours:?}");
    }
}

#[test]
fn a_stop_ends_everything() {
    let mut display = Display::start(&["--size", "640x480"], &["bash", "-c", STUBBORN]);
    display.reach(100);
    // X server, D-Bus, four sleepers and a stopped shell.
    eventually("everything runs", || (display.processes().len() >= 7).then_some(()));
    assert!(display.stop().success());
    nothing_left(&display);
}

/// Starts what is hard to recognise in the list of processes, and writes the numbers of both into the folder it is given.
const ODD: &str = r#"
trap '' TERM
program="$0"/$'half of a character \xc3'
cp /bin/sleep "$program"
"$program" 1005 & echo $! > "$0"/name
python3 -c '
import ctypes, platform, threading, time
threading.Thread(target=time.sleep, args=(1006,)).start()
ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)
' & echo $! > "$0"/thread
sleep 1007
"#;

#[test]
fn a_process_with_any_name_or_without_its_first_thread_is_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut display = Display::start(&["--size", "640x480"], &["bash", "-c", ODD, &folder.path().to_string_lossy()]);
    let number = |file: &str| std::fs::read_to_string(folder.path().join(file)).ok()?.trim().parse::<u32>().ok();
    let stat = |pid: u32| std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let has = |pid: u32, part: &[u8]| stat(pid).windows(part.len()).any(|w| w == part);
    let name = eventually("the one with the name", || number("name").filter(|pid| has(*pid, b"half of a chara")));
    let thread = eventually("the one without a thread", || number("thread").filter(|pid| has(*pid, b") Z ")));
    assert!(display.stop().success());
    assert!(stat(name).is_empty() && stat(thread).is_empty());
    nothing_left(&display);
}

#[test]
fn a_display_that_is_stopped_while_it_starts_leaves_nothing() {
    for _ in 0..3 {
        let mut display = Display::start(&["--size", "640x480"], &["sleep", "1000"]);
        assert!(display.stop().success());
        nothing_left(&display);
    }
}

#[test]
fn an_x_server_that_is_ended_before_it_said_anything_leaves_no_socket() {
    for turn in 0..10 {
        // Above what X servers choose by themselves.
        let number = 2000 + std::process::id() % 30_000;
        let socket = std::path::PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
        let mut display =
            Display::spawn(&["--size", "640x480", "--display", &format!(":{number}")], &["sleep", "1000"]);
        display.number = number;
        eventually("it has a socket", || socket.exists().then_some(()));
        // A little later each time: while it gets ready, and when it has said so.
        std::thread::sleep(std::time::Duration::from_millis(5 * turn));
        assert!(display.stop().success());
        assert!(!socket.exists());
        nothing_left(&display);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_application_that_ends_takes_the_display_with_it() {
    let mut display =
        Display::start(&["--size", "640x480"], &["sh", "-c", "sleep 1004 & read x < $0; exit 3", "/dev/tty-none"]);
    let reason = display.line(|v| (v["is"] == "failed").then(|| v["reason"].as_str().unwrap_or_default().to_owned()));
    assert_eq!(reason, "The application ended by itself (exit code 3).");
    assert!(!display.child.wait().unwrap().success());
    nothing_left(&display);
}

#[tokio::test(flavor = "current_thread")]
async fn viewers_hear_of_the_end() {
    let mut display = Display::start(&["--size", "640x480"], &["sleep", "1000"]);
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    display.line(|v| (v["viewers"] == 1).then_some(()));
    display.signal("TERM");
    let reason = viewer.until(|d| match d {
        Drawn::Other(DisplayMessage::Goodbye(goodbye)) => Some(goodbye.reason),
        _ => None,
    });
    assert_eq!(reason.await, GoodbyeReason::DisplayEnded);
    assert!(viewer.next().await.is_none());
    assert!(display.child.wait().unwrap().success());
    nothing_left(&display);
}

#[test]
fn a_killed_x_server_fails_the_display() {
    let mut display = Display::start(&["--size", "640x480"], &["sleep", "1000"]);
    let pid = display.seen.iter().find_map(|v| v["xserverPid"].as_u64()).expect("announced");
    signal(pid as u32, "KILL");
    let reason = display.line(|v| (v["is"] == "failed").then(|| v["reason"].as_str().unwrap_or_default().to_owned()));
    assert!(reason.contains("X server ended") || reason.contains("screen is lost"), "{reason}");
    assert!(!display.child.wait().unwrap().success());
    nothing_left(&display);
}

#[test]
fn a_missing_application_is_a_clear_failure() {
    let mut display = Display::start(&["--size", "640x480"], &["/no/such/program"]);
    let reason = display.line(|v| (v["is"] == "failed").then(|| v["reason"].as_str().unwrap_or_default().to_owned()));
    assert!(reason.starts_with("The application /no/such/program cannot be started"), "{reason}");
    assert!(!display.child.wait().unwrap().success());
    nothing_left(&display);
}

#[test]
fn a_display_counts_as_started_when_its_window_is_drawn() {
    let args = ["--size", "640x480", "--wait-for-window"];
    let mut display = Display::start(&args, &["xterm", "-geometry", "200x100", "-e", "sleep 1000"]);
    display.reach(100);
    let percents: Vec<u64> = display.seen.iter().filter_map(|v| v["percent"].as_u64()).collect();
    assert_eq!(percents, [10, 40, 70, 100]);

    let mut display = Display::start(&args, &["xterm", "-geometry", "10x2", "-e", "sleep 1000"]);
    display.reach(70);
    let x = display.x();
    eventually("the small window is there", || (x.picture().single_colour(x.size().rect()).is_none()).then_some(()));
    assert!(display.stop().success());
    assert!(!display.seen.iter().any(|v| v["percent"] == 100), "a small window is not enough");
}
