//! Finds pixels that only moved: scrolled columns and moved windows become copies.
//!
//! A copy is never trusted: it is carried out on the picture the viewer shows, and whatever then differs from the
//! screen is sent as pixels. So a wrong guess costs bytes, never exactness.

use crate::geometry::Rect;
use crate::picture::Picture;
use crate::tiles::{TILE_PX, TileSet};

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
/// Shortest run of rows sent as a copy.
const SHORTEST_RUN: u16 = 8;
/// Rows of a run that must be wrong now for the copy to be worth it.
const FEWEST_MENDED: u16 = 4;
/// Columns of tiles whose rows vote for a distance.
const VOTERS: usize = 4;
/// Rows beyond the changed ones in which a source is looked for.
const REACH: u16 = 256;
/// Rows that must agree on a distance.
const FEWEST_VOTES: u32 = 8;
/// Distances tried.
const CANDIDATES: usize = 3;

/// Finds moves from `shown` to `screen` inside `changed`, carries them out on `shown`, and returns them in order.
/// `windows` are rectangles of windows before and after, of equal size each, with coordinates clipped to the picture.
pub(crate) fn find(shown: &mut Picture, screen: &Picture, changed: &TileSet, windows: &[Move]) -> Vec<Move> {
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
    let strips = strips(changed);
    for distance in vote(shown, screen, &strips) {
        let mut found = runs(shown, screen, &strips, distance);
        // Away from the overlap, as in any move of memory, so that few sources are overwritten before they are read.
        found.sort_by_key(|m| if distance > 0 { i32::from(m.to.y) } else { -i32::from(m.to.y) });
        let first = moves.len();
        for mut m in found {
            m.exact = !moves[first..].iter().any(|done| meet(&done.to, &m.from()));
            if !m.exact {
                moves.iter_mut().filter(|done| meet(&done.to, &m.to)).for_each(|done| done.exact = false);
            }
            shown.copy(m.to, m.from_x, m.from_y);
            moves.push(m);
        }
    }
    moves
}

fn meet(a: &Rect, b: &Rect) -> bool {
    !a.intersect(b).is_empty()
}

