//! Drags: a rectangle that moved in any direction, whoever drew it.
//!
//! A few rows of distinct pixels out of the changed area are looked for in what was shown around them. A displacement
//! two of them agree on is tried on blocks, and the blocks that fit make the rectangle.

use memchr::memmem::Finder;

use super::Move;
use crate::geometry::{Rect, Size};
use crate::picture::Picture;
use crate::pixels::{Pixels, Quarter};
use crate::tiles::TileSet;

/// Probes looked for.
const PROBES: usize = 8;
/// Pixels of a probe.
const PROBE_PX: u16 = 16;
/// Different pixels a probe must have; fewer are found anywhere.
const FEWEST_DIFFERENT: usize = 6;
/// How far a thing may have moved between two frames.
const REACH: u16 = 256;
/// How much farther or less far than between the two frames before.
const NEAR: u16 = 24;
/// Probes that are looked for as far as that where something was dragged before.
const MOST_SEARCHES: usize = 4;
/// Width and height of the blocks a rectangle is made of.
const BLOCK: u16 = 16;
/// Smallest rectangle worth a copy.
const SMALLEST_PX: usize = 4 << 10;

/// What was dragged last, and whence: it tends to go on like that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drag {
    to: Rect,
    by: (i32, i32),
}

impl Drag {
    /// Where it is.
    pub(super) fn place(&self) -> Rect {
        self.to
    }
}

/// Finds the rectangle that moved, if there is one.
pub(super) fn find(shown: &Picture, screen: Pixels<'_>, changed: &TileSet, last: &mut Option<Drag>) -> Option<Move> {
    let mut votes: Vec<((i32, i32), u32, Rect)> = Vec::new();
    let mut searches = if last.is_some() { MOST_SEARCHES } else { PROBES };
    for probe in probes(shown, screen, changed) {
        let known = votes.iter().map(|v| v.0).chain(last.map(|d| d.by)).find(|by| fits(shown, screen, probe, *by));
        let seek = |around: Rect, reach: u16| {
            let (x, y) = seek(shown.view(), screen.row(probe.x, probe.y, probe.w), around, reach)?;
            Some((x - i32::from(probe.x), y - i32::from(probe.y)))
        };
        let near = || last.and_then(|d| seek(displaced(probe, d.by, shown.size())?, NEAR));
        let far = || {
            searches = searches.checked_sub(1)?;
            seek(probe, REACH)
        };
        let Some(by) = known.or_else(near).or_else(far) else { continue };
        match votes.iter_mut().find(|v| v.0 == by) {
            Some(vote) => vote.1 += 1,
            None => votes.push((by, 1, probe)),
        }
    }
    let moving = last.take();
    let (by, count, probe) = votes.into_iter().max_by_key(|v| v.1)?;
    if count < 2 {
        return None;
    }
    let found = moving
        .and_then(|drag| onwards(shown, screen, drag, by))
        .or_else(|| rectangle(shown, screen, changed.bounds(), probe, by))
        .filter(|m| m.to.area() >= SMALLEST_PX)?;
    *last = Some(Drag { to: found.to, by });
    Some(found)
}

/// What was dragged last, found by a piece of itself near where it was going; only when all of it seems to fit. Its pixels
/// are in `source`, where `within` says that a part of its place lies.
pub(super) fn go_on(
    source: Pixels<'_>,
    within: impl Fn(Rect) -> Rect,
    screen: Pixels<'_>,
    last: &mut Option<Drag>,
    quarter: Quarter,
) -> Option<Move> {
    let Drag { to: from, by: (dx, dy) } = (*last)?;
    let size = screen.size();
    if !size.rect().contains(&from) {
        return None;
    }
    let pieces = pieces(from).map(|piece| (piece, within(piece)));
    let rows = pieces.map(|(piece, p)| (piece, source.row(p.x, p.y, p.w)));
    let by = rows.filter(|(_, row)| is_distinct(row)).find_map(|(piece, row)| {
        let (x, y) = seek(screen, row, displaced(piece, (-dx, -dy), size)?, NEAR)?;
        Some((i32::from(piece.x) - x, i32::from(piece.y) - y))
    })?;
    let to = displaced(from, (-by.0, -by.1), size).filter(|_| by != (0, 0))?;
    if !screen.seems(to, source, within(from), quarter) {
        return None;
    }
    *last = Some(Drag { to, by });
    Some(Move { to, from_x: from.x, from_y: from.y, exact: true })
}

