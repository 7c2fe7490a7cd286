import { describe, expect, test } from "vitest";
import { allowed, freeName, idleRuleOf, mayHaveWindows, nameFault } from "../src/logic/computer.ts";
import { defaultBundle, defaults, requestOf } from "../src/logic/create.ts";
import { type ChosenDisk, type DiskSeen, diskStep, freePath, isDiskSize } from "../src/logic/disks.ts";
import { ago, bytes, duration, price, words } from "../src/logic/format.ts";
import { limiter } from "../src/logic/limit.ts";
import { nextOf, type Seen } from "../src/logic/opening.ts";
import { POLICIES, policyFor } from "../src/logic/policies.ts";
import { portRange, portsText, sourcesOf } from "../src/logic/ports.ts";
import { quotaChanges } from "../src/logic/quotas.ts";
import { endOf } from "../src/logic/share.ts";
import { snippetsOf } from "../src/logic/snippets.ts";
import { byDay, byResource, csvOf, type DayCost, daysOf, monthStart, total } from "../src/logic/usage.ts";

describe("computers", () => {
  test("stop and delete are offered in every state that has something to stop", () => {
    for (const state of ["pending", "running", "stopping"]) {
      expect(allowed(state).stop, state).toBe(true);
    }
    for (const state of ["pending", "running", "stopping", "stopped", "failed", undefined]) {
      expect(allowed(state).delete, state).toBe(true);
    }
    expect(allowed("stopped")).toMatchObject({ start: true, stop: false, open: true, reboot: false });
  });

  test("an expired session still has windows", () => {
    expect(["started", "startExpired", "starting"].map(mayHaveWindows)).toEqual([true, true, true]);
    expect(["notStarted", "stopped", undefined].map(mayHaveWindows)).toEqual([false, false, false]);
  });

  test("a free name skips what is taken, and is a name whatever it comes from", () => {
    expect(freeName("JupyterLab", new Set(["jupyterlab-1", "jupyterlab-2"]))).toBe("jupyterlab-3");
    expect(freeName("code_server", new Set())).toBe("code-server-1");
    for (const stem of ["", "--", "ü", "a"]) {
      expect(nameFault(freeName(stem, new Set())), stem).toBeUndefined();
    }
  });

  test("names follow the API's rules", () => {
    expect(["a", "ab", "a b", "-ab", "ab-", "x".repeat(256), "lab_1.x"].map(nameFault)).toEqual([
      "short",
      undefined,
      "letters",
      "ends",
      "ends",
      "long",
      undefined,
    ]);
  });

  test("a disabled idle rule is none", () => {
    const addOn = { name: "StopInstanceOnIdle", threshold: "5", duration: "30" };
    expect(idleRuleOf({ addOns: [{ ...addOn, status: "Enabled" }] })).toEqual({ threshold: 5, minutes: 30 });
    expect(idleRuleOf({ addOns: [{ ...addOn, status: "Disabled" }] })).toBeUndefined();
    expect(idleRuleOf({})).toBeUndefined();
  });
});

describe("creating", () => {
  const blueprints = [
    { blueprintId: "debian_12", type: "os" as const, isActive: true },
    { blueprintId: "rstudio", type: "app" as const, isActive: true },
    { blueprintId: "jupyterlab", type: "app" as const, isActive: true },
  ];
  const bundles = [
    { bundleId: "xl", price: 600, ramSizeInGb: 8, isActive: true },
    { bundleId: "nano", price: 5, ramSizeInGb: 0.5, isActive: true },
    { bundleId: "old", price: 6, ramSizeInGb: 4, isActive: false },
    { bundleId: "medium", price: 24, ramSizeInGb: 4, isActive: true },
  ];

  test("the first choice is an application on a comfortable plan, and stops when idle", () => {
    const choice = defaults(blueprints, bundles, new Set(["jupyterlab-1"]));
    expect(choice).toMatchObject({ blueprintId: "jupyterlab", bundleId: "medium", name: "jupyterlab-2" });
    expect(choice.idle).toEqual({ threshold: 5, minutes: 30 });
  });

  test("what is not built is not chosen, and a small site's only plan is", () => {
    const built = blueprints.map((blueprint) => ({ ...blueprint, isActive: blueprint.blueprintId === "debian_12" }));
    expect(defaults(built, bundles, new Set()).blueprintId).toBe("debian_12");
    expect(defaultBundle(bundles.slice(1, 2))?.bundleId).toBe("nano");
    expect(defaultBundle([])).toBeUndefined();
  });

  test("the request names what was chosen and nothing else", () => {
    const choice = defaults(blueprints, bundles, new Set());
    expect(requestOf({ ...choice, idle: undefined }, "zone-a")).toEqual({
      instanceNames: ["jupyterlab-1"],
      availabilityZone: "zone-a",
      blueprintId: "jupyterlab",
      bundleId: "medium",
    });
    const full = requestOf(
      {
        ...choice,
        autoSnapshot: "04:00",
        userData: "echo",
        tags: [
          { key: "", value: "x" },
          { key: "course", value: "CS149" },
        ],
      },
      "zone-a",
    );
    expect(full.addOns).toHaveLength(2);
    expect(full.tags).toEqual([{ key: "course", value: "CS149" }]);
    expect(full.addOns?.[0]?.stopInstanceOnIdleRequest).toEqual({ threshold: "5", duration: "30" });
  });
});

