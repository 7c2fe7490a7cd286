/** The rule that stops a computer when nobody uses it, and what it decided. */

import { DisableAddOnCommand, EnableAddOnCommand } from "@aws-sdk/client-lightsail";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { send } from "../../api/cloud.ts";
import { queryOf, site } from "../../api/site.ts";
import type { Idle } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { idleRuleOf } from "../../logic/computer.ts";
import { when } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { List } from "../../ui/list.tsx";
import type { ComputerProps } from "./props.ts";

const says = text.idle;
const EVERY_MS = 60_000;

/** The tab. */
export function IdleTab({ instance, name }: ComputerProps) {
  const rule = idleRuleOf(instance);
  const [asks, setAsks] = useState(false);
  const live = useLive(`idle ${name}`, () => site.get<Idle>(`idle${queryOf({ instance: name })}`), {
    everyMs: EVERY_MS,
  });
  const decisions = { ...live, data: live.data?.decisions };
  const input = live.data?.rule?.countsViewerInput === true;
  const off = () =>
    act(() => send(new DisableAddOnCommand({ resourceName: name, addOnType: "StopInstanceOnIdle" })), says.switchedOff);
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                {rule === undefined ? null : <Button onClick={() => void off()}>{says.switchOff}</Button>}
                <Button onClick={() => setAsks(true)}>{rule === undefined ? says.switchOn : says.change}</Button>
              </SpaceBetween>
            }
          >
            {says.title}
          </Header>
        }
      >
        {rule === undefined ? says.none : says.rule(rule.threshold, rule.minutes)}{" "}
        {rule !== undefined && input ? says.input : ""}
      </Container>
      <List
        live={decisions}
        title={says.decisions}
        columns={[
          { id: "at", header: says.at, isRowHeader: true, narrow: true, cell: (decision) => when(decision.at) },
          {
            id: "stopped",
            header: says.decided,
            narrow: true,
            cell: (decision) => (
              <>
                <StatusIndicator type={decision.stopped ? "stopped" : "success"}>
                  {decision.stopped ? says.stopped : says.kept}
                </StatusIndicator>
                <Box color="text-body-secondary">{decision.reason}</Box>
              </>
            ),
          },
        ]}
        idOf={(decision) => `${decision.at} ${decision.reason}`}
        empty={{ title: says.noDecisions, says: rule === undefined ? says.none : says.noDecisionsSays }}
      />
      {asks ? <Change name={name} rule={rule ?? { threshold: 5, minutes: 30 }} close={() => setAsks(false)} /> : null}
    </SpaceBetween>
  );
}

function Change({
  name,
  rule,
  close,
}: {
  name: string;
  rule: { threshold: number; minutes: number };
  close: () => void;
}) {
  const [threshold, setThreshold] = useState(String(rule.threshold));
  const [duration, setDuration] = useState(String(rule.minutes));
  const work = () =>
    send(
      new EnableAddOnCommand({
        resourceName: name,
        addOnRequest: { addOnType: "StopInstanceOnIdle", stopInstanceOnIdleRequest: { threshold, duration } },
      }),
    );
  return (
    <FormDialog
      title={says.title}
      submit={text.common.save}
      done={says.saved}
      disabled={threshold === "" || duration === ""}
      work={work}
      close={close}
    >
      <FormField label={text.create.threshold} description={says.thresholdSays}>
        <Input
          type="number"
          inputMode="decimal"
          value={threshold}
          onChange={({ detail }) => setThreshold(detail.value)}
        />
      </FormField>
      <FormField label={text.create.minutes}>
        <Input
          type="number"
          inputMode="numeric"
          value={duration}
          onChange={({ detail }) => setDuration(detail.value)}
        />
      </FormField>
    </FormDialog>
  );
}
