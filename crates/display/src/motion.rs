//! Finds pixels that only moved: scrolled columns, moved windows and pictures become copies.
//!
//! A copy is never trusted: it is carried out on the picture the viewer shows, and whatever then differs from the
//! screen is sent as pixels. So a wrong guess costs bytes, never exactness.

mod drag;
mod scroll;

use crate::geometry::Rect;
use crate::picture::Picture;
use crate::pixels::Pixels;
use crate::tiles::TileSet;

pub(crate) use drag::Velocity;
use scroll::Scrolls;

/// A copy inside the picture the viewer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) to: Rect,
    pub(crate) from_x: u16,
    pub(crate) from_y: u16,
    /// Every pixel of `to` is right after the copy.
    pub(crate) exact: bool,
}

impl Move {
    pub(crate) fn from(&self) -> Rect {
        Rect::new(self.from_x, self.from_y, self.to.w, self.to.h)
    }
}

/// Changes smaller than this are cheaper as pixels than looked into.
const SMALLEST_CHANGE_PX: usize = 8 << 10;

/// Finds moves from `shown` to `screen` inside `changed`, carries them out on `shown`, and returns them in order.
/// `windows` are rectangles of windows before and after, of equal size each, with coordinates clipped to the picture.
pub(crate) fn find(
    shown: &mut Picture,
    screen: Pixels<'_>,
    changed: &TileSet,
    windows: &[Move],
    velocity: &mut Velocity,
) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    if changed.area() < SMALLEST_CHANGE_PX {
        return moves;
    }
    for window in windows {
        if changed.touches(window.to) && worth_it(shown, screen, window) {
            shown.copy(window.to, window.from_x, window.from_y);
            moves.push(*window);
        }
    }
    let scrolls = Scrolls::search(shown, screen, changed);
    for distance in &scrolls.distances {
        let first = moves.len();
        for mut m in scrolls.moves(shown, screen, *distance) {
            m.exact = !moves[first..].iter().any(|done| meet(&done.to, &m.from()));
            if !m.exact {
                moves.iter_mut().filter(|done| meet(&done.to, &m.to)).for_each(|done| done.exact = false);
            }
            shown.copy(m.to, m.from_x, m.from_y);
            moves.push(m);
        }
    }
    // A scroll leaves its new rows, which come from nowhere; looking for them all around would be in vain.
    let scrolled: usize = moves.iter().filter(|m| m.exact).map(|m| m.to.area()).sum();
    if scrolled * 4 >= changed.area() * 3 {
        return moves;
    }
    let left = remaining(shown, screen, changed, &moves);
    if left.area() >= SMALLEST_CHANGE_PX
        && let Some(m) = drag::find(shown, screen, &left, velocity).filter(|m| worth_it(shown, screen, m))
    {
        moves.iter_mut().filter(|done| meet(&done.to, &m.to)).for_each(|done| done.exact = false);
        shown.copy(m.to, m.from_x, m.from_y);
        moves.push(m);
    }
    moves
}

/// What still differs after the moves so far.
fn remaining(shown: &Picture, screen: Pixels<'_>, changed: &TileSet, moves: &[Move]) -> TileSet {
    if moves.is_empty() {
        return changed.clone();
    }
    let mut left = TileSet::new(shown.size());
    for (_, rect) in changed.iter() {
        if !moves.iter().any(|m| m.exact && m.to.contains(&rect))
            && let Some(differs) = screen.difference(shown.view(), rect)
        {
            left.add(differs);
        }
    }
    left
}

fn meet(a: &Rect, b: &Rect) -> bool {
    !a.intersect(b).is_empty()
}

