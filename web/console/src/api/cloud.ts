/** The public API, called with AWS's own client and temporary credentials of the sign-in. */

import {
  LightsailClient,
  type LightsailClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-lightsail";
import type { Command } from "@smithy/types";
import { AwayError, reachable, signedOut, site, twice } from "./site.ts";
import type { Credentials } from "./types.ts";

/** Errors by which the server says that these credentials are not, or no longer, good. */
const STALE = new Set(["UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"]);

type Sent<I extends ServiceInputTypes, O extends ServiceOutputTypes> = Command<
  ServiceInputTypes,
  I,
  ServiceOutputTypes,
  O,
  LightsailClientResolvedConfig
>;

let region = "us-east-2";
let client: LightsailClient | undefined;

/** Says which region signatures are for, and forgets the credentials of whoever was signed in. */
export function aim(at: string): void {
  region = at;
  client = undefined;
}

function fresh(): LightsailClient {
  const made = new LightsailClient({
    endpoint: location.origin,
    region,
    maxAttempts: 1,
    credentials: async () => {
      const { expiresAt, ...keys } = await site.post<Credentials>("credentials");
      return { ...keys, expiration: new Date(expiresAt * 1000) };
    },
  });
  made.middlewareStack.add(
    (next, { commandName = "" }) =>
      (input) =>
        /^(Get|Is)/.test(commandName) ? twice(() => next(input), isAway) : next(input),
    { step: "initialize", name: "readTwice" },
  );
  return made;
}

/** Sends a command. Stale credentials are replaced once, so that a restarted server goes unnoticed. */
export async function send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(command: Sent<I, O>): Promise<O> {
  client ??= fresh();
  const used = client;
  try {
    return await attempt(used, command);
  } catch (error) {
    if (!(error instanceof Error) || !STALE.has(error.name) || signedOut.get()) {
      throw error;
    }
    if (client === used) {
      client = fresh();
    }
    return attempt(client, command);
  }
}

async function attempt<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  through: LightsailClient,
  command: Sent<I, O>,
): Promise<O> {
  try {
    const output = await through.send(command);
    reachable.set(true);
    return output;
  } catch (error) {
    if (isAway(error)) {
      reachable.set(false);
      throw new AwayError("The server does not answer.", { cause: error });
    }
    throw error;
  }
}

/** Whether it is what `fetch` throws when there is no connection. */
const isAway = (error: unknown): boolean => error instanceof TypeError && /fetch|network/i.test(error.message);

/** Reads all pages of a list; `part` gets what is there after each. */
export async function all<T>(
  page: (token: string | undefined) => Promise<{ items: T[] | undefined; next: string | undefined }>,
  part?: (items: T[]) => void,
): Promise<T[]> {
  const found: T[] = [];
  let token: string | undefined;
  do {
    const { items, next } = await page(token);
    found.push(...(items ?? []));
    token = next;
    if (token !== undefined) {
      part?.([...found]);
    }
  } while (token !== undefined);
  return found;
}
