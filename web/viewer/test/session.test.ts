import { describe, expect, test } from "vitest";
import { Controller, type World } from "../src/session/controller.ts";
import { type Entry, entryOf } from "../src/session/entry.ts";
import { ExpiryWatch } from "../src/session/expiry.ts";
import { backoffMs, begin, type Event, GOODBYE, next, type State, type View } from "../src/session/machine.ts";
import { noticeOf } from "../src/ui/sentences.ts";

const VIEW = {
  viewId: "v1",
  instanceName: "lab-1",
  display: "desktop",
  role: "control",
  expiresAtMs: 1000,
  streamPath: "/view/s/v1/stream",
  statusPath: "/view/s/v1/status",
} as const satisfies View;

interface Answer {
  status: number;
  body: string;
}

/** A world with a clock that stands still until it is moved, and a server that answers what it is told. */
class FakeWorld implements World {
  readonly log: string[] = [];
  readonly requests: { path: string; answer(answer: Answer | undefined): void }[] = [];
  nowMs = 0;
  shown: State | undefined;
  private timers = new Map<number, { callback: () => void; atMs: number }>();
  private nextTimer = 1;

  fetch(path: string, init: RequestInit): Promise<Response> {
    this.log.push(`${init.method} ${path}`);
    return new Promise((resolve, reject) => {
      this.requests.push({
        path,
        answer: (answer) =>
          answer === undefined
            ? reject(new Error("gone"))
            : resolve(new Response(answer.body, { status: answer.status })),
      });
    });
  }
  setTimer(callback: () => void, delayMs: number): number {
    this.timers.set(this.nextTimer, { callback, atMs: this.nowMs + delayMs });
    return this.nextTimer++;
  }
  clearTimer(id: number): void {
    this.timers.delete(id);
  }
  connect(view: View): void {
    this.log.push(`connect ${view.streamPath}`);
  }
  hangUp(): void {
    this.log.push("hang up");
  }
  keepAddress(viewId: string): void {
    this.log.push(`address ${viewId}`);
  }
  show(state: State): void {
    this.shown = state;
  }

  /** Lets time pass and runs what is due. */
  pass(durationMs: number): void {
    const end = this.nowMs + durationMs;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.atMs <= end).sort((a, b) => a[1].atMs - b[1].atMs)[0];
      if (due === undefined) {
        break;
      }
      this.timers.delete(due[0]);
      this.nowMs = due[1].atMs;
      due[1].callback();
    }
    this.nowMs = end;
  }

  get idle(): boolean {
    return this.timers.size === 0;
  }

  /** Answers the newest request and waits until the page has taken it. */
  async answer(status: number | undefined, body: unknown = {}): Promise<void> {
    this.requests.at(-1)?.answer(status === undefined ? undefined : { status, body: JSON.stringify(body) });
    for (let turn = 0; turn < 10; turn += 1) {
      await Promise.resolve();
    }
    await new Promise((done) => setImmediate(done));
  }
}

const tokenEntry = { kind: "token", token: "secret" } as const;

function opened(entry: Entry = tokenEntry, begun?: Promise<Event>): { world: FakeWorld; controller: Controller } {
  const world = new FakeWorld();
  const bound: World = {
    fetch: (path, init) => world.fetch(path, init),
    setTimer: (callback, delayMs) => world.setTimer(callback, delayMs),
    clearTimer: (id) => world.clearTimer(id),
    connect: (view) => world.connect(view),
    hangUp: () => world.hangUp(),
    keepAddress: (viewId) => world.keepAddress(viewId),
    show: (state) => world.show(state),
  };
  return { world, controller: new Controller(bound, entry, begun) };
}

async function live(): Promise<{ world: FakeWorld; controller: Controller }> {
  const page = opened();
  await page.world.answer(200, VIEW);
  page.controller.handle({ kind: "hello" });
  page.world.log.length = 0;
  return page;
}