/// Whether a window's move mends clearly more than it breaks, judged by a sample of row pieces.
fn worth_it(shown: &Picture, screen: &Picture, m: &Move) -> bool {
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

/// A column of tiles with what changed in it.
#[derive(Debug, Clone, Copy)]
struct Strip {
    /// Smallest rectangle around the changes.
    changed: Rect,
    /// Left edge of the tile column.
    x: u16,
    /// Right edge of the tile column.
    right: u16,
}

fn strips(changed: &TileSet) -> Vec<Strip> {
    let columns = usize::from(changed.columns());
    let mut bounds = vec![Rect::new(0, 0, 0, 0); columns];
    for (index, rect) in changed.iter() {
        let sum = &mut bounds[index % columns];
        *sum = sum.union(&rect);
    }
    let edge = |c: usize| (c as u16 * TILE_PX).min(changed.size().width);
    bounds
        .iter()
        .enumerate()
        .filter(|(_, b)| b.h >= 2 * SHORTEST_RUN)
        .map(|(c, b)| Strip { changed: *b, x: edge(c), right: edge(c + 1) })
        .collect()
}

/// Distances from target row to source row that many rows agree on, most votes first.
fn vote(shown: &Picture, screen: &Picture, strips: &[Strip]) -> Vec<i32> {
    let height = shown.size().height;
    let mut votes = vec![0u32; 2 * usize::from(height)];
    let step = strips.len().div_ceil(VOTERS).max(1);
    let mut table = RowTable::new();
    for strip in strips.iter().step_by(step) {
        let r = strip.changed;
        let rows = r.y.saturating_sub(REACH)..r.bottom().saturating_add(REACH).min(height);
        table.clear();
        let mut last = None;
        for y in rows {
            let row = hash(shown.row(r.x, y, r.w));
            // Rows like the one above (blanks, borders) say nothing about a distance, wherever they come again.
            if last.replace(row) != Some(row) {
                table.insert(row, y);
            }
        }
        for y in r.y..r.bottom() {
            if let Some(source) = table.unique(hash(screen.row(r.x, y, r.w))) {
                votes[usize::from(source) + usize::from(height) - usize::from(y)] += 1;
            }
        }
    }
    votes[usize::from(height)] = 0;
    let mut best: Vec<(u32, usize)> = Vec::with_capacity(CANDIDATES + 1);
    for (i, count) in votes.into_iter().enumerate().filter(|(_, count)| *count >= FEWEST_VOTES) {
        best.push((count, i));
        best.sort_unstable_by(|a, b| b.cmp(a));
        best.truncate(CANDIDATES);
    }
    let enough = best.first().map_or(0, |b| b.0 / 8);
    best.iter().filter(|b| b.0 >= enough).map(|b| b.1 as i32 - i32::from(height)).collect()
}

/// Rectangles that are right after a copy from `distance` rows below and hold rows that are wrong now.
fn runs(shown: &Picture, screen: &Picture, strips: &[Strip], distance: i32) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut done = vec![false; strips.len()];
    // First the whole width of each group of neighbours: one long comparison a row instead of one a tile.
    let mut start = 0;
    while start < strips.len() {
        let mut end = start + 1;
        while end < strips.len() && strips[end].x == strips[end - 1].right {
            end += 1;
        }
        let group = &strips[start..end];
        let bounds = group.iter().fold(Rect::new(0, 0, 0, 0), |sum, s| sum.union(&s.changed));
        let found = runs_in(shown, screen, bounds, distance);
        if found.iter().map(|m| usize::from(m.to.h)).sum::<usize>() * 2 >= usize::from(bounds.h) {
            moves.extend(found);
            done[start..end].fill(true);
        }
        start = end;
    }
    let mut open: Vec<Move> = Vec::new();
    for (i, strip) in strips.iter().enumerate().filter(|(i, _)| !done[*i]) {
        // Inside a group whole tile columns join; at its edges the changes say where the moved part ends.
        let joined_left = i > 0 && strips[i - 1].right == strip.x;
        let joined_right = i + 1 < strips.len() && strips[i + 1].x == strip.right;
        let left = if joined_left { strip.x } else { strip.changed.x };
        let right = if joined_right { strip.right } else { strip.changed.right() };
        let area = Rect::between(left, strip.changed.y, right, strip.changed.bottom());
        for found in runs_in(shown, screen, area, distance) {
            match open.iter_mut().find(|m| joins(m, &found)) {
                Some(m) => {
                    let top = m.to.y.max(found.to.y);
                    let bottom = m.to.bottom().min(found.to.bottom());
                    m.from_y = m.from_y + top - m.to.y;
                    m.to = Rect::between(m.to.x, top, found.to.right(), bottom);
                }
                None => open.push(found),
            }
        }
    }
    moves.extend(open);
    for m in &mut moves {
        widen(shown, screen, m);
    }
    moves
}

/// Whether `b` continues `a` to the right with nearly the same rows.
fn joins(a: &Move, b: &Move) -> bool {
    let common = a.to.bottom().min(b.to.bottom()).saturating_sub(a.to.y.max(b.to.y));
    a.to.right() == b.to.x && common > 0 && u32::from(common) * 10 >= u32::from(a.to.h.max(b.to.h)) * 9
}

