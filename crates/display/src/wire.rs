//! Little-endian reading with checks, and writing; every message goes through here.

use crate::geometry::{Rect, Size};

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the fields need.
    #[error("message is too short")]
    Short,
    /// More bytes than the fields need.
    #[error("message is too long")]
    Long,
    /// A message type that is not defined for this direction.
    #[error("message type {0:#04x} is unknown")]
    Type(u8),
    /// A length field beyond its limit.
    #[error("{0} is beyond its limit")]
    Limit(&'static str),
    /// A field with a value that has no meaning.
    #[error("{0} has a value without meaning")]
    Value(&'static str),
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    Text,
}

/// Takes fields off the front of a message.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(i16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A length field, checked against its limit before anything is done with it.
    pub(crate) fn length32(&mut self, limit: usize, name: &'static str) -> Result<usize, Malformed> {
        let n = self.u32()? as usize;
        if n > limit { Err(Malformed::Limit(name)) } else { Ok(n) }
    }

    /// A length field, checked against its limit before anything is done with it.
    pub(crate) fn length16(&mut self, limit: usize, name: &'static str) -> Result<usize, Malformed> {
        let n = usize::from(self.u16()?);
        if n > limit { Err(Malformed::Limit(name)) } else { Ok(n) }
    }

    pub(crate) fn text(&mut self, n: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(n)?).map_err(|_| Malformed::Text)
    }

    /// A rectangle that must hold pixels and lie inside `size`.
    pub(crate) fn rect(&mut self, size: Size) -> Result<Rect, Malformed> {
        let (x, y, w, h) = (self.u16()?, self.u16()?, self.u16()?, self.u16()?);
        place(x, y, w, h, size)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends a message whose length is fixed by its fields.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Long) }
    }
}

/// Checks that a rectangle holds pixels and lies inside `size`.
pub(crate) fn place(x: u16, y: u16, w: u16, h: u16, size: Size) -> Result<Rect, Malformed> {
    let inside = |at: u16, n: u16, limit: u16| n > 0 && u32::from(at) + u32::from(n) <= u32::from(limit);
    if inside(x, w, size.width) && inside(y, h, size.height) {
        Ok(Rect::new(x, y, w, h))
    } else {
        Err(Malformed::Value("rectangle"))
    }
}

/// Appends fields to a message.
pub(crate) trait Write {
    fn put_u8(&mut self, v: u8);
    fn put_u16(&mut self, v: u16);
    fn put_u32(&mut self, v: u32);
    fn put_u64(&mut self, v: u64);
    fn put_rect(&mut self, r: Rect) {
        self.put_u16(r.x);
        self.put_u16(r.y);
        self.put_u16(r.w);
        self.put_u16(r.h);
    }
}

impl Write for Vec<u8> {
    fn put_u8(&mut self, v: u8) {
        self.push(v);
    }
    fn put_u16(&mut self, v: u16) {
        self.extend_from_slice(&v.to_le_bytes());
    }
    fn put_u32(&mut self, v: u32) {
        self.extend_from_slice(&v.to_le_bytes());
    }
    fn put_u64(&mut self, v: u64) {
        self.extend_from_slice(&v.to_le_bytes());
    }
}
