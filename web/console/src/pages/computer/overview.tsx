/** What a computer does now: picture, load, and what was done to it. */

import {
  GetInstanceMetricDataCommand,
  type InstanceMetricName,
  type MetricUnit,
  type Operation,
} from "@aws-sdk/client-lightsail";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import LineChart from "@cloudscape-design/components/line-chart";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState } from "react";
import { send } from "../../api/cloud.ts";
import { isUnserved, problemOf } from "../../api/problem.ts";
import { queryOf, refusalOf, request } from "../../api/site.ts";
import { useBundles, useDisplays, useOperations, useSession } from "../../data.ts";
import { useLive } from "../../live/query.ts";
import { useValue } from "../../live/value.ts";
import { ago, bytes, when, words } from "../../logic/format.ts";
import { linkTo } from "../../router.ts";
import { text } from "../../strings/index.ts";
import { type Column, List } from "../../ui/list.tsx";
import { OperationStages } from "../../ui/stages.tsx";
import { Empty, Failed, Loading, Shown } from "../../ui/states.tsx";
import { ComputerState, OperationStatus, SessionStatus } from "../../ui/status.tsx";
import { who } from "../../who.ts";
import { MonthCost } from "../computers.tsx";
import type { ComputerProps } from "./props.ts";

const says = text.overview;
const PICTURE_EVERY_MS = 5000;
const METRIC_EVERY_MS = 60_000;

/** The tab. */
export function OverviewTab({ instance, name }: ComputerProps) {
  const session = useSession(name);
  const bundle = (useBundles().data ?? []).find((found) => found.bundleId === instance.bundleId);
  const started = session?.status === "started" || session?.status === "startExpired";
  return (
    <SpaceBetween size="l">
      <ColumnLayout columns={2}>
        <Container header={<Header variant="h2">{says.now}</Header>} fitHeight>
          <KeyValuePairs
            columns={2}
            items={[
              { label: says.state, value: <ComputerState state={instance.state?.name} /> },
              {
                label: says.session,
                value:
                  session === undefined ? "…" : <SessionStatus status={session.status} percent={session.percent} />,
              },
              {
                label: says.timeLeft,
                value:
                  session?.status === "started" && session.expiresAt !== null
                    ? ends(session.expiresAt)
                    : text.common.none,
              },
              { label: says.viewers, value: session?.viewers ?? 0 },
              { label: says.plan, value: bundle?.name ?? instance.bundleId ?? text.common.none },
              {
                label: says.size,
                value: says.sizeOf(
                  instance.hardware?.cpuCount ?? 0,
                  instance.hardware?.ramSizeInGb ?? 0,
                  bundle?.diskSizeInGb ?? 0,
                ),
              },
              { label: says.cost, value: <MonthCost name={name} /> },
              { label: says.address, value: instance.publicIpAddress ?? text.common.none },
              { label: says.privateAddress, value: instance.privateIpAddress ?? text.common.none },
              { label: says.created, value: when(instance.createdAt) },
            ]}
          />
          {session === undefined || (session.failureReason ?? "") === "" ? null : (
            <Box color="text-status-error" padding={{ top: "s" }}>
              {session.failureReason}
            </Box>
          )}
        </Container>
        <Container header={<Header variant="h2">{says.picture}</Header>} fitHeight>
          <Picture name={name} started={started} />
        </Container>
      </ColumnLayout>
      <Graphs name={name} />
      <Operations name={name} />
    </SpaceBetween>
  );
}

/** When a session's time ends. */
function ends(at: number): string {
  return says.endsAt(ago(at), when(at));
}

/** A small picture of the running session, off where the site says so. */
function Picture({ name, started }: { name: string; started: boolean }) {
  const isOn = useValue(who)?.screenshots !== false;
  const displays = useDisplays(name).data;
  const primary = displays?.primary ?? displays?.displays[0];
  if (!isOn) {
    return <Empty title={says.pictureOff} says={says.pictureOffSays} />;
  }
  if (!started || primary === undefined) {
    return <Empty title={says.noSession} says={says.noSessionSays} />;
  }
  return <LivePicture name={name} display={primary} />;
}

function LivePicture({ name, display }: { name: string; display: string }) {
  const live = useLive(
    `picture ${name} ${display}`,
    async () => {
      const response = await request("GET", `screenshot${queryOf({ instance: name, display })}`);
      if (!response.ok) {
        throw await refusalOf(response);
      }
      return response.blob();
    },
    { everyMs: PICTURE_EVERY_MS, still: true },
  );
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (live.data === undefined) {
      return;
    }
    const made = URL.createObjectURL(live.data);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [live.data]);
  if (address !== undefined) {
    return (
      <a href={linkTo("open", name, display)} target="_blank" rel="noopener">
        <img className="picture" src={address} alt={says.pictureOf(display, name)} />
      </a>
    );
  }
  if (live.error === undefined) {
    return <Loading />;
  }
  return <Empty title={isUnserved(live.error) ? says.noPicture : problemOf(live.error).says} />;
}

const RANGES = { hour: 3600, day: 86_400, week: 7 * 86_400 } as const;
type Range = keyof typeof RANGES;
/** Points a graph has at most. */
const POINTS = 120;

