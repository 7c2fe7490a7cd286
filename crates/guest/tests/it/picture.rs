//! What viewers see.

use porthole_display::{
    Abilities, CursorMessage, DisplayMessage, Drawn, Goodbye, GoodbyeReason, Rect, Role, Size, ViewerMessage,
};
use tokio_tungstenite::tungstenite::Message;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _};

use crate::support::{ALL, Display, TestViewer, TestX, eventually};

const SIZE: &[&str] = &["--size", "800x600"];

/// Draws a bit of everything.
fn scene(x: &TestX, round: u32) {
    x.fill(Rect::new(0, 0, 800, 600), 0x10_2030 + round);
    for line in 0..30u16 {
        for column in 0..60u16 {
            let height = (u32::from(line * 7 + column * 13) + round) % 11;
            x.fill(Rect::new(10 + 12 * column, 10 + 18 * line, 1 + column % 5, height as u16 + 1), 0xd0_d0d0);
        }
    }
    x.noise(Rect::new(200, 150, 320, 200), round);
    x.copy(Rect::new(0, 60, 800, 500), 0, 20);
    x.copy(Rect::new(100, 100, 300, 300), 333, 217);
}

#[tokio::test(flavor = "current_thread")]
async fn the_picture_becomes_exact() {
    let display = Display::start(SIZE, &[]);
    let x = display.x();
    x.show();
    for abilities in [ALL, Abilities::default()] {
        let mut viewer = TestViewer::connect(&display, "", abilities, None).await;
        assert_eq!((viewer.hello.size, viewer.hello.role), (Size::new(800, 600), Role::Control));
        for round in 0..4 {
            scene(&x, round);
            viewer.settle(&x).await;
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_busy_screen_becomes_exact_for_viewers_of_different_speed() {
    let display = Display::start(SIZE, &[]);
    let x = display.x();
    x.show();
    let mut fast = TestViewer::connect(&display, "", ALL, None).await;
    let mut stuck = TestViewer::connect(&display, "?role=view", ALL, None).await;
    stuck.acks = false;
    for round in 0..25 {
        scene(&x, round);
        fast.settle(&x).await;
    }
    // The one that never acknowledged got its two frames and no more.
    fast.send(ViewerMessage::Ping { token: 1 }).await;
    stuck.send(ViewerMessage::Ping { token: 2 }).await;
    let frames = stuck.until(|d| match d {
        Drawn::Other(DisplayMessage::Pong(pong)) => Some(pong.frames),
        _ => None,
    });
    assert_eq!(frames.await, 2);
    assert!(fast.frames >= 25);
    // Once it acknowledges, it gets there too.
    stuck.acks = true;
    stuck.send(ViewerMessage::Ack(porthole_display::Ack { frame: 2, decode_us: 0, wait_us: 0 })).await;
    stuck.settle(&x).await;
}

#[tokio::test(flavor = "current_thread")]
async fn an_idle_screen_sends_nothing_and_a_small_change_little() {
    let display = Display::start(SIZE, &[]);
    let x = display.x();
    x.show();
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    viewer.settle(&x).await;
    let before = (viewer.frames, viewer.frame_bytes);
    // False damage: the same colour again.
    x.fill(Rect::new(0, 0, 300, 300), 0x20_2020);
    x.sync();
    viewer.send(ViewerMessage::Ping { token: 9 }).await;
    viewer.until(|d| matches!(d, Drawn::Other(DisplayMessage::Pong(p)) if p.token == 9).then_some(())).await;
    assert_eq!((viewer.frames, viewer.frame_bytes), before);
    x.fill(Rect::new(50, 50, 9, 17), 0xff_ffff);
    viewer.settle(&x).await;
    assert!(viewer.frame_bytes - before.1 < 60, "{} bytes", viewer.frame_bytes - before.1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_moved_window_costs_little() {
    let display = Display::start(SIZE, &[]);
    let (back, x) = (display.x(), display.x());
    back.show();
    let small = ConfigureWindowAux::new().width(300).height(200).x(20).y(30);
    x.conn.configure_window(x.window, &small).unwrap();
    x.show();
    x.noise(Rect::new(0, 0, 300, 200), 5);
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    viewer.settle(&x).await;
    let before = viewer.frame_bytes;
    for step in 1..=10 {
        x.conn.configure_window(x.window, &ConfigureWindowAux::new().x(20 + 9 * step).y(30 + 5 * step)).unwrap();
        viewer.settle(&x).await;
    }
    let each = (viewer.frame_bytes - before) / 10;
    assert!(each < 1500, "{each} bytes a move; the window alone is 240 000");
}

#[tokio::test(flavor = "current_thread")]
async fn viewers_change_the_size() {
    let display = Display::start(SIZE, &[]);
    let x = display.x();
    x.show();
    let mut first = TestViewer::connect(&display, "", ALL, Some(Size::new(1000, 700))).await;
    assert_eq!(first.hello.size, Size::new(1000, 700));
    let mut second = TestViewer::connect(&display, "?role=view", ALL, Some(Size::new(400, 300))).await;
    assert_eq!((second.hello.size, second.hello.role), (Size::new(1000, 700), Role::View));
    for (width, height) in [(1234, 777), (500, 400), (1920, 1080), (1, 60_000)] {
        let resize = ViewerMessage::Resize { width_px: width, height_px: height, pixel_ratio_256: 256 };
        // A viewer that only looks changes nothing.
        second.send(ViewerMessage::Resize { width_px: 333, height_px: 333, pixel_ratio_256: 256 }).await;
        first.send(resize).await;
        let resized = |d: &Drawn| match d {
            Drawn::Resized(size) => Some(*size),
            _ => None,
        };
        let size = first.until(resized).await;
        assert_eq!(second.until(resized).await, size);
        assert_eq!(size, Size::new(width.max(320), height.min(first.hello.max_size.height)));
        assert_eq!(x.size(), size);
        scene(&x, u32::from(width));
        first.settle(&x).await;
        second.settle(&x).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn memory_outside_the_screen_is_given_back_and_nothing_else() {
    let mut display = Display::start(&["--size", "1600x1200"], &["sleep", "1000"]);
    display.reach(100);
    let x = display.x();
    x.show();
    x.noise(x.size().rect(), 1);
    let pid = display.seen.iter().find_map(|v| v["xserverPid"].as_u64()).expect("announced");
    let picture_kb = || {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).expect("readable");
        let picture = maps.split_once("Xvfb_screen0").expect("mapped").1;
        let rss = picture.lines().find_map(|line| line.strip_prefix("Rss:")).expect("a size");
        rss.trim().trim_end_matches(" kB").parse::<u32>().expect("a number")
    };
    // A row has three pages at most; the largest screen has 57 MB.
    eventually("it is given back", || (picture_kb() < 1200 * 12 + 1024).then_some(()));
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    viewer.settle(&x).await;
    // A smaller screen gives more back, two pages a row stay; and what is larger again is whole.
    for (width, height, most_kb) in [(800, 600, 600 * 8 + 1024), (1500, 1100, u32::MAX)] {
        viewer.send(ViewerMessage::Resize { width_px: width, height_px: height, pixel_ratio_256: 256 }).await;
        viewer.until(|d| matches!(d, Drawn::Resized(_)).then_some(())).await;
        x.noise(x.size().rect(), u32::from(width));
        eventually("it is given back", || (picture_kb() < most_kb).then_some(()));
        x.fill(Rect::new(0, 0, 8, 8), 0x12_3456);
        viewer.settle(&x).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_refresh_sends_everything_in_a_new_stream() {
    let display = Display::start(SIZE, &[]);
    let x = display.x();
    x.show();
    scene(&x, 1);
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    viewer.settle(&x).await;
    let before = viewer.frame_bytes;
    viewer.send(ViewerMessage::Refresh).await;
    viewer.exact = false;
    viewer.settle(&x).await;
    assert!(viewer.frame_bytes - before > 50_000);
}

#[tokio::test(flavor = "current_thread")]
async fn the_cursor_comes_as_a_shape_and_never_in_the_picture() {
    let display = Display::start(SIZE, &[]);
    let x = display.x();
    x.show();
    let mut viewer = TestViewer::connect(&display, "", ALL, None).await;
    viewer.point(100, 100, 0, 0).await;
    let conn = &x.conn;
    let (bits, gc, cursor) = (conn.generate_id().unwrap(), conn.generate_id().unwrap(), conn.generate_id().unwrap());
    conn.create_pixmap(1, bits, x.root, 18, 12).unwrap();
    conn.create_gc(gc, bits, &x11rb::protocol::xproto::CreateGCAux::new().foreground(1)).unwrap();
    let all = x11rb::protocol::xproto::Rectangle { x: 0, y: 0, width: 18, height: 12 };
    conn.poly_fill_rectangle(bits, gc, &[all]).unwrap();
    conn.create_cursor(cursor, bits, bits, 0xffff, 0x8080, 0, 0, 0, 0, 3, 4).unwrap();
    conn.change_window_attributes(x.window, &ChangeWindowAttributesAux::new().cursor(cursor)).unwrap();
    x.sync();
    let image = viewer.until(|d| match d {
        Drawn::Other(DisplayMessage::Cursor(CursorMessage::Define { image, .. })) if image.size.width == 18 => {
            Some(image.clone())
        }
        _ => None,
    });
    let image = image.await;
    assert_eq!((image.size, image.hot_x, image.hot_y), (Size::new(18, 12), 3, 4));
    assert_eq!(image.rgba[..4], [255, 128, 0, 255]);
    viewer.settle(&x).await;
    assert_eq!(viewer.picture().single_colour(Rect::new(80, 80, 60, 60)), Some([0x20, 0x20, 0x20]));
}

#[tokio::test(flavor = "current_thread")]
async fn a_viewer_that_breaks_the_protocol_is_told_so() {
    use futures_util::SinkExt;
    let display = Display::start(SIZE, &[]);
    let hello = [0x81, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 20, 0];
    let old = [0x81, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 20, 0];
    let cases: [(&[&[u8]], GoodbyeReason); 6] = [
        (&[&[0x87, 0, 0, 0, 1, 0, 0, 0]], GoodbyeReason::Protocol),
        (&[&[0xff]], GoodbyeReason::Protocol),
        (&[&old], GoodbyeReason::Version),
        (&[&hello, &hello], GoodbyeReason::Protocol),
        (&[&hello, &[0x82, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]], GoodbyeReason::Protocol),
        (&[&hello, &[0x83, 9]], GoodbyeReason::Protocol),
    ];
    for (messages, reason) in cases {
        let mut socket = TestViewer::socket(&display, "").await;
        for message in messages {
            socket.send(Message::Binary(message.to_vec().into())).await.unwrap();
        }
        let mut last = None;
        while let Some(bytes) = TestViewer::receive(&mut socket).await {
            last = DisplayMessage::decode(&bytes, Size::new(800, 600)).ok();
        }
        match last {
            Some(DisplayMessage::Goodbye(Goodbye { reason: got, .. })) => assert_eq!(got, reason, "{messages:?}"),
            other => panic!("{messages:?}: {other:?}"),
        }
    }
    TestViewer::connect(&display, "", ALL, None).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_foreign_page_and_a_client_without_the_cookie_are_refused() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let display = Display::start(SIZE, &[]);
    assert!(TestX::connect(display.number, &[0; 16]).is_none());
    let mut request = format!("ws://{}/stream", display.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://elsewhere.example".parse().unwrap());
    let stream = tokio::net::TcpStream::connect(&display.address).await.unwrap();
    let refused = tokio_tungstenite::client_async(request, stream).await.expect_err("refused");
    assert!(refused.to_string().contains("403"), "{refused}");
}