/// Runs of rows of `area` that equal the rows `distance` below them in the shown picture.
fn runs_in(shown: &Picture, screen: &Picture, area: Rect, distance: i32) -> Vec<Move> {
    let height = i32::from(shown.size().height);
    let first = i32::from(area.y).max(-distance) as u16;
    let last = i32::from(area.bottom()).min(height - distance).max(0) as u16;
    let mut found = Vec::new();
    let (mut start, mut wrong) = (first, 0u16);
    for y in first..=last.max(first) {
        let source = (i32::from(y) + distance) as u16;
        let equal = y < last && screen.row(area.x, y, area.w) == shown.row(area.x, source, area.w);
        if equal {
            wrong += u16::from(wrong < FEWEST_MENDED && screen.row(area.x, y, area.w) != shown.row(area.x, y, area.w));
            continue;
        }
        if y - start >= SHORTEST_RUN && wrong >= FEWEST_MENDED {
            let from_y = (i32::from(start) + distance) as u16;
            found.push(Move { to: Rect::between(area.x, start, area.right(), y), from_x: area.x, from_y, exact: true });
        }
        (start, wrong) = (y + 1, 0);
    }
    found
}

/// Extends a move to the left and right as far as all its rows still match.
fn widen(shown: &Picture, screen: &Picture, m: &mut Move) {
    let matches =
        |x: u16, w: u16, m: &Move| (0..m.to.h).all(|i| screen.row(x, m.to.y + i, w) == shown.row(x, m.from_y + i, w));
    let width = shown.size().width;
    for step in [32, 16, 8, 4, 2, 1] {
        if m.to.x >= step && matches(m.to.x - step, step, m) {
            m.to = Rect::new(m.to.x - step, m.to.y, m.to.w + step, m.to.h);
            m.from_x -= step;
        }
        if m.to.right() + step <= width && matches(m.to.right(), step, m) {
            m.to.w += step;
        }
    }
}

