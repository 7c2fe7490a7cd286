//! What must hold for any bytes: the oracles of the fuzz targets in `fuzz/`, whose corpora a test replays.

use crate::{Decoder, DisplayMessage, Size, ViewerMessage};

/// Screen of the messages, small enough that a fuzzer reaches its edges.
const SIZE: Size = Size::new(230, 150);
/// Window of the pixel streams, log2 of bytes.
const WINDOW_LOG: u8 = 18;

/// A viewer's message that can be read is the same after it was written and read again.
pub fn viewer_message(bytes: &[u8]) {
    if let Ok(message) = ViewerMessage::decode(bytes) {
        assert_eq!(ViewerMessage::decode(&message.encode()), Ok(message));
    }
}

/// A display's message that can be read is the same after it was written and read again.
pub fn display_message(bytes: &[u8]) {
    if let Ok(message) = DisplayMessage::decode(bytes, SIZE) {
        assert_eq!(DisplayMessage::decode(&message.encode(), SIZE), Ok(message));
    }
}

/// A viewer that is sent anything (`u32 length, bytes` each) goes on or refuses; what it shows stays within its limits.
pub fn display_stream(mut bytes: &[u8]) {
    let image = |data: &[u8], size: Size| data.len().is_multiple_of(2).then(|| vec![128; 4 * size.area()]);
    let mut decoder = Decoder::new(SIZE, WINDOW_LOG, image).with_video(image);
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
        let (message, rest) = rest.split_at(length);
        bytes = rest;
        if decoder.message(message).is_err() {
            return;
        }
        let picture = decoder.picture();
        assert_eq!(picture.to_bytes().len(), 4 * picture.size().area());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_corpora_of_the_fuzz_targets_hold() {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for (name, oracle) in [
            ("viewer_message", viewer_message as fn(&[u8])),
            ("display_message", display_message),
            ("display_stream", display_stream),
        ] {
            let files = fs::read_dir(corpora.join(name)).unwrap();
            let inputs: Vec<_> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
            assert!(inputs.len() > 10, "{name} has {} inputs", inputs.len());
            inputs.iter().for_each(|input| oracle(input));
        }
    }
}
