//! What the X server's keys mean, and which key to press so that a wanted character appears.
//!
//! Pure: the map comes in as tables, the decision goes out. `input.rs` talks to the X server.

use std::collections::VecDeque;

/// Lowest X keycode.
pub(crate) const FIRST_KEYCODE: u8 = 8;
/// Difference between Linux input codes and X keycodes.
const SCANCODE_OFFSET: u16 = 8;
/// Columns of the core map that are looked at: two levels each of group 1, group 2, and levels 3 and 4 of group 1.
const COLUMNS: usize = 6;

/// Pairs of characters that people type whose layout is not the display's. Programs learn of a key that is bound while
/// they run only some time later, so these are bound before any program runs.
const PRELOADED: &str =
    "éÉèÈêÊëËàÀâÂäÄáÁãÃåÅæÆçÇîÎïÏíÍôÔöÖóÓòÒõÕøØœŒûÛüÜúÚùÙñÑýÝßẞšŠžŽčČćĆłŁąĄęĘńŃśŚźŹżŻğĞşŞıİ€£§°µ²³¹«»¿¡„“”’–…";
/// Spare keycodes that `PRELOADED` does not use up.
const LEAST_SPARE: usize = 24;

/// Keysyms by name, as far as the code speaks of them.
pub(crate) mod keysym {
    pub(crate) const TAB: u32 = 0xff09;
    pub(crate) const RETURN: u32 = 0xff0d;
    pub(crate) const LEVEL3: u32 = 0xfe03;
    pub(crate) const NUM_LOCK: u32 = 0xff7f;
    pub(crate) const CAPS_LOCK: u32 = 0xffe5;
    pub(crate) const SHIFT_L: u32 = 0xffe1;
    pub(crate) const SHIFT_R: u32 = 0xffe2;
    pub(crate) const HYPER_R: u32 = 0xffee;
    /// Unicode characters beyond Latin-1 are this plus their code point.
    pub(crate) const UNICODE: u32 = 0x0100_0000;
}

/// State of the keyboard that decides what a key means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) shift: bool,
    pub(crate) level3: bool,
    pub(crate) caps_lock: bool,
    pub(crate) num_lock: bool,
    /// Second group (layout) is active.
    pub(crate) second_group: bool,
    /// Control, alt or meta is held: the person means a shortcut, not a character.
    pub(crate) command: bool,
}

/// Which key to press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This one.
    Press(u8),
    /// This one, with shift the other way than it is.
    Shifted(u8),
    /// This spare one, after it was bound to the keysym.
    Bind(u8),
    /// There is none.
    None,
}

/// The core keyboard map with its spare keycodes.
#[derive(Debug, Default)]
pub(crate) struct Keymap {
    /// Keysyms of keycode `FIRST_KEYCODE + i`; 0 where there is none.
    keys: Vec<[u32; COLUMNS]>,
    /// Keycodes without a meaning of their own, the one used longest ago first.
    spare: VecDeque<u8>,
}

impl Keymap {
    /// Takes over a reply to GetKeyboardMapping; `bound` are spare keycodes this program gave a meaning itself.
    pub(crate) fn new(per_keycode: u8, keysyms: &[u32], bound: &[u8]) -> Self {
        let mut keys: Vec<[u32; COLUMNS]> = Vec::new();
        for row in keysyms.chunks_exact(usize::from(per_keycode).max(1)) {
            let mut key = [0; COLUMNS];
            for (to, from) in key.iter_mut().zip(row) {
                *to = *from;
            }
            keys.push(key);
        }
        let code = |i: usize| FIRST_KEYCODE + i as u8;
        let free = |(i, key): (usize, &[u32; COLUMNS])| {
            (key.iter().all(|k| *k == 0) || bound.contains(&code(i))).then_some(code(i))
        };
        let mut spare: Vec<u8> = keys.iter().enumerate().filter_map(free).collect();
        // High keycodes first: the low free ones are likelier to be some keyboard's special keys.
        spare.reverse();
        // What is bound already stays in use as long as possible.
        spare.sort_by_key(|c| bound.contains(c));
        Self { keys, spare: spare.into() }
    }