describe("opening", () => {
  const seen: Seen = { state: "running", status: "notStarted", failureReason: "", url: undefined, displays: [] };
  const nothing = { startedComputer: false, startedSession: false };

  test("each state leads to the next", () => {
    expect(nextOf({ ...seen, state: "stopped" }, nothing)).toEqual({ does: "startComputer" });
    expect(nextOf({ ...seen, state: "pending" }, nothing)).toEqual({ does: "wait", stage: "computer" });
    expect(nextOf({ ...seen, status: "settingUpInstance" }, nothing)).toEqual({ does: "wait", stage: "setup" });
    for (const status of ["notStarted", "stopped", "startExpired", "failedStartingGUISession"]) {
      expect(nextOf({ ...seen, status }, nothing), status).toEqual({ does: "startSession" });
    }
    expect(nextOf({ ...seen, status: "started", url: "u" }, nothing)).toEqual({ does: "open", url: "u" });
  });

  test("nothing is started twice: what fails then is said", () => {
    const done = { startedComputer: true, startedSession: true };
    expect(nextOf({ ...seen, state: "stopped" }, done).does).toBe("wait");
    for (const status of ["stopped", "notStarted", "failedStartingGUISession"]) {
      expect(nextOf({ ...seen, status, failureReason: "why" }, done)).toEqual({
        does: "fail",
        why: "session",
        says: "why",
      });
    }
    expect(nextOf({ ...seen, status: "started", displays: ["desktop"] }, done)).toEqual({
      does: "fail",
      why: "display",
      says: "desktop",
    });
  });
});

describe("costs", () => {
  const day = (resource: string, on: string, usd: number): DayCost => ({
    resource,
    type: "Instance",
    usage: "BundleUsage:medium",
    day: on,
    units: 1,
    unit: "Hrs",
    usd,
  });

  test("sums by thing are dearest first, days without costs are there", () => {
    const days = [day("a", "2026-01-30", 1), day("b", "2026-01-30", 3), day("a", "2026-02-01", 0.5)];
    expect(byResource(days).map((sum) => [sum.resource, sum.usd, sum.hours])).toEqual([
      ["b", 3, 1],
      ["a", 1.5, 2],
    ]);
    expect(byDay(days, new Date("2026-01-30T10:00:00Z"), new Date("2026-02-01T12:00:00Z"))).toEqual([
      { day: "2026-01-30", usd: 4 },
      { day: "2026-01-31", usd: 0 },
      { day: "2026-02-01", usd: 0.5 },
    ]);
    expect(total(days)).toBeCloseTo(4.5);
  });

  test("the API's answer is read", () => {
    const start = new Date("2026-01-30T00:00:00Z");
    const result = { usageCost: 2, unit: 3, pricingUnit: "Hrs" as const, timePeriod: { start } };
    const [read] = daysOf([
      { resourceName: "a", resourceType: "Instance", costEstimates: [{ usageType: "u", resultsByTime: [result] }] },
    ]);
    expect(read).toEqual({
      resource: "a",
      type: "Instance",
      usage: "u",
      day: "2026-01-30",
      units: 3,
      unit: "Hrs",
      usd: 2,
    });
  });

  test("a file of comma-separated values is safe to open", () => {
    const [head, first, second] = csvOf([day('a,"b"', "2026-01-30", 1), day("=cmd()", "2026-01-31", 2)]).split("\r\n");
    expect(head).toBe("day,resource,resource_type,usage_type,usage,unit,cost,currency");
    expect(first).toBe('2026-01-30,"a,""b""",Instance,BundleUsage:medium,1.000000,Hrs,1.000000,USD');
    expect(second).toContain(",'=cmd(),");
  });

  test("the month begins in UTC", () => {
    expect(monthStart(new Date("2026-02-01T00:30:00Z")).toISOString()).toBe("2026-02-01T00:00:00.000Z");
  });
});

