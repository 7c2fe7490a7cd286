/**
 * Data disks that were chosen with a computer. The public API makes a computer without them: a disk is made meanwhile, and
 * attached as soon as the computer can take it. A page that is closed meanwhile leaves it to the next one.
 */

import {
  AttachDiskCommand,
  CreateDiskCommand,
  GetDiskCommand,
  GetInstanceCommand,
  GetOperationsForResourceCommand,
} from "@aws-sdk/client-lightsail";
import { send } from "./api/cloud.ts";
import { isMissing, problemOf } from "./api/problem.ts";
import { signedOut } from "./api/site.ts";
import { forget, keep, kept } from "./kept-disks.ts";
import { nudge } from "./live/changes.ts";
import { type ChosenDisk, type DiskSeen, type DiskStep, diskStep, freePath } from "./logic/disks.ts";
import { pauseAfter } from "./logic/pause.ts";
import { text } from "./strings/index.ts";
import { ended } from "./ui/endings.tsx";
import { flash } from "./ui/flash.tsx";
import { who } from "./who.ts";

const POLL_MS = 1000;
/** A refusal may be of what has changed since it was looked at; so many are meant. */
const MOST_REFUSALS = 3;

/** Disks that this page sees to, by account and name. */
const followed = new Set<string>();

const accountOf = (): string => who.get()?.account.id ?? "";
const isHere = (account: string): boolean => accountOf() === account && !signedOut.get();

/** Makes a computer, and sees to the disk that was chosen with it; the page need not wait for it. */
export async function makeWith(chosen: ChosenDisk, make: () => Promise<unknown>): Promise<void> {
  const account = accountOf();
  keep(account, chosen);
  try {
    await make();
  } catch (error) {
    // Without an answer the computer may be there all the same.
    if (!problemOf(error).passing) {
      forget(account, chosen);
    }
    throw error;
  }
  void follow(account, chosen);
}

/** Goes on with what pages of this browser have left. */
export function followKept(): void {
  const account = accountOf();
  for (const chosen of kept(account)) {
    void follow(account, chosen);
  }
}

/** Looks and takes the next step, again and again, until nothing is left to do or the person has left. */
async function follow(account: string, chosen: ChosenDisk): Promise<void> {
  const name = `${account} ${chosen.name}`;
  if (followed.has(name)) {
    return;
  }
  followed.add(name);
  let failures = 0;
  let refusals: unknown[] = [];
  while (isHere(account)) {
    try {
      const step = await take(account, chosen);
      if (step === "attached") {
        refusals = [];
        flash.success(text.create.diskAttached(chosen.name));
        break;
      }
      if (step === "forget") {
        break;
      }
      failures = 0;
      refusals = step === "wait" ? refusals : [];
    } catch (error) {
      if (problemOf(error).passing) {
        failures += 1;
      } else if (refusals.push(error) === MOST_REFUSALS) {
        break;
      }
    }
    await new Promise((next) => setTimeout(next, failures === 0 ? POLL_MS : pauseAfter(failures)));
  }
  if (isHere(account)) {
    forget(account, chosen);
    if (refusals.length > 0) {
      flash.error(refusals.at(-1));
    }
  }
  followed.delete(name);
  nudge();
}

/** Takes the next step and says which it was. */
async function take(account: string, chosen: ChosenDisk): Promise<DiskStep> {
  const { seen, paths } = await look(chosen);
  const step = diskStep(chosen, seen, Date.now());
  if (step === "make") {
    const { name: diskName, sizeGb: sizeInGb, zone: availabilityZone } = chosen;
    const { operations } = await send(new CreateDiskCommand({ diskName, sizeInGb, availabilityZone }));
    chosen.made = true;
    keep(account, chosen);
    await Promise.all((operations ?? []).map(ended));
  } else if (step === "attach") {
    const where = { instanceName: chosen.computer, diskPath: freePath(paths), autoMounting: true };
    const { operations } = await send(new AttachDiskCommand({ diskName: chosen.name, ...where }));
    await Promise.all((operations ?? []).map(ended));
  }
  return step;
}

/** Looks at the disk and its computer, and at the paths of those that the computer has. */
async function look(chosen: ChosenDisk): Promise<{ seen: DiskSeen; paths: string[] }> {
  const instanceName = chosen.computer;
  const [computer, disk] = await Promise.all([
    orMissing(send(new GetInstanceCommand({ instanceName }))),
    orMissing(send(new GetDiskCommand({ diskName: chosen.name }))),
  ]);
  const under =
    computer === undefined
      ? undefined
      : await send(new GetOperationsForResourceCommand({ resourceName: instanceName }));
  const { state, attachedTo } = disk?.disk ?? {};
  return {
    seen: {
      computer: computer?.instance?.state?.name,
      busy: (under?.operations ?? []).some((operation) => operation.isTerminal === false),
      disk: disk === undefined ? undefined : { state: state ?? "", attachedTo },
    },
    paths: (computer?.instance?.hardware?.disks ?? []).map((other) => other.path ?? ""),
  };
}

async function orMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isMissing(error)) {
      return;
    }
    throw error;
  }
}
