import { describe, expect, test } from "vitest";
import { type Entry, folderOf, inside, percentOf, sizeText, sorted, stepsOf } from "../src/files/folder.ts";
import { check, contentPath, list, outcomeOf } from "../src/files/remote.ts";
import { type Outcome, type Send, sentenceOf, type Upload, Uploads } from "../src/files/uploads.ts";
import { trade } from "../src/session/api.ts";

const entry = (name: string, kind: Entry["kind"] = "file"): Entry => ({ name, kind, sizeBytes: 1, modifiedMs: 2 });

describe("a folder", () => {
  test("is read as far as it is one", () => {
    const good = { name: "a", kind: "file", sizeBytes: 1, modifiedMs: 2 };
    const odd = { name: "b", kind: "weird", sizeBytes: "many" };
    const body = { entries: [good, odd, { name: 7 }, "x", null], more: true, freeBytes: 9 };
    expect(folderOf(body)).toEqual({
      entries: [entry("a"), { name: "b", kind: "other", sizeBytes: 0, modifiedMs: 0 }],
      more: true,
      freeBytes: 9,
    });
    for (const bad of [undefined, null, [], {}, { entries: {} }]) {
      expect(folderOf(bad)).toBeUndefined();
    }
  });

  test("shows folders first, numbers in order, and hidden ones when asked", () => {
    const entries = [entry("run 10"), entry("Run 2"), entry("z", "folder"), entry(".bashrc"), entry("a", "other")];
    const names = (hidden: boolean) => sorted(entries, hidden).map(({ name }) => name);
    expect(names(false)).toEqual(["z", "a", "Run 2", "run 10"]);
    expect(names(true)).toEqual(["z", ".bashrc", "a", "Run 2", "run 10"]);
  });

  test("has a way to it", () => {
    expect(stepsOf("")).toEqual([{ name: "Home", path: "" }]);
    expect(stepsOf("a/b c")).toEqual([
      { name: "Home", path: "" },
      { name: "a", path: "a" },
      { name: "b c", path: "a/b c" },
    ]);
    expect([inside("", "x"), inside("a/b", "x")]).toEqual(["x", "a/b/x"]);
  });

  test.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1000, "1.0 kB"],
    [99_940, "99.9 kB"],
    [99_960, "100 kB"],
    [999_600, "1.0 MB"],
    [10_737_418_240, "10.7 GB"],
    [5e15, "5000 TB"],
  ])("writes %d bytes as %s", (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });

  test("is all there only when the server says so", () => {
    expect([percentOf(0, 0), percentOf(1, 3), percentOf(3, 3)]).toEqual([0, 33, 99]);
  });
});

describe("requests", () => {
  const answering = (status: number, body: string) => {
    const asked: string[] = [];
    const fetch = async (path: string) => {
      asked.push(path);
      return new Response(status === 204 ? null : body, { status });
    };
    return { asked, fetch };
  };

  test("name a path so that nothing of it is taken for something else", async () => {
    const { asked, fetch } = answering(200, JSON.stringify({ entries: [], more: false, freeBytes: 1 }));
    expect(await list(fetch, "/view/s/v/files", "a&b=c/ä ?#")).toMatchObject({ ok: true });
    expect(asked).toEqual(["/view/s/v/files?path=a%26b%3Dc%2F%C3%A4%20%3F%23"]);
    expect(contentPath("/f", "a+b")).toBe("/f/content?path=a%2Bb");
  });

  test("say the server's sentence, and one of their own when it has none", async () => {
    const denied = answering(403, JSON.stringify({ message: "You have no rights to do that there." }));
    expect(await list(denied.fetch, "/f", "")).toEqual({ ok: false, message: "You have no rights to do that there." });
    for (const { fetch } of [answering(502, "<html>"), answering(200, "null")]) {
      const answer = await list(fetch, "/f", "");
      expect(answer).toMatchObject({ ok: false, message: expect.stringContaining("does not answer") });
    }
    expect(await list(() => Promise.reject(new Error("gone")), "/f", "")).toMatchObject({ ok: false });
    const good = answering(204, "");
    expect(await check(good.fetch, "/f", "a")).toMatchObject({ ok: true });
    expect(good.asked).toEqual(["/f/content?path=a&check"]);
  });

  test("an upload's answer is read", () => {
    expect(outcomeOf(200, '{"name":"a (1)"}')).toEqual({ kind: "kept", name: "a (1)" });
    expect(outcomeOf(507, '{"message":"Full."}')).toEqual({ kind: "refused", message: "Full." });
    expect([outcomeOf(200, "{}"), outcomeOf(502, "<html>"), outcomeOf(0, "")].map(({ kind }) => kind)).toEqual([
      "lost",
      "lost",
      "lost",
    ]);
  });

  test("the trade says where the files are, if this view may use them", async () => {
    const said = { viewId: "v1", streamPath: "/view/s/v1/stream", role: "control", largestFileBytes: 7 };
    const files = async (filesPath: unknown) => {
      const event = await trade(answering(200, JSON.stringify({ ...said, filesPath })).fetch, "t");
      return event.kind === "traded" ? event.view.files : event;
    };
    expect(await files("/view/s/v1/files")).toEqual({ path: "/view/s/v1/files", largestBytes: 7 });
    expect(await files(null)).toBeUndefined();
    expect(await files("//elsewhere/files")).toBeUndefined();
  });
});

