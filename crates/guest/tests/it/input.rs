//! Keys, buttons, wheels.

use porthole_display::{Modifiers, Pointer, ViewerMessage};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ConnectionExt as _, KeyButMask};

use crate::support::{ALL, Display, TestViewer, TestX};

const NONE: Modifiers = Modifiers(0);
const SHIFT_L: u32 = 0xffe1;
const CONTROL_L: u32 = 0xffe3;
const ALT_GRAPH: u32 = 0xfe03;

/// A key as an application sees it: what it means now, its modifiers, down or up.
#[derive(Debug, PartialEq)]
struct Seen {
    keysym: u32,
    state: u16,
    down: bool,
}

/// The next key event, with modifiers' own left out.
fn key(x: &TestX) -> Seen {
    loop {
        let (code, state, down) = match x.event() {
            Event::KeyPress(e) => (e.detail, e.state, true),
            Event::KeyRelease(e) => (e.detail, e.state, false),
            _ => continue,
        };
        let map = x.conn.get_keyboard_mapping(code, 1).unwrap().reply().unwrap().keysyms;
        let shifted = state.contains(KeyButMask::SHIFT) ^ (state.contains(KeyButMask::LOCK) && is_letter(map[0]));
        let keysym = map[usize::from(shifted && map[1] != 0)];
        if !(0xffe1..=0xffee).contains(&keysym) && !matches!(keysym, 0xfe03 | 0xff7f) {
            return Seen { keysym, state: state.into(), down };
        }
    }
}

fn is_letter(keysym: u32) -> bool {
    char::from_u32(keysym).is_some_and(char::is_alphabetic)
}

async fn ready() -> (Display, TestX, TestViewer) {
    let display = Display::start(&["--size", "640x480"], &[]);
    let x = display.x();
    x.show();
    let viewer = TestViewer::connect(&display, "", ALL, None).await;
    (display, x, viewer)
}

