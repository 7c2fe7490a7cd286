//! Finds the part of the screen in which a video plays, and encodes it as one.
//!
//! ```text
//!            photographic, again within 150 ms, four times
//!   tile ───────────────────────────────────────────────────▶ hot
//!   hot tiles that touch one another ──▶ a region, when they fill most of the rectangle around them
//!   region ──▶ another, when the hot tiles around it reach further, or fill less; none, after 2 s of rest
//! ```

use std::io;
use std::time::Duration;

use crate::geometry::{Rect, Size};
use crate::h264::{Access, H264, Way};
use crate::pixels::{PixelOrder, Pixels};
use crate::tiles::{TILE_PX, TileSet};

/// Changes of a tile that are no further apart belong to one video: ten a second, with some unrest.
const LONGEST_GAP: Duration = Duration::from_millis(150);
/// A tile that has changed so often, and for so long, is hot.
const HOT_CHANGES: u8 = 4;
const HOT_AFTER: Duration = Duration::from_millis(60);
/// What changed of a tile longer ago than two of these is forgotten.
const EXTENT_SPAN: Duration = Duration::from_millis(500);
/// A region without a picture for so long is given up.
const REST: Duration = Duration::from_secs(2);
/// A region lives at least so long before it is made smaller: each new one begins with a large picture.
const STEADY: Duration = Duration::from_secs(1);
/// Smallest region.
const SMALLEST_PX: usize = 24 << 10;
/// Sides of the largest region the encoder takes, the longer one first.
const LARGEST: (u16, u16) = (3840, 2160);

const NONE: Rect = Rect::new(0, 0, 0, 0);

/// What a tile has gone through.
#[derive(Debug, Clone, Copy)]
struct Heat {
    since: Duration,
    last: Duration,
    changes: u8,
    /// What changed of it lately, and in the span of time before.
    extents: [Rect; 2],
    /// Since when the first of them counts.
    turned: Duration,
}

impl Heat {
    const COLD: Self =
        Self { since: Duration::ZERO, last: Duration::ZERO, changes: 0, extents: [NONE, NONE], turned: Duration::ZERO };

    fn is_hot(&self, now: Duration) -> bool {
        let often = self.changes >= HOT_CHANGES && self.last - self.since >= HOT_AFTER;
        often && now.saturating_sub(self.last) <= LONGEST_GAP
    }

    fn extent(&self) -> Rect {
        self.extents[0].union(&self.extents[1])
    }

    fn touch(&mut self, part: Rect, now: Duration) {
        let fresh = self.extents[0].is_empty() || now.saturating_sub(self.last) > LONGEST_GAP;
        if fresh {
            *self = Self { since: now, last: now, changes: 1, extents: [part, NONE], turned: now };
            return;
        }
        self.changes = self.changes.saturating_add(u8::from(now > self.last));
        self.last = now;
        if now.saturating_sub(self.turned) > EXTENT_SPAN {
            (self.extents, self.turned) = ([part, self.extents[0]], now);
        } else {
            self.extents[0] = self.extents[0].union(&part);
        }
    }
}

struct Region {
    rect: Rect,
    encoder: H264,
    begun: Duration,
    last: Duration,
}

/// Watches for a video on one viewer's screen.
pub(super) struct VideoWatch {
    size: Size,
    heat: Vec<Heat>,
    region: Option<Region>,
    /// Regions so far, modulo two.
    regions: u16,
}

impl VideoWatch {
    pub(super) fn new(size: Size) -> Self {
        Self { size, heat: vec![Heat::COLD; TileSet::new(size).tiles()], region: None, regions: 0 }
    }

    /// When the region will be given up, if there is no other picture.
    pub(super) fn rests_at(&self) -> Option<Duration> {
        self.region.as_ref().map(|r| r.last + REST)
    }

