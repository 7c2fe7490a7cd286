//! Finds pixels that only moved: scrolled columns, moved windows and pictures become copies.
//!
//! A copy is carried out on the picture the viewer shows, and whatever then differs from the screen is sent as pixels: at
//! once, or where something goes on moving as it did and a sample of it fits, when it rests. So a wrong guess costs bytes,
//! never exactness.

mod drag;
mod lifted;
mod scroll;

use crate::geometry::{Rect, Size};
use crate::picture::Picture;
use crate::pixels::{Pixels, Quarter};
use crate::tiles::TileSet;

use drag::Drag;
pub(crate) use lifted::Lifted;
use scroll::Scrolls;

/// What moved last: it tends to go on moving like that, and is looked for first.
#[derive(Debug, Default, Clone)]
pub(crate) struct Momentum {
    /// Distance of the last scroll.
    distance: Option<i32>,
    /// What of it was exact.
    scrolled: Vec<Move>,
    /// What may have changed, in the frame at hand.
    damaged: Option<TileSet>,
    /// Pixels that went on moving, in the frame at hand.
    followed_px: usize,
    drag: Option<Drag>,
    /// By which what goes on is judged, another one in each frame.
    quarter: Quarter,
}

impl Momentum {
    /// Finds the last scroll once more where `dirty` says that all of it may have changed, carries it out on `shown`, and
    /// returns the moves in order, which are right as far as a quarter of their pixels tells. Cheaper than to compare
    /// first, and then to search.
    pub(crate) fn follow_scroll(&mut self, shown: &mut Picture, screen: Pixels<'_>, dirty: &TileSet) -> Vec<Move> {
        let mut moves: Vec<Move> = Vec::new();
        self.quarter = self.quarter.next();
        self.damaged = Some(dirty.clone());
        for last in std::mem::take(&mut self.scrolled) {
            let inside = shown.size().rect().contains(&last.to.union(&last.from()));
            if inside && dirty.covers(last.to) && scroll::goes_on(shown, screen, &last) {
                let first = moves.len();
                scroll::follow(shown, screen, &last, self.quarter, &mut moves);
                let found = &moves[first..];
                // What disturbed a few rows of it may be gone the next time.
                let whole = explain_most(exact_px(found), last.to.area());
                self.scrolled.extend_from_slice(if whole { std::slice::from_ref(&last) } else { found });
            }
        }
        self.followed_px = exact_px(&moves);
        moves
    }

    /// Finds a window that moved as a whole, or what was dragged last where it was dragged on to; the move is right as far
    /// as a quarter of its pixels tells, and the caller carries it out. Cheaper than to compare first, too.
    pub(crate) fn follow_drag(
        &mut self,
        shown: &Picture,
        screen: Pixels<'_>,
        dirty: &TileSet,
        windows: &[Move],
    ) -> Option<Move> {
        let worth_it =
            |w: &&Move| w.to.area() >= SMALLEST_CHANGE_PX && dirty.touches(w.to) && worth_it(shown, screen, w);
        let quarter = self.quarter;
        let seems = |w: &Move| screen.seems(w.to, shown.view(), w.from(), quarter);
        let window = windows.iter().filter(worth_it).map(|w| Move { exact: true, ..*w }).find(seems);
        let found = window.or_else(|| {
            let near = self.drag.as_ref().is_some_and(|d| dirty.touches(d.place()));
            if near { drag::go_on(shown.view(), |part| part, screen, &mut self.drag, quarter) } else { None }
        })?;
        self.followed_px += found.to.area();
        Some(found)
    }

    /// The same for what is being dragged and was lifted from the picture.
    pub(crate) fn follow_lifted(
        &mut self,
        lifted: &Lifted,
        screen: Pixels<'_>,
        dirty: &TileSet,
        windows: &[Move],
    ) -> Option<Move> {
        self.quarter = self.quarter.next();
        self.damaged = None;
        self.followed_px = 0;
        let (place, quarter) = (lifted.place(), self.quarter);
        let is_it = |w: &&Move| place.contains(&w.from()) && dirty.touches(w.to);
        let seems = |w: &Move| screen.seems(w.to, lifted.view(), lifted.within(w.from()), quarter);
        let window = windows.iter().filter(is_it).map(|w| Move { exact: true, ..*w }).find(seems);
        let found = window.or_else(|| {
            let near = self.drag.as_ref().is_some_and(|d| d.place() == place && dirty.touches(place));
            let within = |part: Rect| lifted.within(part);
            if near { drag::go_on(lifted.view(), within, screen, &mut self.drag, quarter) } else { None }
        })?;
        self.followed_px = found.to.area();
        Some(found)
    }

