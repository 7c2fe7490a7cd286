/** Reads an image's size from JFIF data, so that nothing is decoded that is larger than its rectangle. */

const MARKER = 0xff;
const START_OF_IMAGE = 0xd8;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** Baseline, the only kind the protocol has. */
const START_OF_FRAME = 0xc0;

/** Gives the size of a baseline image; undefined for anything else. */
export function jpegSize(data: Uint8Array): { width: number; height: number } | undefined {
  const at = (index: number): number => data[index] ?? 0;
  const u16 = (index: number): number => (at(index) << 8) | at(index + 1);
  if (at(0) !== MARKER || at(1) !== START_OF_IMAGE) {
    return undefined;
  }
  let offset = 2;
  while (offset + 4 <= data.byteLength && at(offset) === MARKER) {
    const marker = at(offset + 1);
    if (marker === START_OF_FRAME) {
      return offset + 9 <= data.byteLength ? { height: u16(offset + 5), width: u16(offset + 7) } : undefined;
    }
    if (marker === START_OF_SCAN || marker === END_OF_IMAGE) {
      return undefined;
    }
    // A segment's length counts its own two bytes.
    offset += 2 + Math.max(2, u16(offset + 2));
  }
  return undefined;
}
