/** What lists of snapshots have in common. */

import { DeleteInstanceSnapshotCommand, type InstanceSnapshot } from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { send } from "../api/cloud.ts";
import { when } from "../logic/format.ts";
import { linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { Ask } from "./dialog.tsx";
import type { Column } from "./list.tsx";
import { StorageState } from "./status.tsx";

const says = text.snapshots;

/** A button that leads to a new computer from a snapshot. */
function restoreButton(snapshot: InstanceSnapshot) {
  const name = snapshot.name ?? "";
  return (
    <Button
      wrapText={false}
      href={`${linkTo("create")}?snapshot=${encodeURIComponent(name)}`}
      disabled={snapshot.state !== "available"}
      ariaLabel={says.restoreOf(name)}
    >
      {says.restore}
    </Button>
  );
}

/** The columns of a list of computers' snapshots; `askDelete` is told which one is to be deleted. */
export function instanceSnapshotColumns(askDelete: (snapshot: InstanceSnapshot) => void): Column<InstanceSnapshot>[] {
  return [
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
    { id: "from", header: says.of, sortingField: "fromInstanceName", cell: (snapshot) => snapshot.fromInstanceName },
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
          {restoreButton(snapshot)}
          <Button
            iconName="remove"
            variant="icon"
            ariaLabel={says.deleteOf(snapshot.name ?? "")}
            onClick={() => askDelete(snapshot)}
          />
        </SpaceBetween>
      ),
    },
  ];
}

/** Asks before a snapshot of a computer is deleted. */
export function DeleteInstanceSnapshot({ snapshot, close }: { snapshot: InstanceSnapshot; close: () => void }) {
  const name = snapshot.name ?? "";
  return (
    <Ask
      title={says.deleteTitle(name)}
      loses={[says.deleteLoses(name)]}
      keeps={[says.deleteKeeps]}
      confirm={says.delete}
      done={says.deleting(name)}
      work={() => send(new DeleteInstanceSnapshotCommand({ instanceSnapshotName: name }))}
      close={close}
    />
  );
}