/// Rows of pixels all over a rectangle.
fn pieces(r: Rect) -> impl Iterator<Item = Rect> {
    let at = |part: u16, length: u16, less: u16| (u32::from(length - less) * u32::from(part) / 6) as u16;
    let parts = [(3, 3), (1, 1), (5, 5), (5, 1), (1, 5), (3, 1), (2, 4)].into_iter().filter(move |_| r.w >= PROBE_PX);
    parts.map(move |(x, y)| Rect::new(r.x + at(x, r.w, PROBE_PX), r.y + at(y, r.h, 1), PROBE_PX, 1))
}

/// What was dragged before, moved on by another displacement, when all of it fits.
fn onwards(shown: &Picture, screen: Pixels<'_>, drag: Drag, by: (i32, i32)) -> Option<Move> {
    let size = shown.size();
    let (x, y) = (i32::from(drag.to.x) - by.0, i32::from(drag.to.y) - by.1);
    let to = Rect::clipped(x, y, drag.to.w.into(), drag.to.h.into(), size);
    let mut m = moved(to, by, size).filter(|_| fits(shown, screen, to, by))?;
    grow(shown, screen, &mut m, by);
    m.exact = m.to == to || fits(shown, screen, m.to, by);
    Some(m)
}

fn moved(to: Rect, by: (i32, i32), size: Size) -> Option<Move> {
    let from = displaced(to, by, size)?;
    Some(Move { to, from_x: from.x, from_y: from.y, exact: false })
}

/// Rows of pixels that can be recognised, from changed tiles all over.
fn probes(shown: &Picture, screen: Pixels<'_>, changed: &TileSet) -> Vec<Rect> {
    let place = |r: Rect| Rect::new(r.x + (r.w - PROBE_PX) / 2, r.y + r.h / 2, PROBE_PX, 1);
    let candidates = changed.iter().map(|(_, r)| r).filter(|r| r.w >= PROBE_PX && r.h >= 4).map(place);
    let differs = |p: &Rect| screen.row(p.x, p.y, p.w) != shown.row(p.x, p.y, p.w);
    let good: Vec<Rect> = candidates.filter(|p| differs(p) && is_distinct(screen.row(p.x, p.y, p.w))).collect();
    // Evenly spread: the uncovered part of a drag holds nothing that could be found.
    let step = good.len().div_ceil(PROBES).max(1);
    good.into_iter().step_by(step).collect()
}

fn is_distinct(row: &[u8]) -> bool {
    let (pixels, _) = row.as_chunks::<4>();
    let first = |i: usize| !pixels[..i].contains(&pixels[i]);
    (0..pixels.len()).filter(|i| first(*i)).count() >= FEWEST_DIFFERENT
}

/// The rectangle a displacement away, if it lies inside.
fn displaced(r: Rect, (dx, dy): (i32, i32), size: Size) -> Option<Rect> {
    let (x, y) = (i32::from(r.x) + dx, i32::from(r.y) + dy);
    let moved = Rect::clipped(x, y, r.w.into(), r.h.into(), size);
    ((moved.w, moved.h) == (r.w, r.h)).then_some(moved)
}

/// Whether a rectangle of the screen was shown a displacement away.
fn fits(shown: &Picture, screen: Pixels<'_>, r: Rect, by: (i32, i32)) -> bool {
    displaced(r, by, shown.size())
        .is_some_and(|from| (0..r.h).all(|i| screen.row(r.x, r.y + i, r.w) == shown.row(from.x, from.y + i, r.w)))
}

