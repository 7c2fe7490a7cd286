/** Keeps what the picture shows as a file. */

/** Name of a file for a picture taken now: `lab-1-desktop-2026-01-31-12-30-05.png`. */
export function pictureName(view: { instanceName?: string; display?: string } | undefined, now: Date): string {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[T:]/g, "-");
  const parts = [view?.instanceName ?? "", view?.display ?? "", stamp];
  return `${parts.filter((part) => part !== "").join("-")}.png`;
}

/** Gives the browser the canvas's pixels as a PNG file. */
export async function keepPicture(canvas: HTMLCanvasElement, name: string): Promise<void> {
  // A canvas that a worker draws on gives its pixels only to another canvas.
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext("2d", { alpha: false });
  context?.drawImage(canvas, 0, 0);
  const file = await new Promise<Blob | null>((done) => copy.toBlob(done, "image/png"));
  if (file === null) {
    throw new Error("the browser gives no picture");
  }
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun by the next task.
  setTimeout(() => URL.revokeObjectURL(address));
}
