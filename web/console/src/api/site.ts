/** The console's own requests, as docs/console-api.md has them: sign-in, what AWS's API cannot say, and the operator's. */

import { Value } from "../live/value.ts";

const ROOT = "/console/api/";

/** A refusal that the server explained. */
export class SiteError extends Error {
  override readonly name = "SiteError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | undefined,
  ) {
    super(message);
  }
}

/** The server could not be asked at all. */
export class AwayError extends Error {
  override readonly name = "AwayError";
}

/** Whether the server answered the last request. */
export const reachable = new Value(true);
/** The sign-in ended while the console was in use. */
export const signedOut = new Value(false);

/** Counts sign-ins: a refusal of a request that left before the newest says nothing of it. */
let signIns = 0;

/** Says that somebody has just signed in. */
export function signedInAgain(): void {
  signIns += 1;
  signedOut.set(false);
}

/** Pause before a read is tried a second time, in milliseconds. */
const SECOND_TRY_MS = 250;

/**
 * Reads, and once more when that failed: browsers end requests on their way when a network interface comes or goes,
 * and on a server's own screen one comes with each computer.
 */
export async function twice<T>(read: () => Promise<T>, worth: (error: unknown) => boolean): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!worth(error)) {
      throw error;
    }
    await new Promise((next) => setTimeout(next, SECOND_TRY_MS));
    return read();
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Sends a request and gives the response, also one that refuses. */
export async function request(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") {
    headers["x-porthole-console"] = "1";
  }
  if (body !== undefined) {
    headers["content-type"] = "application/json";
  }
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
  }
  if (signal !== undefined) {
    init.signal = signal;
  }
  try {
    const ask = (): Promise<Response> => fetch(ROOT + path, init);
    const response = await (method === "GET" ? twice(ask, () => signal?.aborted !== true) : ask());
    reachable.set(response.status < 502 || response.status > 504);
    return response;
  } catch (error) {
    if (signal?.aborted === true) {
      throw error;
    }
    reachable.set(false);
    throw new AwayError("The server does not answer.", { cause: error });
  }
}

/** Gives what a refusing response says. */
export async function refusalOf(response: Response): Promise<SiteError> {
  let said: { code?: string; message?: string; field?: string } = {};
  try {
    said = await response.json();
  } catch {
    // A proxy's own page is no JSON; the status says enough.
  }
  const code = said.code ?? "unknown";
  const message = said.message ?? `The server answered with status ${response.status}.`;
  return new SiteError(response.status, code, message, said.field);
}

async function call<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const signIn = signIns;
  const response = await request(method, path, body, signal);
  if (!response.ok) {
    const refusal = await refusalOf(response);
    if (refusal.code === "signInRequired") {
      if (signIn !== signIns) {
        return call(method, path, body, signal);
      }
      signedOut.set(true);
    }
    throw refusal;
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** The verbs; paths are below `/console/api/`. */
export const site = {
  get: <T>(path: string, signal?: AbortSignal) => call<T>("GET", path, undefined, signal),
  post: <T>(path: string, body: unknown = {}) => call<T>("POST", path, body),
  put: <T>(path: string, body: unknown) => call<T>("PUT", path, body),
  patch: <T>(path: string, body: unknown) => call<T>("PATCH", path, body),
  delete: <T>(path: string) => call<T>("DELETE", path),
};

/** Makes a query string of what is there. */
export function queryOf(members: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined && value !== "") {
      query.set(name, String(value));
    }
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
