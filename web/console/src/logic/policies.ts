/** Ready-made policies of access keys, in Cedar. */

/** Policies that may be chosen. */
export const POLICIES = ["everything", "read", "use", "course", "own"] as const;

/** Name of one. */
export type PolicyName = (typeof POLICIES)[number];

/** Actions that only look. */
const READS = [
  "GetInstances",
  "GetInstance",
  "GetInstanceState",
  "GetInstanceMetricData",
  "GetInstancePortStates",
  "GetDisks",
  "GetDisk",
  "GetInstanceSnapshots",
  "GetInstanceSnapshot",
  "GetDiskSnapshots",
  "GetDiskSnapshot",
  "GetStaticIps",
  "GetStaticIp",
  "GetOperation",
  "GetOperations",
  "GetOperationsForResource",
  "GetBlueprints",
  "GetBundles",
  "GetRegions",
  "GetCostEstimate",
];

/** Actions that people who work on a computer need. */
const USES = [
  "GetInstance",
  "GetInstanceState",
  "StartInstance",
  "StopInstance",
  "StartGUISession",
  "StopGUISession",
  "CreateGUISessionAccessDetails",
];

const list = (actions: readonly string[]): string => actions.map((action) => `    Action::"${action}"`).join(",\n");

/** Gives the text of a policy; undefined for one that a person writes. */
export function policyFor(name: PolicyName): string | undefined {
  switch (name) {
    case "everything":
      return "";
    case "read":
      return `permit (\n  principal,\n  action in [\n${list(READS)}\n  ],\n  resource\n);\n`;
    case "use":
      return `permit (\n  principal,\n  action in [\n${list([...USES, "GetInstances", "GetOperation"])}\n  ],\n  resource\n);\n`;
    case "course":
      return (
        `permit (\n  principal,\n  action in [\n${list(USES)}\n  ],\n  resource\n) when {\n` +
        '  resource.hasTag("course") && resource.getTag("course") == "CS149"\n};\n'
      );
    case "own":
      return undefined;
  }
}
