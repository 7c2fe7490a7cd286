//! Keys, buttons and wheels of all viewers, pressed by XTEST.

use std::collections::HashMap;
use std::time::Duration;

use porthole_display::{Key, Modifiers, Pointer, Size};
use x11rb::connection::Connection;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{AutoRepeatMode, ChangeKeyboardControlAux, ConnectionExt as _};
use x11rb::protocol::xtest::ConnectionExt as _;

use super::ScreenError;
use super::keymap::{self, Choice, FIRST_KEYCODE, Keymap, State, keysym};
use super::x::X;

/// XTEST's event types, which are those of the core protocol.
mod fake {
    pub(super) const KEY_PRESS: u8 = 2;
    pub(super) const KEY_RELEASE: u8 = 3;
    pub(super) const BUTTON_PRESS: u8 = 4;
    pub(super) const BUTTON_RELEASE: u8 = 5;
    pub(super) const MOTION: u8 = 6;
}

/// Core modifier bits.
const LOCK_MASK: u16 = 1 << 1;
/// Num lock's modifier on every layout in use.
const NUM_LOCK_MASK: u16 = 1 << 4;
/// Time programs need to learn what a key was bound to; one that is pressed sooner says nothing to some of them.
const BINDING_TIME: Duration = Duration::from_millis(20);
/// Wheel movement of one notch.
const NOTCH: i32 = 120;
/// Notches one message can turn the wheel.
const MOST_NOTCHES: i32 = 30;
/// X buttons of the protocol's button bits.
const BUTTONS: [u8; 5] = [1, 2, 3, 8, 9];

/// What names a held key: the physical key, or its keysym where that is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Held {
    Scancode(u16),
    Keysym(u32),
}

/// What one viewer holds.
#[derive(Debug, Default)]
struct Hands {
    /// The X keycode pressed, and the keysym meant by it.
    keys: HashMap<Held, (u8, u32)>,
    buttons: u16,
    wheel: (i32, i32),
}

/// The keyboard and the pointer.
#[derive(Debug, Default)]
pub(crate) struct Input {
    keymap: Keymap,
    /// Spare keycodes this program gave a meaning.
    bound: Vec<u8>,
    /// Notices of own changes of the map that are still to come.
    own_changes: u32,
    hands: HashMap<u64, Hands>,
    locked: u16,
    group: u8,
    /// Where the pointer was put last.
    pointer: (u16, u16),
}

impl Input {
    /// Reads the keyboard map and takes over key repetition.
    pub(crate) fn follow(x: &X) -> Result<Self, ScreenError> {
        let mut this = Self::default();
        let parts = xkb::StatePart::MODIFIER_LOCK | xkb::StatePart::GROUP_STATE;
        let state = xkb::SelectEventsAuxStateNotify { affect_state: parts, state_details: parts };
        let details = xkb::SelectEventsAux { state_notify: Some(state), ..Default::default() };
        let (no_events, no_parts) = (xkb::EventType::default(), xkb::MapPart::default());
        let device = xkb::ID::USE_CORE_KBD.into();
        x.conn.xkb_select_events(device, no_events, no_events, no_parts, no_parts, &details)?;
        this.reload(x)?;
        Ok(this)
    }

    /// Reads the map anew.
    fn reload(&mut self, x: &X) -> Result<(), ScreenError> {
        let reply = x.conn.get_keyboard_mapping(FIRST_KEYCODE, u8::MAX - FIRST_KEYCODE + 1)?.reply()?;
        self.keymap = Keymap::new(reply.keysyms_per_keycode, &reply.keysyms, &self.bound);
        for (code, keysyms) in self.keymap.preload() {
            self.bind(x, code, keysyms)?;
        }
        let state = x.conn.xkb_get_state(xkb::ID::USE_CORE_KBD.into())?.reply()?;
        self.locked = state.locked_mods.into();
        self.group = state.group.into();
        // Viewers repeat keys themselves: a stalled connection must not repeat one for ever.
        for key in FIRST_KEYCODE..=u8::MAX {
            let off = ChangeKeyboardControlAux::new().key(u32::from(key)).auto_repeat_mode(AutoRepeatMode::OFF);
            x.conn.change_keyboard_control(&off)?;
        }
        Ok(())
    }

