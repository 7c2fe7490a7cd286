/** The panel with the remote computer's files, and files that are dropped on the page. */

import { called, DOWNLOADS, type Entry, type Folder, inside, sizeText, sorted, stepsOf } from "../files/folder.ts";
import { check, contentPath, list, sender } from "../files/remote.ts";
import { sentenceOf, type Upload, Uploads } from "../files/uploads.ts";
import type { Fetch } from "../session/api.ts";
import type { FilesPlace } from "../session/machine.ts";
import { button, element } from "./elements.ts";

/** What the panel needs of the page. */
export interface FilesWorld {
  fetch: Fetch;
  say(sentence: string): void;
}

/** Panel of one page. */
export class FilesPanel {
  private readonly panel = element("files-panel", HTMLElement);
  private readonly opener = element("files", HTMLButtonElement);
  private readonly steps = element("files-steps", HTMLElement);
  private readonly hint = element("files-hint", HTMLElement);
  private readonly list = element("files-list", HTMLElement);
  private readonly hidden = element("files-hidden", HTMLInputElement);
  private readonly chooser = element("files-chooser", HTMLInputElement);
  private readonly transfers = element("files-transfers", HTMLElement);
  private readonly clear = element("files-clear", HTMLButtonElement);
  private readonly rows = new Map<number, UploadRow>();
  private readonly uploads: Uploads;
  /** The last place known: what waits goes on while the picture reconnects. */
  private place: FilesPlace = { path: "", largestBytes: 0 };
  private allowed = false;
  private path = "";
  private folder: Folder | undefined;
  /** Answers to an earlier look are dropped by this number. */
  private look = 0;

  constructor(private readonly world: FilesWorld) {
    this.uploads = new Uploads(
      sender(() => this.place.path),
      (upload) => this.changed(upload),
      () => this.place.largestBytes,
    );
    element("files-upload", HTMLButtonElement).addEventListener("click", () => this.chooser.click());
    element("files-refresh", HTMLButtonElement).addEventListener("click", () => void this.show(this.path));
    this.chooser.addEventListener("change", () => {
      this.uploads.add([...(this.chooser.files ?? [])], this.path, false);
      // The same file again is a change again.
      this.chooser.value = "";
    });
    this.hidden.addEventListener("change", () => this.draw());
    this.clear.addEventListener("click", () => this.forgetDone());
    window.addEventListener("beforeunload", (event) => {
      if (this.uploads.busy) {
        event.preventDefault();
      }
    });
    new DropZone(
      () => this.allowed,
      () => called(this.target()),
      (files, folders) => this.dropped(files, folders),
    );
  }

  /** Says where the files are; undefined: this view may not use them. */
  serve(place: FilesPlace | undefined): void {
    this.place = place ?? this.place;
    this.allowed = place !== undefined;
    this.opener.hidden = !this.allowed;
  }

  /** The panel was opened. */
  opened(): void {
    void this.show(this.path);
  }

  private get open(): boolean {
    return this.panel.hidden === false;
  }

  private target(): string {
    return this.open ? this.path : DOWNLOADS;
  }

  private dropped(files: File[], folders: boolean): void {
    if (folders) {
      this.world.say("Folders cannot be uploaded: make an archive of each and upload that.");
    } else if (files.length > 0 && !this.open) {
      this.world.say(`Uploading to ${DOWNLOADS}. “Files” in the menu shows how far it is.`);
    }
    this.uploads.add(files, this.target(), !this.open);
  }

  private async show(path: string): Promise<void> {
    this.look += 1;
    const look = this.look;
    const answer = await list(this.world.fetch, this.place.path, path);
    if (look !== this.look) {
      return;
    }
    if (answer.ok) {
      this.path = path;
      this.folder = answer.value;
      this.draw();
    } else if (path !== this.path || this.folder === undefined) {
      // Where the person is stays as it is.
      this.drawSteps();
      this.hint.textContent = answer.message;
    } else {
      this.folder = { entries: [], more: false, freeBytes: 0 };
      this.draw();
      this.hint.textContent = answer.message;
    }
  }

  private draw(): void {
    const { folder } = this;
    this.drawSteps();
    if (folder === undefined) {
      return;
    }
    const entries = sorted(folder.entries, this.hidden.checked);
    const had = this.list.contains(document.activeElement);
    this.list.replaceChildren(...entries.map((entry) => this.row(entry)));
    const parts = [
      entries.length === 0 ? "Nothing here yet." : "",
      folder.more ? `Only ${folder.entries.length} of the entries are shown.` : "",
      `${sizeText(folder.freeBytes)} free.`,
    ];
    this.hint.textContent = parts.filter((part) => part !== "").join(" ");
    if (had) {
      // What had the keyboard is gone with the old list.
      this.steps.querySelector<HTMLElement>("button:last-of-type")?.focus();
    }
  }