    fn key(&self, keycode: u8) -> Option<&[u32; COLUMNS]> {
        self.keys.get(usize::from(keycode.checked_sub(FIRST_KEYCODE)?))
    }

    /// The keysym a key gives in this state.
    pub(crate) fn meaning(&self, keycode: u8, state: State) -> u32 {
        let Some(key) = self.key(keycode) else { return 0 };
        let pair = |at: usize| if key[at] == 0 && key[at + 1] == 0 { None } else { Some((key[at], key[at + 1])) };
        let third = if state.level3 { pair(4) } else { None };
        let second = if state.second_group { pair(2) } else { None };
        let (low, high) = third.or(second).unwrap_or((key[0], key[1]));
        let high = if high == 0 { upper(low) } else { high };
        let keypad = (0xff80..=0xffbd).contains(&low) || (0xff80..=0xffbd).contains(&high);
        let locked = if keypad { state.num_lock } else { state.caps_lock && low != high && upper(low) == high };
        if state.shift ^ locked { high } else { low }
    }

    /// Chooses the key for a keysym: the physical one where it gives it, else any, else a spare one.
    pub(crate) fn choose(&mut self, scancode: u16, wanted: u32, state: State) -> Choice {
        let physical = u8::try_from(scancode + SCANCODE_OFFSET).ok().filter(|_| scancode > 0);
        let physical = physical.filter(|c| self.key(*c).is_some());
        if wanted == 0 {
            return physical.map_or(Choice::None, Choice::Press);
        }
        let gives = |c: u8, s: State| self.meaning(c, s) == wanted;
        let all = FIRST_KEYCODE..=u8::MAX;
        if let Some(code) = physical.filter(|c| gives(*c, state)) {
            return Choice::Press(code);
        }
        if is_function(wanted) {
            // A function key means the same on every level.
            let holds = |c: &u8| self.key(*c).is_some_and(|k| k.contains(&wanted));
            let code = physical.filter(holds).or_else(|| all.clone().find(|c| gives(*c, State::default())));
            if let Some(code) = code.or(physical) {
                return Choice::Press(code);
            }
        }
        if state.command {
            // In a shortcut the key counts, not the level: the one that gives the character without shift.
            let plain = State { num_lock: state.num_lock, second_group: state.second_group, ..State::default() };
            if let Some(code) = all.clone().find(|c| gives(*c, plain) || self.meaning(*c, plain) == lower(wanted)) {
                return Choice::Press(code);
            }
        }
        if let Some(code) = all.clone().find(|c| gives(*c, state)) {
            self.touch(code);
            return Choice::Press(code);
        }
        let other = State { shift: !state.shift, ..state };
        if let Some(code) = physical.filter(|c| gives(*c, other)).or_else(|| all.clone().find(|c| gives(*c, other))) {
            self.touch(code);
            return Choice::Shifted(code);
        }
        self.bind(wanted)
    }

    /// Gives spare keycodes the characters of `PRELOADED` that no key has; returns keycodes with their two keysyms.
    pub(crate) fn preload(&mut self) -> Vec<(u8, [u32; 2])> {
        let mut made = Vec::new();
        let mut characters = PRELOADED.chars().filter_map(of_character);
        while let (Some(low), Some(high)) = (characters.next(), characters.next()) {
            let has = |k: u32| self.keys.iter().any(|key| key[..2].contains(&k));
            if has(low) && has(high) {
                continue;
            }
            // Some stay free for characters that nobody thought of.
            let Some(code) = self.spare.front().copied().filter(|_| made.len() + LEAST_SPARE < self.spare.len()) else {
                break;
            };
            self.touch(code);
            if let Some(key) = self.keys.get_mut(usize::from(code - FIRST_KEYCODE)) {
                *key = [low, high, 0, 0, 0, 0];
            }
            made.push((code, [low, high]));
        }
        made
    }

    /// Gives the spare keycode that was used longest ago a meaning.
    fn bind(&mut self, wanted: u32) -> Choice {
        let Some(code) = self.spare.pop_front() else { return Choice::None };
        self.spare.push_back(code);
        if let Some(key) = self.keys.get_mut(usize::from(code - FIRST_KEYCODE)) {
            // Both levels alike, so that shift makes no difference.
            *key = [wanted, wanted, 0, 0, 0, 0];
        }
        Choice::Bind(code)
    }

