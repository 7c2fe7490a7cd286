//! Sizes, points and rectangles of a picture, in pixels.

/// Width and height of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels across.
    pub width: u16,
    /// Pixels down.
    pub height: u16,
}

impl Size {
    /// Makes a size.
    pub const fn new(width: u16, height: u16) -> Self {
        Self { width, height }
    }

    /// The rectangle that covers all of it.
    pub const fn rect(self) -> Rect {
        Rect::new(0, 0, self.width, self.height)
    }

    /// Number of pixels.
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// A place in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Pixels from the left.
    pub x: u16,
    /// Pixels from the top.
    pub y: u16,
}

/// A rectangle in a picture; empty when `w` or `h` is 0.
///
/// INVARIANT: `x + w` and `y + h` fit `u16` (pictures are at most 8192 wide and high).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Left edge.
    pub x: u16,
    /// Upper edge.
    pub y: u16,
    /// Pixels across.
    pub w: u16,
    /// Pixels down.
    pub h: u16,
}

impl Rect {
    /// Makes a rectangle.
    pub const fn new(x: u16, y: u16, w: u16, h: u16) -> Self {
        Self { x, y, w, h }
    }

    /// Makes the rectangle between two corners, the second one outside; empty when they are in the wrong order.
    pub const fn between(left: u16, top: u16, right: u16, bottom: u16) -> Self {
        if right <= left || bottom <= top {
            return Self::new(left, top, 0, 0);
        }
        Self::new(left, top, right - left, bottom - top)
    }

    /// Makes the part of a rectangle with signed, unbounded coordinates that lies inside `size`.
    pub fn clipped(x: i32, y: i32, w: i32, h: i32, size: Size) -> Self {
        let edge = |v: i32, limit: u16| v.clamp(0, i32::from(limit)) as u16;
        let right = x.saturating_add(w.max(0));
        let bottom = y.saturating_add(h.max(0));
        Self::between(edge(x, size.width), edge(y, size.height), edge(right, size.width), edge(bottom, size.height))
    }

    /// First column to the right of it.
    pub const fn right(&self) -> u16 {
        self.x + self.w
    }

    /// First row below it.
    pub const fn bottom(&self) -> u16 {
        self.y + self.h
    }

    /// Number of pixels.
    pub const fn area(&self) -> usize {
        self.w as usize * self.h as usize
    }

    /// Whether it holds no pixel.
    pub const fn is_empty(&self) -> bool {
        self.w == 0 || self.h == 0
    }

    /// The part that is in both; empty when there is none.
    pub fn intersect(&self, other: &Rect) -> Rect {
        Self::between(
            self.x.max(other.x),
            self.y.max(other.y),
            self.right().min(other.right()),
            self.bottom().min(other.bottom()),
        )
    }

    /// The smallest rectangle around both; the other one when one is empty.
    pub fn union(&self, other: &Rect) -> Rect {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        Self::between(
            self.x.min(other.x),
            self.y.min(other.y),
            self.right().max(other.right()),
            self.bottom().max(other.bottom()),
        )
    }

    /// Whether every pixel of `other` is in it.
    pub fn contains(&self, other: &Rect) -> bool {
        other.is_empty()
            || (other.x >= self.x
                && other.y >= self.y
                && other.right() <= self.right()
                && other.bottom() <= self.bottom())
    }

    /// Square of the distance from a point to the nearest pixel.
    pub fn distance_squared(&self, p: Point) -> u64 {
        let axis = |v: u16, low: u16, high: u16| {
            if v < low {
                u64::from(low - v)
            } else if v >= high {
                u64::from(v - high) + 1
            } else {
                0
            }
        };
        let dx = axis(p.x, self.x, self.right());
        let dy = axis(p.y, self.y, self.bottom());
        dx * dx + dy * dy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_the_inside() {
        let size = Size::new(100, 50);
        assert_eq!(Rect::clipped(-10, -10, 20, 20, size), Rect::new(0, 0, 10, 10));
        assert_eq!(Rect::clipped(90, 40, 20, 20, size), Rect::new(90, 40, 10, 10));
        assert!(Rect::clipped(200, 0, 5, 5, size).is_empty());
        assert!(Rect::clipped(5, 5, -3, 5, size).is_empty());
        assert!(Rect::clipped(i32::MAX, i32::MAX, i32::MAX, i32::MAX, size).is_empty());
    }

    #[test]
    fn union_and_intersection() {
        let a = Rect::new(0, 0, 10, 10);
        let b = Rect::new(5, 5, 10, 10);
        assert_eq!(a.intersect(&b), Rect::new(5, 5, 5, 5));
        assert_eq!(a.union(&b), Rect::new(0, 0, 15, 15));
        assert!(a.intersect(&Rect::new(10, 0, 5, 5)).is_empty());
        assert_eq!(a.union(&Rect::new(3, 3, 0, 0)), a);
        assert!(a.contains(&Rect::new(9, 9, 1, 1)) && !a.contains(&b));
    }

    #[test]
    fn distance_is_zero_inside() {
        let r = Rect::new(10, 10, 10, 10);
        assert_eq!(r.distance_squared(Point { x: 15, y: 19 }), 0);
        assert_eq!(r.distance_squared(Point { x: 20, y: 15 }), 1);
        assert_eq!(r.distance_squared(Point { x: 7, y: 6 }), 25);
    }
}
