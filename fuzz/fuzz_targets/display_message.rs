#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| porthole_display::oracle::display_message(bytes));
