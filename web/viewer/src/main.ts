/** The viewer page: wires the session, the viewer and the page's own controls together. */

import { entry, firstAnswer } from "./early.ts";
import { writeLocal } from "./local-clipboard.ts";
import { Controller } from "./session/controller.ts";
import { ExpiryWatch } from "./session/expiry.ts";
import type { State } from "./session/machine.ts";
import { element } from "./ui/elements.ts";
import { FilesPanel } from "./ui/files-panel.ts";
import { KeyMenu } from "./ui/key-menu.ts";
import { defaultZoom } from "./ui/layout.ts";
import { Page } from "./ui/page.ts";
import { keepPicture, pictureName } from "./ui/screenshot.ts";
import { choice, keepChoice } from "./ui/settings.ts";
import { Statistics } from "./ui/statistics.ts";
import { Viewer } from "./viewer.ts";

const platform = /Mac|iPhone|iPad/.test(navigator.platform)
  ? "mac"
  : /Win/.test(navigator.platform)
    ? "windows"
    : "other";
document.body.classList.toggle("mac", platform === "mac");

let state: State | undefined;
let painted = false;

const viewer = new Viewer(
  {
    hello: () => controller.handle({ kind: "hello" }),
    painted: (size) => {
      statistics.picture(size);
      if (!painted) {
        painted = true;
        show();
        viewer.focus();
      }
    },
    goodbye: (reason, message) => controller.handle({ kind: "goodbye", reason, message }),
    closed: () => controller.handle({ kind: "closed" }),
    measured: (figures) => statistics.measured(figures),
    pong: (message) => statistics.pong(message),
    clipboard: (text, waiting) => showClipboard(text, waiting),
    say: (sentence) => page.say(sentence),
    menu: () => page.openMenu(),
    released: () => keyMenu.letGo(),
  },
  {
    platform,
    command: choice("command", ["control", "super"], "control"),
    option: choice("option", ["characters", "alt"], "characters"),
  },
);

const statistics = new Statistics({
  get rung() {
    return viewer.rung;
  },
  measure: () => viewer.measure(),
  ping: (token) => viewer.ping(token),
});

const page = new Page({
  act: (does) => (does === "reload" ? location.reload() : controller.handle({ kind: does })),
  disconnect: () => controller.handle({ kind: "disconnect" }),
  toggleStatistics: () => statistics.toggle(),
  filesOpened: () => files.opened(),
  focusPicture: () => viewer.focus(),
});

const expiry = new ExpiryWatch({
  fetch: (path, init) => fetch(path, init),
  nowMs: () => Date.now(),
  setTimer: (callback, delayMs) => window.setTimeout(callback, delayMs),
  clearTimer: (id) => window.clearTimeout(id),
  say: (sentence) => page.say(sentence),
});

const files = new FilesPanel({ fetch: (path, init) => fetch(path, init), say: (sentence) => page.say(sentence) });

const keyMenu = new KeyMenu(viewer.keyboard, () => viewer.focus());

function show(): void {
  if (state !== undefined) {
    page.show(state, painted);
  }
}

const controller: Controller = new Controller(
  {
    fetch: (path, init) => fetch(path, init),
    setTimer: (callback, delayMs) => window.setTimeout(callback, delayMs),
    clearTimer: (id) => window.clearTimeout(id),
    connect: (view) => {
      painted = false;
      viewer.open(view.streamPath, view.role);
    },
    hangUp: () => viewer.close(),
    keepAddress: (viewId) => history.replaceState(null, "", `/view/v/${encodeURIComponent(viewId)}`),
    show: (next) => {
      if (next.kind !== state?.kind) {
        expiry.watch(next.kind === "live" ? next.view : undefined);
      }
      files.serve(next.kind === "live" ? next.view.files : undefined);
      state = next;
      show();
    },
  },
  entry,
  firstAnswer,
);

window.addEventListener("online", () => controller.handle({ kind: "hurry" }));
// A new link opened in this tab changes only the fragment, which loads nothing by itself.
window.addEventListener("hashchange", () => location.reload());

