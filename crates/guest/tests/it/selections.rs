//! The clipboard, both ways.

use porthole_display::{DisplayMessage, Drawn, ViewerMessage};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, EventMask, PropMode, Property, SELECTION_NOTIFY_EVENT, SelectionNotifyEvent,
};
use x11rb::wrapper::ConnectionExt as _;

use crate::support::{ALL, Display, TestViewer, TestX};

fn atom(x: &TestX, name: &str) -> Atom {
    x.conn.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
}

/// Asks for a selection as an application does, pieces included.
fn paste(x: &TestX, selection: Atom) -> String {
    let (kind, property, incr) = (atom(x, "UTF8_STRING"), atom(x, "TEST"), atom(x, "INCR"));
    x.conn.convert_selection(x.window, selection, kind, property, x11rb::CURRENT_TIME).unwrap();
    x.conn.flush().unwrap();
    loop {
        if let Event::SelectionNotify(e) = x.event() {
            assert_eq!(e.property, property, "the selection is refused");
            break;
        }
    }
    let take = || x.conn.get_property(true, x.window, property, AtomEnum::ANY, 0, 1 << 24).unwrap().reply().unwrap();
    let first = take();
    if first.type_ != incr {
        return String::from_utf8(first.value).unwrap();
    }
    let mut bytes = Vec::new();
    loop {
        let Event::PropertyNotify(e) = x.event() else { continue };
        if e.atom != property || e.state != Property::NEW_VALUE {
            continue;
        }
        let piece = take().value;
        if piece.is_empty() {
            return String::from_utf8(bytes).unwrap();
        }
        bytes.extend(piece);
    }
}

/// Owns a selection and answers one request for it, in pieces when the text is long.
fn offer(x: &TestX, selection: Atom, text: &str) {
    let (utf8, incr) = (atom(x, "UTF8_STRING"), atom(x, "INCR"));
    x.conn.set_selection_owner(x.window, selection, x11rb::CURRENT_TIME).unwrap();
    x.conn.flush().unwrap();
    let request = loop {
        if let Event::SelectionRequest(e) = x.event() {
            break e;
        }
    };
    assert_eq!(request.target, utf8);
    let (to, property) = (request.requestor, request.property);
    let aux = x11rb::protocol::xproto::ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
    x.conn.change_window_attributes(to, &aux).unwrap();
    let long = text.len() > 50_000;
    if long {
        x.conn.change_property32(PropMode::REPLACE, to, property, incr, &[text.len() as u32]).unwrap();
    } else {
        x.conn.change_property8(PropMode::REPLACE, to, property, utf8, text.as_bytes()).unwrap();
    }
    let notice = SelectionNotifyEvent {
        response_type: SELECTION_NOTIFY_EVENT,
        sequence: 0,
        time: request.time,
        requestor: to,
        selection,
        target: utf8,
        property,
    };
    x.conn.send_event(false, to, EventMask::NO_EVENT, notice).unwrap();
    x.conn.flush().unwrap();
    if !long {
        return;
    }
    for piece in text.as_bytes().chunks(40_000).chain([&b""[..]]) {
        // Each piece goes out when the asker has taken the one before it.
        loop {
            match x.event() {
                Event::PropertyNotify(e) if e.atom == property && e.state == Property::DELETE => break,
                _ => {}
            }
        }
        x.conn.change_property8(PropMode::REPLACE, to, property, utf8, piece).unwrap();
        x.conn.flush().unwrap();
    }
}

async fn received(viewer: &mut TestViewer) -> (bool, String) {
    viewer
        .until(|d| match d {
            Drawn::Other(DisplayMessage::Clipboard { primary, text }) => Some((*primary, text.clone())),
            _ => None,
        })
        .await
}

/// Waits until the display has carried out everything sent before.
async fn settled(viewer: &mut TestViewer) {
    viewer.send(ViewerMessage::Ping { token: 77 }).await;
    viewer.until(|d| matches!(d, Drawn::Other(DisplayMessage::Pong(p)) if p.token == 77).then_some(())).await;
}

#[tokio::test(flavor = "current_thread")]
async fn text_of_a_viewer_is_pasted_by_applications() {
    let display = Display::start(&["--size", "640x480"], &[]);
    let x = display.x();
    x.show();
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    let (clipboard, primary) = (atom(&x, "CLIPBOARD"), Atom::from(AtomEnum::PRIMARY));
    for text in ["short: grüße 世界\n".to_owned(), "long ".repeat(60_000), String::new()] {
        viewer.send(ViewerMessage::Clipboard { clipboard: true, primary: false, text: text.clone() }).await;
        settled(&mut viewer).await;
        let pasted = paste(&x, clipboard);
        assert!(pasted == text, "{} bytes of {}", pasted.len(), text.len());
    }
    viewer.send(ViewerMessage::Clipboard { clipboard: true, primary: true, text: "both".into() }).await;
    settled(&mut viewer).await;
    assert_eq!((paste(&x, clipboard), paste(&x, primary)), ("both".into(), "both".into()));
}

#[tokio::test(flavor = "current_thread")]
async fn text_of_applications_reaches_viewers_who_may_act() {
    let display = Display::start(&["--size", "640x480"], &[]);
    let x = display.x();
    x.show();
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    let mut watcher = TestViewer::connect(&display, "?role=view", ALL, None).await;
    settled(&mut viewer).await;
    let (clipboard, primary) = (atom(&x, "CLIPBOARD"), Atom::from(AtomEnum::PRIMARY));
    for text in ["kurz: äöü", &"lang ".repeat(100_000)] {
        offer(&x, clipboard, text);
        assert!(received(&mut viewer).await == (false, text.to_owned()));
        offer(&x, primary, text);
        assert!(received(&mut viewer).await == (true, text.to_owned()));
    }
    // More than the limit is not passed on, and what comes after it is.
    offer(&x, clipboard, &"x".repeat((1 << 20) + 1));
    offer(&x, clipboard, "after");
    assert_eq!(received(&mut viewer).await, (false, "after".to_owned()));
    watcher.send(ViewerMessage::Ping { token: 3 }).await;
    watcher
        .until(|d| match d {
            Drawn::Other(DisplayMessage::Clipboard { .. }) => panic!("who only looks must not see the clipboard"),
            Drawn::Other(DisplayMessage::Pong(_)) => Some(()),
            _ => None,
        })
        .await;
}
