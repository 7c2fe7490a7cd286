import { describe, expect, test } from "vitest";
import { pauseAfter } from "../src/logic/pause.ts";
import { stagesOf } from "../src/logic/stages.ts";
import { parseRoute } from "../src/router.ts";
import { text } from "../src/strings/index.ts";
import { glyphOf } from "../src/ui/glyph.tsx";

describe("addresses", () => {
  test("names with odd characters survive, broken ones do no harm", () => {
    expect(parseRoute("#/computers/a%20b/disks?x=1").path).toEqual(["computers", "a b", "disks"]);
    expect(parseRoute("#/create?snapshot=lab-1").query.get("snapshot")).toBe("lab-1");
    expect(parseRoute("").path).toEqual([]);
    expect(parseRoute("#/x/%E0%A4%A").path).toEqual(["x", "%E0%A4%A"]);
  });
});

describe("stages", () => {
  const stages = ["ensure_image", "ensure_disk", "mark_running"];
  const tones = (part: { stage: string; status: "Started" | "Succeeded" | "Failed"; undoing: boolean }) =>
    stagesOf({ stages, ...part }).map((stage) => stage.tone);

  test("what is done, under way, and to come", () => {
    expect(tones({ stage: "ensure_disk", status: "Started", undoing: false })).toEqual([
      "success",
      "in-progress",
      "pending",
    ]);
    expect(tones({ stage: "mark_running", status: "Succeeded", undoing: false })).toEqual([
      "success",
      "success",
      "success",
    ]);
    expect(tones({ stage: "ensure_disk", status: "Failed", undoing: false })).toEqual(["success", "error", "pending"]);
    expect(tones({ stage: "ensure_disk", status: "Started", undoing: true })).toEqual([
      "stopped",
      "warning",
      "pending",
    ]);
  });
});

test("the pause after failures grows to a limit", () => {
  expect([1, 2, 3, 10].map(pauseAfter)).toEqual([1000, 2000, 4000, 15_000]);
});

test("an application's sign is the same each time", () => {
  expect(glyphOf("jupyterlab")).toEqual(glyphOf("jupyterlab"));
  expect(glyphOf("code_server").letters).toBe("CS");
});

test("no word is missing", () => {
  const walk = (part: unknown, path: string): string[] => {
    if (typeof part === "string") {
      return part === "" ? [path] : [];
    }
    return typeof part === "object" && part !== null
      ? Object.entries(part).flatMap(([name, inner]) => walk(inner, `${path}.${name}`))
      : [];
  };
  expect(walk(text, "text")).toEqual([]);
});