/// Whether a window's move mends clearly more than it breaks, judged by a sample of row pieces.
fn worth_it(shown: &Picture, screen: Pixels<'_>, m: &Move) -> bool {
    const PIECE: u16 = 64;
    let (mut mended, mut broken, mut wrong) = (0u32, 0u32, 0u32);
    for i in (0..m.to.h).step_by(usize::from(m.to.h / 32).max(1)) {
        for dx in (0..m.to.w).step_by(usize::from(PIECE)) {
            let w = PIECE.min(m.to.w - dx);
            let want = screen.row(m.to.x + dx, m.to.y + i, w);
            let right_now = shown.row(m.to.x + dx, m.to.y + i, w) == want;
            let right_then = shown.row(m.from_x + dx, m.from_y + i, w) == want;
            wrong += u32::from(!right_now);
            mended += u32::from(!right_now && right_then);
            broken += u32::from(right_now && !right_then);
        }
    }
    mended > 0 && mended * 4 >= wrong && mended > 2 * broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::picture::tests::noise;

    fn changes(shown: &Picture, screen: &Picture) -> TileSet {
        let mut set = TileSet::new(shown.size());
        for (_, part) in TileSet::touched(shown.size(), shown.size().rect()) {
            if let Some(rect) = screen.view().difference(shown.view(), part) {
                set.add(rect);
            }
        }
        set
    }

    /// Noise in which a pane has moved up, with new rows below.
    fn scrolled(pane: Rect, by: u16) -> (Picture, Picture) {
        let shown = noise(Size::new(400, 300), 1);
        let mut screen = shown.clone();
        screen.copy(Rect::new(pane.x, pane.y, pane.w, pane.h - by), pane.x, pane.y + by);
        let fresh = noise(Size::new(400, 300), 2);
        screen.take(fresh.view(), Rect::new(pane.x, pane.bottom() - by, pane.w, by));
        (shown, screen)
    }

    #[test]
    fn scrolls_become_copies_of_exactly_the_pane() {
        for pane in [Rect::new(0, 0, 400, 300), Rect::new(30, 20, 200, 250), Rect::new(101, 7, 77, 200)] {
            for by in [1, 13, 54] {
                let (mut shown, screen) = scrolled(pane, by);
                let changed = changes(&shown, &screen);
                let moves = find(&mut shown, screen.view(), &changed, &[], &mut Velocity::default());
                let to = Rect::new(pane.x, pane.y, pane.w, pane.h - by);
                assert_eq!(moves, [Move { to, from_x: pane.x, from_y: pane.y + by, exact: true }], "{pane:?} by {by}");
                assert!(shown.view().same(screen.view(), to));
            }
        }
    }

    #[test]
    fn two_panes_scroll_by_themselves() {
        let (left, right) = (Rect::new(0, 0, 200, 300), Rect::new(200, 0, 200, 300));
        let (mut shown, up) = scrolled(left, 20);
        let mut screen = up;
        screen.copy(Rect::new(right.x, 30, right.w, right.h - 30), right.x, 0);
        screen.take(noise(Size::new(400, 300), 3).view(), Rect::new(right.x, 0, right.w, 30));
        let changed = changes(&shown, &screen);
        find(&mut shown, screen.view(), &changed, &[], &mut Velocity::default());
        let left_over = changes(&shown, &screen).area();
        assert!(left_over <= 200 * 50 + 64 * 300, "{left_over} pixels are still wrong");
    }

    #[test]
    fn a_window_move_is_taken_when_it_helps() {
        let before = noise(Size::new(400, 300), 1);
        let window = noise(Size::new(400, 300), 2);
        let (from, to) = (Rect::new(50, 60, 120, 90), Rect::new(57, 49, 120, 90));
        let mut shown = before.clone();
        shown.take(window.view(), from);
        let mut screen = before.clone();
        for y in 0..from.h {
            let row = window.row(from.x, from.y + y, from.w).to_vec();
            screen.row_mut(to.x, to.y + y, to.w).copy_from_slice(&row);
        }
        let hint = Move { to, from_x: from.x, from_y: from.y, exact: false };
        let changed = changes(&shown, &screen);
        assert_eq!(find(&mut shown, screen.view(), &changed, &[hint], &mut Velocity::default()), [hint]);
        assert!(shown.view().same(screen.view(), to));

        let mut other = before.clone();
        let changed = changes(&other, &screen);
        assert_eq!(find(&mut other, screen.view(), &changed, &[hint], &mut Velocity::default()), []);
    }

    #[test]
    fn blank_rows_do_not_vote() {
        let mut shown = Picture::new(Size::new(200, 200));
        shown.fill(Rect::new(0, 0, 200, 200), [9, 9, 9]);
        let mut screen = shown.clone();
        screen.fill(Rect::new(10, 10, 100, 100), [1, 1, 1]);
        let changed = changes(&shown, &screen);
        assert_eq!(find(&mut shown, screen.view(), &changed, &[], &mut Velocity::default()), []);
    }
}