describe("opening", () => {
  test("the token is traded, wiped from the address, and the stream opened", async () => {
    const { world, controller } = opened();
    await world.answer(200, VIEW);
    expect(world.log).toEqual(["POST /view/api/trade", "address v1", "connect /view/s/v1/stream"]);
    controller.handle({ kind: "hello" });
    expect(world.shown?.kind).toBe("live");
  });

  test.each([
    ["expired", "expired"],
    ["ended", "ended"],
    ["invalid", "invalid"],
    ["anything", "invalid"],
  ])("a refusal with reason %s ends the page as %s", async (reason, over) => {
    const { world } = opened();
    await world.answer(403, { reason, message: "A sentence." });
    expect(world.shown).toMatchObject({ kind: "over", reason: over, message: "A sentence." });
    expect(world.idle).toBe(true);
  });

  test("an answer that was asked for before is taken, and only once", async () => {
    const begun: Promise<Event> = Promise.resolve({ kind: "unreachable" });
    const { world } = opened({ kind: "view", viewId: "v1" }, begun);
    await world.answer(undefined);
    expect(world.log).toEqual([]);
    world.pass(backoffMs(0));
    expect(world.log).toEqual(["GET /view/s/v1/status"]);
    await world.answer(200, { ...VIEW, state: "started" });
    expect(world.log.slice(1)).toEqual(["connect /view/s/v1/stream"]);
  });

  test("a server that is away is tried again, each time later", async () => {
    const { world } = opened();
    await world.answer(undefined);
    world.pass(backoffMs(0));
    await world.answer(502);
    world.pass(backoffMs(1) - 1);
    expect(world.requests).toHaveLength(2);
    world.pass(1);
    expect(world.requests).toHaveLength(3);
    await world.answer(200, VIEW);
    expect(world.shown?.kind).toBe("connecting");
  });

  test("a page that is not Porthole's counts as away", async () => {
    const { world } = opened();
    await world.answer(200, "<html>log in to the hotel network</html>");
    expect(world.shown?.kind).toBe("opening");
    world.pass(backoffMs(0));
    await world.answer(200, { ...VIEW, streamPath: "//elsewhere/stream" });
    expect(world.shown?.kind).toBe("opening");
  });

  test("an address without token or view says that it is not complete", () => {
    const { state, deeds } = begin({ kind: "nothing" });
    expect(state).toMatchObject({ kind: "over", reason: "invalid" });
    expect(deeds).toEqual([{ kind: "hangUp" }]);
  });

  test("addresses", () => {
    expect(entryOf({ pathname: "/view/", hash: "#t=abc" })).toEqual({ kind: "token", token: "abc" });
    expect(entryOf({ pathname: "/view/v/x_1-Z", hash: "" })).toEqual({ kind: "view", viewId: "x_1-Z" });
    expect(entryOf({ pathname: "/view/v/../../etc", hash: "" })).toEqual({ kind: "nothing" });
    expect(entryOf({ pathname: "/view/", hash: "#t=" })).toEqual({ kind: "nothing" });
  });
});

