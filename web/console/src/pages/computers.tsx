/** The list of computers: the first page a person sees. */

import { type Instance, RebootInstanceCommand, StartInstanceCommand } from "@aws-sdk/client-lightsail";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { send } from "../api/cloud.ts";
import { costOf, useBlueprints, useBundles, useInstances, useSessions } from "../data.ts";
import { useLive } from "../live/query.ts";
import { allowed, idleRuleOf } from "../logic/computer.ts";
import { usd } from "../logic/format.ts";
import { limiter } from "../logic/limit.ts";
import { monthStart, total } from "../logic/usage.ts";
import { linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { act } from "../ui/action.ts";
import { DeleteComputers, StopComputers } from "../ui/endings.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { type Column, List } from "../ui/list.tsx";
import { ComputerState } from "../ui/status.tsx";
import { useNarrow } from "../ui/width.ts";

const names = text.computers;
/** Costs are asked for a few rows at a time. */
const costs = limiter(4);
const COST_EVERY_MS = 300_000;

/** The page. */
export function ComputersPage() {
  const instances = useInstances();
  const blueprints = useBlueprints().data;
  const bundles = useBundles().data;
  const sessions = useSessions().data;
  const narrow = useNarrow();
  const [asks, setAsks] = useState<{ what: "stop" | "delete"; computers: Instance[] }>();
  const columns = useMemo(() => {
    const applications = new Map((blueprints ?? []).map((blueprint) => [blueprint.blueprintId, blueprint.name]));
    const plans = new Map((bundles ?? []).map((bundle) => [bundle.bundleId, bundle.name]));
    return columnsOf(
      (instance) => applications.get(instance.blueprintId) ?? instance.blueprintName ?? "",
      (instance) => plans.get(instance.bundleId) ?? instance.bundleId ?? "",
      (instance) => sessions?.get(instance.name ?? "")?.status,
      narrow,
    );
  }, [blueprints, bundles, sessions, narrow]);
  const create = (
    <Button variant="primary" href={linkTo("create")}>
      {names.create}
    </Button>
  );
  return (
    <>
      <List
        live={instances}
        title={text.pages.computers}
        columns={columns}
        idOf={(instance) => instance.name ?? ""}
        search={(instance) =>
          [
            instance.name,
            instance.blueprintName,
            instance.state?.name,
            ...(instance.tags ?? []).map((tag) => `${tag.key} ${tag.value}`),
          ].join(" ")
        }
        filterLabel={names.find}
        sortedBy="name"
        choice="multi"
        variant="full-page"
        empty={{ title: names.empty, says: names.emptySays, action: create }}
        actions={(chosen) => (
          <SpaceBetween direction="horizontal" size="xs">
            <Deeds chosen={chosen} ask={setAsks} />
            {create}
          </SpaceBetween>
        )}
      />
      {asks?.what === "stop" ? <StopComputers computers={asks.computers} close={() => setAsks(undefined)} /> : null}
      {asks?.what === "delete" ? <DeleteComputers computers={asks.computers} close={() => setAsks(undefined)} /> : null}
    </>
  );
}

function Deeds({
  chosen,
  ask,
}: {
  chosen: Instance[];
  ask: (asks: { what: "stop" | "delete"; computers: Instance[] }) => void;
}) {
  const may = (deed: "start" | "stop" | "reboot"): Instance[] =>
    chosen.filter((instance) => allowed(instance.state?.name)[deed]);
  const each = (
    deed: "start" | "reboot",
    done: (count: number) => string,
    work: (name: string) => Promise<unknown>,
  ): void => {
    const computers = may(deed);
    void act(() => Promise.all(computers.map((instance) => work(instance.name ?? ""))), done(computers.length));
  };
  return (
    <ButtonDropdown
      disabled={chosen.length === 0}
      items={[
        { id: "start", text: names.start, disabled: may("start").length === 0 },
        { id: "stop", text: names.stop, disabled: may("stop").length === 0 },
        { id: "reboot", text: names.reboot, disabled: may("reboot").length === 0 },
        { id: "delete", text: names.delete },
      ]}
      onItemClick={({ detail }) => {
        switch (detail.id) {
          case "start":
            each("start", names.starting, (instanceName) => send(new StartInstanceCommand({ instanceName })));
            break;
          case "reboot":
            each("reboot", names.rebooting, (instanceName) => send(new RebootInstanceCommand({ instanceName })));
            break;
          case "stop":
            ask({ what: "stop", computers: may("stop") });
            break;
          default:
            ask({ what: "delete", computers: chosen });
        }
      }}
    >
      {text.common.actions}
    </ButtonDropdown>
  );
}

function columnsOf(
  application: (instance: Instance) => string,
  plan: (instance: Instance) => string,
  session: (instance: Instance) => string | undefined,
  narrow: boolean,
): Column<Instance>[] {
  return [
    {
      id: "name",
      header: names.name,
      sortingComparator: (one, other) => (one.name ?? "").localeCompare(other.name ?? "", "en", { numeric: true }),
      isRowHeader: true,
      narrow: true,
      cell: (instance) => (
        <div className="named">
          <Glyph of={instance.blueprintId ?? ""} />
          <div>
            <Link href={linkTo("computers", instance.name ?? "")}>{instance.name}</Link>
            <Box color="text-body-secondary" fontSize="body-s">
              {application(instance)}
            </Box>
            {narrow ? <State state={instance.state?.name} session={session(instance)} /> : null}
          </div>
        </div>
      ),
    },
    {
      id: "state",
      header: names.state,
      sortingComparator: (one, other) => (one.state?.name ?? "").localeCompare(other.state?.name ?? ""),
      cell: (instance) => <State state={instance.state?.name} session={session(instance)} />,
    },
    {
      id: "plan",
      header: names.plan,
      cell: plan,
      sortingComparator: (one, other) => plan(one).localeCompare(plan(other)),
    },
    { id: "cost", header: names.cost, cell: (instance) => <MonthCost name={instance.name ?? ""} /> },
    {
      id: "idle",
      header: names.idle,
      cell: (instance) => {
        const rule = idleRuleOf(instance);
        return rule === undefined ? text.common.none : names.idleRule(rule.threshold, rule.minutes);
      },
    },
    {
      id: "open",
      header: names.openHeader,
      narrow: true,
      cell: (instance) => <OpenButton instance={instance} narrow={narrow} />,
    },
  ];
}

/** What a computer has cost since the month began. */
export function MonthCost({ name }: { name: string }) {
  const cost = useLive(
    `month ${name}`,
    () => costs(async () => total(await costOf(name, monthStart(new Date()), new Date()))),
    { everyMs: COST_EVERY_MS, still: true },
  );
  if (cost.data !== undefined) {
    return <>{usd(cost.data)}</>;
  }
  return <>{cost.error === undefined ? "…" : text.common.none}</>;
}

/** State of a computer, and below it that of its session where there is something to say. */
function State({ state, session }: { state: string | undefined; session: string | undefined }) {
  const tells = state === "running" && session !== undefined && session !== "notStarted" && session !== "stopped";
  return (
    <>
      <ComputerState state={state} />
      {tells ? (
        <Box color="text-body-secondary" fontSize="body-s">
          {names.session(text.sessionStates[session] ?? session)}
        </Box>
      ) : null}
    </>
  );
}

function OpenButton({ instance, narrow }: { instance: Instance; narrow: boolean }) {
  const name = instance.name ?? "";
  const stopped = instance.state?.name === "stopped";
  if (!allowed(instance.state?.name).open) {
    return null;
  }
  return (
    <Button
      href={linkTo("open", name)}
      target="_blank"
      iconName="external"
      iconAlign="right"
      variant={narrow ? "icon" : "normal"}
      ariaLabel={stopped ? names.startAndOpenOf(name) : names.openOf(name)}
    >
      {stopped ? names.startAndOpen : names.open}
    </Button>
  );
}
