/** The requests about files: each on a connection of its own, none on the display's. */

import type { Fetch } from "../session/api.ts";
import { type Folder, folderOf } from "./folder.ts";
import type { Outcome, Send } from "./uploads.ts";

/** What the server answered: what was asked for, or why not. */
export type Answer<T> = { ok: true; value: T } | { ok: false; message: string };

const UNREACHABLE = "The server does not answer. Try again in a moment.";

/** Address of a file's bytes. */
export function contentPath(files: string, path: string): string {
  return `${files}/content?path=${encodeURIComponent(path)}`;
}

/** Asks what a folder holds. */
export async function list(fetch: Fetch, files: string, path: string): Promise<Answer<Folder>> {
  const answer = await ask(fetch, `${files}?path=${encodeURIComponent(path)}`);
  if (!answer.ok) {
    return answer;
  }
  const folder = folderOf(await answer.value.json().catch(() => undefined));
  return folder === undefined ? { ok: false, message: UNREACHABLE } : { ok: true, value: folder };
}

/** Asks whether a file could be downloaded: a browser's own download says nothing of why it failed. */
export async function check(fetch: Fetch, files: string, path: string): Promise<Answer<Response>> {
  return ask(fetch, `${contentPath(files, path)}&check`);
}

async function ask(fetch: Fetch, path: string): Promise<Answer<Response>> {
  try {
    const response = await fetch(path, { cache: "no-store", credentials: "same-origin", redirect: "error" });
    return response.ok
      ? { ok: true, value: response }
      : { ok: false, message: messageOf(await response.text()) ?? UNREACHABLE };
  } catch {
    return { ok: false, message: UNREACHABLE };
  }
}

/** Sends by XMLHttpRequest, which alone says how much has left. `files` gives the address that files are at. */
export function sender(files: () => string): Send {
  return ({ folder, name, make }, file, { progress, done }) => {
    const request = new XMLHttpRequest();
    const address = `${contentPath(files(), folder)}&name=${encodeURIComponent(name)}${make ? "&make" : ""}`;
    request.open("PUT", address);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => done(outcomeOf(request.status, request.responseText)));
    request.addEventListener("error", () => done({ kind: "lost" }));
    request.send(file);
    return () => request.abort();
  };
}

/** Reads the answer to an upload. */
export function outcomeOf(status: number, text: string): Outcome {
  if (status === 200) {
    const name = memberOf(text, "name");
    return name === undefined ? { kind: "lost" } : { kind: "kept", name };
  }
  const message = messageOf(text);
  return message === undefined ? { kind: "lost" } : { kind: "refused", message };
}

function messageOf(text: string): string | undefined {
  return memberOf(text, "message");
}

function memberOf(text: string, name: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const value = typeof body === "object" && body !== null ? (body as Record<string, unknown>)[name] : undefined;
    return typeof value === "string" && value !== "" ? value : undefined;
  } catch {
    return undefined;
  }
}
