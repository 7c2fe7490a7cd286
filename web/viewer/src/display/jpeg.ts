/** JPEG by the browser's own decoder, into plain memory. */

import type { JpegDecoder } from "./decoder.ts";
import { jpegSize } from "./jpeg-header.ts";
import { ProtocolError } from "./protocol.ts";

/** Gives the decoder, or undefined where a worker cannot get at an image's pixels. */
export async function browserJpegDecoder(): Promise<JpegDecoder | undefined> {
  if (typeof OffscreenCanvas === "undefined" || typeof createImageBitmap === "undefined") {
    return undefined;
  }
  const canvas = new OffscreenCanvas(64, 64);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (context === null) {
    return undefined;
  }
  return async (data, width, height) => {
    const size = jpegSize(data);
    if (size?.width !== width || size.height !== height) {
      throw new ProtocolError("a JPEG of another size than its rectangle");
    }
    const bitmap = await createImageBitmap(new Blob([data], { type: "image/jpeg" }), { colorSpaceConversion: "none" });
    try {
      if (canvas.width < width || canvas.height < height) {
        canvas.width = Math.max(canvas.width, width);
        canvas.height = Math.max(canvas.height, height);
      }
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, width, height).data;
    } finally {
      bitmap.close();
    }
  };
}
