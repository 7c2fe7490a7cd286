/** Questions before a session, a computer's run, or a computer ends: what is lost is named. */

import {
  CreateInstanceSnapshotCommand,
  DeleteInstanceCommand,
  GetOperationCommand,
  type Instance,
  type Operation,
  RebootInstanceCommand,
  StopGUISessionCommand,
  StopInstanceCommand,
} from "@aws-sdk/client-lightsail";
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useState } from "react";
import { send } from "../api/cloud.ts";
import { queryOf, site } from "../api/site.ts";
import type { OpenWindow } from "../api/types.ts";
import { useLive } from "../live/query.ts";
import { autoSnapshotOf } from "../logic/computer.ts";
import { text } from "../strings/index.ts";
import { useAction } from "./action.ts";
import { Ask, Footer } from "./dialog.tsx";
import { ProblemAlert } from "./states.tsx";

const says = text.endings;

/** What is about to end. */
export type Ending = "session" | "stop" | "reboot";

const POLL_MS = 1000;

/** Asks before the session of one computer ends, by itself or with the computer. */
export function EndSession({ name, ending, close }: { name: string; ending: Ending; close: () => void }) {
  const action = useAction();
  const [doing, setDoing] = useState<"end" | "snapshot">();
  const end = async (how: "end" | "snapshot"): Promise<void> => {
    setDoing(how);
    const work = async (): Promise<void> => {
      if (how === "snapshot") {
        await snapshot(name);
      }
      await endNow(name, ending);
    };
    if (await action.run(work, how === "snapshot" ? says.doneWithSnapshot(name) : says.done[ending](name))) {
      close();
    }
  };
  return (
    <Modal
      visible
      header={says.title[ending](name)}
      onDismiss={close}
      closeAriaLabel={text.common.close}
      footer={
        <Footer>
          <Button variant="link" onClick={close}>
            {text.common.cancel}
          </Button>
          {ending === "reboot" ? null : (
            <Button
              loading={action.busy && doing === "snapshot"}
              disabled={action.busy}
              onClick={() => void end("snapshot")}
            >
              {says.snapshotFirst}
            </Button>
          )}
          <Button
            variant="primary"
            loading={action.busy && doing === "end"}
            disabled={action.busy}
            onClick={() => void end("end")}
          >
            {says.confirm[ending]}
          </Button>
        </Footer>
      }
    >
      <SpaceBetween size="m">
        <Windows names={[name]} />
        <p>{says.keeps[ending]}</p>
        {ending === "reboot" ? null : <p>{says.snapshotSays}</p>}
        {action.busy && doing === "snapshot" ? <p role="status">{says.snapshotting}</p> : null}
        <ProblemAlert problem={action.problem} />
      </SpaceBetween>
    </Modal>
  );
}

async function endNow(name: string, ending: Ending): Promise<void> {
  switch (ending) {
    case "session":
      await send(new StopGUISessionCommand({ resourceName: name }));
      break;
    case "stop":
      await send(new StopInstanceCommand({ instanceName: name }));
      break;
    case "reboot":
      await send(new RebootInstanceCommand({ instanceName: name }));
  }
}

/** Makes a snapshot and waits for it. */
async function snapshot(name: string): Promise<void> {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:T]/g, "");
  const made = await send(
    new CreateInstanceSnapshotCommand({ instanceName: name, instanceSnapshotName: `${name}-${stamp}` }),
  );
  for (const operation of made.operations ?? []) {
    await ended(operation);
  }
}

/** Waits until an operation has ended, and fails as it failed. */
export async function ended(operation: Operation): Promise<void> {
  let now = operation;
  while (now.isTerminal !== true && now.status !== "Succeeded" && now.status !== "Failed") {
    await new Promise((next) => setTimeout(next, POLL_MS));
    now = (await send(new GetOperationCommand({ operationId: operation.id }))).operation ?? now;
  }
  if (now.status === "Failed") {
    throw new Error(now.errorDetails ?? now.errorCode ?? says.operationFailed);
  }
}

/** Names the windows that are open. */
function Windows({ names }: { names: readonly string[] }) {
  return (
    <>
      {names.map((name) => (
        <WindowsOf key={name} name={name} several={names.length > 1} />
      ))}
    </>
  );
}

function WindowsOf({ name, several }: { name: string; several: boolean }) {
  const live = useLive(`windows ${name}`, () =>
    site.get<{ windows: OpenWindow[] }>(`windows${queryOf({ instance: name })}`),
  );
  if (live.data === undefined) {
    // Not knowing is no reason to keep anybody from stopping.
    return live.error === undefined ? (
      <Spinner />
    ) : (
      <Alert type="warning" header={says.windowsUnknown(name)}>
        {says.unsaved}
      </Alert>
    );
  }
  const { windows } = live.data;
  if (windows.length === 0) {
    return several ? null : <Alert type="info">{says.noWindows}</Alert>;
  }
  return (
    <Alert type="warning" header={several ? says.windowsOf(name) : says.windows}>
      <ul className="sentences">
        {windows.map((window) => (
          <li key={`${window.display} ${window.application} ${window.title}`}>
            <b>{window.title}</b>
            {window.application === "" ? null : ` – ${window.application}`}
          </li>
        ))}
      </ul>
      {says.unsaved}
    </Alert>
  );
}

/** Asks before computers stop. */
export function StopComputers({ computers, close }: { computers: readonly Instance[]; close: () => void }) {
  const names = computers.map((instance) => instance.name ?? "");
  const [only] = names;
  if (names.length === 1 && only !== undefined) {
    return <EndSession name={only} ending="stop" close={close} />;
  }
  return (
    <Ask
      title={says.stopSeveral(names.length)}
      loses={[]}
      keeps={[says.keeps.stop]}
      confirm={says.confirm.stop}
      done={says.stopping(names.length)}
      work={() => Promise.all(names.map((instanceName) => send(new StopInstanceCommand({ instanceName }))))}
      close={close}
    >
      <Windows names={names} />
    </Ask>
  );
}

/** Asks before computers are deleted. */
export function DeleteComputers({
  computers,
  close,
  done,
}: {
  computers: readonly Instance[];
  close: () => void;
  done?: () => void;
}) {
  const names = computers.map((instance) => instance.name ?? "");
  const work = async (): Promise<void> => {
    // An idle rule and automatic snapshots go with the computer; both are named above.
    await Promise.all(
      names.map((instanceName) => send(new DeleteInstanceCommand({ instanceName, forceDeleteAddOns: true }))),
    );
    done?.();
  };
  return (
    <Ask
      title={says.deleteTitle(names)}
      loses={computers.flatMap(lossesOf)}
      keeps={says.deleteKeeps}
      confirm={says.deleteConfirm(names.length)}
      done={says.deleting(names)}
      work={work}
      close={close}
    />
  );
}

/** What goes with a computer. */
function lossesOf(instance: Instance): string[] {
  const name = instance.name ?? "";
  const disk = (instance.hardware?.disks ?? []).find((found) => found.isSystemDisk === true);
  const losses = [says.losesDisk(name, disk?.sizeInGb ?? instance.hardware?.disks?.[0]?.sizeInGb ?? 0)];
  if (autoSnapshotOf(instance) !== undefined) {
    losses.push(says.losesAutoSnapshots(name));
  }
  if (instance.state?.name === "running") {
    losses.push(says.losesWork(name));
  }
  return losses;
}
