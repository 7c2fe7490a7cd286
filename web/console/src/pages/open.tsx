/** The way from a click to a live desktop, with the stages as they happen. It has a tab of its own. */

import { GetInstanceStateCommand, StartGUISessionCommand, StartInstanceCommand } from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { send } from "../api/cloud.ts";
import { isMissing, type Problem, problemOf } from "../api/problem.ts";
import { AwayError, signedOut } from "../api/site.ts";
import { sessionOf } from "../data.ts";
import { useValue } from "../live/value.ts";
import { type Done, nextOf, type Seen } from "../logic/opening.ts";
import { linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { OperationStages } from "../ui/stages.tsx";
import { Empty, ProblemAlert } from "../ui/states.tsx";

const says = text.open;
const POLL_MS = 400;

interface Showing {
  stage: string;
  percent: number | undefined;
  /** The operation that brings it up. */
  operation: string | undefined;
  problem: Problem | undefined;
}

const BEGINNING: Showing = { stage: says.looking, percent: undefined, operation: undefined, problem: undefined };

/** The page. `display` is the name of one; undefined is the primary one. */
export default function OpenPage({ name, display }: { name: string; display: string | undefined }) {
  const [attempt, setAttempt] = useState(0);
  const [showing, setShowing] = useState<Showing>(BEGINNING);
  const ended = useValue(signedOut);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt opens anew
  useEffect(() => {
    // Signing in again over the page goes on where it was.
    if (ended) {
      return;
    }
    const stopped = new AbortController();
    setShowing(BEGINNING);
    void open(name, display, stopped.signal, (part) => setShowing((before) => ({ ...before, ...part })));
    return () => stopped.abort();
  }, [name, display, attempt, ended]);
  if (name === "") {
    return (
      <Empty
        title={text.shell.missing}
        says={text.shell.missingSays}
        action={<a href={linkTo("computers")}>{text.shell.toComputers}</a>}
      />
    );
  }
  const { problem } = showing;
  return (
    <div className="opening">
      <Container header={<Header variant="h1">{says.heading(display, name)}</Header>}>
        <SpaceBetween size="l">
          {problem === undefined ? (
            <ProgressBar value={showing.percent ?? 0} label={showing.stage} description={says.patience} />
          ) : (
            <ProblemAlert problem={problem} retry={() => setAttempt((count) => count + 1)} />
          )}
          {showing.operation === undefined ? null : <OperationStages id={showing.operation} />}
          <Button href={linkTo("computers", name)} variant="link">
            {says.toComputer(name)}
          </Button>
        </SpaceBetween>
      </Container>
    </div>
  );
}

async function open(
  name: string,
  display: string | undefined,
  signal: AbortSignal,
  show: (part: Partial<Showing>) => void,
): Promise<void> {
  const done: Done = { startedComputer: false, startedSession: false };
  while (!signal.aborted) {
    try {
      const { seen, percent } = await look(name, display);
      if (signal.aborted) {
        return;
      }
      const next = nextOf(seen, done);
      switch (next.does) {
        case "open":
          show({ stage: says.opening, percent: 100 });
          location.replace(next.url);
          return;
        case "fail":
          show({ problem: { title: says.failed[next.why], says: next.says, field: undefined, passing: true } });
          return;
        case "startComputer":
          done.startedComputer = true;
          show({ stage: says.stages.computer, operation: await startComputer(name) });
          break;
        case "startSession":
          done.startedSession = true;
          show({ stage: says.stages.session, operation: await startSession(name) });
          break;
        case "wait":
          show({ stage: says.stages[next.stage], percent });
      }
    } catch (error) {
      // While the server is away the page waits; it is back in a moment.
      if (!(error instanceof AwayError)) {
        show({ problem: isMissing(error) ? { ...problemOf(error), title: says.failed.missing } : problemOf(error) });
        return;
      }
      show({ stage: says.away });
    }
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}

async function look(name: string, display: string | undefined): Promise<{ seen: Seen; percent: number | undefined }> {
  const { state } = await send(new GetInstanceStateCommand({ instanceName: name }));
  const access = await sessionOf(name);
  const sessions = access.sessions ?? [];
  const wanted = sessions.find((session) =>
    display === undefined ? session.isPrimary === true : session.name === display,
  );
  return {
    seen: {
      state: state?.name ?? "",
      status: access.status ?? "",
      failureReason: access.failureReason ?? "",
      url: wanted?.url,
      displays: sessions.map((session) => session.name ?? ""),
    },
    percent: access.percentageComplete,
  };
}

async function startComputer(name: string): Promise<string | undefined> {
  return (await send(new StartInstanceCommand({ instanceName: name }))).operations?.[0]?.id;
}

async function startSession(name: string): Promise<string | undefined> {
  return (await send(new StartGUISessionCommand({ resourceName: name }))).operations?.[0]?.id;
}