/// A weak, fast hash of a row of at most a tile's width: a sum of products, none of which waits for another.
/// Only guesses rest on it.
fn hash(row: &[u8]) -> u64 {
    let mut sums = [0u64; 4];
    let mut chunks = row.chunks_exact(32);
    let mut factor = 0x9e37_79b9_7f4a_7c15u64;
    let word = |bytes: &[u8], i: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[8 * i..8 * i + 8]);
        u64::from_le_bytes(eight)
    };
    for chunk in &mut chunks {
        for (i, sum) in sums.iter_mut().enumerate() {
            // The low half of a product knows nothing of the high half of the word, so both halves are mixed in.
            let w = word(chunk, i);
            *sum = sum.wrapping_add((w ^ w >> 32).wrapping_mul(factor.wrapping_add(2 * i as u64)));
        }
        factor = factor.wrapping_mul(5).wrapping_add(0x3c6e_f372_fe94_f82b) | 1;
    }
    let mut rest = [0u8; 32];
    let tail = chunks.remainder();
    rest[..tail.len()].copy_from_slice(tail);
    for (i, sum) in sums.iter_mut().enumerate() {
        let w = word(&rest, i);
        *sum = sum.wrapping_add((w ^ w >> 32).wrapping_mul(factor.wrapping_add(2 * i as u64)));
    }
    let all = sums.iter().fold(0u64, |sum, s| sum.rotate_left(23).wrapping_add(*s));
    (all ^ all >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Finds the row with a hash, when there is exactly one.
struct RowTable {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
enum Slot {
    Empty,
    One(u64, u16),
    Several(u64),
}

impl RowTable {
    /// Twice the rows of the highest picture, so that probing always ends.
    const SLOTS: usize = 16_384;

    fn new() -> Self {
        Self { slots: vec![Slot::Empty; Self::SLOTS] }
    }

    fn clear(&mut self) {
        self.slots.fill(Slot::Empty);
    }

    fn find(&self, hash: u64) -> usize {
        let mut i = (hash >> 40) as usize % Self::SLOTS;
        loop {
            match self.slots[i] {
                Slot::Empty => return i,
                Slot::One(h, _) | Slot::Several(h) if h == hash => return i,
                Slot::One(..) | Slot::Several(_) => i = (i + 1) % Self::SLOTS,
            }
        }
    }

    fn insert(&mut self, hash: u64, row: u16) {
        let i = self.find(hash);
        self.slots[i] = if matches!(self.slots[i], Slot::Empty) { Slot::One(hash, row) } else { Slot::Several(hash) };
    }

    fn unique(&self, hash: u64) -> Option<u16> {
        match self.slots[self.find(hash)] {
            Slot::One(_, row) => Some(row),
            Slot::Empty | Slot::Several(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::picture::tests::noise;

    fn changes(shown: &Picture, screen: &Picture) -> TileSet {
        let mut set = TileSet::new(shown.size());
        for (_, part) in TileSet::touched(shown.size(), shown.size().rect()) {
            if let Some(rect) = screen.difference(shown, part) {
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
        screen.take(&fresh, Rect::new(pane.x, pane.bottom() - by, pane.w, by));
        (shown, screen)
    }

    #[test]
    fn scrolls_become_copies_of_exactly_the_pane() {
        for pane in [Rect::new(0, 0, 400, 300), Rect::new(30, 20, 200, 250), Rect::new(101, 7, 77, 200)] {
            for by in [1, 13, 54] {
                let (mut shown, screen) = scrolled(pane, by);
                let changed = changes(&shown, &screen);
                let moves = find(&mut shown, &screen, &changed, &[]);
                let to = Rect::new(pane.x, pane.y, pane.w, pane.h - by);
                assert_eq!(moves, [Move { to, from_x: pane.x, from_y: pane.y + by, exact: true }], "{pane:?} by {by}");
                assert!(shown.same(&screen, to));
            }
        }
    }

    #[test]
    fn two_panes_scroll_by_themselves() {
        let (left, right) = (Rect::new(0, 0, 200, 300), Rect::new(200, 0, 200, 300));
        let (mut shown, up) = scrolled(left, 20);
        let mut screen = up;
        screen.copy(Rect::new(right.x, 30, right.w, right.h - 30), right.x, 0);
        screen.take(&noise(Size::new(400, 300), 3), Rect::new(right.x, 0, right.w, 30));
        let changed = changes(&shown, &screen);
        find(&mut shown, &screen, &changed, &[]);
        let left_over = changes(&shown, &screen).area();
        assert!(left_over <= 200 * 50 + 64 * 300, "{left_over} pixels are still wrong");
    }

    #[test]
    fn short_runs_of_neighbours_that_do_not_meet_are_not_joined() {
        let at = |x: u16, y: u16| Move { to: Rect::new(x, y, 64, 8), from_x: x, from_y: y + 30, exact: true };
        assert!(!joins(&at(0, 10), &at(64, 100)));
        assert!(!joins(&at(0, 10), &at(64, 15)));
        assert!(joins(&at(0, 10), &at(64, 10)));
    }

    #[test]
    fn a_window_move_is_taken_when_it_helps() {
        let before = noise(Size::new(400, 300), 1);
        let window = noise(Size::new(400, 300), 2);
        let (from, to) = (Rect::new(50, 60, 120, 90), Rect::new(57, 49, 120, 90));
        let mut shown = before.clone();
        shown.take(&window, from);
        let mut screen = before.clone();
        for y in 0..from.h {
            let row = window.row(from.x, from.y + y, from.w).to_vec();
            screen.row_mut(to.x, to.y + y, to.w).copy_from_slice(&row);
        }
        let hint = Move { to, from_x: from.x, from_y: from.y, exact: false };
        let changed = changes(&shown, &screen);
        assert_eq!(find(&mut shown, &screen, &changed, &[hint]), [hint]);
        assert!(shown.same(&screen, to));

        let mut other = before.clone();
        let changed = changes(&other, &screen);
        assert_eq!(find(&mut other, &screen, &changed, &[hint]), []);
    }

    #[test]
    fn blank_rows_do_not_vote() {
        let mut shown = Picture::new(Size::new(200, 200));
        shown.fill(Rect::new(0, 0, 200, 200), [9, 9, 9]);
        let mut screen = shown.clone();
        screen.fill(Rect::new(10, 10, 100, 100), [1, 1, 1]);
        let changed = changes(&shown, &screen);
        assert_eq!(find(&mut shown, &screen, &changed, &[]), []);
    }
}