    /// Keeps a bound spare keycode from being given another meaning soon.
    fn touch(&mut self, code: u8) {
        if let Some(i) = self.spare.iter().position(|c| *c == code) {
            self.spare.remove(i);
            self.spare.push_back(code);
        }
    }

    /// The key that gives a keysym without any modifier.
    pub(crate) fn plain(&self, wanted: u32) -> Option<u8> {
        (FIRST_KEYCODE..=u8::MAX).find(|c| self.meaning(*c, State::default()) == wanted)
    }
}

/// Whether a keysym is a modifier, by the ranges X reserves for them.
pub(crate) fn is_modifier(keysym: u32) -> bool {
    (keysym::SHIFT_L..=keysym::HYPER_R).contains(&keysym)
        || (0xfe01..=0xfe13).contains(&keysym)
        || keysym == keysym::NUM_LOCK
        || keysym == 0xff7e
}

/// Whether a keysym is a key rather than a character.
pub(crate) fn is_function(keysym: u32) -> bool {
    (0xfd00..=0xffff).contains(&keysym) || keysym >= 0x1000_0000
}

/// The keysym of a character; `None` for control characters that no key gives.
pub(crate) fn of_character(c: char) -> Option<u32> {
    match c {
        '\n' => Some(keysym::RETURN),
        '\t' => Some(keysym::TAB),
        ' '..='~' | '\u{a0}'..='\u{ff}' => Some(c.into()),
        c if c.is_control() => None,
        c => Some(keysym::UNICODE + u32::from(c)),
    }
}

fn character_of(keysym: u32) -> Option<char> {
    match keysym {
        0x20..=0x7e | 0xa0..=0xff => char::from_u32(keysym),
        k if k > keysym::UNICODE && k < 0x0111_0000 => char::from_u32(k - keysym::UNICODE),
        _ => None,
    }
}

fn changed_case(keysym: u32, change: impl Fn(char) -> Option<char>) -> u32 {
    character_of(keysym).and_then(change).and_then(of_character).unwrap_or(keysym)
}

fn upper(keysym: u32) -> u32 {
    changed_case(keysym, |c| {
        let mut cased = c.to_uppercase();
        cased.next().filter(|_| cased.next().is_none())
    })
}

