#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| porthole_display::oracle::viewer_message(bytes));