function Graphs({ name }: { name: string }) {
  const [range, setRange] = useState<Range>("hour");
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SegmentedControl
              selectedId={range}
              label={says.range}
              options={(Object.keys(RANGES) as Range[]).map((id) => ({ id, text: says.ranges[id] }))}
              onChange={({ detail }) => setRange(detail.selectedId as Range)}
            />
          }
        >
          {says.load}
        </Header>
      }
    >
      <ColumnLayout columns={2}>
        <Graph
          name={name}
          range={range}
          title={says.cpu}
          unit="Percent"
          lines={[["CPUUtilization", says.cpu]]}
          format={(value) => `${value.toFixed(0)} %`}
          ceiling={100}
        />
        <Graph
          name={name}
          range={range}
          title={says.network}
          unit="Bytes"
          lines={[
            ["NetworkIn", says.networkIn],
            ["NetworkOut", says.networkOut],
          ]}
          format={(value) => bytes(Math.max(0, value))}
        />
      </ColumnLayout>
    </Container>
  );
}

interface GraphProps {
  name: string;
  range: Range;
  title: string;
  unit: MetricUnit;
  lines: [InstanceMetricName, string][];
  format: (value: number) => string;
  ceiling?: number;
}

function Graph({ name, range, title, unit, lines, format, ceiling }: GraphProps) {
  const period = Math.max(60, Math.ceil(RANGES[range] / POINTS / 60) * 60);
  const live = useLive(
    `metric ${name} ${range} ${title}`,
    () => Promise.all(lines.map(([metric]) => pointsOf(name, metric, unit, range, period))),
    { everyMs: METRIC_EVERY_MS, still: true },
  );
  return (
    <div>
      <Box variant="h3">{title}</Box>
      <Shown live={live}>
        {(points) => {
          const highest = Math.max(1024, ...points.flat().map((point) => point.y));
          return (
            <LineChart
              height={180}
              hideFilter
              hideLegend={lines.length === 1}
              ariaLabel={title}
              xScaleType="time"
              yDomain={[0, ceiling ?? highest * 1.1]}
              xDomain={[new Date(Date.now() - RANGES[range] * 1000), new Date()]}
              series={
                points.every((line) => line.length === 0)
                  ? []
                  : lines.map(([, label], index) => ({
                      title: label,
                      type: "line" as const,
                      data: points[index] ?? [],
                      valueFormatter: format,
                    }))
              }
              i18nStrings={{
                xTickFormatter: (at) =>
                  range === "week"
                    ? at.toLocaleDateString("en-US", { month: "short", day: "numeric" })
                    : at.toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit" }),
                yTickFormatter: format,
              }}
              empty={<Empty title={says.noPoints} says={says.noPointsSays} />}
            />
          );
        }}
      </Shown>
    </div>
  );
}

async function pointsOf(
  name: string,
  metricName: InstanceMetricName,
  unit: MetricUnit,
  range: Range,
  period: number,
): Promise<{ x: Date; y: number }[]> {
  const now = Date.now();
  const statistic = metricName === "CPUUtilization" ? "Average" : "Sum";
  const { metricData } = await send(
    new GetInstanceMetricDataCommand({
      instanceName: name,
      metricName,
      period,
      startTime: new Date(now - RANGES[range] * 1000),
      endTime: new Date(now),
      unit,
      statistics: [statistic],
    }),
  );
  return (metricData ?? []).map((point) => ({
    x: point.timestamp ?? new Date(0),
    y: (statistic === "Average" ? point.average : point.sum) ?? 0,
  }));
}

function Operations({ name }: { name: string }) {
  const live = useOperations(name);
  const [shown, setShown] = useState<string>();
  if (live.data === undefined && live.error !== undefined) {
    return <Failed error={live.error} retry={live.reload} />;
  }
  const columns: Column<Operation>[] = [
    {
      id: "what",
      header: says.operation,
      isRowHeader: true,
      narrow: true,
      cell: (operation) => (
        <>
          {words(operation.operationType ?? says.change)}
          {operation.isTerminal === false || shown === operation.id ? (
            <OperationStages id={operation.id ?? ""} />
          ) : null}
          {operation.errorDetails === undefined || operation.errorDetails === "" ? null : (
            <Box color="text-status-error" fontSize="body-s">
              {operation.errorDetails}
            </Box>
          )}
        </>
      ),
    },
    { id: "status", header: says.status, narrow: true, cell: (operation) => <OperationStatus operation={operation} /> },
    { id: "when", header: says.when, cell: (operation) => when(operation.createdAt) },
    {
      id: "stages",
      header: text.stages.label,
      cell: (operation) =>
        operation.isTerminal === false ? null : (
          <Button
            variant="inline-link"
            ariaExpanded={shown === operation.id}
            onClick={() => setShown(shown === operation.id ? undefined : operation.id)}
          >
            {shown === operation.id ? text.stages.hide : text.stages.show}
          </Button>
        ),
    },
  ];
  return (
    <List
      live={live}
      title={says.operations}
      columns={columns}
      idOf={(operation) => operation.id ?? ""}
      pageSize={8}
      empty={{ title: says.noOperations }}
    />
  );
}
