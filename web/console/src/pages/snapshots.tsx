/** Snapshots of computers and of disks. */

import {
  CreateDiskFromSnapshotCommand,
  DeleteDiskSnapshotCommand,
  type DiskSnapshot,
  type InstanceSnapshot,
} from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { send } from "../api/cloud.ts";
import { useDiskSnapshots, useInstanceSnapshots } from "../data.ts";
import { useValue } from "../live/value.ts";
import { when } from "../logic/format.ts";
import { text } from "../strings/index.ts";
import { Ask, FormDialog } from "../ui/dialog.tsx";
import { DiskFields, useNewDisk } from "../ui/disk-fields.tsx";
import { type Column, List } from "../ui/list.tsx";
import { DeleteInstanceSnapshot, instanceSnapshotColumns } from "../ui/snapshots.tsx";
import { StorageState } from "../ui/status.tsx";
import { theSite } from "../who.ts";

const says = text.snapshots;

/** The page. */
export default function SnapshotsPage() {
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={says.noneSays}>
        {text.pages.snapshots}
      </Header>
      <OfComputers />
      <OfDisks />
    </SpaceBetween>
  );
}

function OfComputers() {
  const live = useInstanceSnapshots();
  const [asks, setAsks] = useState<InstanceSnapshot>();
  const columns = instanceSnapshotColumns(setAsks);
  return (
    <>
      <List
        live={live}
        title={says.ofComputers}
        columns={columns}
        idOf={(snapshot) => snapshot.name ?? ""}
        search={(snapshot) => `${snapshot.name} ${snapshot.fromInstanceName}`}
        sortedBy="created"
        descending
        empty={{ title: says.none, says: says.noneComputers }}
      />
      {asks === undefined ? null : <DeleteInstanceSnapshot snapshot={asks} close={() => setAsks(undefined)} />}
    </>
  );
}

function OfDisks() {
  const live = useDiskSnapshots();
  const [asks, setAsks] = useState<{ what: "restore" | "delete"; snapshot: DiskSnapshot }>();
  const close = (): void => setAsks(undefined);
  const columns: Column<DiskSnapshot>[] = [
    {
      id: "name",
      header: says.name,
      isRowHeader: true,
      narrow: true,
      sortingField: "name",
      cell: (snapshot) => snapshot.name,
    },
    {
      id: "state",
      header: says.state,

      cell: (snapshot) => <StorageState state={snapshot.state} progress={snapshot.progress} />,
    },
    { id: "from", header: says.of, cell: (snapshot) => snapshot.fromDiskName ?? snapshot.fromInstanceName },
    {
      id: "size",
      header: says.size,
      sortingField: "sizeInGb",
      cell: (snapshot) => text.disks.gb(snapshot.sizeInGb ?? 0),
    },
    { id: "created", header: says.created, sortingField: "createdAt", cell: (snapshot) => when(snapshot.createdAt) },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (snapshot) => (
        <SpaceBetween direction="horizontal" size="xs">
          <Button
            wrapText={false}
            disabled={snapshot.state !== "completed"}
            ariaLabel={says.newDiskOf(snapshot.name ?? "")}
            onClick={() => setAsks({ what: "restore", snapshot })}
          >
            {says.newDisk}
          </Button>
          <Button
            iconName="remove"
            variant="icon"
            ariaLabel={says.deleteOf(snapshot.name ?? "")}
            onClick={() => setAsks({ what: "delete", snapshot })}
          />
        </SpaceBetween>
      ),
    },
  ];
  return (
    <>
      <List
        live={live}
        title={says.ofDisks}
        columns={columns}
        idOf={(snapshot) => snapshot.name ?? ""}
        search={(snapshot) => `${snapshot.name} ${snapshot.fromDiskName} ${snapshot.fromInstanceName}`}
        sortedBy="created"
        descending
        empty={{ title: says.none, says: says.noneDisks }}
      />
      {asks?.what === "restore" ? <NewDisk snapshot={asks.snapshot} close={close} /> : null}
      {asks?.what === "delete" ? (
        <Ask
          title={says.deleteTitle(asks.snapshot.name ?? "")}
          loses={[says.deleteLoses(asks.snapshot.name ?? "")]}
          keeps={[says.deleteKeepsDisk]}
          confirm={says.delete}
          done={says.deleting(asks.snapshot.name ?? "")}
          work={() => send(new DeleteDiskSnapshotCommand({ diskSnapshotName: asks.snapshot.name }))}
          close={close}
        />
      ) : null}
    </>
  );
}

function NewDisk({ snapshot, close }: { snapshot: DiskSnapshot; close: () => void }) {
  const disk = useNewDisk(`${snapshot.fromDiskName ?? snapshot.name ?? "disk"}-restored`, snapshot.sizeInGb);
  const zone = useValue(theSite)?.zones[0] ?? "";
  const work = () =>
    send(
      new CreateDiskFromSnapshotCommand({
        diskName: disk.name,
        sizeInGb: disk.sizeGb,
        diskSnapshotName: snapshot.name,
        availabilityZone: zone,
      }),
    );
  return (
    <FormDialog
      title={says.newDisk}
      submit={says.newDisk}
      done={text.disks.creating(disk.name)}
      disabled={disk.fault !== undefined}
      work={work}
      close={close}
    >
      <DiskFields disk={disk} />
    </FormDialog>
  );
}
