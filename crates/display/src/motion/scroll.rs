//! Scrolls: columns of tiles whose rows are found again further up or down.

use super::Move;
use crate::geometry::Rect;
use crate::picture::Picture;
use crate::pixels::{Pixels, Quarter};
use crate::tiles::{TILE_PX, TileSet};

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

/// What scrolled, before it is looked at closely.
pub(super) struct Scrolls {
    strips: Vec<Strip>,
    /// Distances from target row to source row, the likeliest first.
    pub(super) distances: Vec<i32>,
}

impl Scrolls {
    /// Looks for distances at which many changed rows are found again; `last` is the likeliest one of the last time.
    pub(super) fn search(shown: &Picture, screen: Pixels<'_>, changed: &TileSet, last: &mut Option<i32>) -> Self {
        let strips = strips(changed);
        let distances = vote(shown, screen, &strips, *last);
        *last = distances.first().copied();
        Self { strips, distances }
    }

    /// The rectangles that moved by a distance, in the order in which few sources are overwritten before they are
    /// read: away from the overlap, as in any move of memory. What looks the same without having moved is only taken along
    /// where it lies in what may have changed, and so will with the next step.
    pub(super) fn moves(
        &self,
        shown: &Picture,
        screen: Pixels<'_>,
        damaged: Option<&TileSet>,
        distance: i32,
    ) -> Vec<Move> {
        let is_damaged = |rect: Rect| damaged.is_some_and(|set| set.covers(rect));
        let mut found = runs(shown, screen, &self.strips, &is_damaged, distance);
        found.sort_by_key(|m| if distance > 0 { i32::from(m.to.y) } else { -i32::from(m.to.y) });
        found
    }
}

/// Whether most rows of a move, by a sample, move the same way again.
pub(super) fn goes_on(shown: &Picture, screen: Pixels<'_>, m: &Move) -> bool {
    explains(shown, screen, m.to, i32::from(m.from_y) - i32::from(m.to.y))
}

