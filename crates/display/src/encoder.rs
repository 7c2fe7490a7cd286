//! Turns what changed on the screen into the frames of one viewer.
//!
//! The encoder keeps a copy of what its viewer shows. A frame begins by comparing, so false damage costs no bytes;
//! then moved pixels become copies ([`motion`]), the rest is classified and sent ([`units`]), and what was sent lossy
//! goes out again, lossless, when it has been quiet (docs/display-protocol.md §6.2). What goes on moving is not
//! compared before it rests ([`assumed`]). What does not fit the budget stays marked and goes with a later frame, from
//! the pixels as they are then.

mod assumed;
mod follow;
mod lossy;
mod snapshots;
mod units;
mod video;

use std::io;
use std::time::Duration;

use crate::frame::{Command, Frame, FrameFlags, HEADER_BYTES};
use crate::geometry::{Point, Rect, Size};
use crate::h264::{Access, Way};
use crate::motion::{self, Lifted, Momentum, Move, WindowPlace};
use crate::pacing::Budget;
use crate::picture::Picture;
use crate::pixel_stream::PixelWriter;
use crate::pixels::{PixelOrder, Pixels};
use crate::tiles::TileSet;
use crate::viewer_message::Abilities;
use crate::{jpeg, limits, planar};
use assumed::Assumed;
use lossy::Lossy;
use snapshots::Snapshots;
use units::{FlatTiles, Kind, Task, Unit};
use video::VideoWatch;

/// What a viewer's encoder needs to know about it.
#[derive(Debug, Clone, Copy)]
pub struct EncoderSettings {
    /// What the viewer can do.
    pub abilities: Abilities,
    /// Window of its pixel stream, log2 of bytes.
    pub window_log: u8,
    /// How the screen has its pixels.
    pub order: PixelOrder,
}

impl EncoderSettings {
    /// Settings for a viewer with these abilities and window.
    pub fn new(abilities: Abilities, window_log: u8) -> Self {
        Self { abilities, window_log, order: PixelOrder::Rgb }
    }
}

/// What an encoder has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncoderStatistics {
    /// Bytes of frame messages.
    pub bytes: u64,
    /// Pixels sent as copies.
    pub copied_px: u64,
    /// Pixels sent lossless, fills included.
    pub lossless_px: u64,
    /// Pixels sent as JPEG.
    pub jpeg_px: u64,
    /// Pixels the viewer had in a snapshot.
    pub restored_px: u64,
    /// Pixels sent as video.
    pub video_px: u64,
    /// Pixels sent again to make them exact.
    pub refined_px: u64,
}

/// Makes the frames of one viewer.
pub struct Encoder {
    settings: EncoderSettings,
    /// What the viewer shows; where `lossy` holds pixels, the source of what it shows.
    shown: Picture,
    /// What is being dragged: where it is, it has the pixels, and `shown` older ones.
    lifted: Option<Lifted>,
    /// Fills that were sent and are not in `shown` yet: all of them newer than anything else in it.
    late_fills: Vec<(Rect, [u8; 4])>,
    /// What may differ between `shown` and the screen.
    dirty: TileSet,
    /// What else may, since it was copied on trust.
    assumed: Assumed,
    /// What the viewer shows only approximately.
    lossy: Lossy,
    windows: Vec<WindowPlace>,
    momentum: Momentum,
    /// Only for viewers that can show video.
    video: Option<VideoWatch>,
    /// Only for viewers that can keep older pictures.
    snapshots: Option<Snapshots>,
    writer: PixelWriter,
    /// The next section begins a new stream.
    new_stream: bool,
    said_exact: bool,
    statistics: EncoderStatistics,
    scratch: Vec<u8>,
}

/// What holds for the whole of a frame.
#[derive(Clone, Copy)]
struct Moment {
    now: Duration,
    budget: Budget,
    focus: Option<Point>,
}

/// What the next frame says, of a screen that was looked at.
#[must_use = "what was taken from the screen is not sent otherwise"]
pub struct Look {
    moment: Moment,
    draft: Draft,
    /// Where among the commands the picture of a video belongs, and its rectangle.
    video: Option<(usize, Rect)>,
    /// All changes are in it.
    fits: bool,
}

