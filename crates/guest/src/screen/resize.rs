//! Changes the size of the X screen by RandR.

use porthole_display::{Size, limits};
use x11rb::connection::Connection;
use x11rb::protocol::randr::{self, ConnectionExt as _, ModeFlag, ModeInfo, Rotation};
use x11rb::protocol::xproto::ConnectionExt as _;

use super::ScreenError;
use super::x::X;

/// The nearest size the screen can have.
pub(crate) fn nearest(wanted: Size, max: Size) -> Size {
    let (smallest_w, smallest_h) = limits::SMALLEST_SCREEN_PX;
    let clamp = |n: u16, low: u16, high: u16| n.clamp(low.min(high), high);
    Size::new(clamp(wanted.width, smallest_w, max.width), clamp(wanted.height, smallest_h, max.height))
}

/// Gives the screen this size; applications see one change.
pub(crate) fn set_size(x: &X, size: Size) -> Result<(), ScreenError> {
    let conn = &x.conn;
    let resources = conn.randr_get_screen_resources_current(x.root)?.reply()?;
    let (Some(&crtc), Some(&output)) = (resources.crtcs.first(), resources.outputs.first()) else {
        return Err(ScreenError::NoOutput);
    };
    let name = format!("porthole-{}x{}", size.width, size.height);
    let known = mode_by_size(&resources, size);
    let old = conn.randr_get_crtc_info(crtc, resources.config_timestamp)?.reply()?.mode;
    let mode = match known {
        Some(mode) => mode,
        None => conn.randr_create_mode(x.root, mode_info(size, name.len()), name.as_bytes())?.reply()?.mode,
    };
    conn.grab_server()?;
    conn.randr_add_output_mode(output, mode)?;
    let none = (x11rb::CURRENT_TIME, resources.config_timestamp);
    // A screen cannot shrink below what its output shows, so the output is off while it changes.
    let off = conn.randr_set_crtc_config(crtc, none.0, none.1, 0, 0, x11rb::NONE, Rotation::ROTATE0, &[])?;
    let (width_mm, height_mm) = (millimetres(size.width), millimetres(size.height));
    conn.randr_set_screen_size(x.root, size.width, size.height, width_mm, height_mm)?;
    let on = conn.randr_set_crtc_config(crtc, none.0, none.1, 0, 0, mode, Rotation::ROTATE0, &[output])?;
    conn.ungrab_server()?;
    conn.flush()?;
    off.reply()?;
    on.reply()?;
    if old != mode && is_ours(&resources, old) {
        conn.randr_delete_output_mode(output, old)?;
        conn.randr_destroy_mode(old)?;
    }
    Ok(())
}

fn mode_by_size(resources: &randr::GetScreenResourcesCurrentReply, size: Size) -> Option<u32> {
    let fits = |m: &&ModeInfo| (m.width, m.height) == (size.width, size.height);
    resources.modes.iter().find(fits).map(|m| m.id)
}

/// Whether this program made the mode; the names of all modes come as one text.
fn is_ours(resources: &randr::GetScreenResourcesCurrentReply, mode: u32) -> bool {
    let mut at = 0;
    for info in &resources.modes {
        let end = at + usize::from(info.name_len);
        if info.id == mode {
            return resources.names.get(at..end).is_some_and(|n| n.starts_with(b"porthole-"));
        }
        at = end;
    }
    false
}

/// A mode of this size that claims 60 Hz; no monitor will ever follow it.
fn mode_info(size: Size, name_len: usize) -> ModeInfo {
    let dot_clock = u32::from(size.width) * u32::from(size.height) * 60;
    ModeInfo {
        id: 0,
        width: size.width,
        height: size.height,
        dot_clock,
        hsync_start: size.width,
        hsync_end: size.width,
        htotal: size.width,
        hskew: 0,
        vsync_start: size.height,
        vsync_end: size.height,
        vtotal: size.height,
        name_len: name_len as u16,
        mode_flags: ModeFlag::default(),
    }
}

/// Size at 96 dots an inch, which is what toolkits take for a scale of 1.
fn millimetres(px: u16) -> u32 {
    (u32::from(px) * 254 + 480) / 960
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_brought_into_range() {
        let max = Size::new(5120, 2880);
        assert_eq!(nearest(Size::new(1, 9000), max), Size::new(320, 2880));
        assert_eq!(nearest(Size::new(1921, 1081), max), Size::new(1921, 1081));
        assert_eq!(nearest(Size::new(1, 1), Size::new(200, 100)), Size::new(200, 100));
        assert_eq!(millimetres(1920), 508);
    }
}
