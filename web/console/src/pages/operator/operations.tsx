/** Operations of the site that have not ended, the stuck ones on top. */

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { queryOf, site } from "../../api/site.ts";
import type { OperatorOperation } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { ago, words } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { type Column, List } from "../../ui/list.tsx";

const says = text.operator.operations;

/** The page. */
export default function OperationsPage() {
  const [onlyStuck, setOnlyStuck] = useState(false);
  const query = queryOf({ stuck: onlyStuck ? true : undefined });
  const live = useLive(
    `operator operations ${onlyStuck}`,
    () => site.get<{ operations: OperatorOperation[] }>(`operator/operations${query}`),
    { everyMs: 10_000 },
  );
  const retry = (operation: OperatorOperation) =>
    act(
      () => site.post(`operator/operations/${encodeURIComponent(operation.id)}/retry`),
      says.retried(operation.resourceName),
    );
  const columns: Column<OperatorOperation>[] = [
    {
      id: "what",
      header: says.operation,
      isRowHeader: true,
      narrow: true,
      cell: (operation) => (
        <>
          {words(operation.type)} – <b>{operation.resourceName}</b>
          {operation.stuck ? <StatusIndicator type="error">{says.stuck}</StatusIndicator> : null}
          {operation.error === undefined ? null : (
            <Box color="text-status-error" fontSize="body-s">
              {operation.error}
            </Box>
          )}
        </>
      ),
    },
    { id: "account", header: says.account, cell: (operation) => operation.account.name },
    {
      id: "state",
      header: says.state,

      cell: (operation) => (
        <StatusIndicator type={operation.stuck ? "error" : operation.undoing ? "warning" : "in-progress"}>
          {operation.stuck ? says.stuck : operation.undoing ? says.undoing : says.going}
        </StatusIndicator>
      ),
    },
    {
      id: "stage",
      header: says.stage,
      cell: (operation) => text.stages.names[operation.stage] ?? words(operation.stage),
    },
    { id: "attempts", header: says.attempts, cell: (operation) => operation.attempts },
    { id: "started", header: says.started, cell: (operation) => ago(operation.startedAt) },
    {
      id: "next",
      header: says.nextTry,
      cell: (operation) => (operation.nextTryAt === null ? text.common.none : ago(operation.nextTryAt)),
    },
    {
      id: "retry",
      header: text.common.actions,
      narrow: true,
      cell: (operation) => (
        <Button wrapText={false} ariaLabel={says.retryOf(operation.resourceName)} onClick={() => void retry(operation)}>
          {says.retry}
        </Button>
      ),
    },
  ];
  return (
    <List
      live={{ ...live, data: live.data?.operations }}
      title={text.pages.operations}
      description={says.says}
      columns={columns}
      idOf={(operation) => operation.id}
      search={(operation) => `${operation.type} ${operation.resourceName} ${operation.account.name}`}
      variant="full-page"
      empty={{ title: onlyStuck ? says.noneStuck : says.none, says: says.noneSays }}
      actions={
        <Toggle checked={onlyStuck} onChange={({ detail }) => setOnlyStuck(detail.checked)}>
          {says.onlyStuck}
        </Toggle>
      }
    />
  );
}
