/** Where the picture lies on the page: on whole device pixels, never enlarged but by whole factors, shrunk only to fit. */

/** Size in device pixels. */
export interface Size {
  width: number;
  height: number;
}

/** Place of the picture in CSS pixels. */
export interface Placement {
  left: number;
  top: number;
  width: number;
  height: number;
  /** The picture does not fit and is drawn smaller than it is. */
  scaled: boolean;
}

/** Places a picture on a stage; both sizes in device pixels. `zoom` is a whole number of device pixels a pixel. */
export function placementOf(stage: Size, picture: Size, zoom: number, devicePixelRatio: number): Placement {
  const full = { width: picture.width * zoom, height: picture.height * zoom };
  const scale = Math.min(1, stage.width / full.width, stage.height / full.height);
  const width = Math.round(full.width * scale);
  const height = Math.round(full.height * scale);
  return {
    left: Math.floor((stage.width - width) / 2) / devicePixelRatio,
    top: Math.floor((stage.height - height) / 2) / devicePixelRatio,
    width: width / devicePixelRatio,
    height: height / devicePixelRatio,
    scaled: scale < 1,
  };
}

/** Picture size that fills a stage. */
export function wantedSize(stage: Size, zoom: number): Size {
  return { width: Math.max(1, Math.floor(stage.width / zoom)), height: Math.max(1, Math.floor(stage.height / zoom)) };
}

/** Pixel of the picture under a point of the page (CSS pixels), moved to the picture's edge when it lies outside. */
export function pictureAt(
  x: number,
  y: number,
  box: { left: number; top: number; width: number; height: number },
  picture: Size,
): { x: number; y: number } {
  const along = (at: number, from: number, length: number, pixels: number): number =>
    Math.max(0, Math.min(pixels - 1, Math.floor(((at - from) * pixels) / Math.max(1, length))));
  return {
    x: along(x, box.left, box.width, picture.width),
    y: along(y, box.top, box.height, picture.height),
  };
}

/** Whole factor that keeps things readable on a dense touch screen; 1 everywhere else. */
export function defaultZoom(devicePixelRatio: number, coarsePointer: boolean): number {
  return coarsePointer ? Math.max(1, Math.min(3, Math.floor(devicePixelRatio))) : 1;
}
