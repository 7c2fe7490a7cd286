/** The choice of a new computer: defaults, price, and the request. */

import type { Blueprint, Bundle, CreateInstancesCommandInput } from "@aws-sdk/client-lightsail";
import { freeName } from "./computer.ts";

/** An application with a browser in it needs this much to be pleasant. */
const COMFORTABLE_GB = 4;

/** What a person chose. */
export interface Choice {
  blueprintId: string;
  bundleId: string;
  name: string;
  disk: { name: string; sizeGb: number } | undefined;
  idle: { threshold: number; minutes: number } | undefined;
  autoSnapshot: string | undefined;
  keyPairName: string;
  userData: string;
  tags: { key: string; value: string }[];
}

/** The application that is chosen at first. */
export function defaultBlueprint(blueprints: readonly Blueprint[]): Blueprint | undefined {
  const offered = blueprints.filter((blueprint) => blueprint.isActive !== false);
  return (
    offered.find((blueprint) => blueprint.blueprintId === "jupyterlab") ??
    offered.find((blueprint) => blueprint.type === "app") ??
    offered[0]
  );
}

/** Plans that may be chosen, cheapest first. */
export function offeredBundles(bundles: readonly Bundle[]): Bundle[] {
  return bundles
    .filter((bundle) => bundle.isActive !== false)
    .sort((one, other) => (one.price ?? 0) - (other.price ?? 0));
}

/** The plan that is chosen at first: the cheapest that is comfortable. */
export function defaultBundle(bundles: readonly Bundle[]): Bundle | undefined {
  const offered = offeredBundles(bundles);
  return offered.find((bundle) => (bundle.ramSizeInGb ?? 0) >= COMFORTABLE_GB) ?? offered[0];
}

/** A first choice that needs no thought. */
export function defaults(
  blueprints: readonly Blueprint[],
  bundles: readonly Bundle[],
  taken: ReadonlySet<string>,
): Choice {
  const blueprint = defaultBlueprint(blueprints);
  return {
    blueprintId: blueprint?.blueprintId ?? "",
    bundleId: defaultBundle(bundles)?.bundleId ?? "",
    name: freeName(blueprint?.blueprintId ?? "computer", taken),
    disk: undefined,
    idle: { threshold: 5, minutes: 30 },
    autoSnapshot: undefined,
    keyPairName: "",
    userData: "",
    tags: [],
  };
}

/** The request that makes what was chosen, but for its disk. */
export function requestOf(choice: Choice, availabilityZone: string): CreateInstancesCommandInput {
  const addOns: CreateInstancesCommandInput["addOns"] = [];
  if (choice.idle !== undefined) {
    addOns.push({
      addOnType: "StopInstanceOnIdle",
      stopInstanceOnIdleRequest: { threshold: String(choice.idle.threshold), duration: String(choice.idle.minutes) },
    });
  }
  if (choice.autoSnapshot !== undefined) {
    addOns.push({ addOnType: "AutoSnapshot", autoSnapshotAddOnRequest: { snapshotTimeOfDay: choice.autoSnapshot } });
  }
  return {
    instanceNames: [choice.name],
    availabilityZone,
    blueprintId: choice.blueprintId,
    bundleId: choice.bundleId,
    ...(addOns.length === 0 ? {} : { addOns }),
    ...(choice.keyPairName === "" ? {} : { keyPairName: choice.keyPairName }),
    ...(choice.userData.trim() === "" ? {} : { userData: choice.userData }),
    ...(choice.tags.length === 0 ? {} : { tags: choice.tags.filter((tag) => tag.key !== "") }),
  };
}
