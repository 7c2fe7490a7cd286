/** The site at a glance: what the machine has left, and what doctor says. */

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { site } from "../../api/site.ts";
import type { Capacity, Check } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { bytes, percent } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { List } from "../../ui/list.tsx";
import { Shown } from "../../ui/states.tsx";

const says = text.operator.overview;
const CAPACITY_EVERY_MS = 15_000;

const TONES = { ok: "success", warning: "warning", missing: "error" } as const;
const WORST = { missing: 0, warning: 1, ok: 2 } as const;

/** The page. */
export default function OverviewPage() {
  const capacity = useLive("operator capacity", () => site.get<Capacity>("operator/capacity"), {
    everyMs: CAPACITY_EVERY_MS,
  });
  const health = useLive("operator health", () => site.get<{ checks: Check[] }>("operator/health"), { still: true });
  const checks = health.data?.checks.toSorted((one, other) => WORST[one.status] - WORST[other.status]);
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={says.says}>
        {text.pages.overview}
      </Header>
      <Container header={<Header variant="h2">{says.capacity}</Header>}>
        <Shown live={capacity}>{(now) => <CapacityView now={now} />}</Shown>
      </Container>
      <List
        live={{ ...health, data: checks }}
        title={says.health}
        description={says.healthSays}
        columns={[
          {
            id: "status",
            minWidth: 120,
            header: says.check,
            isRowHeader: true,
            narrow: true,
            cell: (check) => <StatusIndicator type={TONES[check.status]}>{check.name}</StatusIndicator>,
          },
          {
            id: "says",
            header: says.found,
            narrow: true,
            cell: (check) => (
              <>
                {check.says}
                {check.status === "ok" || check.costs === "" ? null : (
                  <Box color="text-body-secondary">{check.costs}</Box>
                )}
              </>
            ),
          },
          { id: "mend", header: says.mend, cell: (check) => (check.status === "ok" ? "" : check.mend) },
        ]}
        idOf={(check) => check.name}
        pageSize={50}
        empty={{ title: says.noChecks }}
        actions={
          <Button iconName="refresh" ariaLabel={says.again} onClick={health.reload}>
            {says.again}
          </Button>
        }
      />
    </SpaceBetween>
  );
}

function CapacityView({ now }: { now: Capacity }) {
  return (
    <SpaceBetween size="l">
      <ColumnLayout columns={3}>
        <ProgressBar
          label={says.load}
          value={Math.min(100, percent(now.load, now.cpus))}
          description={says.loadOf(now.load, now.cpus)}
        />
        <ProgressBar
          label={says.memory}
          value={percent(now.memoryUsedBytes, now.memoryBytes)}
          description={says.usedOf(bytes(now.memoryUsedBytes), bytes(now.memoryBytes))}
        />
        <ProgressBar
          label={says.disk}
          value={percent(now.diskUsedBytes, now.diskBytes)}
          description={says.usedOf(bytes(now.diskUsedBytes), bytes(now.diskBytes))}
        />
      </ColumnLayout>
      <KeyValuePairs
        columns={4}
        items={[
          { label: says.computers, value: says.runningOf(now.instancesRunning, now.instances) },
          { label: says.sessions, value: now.sessionsStarted },
          { label: says.viewers, value: now.viewers },
          { label: says.promised, value: says.promisedOf(now.vcpusPromised, bytes(now.memoryPromisedBytes)) },
        ]}
      />
    </SpaceBetween>
  );
}