describe("small things", () => {
  test("words of code", () => {
    expect(["mark_running", "StartGUISession", "CreateInstance", "NotStarted"].map(words)).toEqual([
      "Mark running",
      "Start GUI session",
      "Create instance",
      "Not started",
    ]);
  });

  test("sizes, times, prices", () => {
    expect([0, 1023, 1536, 5 * 2 ** 30].map(bytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
    expect([5, 65, 3720].map(duration)).toEqual(["5 s", "1 min 5 s", "1 h 2 min"]);
    expect(ago(1000, 1_000_000 - 7_200_000)).toBe("in 2 hours");
    expect(price(0.0068)).toBe("$0.0068");
  });

  test("ports", () => {
    expect(["8888", " 8000 - 8010 ", "9-8", "70000", "x", ""].map(portRange)).toEqual([
      { from: 8888, to: 8888 },
      { from: 8000, to: 8010 },
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(portsText(22, 22, "tcp")).toBe("22");
    expect(portsText(8, -1, "icmp")).toBe("ICMP");
    expect(sourcesOf({ cidrs: ["0.0.0.0/0"] })).toEqual([]);
    expect(sourcesOf({ cidrs: ["192.0.2.0/24"], cidrListAliases: ["lightsail-connect"] })).toHaveLength(2);
  });

  test("disks", () => {
    expect(freePath(["/dev/xvdf", "/dev/sdg"])).toBe("/dev/xvdh");
    expect([8, 16_384, 7, 16_385, 8.5, Number.NaN].map(isDiskSize)).toEqual([true, true, false, false, false, false]);
  });

  describe("a disk that was chosen with a computer", () => {
    const MINUTE = 60_000;
    const chosen: ChosenDisk = { name: "d", sizeGb: 8, zone: "z", computer: "c", sinceMs: 0, made: false };
    const free = { state: "available", attachedTo: undefined };
    const next = (seen: Partial<DiskSeen>, made = false, nowMs = MINUTE) =>
      diskStep({ ...chosen, made }, { computer: "running", busy: false, disk: free, ...seen }, nowMs);

    test("is made while the computer starts, and attached when both are ready", () => {
      expect(next({ computer: "pending", disk: undefined })).toBe("make");
      expect(next({ disk: { ...free, state: "pending" } }, true)).toBe("wait");
      expect(["pending", "stopping"].map((computer) => next({ computer }, true))).toEqual(["wait", "wait"]);
      expect(next({ busy: true }, true)).toBe("wait");
      expect(["running", "stopped"].map((computer) => next({ computer }, true))).toEqual(["attach", "attach"]);
      expect(next({ disk: { state: "in-use", attachedTo: "c" } }, true)).toBe("attached");
    });

    test("is left alone once somebody has decided otherwise", () => {
      expect(next({ disk: undefined }, true)).toBe("forget");
      expect(next({ disk: { state: "in-use", attachedTo: "other" } }, true)).toBe("forget");
      expect(next({ disk: { ...free, state: "error" } }, true)).toBe("forget");
      expect(next({ computer: "shutting-down" }, true)).toBe("forget");
      expect(next({}, true, 25 * 60 * MINUTE)).toBe("forget");
    });

    test("waits for a computer that is not known yet, but not for long", () => {
      expect(next({ computer: undefined, disk: undefined }, false, MINUTE - 1)).toBe("wait");
      expect(next({ computer: undefined, disk: undefined })).toBe("forget");
    });
  });

  test("quotas: empty takes the default again, nonsense nothing", () => {
    const quotas = {
      disks: { value: 3, default: 15, isOwn: true },
      vcpus: { value: 40, default: 40, isOwn: false },
    };
    expect(quotaChanges(quotas, { disks: "", vcpus: "8" })).toEqual({ disks: null, vcpus: 8 });
    expect(quotaChanges(quotas, { disks: "3", vcpus: "" })).toEqual({});
    expect(quotaChanges(quotas, { disks: "-1" })).toBeUndefined();
    expect(quotaChanges(quotas, { disks: "1.5" })).toBeUndefined();
  });

  test("a shared link ends within a week", () => {
    const now = Date.parse("2026-01-10T12:00:00Z");
    expect(endOf("hour", "", now)).toBe(now / 1000 + 3600);
    expect((endOf("week", "", now) ?? 0) - now / 1000).toBeLessThanOrEqual(7 * 86_400);
    expect(endOf("date", "2026-02-10", now)).toBeUndefined();
    expect(endOf("date", "2026-01-01", now)).toBeUndefined();
    expect(endOf("date", "", now)).toBeUndefined();
    expect(endOf("date", "2026-01-12", now)).toBeGreaterThan(now / 1000);
  });

  test("ready-made policies permit something, and snippets name the site", () => {
    for (const name of POLICIES.filter((policy) => policy !== "everything" && policy !== "own")) {
      expect(policyFor(name)).toMatch(/^permit \([\s\S]*\)[\s\S]*;\n$/);
    }
    const snippets = snippetsOf({
      endpoint: "https://lab.example",
      region: "us-east-2",
      id: "AKIA1",
      secret: "s3cret",
    });
    for (const [name, snippet] of Object.entries(snippets)) {
      for (const part of ["https://lab.example", "us-east-2", "AKIA1", "s3cret"]) {
        expect(snippet, name).toContain(part);
      }
    }
  });

  test("no more than so many run at once, and a failure lets the next one in", async () => {
    const limited = limiter(2);
    let running = 0;
    let most = 0;
    const work = (fails: boolean) =>
      limited(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((next) => setTimeout(next));
        running -= 1;
        if (fails) {
          throw new Error("failed");
        }
        return running;
      }).catch(() => -1);
    const ends = await Promise.all([true, false, true, false, false].map(work));
    expect(most).toBe(2);
    expect(ends.filter((end) => end === -1)).toHaveLength(2);
  });
});
