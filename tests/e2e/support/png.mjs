/** Reads the pixels of a screenshot: PNG, 8 bits, RGB or RGBA, not interlaced, as Chromium writes it. */

import { inflateSync } from "node:zlib";

export function readPng(bytes) {
  let width = 0;
  let channels = 4;
  const data = [];
  for (let offset = 8; offset < bytes.length; ) {
    const length = bytes.readUInt32BE(offset);
    const type = bytes.toString("latin1", offset + 4, offset + 8);
    const body = bytes.subarray(offset + 8, offset + 8 + length);
    if (type === "IHDR") {
      width = body.readUInt32BE(0);
      channels = body[9] === 6 ? 4 : 3;
    } else if (type === "IDAT") {
      data.push(body);
    }
    offset += 12 + length;
  }
  const stride = width * channels;
  const pixels = unfilter(inflateSync(Buffer.concat(data)), stride, channels);
  return {
    width,
    height: pixels.length / stride,
    /** Red, green and blue of a pixel. */
    at: (x, y) => [...pixels.subarray(y * stride + x * channels, y * stride + x * channels + 3)],
  };
}

function unfilter(raw, stride, channels) {
  const rows = raw.length / (stride + 1);
  const out = Buffer.alloc(rows * stride);
  for (let row = 0; row < rows; row += 1) {
    const filter = raw[row * (stride + 1)];
    for (let column = 0; column < stride; column += 1) {
      const at = row * stride + column;
      const left = column >= channels ? out[at - channels] : 0;
      const above = row > 0 ? out[at - stride] : 0;
      const corner = row > 0 && column >= channels ? out[at - stride - channels] : 0;
      out[at] = raw[row * (stride + 1) + 1 + column] + prediction(filter, left, above, corner);
    }
  }
  return out;
}

function prediction(filter, left, above, corner) {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4: {
      const guess = left + above - corner;
      const distances = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
      const nearest = Math.min(...distances);
      return distances[0] === nearest ? left : distances[1] === nearest ? above : corner;
    }
    default:
      return 0;
  }
}