describe("when the stream closes", () => {
  test("the status is asked at once, and a stopped session is shown without any timer", async () => {
    const { world, controller } = await live();
    controller.handle({ kind: "closed" });
    expect(world.log).toEqual(["GET /view/s/v1/status"]);
    await world.answer(200, { ...VIEW, state: "stopped", message: "Stopped by someone." });
    expect(world.shown).toMatchObject({ kind: "over", reason: "stopped", message: "Stopped by someone." });
    expect(world.nowMs).toBe(0);
    expect(world.idle).toBe(true);
  });

  test.each([
    ["stopping", "stopped"],
    ["stopped", "stopped"],
    ["expired", "expired"],
    ["failed", "failed"],
    ["gone", "ended"],
    ["a word of a later version", "ended"],
  ])("status %s shows %s", async (status, over) => {
    const { world, controller } = await live();
    controller.handle({ kind: "closed" });
    await world.answer(200, { ...VIEW, state: status, message: "m" });
    expect(world.shown).toMatchObject({ kind: "over", reason: over });
  });

  test("a session that goes on is reconnected at once, and a good connection starts anew", async () => {
    const { world, controller } = await live();
    controller.handle({ kind: "closed" });
    await world.answer(200, { ...VIEW, state: "started", message: "" });
    expect(world.log.at(-1)).toBe("connect /view/s/v1/stream");
    controller.handle({ kind: "hello" });
    world.pass(10_000);
    world.log.length = 0;
    controller.handle({ kind: "closed" });
    await world.answer(200, { ...VIEW, state: "started", message: "" });
    expect(world.log.at(-1)).toBe("connect /view/s/v1/stream");
  });

  test("a connection that breaks again and again is tried less and less often", async () => {
    const { world, controller } = await live();
    const pauses: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      controller.handle({ kind: "closed" });
      await world.answer(200, { ...VIEW, state: "started", message: "" });
      const asked = world.nowMs;
      while (controller.current.kind !== "connecting") {
        world.pass(50);
      }
      pauses.push(world.nowMs - asked);
      controller.handle({ kind: "hello" });
    }
    expect(pauses).toEqual([0, 250, 500, 1000, 2000, 4000, 8000, 8000]);
  });

  test("a session that is starting is asked again and connected when it is there", async () => {
    const { world, controller } = await live();
    controller.handle({ kind: "closed" });
    await world.answer(200, { ...VIEW, state: "starting", message: "" });
    expect(world.shown).toMatchObject({ kind: "waiting", starting: true });
    world.pass(500);
    await world.answer(200, { ...VIEW, state: "started", message: "" });
    expect(world.shown?.kind).toBe("connecting");
  });

  test("a dead network is waited for; coming back online hurries", async () => {
    const { world, controller } = await live();
    controller.handle({ kind: "closed" });
    await world.answer(undefined);
    expect(world.shown?.kind).toBe("waiting");
    controller.handle({ kind: "hurry" });
    await world.answer(undefined);
    expect(world.requests).toHaveLength(3);
    world.pass(60_000);
    expect(world.requests).toHaveLength(4);
  });

  test("a cookie that is no longer good ends the page", async () => {
    const { world, controller } = await live();
    controller.handle({ kind: "closed" });
    await world.answer(403, { reason: "ended", message: "Over." });
    expect(world.shown).toMatchObject({ kind: "over", reason: "ended" });
  });

  test("answers to questions of an earlier state are dropped", async () => {
    const { world, controller } = await live();
    controller.handle({ kind: "closed" });
    controller.handle({ kind: "disconnect" });
    await world.answer(200, { ...VIEW, state: "started", message: "" });
    expect(world.shown).toMatchObject({ kind: "over", reason: "disconnected" });
    controller.handle({ kind: "reconnect" });
    await world.answer(200, { ...VIEW, state: "started", message: "" });
    expect(world.shown?.kind).toBe("connecting");
  });
});

describe("goodbye", () => {
  test.each([
    [GOODBYE.version, "outdated"],
    [GOODBYE.full, "taken"],
    [GOODBYE.protocolError, "failed"],
  ])("reason %i ends the page as %s", async (reason, over) => {
    const { world, controller } = await live();
    controller.handle({ kind: "goodbye", reason, message: "m" });
    expect(world.shown).toMatchObject({ kind: "over", reason: over });
    expect(world.idle).toBe(true);
  });

  test.each([GOODBYE.displayEnded, GOODBYE.agentEnds])("reason %i asks the status", async (reason) => {
    const { world, controller } = await live();
    controller.handle({ kind: "goodbye", reason, message: "m" });
    controller.handle({ kind: "closed" });
    expect(world.log).toEqual(["GET /view/s/v1/status"]);
    await world.answer(200, { ...VIEW, state: "started", message: "" });
    expect(world.shown?.kind).toBe("waiting");
  });
});