    /// Takes what changed inside the video's region out of `changed` and gives the region, when there is one and
    /// enough of it changed.
    pub(super) fn take(&mut self, changed: &mut TileSet, now: Duration) -> Option<Rect> {
        let region = self.region.as_mut()?;
        if now.saturating_sub(region.last) >= REST {
            self.region = None;
            return None;
        }
        let rect = region.rect;
        let inside: Vec<(usize, Rect)> =
            changed.iter().map(|(index, r)| (index, r.intersect(&rect))).filter(|(_, part)| !part.is_empty()).collect();
        // A blinking caret beside a film that rests is no picture of it.
        if inside.iter().map(|(_, part)| part.area()).sum::<usize>() * 4 < rect.area() {
            return None;
        }
        region.last = now;
        for (index, part) in inside {
            if changed.get(index).is_some_and(|r| rect.contains(&r)) {
                changed.clear_tile(index);
            }
            self.heat[index].touch(part, now);
        }
        Some(rect)
    }

    /// Notes that a photographic rectangle changed.
    pub(super) fn note(&mut self, rect: Rect, now: Duration) {
        for (index, part) in TileSet::touched(self.size, rect) {
            self.heat[index].touch(part, now);
        }
    }

    /// Begins a region, or another one, when the hot tiles say so; it is used from the next frame on.
    pub(super) fn review(&mut self, now: Duration) {
        let Some(hot) = self.hot_bounds(now) else { return };
        if let Some(region) = &self.region {
            let old = now.saturating_sub(region.begun) >= STEADY;
            let shrank = old && hot.area() * 5 < region.rect.area() * 4;
            if region.rect.contains(&hot) && !shrank {
                return;
            }
        }
        self.regions ^= 1;
        let encoder = H264::new(hot.w, hot.h, self.regions);
        self.region = Some(Region { rect: hot, encoder, begun: now, last: now });
    }

    /// Encodes the region's next picture. `None`: it is left out, since the way to the viewer is too slow for all.
    ///
    /// # Errors
    /// Never, for a region inside the screen.
    pub(super) fn encode(
        &mut self,
        screen: Pixels<'_>,
        order: PixelOrder,
        way: Way,
        now: Duration,
    ) -> io::Result<Option<Access>> {
        self.region.as_mut().map_or(Ok(None), |region| region.encoder.encode(screen, region.rect, order, way, now))
    }

    /// The rectangle around the largest group of hot tiles, when they fill most of it.
    fn hot_bounds(&self, now: Duration) -> Option<Rect> {
        let columns = usize::from(self.size.width.div_ceil(TILE_PX));
        let mut left: Vec<bool> = self.heat.iter().map(|h| h.is_hot(now)).collect();
        let mut best: Option<(Rect, usize)> = None;
        let mut open = Vec::new();
        for start in 0..left.len() {
            let (mut bounds, mut area) = (NONE, 0);
            open.push(start);
            while let Some(i) = open.pop() {
                if !std::mem::replace(&mut left[i], false) {
                    continue;
                }
                let extent = self.heat[i].extent();
                bounds = bounds.union(&extent);
                area += extent.area();
                let (column, end) = (i % columns, left.len());
                open.extend((column > 0).then(|| i - 1));
                open.extend((column + 1 < columns).then(|| i + 1));
                open.extend(i.checked_sub(columns));
                open.extend((i + columns < end).then(|| i + columns));
            }
            if best.is_none_or(|(_, most)| area > most) {
                best = Some((bounds, area));
            }
        }
        let (bounds, area) = best?;
        let rect = even(bounds, self.size)?;
        let fits = rect.w.max(rect.h) <= LARGEST.0 && rect.w.min(rect.h) <= LARGEST.1;
        (area >= SMALLEST_PX && area * 10 >= rect.area() * 7 && fits).then_some(rect)
    }
}

