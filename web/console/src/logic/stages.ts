/** How far an operation is, stage by stage. */

import type { Stages } from "../api/types.ts";
import type { Tone } from "./computer.ts";

/** Gives each stage its tone. */
export function stagesOf(
  operation: Pick<Stages, "stage" | "stages" | "status" | "undoing">,
): { name: string; tone: Tone }[] {
  const at = operation.stages.indexOf(operation.stage);
  return operation.stages.map((name, index) => {
    if (operation.status === "Succeeded" || index < at) {
      return { name, tone: operation.undoing && operation.status !== "Succeeded" ? "stopped" : "success" };
    }
    if (index > at) {
      return { name, tone: "pending" };
    }
    return { name, tone: operation.status === "Failed" ? "error" : operation.undoing ? "warning" : "in-progress" };
  });
}
