/** What pages show of the public API, each under its key. */

import {
  type Blueprint,
  type Bundle,
  CreateGUISessionAccessDetailsCommand,
  type CreateGUISessionAccessDetailsResult,
  type Disk,
  type DiskSnapshot,
  GetBlueprintsCommand,
  GetBundlesCommand,
  GetCostEstimateCommand,
  GetDiskSnapshotsCommand,
  GetDisksCommand,
  GetInstanceCommand,
  GetInstanceSnapshotsCommand,
  GetInstancesCommand,
  GetKeyPairsCommand,
  GetOperationsForResourceCommand,
  GetStaticIpsCommand,
  type Instance,
  type InstanceSnapshot,
  type KeyPair,
  type Operation,
  type StaticIp,
} from "@aws-sdk/client-lightsail";
import { all, send } from "./api/cloud.ts";
import { queryOf, site } from "./api/site.ts";
import type { Displays, Prices, SessionState } from "./api/types.ts";
import { type Live, useLive } from "./live/query.ts";
import { type DayCost, daysOf } from "./logic/usage.ts";

/** All computers of the account. */
export function useInstances(): Live<Instance[]> {
  return useLive("instances", (part) =>
    all(async (pageToken) => {
      const page = await send(new GetInstancesCommand({ pageToken }));
      return { items: page.instances, next: page.nextPageToken };
    }, part),
  );
}

/** One computer. */
export function useInstance(name: string): Live<Instance> {
  return useLive(`instance ${name}`, async () => {
    const { instance } = await send(new GetInstanceCommand({ instanceName: name, includeHealthStatus: true }));
    return instance ?? {};
  });
}

/** Sessions of all computers, by the computers' names. */
export function useSessions(): Live<ReadonlyMap<string, SessionState>> {
  return useLive("sessions", async () => {
    const { sessions } = await site.get<{ sessions: SessionState[] }>("sessions");
    return new Map(sessions.map((session) => [session.instance, session]));
  });
}

/** The session of one computer; undefined while it is not known. */
export function useSession(name: string): SessionState | undefined {
  return useSessions().data?.get(name);
}

/** What things cost. */
export function usePrices(): Live<Prices> {
  return useLive("prices", () => site.get<Prices>("prices"), { still: true });
}

/** Asks for the state of a session, and fresh links where it is started. */
export function sessionOf(name: string): Promise<CreateGUISessionAccessDetailsResult> {
  return send(new CreateGUISessionAccessDetailsCommand({ resourceName: name }));
}

/** What computers are made from: of Lightsail for Research. */
export function useBlueprints(): Live<Blueprint[]> {
  return useLive("blueprints", () =>
    all(async (pageToken) => {
      const page = await send(new GetBlueprintsCommand({ appCategory: "LfR", includeInactive: true, pageToken }));
      return { items: page.blueprints, next: page.nextPageToken };
    }),
  );
}

/** Plans of Lightsail for Research, also those no longer offered, since computers may have them. */
export function useBundles(): Live<Bundle[]> {
  return useLive("bundles", () =>
    all(async (pageToken) => {
      const page = await send(new GetBundlesCommand({ appCategory: "LfR", includeInactive: true, pageToken }));
      return { items: page.bundles, next: page.nextPageToken };
    }),
  );
}

/** All data disks. */
export function useDisks(): Live<Disk[]> {
  return useLive("disks", (part) =>
    all(async (pageToken) => {
      const page = await send(new GetDisksCommand({ pageToken }));
      return { items: page.disks, next: page.nextPageToken };
    }, part),
  );
}

/** Snapshots of computers. */
export function useInstanceSnapshots(): Live<InstanceSnapshot[]> {
  return useLive("instance snapshots", (part) =>
    all(async (pageToken) => {
      const page = await send(new GetInstanceSnapshotsCommand({ pageToken }));
      return { items: page.instanceSnapshots, next: page.nextPageToken };
    }, part),
  );
}

/** Snapshots of disks. */
export function useDiskSnapshots(): Live<DiskSnapshot[]> {
  return useLive("disk snapshots", (part) =>
    all(async (pageToken) => {
      const page = await send(new GetDiskSnapshotsCommand({ pageToken }));
      return { items: page.diskSnapshots, next: page.nextPageToken };
    }, part),
  );
}

/** Key pairs, the default one as well. */
export function useKeyPairs(): Live<KeyPair[]> {
  return useLive("key pairs", (part) =>
    all(async (pageToken) => {
      const page = await send(new GetKeyPairsCommand({ pageToken, includeDefaultKeyPair: true }));
      return { items: page.keyPairs, next: page.nextPageToken };
    }, part),
  );
}

/** Static addresses. */
export function useStaticIps(): Live<StaticIp[]> {
  return useLive("static addresses", (part) =>
    all(async (pageToken) => {
      const page = await send(new GetStaticIpsCommand({ pageToken }));
      return { items: page.staticIps, next: page.nextPageToken };
    }, part),
  );
}

/** What was done to a computer, newest first. */
export function useOperations(name: string): Live<Operation[]> {
  return useLive(`operations ${name}`, async () => {
    const { operations } = await send(new GetOperationsForResourceCommand({ resourceName: name }));
    return operations ?? [];
  });
}

/** The displays of a computer's blueprint. */
export function useDisplays(name: string): Live<Displays> {
  return useLive(`displays ${name}`, () => site.get<Displays>(`displays${queryOf({ instance: name })}`), {
    still: true,
  });
}

/** What something cost, day by day. */
export async function costOf(name: string, from: Date, to: Date): Promise<DayCost[]> {
  const estimate = new GetCostEstimateCommand({ resourceName: name, startTime: from, endTime: to });
  const { resourcesBudgetEstimate } = await send(estimate);
  return daysOf(resourcesBudgetEstimate ?? []);
}
