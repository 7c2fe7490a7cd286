/** What everything cost: by thing, by day, and as a file. */

import BarChart from "@cloudscape-design/components/bar-chart";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { isMissing } from "../api/problem.ts";
import { costOf, useDiskSnapshots, useDisks, useInstanceSnapshots, useInstances } from "../data.ts";
import { useLive } from "../live/query.ts";
import { dayName, price, usd } from "../logic/format.ts";
import { limiter } from "../logic/limit.ts";
import { byDay, byResource, csvOf, type DayCost, dayOf, monthStart, type ResourceCost, total } from "../logic/usage.ts";
import { linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { type Column, List } from "../ui/list.tsx";
import { SaveButton } from "../ui/once.tsx";
import { Failed, Shown } from "../ui/states.tsx";

const says = text.usage;
const costs = limiter(4);
const DAY_MS = 86_400_000;
const EVERY_MS = 300_000;

type Range = "month" | "lastMonth" | "days90";

function spanOf(range: Range, now: Date): { from: Date; to: Date } {
  const month = monthStart(now);
  switch (range) {
    case "month":
      return { from: month, to: now };
    case "lastMonth":
      return { from: monthStart(new Date(month.getTime() - DAY_MS)), to: month };
    case "days90":
      return { from: new Date(now.getTime() - 90 * DAY_MS), to: now };
  }
}

/** The page. */
export default function UsagePage() {
  const things = [useInstances(), useDisks(), useInstanceSnapshots(), useDiskSnapshots()];
  const failed = things.find((live) => live.data === undefined && live.error !== undefined);
  if (failed !== undefined) {
    return <Failed error={failed.error} retry={failed.reload} />;
  }
  const known = things.every((live) => live.data !== undefined && !live.partial);
  const names = things.flatMap((live) => (live.data ?? []).map((thing: { name?: string }) => thing.name ?? ""));
  // The first of the lists stands for all while they load.
  return (
    <Shown
      live={{ loading: true, data: known ? names : undefined, error: undefined, partial: false, reload: () => {} }}
    >
      {(all) => <Usage names={all} />}
    </Shown>
  );
}

function Usage({ names }: { names: string[] }) {
  const [range, setRange] = useState<Range>("month");
  const live = useLive<DayCost[]>(
    `usage ${range} ${names.join(" ")}`,
    async (part) => {
      const { from, to } = spanOf(range, new Date());
      const days: DayCost[] = [];
      await Promise.all(
        names.map((name) =>
          costs(async () => {
            days.push(...(await costOrNothing(name, from, to)));
            part([...days]);
          }),
        ),
      );
      return days;
    },
    { everyMs: EVERY_MS, still: true },
  );
  const span = spanOf(range, new Date());
  const days = live.data ?? [];
  const bars = byDay(days, span.from, span.to);
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={says.says}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <SegmentedControl
              selectedId={range}
              label={says.range}
              options={(["month", "lastMonth", "days90"] as const).map((id) => ({ id, text: says.ranges[id] }))}
              onChange={({ detail }) => setRange(detail.selectedId as Range)}
            />
            <SaveButton
              name={`porthole-usage-${dayOf(span.from)}-${dayOf(span.to)}.csv`}
              content={csvOf(days)}
              type="text/csv"
            >
              {says.csv}
            </SaveButton>
          </SpaceBetween>
        }
      >
        {text.pages.usage}
      </Header>
      <Container header={<Header variant="h2">{says.byDay}</Header>}>
        <Box variant="awsui-key-label">{says.sum(dayName(span.from), dayName(span.to))}</Box>
        <Box variant="h1" tagOverride="div">
          {live.data === undefined ? "…" : usd(total(days))}
        </Box>
        <BarChart
          height={220}
          hideFilter
          hideLegend
          ariaLabel={says.byDay}
          xScaleType="categorical"
          series={[
            {
              title: says.cost,
              type: "bar",
              data: bars.map(({ day, usd: y }) => ({ x: day, y })),
              valueFormatter: usd,
            },
          ]}
          yDomain={[0, Math.max(0.01, ...bars.map((bar) => bar.usd)) * 1.1]}
          i18nStrings={{ yTickFormatter: price, xTickFormatter: (day) => day.slice(5) }}
          statusType={live.data === undefined && live.error === undefined ? "loading" : "finished"}
        />
      </Container>
      <ByResource live={{ ...live, data: live.data === undefined ? undefined : byResource(days) }} />
    </SpaceBetween>
  );
}

/** What was deleted meanwhile has no costs any more. */
async function costOrNothing(name: string, from: Date, to: Date): Promise<DayCost[]> {
  try {
    return await costOf(name, from, to);
  } catch (error) {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  }
}

function ByResource({ live }: { live: Parameters<typeof List<ResourceCost>>[0]["live"] }) {
  const columns: Column<ResourceCost>[] = [
    {
      id: "resource",
      header: says.resource,
      isRowHeader: true,
      narrow: true,
      sortingField: "resource",
      cell: (cost) =>
        cost.type === "Instance" ? (
          <Link href={linkTo("computers", cost.resource)}>{cost.resource}</Link>
        ) : (
          cost.resource
        ),
    },
    { id: "type", header: says.type, sortingField: "type", cell: (cost) => says.types[cost.type] ?? cost.type },
    {
      id: "hours",
      header: says.hours,
      sortingField: "hours",
      cell: (cost) => (cost.hours === 0 ? text.common.none : cost.hours.toFixed(2)),
    },
    { id: "usd", header: says.cost, narrow: true, sortingField: "usd", cell: (cost) => usd(cost.usd) },
  ];
  return (
    <List
      live={live}
      title={says.byResource}
      columns={columns}
      idOf={(cost) => cost.resource}
      search={(cost) => `${cost.resource} ${cost.type}`}
      sortedBy="usd"
      descending
      empty={{ title: says.none, says: says.noneSays }}
    />
  );
}