describe("uploads", () => {
  interface Sent {
    to: Parameters<Send>[0];
    progress(bytes: number): void;
    done(outcome: Outcome): void;
    stopped: boolean;
  }

  function world(largestBytes = 1000) {
    const sent: Sent[] = [];
    const send: Send = (to, _file, events) => {
      const one = { to, ...events, stopped: false };
      sent.push(one);
      return () => {
        one.stopped = true;
      };
    };
    const seen: string[] = [];
    const uploads = new Uploads(
      send,
      (upload) => seen.push(`${upload.name} ${upload.state}`),
      () => largestBytes,
    );
    const at = (index: number): Sent => {
      const one = sent[index];
      if (one === undefined) {
        throw new Error(`upload ${index} was not begun`);
      }
      return one;
    };
    return { sent, uploads, seen, at };
  }

  const file = (name: string, size = 10) => new File([new Uint8Array(size)], name);
  const states = (uploads: Uploads) => uploads.all.map(({ state }) => state);

  test("two at once, in their order, the next when one is done", () => {
    const { sent, uploads, at } = world();
    uploads.add([file("a"), file("b"), file("c")], "Downloads", true);
    uploads.add([file("d")], "x", false);
    expect(states(uploads)).toEqual(["sending", "sending", "waiting", "waiting"]);
    at(1).done({ kind: "kept", name: "b" });
    expect(states(uploads)).toEqual(["sending", "kept", "sending", "waiting"]);
    at(0).done({ kind: "lost" });
    expect(sent.map(({ to }) => to)).toEqual([
      { folder: "Downloads", name: "a", make: true },
      { folder: "Downloads", name: "b", make: true },
      { folder: "Downloads", name: "c", make: true },
      { folder: "x", name: "d", make: false },
    ]);
    at(2).done({ kind: "kept", name: "c" });
    expect(uploads.busy).toBe(true);
    at(3).done({ kind: "kept", name: "d" });
    expect(uploads.busy).toBe(false);
  });

  test("one that is cancelled is stopped and makes room", () => {
    const { uploads, at } = world();
    uploads.add([file("a"), file("b"), file("c"), file("d")], "", false);
    const [first, , , last] = uploads.all;
    uploads.cancel(last?.id ?? 0);
    uploads.cancel(first?.id ?? 0);
    expect(at(0).stopped).toBe(true);
    expect(states(uploads)).toEqual(["cancelled", "sending", "sending", "cancelled"]);
    at(1).done({ kind: "kept", name: "b" });
    uploads.cancel(uploads.all[1]?.id ?? 0);
    expect(states(uploads)[1]).toBe("kept");
    uploads.clear();
    expect(states(uploads)).toEqual(["sending"]);
  });

  test("one that is too large is not begun", () => {
    const { sent, uploads, seen } = world(5);
    uploads.add([file("large", 6), file("small", 5)], "", false);
    expect(sent.map(({ to }) => to.name)).toEqual(["small"]);
    expect(seen[0]).toBe("large failed");
    expect(uploads.all[0]?.message).toBe("This server takes files of at most 5 bytes.");
  });

  test("what is said of one", () => {
    const { uploads, at } = world();
    const said = () => sentenceOf(uploads.all[0] as Upload);
    uploads.add([file("a.txt", 200)], "Downloads", true);
    at(0).progress(50);
    expect(said()).toBe("25 %, 50 bytes of 200 bytes");
    at(0).progress(260);
    expect(said()).toBe("Being put on the disk, 200 bytes");
    at(0).done({ kind: "kept", name: "a (1).txt" });
    expect(said()).toBe("The name was taken: kept as Downloads/a (1).txt, 200 bytes");
    uploads.clear();
    uploads.add([file("b")], "", false);
    at(1).done({ kind: "refused", message: "The computer's disk is full." });
    expect(said()).toBe("The computer's disk is full.");
  });
});
