/** Data disks of the account. */

import {
  AttachDiskCommand,
  CreateDiskCommand,
  CreateDiskSnapshotCommand,
  DeleteDiskCommand,
  type Disk,
} from "@aws-sdk/client-lightsail";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import { useState } from "react";
import { send } from "../api/cloud.ts";
import { useDisks, useInstances } from "../data.ts";
import { useValue } from "../live/value.ts";
import { autoSnapshotOf, freeName, nameFault } from "../logic/computer.ts";
import { freePath } from "../logic/disks.ts";
import { linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { Ask, FormDialog } from "../ui/dialog.tsx";
import { DiskFields, useNewDisk } from "../ui/disk-fields.tsx";
import { type Column, List } from "../ui/list.tsx";
import { StorageState } from "../ui/status.tsx";
import { theSite } from "../who.ts";
import { Detach } from "./computer/disks.tsx";

const says = text.disks;

type Asks = { what: "create" } | { what: "attach" | "detach" | "snapshot" | "delete"; disk: Disk };

/** The page. */
export default function DisksPage() {
  const live = useDisks();
  const computers = useInstances().data ?? [];
  const [asks, setAsks] = useState<Asks>();
  const close = (): void => setAsks(undefined);
  const columns: Column<Disk>[] = [
    { id: "name", header: says.name, isRowHeader: true, narrow: true, sortingField: "name", cell: (disk) => disk.name },
    { id: "size", header: says.size, sortingField: "sizeInGb", cell: (disk) => says.gb(disk.sizeInGb ?? 0) },
    { id: "state", header: says.state, narrow: true, cell: (disk) => <StorageState state={disk.state} /> },
    {
      id: "attached",
      header: says.attachedTo,
      cell: (disk) =>
        disk.attachedTo === undefined ? (
          text.common.none
        ) : (
          <Link href={linkTo("computers", disk.attachedTo, "disks")}>{disk.attachedTo}</Link>
        ),
    },
    {
      id: "mounted",
      header: says.mounted,
      cell: (disk) =>
        disk.isAttached === true ? says.mountOf(disk.autoMountStatus ?? "", disk.name ?? "") : text.common.none,
    },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (disk) => (
        <ButtonDropdown
          variant="inline-icon"
          ariaLabel={text.common.actionsOf(disk.name ?? "")}
          expandToViewport
          items={[
            { id: "attach", text: says.attach, disabled: disk.state !== "available" },
            { id: "detach", text: says.detach, disabled: disk.isAttached !== true },
            {
              id: "snapshot",
              text: text.snapshots.take,
              disabled: disk.state !== "available" && disk.state !== "in-use",
            },
            { id: "delete", text: says.delete, disabled: disk.isAttached === true },
          ]}
          onItemClick={({ detail }) => setAsks({ what: detail.id as "attach", disk })}
        />
      ),
    },
  ];
  const create = <Button onClick={() => setAsks({ what: "create" })}>{says.create}</Button>;
  return (
    <>
      <List
        live={live}
        title={text.pages.disks}
        description={says.says}
        columns={columns}
        idOf={(disk) => disk.name ?? ""}
        search={(disk) => `${disk.name} ${disk.attachedTo ?? ""} ${disk.state}`}
        sortedBy="name"
        variant="full-page"
        empty={{ title: says.none, says: says.noneSays, action: create }}
        actions={create}
      />
      {asks?.what === "create" ? <Create close={close} taken={live.data ?? []} /> : null}
      {asks?.what === "attach" ? (
        <Attach
          disk={asks.disk}
          disks={live.data ?? []}
          computers={computers.map((computer) => computer.name ?? "")}
          close={close}
        />
      ) : null}
      {asks?.what === "detach" ? (
        <Detach
          disk={asks.disk}
          running={computers.find((computer) => computer.name === asks.disk.attachedTo)?.state?.name !== "stopped"}
          close={close}
        />
      ) : null}
      {asks?.what === "snapshot" ? <Snapshot disk={asks.disk} close={close} /> : null}
      {asks?.what === "delete" ? <Delete disk={asks.disk} close={close} /> : null}
    </>
  );
}

function Create({ close, taken }: { close: () => void; taken: Disk[] }) {
  const disk = useNewDisk(freeName("data", new Set(taken.map((found) => found.name ?? ""))));
  const zone = useValue(theSite)?.zones[0] ?? "";
  const work = () =>
    send(new CreateDiskCommand({ diskName: disk.name, sizeInGb: disk.sizeGb, availabilityZone: zone }));
  return (
    <FormDialog
      title={says.create}
      submit={says.create}
      done={says.creating(disk.name)}
      disabled={disk.fault !== undefined}
      work={work}
      close={close}
    >
      <DiskFields disk={disk} />
    </FormDialog>
  );
}

function Attach({
  disk,
  disks,
  computers,
  close,
}: {
  disk: Disk;
  disks: Disk[];
  computers: string[];
  close: () => void;
}) {
  const [instanceName, setComputer] = useState(computers[0] ?? "");
  const diskName = disk.name ?? "";
  const diskPath = freePath(
    disks.filter((other) => other.attachedTo === instanceName).map((other) => other.path ?? ""),
  );
  return (
    <FormDialog
      title={says.attachDiskTitle(diskName)}
      submit={says.attach}
      done={says.attaching(diskName, instanceName)}
      disabled={instanceName === ""}
      work={() => send(new AttachDiskCommand({ diskName, instanceName, diskPath, autoMounting: true }))}
      close={close}
    >
      <FormField label={says.computer} description={says.mountSays}>
        <Select
          selectedOption={instanceName === "" ? null : { value: instanceName, label: instanceName }}
          options={computers.map((value) => ({ value, label: value }))}
          filteringType="auto"
          empty={says.noComputers}
          onChange={({ detail }) => setComputer(detail.selectedOption.value ?? "")}
        />
      </FormField>
    </FormDialog>
  );
}

function Snapshot({ disk, close }: { disk: Disk; close: () => void }) {
  const diskName = disk.name ?? "";
  const [name, setName] = useState(() => freeName(`${diskName}-snapshot`, new Set()));
  const fault = nameFault(name);
  return (
    <FormDialog
      title={text.snapshots.takeTitle(diskName)}
      submit={text.snapshots.take}
      done={text.snapshots.taking(name)}
      disabled={fault !== undefined}
      work={() => send(new CreateDiskSnapshotCommand({ diskName, diskSnapshotName: name }))}
      close={close}
    >
      <FormField label={text.snapshots.name} errorText={fault === undefined ? undefined : text.nameFaults[fault]}>
        <Input value={name} onChange={({ detail }) => setName(detail.value)} spellcheck={false} />
      </FormField>
    </FormDialog>
  );
}

function Delete({ disk, close }: { disk: Disk; close: () => void }) {
  const diskName = disk.name ?? "";
  const loses = [says.deleteLoses(diskName, disk.sizeInGb ?? 0)];
  if (autoSnapshotOf(disk) !== undefined) {
    loses.push(says.deleteLosesAuto);
  }
  return (
    <Ask
      title={says.deleteTitle(diskName)}
      loses={loses}
      keeps={[says.deleteKeeps]}
      confirm={says.delete}
      done={says.deleting(diskName)}
      work={() => send(new DeleteDiskCommand({ diskName, forceDeleteAddOns: true }))}
      close={close}
    >
      <Box color="text-body-secondary">{says.deleteSays}</Box>
    </Ask>
  );
}