    /// Whether what changed is worth a search for more that moved.
    pub(crate) fn searches(&self, changed: &TileSet) -> bool {
        let changed_px = changed.area();
        changed_px >= SMALLEST_CHANGE_PX && !explain_most(self.followed_px, changed_px + self.followed_px)
    }
}

/// Where a top-level window is; coordinates may lie outside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowPlace {
    /// Names the window.
    pub id: u32,
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Pixels across.
    pub w: u16,
    /// Pixels down.
    pub h: u16,
}

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

/// Moves of windows that kept their size, cut to what lies inside the picture before and after.
pub(crate) fn of_windows(before: &[WindowPlace], after: &[WindowPlace], size: Size) -> Vec<Move> {
    let mut moves = Vec::new();
    for window in after {
        let Some(old) = before.iter().find(|o| o.id == window.id && (o.w, o.h) == (window.w, window.h)) else {
            continue;
        };
        let (dx, dy) = (window.x - old.x, window.y - old.y);
        if (dx, dy) == (0, 0) {
            continue;
        }
        let from = Rect::clipped(old.x, old.y, window.w.into(), window.h.into(), size);
        let to = Rect::clipped(i32::from(from.x) + dx, i32::from(from.y) + dy, from.w.into(), from.h.into(), size);
        if !to.is_empty() {
            let (from_x, from_y) = ((i32::from(to.x) - dx) as u16, (i32::from(to.y) - dy) as u16);
            moves.push(Move { to, from_x, from_y, exact: false });
        }
    }
    moves
}

/// Changes smaller than this are cheaper as pixels than looked into.
pub(crate) const SMALLEST_CHANGE_PX: usize = 8 << 10;

/// Finds moves from `shown` to `screen` inside `changed`, carries them out on `shown`, and returns them in order.
/// `windows` are rectangles of windows before and after, of equal size each, with coordinates clipped to the picture.
pub(crate) fn find(
    shown: &mut Picture,
    screen: Pixels<'_>,
    changed: &TileSet,
    windows: &[Move],
    momentum: &mut Momentum,
) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    if !momentum.searches(changed) {
        return moves;
    }
    for window in windows {
        if changed.touches(window.to) && worth_it(shown, screen, window) {
            carry_out(shown, &mut moves, *window);
        }
    }
    for m in &mut moves {
        m.exact = shown.view().same(screen, m.to);
    }
    let dragged = momentum.drag.is_some();
    if dragged {
        find_drag(shown, screen, changed, &mut moves, momentum);
    }
    if explain_most(exact_px(&moves), changed.area()) {
        return moves;
    }
    let scrolls = Scrolls::search(shown, screen, changed, &mut momentum.distance);
    momentum.scrolled.clear();
    for distance in &scrolls.distances {
        let first = moves.len();
        for mut m in scrolls.moves(shown, screen, momentum.damaged.as_ref(), *distance) {
            m.exact = !moves[first..].iter().any(|done| meet(&done.to, &m.from()));
            carry_out(shown, &mut moves, m);
        }
        momentum.scrolled.extend(moves[first..].iter().filter(|m| m.exact));
    }
    if !dragged && !explain_most(exact_px(&moves), changed.area()) {
        find_drag(shown, screen, changed, &mut moves, momentum);
    }
    moves
}

/// Copies, and takes the word "exact" from those moves whose pixels that may spoil.
fn carry_out(shown: &mut Picture, moves: &mut Vec<Move>, m: Move) {
    if !m.exact {
        moves.iter_mut().filter(|done| meet(&done.to, &m.to)).for_each(|done| done.exact = false);
    }
    shown.copy(m.to, m.from_x, m.from_y);
    moves.push(m);
}