/// A frame being put together.
#[derive(Default)]
struct Draft {
    commands: Vec<Command>,
    zstd: Vec<u8>,
    raw_length: usize,
    command_bytes: usize,
    /// Raw bytes since the last flush.
    unflushed: usize,
}

/// Raw bytes that may wait in the compressor while a tight budget is watched.
const UNFLUSHED_BYTES: usize = 32 << 10;
/// Budgets below this are watched closely.
const TIGHT_BYTES: usize = 512 << 10;

impl Draft {
    fn bytes(&self) -> usize {
        HEADER_BYTES + self.zstd.len() + self.command_bytes
    }

    fn push(&mut self, command: Command) {
        self.insert(self.commands.len(), command);
    }

    /// Inserts a command; one with pixels must be the last.
    fn insert(&mut self, at: usize, command: Command) {
        self.command_bytes += command.wire_bytes();
        self.raw_length += command.pixel_bytes();
        self.unflushed += command.pixel_bytes();
        self.commands.insert(at, command);
    }

    /// Whether another unit of so many raw bytes may still be added.
    fn has_room(&self, budget: usize, raw: usize) -> bool {
        self.commands.is_empty()
            || (self.bytes() < budget
                && self.commands.len() < limits::FRAME_COMMANDS
                && self.raw_length + raw <= limits::FRAME_RAW_BYTES)
    }
}

impl Encoder {
    /// Begins for a viewer whose picture is black and of `size`.
    ///
    /// # Errors
    /// When the compressor cannot be made (no memory).
    pub fn new(size: Size, settings: EncoderSettings) -> io::Result<Self> {
        Ok(Self {
            settings,
            shown: Picture::new(size),
            lifted: None,
            late_fills: Vec::new(),
            dirty: TileSet::full(size),
            assumed: Assumed::new(size),
            lossy: Lossy::new(size),
            windows: Vec::new(),
            momentum: Momentum::default(),
            video: settings.abilities.has(Abilities::H264).then(|| VideoWatch::new(size)),
            snapshots: settings.abilities.has(Abilities::SNAPSHOT).then(|| Snapshots::new(size, Duration::ZERO)),
            writer: PixelWriter::new(settings.window_log)?,
            new_stream: true,
            said_exact: false,
            statistics: EncoderStatistics::default(),
            scratch: Vec::new(),
        })
    }

    /// Notes that pixels of the screen may have changed.
    pub fn damage(&mut self, damage: &TileSet) {
        self.dirty.add_all(damage);
    }

    /// Pixels that may have changed since the last frame.
    pub fn damaged_px(&self) -> usize {
        self.dirty.area()
    }

    /// Follows the screen to another size; the viewer must be told by a resize message before the next frame.
    pub fn resize(&mut self, size: Size) {
        self.catch_up();
        self.land();
        self.shown.resize(size);
        self.lossy.resize(size);
        self.dirty = TileSet::full(size);
        self.assumed = Assumed::new(size);
        self.video = self.video.take().map(|_| VideoWatch::new(size));
        self.snapshots = self.snapshots.take().map(|_| Snapshots::new(size, self.lossy.latest()));
    }

    /// Forgets what the viewer shows: everything is sent again, in a new pixel stream.
    ///
    /// # Errors
    /// When the compressor cannot be made (no memory).
    pub fn refresh(&mut self) -> io::Result<()> {
        self.catch_up();
        self.writer = PixelWriter::new(self.settings.window_log)?;
        self.new_stream = true;
        self.said_exact = false;
        self.lifted = None;
        self.shown.forget();
        self.lossy.clear();
        let size = self.shown.size();
        self.dirty = TileSet::full(size);
        self.assumed = Assumed::new(size);
        self.video = self.video.take().map(|_| VideoWatch::new(size));
        self.snapshots = self.snapshots.take().map(|_| Snapshots::new(size, Duration::ZERO));
        Ok(())
    }

    /// Whether a frame made now would have something to say.
    pub fn wants_frame(&self, now: Duration) -> bool {
        !self.dirty.is_empty() || self.next_due().is_some_and(|due| due <= now)
    }

    /// When the next tile that is lossy or not compared yet will have rested long enough, or a video so long that its
    /// encoder is given up.
    pub fn next_due(&self) -> Option<Duration> {
        let video = self.video.as_ref().and_then(VideoWatch::rests_at);
        [self.lossy.next_rested(), self.assumed.rested_at(), video].into_iter().flatten().min()
    }