    /// The map was changed, by this program or by another.
    pub(crate) fn map_changed(&mut self, x: &X, first: u8, count: u8) -> Result<(), ScreenError> {
        if self.own_changes > 0 && count == 1 && self.bound.contains(&first) {
            self.own_changes -= 1;
            return Ok(());
        }
        self.reload(x)
    }

    /// Locks or the group changed.
    pub(crate) fn state_changed(&mut self, event: &xkb::StateNotifyEvent) {
        self.locked = event.locked_mods.into();
        self.group = event.group.into();
    }

    /// Where the pointer was put last.
    pub(crate) fn pointer(&self) -> (u16, u16) {
        self.pointer
    }

    fn holds(&self, test: impl Fn(u32) -> bool) -> bool {
        self.hands.values().flat_map(|h| h.keys.values()).any(|(_, k)| test(*k))
    }

    fn state(&self) -> State {
        State {
            shift: self.holds(|k| matches!(k, 0xffe1 | 0xffe2)),
            level3: self.holds(|k| k == keysym::LEVEL3),
            caps_lock: self.locked & LOCK_MASK != 0,
            num_lock: self.locked & NUM_LOCK_MASK != 0,
            second_group: self.group == 1,
            command: self.holds(is_command),
        }
    }

    /// Presses or releases a key for a viewer.
    pub(crate) fn key(&mut self, x: &X, viewer: u64, key: &Key) -> Result<(), ScreenError> {
        let held = if key.scancode > 0 { Held::Scancode(key.scancode) } else { Held::Keysym(key.keysym) };
        if !key.down {
            return self.release(x, viewer, held);
        }
        if key.repeat
            && let Some((code, meant)) = self.hands.entry(viewer).or_default().keys.get(&held).copied()
        {
            if !keymap::is_modifier(meant) {
                self.fake_key(x, code, false)?;
                let pressed = self.find(x, key.scancode, meant, self.state())?;
                self.press(x, pressed)?;
            }
            return Ok(());
        }
        self.release(x, viewer, held)?;
        let modifier = keymap::is_modifier(key.keysym);
        if !modifier {
            self.let_go_of_ghosts(x, viewer, key.modifiers)?;
            self.match_locks(x, key.modifiers)?;
        }
        // The other side of AltGr: what control and alt it comes with on some systems is no shortcut.
        let lifted = if key.modifiers.has(Modifiers::ALT_GRAPH) && !modifier && !keymap::is_function(key.keysym) {
            self.codes(viewer, is_command)
        } else {
            Vec::new()
        };
        for code in &lifted {
            self.fake_key(x, *code, false)?;
        }
        let state = State { command: lifted.is_empty() && self.state().command, ..self.state() };
        let found = self.find(x, key.scancode, key.keysym, state)?;
        if let Some(code) = self.press(x, found)? {
            self.hands.entry(viewer).or_default().keys.insert(held, (code, key.keysym));
        }
        for code in &lifted {
            self.fake_key(x, *code, true)?;
        }
        Ok(())
    }

    /// Types characters that came without keys.
    pub(crate) fn text(&mut self, x: &X, text: &str) -> Result<(), ScreenError> {
        for wanted in text.chars().filter_map(keymap::of_character) {
            let state = State { command: false, ..self.state() };
            let found = self.find(x, 0, wanted, state)?;
            if let Some(code) = self.press(x, found)? {
                self.fake_key(x, code, false)?;
            }
        }
        Ok(())
    }

    /// The key for a keysym, bound now when need be.
    fn find(&mut self, x: &X, scancode: u16, wanted: u32, state: State) -> Result<Choice, ScreenError> {
        let choice = self.keymap.choose(scancode, wanted, state);
        if let Choice::Bind(code) = choice {
            self.bind(x, code, [wanted, wanted])?;
            x.conn.get_input_focus()?.reply()?;
            std::thread::sleep(BINDING_TIME);
            return Ok(Choice::Press(code));
        }
        Ok(choice)
    }