/// Whether so many moved pixels leave little that may have moved: what a scroll or a window uncovers comes from nowhere, and
/// looking for it all around would be in vain.
fn explain_most(moved_px: usize, changed_px: usize) -> bool {
    moved_px * 4 >= changed_px * 3
}

fn exact_px(moves: &[Move]) -> usize {
    moves.iter().filter(|m| m.exact).map(|m| m.to.area()).sum()
}

fn find_drag(
    shown: &mut Picture,
    screen: Pixels<'_>,
    changed: &TileSet,
    moves: &mut Vec<Move>,
    momentum: &mut Momentum,
) {
    let left = remaining(shown, screen, changed, moves);
    if left.area() >= SMALLEST_CHANGE_PX
        && let Some(m) = drag::find(shown, screen, &left, &mut momentum.drag).filter(|m| worth_it(shown, screen, m))
    {
        carry_out(shown, moves, m);
    }
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

    fn damaged_all(size: Size) -> Momentum {
        Momentum { damaged: Some(TileSet::full(size)), ..Momentum::default() }
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
                let moves = find(&mut shown, screen.view(), &changed, &[], &mut damaged_all(screen.size()));
                let to = Rect::new(pane.x, pane.y, pane.w, pane.h - by);
                assert_eq!(moves, [Move { to, from_x: pane.x, from_y: pane.y + by, exact: true }], "{pane:?} by {by}");
                assert!(shown.view().same(screen.view(), to));
            }
        }
    }

    #[test]
    fn columns_of_text_and_the_blank_between_them_scroll_as_one() {
        let size = Size::new(400, 300);
        let (all, blank, still) = (size.rect(), Rect::new(120, 0, 150, 300), Rect::new(0, 0, 60, 20));
        let (mut shown, mut screen) = scrolled(all, 20);
        for picture in [&mut shown, &mut screen] {
            picture.fill(blank, [250, 250, 250]);
            picture.fill(still, [1, 2, 3]);
        }
        let changed = changes(&shown, &screen);
        let moves = find(&mut shown, screen.view(), &changed, &[], &mut damaged_all(screen.size()));
        let (below, beside) = (Rect::between(0, 20, 400, 280), Rect::between(60, 0, 400, 20));
        let (last, rest) = moves.split_last().expect("a scroll");
        assert_eq!(*last, Move { to: below, from_x: 0, from_y: 40, exact: true });
        assert!(rest.iter().all(|m| m.exact && beside.contains(&m.to)), "{rest:?}");
        let wrong = changes(&shown, &screen).bounds();
        assert!(wrong.y >= 280, "what is beside the part that stays moved too; {wrong:?} is new");
    }

    #[test]
    fn two_panes_scroll_by_themselves() {
        let (left, right) = (Rect::new(0, 0, 200, 300), Rect::new(200, 0, 200, 300));
        let (mut shown, up) = scrolled(left, 20);
        let mut screen = up;
        screen.copy(Rect::new(right.x, 30, right.w, right.h - 30), right.x, 0);
        screen.take(noise(Size::new(400, 300), 3).view(), Rect::new(right.x, 0, right.w, 30));
        let changed = changes(&shown, &screen);
        find(&mut shown, screen.view(), &changed, &[], &mut damaged_all(screen.size()));
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
        let found = Move { exact: true, ..hint };
        assert_eq!(find(&mut shown, screen.view(), &changed, &[hint], &mut Momentum::default()), [found]);
        assert!(shown.view().same(screen.view(), to));

        let mut other = before.clone();
        let changed = changes(&other, &screen);
        assert_eq!(find(&mut other, screen.view(), &changed, &[hint], &mut Momentum::default()), []);
    }

    #[test]
    fn blank_rows_do_not_vote() {
        let mut shown = Picture::new(Size::new(200, 200));
        shown.fill(Rect::new(0, 0, 200, 200), [9, 9, 9]);
        let mut screen = shown.clone();
        screen.fill(Rect::new(10, 10, 100, 100), [1, 1, 1]);
        let changed = changes(&shown, &screen);
        assert_eq!(find(&mut shown, screen.view(), &changed, &[], &mut damaged_all(screen.size())), []);
    }
}