/// Looks for a row of pixels around a place, so many pixels in each direction; `None` when it is nowhere, or in more than
/// one place.
fn seek(pixels: Pixels<'_>, wanted: &[u8], around: Rect, reach: u16) -> Option<(i32, i32)> {
    let size = pixels.size();
    let finder = Finder::new(wanted);
    let left = around.x.saturating_sub(reach);
    let right = around.right().saturating_add(reach).min(size.width);
    let mut found = None;
    for y in around.y.saturating_sub(reach)..around.y.saturating_add(reach).min(size.height) {
        let row = pixels.row(left, y, right - left);
        // Matches that begin inside a pixel are none.
        for at in finder.find_iter(row).filter(|at| at % 4 == 0) {
            let x = i32::from(left) + (at / 4) as i32;
            if found.replace((x, i32::from(y))).is_some() {
                return None;
            }
        }
    }
    found
}

/// The rectangle around a probe whose blocks fit a displacement, its edges found to the pixel.
fn rectangle(shown: &Picture, screen: Pixels<'_>, bounds: Rect, probe: Rect, by: (i32, i32)) -> Option<Move> {
    let size = shown.size();
    let (columns, rows) = (bounds.w.div_ceil(BLOCK), bounds.h.div_ceil(BLOCK));
    let block = |column: u16, row: u16| {
        Rect::new(bounds.x + column * BLOCK, bounds.y + row * BLOCK, BLOCK, BLOCK).intersect(&bounds)
    };
    let good: Vec<bool> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (column, row)))
        .map(|(column, row)| fits(shown, screen, block(column, row), by))
        .collect();
    let at = |column: u16, row: u16| usize::from(row) * usize::from(columns) + usize::from(column);
    // Any good block near the probe begins the search; the probe's own may hold an edge.
    let (column, row) = ((probe.x - bounds.x) / BLOCK, (probe.y - bounds.y) / BLOCK);
    let near = |c: u16, limit: u16| c.saturating_sub(1)..(c + 2).min(limit);
    let start =
        near(row, rows).flat_map(|r| near(column, columns).map(move |c| (c, r))).find(|(c, r)| good[at(*c, *r)])?;
    let mut seen = vec![false; good.len()];
    let mut open = vec![start];
    let mut found = block(start.0, start.1);
    while let Some((c, r)) = open.pop() {
        if std::mem::replace(&mut seen[at(c, r)], true) {
            continue;
        }
        found = found.union(&block(c, r));
        let around = [(c.wrapping_sub(1), r), (c + 1, r), (c, r.wrapping_sub(1)), (c, r + 1)];
        open.extend(
            around.into_iter().filter(|(c, r)| *c < columns && *r < rows && good[at(*c, *r)] && !seen[at(*c, *r)]),
        );
    }
    let mut m = moved(found, by, size)?;
    grow(shown, screen, &mut m, by);
    m.exact = fits(shown, screen, m.to, by);
    Some(m)
}

/// Moves the edges outwards, pixel by pixel in the end, as long as what they take in fits.
fn grow(shown: &Picture, screen: Pixels<'_>, m: &mut Move, by: (i32, i32)) {
    let size = shown.size();
    for step in [8u16, 4, 2, 1] {
        let to = m.to;
        let sides = [
            (to.x >= step).then(|| Rect::new(to.x - step, to.y, step, to.h)),
            (to.right() + step <= size.width).then(|| Rect::new(to.right(), to.y, step, to.h)),
        ];
        for side in sides.into_iter().flatten().filter(|s| mostly_fits(shown, screen, *s, by)) {
            m.to = m.to.union(&side);
        }
        let to = m.to;
        let sides = [
            (to.y >= step).then(|| Rect::new(to.x, to.y - step, to.w, step)),
            (to.bottom() + step <= size.height).then(|| Rect::new(to.x, to.bottom(), to.w, step)),
        ];
        for side in sides.into_iter().flatten().filter(|s| mostly_fits(shown, screen, *s, by)) {
            m.to = m.to.union(&side);
        }
    }
    if let Some(from) = displaced(m.to, by, size) {
        (m.from_x, m.from_y) = (from.x, from.y);
    }
}