fn lower(keysym: u32) -> u32 {
    changed_case(keysym, |c| {
        let mut cased = c.to_lowercase();
        cased.next().filter(|_| cased.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part of the American layout; keycodes are Linux input codes plus 8.
    fn american() -> Keymap {
        let mut keysyms = vec![0; 248 * 2];
        let mut set = |scancode: usize, low: u32, high: u32| {
            keysyms[2 * scancode] = low;
            keysyms[2 * scancode + 1] = high;
        };
        for (i, (low, high)) in "1234567890".chars().zip("!@#$%^&*()".chars()).enumerate() {
            set(2 + i, low.into(), high.into());
        }
        for (i, c) in "qwertyuiop".chars().enumerate() {
            set(16 + i, c.into(), c.to_ascii_uppercase().into());
        }
        set(30, 'a'.into(), 'A'.into());
        set(28, keysym::RETURN, 0);
        set(42, keysym::SHIFT_L, 0);
        set(71, 0xff95, 0xffb7);
        set(100, 0xffea, 0xffe8);
        set(92 - 8, keysym::LEVEL3, 0);
        Keymap::new(2, &keysyms, &[])
    }

    const PLAIN: State =
        State { shift: false, level3: false, caps_lock: false, num_lock: false, second_group: false, command: false };
    const SHIFT: State = State { shift: true, ..PLAIN };

    #[test]
    fn the_physical_key_is_used_where_it_fits() {
        let mut map = american();
        assert_eq!(map.choose(16, 'q'.into(), PLAIN), Choice::Press(24));
        assert_eq!(map.choose(16, 'Q'.into(), SHIFT), Choice::Press(24));
        assert_eq!(map.choose(3, '@'.into(), SHIFT), Choice::Press(11));
        assert_eq!(map.choose(16, 'Q'.into(), State { caps_lock: true, ..PLAIN }), Choice::Press(24));
        assert_eq!(map.choose(28, keysym::RETURN, SHIFT), Choice::Press(36));
        assert_eq!(map.choose(71, 0xffb7, State { num_lock: true, ..PLAIN }), Choice::Press(79));
        assert_eq!(map.choose(71, 0xff95, PLAIN), Choice::Press(79));
        assert_eq!(map.choose(99, 0, PLAIN), Choice::Press(107));
    }

    #[test]
    fn another_layout_finds_the_character_elsewhere_or_binds_it() {
        let mut map = american();
        // French: the key right of tab is an a.
        assert_eq!(map.choose(16, 'a'.into(), PLAIN), Choice::Press(38));
        // French: 1 needs shift, without which the American key gives it; & is the other way about.
        assert_eq!(map.choose(2, '1'.into(), SHIFT), Choice::Shifted(10));
        assert_eq!(map.choose(2, '&'.into(), PLAIN), Choice::Shifted(16));
        let Choice::Bind(code) = map.choose(3, 'é'.into(), PLAIN) else { panic!("a spare key") };
        assert_eq!(map.meaning(code, SHIFT), u32::from('é'));
        assert_eq!(map.choose(3, 'é'.into(), SHIFT), Choice::Press(code));
        // German: @ is AltGr + q.
        let altgr = State { level3: true, ..PLAIN };
        assert_eq!(map.choose(16, '@'.into(), altgr), Choice::Shifted(11));
        assert_eq!(map.choose(100, keysym::LEVEL3, PLAIN), Choice::Press(92));
    }

    #[test]
    fn shortcuts_use_the_key_that_has_the_character() {
        let mut map = american();
        let control = State { command: true, ..PLAIN };
        assert_eq!(map.choose(16, 'a'.into(), control), Choice::Press(38));
        assert_eq!(map.choose(16, 'A'.into(), State { shift: true, ..control }), Choice::Press(38));
    }

    #[test]
    fn preloaded_characters_need_no_binding() {
        let mut map = american();
        let made = map.preload();
        assert!(made.len() > 30);
        let (code, pair) = made[0];
        assert_eq!(pair, [u32::from('é'), u32::from('É')]);
        assert_eq!(map.choose(3, 'é'.into(), PLAIN), Choice::Press(code));
        assert_eq!(map.choose(3, 'É'.into(), PLAIN), Choice::Shifted(code));
        assert_eq!(map.choose(3, 'É'.into(), SHIFT), Choice::Press(code));
        assert_eq!(map.preload(), [], "each character once");
        assert!(matches!(map.choose(0, keysym::UNICODE + 0x4e00, PLAIN), Choice::Bind(c) if c != code));
        assert_eq!(Keymap::default().preload(), []);
    }

    #[test]
    fn spare_keys_are_reused_oldest_first() {
        let mut map = american();
        let spares = map.spare.len();
        assert!(spares > 100);
        let Choice::Bind(first) = map.choose(0, keysym::UNICODE + 0x4e00, PLAIN) else { panic!("a spare key") };
        for i in 1..spares as u32 {
            assert!(matches!(map.choose(0, keysym::UNICODE + 0x4e00 + i, PLAIN), Choice::Bind(c) if c != first));
        }
        assert_eq!(map.choose(0, keysym::UNICODE + 0x5f00, PLAIN), Choice::Bind(first));
        assert_eq!(Keymap::default().choose(30, 'a'.into(), PLAIN), Choice::None);
    }

    #[test]
    fn characters_and_keysyms() {
        assert_eq!(of_character('é'), Some(0xe9));
        assert_eq!(of_character('€'), Some(0x0100_20ac));
        assert_eq!(of_character('\n'), Some(keysym::RETURN));
        assert_eq!(of_character('\u{7}'), None);
        assert_eq!((upper(0xe9), lower(0xc9)), (0xc9, 0xe9));
        assert_eq!(upper(0xdf), 0xdf, "two capitals are no key");
        assert!(is_modifier(0xffe3) && is_modifier(keysym::LEVEL3) && !is_modifier(keysym::RETURN));
    }
}