  private drawSteps(): void {
    const had = this.steps.contains(document.activeElement);
    const steps = stepsOf(this.path).map(({ name, path }) => {
      const made = button(name, () => void this.show(path));
      if (path === this.path) {
        made.setAttribute("aria-current", "location");
      }
      return made;
    });
    this.steps.replaceChildren(...steps);
    if (had) {
      steps.at(-1)?.focus();
    }
  }

  private row(entry: Entry): HTMLLIElement {
    const path = inside(this.path, entry.name);
    const made = button("", () => void (entry.kind === "folder" ? this.show(path) : this.download(path, entry.name)));
    made.className = `entry ${entry.kind}`;
    made.disabled = entry.kind === "other";
    const when = new Date(entry.modifiedMs).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    const size = { folder: "Folder", file: sizeText(entry.sizeBytes), other: "Not a file" }[entry.kind];
    made.append(text("name", entry.name), text("about", `${size}, ${when}`));
    const item = document.createElement("li");
    item.append(made);
    return item;
  }

  private async download(path: string, name: string): Promise<void> {
    const { place } = this;
    const answer = await check(this.world.fetch, place.path, path);
    if (!answer.ok) {
      this.world.say(`${name}: ${answer.message}`);
      return;
    }
    const link = document.createElement("a");
    link.href = contentPath(place.path, path);
    link.download = name;
    link.click();
    this.world.say(`Your browser downloads ${name} and shows how far it is.`);
  }

  private changed(upload: Upload): void {
    let row = this.rows.get(upload.id);
    if (row === undefined) {
      row = new UploadRow(upload, () => this.uploads.cancel(upload.id));
      this.rows.set(upload.id, row);
      this.transfers.prepend(row.item);
    }
    row.draw(upload);
    this.clear.hidden = this.uploads.all.every(({ state }) => state === "waiting" || state === "sending");
    this.opener.classList.toggle("fresh", this.uploads.busy);
    if (upload.state === "kept" && this.open && upload.folder === this.path) {
      void this.show(this.path);
    }
    if (!this.open && (upload.state === "kept" || upload.state === "failed")) {
      this.world.say(`${upload.name}: ${sentenceOf(upload)}`);
    }
  }

  private forgetDone(): void {
    this.uploads.clear();
    const left = new Set(this.uploads.all.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (!left.has(id)) {
        row.item.remove();
        this.rows.delete(id);
      }
    }
    this.clear.hidden = true;
    element("files-upload", HTMLButtonElement).focus();
  }
}

/** What is shown of one upload. */
class UploadRow {
  readonly item = document.createElement("li");
  private readonly bar = document.createElement("progress");
  private readonly about = text("about", "");
  private readonly cancel: HTMLButtonElement;

  constructor(upload: Upload, cancel: () => void) {
    this.bar.max = Math.max(1, upload.sizeBytes);
    this.bar.setAttribute("aria-label", upload.name);
    this.cancel = button("Cancel", cancel);
    this.cancel.setAttribute("aria-label", `Cancel ${upload.name}`);
    this.item.append(text("name", upload.name), this.bar, this.about, this.cancel);
  }

  draw(upload: Upload): void {
    const open = upload.state === "waiting" || upload.state === "sending";
    this.item.dataset.state = upload.state;
    this.bar.value = upload.sentBytes;
    this.bar.hidden = !open;
    this.cancel.hidden = !open;
    this.about.textContent = sentenceOf(upload);
  }
}

/** Takes files dropped anywhere on the page; without it the browser would leave the page for the file. */
class DropZone {
  private readonly sign = element("drop-sign", HTMLElement);

  constructor(
    private readonly allowed: () => boolean,
    private readonly where: () => string,
    private readonly take: (files: File[], folders: boolean) => void,
  ) {
    window.addEventListener("dragover", (event) => this.over(event));
    window.addEventListener("dragleave", (event) => {
      // Only leaving the window has nothing that is entered instead.
      if (event.relatedTarget === null) {
        this.sign.hidden = true;
      }
    });
    window.addEventListener("drop", (event) => this.drop(event));
  }

  private over(event: DragEvent): void {
    if (event.dataTransfer?.types.includes("Files") !== true) {
      return;
    }
    event.preventDefault();
    event.dataTransfer.dropEffect = this.allowed() ? "copy" : "none";
    this.sign.hidden = !this.allowed();
    this.sign.textContent = `Drop to upload to ${this.where()}`;
  }

  private drop(event: DragEvent): void {
    this.sign.hidden = true;
    if (event.dataTransfer?.types.includes("Files") !== true) {
      return;
    }
    event.preventDefault();
    if (!this.allowed()) {
      return;
    }
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const isFolder = (item: DataTransferItem) => item.webkitGetAsEntry()?.isDirectory === true;
    const files = items.filter((item) => !isFolder(item)).flatMap((item) => item.getAsFile() ?? []);
    this.take(files, items.some(isFolder));
  }
}

function text(className: string, content: string): HTMLSpanElement {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = content;
  return made;
}