/// Whether nearly all pieces of a strip fit a displacement.
fn mostly_fits(shown: &Picture, screen: Pixels<'_>, strip: Rect, by: (i32, i32)) -> bool {
    if displaced(strip, by, shown.size()).is_none() {
        return false;
    }
    let (mut all, mut good) = (0u32, 0u32);
    for y in (strip.y..strip.bottom()).step_by(usize::from(BLOCK)) {
        for x in (strip.x..strip.right()).step_by(usize::from(BLOCK)) {
            let piece = Rect::new(x, y, BLOCK, BLOCK).intersect(&strip);
            all += 1;
            good += u32::from(fits(shown, screen, piece, by));
        }
    }
    good * 10 >= all * 9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::noise;

    /// A picture that is dragged over another by someone who repaints all of it.
    fn dragged(x: u16, y: u16, to_x: u16, to_y: u16) -> (Picture, Picture, TileSet, Rect) {
        let size = Size::new(500, 400);
        let (back, window) = (noise(size, 1), noise(size, 2));
        let draw = |x: u16, y: u16| {
            let mut picture = back.clone();
            for row in 0..150 {
                let pixels = window.row(0, row, 200).to_vec();
                picture.row_mut(x, y + row, 200).copy_from_slice(&pixels);
            }
            picture
        };
        let (shown, screen) = (draw(x, y), draw(to_x, to_y));
        let mut changed = TileSet::new(size);
        for (_, tile) in TileSet::touched(size, size.rect()) {
            if let Some(rect) = screen.view().difference(shown.view(), tile) {
                changed.add(rect);
            }
        }
        (shown, screen, changed, Rect::new(to_x, to_y, 200, 150))
    }

    #[test]
    fn a_drag_is_found_to_the_pixel() {
        for (x, y, to_x, to_y) in [(50, 60, 61, 55), (50, 60, 50, 93), (100, 100, 33, 17), (10, 10, 180, 200)] {
            let (shown, screen, changed, to) = dragged(x, y, to_x, to_y);
            let mut last = None;
            let found = find(&shown, screen.view(), &changed, &mut last).expect("found");
            assert_eq!(found, Move { to, from_x: x, from_y: y, exact: true });
            assert_eq!(last.map(|d| d.to), Some(to));
            assert_eq!(find(&shown, screen.view(), &changed, &mut last).map(|m| m.to), Some(to));
        }
    }

    #[test]
    fn a_drag_that_goes_on_is_found_by_a_piece_of_itself() {
        let (shown, screen, changed, to) = dragged(100, 100, 112, 95);
        let mut last = None;
        find(&shown, screen.view(), &changed, &mut last).expect("found");
        // On by nearly the same, and by something quite different.
        for (x, y, goes_on) in [(126, 88, true), (112, 95, false), (190, 20, false)] {
            let (_, next, _, _) = dragged(112, 95, x, y);
            let before = last;
            let found = go_on(screen.view(), |part| part, next.view(), &mut last, Quarter::default());
            let moved = Move { to: Rect { x, y, ..to }, from_x: to.x, from_y: to.y, exact: true };
            assert_eq!(found, goes_on.then_some(moved), "to {x}, {y}");
            last = before;
        }
        let (_, mut torn, _, _) = dragged(112, 95, 126, 88);
        torn.fill(Rect::new(130, 100, 1, 1), [1, 2, 3]);
        let quarters = std::iter::successors(Some(Quarter::default()), |q| Some(q.next())).take(4);
        let misses = quarters
            .filter(|q| go_on(screen.view(), |part| part, torn.view(), &mut last.clone(), *q).is_some())
            .count();
        assert_eq!(misses, 3, "a pixel of it is another, which one quarter in four sees");
        let small = noise(Size::new(150, 150), 1);
        assert_eq!(
            go_on(screen.view(), |part| part, small.view(), &mut last, Quarter::default()),
            None,
            "it lies outside by now"
        );
    }

    #[test]
    fn new_pictures_are_no_drags() {
        let size = Size::new(500, 400);
        let (shown, screen) = (noise(size, 1), noise(size, 3));
        assert_eq!(find(&shown, screen.view(), &TileSet::full(size), &mut None), None);
        let mut flat = Picture::new(size);
        flat.fill(size.rect(), [1, 2, 3]);
        assert_eq!(find(&shown, flat.view(), &TileSet::full(size), &mut None), None);
    }
}
