/** Blueprints: which are built, how a build goes, and its log. */

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useRef, useState } from "react";
import { type Problem, problemOf } from "../../api/problem.ts";
import { queryOf, site } from "../../api/site.ts";
import type { OperatorBlueprint } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { duration, words } from "../../logic/format.ts";
import { go, linkTo } from "../../router.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { Ask } from "../../ui/dialog.tsx";
import { Glyph } from "../../ui/glyph.tsx";
import { type Column, List } from "../../ui/list.tsx";
import { ProblemAlert } from "../../ui/states.tsx";
import { useNarrow } from "../../ui/width.ts";

const says = text.operator.blueprints;
const EVERY_MS = 3000;
const LOG_EVERY_MS = 1000;
const TONES = { built: "success", stale: "warning", missing: "stopped", unknown: "warning" } as const;

const pathOf = (id: string): string => `operator/blueprints/${encodeURIComponent(id)}`;

/** The page. `id` is the blueprint whose log is shown. */
export default function BlueprintsPage({ id }: { id: string | undefined }) {
  const live = useLive(
    "operator blueprints",
    () => site.get<{ blueprints: OperatorBlueprint[] }>("operator/blueprints"),
    { everyMs: EVERY_MS },
  );
  const [asks, setAsks] = useState<OperatorBlueprint>();
  const narrow = useNarrow();
  const build = async (blueprint: OperatorBlueprint, rebuild: boolean): Promise<void> => {
    await site.post(`${pathOf(blueprint.id)}/build`, { rebuild });
    live.reload();
    go("operator", "blueprints", blueprint.id);
  };
  return (
    <SpaceBetween size="l">
      <List
        live={{ ...live, data: live.data?.blueprints }}
        title={text.pages.blueprints}
        description={says.says}
        columns={columnsOf((blueprint) => {
          if (blueprint.status === "built") {
            setAsks(blueprint);
          } else {
            void act(() => build(blueprint, false), says.started(blueprint.name));
          }
        }, narrow)}
        idOf={(blueprint) => blueprint.id}
        search={(blueprint) => `${blueprint.name} ${blueprint.id}`}
        variant="full-page"
        empty={{ title: says.none }}
      />
      {id === undefined ? null : <Log key={id} id={id} />}
      {asks === undefined ? null : (
        <Ask
          title={says.rebuildTitle(asks.name)}
          loses={[]}
          keeps={[says.rebuildKeeps]}
          confirm={says.rebuild}
          done={says.started(asks.name)}
          work={() => build(asks, true)}
          close={() => setAsks(undefined)}
        />
      )}
    </SpaceBetween>
  );
}

function columnsOf(build: (blueprint: OperatorBlueprint) => void, narrow: boolean): Column<OperatorBlueprint>[] {
  return [
    {
      id: "name",
      header: says.name,
      isRowHeader: true,
      narrow: true,
      cell: (blueprint) => (
        <span className="named">
          <Glyph of={blueprint.id} />
          <span>
            {blueprint.name} {blueprint.version}
            {narrow ? <BuildStatus blueprint={blueprint} /> : null}
          </span>
        </span>
      ),
    },
    { id: "image", header: says.image, cell: (blueprint) => <code>{blueprint.image}</code> },
    {
      id: "status",
      header: says.status,

      cell: (blueprint) => <BuildStatus blueprint={blueprint} />,
    },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (blueprint) => (
        <SpaceBetween direction="horizontal" size="xs">
          <Button
            wrapText={false}
            disabled={blueprint.building !== null}
            onClick={() => build(blueprint)}
            ariaLabel={(blueprint.status === "built" ? says.rebuildOf : says.buildOf)(blueprint.name)}
          >
            {blueprint.status === "built" ? says.rebuild : says.build}
          </Button>
          <Button
            wrapText={false}
            variant="link"
            href={linkTo("operator", "blueprints", blueprint.id)}
            ariaLabel={says.logOf(blueprint.name)}
          >
            {says.log}
          </Button>
        </SpaceBetween>
      ),
    },
  ];
}

function BuildStatus({ blueprint }: { blueprint: OperatorBlueprint }) {
  if (blueprint.building !== null) {
    const { step, percent, startedAt } = blueprint.building;
    return (
      <ProgressBar
        value={percent}
        label={words(step)}
        description={says.since(duration(Date.now() / 1000 - startedAt))}
      />
    );
  }
  return (
    <>
      <StatusIndicator type={TONES[blueprint.status]}>{says.statuses[blueprint.status]}</StatusIndicator>
      {blueprint.failed === null ? null : (
        <Box color="text-status-error" fontSize="body-s">
          {says.failed(blueprint.failed)}
        </Box>
      )}
    </>
  );
}

/** Follows a log to its end and beyond, while it is being written; the log of another build takes its place. */
function Log({ id }: { id: string }) {
  const [content, setContent] = useState("");
  const [building, setBuilding] = useState(true);
  const [problem, setProblem] = useState<Problem>();
  const end = useRef<HTMLElement>(null);
  useEffect(() => {
    let next = 0;
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    const read = async (): Promise<void> => {
      try {
        const part = await site.get<{ text: string; next: number; building: boolean }>(
          `${pathOf(id)}/log${queryOf({ from: next })}`,
        );
        if (stopped) {
          return;
        }
        setProblem(undefined);
        setBuilding(part.building);
        const another = ended && part.building;
        ended = !part.building;
        if (another) {
          next = 0;
          setContent("");
          timer = setTimeout(() => void read(), 0);
          return;
        }
        // A log that has become shorter was begun anew.
        const anew = part.next < next;
        if (anew || part.text !== "") {
          setContent((before) => (anew ? "" : before) + part.text);
        }
        const more = part.next > next;
        next = part.next;
        timer = setTimeout(() => void read(), more && part.text !== "" ? 0 : LOG_EVERY_MS);
      } catch (error) {
        if (!stopped) {
          setProblem(problemOf(error));
          timer = setTimeout(() => void read(), 5 * LOG_EVERY_MS);
        }
      }
    };
    void read();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [id]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines come into view
  useEffect(() => {
    end.current?.scrollTo({ top: end.current.scrollHeight });
  }, [content]);
  return (
    <Container header={<Header variant="h2">{says.logTitle(id)}</Header>}>
      <ProblemAlert problem={problem} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section className="log" ref={end} tabIndex={0} aria-label={says.logTitle(id)}>
        <pre>{content === "" ? says.noLog : content}</pre>
      </section>
      <Box color="text-body-secondary">{building ? says.goesOn : says.logEnds}</Box>
    </Container>
  );
}