    fn bind(&mut self, x: &X, code: u8, keysyms: [u32; 2]) -> Result<(), ScreenError> {
        x.conn.change_keyboard_mapping(1, code, 2, &keysyms)?;
        self.own_changes += 1;
        if !self.bound.contains(&code) {
            self.bound.push(code);
        }
        Ok(())
    }

    /// Presses what was found, with shift as it is needed for that moment; returns the keycode that is down now.
    fn press(&self, x: &X, choice: Choice) -> Result<Option<u8>, ScreenError> {
        match choice {
            Choice::None => Ok(None),
            Choice::Press(code) | Choice::Bind(code) => {
                self.fake_key(x, code, true)?;
                Ok(Some(code))
            }
            Choice::Shifted(code) => {
                let is_shift = |k: u32| matches!(k, keysym::SHIFT_L | keysym::SHIFT_R);
                let held: Vec<u8> = self
                    .hands
                    .values()
                    .flat_map(|h| h.keys.values())
                    .filter(|(_, k)| is_shift(*k))
                    .map(|(c, _)| *c)
                    .collect();
                let (shifts, down) = if held.is_empty() {
                    (self.keymap.plain(keysym::SHIFT_L).into_iter().collect(), true)
                } else {
                    (held, false)
                };
                for shift in &shifts {
                    self.fake_key(x, *shift, down)?;
                }
                self.fake_key(x, code, true)?;
                for shift in &shifts {
                    self.fake_key(x, *shift, !down)?;
                }
                Ok(Some(code))
            }
        }
    }

    fn codes(&self, viewer: u64, test: impl Fn(u32) -> bool) -> Vec<u8> {
        let keys = self.hands.get(&viewer).into_iter().flat_map(|h| h.keys.values());
        keys.filter(|(_, k)| test(*k)).map(|(c, _)| *c).collect()
    }

    fn release(&mut self, x: &X, viewer: u64, held: Held) -> Result<(), ScreenError> {
        let Some((code, _)) = self.hands.entry(viewer).or_default().keys.remove(&held) else { return Ok(()) };
        let still = self.hands.values().flat_map(|h| h.keys.values()).any(|(c, _)| *c == code);
        if still { Ok(()) } else { self.fake_key(x, code, false) }
    }

    /// Releases modifiers the viewer holds here but not in the browser: their key up got lost.
    fn let_go_of_ghosts(&mut self, x: &X, viewer: u64, now: Modifiers) -> Result<(), ScreenError> {
        let down = |k: u32| match k {
            0xffe1 | 0xffe2 => now.has(Modifiers::SHIFT),
            0xffe3 | 0xffe4 => now.has(Modifiers::CONTROL),
            0xffe9 | 0xffea => now.has(Modifiers::ALT),
            0xffe7 | 0xffe8 | 0xffeb | 0xffec => now.has(Modifiers::META),
            keysym::LEVEL3 => now.has(Modifiers::ALT_GRAPH),
            _ => true,
        };
        let hands = self.hands.entry(viewer).or_default();
        let ghosts: Vec<Held> = hands.keys.iter().filter(|(_, (_, k))| !down(*k)).map(|(held, _)| *held).collect();
        for held in ghosts {
            self.release(x, viewer, held)?;
        }
        Ok(())
    }

    /// Brings caps lock and num lock to what the person's keyboard shows.
    fn match_locks(&mut self, x: &X, now: Modifiers) -> Result<(), ScreenError> {
        for (bit, mask, symbol) in [
            (Modifiers::CAPS_LOCK, LOCK_MASK, keysym::CAPS_LOCK),
            (Modifiers::NUM_LOCK, NUM_LOCK_MASK, keysym::NUM_LOCK),
        ] {
            if now.has(bit) != (self.locked & mask != 0)
                && let Some(code) = self.keymap.plain(symbol)
            {
                self.fake_key(x, code, true)?;
                self.fake_key(x, code, false)?;
                self.locked ^= mask;
            }
        }
        Ok(())
    }

