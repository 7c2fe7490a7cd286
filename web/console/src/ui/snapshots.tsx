/** What lists of snapshots have in common. */

import { DeleteInstanceSnapshotCommand, type InstanceSnapshot } from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import { send } from "../api/cloud.ts";
import { linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { Ask } from "./dialog.tsx";

const says = text.snapshots;

/** A button that leads to a new computer from a snapshot. */
export function restoreButton(snapshot: InstanceSnapshot) {
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
