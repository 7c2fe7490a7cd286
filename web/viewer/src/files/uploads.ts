/** Uploads of one page: in the order in which they came, few at once. Knows neither page nor network. */

import { called, inside, percentOf, sizeText } from "./folder.ts";

/** How sending a file ended. */
export type Outcome =
  | { kind: "kept"; name: string }
  | { kind: "refused"; message: string }
  /** No answer came. */
  | { kind: "lost" };

/** Sends a file; gives what stops it. `done` is called once, but never after a stop. */
export type Send = (
  to: { folder: string; name: string; make: boolean },
  file: Blob,
  events: { progress(sentBytes: number): void; done(outcome: Outcome): void },
) => () => void;

/** One upload. */
export interface Upload {
  readonly id: number;
  readonly name: string;
  readonly folder: string;
  readonly sizeBytes: number;
  state: "waiting" | "sending" | "kept" | "failed" | "cancelled";
  sentBytes: number;
  /** Name under which it was kept. */
  keptAs: string;
  /** Why it failed. */
  message: string;
}

/** More at once would take the line from the picture and be no faster. */
const MOST_AT_ONCE = 2;

interface Job {
  upload: Upload;
  file: Blob;
  make: boolean;
  stop: (() => void) | undefined;
}

/** The uploads of a page. `changed` is called after each change of one. */
export class Uploads {
  private jobs: Job[] = [];
  private nextId = 1;

  constructor(
    private readonly send: Send,
    private readonly changed: (upload: Upload) => void,
    private readonly largestBytes: () => number,
  ) {}

  /** All of them, the oldest first. */
  get all(): readonly Upload[] {
    return this.jobs.map((job) => job.upload);
  }

  /** Whether one is under way or waits. */
  get busy(): boolean {
    return this.jobs.some(({ upload }) => isOpen(upload));
  }

  /** Sends files to a folder, which `make` makes where it is missing. */
  add(files: readonly File[], folder: string, make: boolean): void {
    for (const file of files) {
      const tooLarge = file.size > this.largestBytes();
      const upload: Upload = {
        id: this.nextId++,
        name: file.name,
        folder,
        sizeBytes: file.size,
        state: tooLarge ? "failed" : "waiting",
        sentBytes: 0,
        keptAs: "",
        message: tooLarge ? `This server takes files of at most ${sizeText(this.largestBytes())}.` : "",
      };
      this.jobs.push({ upload, file, make, stop: undefined });
      this.changed(upload);
    }
    this.proceed();
  }

  /** Ends one that is not done; what had arrived of it is removed there. */
  cancel(id: number): void {
    const job = this.jobs.find(({ upload }) => upload.id === id);
    if (job !== undefined && isOpen(job.upload)) {
      job.stop?.();
      this.end(job, { state: "cancelled" });
    }
  }

  /** Forgets those that are done. */
  clear(): void {
    this.jobs = this.jobs.filter(({ upload }) => isOpen(upload));
  }

  private proceed(): void {
    let free = MOST_AT_ONCE - this.jobs.filter(({ upload }) => upload.state === "sending").length;
    for (const job of this.jobs) {
      if (free > 0 && job.upload.state === "waiting") {
        free -= 1;
        this.begin(job);
      }
    }
  }

  private begin(job: Job): void {
    const { upload, file, make } = job;
    upload.state = "sending";
    this.changed(upload);
    job.stop = this.send({ folder: upload.folder, name: upload.name, make }, file, {
      progress: (sentBytes) => {
        upload.sentBytes = Math.min(sentBytes, upload.sizeBytes);
        this.changed(upload);
      },
      done: (outcome) => this.end(job, endOf(outcome, upload)),
    });
  }

  private end(job: Job, end: Partial<Upload>): void {
    Object.assign(job.upload, end);
    this.changed(job.upload);
    this.proceed();
  }
}

function isOpen(upload: Upload): boolean {
  return upload.state === "waiting" || upload.state === "sending";
}

function endOf(outcome: Outcome, upload: Upload): Partial<Upload> {
  switch (outcome.kind) {
    case "kept":
      return { state: "kept", keptAs: outcome.name, sentBytes: upload.sizeBytes };
    case "refused":
      return { state: "failed", message: outcome.message };
    case "lost":
      return { state: "failed", message: "The connection was lost. Nothing of the file was kept." };
  }
}

/** What is said of an upload below its name. */
export function sentenceOf(upload: Upload): string {
  const size = sizeText(upload.sizeBytes);
  switch (upload.state) {
    case "waiting":
      return `Waiting, ${size}`;
    case "sending":
      return upload.sentBytes >= upload.sizeBytes
        ? `Being put on the disk, ${size}`
        : `${percentOf(upload.sentBytes, upload.sizeBytes)} %, ${sizeText(upload.sentBytes)} of ${size}`;
    case "kept":
      return upload.keptAs === upload.name
        ? `In ${called(upload.folder)}, ${size}`
        : `The name was taken: kept as ${inside(upload.folder, upload.keptAs)}, ${size}`;
    case "failed":
      return upload.message;
    case "cancelled":
      return "Cancelled. Nothing of it was kept.";
  }
}