    /// Tiles the viewer shows only approximately.
    pub fn lossy_tiles(&self) -> usize {
        self.lossy.tiles().len()
    }

    /// What has been done so far.
    pub fn statistics(&self) -> EncoderStatistics {
        self.statistics
    }

    /// Makes the next frame, numbered `number`, as a message: [`look`](Self::look) and [`finish`](Self::finish) in one.
    ///
    /// # Errors
    /// When the compressor fails (no memory).
    pub fn encode(
        &mut self,
        screen: Pixels<'_>,
        number: u32,
        budget: Budget,
        now: Duration,
        focus: Option<Point>,
        windows: &[WindowPlace],
    ) -> io::Result<Option<Vec<u8>>> {
        let look = self.look(screen, budget, now, focus, windows)?;
        self.finish(look, number)
    }

    /// Takes from the screen what the next frame says; [`finish`](Self::finish) must follow, and needs the screen no more.
    /// `screen` has the encoder's size; `focus` is what the person looks at, its neighbourhood goes first.
    ///
    /// # Errors
    /// When the compressor fails (no memory).
    pub fn look(
        &mut self,
        screen: Pixels<'_>,
        budget: Budget,
        now: Duration,
        focus: Option<Point>,
        windows: &[WindowPlace],
    ) -> io::Result<Look> {
        self.catch_up();
        let mut draft = Draft::default();
        let moment = Moment { now, budget, focus };
        let windows = self.window_moves(windows);
        self.follow(screen, &windows, now, &mut draft);
        let mut changed = self.compare(screen, now);
        if let Some(snapshots) = &mut self.snapshots {
            let lifted = self.lifted.as_ref().map_or(Rect::new(0, 0, 0, 0), Lifted::place);
            snapshots.let_go(self.shown.view(), lifted, &changed);
        }
        self.keep(&changed, now, &mut draft);
        let video = self.take_video(screen, &mut changed, now).map(|rect| (draft.commands.len(), rect));
        let flat = FlatTiles::find(screen, &changed);
        self.move_pixels(screen, &mut changed, &flat, &windows, now, &mut draft);
        let fits = self.send_changes(screen, &changed, &flat, moment, &mut draft)?;
        changed.iter().for_each(|(_, rect)| self.pick_up(rect));
        Ok(Look { moment, draft, video, fits })
    }

    /// Makes the frame, numbered `number`, of what was taken, as a message; `None` when there is nothing to say.
    ///
    /// # Errors
    /// When a compressor fails (no memory).
    pub fn finish(&mut self, look: Look, number: u32) -> io::Result<Option<Vec<u8>>> {
        let Look { moment, mut draft, video, fits } = look;
        if let Some((at, rect)) = video {
            self.send_video(at, rect, &moment, &mut draft)?;
        }
        if fits {
            self.refine(moment, &mut draft)?;
        }
        if let Some(video) = &mut self.video {
            video.review(moment.now);
        }
        let exact = self.dirty.is_empty() && self.assumed.is_empty() && self.lossy.tiles().is_empty();
        if draft.commands.is_empty() && exact == self.said_exact {
            return Ok(None);
        }
        if draft.raw_length > 0 {
            self.writer.flush(&mut draft.zstd)?;
        }
        let new_stream = self.new_stream && draft.raw_length > 0;
        self.new_stream &= !new_stream;
        self.said_exact = exact;
        let frame = Frame {
            number,
            flags: FrameFlags { new_stream, exact },
            raw_length: draft.raw_length as u32,
            zstd: draft.zstd,
            commands: draft.commands,
        };
        let mut message = Vec::new();
        frame.encode(&mut message);
        self.statistics.bytes += message.len() as u64;
        Ok(Some(message))
    }

    /// Whether there is something to [catch up](Self::catch_up) with.
    pub fn is_behind(&self) -> bool {
        !self.late_fills.is_empty()
    }

    /// Does what could wait until the frame was sent; the next frame does it otherwise.
    pub fn catch_up(&mut self) {
        for (rect, pixel) in std::mem::take(&mut self.late_fills) {
            self.shown.fill_pixel(rect, pixel);
            self.pick_up(rect);
        }
    }

