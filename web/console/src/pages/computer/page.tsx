/** One computer: what it does now, and everything that belongs to it. */

import { StartInstanceCommand } from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs, { type TabsProps } from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { send } from "../../api/cloud.ts";
import { isMissing } from "../../api/problem.ts";
import { useDisplays, useInstance, useSession } from "../../data.ts";
import { allowed, mayHaveWindows } from "../../logic/computer.ts";
import { go, linkTo } from "../../router.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { DeleteComputers, type Ending, EndSession } from "../../ui/endings.tsx";
import { Glyph } from "../../ui/glyph.tsx";
import { Empty, Shown } from "../../ui/states.tsx";
import { DisksTab } from "./disks.tsx";
import { IdleTab } from "./idle.tsx";
import { KeysTab } from "./keys.tsx";
import { OverviewTab } from "./overview.tsx";
import { PortsTab } from "./ports.tsx";
import type { ComputerProps } from "./props.ts";
import { SnapshotsTab, TakeSnapshot } from "./snapshots.tsx";
import { TagsTab } from "./tags.tsx";
import { ViewersTab } from "./viewers.tsx";

const says = text.computer;

/** The page. */
export default function ComputerPage({ name, tab }: { name: string; tab: string | undefined }) {
  const live = useInstance(name);
  if (isMissing(live.error)) {
    return (
      <Empty
        title={says.missing(name)}
        says={says.missingSays}
        action={<Button href={linkTo("computers")}>{text.shell.toComputers}</Button>}
      />
    );
  }
  return <Shown live={live}>{(instance) => <Computer instance={instance} name={name} tab={tab} />}</Shown>;
}

function Computer({ instance, name, tab = "overview" }: ComputerProps & { tab: string | undefined }) {
  const [asks, setAsks] = useState<Ending | "delete" | "snapshot">();
  const close = (): void => setAsks(undefined);
  const tabs: TabsProps.Tab[] = [
    { id: "overview", label: says.tabs.overview, content: <OverviewTab instance={instance} name={name} /> },
    { id: "disks", label: says.tabs.disks, content: <DisksTab instance={instance} name={name} /> },
    { id: "snapshots", label: says.tabs.snapshots, content: <SnapshotsTab instance={instance} name={name} /> },
    { id: "viewers", label: says.tabs.viewers, content: <ViewersTab name={name} /> },
    { id: "idle", label: says.tabs.idle, content: <IdleTab instance={instance} name={name} /> },
    { id: "ports", label: says.tabs.ports, content: <PortsTab name={name} /> },
    { id: "keys", label: says.tabs.keys, content: <KeysTab instance={instance} name={name} /> },
    { id: "tags", label: says.tabs.tags, content: <TagsTab instance={instance} name={name} /> },
  ];
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={says.description(instance.blueprintName ?? "")}
          actions={<Deeds instance={instance} name={name} ask={setAsks} />}
        >
          <span className="named">
            <Glyph of={instance.blueprintId ?? ""} />
            <span>{name}</span>
          </span>
        </Header>
      }
    >
      <Tabs
        tabs={tabs}
        activeTabId={tab}
        ariaLabel={says.tabsLabel}
        onChange={({ detail }) => go("computers", name, detail.activeTabId)}
      />
      {asks === "session" || asks === "stop" || asks === "reboot" ? (
        <EndSession name={name} ending={asks} close={close} />
      ) : null}
      {asks === "snapshot" ? <TakeSnapshot name={name} close={close} /> : null}
      {asks === "delete" ? <DeleteComputers computers={[instance]} close={close} done={() => go("computers")} /> : null}
    </ContentLayout>
  );
}

function Deeds({ instance, name, ask }: ComputerProps & { ask: (asks: Ending | "delete" | "snapshot") => void }) {
  const state = instance.state?.name;
  const may = allowed(state);
  const session = useSession(name);
  const displays = useDisplays(name).data;
  const primary = displays?.primary ?? undefined;
  const others = (displays?.displays ?? []).filter((display) => display !== primary);
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <ButtonDropdown
        items={[
          { id: "start", text: says.start, disabled: !may.start },
          { id: "session", text: says.stopSession, disabled: !mayHaveWindows(session?.status) },
          { id: "stop", text: says.stop, disabled: !may.stop },
          { id: "reboot", text: says.reboot, disabled: !may.reboot },
          { id: "snapshot", text: says.snapshot, disabled: !may.snapshot },
          { id: "delete", text: says.delete },
        ]}
        onItemClick={({ detail }) => {
          if (detail.id === "start") {
            void act(() => send(new StartInstanceCommand({ instanceName: name })), says.starting(name));
          } else {
            ask(detail.id as Ending | "delete" | "snapshot");
          }
        }}
      >
        {text.common.actions}
      </ButtonDropdown>
      {may.open
        ? others.map((display) => (
            <Button
              key={display}
              href={linkTo("open", name, display)}
              target="_blank"
              iconName="external"
              iconAlign="right"
            >
              {says.openDisplay(display)}
            </Button>
          ))
        : null}
      {may.open && displays?.displays.length !== 0 ? (
        <Button variant="primary" href={linkTo("open", name)} target="_blank" iconName="external" iconAlign="right">
          {openLabel(state, session?.status, primary)}
        </Button>
      ) : null}
    </SpaceBetween>
  );
}

function openLabel(state: string | undefined, status: string | undefined, primary: string | undefined): string {
  if (state === "stopped") {
    return text.computers.startAndOpen;
  }
  if (status === "startExpired") {
    return says.resume;
  }
  return says.openDisplay(primary ?? "application");
}