/// Adds the rows of a move that seem to move the same way again to `moves`, and carries that out. A run's first rows are
/// looked at as a whole, and then a quarter.
pub(super) fn follow(shown: &mut Picture, screen: Pixels<'_>, last: &Move, quarter: Quarter, moves: &mut Vec<Move>) {
    let (area, up) = (last.to, last.from_y > last.to.y);
    let distance = i32::from(last.from_y) - i32::from(area.y);
    let source = |y: u16| (i32::from(y) + distance) as u16;
    let first = moves.len();
    // Rows found so far, and how many of them are wrong now.
    let (mut run, mut wrong) = (0u16, 0u16);
    for i in 0..=area.h {
        // Away from the overlap, which is the order in which the copies below overwrite no row before it was read.
        let y = if up { area.y + i } else { area.bottom().wrapping_sub(1 + i) };
        let is_run = run >= SHORTEST_RUN && wrong >= FEWEST_MENDED;
        let equals = |y: u16, other: u16| screen.row(area.x, y, area.w) == shown.row(area.x, other, area.w);
        if i < area.h && ((is_run && !quarter.has(i)) || equals(y, source(y))) {
            run += 1;
            wrong += u16::from(wrong < FEWEST_MENDED && !equals(y, y));
            continue;
        }
        if is_run {
            let top = if up { y - run } else { y.wrapping_add(1) };
            let to = Rect::new(area.x, top, area.w, run);
            moves.push(Move { to, from_x: area.x, from_y: source(top), exact: true });
        }
        (run, wrong) = (0, 0);
    }
    moves[first..].iter().for_each(|m| shown.copy(m.to, m.from_x, m.from_y));
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

/// Distances from target row to source row that many rows agree on, most votes first; `last` needs no votes.
fn vote(shown: &Picture, screen: Pixels<'_>, strips: &[Strip], last: Option<i32>) -> Vec<i32> {
    let height = shown.size().height;
    let mut votes = Vec::new();
    let mut best: Vec<i32> = last.into_iter().collect();
    let mut explaining = None;
    let mut table = RowTable::new();
    // The middle first: columns at the edges hold least.
    let step = strips.len().div_ceil(VOTERS).max(1);
    let voters = strips.iter().skip(step / 2).step_by(step);
    for strip in voters {
        if let Some(distance) = best.first().filter(|distance| explains(shown, screen, strip.changed, **distance)) {
            explaining = Some(*distance);
            continue;
        }
        votes.resize(2 * usize::from(height), 0);
        table.count(shown, screen, strip.changed, &mut votes);
        votes[usize::from(height)] = 0;
        best = highest(&votes).into_iter().map(|i| i as i32 - i32::from(height)).collect();
    }
    best.extend(explaining.filter(|distance| !best.contains(distance)));
    best
}

/// Whether most changed rows of a rectangle, by a sample, are found at a distance.
fn explains(shown: &Picture, screen: Pixels<'_>, r: Rect, distance: i32) -> bool {
    let (mut looked, mut found) = (0u32, 0u32);
    for y in (r.y..r.bottom()).step_by(usize::from(r.h / 16).max(1)) {
        let want = screen.row(r.x, y, r.w);
        if want == shown.row(r.x, y, r.w) {
            continue;
        }
        looked += 1;
        let source = i32::from(y) + distance;
        let inside = (0..i32::from(shown.size().height)).contains(&source);
        found += u32::from(inside && shown.row(r.x, source.max(0) as u16, r.w) == want);
    }
    looked > 0 && found * 2 >= looked
}

/// Places of the highest counts, the highest first.
fn highest(votes: &[u32]) -> Vec<usize> {
    let mut best: Vec<(u32, usize)> = Vec::with_capacity(CANDIDATES + 1);
    for (i, count) in votes.iter().copied().enumerate().filter(|(_, count)| *count >= FEWEST_VOTES) {
        best.push((count, i));
        best.sort_unstable_by(|a, b| b.cmp(a));
        best.truncate(CANDIDATES);
    }
    let enough = best.first().map_or(0, |b| b.0 / 8);
    best.into_iter().filter(|b| b.0 >= enough).map(|b| b.1).collect()
}

/// Rectangles that are right after a copy from `distance` rows below and hold rows that are wrong now.
fn runs(
    shown: &Picture,
    screen: Pixels<'_>,
    strips: &[Strip],
    is_damaged: &dyn Fn(Rect) -> bool,
    distance: i32,
) -> Vec<Move> {
    let mut moves = Vec::new();
    // Inside a group of neighbours whole tile columns join; at its edges the changes say where the moved part ends.
    let area = |(i, strip): (usize, &Strip)| {
        let joined_left = i > 0 && strips[i - 1].right == strip.x;
        let joined_right = i + 1 < strips.len() && strips[i + 1].x == strip.right;
        let left = if joined_left { strip.x } else { strip.changed.x };
        let right = if joined_right { strip.right } else { strip.changed.right() };
        Rect::between(left, strip.changed.y, right, strip.changed.bottom())
    };
    // What is still to be looked at of each strip.
    let mut rest: Vec<Vec<Rect>> = strips.iter().enumerate().map(|strip| vec![area(strip)]).collect();
    let mut done = vec![false; strips.len()];
    // First the whole width, and then that of each group: one long comparison a row instead of one a tile, and one copy
    // instead of many. What lies between groups may well have moved along: blanks do not show it.
    let groups = strips.chunk_by(|a, b| a.right == b.x).scan(0, |end, group| {
        let start = *end;
        *end += group.len();
        Some(start..*end)
    });
    for group in std::iter::once(0..strips.len()).chain(groups) {
        let bounds = strips[group.clone()].iter().fold(Rect::new(0, 0, 0, 0), |sum, s| sum.union(&s.changed));
        if done[group.clone()].contains(&true) || !is_damaged(bounds) {
            continue;
        }
        let found = runs_in(shown, screen, bounds, distance);
        if found.iter().map(|m| usize::from(m.to.h)).sum::<usize>() * 2 >= usize::from(bounds.h) {
            done[group.clone()].fill(true);
            for m in &found {
                rest[group.clone()].iter_mut().for_each(|areas| take_out(areas, m.to));
            }
            moves.extend(found);
        }
    }
    let mut open: Vec<Move> = Vec::new();
    for found in rest.concat().into_iter().flat_map(|area| runs_in(shown, screen, area, distance)) {
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
    moves.extend(open);
    for m in &mut moves {
        widen(shown, screen, is_damaged, m);
    }
    moves
}

/// Takes the rows of a rectangle out of others.
fn take_out(areas: &mut Vec<Rect>, rows: Rect) {
    let part = |r: &Rect, top: u16, bottom: u16| Rect::new(r.x, top, r.w, bottom.saturating_sub(top));
    let parts = |r: &Rect| [part(r, r.y, r.bottom().min(rows.y)), part(r, r.y.max(rows.bottom()), r.bottom())];
    *areas = areas.iter().flat_map(parts).filter(|r| !r.is_empty()).collect();
}

/// Whether `b` continues `a` to the right with nearly the same rows.
fn joins(a: &Move, b: &Move) -> bool {
    let common = a.to.bottom().min(b.to.bottom()).saturating_sub(a.to.y.max(b.to.y));
    a.to.right() == b.to.x && common > 0 && u32::from(common) * 10 >= u32::from(a.to.h.max(b.to.h)) * 9
}

/// Runs of rows of `area` that equal the rows `distance` below them in the shown picture.
fn runs_in(shown: &Picture, screen: Pixels<'_>, area: Rect, distance: i32) -> Vec<Move> {
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

/// Extends a move to the left and right as far as all its rows still match: to the edge, or else by 63 pixels at most.
fn widen(shown: &Picture, screen: Pixels<'_>, is_damaged: &dyn Fn(Rect) -> bool, m: &mut Move) {
    let matches = |x: u16, w: u16, m: &Move| {
        is_damaged(Rect::new(x, m.to.y, w, m.to.h))
            && (0..m.to.h).all(|i| screen.row(x, m.to.y + i, w) == shown.row(x, m.from_y + i, w))
    };
    let width = shown.size().width;
    for step in [m.to.x, 32, 16, 8, 4, 2, 1] {
        if m.to.x >= step && matches(m.to.x - step, step, m) {
            m.to = Rect::new(m.to.x - step, m.to.y, m.to.w + step, m.to.h);
            m.from_x -= step;
        }
    }
    for step in [width - m.to.right(), 32, 16, 8, 4, 2, 1] {
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

    /// Has no memory before it is used.
    fn new() -> Self {
        Self { slots: Vec::new() }
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.slots.resize(Self::SLOTS, Slot::Empty);
    }

    /// Counts, for each distance, the changed rows that are found there and nowhere else.
    fn count(&mut self, shown: &Picture, screen: Pixels<'_>, r: Rect, votes: &mut [u32]) {
        let height = shown.size().height;
        self.clear();
        let mut last = None;
        for y in r.y.saturating_sub(REACH)..r.bottom().saturating_add(REACH).min(height) {
            let row = hash(shown.row(r.x, y, r.w));
            // Rows like the one above (blanks, borders) say nothing about a distance, wherever they come again.
            if last.replace(row) != Some(row) {
                self.insert(row, y);
            }
        }
        for y in r.y..r.bottom() {
            if let Some(source) = self.unique(hash(screen.row(r.x, y, r.w))) {
                votes[usize::from(source) + usize::from(height) - usize::from(y)] += 1;
            }
        }
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

    #[test]
    fn a_scroll_is_followed_around_rows_that_do_not_move() {
        let size = Size::new(200, 300);
        for distance in [20i32, -20] {
            let mut shown = noise(size, 1);
            let mut screen = shown.clone();
            let (to_y, from_y) = if distance > 0 { (0, 20) } else { (20, 0) };
            let last = Move { to: Rect::new(10, to_y, 150, 280), from_x: 10, from_y, exact: true };
            screen.copy(last.to, last.from_x, last.from_y);
            // A caret blinks in the middle.
            screen.fill(Rect::new(50, 120, 2, 12), [1, 2, 3]);
            let mut moves = Vec::new();
            assert!(goes_on(&shown, screen.view(), &last));
            follow(&mut shown, screen.view(), &last, Quarter::default(), &mut moves);
            moves.sort_by_key(|m| m.to.y);
            let part = |y: u16, bottom: u16| Rect::between(10, y, 160, bottom);
            assert_eq!(moves.iter().map(|m| m.to).collect::<Vec<_>>(), [part(to_y, 120), part(132, to_y + 280)]);
            for m in &moves {
                assert_eq!(i32::from(m.from_y) - i32::from(m.to.y), distance);
                assert!(m.exact && shown.view().same(screen.view(), m.to));
            }
            assert!(!goes_on(&shown, screen.view(), &last), "what is right already goes nowhere");
        }
    }

    #[test]
    fn short_runs_of_neighbours_that_do_not_meet_are_not_joined() {
        let at = |x: u16, y: u16| Move { to: Rect::new(x, y, 64, 8), from_x: x, from_y: y + 30, exact: true };
        assert!(!joins(&at(0, 10), &at(64, 100)));
        assert!(!joins(&at(0, 10), &at(64, 15)));
        assert!(joins(&at(0, 10), &at(64, 10)));
    }
}
