/** Disks of a computer. */

import { AttachDiskCommand, CreateDiskCommand, DetachDiskCommand, type Disk } from "@aws-sdk/client-lightsail";
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { send } from "../../api/cloud.ts";
import { useDisks } from "../../data.ts";
import { freePath } from "../../logic/disks.ts";
import { text } from "../../strings/index.ts";
import { Ask, FormDialog } from "../../ui/dialog.tsx";
import { DiskFields, useNewDisk } from "../../ui/disk-fields.tsx";
import { ended } from "../../ui/endings.tsx";
import { type Column, List } from "../../ui/list.tsx";
import { StorageState } from "../../ui/status.tsx";
import type { ComputerProps } from "./props.ts";

const says = text.disks;

/** The tab. */
export function DisksTab({ instance, name }: ComputerProps) {
  const disks = useDisks();
  const attached = { ...disks, data: disks.data?.filter((disk) => disk.attachedTo === name) };
  const free = (disks.data ?? []).filter((disk) => disk.isAttached !== true && disk.state === "available");
  const system = (instance.hardware?.disks ?? []).find((disk) => disk.isSystemDisk === true);
  const [asks, setAsks] = useState<"attach" | "create" | Disk>();
  const close = (): void => setAsks(undefined);
  const path = freePath((attached.data ?? []).map((disk) => disk.path ?? ""));
  const columns: Column<Disk>[] = [
    { id: "name", header: says.name, isRowHeader: true, narrow: true, cell: (disk) => disk.name },
    { id: "size", header: says.size, narrow: true, cell: (disk) => says.gb(disk.sizeInGb ?? 0) },
    { id: "state", header: says.state, cell: (disk) => <StorageState state={disk.state} /> },
    { id: "mounted", header: says.mounted, cell: (disk) => says.mountOf(disk.autoMountStatus ?? "", disk.name ?? "") },
    {
      id: "detach",
      header: text.common.actions,
      narrow: true,
      cell: (disk) => (
        <Button wrapText={false} onClick={() => setAsks(disk)} ariaLabel={says.detachOf(disk.name ?? "")}>
          {says.detach}
        </Button>
      ),
    },
  ];
  return (
    <>
      <List
        live={attached}
        title={says.attachedTitle}
        description={system === undefined ? undefined : says.systemDisk(system.sizeInGb ?? 0)}
        columns={columns}
        idOf={(disk) => disk.name ?? ""}
        empty={{ title: says.noneAttached, says: says.noneAttachedSays }}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={free.length === 0} onClick={() => setAsks("attach")}>
              {says.attachExisting}
            </Button>
            <Button onClick={() => setAsks("create")}>{says.createAndAttach}</Button>
          </SpaceBetween>
        }
      />
      {asks === "attach" ? <Attach name={name} free={free} path={path} close={close} /> : null}
      {asks === "create" ? <CreateAndAttach instance={instance} name={name} path={path} close={close} /> : null}
      {typeof asks === "object" ? (
        <Detach disk={asks} running={instance.state?.name !== "stopped"} close={close} />
      ) : null}
    </>
  );
}

function Attach({ name, free, path, close }: { name: string; free: Disk[]; path: string; close: () => void }) {
  const options = free.map((disk) => ({
    value: disk.name ?? "",
    label: disk.name ?? "",
    description: says.gb(disk.sizeInGb ?? 0),
  }));
  const [chosen, setChosen] = useState(options[0] ?? null);
  const diskName = chosen?.value ?? "";
  const work = () => send(new AttachDiskCommand({ diskName, instanceName: name, diskPath: path, autoMounting: true }));
  return (
    <FormDialog
      title={says.attachTitle(name)}
      submit={says.attach}
      done={says.attaching(diskName, name)}
      disabled={diskName === ""}
      work={work}
      close={close}
    >
      <FormField label={says.disk} description={says.mountSays}>
        <Select
          selectedOption={chosen}
          options={options}
          onChange={({ detail }) =>
            setChosen(options.find((option) => option.value === detail.selectedOption.value) ?? null)
          }
        />
      </FormField>
    </FormDialog>
  );
}

function CreateAndAttach({ instance, name, path, close }: ComputerProps & { path: string; close: () => void }) {
  const disk = useNewDisk(`${name}-data`);
  const work = async (): Promise<void> => {
    const availabilityZone = instance.location?.availabilityZone ?? "";
    const made = await send(new CreateDiskCommand({ diskName: disk.name, sizeInGb: disk.sizeGb, availabilityZone }));
    for (const operation of made.operations ?? []) {
      await ended(operation);
    }
    await send(new AttachDiskCommand({ diskName: disk.name, instanceName: name, diskPath: path, autoMounting: true }));
  };
  return (
    <FormDialog
      title={says.createAndAttach}
      submit={says.createAndAttach}
      done={says.attaching(disk.name, name)}
      disabled={disk.fault !== undefined}
      work={work}
      close={close}
    >
      <DiskFields disk={disk} />
    </FormDialog>
  );
}

/** Asks before a disk is detached. */
export function Detach({ disk, running, close }: { disk: Disk; running: boolean; close: () => void }) {
  const diskName = disk.name ?? "";
  return (
    <Ask
      title={says.detachTitle(diskName)}
      loses={[]}
      keeps={[says.detachKeeps]}
      confirm={says.detach}
      done={says.detaching(diskName)}
      work={() => send(new DetachDiskCommand({ diskName }))}
      close={close}
    >
      {running ? <Alert type="info">{says.stopFirst(disk.attachedTo ?? "")}</Alert> : null}
    </Ask>
  );
}
