/** Loading, empty, failed: what a page shows when it has nothing to show. */

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import type { ReactNode } from "react";
import { type Problem, problemOf } from "../api/problem.ts";
import type { Live } from "../live/query.ts";
import { text } from "../strings/index.ts";

/** Nothing is there, and how there comes to be something. */
export function Empty({ title, says, action }: { title: string; says?: string; action?: ReactNode }) {
  return (
    <Box textAlign="center" color="inherit" padding={{ vertical: "l" }}>
      <SpaceBetween size="xs">
        <b>{title}</b>
        {says === undefined ? null : <Box color="text-body-secondary">{says}</Box>}
        {action}
      </SpaceBetween>
    </Box>
  );
}

/** Something comes. */
export function Loading() {
  return (
    <Box textAlign="center" padding="l" color="text-body-secondary">
      <Spinner /> <span role="status">{text.common.loading}</span>
    </Box>
  );
}

/** What went wrong, with a way to try again. */
export function Failed({ error, retry }: { error: unknown; retry: () => void }) {
  return <ProblemAlert problem={problemOf(error)} retry={retry} />;
}

/** What went wrong, in a form or a dialog. */
export function ProblemAlert({ problem, retry }: { problem: Problem | undefined; retry?: () => void }) {
  if (problem === undefined) {
    return null;
  }
  const again = retry === undefined ? undefined : <Button onClick={retry}>{text.common.tryAgain}</Button>;
  return (
    <div role="alert">
      <Alert type="error" header={problem.title} action={again}>
        {problem.says}
      </Alert>
    </div>
  );
}

/** Shows what a query gave, or why it gave nothing. What was there once stays while the server is away. */
export function Shown<T>({ live, children }: { live: Live<T>; children: (data: T) => ReactNode }) {
  if (live.data !== undefined) {
    return children(live.data);
  }
  return live.error === undefined ? <Loading /> : <Failed error={live.error} retry={live.reload} />;
}
