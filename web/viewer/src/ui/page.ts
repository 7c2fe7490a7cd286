/** The page's own controls: notice, toolbar, panels, toast. Knows nothing of the display. */

import type { State } from "../session/machine.ts";
import { element } from "./elements.ts";
import { type Notice, noticeOf } from "./sentences.ts";
import { choice, keepChoice } from "./settings.ts";

/** What the controls ask for. */
export interface PageActions {
  act(does: NonNullable<Notice["action"]>["does"]): void;
  disconnect(): void;
  toggleStatistics(): boolean;
  /** The panel of files was opened. */
  filesOpened(): void;
  /** The picture gets the keyboard back. */
  focusPicture(): void;
}

const PANELS = ["clipboard-panel", "files-panel", "key-panel", "settings-panel"] as const;
const OPENERS = {
  "clipboard-panel": "clipboard",
  "files-panel": "files",
  "key-panel": "key-menu",
  "settings-panel": "settings",
} as const;
/** The toolbar opens when the pointer rests on its handle this long. */
const TOOLBAR_OPEN_MS = 200;
/** The toolbar closes this long after the pointer left it. */
const TOOLBAR_CLOSE_MS = 1200;
/** It shows itself this long when this browser shows its first picture. */
const TOOLBAR_GREETING_MS = 4000;
const TOAST_MS = 5000;

/** Controls of one page. */
export class Page {
  private readonly notice = element("notice", HTMLElement);
  private readonly noticeTitle = element("notice-title", HTMLElement);
  private readonly noticeText = element("notice-text", HTMLElement);
  private readonly noticeAction = element("notice-action", HTMLButtonElement);
  private readonly toolbar = element("toolbar", HTMLElement);
  private readonly handle = element("toolbar-handle", HTMLButtonElement);
  private readonly toast = element("toast", HTMLElement);
  private does: NonNullable<Notice["action"]>["does"] | undefined;
  private openTimer: number | undefined;
  private closeTimer: number | undefined;
  private toastTimer: number | undefined;

  constructor(private readonly actions: PageActions) {
    this.noticeAction.addEventListener("click", () => {
      if (this.does !== undefined) {
        actions.act(this.does);
      }
    });
    this.wireToolbar();
    for (const panel of PANELS) {
      element(OPENERS[panel], HTMLButtonElement).addEventListener("click", () => this.togglePanel(panel));
      const close = element(panel, HTMLElement).querySelector(".close");
      close?.addEventListener("click", () => this.closePanels(true));
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !element("keys", HTMLTextAreaElement).matches(":focus")) {
        this.closePanels(true);
        this.setToolbar(false);
      }
    });
  }

  /** Shows a state. `painted` says whether the connection has shown a picture. */
  show(state: State, painted: boolean): void {
    const notice = noticeOf(state, painted);
    document.body.dataset.state = state.kind;
    document.body.dataset.painted = String(painted);
    document.body.dataset.reason = state.kind === "over" ? state.reason : "";
    this.notice.hidden = notice === undefined;
    this.noticeTitle.textContent = notice?.title ?? "";
    this.noticeText.textContent = notice?.text ?? "";
    this.noticeAction.hidden = notice?.action === undefined;
    this.noticeAction.textContent = notice?.action?.label ?? "";
    this.does = notice?.action?.does;
    const view = state.kind === "opening" ? undefined : state.view;
    const name = [view?.instanceName, view?.display].filter((part) => part !== undefined && part !== "").join(" – ");
    document.title = [notice?.title ?? "", name, "Porthole"].filter((part) => part !== "").join(" – ");
    element("toolbar-name", HTMLElement).textContent = view?.role === "view" ? `${name} (view only)` : name;
    this.toolbar.hidden = state.kind !== "live";
    if (state.kind !== "live") {
      this.closePanels(false);
    } else if (painted && choice("greeted", ["yes", "no"], "no") === "no") {
      keepChoice("greeted", "yes");
      this.setToolbar(true);
      this.closeSoon(TOOLBAR_GREETING_MS);
    }
  }

  /** Says one sentence for some seconds. */
  say(sentence: string): void {
    this.toast.textContent = sentence;
    this.toast.hidden = false;
    window.clearTimeout(this.toastTimer);
    this.toastTimer = window.setTimeout(() => {
      this.toast.hidden = true;
    }, TOAST_MS);
  }

  /** Opens the toolbar and puts the keyboard there. */
  openMenu(): void {
    this.setToolbar(true);
    element("fullscreen", HTMLButtonElement).focus();
  }

  private wireToolbar(): void {
    const { toolbar, handle } = this;
    handle.addEventListener("click", () => this.setToolbar(!toolbar.classList.contains("open")));
    handle.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse" && event.buttons === 0) {
        // Passing over it on the way to something else does not count.
        this.openTimer = window.setTimeout(() => this.setToolbar(true), TOOLBAR_OPEN_MS);
      }
    });
    handle.addEventListener("pointerleave", () => window.clearTimeout(this.openTimer));
    toolbar.addEventListener("pointerenter", () => window.clearTimeout(this.closeTimer));
    toolbar.addEventListener("pointerleave", () => this.closeSoon(TOOLBAR_CLOSE_MS));
    toolbar.addEventListener("focusout", () => this.closeSoon(TOOLBAR_CLOSE_MS));
    element("disconnect", HTMLButtonElement).addEventListener("click", () => this.actions.disconnect());
    const statistics = element("statistics", HTMLButtonElement);
    statistics.addEventListener("click", () => {
      statistics.setAttribute("aria-pressed", String(this.actions.toggleStatistics()));
      this.actions.focusPicture();
    });
  }

  private setToolbar(open: boolean): void {
    window.clearTimeout(this.openTimer);
    window.clearTimeout(this.closeTimer);
    this.toolbar.classList.toggle("open", open);
    this.handle.setAttribute("aria-expanded", String(open));
    this.handle.setAttribute("aria-label", open ? "Hide the menu" : "Show the menu");
  }

  private closeSoon(delayMs: number): void {
    window.clearTimeout(this.closeTimer);
    this.closeTimer = window.setTimeout(() => {
      const busy = this.toolbar.matches(":hover, :focus-within") || PANELS.some((panel) => isOpen(panel));
      if (!busy) {
        this.setToolbar(false);
      }
    }, delayMs);
  }

  private togglePanel(panel: (typeof PANELS)[number]): void {
    const open = !isOpen(panel);
    this.closePanels(!open);
    if (open) {
      element(panel, HTMLElement).hidden = false;
      element(OPENERS[panel], HTMLButtonElement).setAttribute("aria-expanded", "true");
      if (panel === "files-panel") {
        this.actions.filesOpened();
      }
      element(panel, HTMLElement).querySelector<HTMLElement>("textarea, select, button")?.focus();
    }
  }

  private closePanels(focusPicture: boolean): void {
    for (const panel of PANELS) {
      element(panel, HTMLElement).hidden = true;
      element(OPENERS[panel], HTMLButtonElement).setAttribute("aria-expanded", "false");
    }
    if (focusPicture) {
      this.actions.focusPicture();
      this.closeSoon(TOOLBAR_CLOSE_MS);
    }
  }
}

function isOpen(panel: (typeof PANELS)[number]): boolean {
  return !element(panel, HTMLElement).hidden;
}