describe("the end of the session's time", () => {
  function watched(expiresAtMs: number): { world: FakeWorld; said: string[] } {
    const world = new FakeWorld();
    const said: string[] = [];
    const watch = new ExpiryWatch({
      fetch: (path, init) => world.fetch(path, init),
      nowMs: () => world.nowMs,
      setTimer: (callback, delayMs) => world.setTimer(callback, delayMs),
      clearTimer: (id) => world.clearTimer(id),
      say: (sentence) => said.push(sentence),
    });
    watch.watch({ ...VIEW, expiresAtMs });
    return { world, said };
  }

  test("is announced two minutes before, when it was not renewed", async () => {
    const { world, said } = watched(3_600_000);
    world.pass(3_480_000 - 1);
    expect(world.requests).toHaveLength(0);
    world.pass(1);
    await world.answer(200, { ...VIEW, state: "started", message: "", expiresAtMs: 3_600_000 });
    expect(said).toEqual([expect.stringContaining("in 2 minutes")]);
  });

  test("is watched anew when it was renewed", async () => {
    const { world, said } = watched(3_600_000);
    world.pass(3_480_000);
    await world.answer(200, { ...VIEW, state: "started", message: "", expiresAtMs: 7_000_000 });
    expect(said).toEqual([]);
    world.pass(7_000_000 - 3_480_000 - 30_000);
    await world.answer(200, { ...VIEW, state: "started", message: "", expiresAtMs: 7_000_000 });
    expect(said).toEqual([expect.stringContaining("in 30 seconds")]);
  });

  test("is left to the other states once the session is not started", async () => {
    const { world, said } = watched(1000);
    world.pass(0);
    await world.answer(200, { ...VIEW, state: "stopped", message: "", expiresAtMs: 1000 });
    expect(said).toEqual([]);
    expect(world.idle).toBe(true);
  });
});

describe("every event in every state", () => {
  const states: State[] = [
    { kind: "opening", entry: tokenEntry, attempt: 0 },
    { kind: "opening", entry: { kind: "view", viewId: "v1" }, attempt: 3 },
    { kind: "connecting", view: VIEW, attempt: 0, seenLive: false },
    { kind: "connecting", view: VIEW, attempt: 2, seenLive: true },
    { kind: "live", view: VIEW, attempt: 1 },
    { kind: "asking", view: VIEW, attempt: 0, seenLive: true },
    { kind: "waiting", view: VIEW, attempt: 1, seenLive: true, after: "connect", starting: false },
    { kind: "waiting", view: VIEW, attempt: 1, seenLive: true, after: "ask", starting: true },
    { kind: "over", reason: "stopped", message: "", view: VIEW },
    { kind: "over", reason: "invalid", message: "", view: undefined },
  ];
  const events: Event[] = [
    { kind: "traded", view: VIEW },
    { kind: "status", status: { state: "started", message: "", view: VIEW } },
    { kind: "status", status: { state: "stopped", message: "", view: VIEW } },
    { kind: "refused", reason: "expired", message: "" },
    { kind: "unreachable" },
    { kind: "hello" },
    { kind: "closed" },
    { kind: "goodbye", reason: 1, message: "" },
    { kind: "timer" },
    { kind: "hurry" },
    { kind: "disconnect" },
    { kind: "reconnect" },
  ];

  test("no state is left without a way on", () => {
    for (const state of states) {
      for (const event of events) {
        const { state: after, deeds } = next(state, event);
        const waitsForSomething =
          after.kind === "over" ||
          after.kind === "live" ||
          after === state ||
          deeds.some(({ kind }) => kind !== "hangUp");
        expect(waitsForSomething, `${state.kind} + ${event.kind}`).toBe(true);
        const notice = noticeOf(after, true);
        expect(notice === undefined, `${after.kind} shows something`).toBe(after.kind === "live");
        if (after.kind === "over") {
          expect(notice?.title).not.toBe("");
          expect(notice?.text).not.toBe("");
        }
      }
    }
  });
});
