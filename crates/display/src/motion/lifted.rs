//! A window on its way: while a drag goes on, its pixels are kept by themselves, so that a step of it copies none of them.

use super::Move;
use crate::geometry::{Rect, Size};
use crate::picture::Picture;
use crate::pixels::Pixels;

/// What is being dragged. Where it is, the picture has older pixels, or the same.
pub(crate) struct Lifted {
    pixels: Picture,
    /// What of the pixels is still seen.
    part: Rect,
    place: Rect,
}

impl Lifted {
    /// Takes what a picture has at a place.
    pub(crate) fn new(shown: &Picture, place: Rect) -> Self {
        let mut pixels = Picture::new(Size::new(place.w, place.h));
        for (y, row) in (0..place.h).zip(shown.rows(place)) {
            pixels.row_mut(0, y, place.w).copy_from_slice(row);
        }
        Self { pixels, part: Rect::new(0, 0, place.w, place.h), place }
    }

    /// Where it is in the picture.
    pub(crate) fn place(&self) -> Rect {
        self.place
    }

    /// Its pixels, to be read.
    pub(super) fn view(&self) -> Pixels<'_> {
        self.pixels.view()
    }

    /// Where among its pixels a part of its place lies.
    pub(super) fn within(&self, part: Rect) -> Rect {
        Rect { x: self.part.x + part.x - self.place.x, y: self.part.y + part.y - self.place.y, ..part }
    }

    /// Goes on from where it is, or a part of it; the picture gets what it leaves behind.
    pub(crate) fn step(&mut self, m: &Move, shown: &mut Picture) {
        let (old, both) = (self.place, self.place.intersect(&m.to));
        if both.is_empty() {
            self.put_down(old, shown);
        } else {
            for left in [
                Rect::between(old.x, old.y, old.right(), both.y),
                Rect::between(old.x, both.bottom(), old.right(), old.bottom()),
                Rect::between(old.x, both.y, both.x, both.bottom()),
                Rect::between(both.right(), both.y, old.right(), both.bottom()),
            ] {
                self.put_down(left, shown);
            }
        }
        self.part = self.within(m.from());
        self.place = m.to;
    }

    /// Gives the picture the pixels that a part of the place has.
    pub(crate) fn put_down(&self, part: Rect, shown: &mut Picture) {
        if part.is_empty() {
            return;
        }
        for (y, row) in (part.y..part.bottom()).zip(self.pixels.rows(self.within(part))) {
            shown.row_mut(part.x, y, part.w).copy_from_slice(row);
        }
    }

    /// Takes over what the picture has in a part of the place.
    pub(crate) fn pick_up(&mut self, part: Rect, shown: &Picture) {
        if part.is_empty() {
            return;
        }
        let within = self.within(part);
        for (y, row) in (within.y..within.bottom()).zip(shown.rows(part)) {
            self.pixels.row_mut(within.x, y, within.w).copy_from_slice(row);
        }
    }
}
