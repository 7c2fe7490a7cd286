/** Messages at the top of the page. */

import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { problemOf } from "../api/problem.ts";
import { useValue, Value } from "../live/value.ts";
import { text } from "../strings/index.ts";

const shown = new Value<readonly FlashbarProps.MessageDefinition[]>([]);
const MOST = 5;
const SUCCESS_MS = 8000;
let last = 0;

function add(message: Omit<FlashbarProps.MessageDefinition, "id" | "dismissible" | "onDismiss">): string {
  last += 1;
  const id = `flash-${last}`;
  const item = { ...message, id, dismissible: true, dismissLabel: text.common.dismiss, onDismiss: () => dismiss(id) };
  shown.set([item, ...shown.get()].slice(0, MOST));
  return id;
}

function dismiss(id: string): void {
  shown.set(shown.get().filter((item) => item.id !== id));
}

/** Says things at the top of the page. */
export const flash = {
  success(content: string): void {
    const id = add({ type: "success", content });
    setTimeout(() => dismiss(id), SUCCESS_MS);
  },
  info(content: string): void {
    add({ type: "info", content });
  },
  error(error: unknown): void {
    const problem = problemOf(error);
    add({ type: "error", header: problem.title, content: problem.says });
  },
};

/** Shows the messages, and above them what is wrong with the connection. */
export function Flashes({ first }: { first: readonly FlashbarProps.MessageDefinition[] }) {
  const items = [...first, ...useValue(shown)];
  return <Flashbar items={items} i18nStrings={text.flashbar} />;
}