#[tokio::test(flavor = "current_thread")]
async fn characters_of_any_layout_arrive() {
    let (_display, x, mut viewer) = ready().await;
    // Scancode and character as an American, a German and a French keyboard send them, and some that have no key here.
    let typed = [
        (30, 'a'),
        (18, 'e'),
        (16, 'a'),
        (21, 'z'),
        (40, 'ä'),
        (12, 'ß'),
        (3, 'é'),
        (11, 'à'),
        (0, '漢'),
        (0, '€'),
        (0, 'я'),
        (57, ' '),
    ];
    for (scancode, character) in typed {
        let c = u32::from(character);
        let keysym = if c < 0x100 { c } else { 0x0100_0000 + c };
        viewer.tap(scancode, keysym, NONE).await;
        assert_eq!(key(&x), Seen { keysym, state: 0, down: true }, "{character}");
        assert_eq!(key(&x), Seen { keysym, state: 0, down: false }, "{character}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn modifiers_and_shortcuts_arrive() {
    let (_display, x, mut viewer) = ready().await;
    viewer.key(true, 42, SHIFT_L, Modifiers::SHIFT).await;
    viewer.tap(30, 'A'.into(), Modifiers::SHIFT).await;
    assert_eq!(key(&x), Seen { keysym: 'A'.into(), state: 1, down: true });
    assert_eq!(key(&x), Seen { keysym: 'A'.into(), state: 1, down: false });
    // A French 1 needs shift, an American one must not have it: the character counts.
    viewer.tap(2, '1'.into(), Modifiers::SHIFT).await;
    assert_eq!(key(&x).keysym, u32::from('1'));
    assert!(!key(&x).down);
    viewer.key(false, 42, SHIFT_L, NONE).await;
    viewer.key(true, 29, CONTROL_L, Modifiers::CONTROL).await;
    viewer.tap(46, 'c'.into(), Modifiers::CONTROL).await;
    assert_eq!(key(&x), Seen { keysym: 'c'.into(), state: 4, down: true });
    assert!(!key(&x).down);
    // AltGr as some systems send it, control and alt together: the character is no shortcut.
    viewer.key(true, 100, ALT_GRAPH, Modifiers(Modifiers::ALT_GRAPH.0 | Modifiers::CONTROL.0)).await;
    viewer.tap(16, '@'.into(), Modifiers(Modifiers::ALT_GRAPH.0 | Modifiers::CONTROL.0)).await;
    let at = key(&x);
    assert_eq!((at.keysym, at.state & 4), ('@'.into(), 0));
    assert!(!key(&x).down);
}

#[tokio::test(flavor = "current_thread")]
async fn no_modifier_sticks() {
    let (_display, x, mut viewer) = ready().await;
    viewer.key(true, 29, CONTROL_L, Modifiers::CONTROL).await;
    // Its key up is lost; the next key says that it is up.
    viewer.tap(30, 'a'.into(), NONE).await;
    assert_eq!(key(&x), Seen { keysym: 'a'.into(), state: 0, down: true });
    assert!(!key(&x).down);
    // The page loses the focus with a key held.
    viewer.key(true, 48, 'b'.into(), NONE).await;
    assert_eq!(key(&x), Seen { keysym: 'b'.into(), state: 0, down: true });
    viewer.send(ViewerMessage::Release).await;
    assert_eq!(key(&x), Seen { keysym: 'b'.into(), state: 0, down: false });
    // The connection is lost with a key held.
    viewer.key(true, 46, 'c'.into(), NONE).await;
    assert!(key(&x).down);
    drop(viewer);
    assert_eq!(key(&x), Seen { keysym: 'c'.into(), state: 0, down: false });
}

#[tokio::test(flavor = "current_thread")]
async fn locks_follow_the_persons_keyboard_and_repeats_the_viewer() {
    let (_display, x, mut viewer) = ready().await;
    viewer.tap(30, 'A'.into(), Modifiers::CAPS_LOCK).await;
    let first = key(&x);
    assert_eq!((first.keysym, first.state & 2), ('A'.into(), 2));
    assert!(!key(&x).down);
    let mut repeated =
        porthole_display::Key { down: true, repeat: false, modifiers: NONE, scancode: 30, keysym: 'a'.into() };
    viewer.send(ViewerMessage::Key(repeated)).await;
    assert_eq!(key(&x), Seen { keysym: 'a'.into(), state: 0, down: true });
    repeated.repeat = true;
    for _ in 0..2 {
        viewer.send(ViewerMessage::Key(repeated)).await;
        assert!(!key(&x).down);
        assert!(key(&x).down);
    }
    viewer.key(false, 30, 'a'.into(), NONE).await;
    assert!(!key(&x).down);
}

#[tokio::test(flavor = "current_thread")]
async fn text_without_keys_is_typed() {
    let (_display, x, mut viewer) = ready().await;
    let text = "Grüße, 世界 🚀\n\u{7}ok";
    viewer.send(ViewerMessage::Text(text.into())).await;
    let expected = text.chars().filter(|c| *c != '\u{7}').map(|c| match u32::from(c) {
        10 => 0xff0d,
        c if c < 0x100 => c,
        c => 0x0100_0000 + c,
    });
    for keysym in expected {
        // Shift may have been let go between a key's down and its up: only the first has a meaning.
        assert_eq!(key(&x).keysym, keysym);
        assert!(!key(&x).down);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn buttons_and_wheels_arrive_where_they_should() {
    let (_display, x, mut viewer) = ready().await;
    let button = |x: &TestX| loop {
        match x.event() {
            Event::ButtonPress(e) => return (e.detail, e.event_x, e.event_y, true),
            Event::ButtonRelease(e) => return (e.detail, e.event_x, e.event_y, false),
            _ => {}
        }
    };
    for (bit, number) in [(0, 1), (1, 2), (2, 3), (3, 8), (4, 9)] {
        viewer.point(100, 50, 1 << bit, 0).await;
        assert_eq!(button(&x), (number, 100, 50, true));
        viewer.point(120, 60, 0, 0).await;
        assert_eq!(button(&x), (number, 120, 60, false));
    }
    viewer.point(120, 60, 0, 60).await;
    viewer.point(120, 60, 0, 60).await;
    assert_eq!((button(&x), button(&x)), ((5, 120, 60, true), (5, 120, 60, false)));
    viewer.send(ViewerMessage::Pointer(Pointer { x: 60_000, y: 0, buttons: 0, wheel_x: -240, wheel_y: -120 })).await;
    let turned: Vec<_> = (0..6).map(|_| button(&x).0).collect();
    assert_eq!(turned, [4, 4, 6, 6, 6, 6]);
    assert_eq!(x.conn.query_pointer(x.root).unwrap().reply().unwrap().root_x, 639);
}

#[tokio::test(flavor = "current_thread")]
async fn one_who_only_looks_cannot_act() {
    let (display, x, mut viewer) = ready().await;
    let mut watcher = TestViewer::connect(&display, "?role=view", ALL, None).await;
    watcher.tap(30, 'x'.into(), NONE).await;
    watcher.point(5, 5, 1, 0).await;
    watcher.send(ViewerMessage::Text("no".into())).await;
    watcher.send(ViewerMessage::Ping { token: 1 }).await;
    watcher
        .until(|d| matches!(d, porthole_display::Drawn::Other(porthole_display::DisplayMessage::Pong(_))).then_some(()))
        .await;
    viewer.tap(21, 'y'.into(), NONE).await;
    assert_eq!(key(&x).keysym, u32::from('y'));
    assert_ne!(x.conn.query_pointer(x.root).unwrap().reply().unwrap().root_x, 5);
}