function showClipboard(text: string, waiting: boolean): void {
  element("clipboard-text", HTMLTextAreaElement).value = text;
  element("clipboard", HTMLButtonElement).classList.toggle("fresh", waiting);
  element("clipboard-hint", HTMLElement).textContent = waiting
    ? "The remote computer copied this. Your browser hands it over only when you press “Copy to this computer”."
    : "Ctrl+V pastes what you copied here. What is copied on the remote computer arrives by itself.";
}
showClipboard("", false);

element("clipboard-send", HTMLButtonElement).addEventListener("click", () => {
  const sent = viewer.clipboard.toDisplay(element("clipboard-text", HTMLTextAreaElement).value);
  page.say(
    sent ? "The text is on the remote computer's clipboard." : "This text is too long: at most 1 MiB can be sent.",
  );
});
element("clipboard-copy", HTMLButtonElement).addEventListener("click", () => {
  const text = element("clipboard-text", HTMLTextAreaElement);
  writeLocal(text.value).then(
    () => page.say("Copied."),
    () => {
      text.select();
      page.say("The browser refuses. The text is selected: copy it with Ctrl+C.");
    },
  );
});

element("screenshot", HTMLButtonElement).addEventListener("click", () => {
  const view = state === undefined || state.kind === "opening" ? undefined : state.view;
  keepPicture(viewer.canvas, pictureName(view, new Date())).then(
    () => page.say("The picture is in your downloads."),
    () => page.say("The browser gives no picture."),
  );
  viewer.focus();
});

function wireFullScreen(): void {
  const button = element("fullscreen", HTMLButtonElement);
  const keyboard = (navigator as { keyboard?: { lock?(): Promise<void>; unlock?(): void } }).keyboard;
  button.hidden = document.documentElement.requestFullscreen === undefined;
  button.addEventListener("click", () => {
    if (document.fullscreenElement !== null) {
      void document.exitFullscreen();
    } else {
      document.documentElement
        .requestFullscreen({ navigationUI: "hide" })
        // Alt+Tab, Ctrl+W and the like go to the remote computer; holding Esc leaves.
        .then(() => keyboard?.lock?.())
        .catch(() => page.say("The browser refuses full screen."));
    }
    viewer.focus();
  });
  document.addEventListener("fullscreenchange", () => {
    const full = document.fullscreenElement !== null;
    button.setAttribute("aria-pressed", String(full));
    if (!full) {
      keyboard?.unlock?.();
    }
  });
}
wireFullScreen();

function wireSetting(id: string, name: string, value: string, apply: (value: string) => void): void {
  const select = element(id, HTMLSelectElement);
  select.value = value;
  select.addEventListener("change", () => {
    keepChoice(name, select.value);
    apply(select.value);
  });
}
const { options } = viewer.keyboard;
wireSetting("setting-command", "command", options.command, (value) => {
  viewer.keyboard.options = { ...viewer.keyboard.options, command: value === "super" ? "super" : "control" };
});
wireSetting("setting-option", "option", options.option, (value) => {
  viewer.keyboard.options = { ...viewer.keyboard.options, option: value === "alt" ? "alt" : "characters" };
});
const coarse = window.matchMedia("(pointer: coarse)").matches;
const zoom = choice("zoom", ["1", "2", "3"], String(defaultZoom(window.devicePixelRatio, coarse)) as "1" | "2" | "3");
viewer.zoom = Number(zoom);
wireSetting("setting-zoom", "zoom", zoom, (value) => {
  viewer.zoom = Number(value);
});

const screenKeyboard = element("screen-keyboard", HTMLButtonElement);
screenKeyboard.addEventListener("click", () => {
  const field = element("keys", HTMLTextAreaElement);
  const open = screenKeyboard.getAttribute("aria-pressed") !== "true";
  screenKeyboard.setAttribute("aria-pressed", String(open));
  field.inputMode = open ? "text" : "none";
  field.blur();
  viewer.focus();
});
