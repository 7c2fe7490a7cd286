/** Stages of an operation as they happen. */

import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { site } from "../api/site.ts";
import type { Stages } from "../api/types.ts";
import { useLive } from "../live/query.ts";
import { words } from "../logic/format.ts";
import { stagesOf } from "../logic/stages.ts";
import { text } from "../strings/index.ts";

/** Shows the stages of one operation. */
export function OperationStages({ id }: { id: string }) {
  const live = useLive(`stages ${id}`, () => site.get<Stages>(`operations/${encodeURIComponent(id)}`));
  const operation = live.data;
  if (operation === undefined || operation.stages.length === 0) {
    return null;
  }
  return (
    <div>
      <ol className="stages" aria-label={text.stages.label}>
        {stagesOf(operation).map(({ name, tone }) => (
          <li key={name}>
            <StatusIndicator type={tone}>{text.stages.names[name] ?? words(name)}</StatusIndicator>
          </li>
        ))}
      </ol>
      {operation.attempts > 1 ? <p>{text.stages.attempts(operation.attempts)}</p> : null}
      {operation.error === undefined || operation.error === "" ? null : <p>{operation.error}</p>}
    </div>
  );
}