    /// Moves of windows since the frame before.
    fn window_moves(&mut self, windows: &[WindowPlace]) -> Vec<Move> {
        let moves = motion::of_windows(&self.windows, windows, self.shown.size());
        self.windows.clear();
        self.windows.extend_from_slice(windows);
        moves
    }

    /// Lets the viewer keep what is worth it of what is about to change.
    fn keep(&mut self, changed: &TileSet, now: Duration, draft: &mut Draft) {
        if let Some(snapshots) = &mut self.snapshots {
            let kept = snapshots.keep(self.shown.view(), changed, self.lossy.tiles(), now);
            kept.into_iter().for_each(|command| draft.push(command));
        }
    }

    fn send_move(&mut self, m: &Move, now: Duration, draft: &mut Draft) {
        draft.push(Command::Copy { to: m.to, from_x: m.from_x, from_y: m.from_y });
        self.statistics.copied_px += m.to.area() as u64;
        self.lossy.moved(m, now);
    }

    /// Finds what really differs from the screen, and takes the marks off.
    fn compare(&mut self, screen: Pixels<'_>, now: Duration) -> TileSet {
        self.put_down();
        let changed = screen.differences(self.shown.view(), &self.dirty);
        changed.iter().for_each(|(index, differs)| self.lossy.changed(index, differs, now));
        self.assumed.compared(&self.dirty);
        self.dirty.clear();
        changed
    }

    /// Sends what only moved as copies, and finds anew what differs then.
    fn move_pixels(
        &mut self,
        screen: Pixels<'_>,
        changed: &mut TileSet,
        flat: &FlatTiles,
        windows: &[Move],
        now: Duration,
        draft: &mut Draft,
    ) {
        // Tiles of one colour are cheapest as they are, and looking for their origin would be in vain.
        let mut textured = changed.clone();
        flat.indices().for_each(|index| textured.clear_tile(index));
        if !self.momentum.searches(&textured) {
            return;
        }
        self.land();
        let moves = motion::find(&mut self.shown, screen, &textured, windows, &mut self.momentum);
        moves.iter().for_each(|m| self.send_move(m, now, draft));
        if moves.is_empty() {
            return;
        }
        for m in moves.iter().filter(|m| !m.exact) {
            changed.add(m.to);
        }
        let right: Vec<Rect> = moves.iter().filter(|m| m.exact).map(|m| m.to).collect();
        let before = std::mem::replace(changed, TileSet::new(self.shown.size()));
        for (_, rect) in before.iter().filter(|(_, r)| !right.iter().any(|done| done.contains(r))) {
            if let Some(differs) = screen.difference(self.shown.view(), rect) {
                changed.add(differs);
            }
        }
    }

    /// Takes the next picture of a video, if one plays, and what it shows out of `changed`; gives its rectangle.
    fn take_video(&mut self, screen: Pixels<'_>, changed: &mut TileSet, now: Duration) -> Option<Rect> {
        let rect = self.video.as_mut()?.take(changed, now)?;
        // Should the encoder leave this picture out, the viewer shows an older one: that is no more than lossy, too.
        self.shown.take(screen, rect);
        self.pick_up(rect);
        self.lossy.add(rect, now);
        Some(rect)
    }

    /// Sends the picture that was taken, in its place among the commands: behind what saves older pixels, and before what
    /// copies these. Should something have been copied into it since, it comes too early: that is no more than lossy, too.
    fn send_video(&mut self, at: usize, rect: Rect, moment: &Moment, draft: &mut Draft) -> io::Result<()> {
        let Some(video) = &mut self.video else { return Ok(()) };
        let way = Way { bits_per_s: moment.budget.video_bits_per_s, bytes: moment.budget.bytes };
        if let Some(Access { key, data }) = video.encode(self.shown.view(), self.settings.order, way, moment.now)? {
            draft.insert(at, Command::Video { rect, key, data });
            self.statistics.video_px += rect.area() as u64;
        }
        Ok(())
    }