    /// Moves the pointer, presses and releases buttons, turns wheels.
    pub(crate) fn pointer_at(&mut self, x: &X, viewer: u64, p: &Pointer, size: Size) -> Result<(), ScreenError> {
        let at = (p.x.min(size.width - 1), p.y.min(size.height - 1));
        x.conn.xtest_fake_input(fake::MOTION, 0, 0, x.root, at.0 as i16, at.1 as i16, 0)?;
        self.pointer = at;
        let before = self.hands.entry(viewer).or_default().buttons;
        for (i, button) in BUTTONS.iter().enumerate() {
            let (was, is) = (before >> i & 1, p.buttons >> i & 1);
            if was != is {
                self.fake_button(x, *button, is == 1)?;
            }
        }
        let hands = self.hands.entry(viewer).or_default();
        hands.buttons = p.buttons;
        hands.wheel.0 += i32::from(p.wheel_x);
        hands.wheel.1 += i32::from(p.wheel_y);
        let notches = (take_notches(&mut hands.wheel.0), take_notches(&mut hands.wheel.1));
        self.turn(x, notches.1, 4, 5)?;
        self.turn(x, notches.0, 6, 7)
    }

    fn turn(&self, x: &X, notches: i32, back: u8, forth: u8) -> Result<(), ScreenError> {
        let button = if notches < 0 { back } else { forth };
        for _ in 0..notches.abs() {
            self.fake_button(x, button, true)?;
            self.fake_button(x, button, false)?;
        }
        Ok(())
    }

    /// Releases everything a viewer holds.
    pub(crate) fn release_all(&mut self, x: &X, viewer: u64) -> Result<(), ScreenError> {
        let Some(hands) = self.hands.remove(&viewer) else { return Ok(()) };
        for (code, _) in hands.keys.values() {
            if !self.hands.values().flat_map(|h| h.keys.values()).any(|(c, _)| c == code) {
                self.fake_key(x, *code, false)?;
            }
        }
        for (i, button) in BUTTONS.iter().enumerate() {
            if hands.buttons >> i & 1 == 1 {
                self.fake_button(x, *button, false)?;
            }
        }
        Ok(())
    }

    fn fake_key(&self, x: &X, code: u8, down: bool) -> Result<(), ScreenError> {
        let kind = if down { fake::KEY_PRESS } else { fake::KEY_RELEASE };
        x.conn.xtest_fake_input(kind, code, 0, x11rb::NONE, 0, 0, 0)?;
        Ok(())
    }

    fn fake_button(&self, x: &X, button: u8, down: bool) -> Result<(), ScreenError> {
        let kind = if down { fake::BUTTON_PRESS } else { fake::BUTTON_RELEASE };
        x.conn.xtest_fake_input(kind, button, 0, x11rb::NONE, 0, 0, 0)?;
        Ok(())
    }

    /// Sends what was pressed.
    pub(crate) fn flush(x: &X) -> Result<(), ScreenError> {
        Ok(x.conn.flush()?)
    }
}

/// Whether a keysym is a modifier that makes a shortcut of the key it is held with.
fn is_command(keysym: u32) -> bool {
    matches!(keysym, 0xffe3 | 0xffe4 | 0xffe7..=0xffec)
}

/// Takes whole notches out of the collected movement.
fn take_notches(movement: &mut i32) -> i32 {
    let notches = *movement / NOTCH;
    *movement %= NOTCH;
    notches.clamp(-MOST_NOTCHES, MOST_NOTCHES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheel_movement_is_collected() {
        let mut movement = 100;
        assert_eq!(take_notches(&mut movement), 0);
        movement += 30;
        assert_eq!((take_notches(&mut movement), movement), (1, 10));
        movement -= 260;
        assert_eq!((take_notches(&mut movement), movement), (-2, -10));
        movement = 32_000;
        assert_eq!(take_notches(&mut movement), MOST_NOTCHES);
    }
}