/// The rectangle with even sides, inside the picture; `None` when nothing is left of it.
fn even(r: Rect, size: Size) -> Option<Rect> {
    let side = |from: u16, length: u16, limit: u16| match length % 2 {
        0 => (from, length),
        _ if from + length < limit => (from, length + 1),
        _ if from > 0 => (from - 1, length + 1),
        _ => (from, length - 1),
    };
    let ((x, w), (y, h)) = (side(r.x, r.w, size.width), side(r.y, r.h, size.height));
    (w > 0 && h > 0).then(|| Rect::new(x, y, w, h))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn play(watch: &mut VideoWatch, rect: Rect, from: u64, to: u64) {
        for t in (from..to).step_by(33) {
            let mut changed = TileSet::new(watch.size);
            changed.add(rect);
            if watch.take(&mut changed, ms(t)).is_none() {
                watch.note(rect, ms(t));
            } else {
                changed.iter().for_each(|(_, r)| watch.note(r, ms(t)));
            }
            watch.review(ms(t));
        }
    }

    fn rect(watch: &VideoWatch) -> Option<Rect> {
        watch.region.as_ref().map(|r| r.rect)
    }

    #[test]
    fn a_film_becomes_a_region_with_even_sides() {
        let mut watch = VideoWatch::new(Size::new(1001, 701));
        play(&mut watch, Rect::new(101, 77, 321, 201), 0, 99);
        assert_eq!(rect(&watch), None, "too early to tell");
        play(&mut watch, Rect::new(101, 77, 321, 201), 99, 132);
        assert_eq!(rect(&watch), Some(Rect::new(101, 77, 322, 202)));
        assert_eq!(even(Rect::new(0, 500, 1001, 201), watch.size), Some(Rect::new(0, 499, 1000, 202)));
    }

    #[test]
    fn a_region_takes_its_changes_and_nothing_else() {
        let mut watch = VideoWatch::new(Size::new(1000, 700));
        let film = Rect::new(100, 100, 400, 300);
        play(&mut watch, film, 0, 600);
        let mut changed = TileSet::new(watch.size);
        changed.add(film);
        changed.add(Rect::new(900, 600, 10, 10));
        assert_eq!(watch.take(&mut changed, ms(620)), Some(film));
        assert_eq!(changed.bounds(), Rect::new(900, 600, 10, 10));
        let mut caret = TileSet::new(watch.size);
        caret.add(Rect::new(200, 200, 2, 20));
        assert_eq!(watch.take(&mut caret, ms(640)), None, "a caret is no film");
        assert!(!caret.is_empty());
        let mut late = TileSet::new(watch.size);
        late.add(film);
        assert_eq!(watch.take(&mut late, ms(5000)), None, "the film has ended");
        assert_eq!(rect(&watch), None);
    }

    #[test]
    fn a_film_that_grows_gets_a_larger_region_and_one_that_shrinks_a_smaller_one() {
        let mut watch = VideoWatch::new(Size::new(1000, 700));
        play(&mut watch, Rect::new(200, 100, 300, 200), 0, 600);
        play(&mut watch, Rect::new(0, 0, 1000, 700), 600, 1200);
        assert_eq!(rect(&watch), Some(Rect::new(0, 0, 1000, 700)));
        play(&mut watch, Rect::new(200, 100, 300, 200), 1200, 3500);
        assert_eq!(rect(&watch), Some(Rect::new(200, 100, 300, 200)));
    }

    #[test]
    fn two_films_are_not_put_into_one_region() {
        let mut watch = VideoWatch::new(Size::new(1000, 700));
        let (small, large) = (Rect::new(10, 10, 200, 150), Rect::new(500, 400, 300, 200));
        for t in (0..600).step_by(33) {
            watch.note(small, ms(t));
            watch.note(large, ms(t));
            watch.review(ms(t));
        }
        assert_eq!(rect(&watch), Some(large));
    }

    #[test]
    fn what_changes_now_and_then_is_no_film() {
        let mut watch = VideoWatch::new(Size::new(1000, 700));
        for t in (0..3000).step_by(200) {
            watch.note(Rect::new(0, 0, 600, 600), ms(t));
            watch.review(ms(t));
        }
        assert_eq!(rect(&watch), None);
    }
}