    /// Sends changed pixels; returns false when the budget was too small for all.
    fn send_changes(
        &mut self,
        screen: Pixels<'_>,
        changed: &TileSet,
        flat: &FlatTiles,
        Moment { now, budget, focus }: Moment,
        draft: &mut Draft,
    ) -> io::Result<bool> {
        let lossy_allowed = self.settings.abilities.has(Abilities::JPEG);
        let mut list = units::plan(&mut Task {
            pixels: screen,
            shown: Some(self.shown.view()),
            changed,
            flat,
            lossy_allowed,
            budget_bytes: budget.bytes,
            snapshots: self.snapshots.as_mut(),
            now,
        });
        units::order(&mut list, focus, budget.bytes);
        let mut fits = true;
        // Units of other kinds may lie over fills.
        let fills_alone = list.iter().all(|u| matches!(u.kind, Kind::Fill(_)));
        for unit in list {
            if !draft.has_room(budget.bytes, 4 * unit.rect.area()) {
                self.dirty.add(unit.rect);
                fits = false;
                continue;
            }
            match unit.kind {
                Kind::Fill(pixel) if fills_alone => self.late_fills.push((unit.rect, pixel)),
                Kind::Fill(pixel) => self.shown.fill_pixel(unit.rect, pixel),
                Kind::Raw | Kind::Planar | Kind::Grey | Kind::Jpeg => self.shown.take(screen, unit.rect),
                Kind::Restore(slot) => {
                    if let Some(snapshots) = &self.snapshots {
                        snapshots.restore(&mut self.shown, unit.rect, slot);
                    }
                }
            }
            self.send(&unit, budget, draft)?;
            if unit.kind == Kind::Jpeg {
                self.lossy.add(unit.rect, now);
                if let Some(video) = &mut self.video {
                    video.note(unit.rect, now);
                }
            } else {
                self.lossy.clear_covered(unit.rect);
            }
        }
        Ok(fits)
    }

    /// Sends again, lossless, what has rested long enough.
    fn refine(&mut self, Moment { now, budget, focus }: Moment, draft: &mut Draft) -> io::Result<()> {
        // A pixel takes a byte and more.
        let due = self.lossy.rested(now, focus, budget.refine_bytes);
        if due.is_empty() {
            return Ok(());
        }
        self.catch_up();
        self.land();
        let mut list = units::plan(&mut Task {
            pixels: self.shown.view(),
            shown: None,
            changed: &due,
            flat: &FlatTiles::default(),
            lossy_allowed: false,
            budget_bytes: budget.refine_bytes,
            snapshots: None,
            now,
        });
        units::order(&mut list, focus, budget.refine_bytes);
        for unit in list {
            if !draft.has_room(budget.refine_bytes, 4 * unit.rect.area()) {
                break;
            }
            self.send(&unit, budget, draft)?;
            self.lossy.clear_covered(unit.rect);
            self.statistics.refined_px += unit.rect.area() as u64;
        }
        Ok(())
    }

    /// Appends the pixels that `shown` has in the unit.
    fn send(&mut self, unit: &Unit, budget: Budget, draft: &mut Draft) -> io::Result<()> {
        let (rect, order) = (unit.rect, self.settings.order);
        let px = rect.area() as u64;
        match unit.kind {
            Kind::Fill(pixel) => draft.push(Command::Fill { rect, rgb: order.rgb(pixel) }),
            Kind::Restore(slot) => {
                draft.push(Command::Restore { rect, slot });
                self.statistics.restored_px += px;
                return Ok(());
            }
            Kind::Raw => {
                self.scratch.clear();
                self.shown.rows(rect).for_each(|row| order.append(row, &mut self.scratch));
                self.writer.write(&self.scratch, &mut draft.zstd)?;
                draft.push(Command::Raw { rect });
            }
            Kind::Planar | Kind::Grey => {
                self.scratch.clear();
                planar::encode(self.shown.rows(rect), order, rect.w.into(), rect.h.into(), &mut self.scratch);
                self.writer.write(&self.scratch, &mut draft.zstd)?;
                draft.push(Command::Planar { rect });
            }
            Kind::Jpeg => {
                let data = jpeg::encode(self.shown.view(), order, rect, budget.jpeg_quality, &mut self.scratch)
                    .ok_or_else(|| io::Error::other("the JPEG encoder refused a rectangle"))?;
                draft.push(Command::Jpeg { rect, data });
                self.statistics.jpeg_px += px;
                return Ok(());
            }
        }
        self.statistics.lossless_px += px;
        if budget.bytes < TIGHT_BYTES && draft.unflushed >= UNFLUSHED_BYTES {
            self.writer.flush(&mut draft.zstd)?;
            draft.unflushed = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
