/** States as an icon and a word. */

import type { Operation } from "@aws-sdk/client-lightsail";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { operationTone, sessionTone, storageTone, toneOf } from "../logic/computer.ts";
import { words } from "../logic/format.ts";
import { text } from "../strings/index.ts";

/** State of a computer. */
export function ComputerState({ state }: { state: string | undefined }) {
  return <StatusIndicator type={toneOf(state)}>{text.states[state ?? ""] ?? words(state ?? "")}</StatusIndicator>;
}

/** Status of a session. */
export function SessionStatus({ status, percent }: { status: string | undefined; percent?: number | undefined }) {
  const says = text.sessionStates[status ?? ""] ?? words(status ?? "");
  const going = status === "starting" && percent !== undefined && percent > 0 ? ` ${percent} %` : "";
  return <StatusIndicator type={sessionTone(status)}>{`${says}${going}`}</StatusIndicator>;
}

/** State of a disk or a snapshot. */
export function StorageState({ state, progress }: { state: string | undefined; progress?: string | undefined }) {
  const going = progress !== undefined && state === "pending" ? ` ${progress}` : "";
  return <StatusIndicator type={storageTone(state)}>{`${words(state ?? "")}${going}`}</StatusIndicator>;
}

/** Status of an operation. */
export function OperationStatus({ operation }: { operation: Pick<Operation, "status"> }) {
  return <StatusIndicator type={operationTone(operation.status)}>{words(operation.status ?? "")}</StatusIndicator>;
}
