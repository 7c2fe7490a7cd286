/** Snapshots of a computer: those made by hand, and automatic ones. */

import {
  type AutoSnapshotDetails,
  CreateInstanceSnapshotCommand,
  DeleteAutoSnapshotCommand,
  DisableAddOnCommand,
  EnableAddOnCommand,
  GetAutoSnapshotsCommand,
  type InstanceSnapshot,
} from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { send } from "../../api/cloud.ts";
import { useInstanceSnapshots } from "../../data.ts";
import { useLive } from "../../live/query.ts";
import { autoSnapshotOf, freeName, nameFault } from "../../logic/computer.ts";
import { when } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { Ask, FormDialog } from "../../ui/dialog.tsx";
import { type Column, List } from "../../ui/list.tsx";
import { DeleteInstanceSnapshot, instanceSnapshotColumns } from "../../ui/snapshots.tsx";
import { StorageState } from "../../ui/status.tsx";
import type { ComputerProps } from "./props.ts";

const says = text.snapshots;

/** The tab. */
export function SnapshotsTab({ instance, name }: ComputerProps) {
  return (
    <SpaceBetween size="l">
      <OwnSnapshots name={name} />
      <AutoSnapshots instance={instance} name={name} />
    </SpaceBetween>
  );
}

function OwnSnapshots({ name }: { name: string }) {
  const live = useInstanceSnapshots();
  const own = { ...live, data: live.data?.filter((snapshot) => snapshot.fromInstanceName === name) };
  const [asks, setAsks] = useState<"create" | InstanceSnapshot>();
  const close = (): void => setAsks(undefined);
  const columns = instanceSnapshotColumns(setAsks).filter(({ id }) => id !== "from");
  return (
    <>
      <List
        live={own}
        title={says.title}
        columns={columns}
        idOf={(snapshot) => snapshot.name ?? ""}
        empty={{ title: says.none, says: says.noneSays }}
        actions={<Button onClick={() => setAsks("create")}>{says.take}</Button>}
      />
      {asks === "create" ? <TakeSnapshot name={name} close={close} /> : null}
      {typeof asks === "object" ? <DeleteInstanceSnapshot snapshot={asks} close={close} /> : null}
    </>
  );
}

/** Makes a snapshot of a computer. */
export function TakeSnapshot({ name, close }: { name: string; close: () => void }) {
  const taken = new Set((useInstanceSnapshots().data ?? []).map((snapshot) => snapshot.name ?? ""));
  const [snapshotName, setName] = useState(() => freeName(`${name}-snapshot`, taken));
  const fault = nameFault(snapshotName);
  const work = () =>
    send(new CreateInstanceSnapshotCommand({ instanceName: name, instanceSnapshotName: snapshotName }));
  return (
    <FormDialog
      title={says.takeTitle(name)}
      submit={says.take}
      done={says.taking(snapshotName)}
      disabled={fault !== undefined}
      work={work}
      close={close}
    >
      <FormField
        label={says.name}
        description={says.takeSays}
        errorText={fault === undefined ? undefined : text.nameFaults[fault]}
      >
        <Input value={snapshotName} onChange={({ detail }) => setName(detail.value)} spellcheck={false} />
      </FormField>
    </FormDialog>
  );
}

function AutoSnapshots({ instance, name }: ComputerProps) {
  const live = useLive(`auto snapshots ${name}`, async () => {
    const found = await send(new GetAutoSnapshotsCommand({ resourceName: name }));
    return found.autoSnapshots ?? [];
  });
  const at = autoSnapshotOf(instance);
  const [asks, setAsks] = useState<"enable" | "disable" | AutoSnapshotDetails>();
  const close = (): void => setAsks(undefined);
  const columns: Column<AutoSnapshotDetails>[] = [
    { id: "date", header: says.date, isRowHeader: true, narrow: true, cell: (snapshot) => snapshot.date },
    { id: "state", header: says.state, narrow: true, cell: (snapshot) => <StorageState state={autoState(snapshot)} /> },
    { id: "created", header: says.created, cell: (snapshot) => when(snapshot.createdAt) },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (snapshot) => (
        <Button
          iconName="remove"
          variant="icon"
          ariaLabel={says.deleteOf(snapshot.date ?? "")}
          onClick={() => setAsks(snapshot)}
        />
      ),
    },
  ];
  return (
    <>
      <List
        live={live}
        title={says.auto}
        description={at === undefined ? says.autoOff : says.autoOn(at)}
        columns={columns}
        idOf={(snapshot) => snapshot.date ?? ""}
        empty={{ title: says.autoNone, says: says.autoSays }}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {at === undefined ? null : <Button onClick={() => setAsks("disable")}>{says.switchOff}</Button>}
            <Button onClick={() => setAsks("enable")}>{at === undefined ? says.switchOn : says.changeTime}</Button>
          </SpaceBetween>
        }
      />
      {asks === "enable" ? <EnableAuto name={name} at={at} close={close} /> : null}
      {asks === "disable" ? (
        <Ask
          title={says.switchOffTitle}
          loses={[]}
          keeps={[says.switchOffKeeps]}
          confirm={says.switchOff}
          done={says.switchedOff}
          work={() => send(new DisableAddOnCommand({ resourceName: name, addOnType: "AutoSnapshot" }))}
          close={close}
        />
      ) : null}
      {typeof asks === "object" ? (
        <Ask
          title={says.deleteTitle(asks.date ?? "")}
          loses={[says.deleteLoses(asks.date ?? "")]}
          confirm={says.delete}
          done={says.deleting(asks.date ?? "")}
          work={() => send(new DeleteAutoSnapshotCommand({ resourceName: name, date: asks.date }))}
          close={close}
        />
      ) : null}
    </>
  );
}

function autoState(snapshot: AutoSnapshotDetails): string {
  switch (snapshot.status) {
    case "Success":
      return "completed";
    case "Failed":
      return "error";
    default:
      return "pending";
  }
}

function EnableAuto({ name, at, close }: { name: string; at: string | undefined; close: () => void }) {
  const hours = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, "0")}:00`);
  const [hour, setHour] = useState(at ?? "06:00");
  const work = () =>
    send(
      new EnableAddOnCommand({
        resourceName: name,
        addOnRequest: { addOnType: "AutoSnapshot", autoSnapshotAddOnRequest: { snapshotTimeOfDay: hour } },
      }),
    );
  return (
    <FormDialog title={says.auto} submit={text.common.save} done={says.switchedOn(hour)} work={work} close={close}>
      <FormField label={says.hour} description={says.autoSays}>
        <Select
          selectedOption={{ value: hour, label: hour }}
          options={hours.map((value) => ({ value, label: value }))}
          onChange={({ detail }) => setHour(detail.selectedOption.value ?? hour)}
        />
      </FormField>
    </FormDialog>
  );
}
